"""What all pictures share: hues that colour-blind readers tell apart, line styles, axes, the host.

A hue never stands alone: heads lie on grids of their own, terms have hatches, lines have dashes.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

Axes: TypeAlias = Any  # matplotlib.axes.Axes
Figure: TypeAlias = Any  # matplotlib.figure.Figure
Style: TypeAlias = dict[str, Any]  # properties of an artist

# On photographs, which are dark.
HUES = ("#FFB000", "#56B4E9", "#DC267F", "#2FBF91")  # of heads
CASING = "#101010"
TRUTH = "#FFFFFF"
DASHES = (0, (4, 3))
PAPER, INK = "#1E2226", "#F2F2F2"  # of legends and captions beside them

# On white. obj and noobj, the terms of objectness, are orange; box and cls are blue.
TERM_HUES = {"box": "#004B87", "obj": "#D55E00", "noobj": "#F5C77E", "cls": "#7FB8E6"}
TERM_HATCHES = {"box": "", "obj": "", "noobj": "///", "cls": "..."}

DARK = "#222222"  # of axes and of boxes on white

# Lines on white: by name where a name stands here, so that it looks the same everywhere.
LINE_HUES = ("#0072B2", "#D55E00", DARK, "#56B4E9", "#E8B000")
LINE_DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)))
SIMILARITIES = ("iou", "giou", "diou", "ciou")


def axes(ax: Axes) -> Axes:
    """The axes to draw on: the current ones of pyplot for None."""
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.gca()


def figure(width: float, height: float) -> Figure:
    """A new figure of pyplot, inches, whose parts make room for one another."""
    from matplotlib import pyplot

    return pyplot.figure(figsize=(width, height), layout="constrained")


def hue(head: int) -> str:
    """The hue of a head."""
    return HUES[head % len(HUES)]


def line_styles(names: Iterable[str]) -> dict[str, Style]:
    """Hue and dashes of each name: fixed for similarities, the next ones for other names."""
    names = list(names)
    others = [name for name in names if name not in SIMILARITIES]
    order = others if len(others) == len(names) else [*SIMILARITIES, *others]
    return {name: _line(order.index(name)) for name in names}


def _line(k: int) -> Style:
    """The hue and the dashes of number k; twenty differ."""
    turn, k = divmod(k, len(LINE_HUES))
    return {"color": LINE_HUES[k], "linestyle": LINE_DASHES[(k + turn) % len(LINE_DASHES)]}


def casing(linewidth: float) -> list[Any]:
    """A dark edge under a line."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=linewidth, foreground=CASING), Normal()]


def light(ax: Axes) -> Axes:
    """A grid of light lines behind what is drawn, and no frame above and on the right."""
    ax.grid(color="#DDDDDD", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def legend_above(ax: Axes, columns: int = 3) -> Any:
    """A legend of the axes above them, where it covers nothing."""
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.3}
    style = {"frameon": False, "fontsize": 9, "handlelength": 3, "columnspacing": 1.5}
    return ax.legend(ncols=columns, **place, **style)


def colorbar(ax: Axes, colors: Any, label: str, **style: Any) -> Any:
    """A colour scale on the right of axes, as tall as they are."""
    beside = ax.inset_axes((1.03, 0, 0.05, 1))
    return ax.figure.colorbar(colors, cax=beside, label=label, **style)
