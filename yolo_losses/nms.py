"""From raw outputs to detections: the best class of every predictor, and non-maximum suppression.

::

    score = Ĉ · max_c p̂(c)                                                             (1)

    A box is kept where no kept box of a higher score has
    IOU − R > threshold    R = 0 (greedy NMS)  or  (ρ² / c²)^β (DIOU-NMS)                 (2)

All shapes are static: what is suppressed is masked. Because only higher scores suppress, cutting
off low scores before or after (2) keeps the same boxes.

Source: Redmon et al. 2016, section 2 (1); Zheng et al. 2020, "NMS using DIoU", and Bochkovskiy,
Wang and Liu 2020, section 3.4 (2, β = 1); β as in the published programs of YOLOv4.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from . import _check
from ._versions import of_config
from ._xp import Array, adapter, arange, borrowing, compute_dtype, namespace
from .boxes import cxcywh_to_xyxy, to_pixels
from .grid import Decoded
from .iou import SIMILARITY, Corners, corners, distance

__all__ = ["Detections", "Kept", "detections", "nms"]


class Detections(NamedTuple):
    """Every predictor of a batch with its most probable class.

    Attributes
    ----------
    boxes : array, shape (N, P, 4)
        Corner form x1 y1 x2 y2; P predictors by head, row, column, anchor.
    scores : array, shape (N, P)
        Equation (1), 0 … 1.
    labels : array, shape (N, P), integer
    """

    boxes: Array
    scores: Array
    labels: Array


class Kept(NamedTuple):
    """What non-maximum suppression leaves.

    Attributes
    ----------
    keep : array, shape (..., M), bool
        The boxes that are kept, in the order of the boxes.
    order : array, shape (..., C), integer
        The C candidates by falling score, so that order[keep[order]] lists what is kept.
    """

    keep: Array
    order: Array


def detections(raw: Any, config: Any, *, size: tuple[float, float] = (1, 1)) -> Detections:
    """What every predictor says: its box, its most probable class, and the score (1).

    Parameters
    ----------
    raw : array or sequence of arrays
        Raw outputs, as `decode` of the config's version takes them.
    config : Config of v1, v2, v3 or v4
    size : (width, height)
        Of the picture, in the unit wanted. (1, 1), fractions of the image, is not isotropic where
        the picture is not square: for DIOU-NMS give pixels then.

    Returns
    -------
    Detections
        In the compute dtype. Of equal probabilities the lowest class.

    Raises
    ------
    ValueError, TypeError
        As `decode`, and a size that is not two positive numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from yolo_losses import v2
    >>> found = detections(np.zeros((1, 13, 13, 5, 5 + 80)), v2.Config.coco(), size=(416, 416))
    >>> found.boxes.shape, round(float(found.scores.max()), 5)
    ((1, 845, 4), 0.00625)
    """
    where = "nms.detections"
    module = of_config(where, config)
    width, height = _check.pair_of_sizes(where, "size", size)
    decoded = module.decode(raw, config)
    heads = [decoded] if isinstance(decoded, Decoded) else decoded
    columns = zip(*map(_of_head, heads), strict=True)
    boxes, scores, labels = (namespace(parts[0]).concat(parts, axis=1) for parts in columns)
    return Detections(to_pixels(cxcywh_to_xyxy(boxes), width, height), scores, labels)


def _of_head(head: Decoded) -> tuple[Array, Array, Array]:
    """Boxes (N, P, 4) in centre form, scores and labels (N, P) of one head."""
    xp, (n, *cells) = namespace(head.obj), head.obj.shape
    p, label = xp.max(head.cls, axis=-1), xp.argmax(head.cls, axis=-1)
    if p.ndim < head.obj.ndim:  # v1: the boxes of a cell share their classes
        p, label = p[..., None], xp.broadcast_to(label[..., None], head.obj.shape)
    flat = (n, math.prod(cells))
    score = xp.reshape(head.obj * p, flat)  # (1)
    return xp.reshape(head.boxes, (*flat, 4)), score, xp.reshape(label, flat)


# Suppression.


def _iou(beta: float, a: Corners, b: Corners) -> Array:
    return SIMILARITY["iou"](a, b)


def _diou(beta: float, a: Corners, b: Corners) -> Array:
    return SIMILARITY["iou"](a, b) - distance(a, b) ** beta  # (2)


Overlap = Callable[[Corners, Corners], Array]
OVERLAP: dict[str, Callable[[float, Corners, Corners], Array]] = {"iou": _iou, "diou": _diou}


def nms(
    boxes: Array, scores: Array, *, threshold: float, similarity: str = "iou", beta: float = 1.0,
    labels: Array | None = None, max_candidates: int = 1000,
) -> Kept:  # fmt: skip
    """Non-maximum suppression, equation (2), with a static shape.

    Parameters
    ----------
    boxes : array, shape (..., M, 4), real floating
        Corner form x1 y1 x2 y2, in one isotropic unit.
    scores : array, shape (..., M), real floating
        Any real numbers. NaN and −inf are no candidates, and are never kept.
    threshold : float
        A box that overlaps a better one above it is suppressed.
    similarity : "iou" or "diou"
        What overlap is: IOU, or IOU − (ρ² / c²)^β, which spares boxes with centres apart.
    beta : float
        β of "diou"; the published programs of YOLOv4 use 0.6.
    labels : array, shape (..., M), integer, optional
        Boxes of different labels do not suppress one another. None: all have one.
    max_candidates : int
        C: the boxes of the highest scores that take part; others are not kept. The memory grows
        with its square.

    Returns
    -------
    Kept
        The mask of the boxes that are kept, and the order of the candidates. Of equal scores the
        first box wins. M = 0 is ordinary.

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes, libraries or devices that do not fit, and options that do not exist.

    Examples
    --------
    >>> import numpy as np
    >>> boxes = np.array([[0.0, 0, 4, 4], [1, 0, 5, 4], [2, 0, 6, 4]])
    >>> found = nms(boxes, np.array([0.9, 0.8, 0.7]), threshold=0.5)
    >>> found.keep.tolist()
    [True, False, True]
    >>> found.order[found.keep[found.order]].tolist()
    [0, 2]
    """
    where = "nms.nms"
    _check_boxes(where, boxes, scores, labels)
    _check.real(where, "threshold", threshold)
    _check.choice(where, "similarity", similarity, OVERLAP)
    _check.positive(where, "beta", beta)
    _check.count(where, "max_candidates", max_candidates)
    xp, (*batch, m, _) = namespace(boxes), boxes.shape
    flat = (math.prod(batch), m)
    labels = xp.zeros_like(scores, dtype=adapter(boxes).integer) if labels is None else labels
    columns = (xp.reshape(boxes, (*flat, 4)), xp.reshape(scores, flat), xp.reshape(labels, flat))
    overlap = partial(OVERLAP[similarity], beta)
    keep, order = _suppress(*columns, overlap, threshold, max_candidates)
    return Kept(xp.reshape(keep, (*batch, m)), xp.reshape(order, (*batch, order.shape[1])))


def _check_boxes(where: str, boxes: Array, scores: Array, labels: Array | None) -> None:
    named = [("boxes", boxes), ("scores", scores)]
    for name, x in named:
        _check.floating(where, name, x)
    if boxes.ndim < 2 or boxes.shape[-1] != 4:
        expected = "have shape (..., M, 4) with x1 y1 x2 y2"
        _check.wrong_value(where, "boxes", expected, tuple(boxes.shape))
    if labels is not None:
        _check.array(where, "labels", labels)
        if not namespace(labels).isdtype(labels.dtype, "integral"):
            _check.wrong_type(where, "labels", "have an integer dtype", labels.dtype)
        named.append(("labels", labels))
    _check.together(where, named)
    for name, x in named[1:]:
        if tuple(x.shape) != tuple(boxes.shape[:-1]):
            expected = f"have shape {tuple(boxes.shape[:-1])}, one for each box"
            _check.wrong_value(where, name, expected, tuple(x.shape))


@borrowing
def _suppress(
    boxes: Array, scores: Array, labels: Array, overlap: Overlap, threshold: float, most: int
) -> tuple[Array, Array]:
    """The mask (N, M) and the order (N, C) of boxes (N, M, 4)."""
    xp, lacking = namespace(boxes), float("-inf")
    scores = xp.where(scores > lacking, scores, lacking)  # no NaN
    order = xp.argsort(-scores, axis=1, stable=True)
    best = order[:, :most]
    by_box = xp.broadcast_to(best[..., None], (*best.shape, 4))
    here = xp.take_along_axis(boxes, by_box, axis=1)
    scores, labels = (xp.take_along_axis(v, best, axis=1) for v in (scores, labels))
    kept = _greedy(_beats(here, labels, overlap, threshold), scores > lacking)
    others = xp.zeros_like(order[:, most:], dtype=kept.dtype)
    kept = xp.concat([kept, others], axis=1)
    return xp.take_along_axis(kept, xp.argsort(order, axis=1), axis=1), best


def _beats(boxes: Array, labels: Array, overlap: Overlap, threshold: float) -> Array:
    """(N, C, C): whether a box, were it kept, suppresses another; boxes by falling score."""
    xp, place = namespace(boxes), arange(boxes.shape[1], labels)
    boxes = xp.astype(boxes, compute_dtype(boxes), copy=False)
    a, b = corners(boxes[:, :, None, :]), corners(boxes[:, None, :, :])
    rivals = (place[:, None] < place) & (labels[:, :, None] == labels[:, None, :])
    return rivals & (overlap(a, b) > threshold)


def _greedy(beats: Array, candidate: Array) -> Array:
    """(N, C): what is kept. Each turn settles the boxes whose rivals the turns before settled."""

    def turn(kept: Array, beats: Array, candidate: Array) -> Array:
        return candidate & ~namespace(kept).any(beats & kept[..., None], axis=1)

    return adapter(beats).settle(turn, candidate, (beats, candidate), candidate.shape[1])
