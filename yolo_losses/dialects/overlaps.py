"""Similarities of boxes as the programs on PyTorch compute them.

::

    IOU  = I / (U + ε_U)                                                             (1)
    GIOU = IOU − (C − U) / (C + ε_C)                                                 (2)
    DIOU = IOU − ρ² / (c² + ε_c)                                                     (3)
    CIOU = DIOU − α v     v = 4/π² (atan(w/h) − atan(ŵ/ĥ))²   α = v / (1 − IOU + v + ε_α)   (4)
    EIOU = DIOU − (w − ŵ)² / (C_w² + ε_c) − (h − ĥ)² / (C_h² + ε_c)                (5)
    ECIOU = CIOU and the last two terms of EIOU                                      (6)

The programs agree on these and differ in where they add an ε, which is a row of `PROGRAMS`; α is a
constant for the gradient. The ε is absolute: on boxes in fractions of the image 1e-7 is 2e-4 of an
area of 0.02 × 0.025, on boxes in pixels it is nothing.

Departs from `yolo_losses.iou` in the ε and, in `tianxiaomo_xywh`, in ρ², which is divided by 4
although the boxes have centres: a fault. Where edges coincide, minimum and maximum share the slope;
boxes that touch have a slope of I, except in torchvision and Tianxiaomo's program.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from .. import _check
from .._xp import Array, adapter, namespace
from ..boxes import Box, edges, split


class Program(NamedTuple):
    """What a program adds, and where; "plain" is none of them, and adds nothing."""

    union: float
    hull: float
    diagonal: float
    alpha: float
    height: float = 0.0  # to heights alone, not to widths
    from_edges: bool = True  # whether sizes are differences of edges, else as given
    distance: float = 1.0  # what ρ² is multiplied by
    strict: bool = False  # whether boxes that touch have no slope of I


def _all(eps: float, **more: Any) -> Program:
    return Program(eps, eps, eps, eps, **more)


PROGRAMS = {
    "ultralytics_xywh": _all(1e-7, from_edges=False),
    "ultralytics_xyxy": _all(1e-7, height=1e-7),
    "wongkinyiu_v4": _all(1e-9, height=1e-9),
    "eriklindernoren": _all(1e-9, height=1e-9),
    "scaled_yolov4": _all(1e-16),
    "torchvision": _all(1e-7, strict=True),
    "torchvision_pairwise": Program(0, 0, 1e-7, 1e-7),
    "plain": Program(0, 0, 0, 0, strict=True),
    "tianxiaomo_xyxy": Program(0, 0, 1e-16, 0, strict=True),
    "tianxiaomo_xywh": Program(0, 0, 1e-16, 0, from_edges=False, distance=0.25, strict=True),
}


class Pair(NamedTuple):
    """Two boxes, and what similarities are made of."""

    eps: Program
    pred: Box
    gt: Box
    sizes: tuple[Array, Array, Array, Array]  # ŵ ĥ w h
    inter: Array
    union: Array
    hull: tuple[Array, Array]  # C_w C_h


def _pair(pred: Array, gt: Array, eps: Program) -> Pair:
    xp, p, g = namespace(pred), edges(*split(pred)), edges(*split(gt))
    sizes = (pred[..., 2], pred[..., 3], gt[..., 2], gt[..., 3])
    if eps.from_edges:
        sizes = (p.x2 - p.x1, p.y2 - p.y1 + eps.height, g.x2 - g.x1, g.y2 - g.y1 + eps.height)
    positive = POSITIVE[eps.strict]
    w = positive(xp.minimum(p.x2, g.x2) - xp.maximum(p.x1, g.x1))
    h = positive(xp.minimum(p.y2, g.y2) - xp.maximum(p.y1, g.y1))
    union = sizes[0] * sizes[1] + sizes[2] * sizes[3] - w * h
    hull = (
        xp.maximum(p.x2, g.x2) - xp.minimum(p.x1, g.x1),
        xp.maximum(p.y2, g.y2) - xp.minimum(p.y1, g.y1),
    )
    return Pair(eps, p, g, sizes, w * h, union, hull)


def _above(x: Array) -> Array:
    """max(x, 0), slope 0 at 0."""
    return namespace(x).where(x <= 0, 0.0, x)


def _not_below(x: Array) -> Array:
    """max(x, 0), slope 1 at 0."""
    return namespace(x).where(x < 0, 0.0, x)


POSITIVE = {True: _above, False: _not_below}  # by strict


def iou(b: Pair) -> Array:
    """I over U."""
    return b.inter / (b.union + b.eps.union)  # (1)


def giou(b: Pair) -> Array:
    """Minus the empty share of the enclosing box."""
    area = b.hull[0] * b.hull[1]
    return iou(b) - (area - b.union) / (area + b.eps.hull)  # (2)


def diou(b: Pair) -> Array:
    """Minus the squared distance of the centres."""
    p, g, (cw, ch) = b.pred, b.gt, b.hull
    dx2 = (g.x1 + g.x2 - p.x1 - p.x2) ** 2
    dy2 = (g.y1 + g.y2 - p.y1 - p.y2) ** 2
    rho2 = b.eps.distance * (dx2 + dy2) / 4
    return iou(b) - rho2 / (cw**2 + ch**2 + b.eps.diagonal)  # (3)


def _aspect(b: Pair) -> Array:
    """α v."""
    xp, (w_hat, h_hat, w, h) = namespace(b.inter), b.sizes
    v = 4 / math.pi**2 * (xp.atan(w / h) - xp.atan(w_hat / h_hat)) ** 2
    alpha = adapter(v).stop(v / (1 - iou(b) + v + b.eps.alpha))
    return alpha * v


def ciou(b: Pair) -> Array:
    """Minus a mismatch of aspect ratios."""
    return diou(b) - _aspect(b)  # (4)


def _sizes(b: Pair) -> Array:
    """Squared differences of the sizes over those of the enclosing box."""
    p, g, (cw, ch) = b.pred, b.gt, b.hull
    dw2 = ((g.x2 - g.x1) - (p.x2 - p.x1)) ** 2
    dh2 = ((g.y2 - g.y1) - (p.y2 - p.y1)) ** 2
    return dw2 / (cw**2 + b.eps.diagonal) + dh2 / (ch**2 + b.eps.diagonal)


def eiou(b: Pair) -> Array:
    """Minus the mismatches of width and height."""
    return diou(b) - _sizes(b)  # (5)


def eciou(b: Pair) -> Array:
    """Minus both."""
    return ciou(b) - _sizes(b)  # (6)


KIND: dict[str, Callable[[Pair], Array]] = {
    "iou": iou,
    "giou": giou,
    "diou": diou,
    "ciou": ciou,
    "eiou": eiou,
    "eciou": eciou,
}


def similarity(program: str, kind: str, pred: Array, gt: Array) -> Array:
    """A similarity as a program computes it.

    Parameters
    ----------
    program : str
        A row of `PROGRAMS`.
    kind : str
        A key of `KIND`; EIOU and ECIOU are WongKinYiu's.
    pred, gt : array, shape (..., 4), real floating
        x y w h, broadcast together; pairwise is pred[:, None, :] and gt[None, :, :].

    Returns
    -------
    array, shape (...)
        Not finite where the program's is not: two empty boxes without an ε.

    Raises
    ------
    ValueError, TypeError
        Names that do not exist, a last axis that is not 4, arrays of two libraries.
    """
    where = "overlaps.similarity"
    _check.choice(where, "program", program, PROGRAMS)
    _check.choice(where, "kind", kind, KIND)
    for name, x in (("pred", pred), ("gt", gt)):
        _check.floating(where, name, x)
        _check.last_axis(where, name, x, 4, "x y w h")
    _check.together(where, [("pred", pred), ("gt", gt)])
    return KIND[kind](_pair(pred, gt, PROGRAMS[program]))
