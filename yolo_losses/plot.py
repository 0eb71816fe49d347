"""Matplotlib pictures of assignments and boxes.

Every function takes the axes to draw on (None: the current ones of pyplot) and returns them. All
coordinates are fractions of the picture, x to the right and y downwards; matplotlib is imported
when a function is called.

Hue says which head, style says which role:

| role                        | style                        |
|-----------------------------|------------------------------|
| truth                       | broad white line, dark edge  |
| decoded box                 | thin line, hue of its head   |
| responsible cell            | filled, hue of its head      |
| prior, centred on its cell  | dashed, hue of its head      |
| cells of the coarsest head  | hair lines                   |
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from .grid import Decoded
from .matching import Matches

Axes: TypeAlias = Any  # matplotlib.axes.Axes

HUES = ("#FFB000", "#56B4E9", "#DC267F", "#2FBF91")  # of heads: apart for colour-blind readers too
CASING = "#101010"
TRUTH = "#FFFFFF"
DASHES = (0, (4, 3))


def photograph(pixels: np.ndarray, ax: Axes = None, *, brightness: float = 0.7) -> Axes:
    """A picture (height, width) or (height, width, 3), uint8, darkened so that lines stand out."""
    ax = _axes(ax)
    height, width = pixels.shape[:2]
    dark = (pixels * brightness).astype(np.uint8)
    ax.imshow(dark, "gray", vmin=0, vmax=255, extent=(0, 1, 1, 0), aspect=height / width)
    ax.set(xlim=(0, 1), ylim=(1, 0), autoscale_on=False)
    ax.set_axis_off()
    return ax


def grid(shape: tuple[int, int], ax: Axes = None, *, color: str = TRUTH) -> Axes:
    """The cells of a head, shape (rows, columns), as thin lines."""
    ax = _axes(ax)
    rows, cols = shape
    style = {"color": color, "linewidth": 0.6, "alpha": 0.35}
    ax.vlines(np.arange(1, cols) / cols, 0, 1, **style)
    ax.hlines(np.arange(1, rows) / rows, 0, 1, **style)
    return ax


def boxes(
    boxes: np.ndarray, ax: Axes = None, *, color: str = TRUTH, cased: bool = False, **style: Any
) -> Axes:
    """Outlines of boxes (M, 4), centre form.

    `cased` puts a dark edge under the line; `style` goes to `matplotlib.patches.Rectangle`.
    """
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import Normal, Stroke

    ax = _axes(ax)
    style = {"linewidth": 1.5, "fill": False, "edgecolor": color, "joinstyle": "miter", **style}
    if cased:
        edge = Stroke(linewidth=style["linewidth"] + 2, foreground=CASING)
        style["path_effects"] = [edge, Normal()]
    for x, y, w, h in np.asarray(boxes, dtype=float).reshape(-1, 4):
        ax.add_patch(Rectangle((x - w / 2, y - h / 2), w, h, **style))
    return ax


def names(boxes: np.ndarray, texts: Sequence[str], ax: Axes = None, *, size: float = 9) -> Axes:
    """A text at a corner of each box (M, 4): where it covers no other text and the fewest boxes."""
    ax, boxes = _axes(ax), np.asarray(boxes, dtype=float).reshape(-1, 4)
    area, em = ax.get_window_extent(), size * ax.figure.dpi / 72
    letter = np.array([0.62 * em / area.width, 1.5 * em / area.height])
    edges = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)
    taken: list[np.ndarray] = []
    back = {"facecolor": CASING, "alpha": 0.65, "linewidth": 0, "pad": 1}
    for k, text in enumerate(texts):
        others = np.delete(edges, k, axis=0)
        spot = _free_spot(edges[k], letter * (len(text), 1), taken, others)
        taken.append(spot)
        middle = (spot[1] + spot[3]) / 2
        ax.text(spot[0], middle, text, va="center", color=TRUTH, fontsize=size, bbox=back, zorder=5)
    return ax


def _free_spot(
    edges: np.ndarray, size: np.ndarray, taken: Sequence[np.ndarray], others: np.ndarray
) -> np.ndarray:
    """Left, top, right, bottom of a text of a size beside a box, inside the picture if possible."""
    (left, top), (right, bottom), (gap, _) = edges[:2], edges[2:], size / 20
    above, below, end = top - size[1], bottom, right - size[0]
    corners = [(left, above), (left + gap, top), (left, below), (end, above), (end, below)]
    corners += [(left + gap, bottom - size[1]), (end - gap, top)]
    spots = [np.array([*corner, *(corner + size)]) for corner in corners]

    def cost(spot: np.ndarray) -> tuple[bool, int, int]:
        outside = bool(spot.min() < 0 or spot.max() > 1)
        return outside, sum(_meet(spot, t) for t in taken), sum(_meet(spot, o) for o in others)

    return min(spots, key=cost)


def _meet(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((a[:2] < b[2:]).all() and (b[:2] < a[2:]).all())


def assignment(
    matches: Sequence[Matches], config: Any, image: int = 0, ax: Axes = None, *,
    with_priors: bool = True,
) -> Axes:  # fmt: skip
    """The responsible cells of one image, and the priors that they are responsible with.

    Parameters
    ----------
    matches : sequence of Matches, one a head
        What `assign` returns; of v1 and v2 a sequence of the one.
    config : Config of the version
        A config without anchors (v1) has no priors.
    image : int
        Its index in the batch.
    """
    ax = _axes(ax)
    for head, found in enumerate(matches):
        row, col, anchor = np.nonzero(np.asarray(found.responsible[image]))
        shape = tuple(found.responsible.shape[1:3])
        _cells(row, col, shape, ax, _hue(head))
        priors = _priors(config, head, shape)
        if with_priors and len(priors) and len(row):
            centre = np.stack([(col + 0.5) / shape[1], (row + 0.5) / shape[0]], axis=-1)
            around = np.concatenate([centre, priors[anchor]], axis=-1)
            boxes(around, ax, color=_hue(head), linestyle=DASHES, linewidth=0.9, alpha=0.8)
    return ax


def predictions(
    decoded: Sequence[Decoded], matches: Sequence[Matches], image: int = 0, ax: Axes = None
) -> Axes:
    """The decoded boxes of the responsible predictors of one image, in the hue of their head."""
    ax = _axes(ax)
    for head, (found, said) in enumerate(zip(matches, decoded, strict=True)):
        responsible = np.asarray(found.responsible[image])
        boxes(np.asarray(said.boxes[image])[responsible], ax, color=_hue(head), linewidth=1.6)
    return ax


def legend(figure: Any, heads: Sequence[str], *, priors: bool = True, **place: Any) -> Any:
    """A legend of a figure, one column a head; `heads` names each, as "stride 32"."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    truth = Line2D([], [], color=TRUTH, linewidth=3, label="truth")
    lines = Line2D([], [], color=TRUTH, linewidth=0.6, alpha=0.6, label=f"{heads[0]}cells")
    entries = [truth, lines, *[Patch(alpha=0, label=" ")] * priors]
    for head, name in enumerate(heads):
        hue = _hue(head)
        entries.append(Patch(facecolor=hue, alpha=0.7, label=f"{name}responsible cell"))
        if priors:
            entries.append(Line2D([], [], color=hue, linestyle=DASHES, label=f"{name}its prior"))
        entries.append(Line2D([], [], color=hue, linewidth=1.6, label=f"{name}decoded box"))
    return figure.legend(handles=entries, ncols=1 + len(heads), **place)


def _axes(ax: Axes) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.gca()


def _hue(head: int) -> str:
    return HUES[head % len(HUES)]


def _cells(row: np.ndarray, col: np.ndarray, shape: tuple[int, int], ax: Axes, color: str) -> None:
    """Filled cells of a head."""
    rows, cols = shape
    filled = {(int(r), int(c)) for r, c in zip(row, col, strict=True)}
    size = [1 / cols, 1 / rows]
    centres = [[(c + 0.5) / cols, (r + 0.5) / rows, *size] for r, c in sorted(filled)]
    boxes(np.asarray(centres), ax, fill=True, facecolor=color, linewidth=0, alpha=0.45)
    boxes(np.asarray(centres), ax, color=color, linewidth=0.9, cased=True)


def _priors(config: Any, head: int, shape: tuple[int, ...]) -> np.ndarray:
    """(A, 2): width and height of the priors of a head, fractions of the picture."""
    anchors = np.asarray(getattr(config, "anchors", ()), dtype=float).reshape(-1, 2)
    stride: float = getattr(config, "stride", 1)
    if hasattr(config, "masks"):
        anchors, stride = anchors[list(config.masks[head])], config.strides[head]
    return anchors / (np.array([shape[1], shape[0]]) * stride)
