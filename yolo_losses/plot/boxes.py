"""Boxes on a photograph."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check
from .._xp import Array, host
from .style import CASING, DASHES, HUES, TRUTH, Axes, Style, axes, casing, hue

MARGIN = 0.005  # so that a line on the edge of the picture shows in full


def photograph(pixels: Array, ax: Axes = None, *, brightness: float = 0.7) -> Axes:
    """A picture (height, width) or (height, width, 3), uint8, darkened so that lines stand out."""
    ax, pixels = axes(ax), host(pixels)
    height, width = pixels.shape[:2]
    dark = (pixels * brightness).astype(np.uint8)
    ax.imshow(dark, "gray", vmin=0, vmax=255, extent=(0, 1, 1, 0), aspect=height / width)
    ax.set(xlim=(-MARGIN, 1 + MARGIN), ylim=(1 + MARGIN, -MARGIN), autoscale_on=False)
    ax.set_axis_off()
    return ax


def grid(shape: tuple[int, int], ax: Axes = None, *, color: str = TRUTH) -> Axes:
    """The cells of a head, shape (rows, columns), as thin lines."""
    ax = axes(ax)
    rows, cols = shape
    style = {"color": color, "linewidth": 0.6, "alpha": 0.35}
    ax.vlines(np.arange(1, cols) / cols, 0, 1, **style)
    ax.hlines(np.arange(1, rows) / rows, 0, 1, **style)
    return ax


def outlines(boxes: Array, ax: Axes = None, **style: Any) -> Axes:
    """Boxes (M, 4), centre form; `style` goes to `matplotlib.patches.Rectangle`."""
    from matplotlib.patches import Rectangle

    ax = axes(ax)
    style = {"linewidth": 1.6, "fill": False, "joinstyle": "miter", **style}
    for x, y, w, h in _rows(boxes):
        ax.add_patch(Rectangle((x - w / 2, y - h / 2), w, h, **style))
    return ax


def truths(boxes: Array, ax: Axes = None) -> Axes:
    """The true boxes (M, 4), centre form."""
    return outlines(boxes, ax, edgecolor=TRUTH, linewidth=3, path_effects=casing(5))


def names(
    boxes: Array, texts: Sequence[str], ax: Axes = None, *, size: float = 9,
    hues: Sequence[str] | None = None,
) -> Axes:  # fmt: skip
    """A text at a corner of each box (M, 4): where it covers no other text and the fewest boxes.

    `size` is that of the letters, points; `hues` are those of the edges of the texts. Texts find
    their places on axes as large as they are at the call: draw a legend beside them before.
    """
    ax, boxes = axes(ax), _rows(boxes)
    whole = ax.figure.figure  # of a subfigure the figure that it is a part of
    whole.draw_without_rendering()  # an aspect and a layout change the size of axes
    area, em = ax.get_window_extent(), size * ax.figure.dpi / 72
    letter = np.array([0.62 * em / area.width, 1.5 * em / area.height])
    edges = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)
    edges = np.clip(edges, 0, 1)  # a corner outside the picture is no place
    taken: list[np.ndarray] = []
    for k, text in enumerate(texts):
        others = np.delete(edges, k, axis=0)
        spot = _free_spot(edges[k], letter * (len(text), 1), taken, others)
        taken.append(spot)
        middle, back = (spot[1] + spot[3]) / 2, _back(hues[k] if hues else None)
        ax.text(spot[0], middle, text, va="center", color=TRUTH, fontsize=size, bbox=back, zorder=5)
    return ax


def _back(edge: str | None) -> Style:
    """What lies under a text."""
    if edge is None:
        return {"facecolor": CASING, "alpha": 0.65, "linewidth": 0, "pad": 1}
    face = (0.06, 0.06, 0.06, 0.65)  # CASING, while the edge is opaque
    return {"facecolor": face, "edgecolor": edge, "linewidth": 1, "pad": 1}


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


def detections(
    boxes: Array, scores: Array, labels: Array, class_names: Sequence[str] | None = None,
    ax: Axes = None, *, size: float = 9,
) -> Axes:  # fmt: skip
    """Predicted boxes with class and score, each class in a hue of its own.

    Parameters
    ----------
    boxes : array, shape (M, 4)
        Centre form, fractions of the picture.
    scores : array, shape (M,)
        The box of the highest score lies on top.
    labels : array, shape (M,), integer
        Hues and dashes of classes repeat after twelve; the texts do not.
    class_names : sequence of str, optional
        The name of each class; "class k" without.
    size : float
        Of the letters, points.

    Raises
    ------
    ValueError
        Lengths that differ, a label without a name.
    """
    ax, boxes, scores, labels = axes(ax), _rows(boxes), host(scores), host(labels)
    _check_detections(boxes, scores, labels, class_names)
    order = np.argsort(scores, kind="stable")
    for k in order:
        color, dashes = _of_class(labels[k])
        outlines(boxes[k], ax, edgecolor=color, linestyle=dashes, path_effects=casing(3.2))
    first = order[::-1]  # high scores choose the places of their texts
    names_of = [f"class {k}" if class_names is None else class_names[k] for k in labels[first]]
    texts = [f"{name} {score:.2f}" for name, score in zip(names_of, scores[first], strict=True)]
    hues = [_of_class(k)[0] for k in labels[first]]
    return names(boxes[first], texts, ax, size=size, hues=hues)


def _of_class(label: int) -> tuple[str, Any]:
    """Hue and dashes."""
    dashes = ("-", DASHES, (0, (1, 1.5)))
    return hue(label), dashes[label // len(HUES) % len(dashes)]


def _check_detections(
    boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, class_names: Sequence[str] | None
) -> None:
    where, shape = "plot.detections", (len(boxes),)
    for argument, x in (("scores", scores), ("labels", labels)):
        if x.shape != shape:
            expected = f"have shape {shape}, an entry for each box"
            _check.wrong_value(where, argument, expected, x.shape)
    if labels.size and labels.dtype.kind not in "iu":
        _check.wrong_type(where, "labels", "have an integer dtype", labels.dtype)
    named = np.inf if class_names is None else len(class_names)
    if labels.size and not 0 <= labels.min() <= labels.max() < named:
        expected = "have a name in class_names each" if class_names is not None else "be ≥ 0"
        _check.wrong_value(where, "labels", expected, labels.tolist())


def _rows(boxes: Array) -> np.ndarray:
    """(M, 4), float64."""
    return host(boxes).astype(float).reshape(-1, 4)
