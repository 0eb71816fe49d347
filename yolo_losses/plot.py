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
MARGIN = 0.005  # so that a line on the edge of the picture shows in full


def photograph(pixels: np.ndarray, ax: Axes = None, *, brightness: float = 0.7) -> Axes:
    """A picture (height, width) or (height, width, 3), uint8, darkened so that lines stand out."""
    ax = _axes(ax)
    height, width = pixels.shape[:2]
    dark = (pixels * brightness).astype(np.uint8)
    ax.imshow(dark, "gray", vmin=0, vmax=255, extent=(0, 1, 1, 0), aspect=height / width)
    ax.set(xlim=(-MARGIN, 1 + MARGIN), ylim=(1 + MARGIN, -MARGIN), autoscale_on=False)
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


def outlines(boxes: np.ndarray, ax: Axes = None, **style: Any) -> Axes:
    """Boxes (M, 4), centre form; `style` goes to `matplotlib.patches.Rectangle`."""
    from matplotlib.patches import Rectangle

    ax = _axes(ax)
    style = {"linewidth": 1.6, "fill": False, "joinstyle": "miter", **style}
    for x, y, w, h in np.asarray(boxes, dtype=float).reshape(-1, 4):
        ax.add_patch(Rectangle((x - w / 2, y - h / 2), w, h, **style))
    return ax


def truths(boxes: np.ndarray, ax: Axes = None) -> Axes:
    """The true boxes (M, 4), centre form."""
    return outlines(boxes, ax, edgecolor=TRUTH, linewidth=3, path_effects=_casing(5))


def _casing(linewidth: float) -> list[Any]:
    """A dark edge under a line."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=linewidth, foreground=CASING), Normal()]


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


def cells(matches: Sequence[Matches], image: int = 0, ax: Axes = None) -> Axes:
    """The responsible cells of one image of a batch; `matches` as for `assignment`."""
    ax = _axes(ax)
    for head, found in enumerate(matches):
        H, W = found.responsible.shape[1:3]
        rows, cols = np.nonzero(np.asarray(found.responsible[image]).any(axis=-1))
        squares = _at_cells(rows, cols, (H, W), np.full((len(rows), 2), [1 / W, 1 / H]))
        outlines(squares, ax, fill=True, facecolor=_hue(head), linewidth=0, alpha=0.45)
        casing = _casing(2.9)
        outlines(squares, ax, edgecolor=_hue(head), linewidth=0.9, path_effects=casing)
    return ax


def priors(matches: Sequence[Matches], config: Any, image: int = 0, ax: Axes = None) -> Axes:
    """The priors of the responsible predictors, on their cells; as for `assignment`."""
    ax = _axes(ax)
    for head, (found, sizes) in enumerate(zip(matches, _prior_sizes(config), strict=False)):
        H, W = found.responsible.shape[1:3]
        rows, cols, anchors = np.nonzero(np.asarray(found.responsible[image]))
        sizes = sizes / [W, H]
        around = _at_cells(rows, cols, (H, W), sizes[anchors])
        style = {"linestyle": DASHES, "linewidth": 0.9, "alpha": 0.8}
        outlines(around, ax, edgecolor=_hue(head), **style)
    return ax


def assignment(matches: Sequence[Matches], config: Any, image: int = 0, ax: Axes = None) -> Axes:
    """The responsible cells of one image, and the priors that they are responsible with.

    Parameters
    ----------
    matches : sequence of Matches, one a head
        What `assign` returns, in v1 and v2 a sequence of that one.
    config : Config of the version
        One without anchors (v1) has no priors.
    image : int
        Its index in the batch.
    """
    return priors(matches, config, image, cells(matches, image, ax))


def predictions(
    decoded: Sequence[Decoded], matches: Sequence[Matches], image: int = 0, ax: Axes = None
) -> Axes:
    """The decoded boxes of the responsible predictors of one image, in the hue of their head."""
    ax = _axes(ax)
    for head, (found, said) in enumerate(zip(matches, decoded, strict=True)):
        responsible = np.asarray(found.responsible[image])
        outlines(np.asarray(said.boxes[image])[responsible], ax, edgecolor=_hue(head))
    return ax


def legend(figure: Any, config: Any, **place: Any) -> Any:
    """A legend of a figure, one column a head; `place` goes to `Figure.legend`."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    heads = [f"stride {stride}: " for stride in getattr(config, "strides", ())] or [""]
    rows = 2 + hasattr(config, "anchors")
    columns = [
        Line2D([], [], color=TRUTH, linewidth=3, label="truth"),
        Line2D([], [], color=TRUTH, linewidth=0.6, alpha=0.6, label=f"{heads[0]}grid"),
        Patch(alpha=0, label=" "),
    ][:rows]
    for head, name in enumerate(heads):
        hue = _hue(head)
        columns += [
            Patch(facecolor=hue, alpha=0.7, label=f"{name}responsible cell"),
            Line2D([], [], color=hue, linewidth=1.6, label=f"{name}decoded box"),
            Line2D([], [], color=hue, linestyle=DASHES, label=f"{name}prior"),
        ][:rows]
    return figure.legend(handles=columns, ncols=1 + len(heads), **place)


def _axes(ax: Axes) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.gca()


def _hue(head: int) -> str:
    return HUES[head % len(HUES)]


def _at_cells(
    rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int], sizes: np.ndarray
) -> np.ndarray:
    """Boxes (M, 4) of sizes (M, 2) on the centres of cells."""
    H, W = shape
    return np.column_stack([(cols + 0.5) / W, (rows + 0.5) / H, sizes])


def _prior_sizes(config: Any) -> list[np.ndarray]:
    """(A, 2) for each head: width and height of its priors, cells; none where there are none."""
    if not hasattr(config, "anchors"):
        return []
    anchors = np.asarray(config.anchors, dtype=float)
    if not hasattr(config, "masks"):
        return [anchors / config.stride]
    pairs = zip(config.masks, config.strides, strict=True)
    return [anchors[list(mask)] / stride for mask, stride in pairs]
