"""The legend of pictures of assignments."""

from collections.abc import Callable, Sequence
from typing import Any

from .. import _check
from .matches import CROSS, DOTTED, REGION, RING
from .style import CASING, DASHES, INK, PAPER, TRUTH, Figure, hue

BASIC = ("truth", "grid", "cell", "box", "prior")
COMPLETE = ("truth", "unassigned", "invalid", "cell", "prior", "ignored", "lost")


def legend(figure: Figure, config: Any, roles: Sequence[str] = BASIC, **place: Any) -> Any:
    """A legend of a figure, one column a head, light on dark.

    Parameters
    ----------
    figure : matplotlib Figure
    config : Config of the version
        Whose heads there are.
    roles : sequence of str
        What is drawn: `BASIC`, `COMPLETE` for `assignment` with targets, names of both, or "region"
        where targets have some. What the config does not have, as priors in v1, is left out.
    **place
        Goes to `Figure.legend`.
    """
    from matplotlib.patches import Patch

    for role in roles:
        _check.choice("plot.legend", "roles", role, (*_COMMON, *_OF_HEAD))
    heads = [f"stride {stride}: " for stride in getattr(config, "strides", ())] or [""]
    columns = [[_COMMON[role](heads[0]) for role in _COMMON if role in roles]]
    here = [role for role in _OF_HEAD if role in roles and _exists(role, config, roles)]
    columns += [[_OF_HEAD[role](hue(k), name) for role in here] for k, name in enumerate(heads)]
    rows = max(map(len, columns))
    filled = [column + [Patch(alpha=0, label=" ")] * (rows - len(column)) for column in columns]
    paper = {"facecolor": PAPER, "edgecolor": PAPER, "framealpha": 1, "labelcolor": INK}
    handles = [handle for column in filled for handle in column]
    return figure.legend(handles=handles, ncols=len(columns), **{**paper, **place})


def _exists(role: str, config: Any, roles: Sequence[str]) -> bool:
    if role == "ignored" and "region" in roles:  # what lies in them is, whatever the config
        return True
    option = {"prior": "anchors", "ignored": "ignore_by"}.get(role)
    return option is None or getattr(config, option, None) is not None


def _line(label: str, **style: Any) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **style)


def _cell(color: str, head: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=color, alpha=0.7, label=f"{head}responsible cell")


def _dot(color: str, head: str) -> Any:
    style = {"color": color, "markeredgecolor": CASING, "linestyle": "none", "marker": "o"}
    return _line(f"{head}ignored priors", markersize=6, **style)


def _cross(color: str, head: str) -> Any:
    style = {"color": color, "markeredgecolor": INK, "linestyle": "none", **CROSS}
    return _line(f"{head}lost to another truth", **style)


def _ring(_: str) -> Any:
    return _line("truth that no head takes", linestyle="none", **RING)


def _crossed(_: str) -> Any:
    style = {"color": TRUTH, "linestyle": DOTTED, "marker": "x", "markeredgewidth": 2}
    return _line("invalid truth, clipped", **style)


def _hatched(_: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(fill=False, label="region: nobody is responsible", **REGION)


# Of all heads, by the name of the coarsest.
_COMMON: dict[str, Callable[[str], Any]] = {
    "truth": lambda _: _line("truth", color=TRUTH, linewidth=3),
    "grid": lambda head: _line(f"{head}grid", color=TRUTH, linewidth=0.6, alpha=0.6),
    "unassigned": _ring,
    "invalid": _crossed,
    "region": _hatched,
}
# Of each head, by its hue and name.
_OF_HEAD: dict[str, Callable[[str, str], Any]] = {
    "cell": _cell,
    "box": lambda color, head: _line(f"{head}decoded box", color=color, linewidth=1.6),
    "prior": lambda color, head: _line(f"{head}prior", color=color, linestyle=DASHES),
    "ignored": _dot,
    "lost": _cross,
}
