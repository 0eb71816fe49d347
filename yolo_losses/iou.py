"""Similarities of boxes: IOU, GIOU, DIOU, CIOU, each formula once.

A loss is 1 − similarity. Boxes are corner boxes in one isotropic unit (pixels): the distance of
DIOU and CIOU and the aspect ratio of CIOU change when x and y are scaled apart. I intersection,
U union, C area of the smallest enclosing box, c its diagonal, ρ the distance of the centres.
"""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from . import _check
from ._xp import Array, constant, namespace
from .boxes import Box, edges, split
from .elementwise import (
    Dual,
    atan_ratio,
    edge,
    maximum,
    minimum,
    nonzero,
    pair,
    parts,
    positive,
    ratio,
    stop,
)

__all__ = [
    "SIMILARITY",
    "Corners",
    "centred",
    "ciou",
    "corners",
    "diou",
    "distance",
    "giou",
    "iou",
    "similarity",
    "value_and_grad",
]

SIMILARITY: dict[str, Callable[[Any, Any], Any]] = {}  # of `Box`es or `Corners`


class Corners(NamedTuple):
    """Boxes by their corners, x and y on the first axis: (2, ...)."""

    near: Any  # x1 y1
    far: Any  # x2 y2
    size: Any = None  # width and height where they are known: far − near has fewer digits

    @property
    def x1(self) -> Any:
        """Left edge."""
        return parts(self.near)[0]

    @property
    def y1(self) -> Any:
        """Top edge."""
        return parts(self.near)[1]

    @property
    def x2(self) -> Any:
        """Right edge."""
        return parts(self.far)[0]

    @property
    def y2(self) -> Any:
        """Bottom edge."""
        return parts(self.far)[1]


def similarity(formula: Callable[[Corners, Corners], Any]) -> Callable[[Array, Array], Array]:
    """Register a formula on `Corners`, and make of it a function of arrays (..., 4).

    This is how a similarity of your own is added: its name becomes an option of `v4.Config` and
    `value_and_grad`, and its gradient follows from the elementary functions that it is made of.
    """
    name = formula.__name__

    @wraps(formula)
    def of_edges(pred: Box | Corners, gt: Box | Corners) -> Any:
        return formula(_corners(pred), _corners(gt))

    @wraps(formula)
    def of_arrays(pred: Array, gt: Array) -> Array:
        pred, gt = _checked(f"iou.{name}", pred, gt)
        return of_edges(corners(pred), corners(gt))

    SIMILARITY[name] = of_edges
    return of_arrays


def _corners(box: Box | Corners) -> Corners:
    if isinstance(box, Corners):
        return box
    return Corners(pair(box.x1, box.y1), pair(box.x2, box.y2))


def corners(boxes: Array) -> Corners:
    """Corner boxes (..., 4), as the formulas of `SIMILARITY` take them."""
    return _corners(_upright(Box(*split(boxes))))


def centred(x: Any, y: Any, w: Any, h: Any) -> Corners:
    """Boxes by centre and size w, h ≥ 0, as the formulas of `SIMILARITY` take them."""
    box = edges(x, y, w, h)
    return Corners(pair(box.x1, box.y1), pair(box.x2, box.y2), pair(w, h))


def _checked(where: str, pred: Array, gt: Array) -> tuple[Array, Array]:
    """Both boxes in their common compute dtype, of one rank."""
    for argument, x in (("pred", pred), ("gt", gt)):
        _check.floating(where, argument, x)
        _check.last_axis(where, argument, x, 4, "x1 y1 x2 y2")
    _check.together(where, [("pred", pred), ("gt", gt)])
    _check.broadcastable(where, ("pred", pred), ("gt", gt))
    xp = namespace(pred)
    dtype = xp.float64 if xp.float64 in (pred.dtype, gt.dtype) else xp.float32
    pred, gt = (xp.astype(x, dtype, copy=False) for x in (pred, gt))
    rank = max(pred.ndim, gt.ndim)
    pred, gt = (xp.reshape(x, (1,) * (rank - x.ndim) + tuple(x.shape)) for x in (pred, gt))
    return pred, gt


def _upright(box: Box) -> Box:
    """A box with x2 < x1 as one of width 0 on the same centre, and so of y."""
    (x1, y1, x2, y2), e = box, edge
    return Box(e(x1, x2), e(y1, y2), -e(-x2, -x1), -e(-y2, -y1))


def _size(box: Corners) -> Any:
    """Width and height, (2, ...); 0 where boxes that do not overlap have no common one."""
    return positive(box.far - box.near) if box.size is None else box.size


def _intersection(pred: Corners, gt: Corners) -> Corners:
    return Corners(maximum(pred.near, gt.near), minimum(pred.far, gt.far))


def _enclosure(pred: Corners, gt: Corners) -> Corners:
    return Corners(minimum(pred.near, gt.near), maximum(pred.far, gt.far))


def _area(box: Corners) -> Any:
    w, h = parts(_size(box))
    return w * h


def _inter_union(pred: Corners, gt: Corners) -> tuple[Any, Any]:
    """I and U."""
    inter = _area(_intersection(pred, gt))
    return inter, _area(pred) + _area(gt) - inter


def distance(pred: Corners, gt: Corners) -> Any:
    """ρ² / c², 0 where c = 0: what DIOU takes off."""
    dx2, dy2 = parts(((pred.near + pred.far - gt.near - gt.far) / 2) ** 2)
    cw2, ch2 = parts(_size(_enclosure(pred, gt)) ** 2)
    return ratio(dx2 + dy2, cw2 + ch2)


@similarity
def iou(pred: Any, gt: Any) -> Any:
    """Intersection over union.

    ::

        (1)  IOU = I / U          0 where U = 0

    Parameters
    ----------
    pred, gt : array, shape (..., 4), real floating
        Corner boxes x1 y1 x2 y2 in one unit, broadcast together. x2 < x1 counts as width 0 at
        (x1 + x2)/2.

    Returns
    -------
    array, shape (...), float64 if one of them is, else float32
        In [0, 1]; 1 where the boxes are equal and not empty.

    Raises
    ------
    ValueError
        A last axis that is not 4, arrays on two devices.
    TypeError
        An array that is not real floating, arrays of two libraries.

    Notes
    -----
    Slopes of minimum and maximum share ½–½ at a tie; an intersection of width 0 has slope 0.

    Examples
    --------
    >>> import numpy as np
    >>> float(iou(np.array([0.0, 0, 4, 2]), np.array([2.0, 0, 6, 2])))
    0.3333333333333333
    """
    inter, union = _inter_union(pred, gt)
    return ratio(inter, union)  # (1)


@similarity
def giou(pred: Any, gt: Any) -> Any:
    """Generalised IOU: minus the share of the enclosing box that neither box covers.

    ::

        (1)  GIOU = IOU − (C − U) / C          second part 0 where C = 0

    Parameters, errors and slopes as for `iou`.

    Returns
    -------
    array, shape (...)
        In (−1, 1]. Two empty boxes on one point: 0.

    Notes
    -----
    Source: Rezatofighi et al. 2019, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> float(giou(np.array([0.0, 0, 2, 2]), np.array([2.0, 0, 4, 4])))
    -0.25
    """
    inter, union = _inter_union(pred, gt)
    enclosing = _area(_enclosure(pred, gt))
    return ratio(inter, union) - ratio(enclosing - union, enclosing)  # (1)


@similarity
def diou(pred: Any, gt: Any) -> Any:
    """Distance IOU: minus the squared distance of the centres over the enclosing diagonal's.

    ::

        (1)  DIOU = IOU − ρ² / c²          second part 0 where c = 0

    Parameters, errors and slopes as for `iou`; the unit has to be isotropic.

    Returns
    -------
    array, shape (...)
        In (−1, 1]. Two empty boxes on one point: 0.

    Notes
    -----
    Source: Zheng et al. 2020, equation 7. darknet raises ρ²/c² to the power 0.6.

    Examples
    --------
    >>> import numpy as np
    >>> float(diou(np.array([0.0, 0, 4, 3]), np.array([0.0, 0, 4, 1])))
    0.29333333333333333
    """
    inter, union = _inter_union(pred, gt)
    return ratio(inter, union) - distance(pred, gt)  # (1)


@similarity
def ciou(pred: Any, gt: Any) -> Any:
    """Complete IOU: DIOU minus a weighted mismatch of the aspect ratios.

    ::

        (1)  v    = 4/π² · (atan(w/h) − atan(ŵ/ĥ))²     0 where a width or height is 0
        (2)  α    = v / ((1 − IOU) + v)                  0 where v = 0; a constant
        (3)  CIOU = IOU − ρ² / c² − α·v

    Parameters, errors and slopes as for `iou`; the unit has to be isotropic.

    Returns
    -------
    array, shape (...)
        In (−2, 1]. Two empty boxes on one point: 0.

    Notes
    -----
    α is constant for the gradient, v is not.
    Source: Zheng et al. 2020, equations 8 to 11. Programs add an ε to (2) or leave out the factor
    1/(w² + h²) of the gradient of (1).

    Examples
    --------
    >>> import numpy as np
    >>> round(float(ciou(np.array([0.0, 0, 4, 2]), np.array([0.0, 0, 4, 4]))), 6)
    0.465502
    """
    (w_hat, h_hat), (w, h) = parts(_size(pred)), parts(_size(gt))
    iou = ratio(*_inter_union(pred, gt))
    oblong = nonzero(w) * nonzero(h) * nonzero(w_hat) * nonzero(h_hat)
    v = oblong * (4 / math.pi**2) * (atan_ratio(w, h) - atan_ratio(w_hat, h_hat)) ** 2  # (1)
    alpha = ratio(stop(v), 1 - stop(iou) + stop(v))  # (2)
    return iou - distance(pred, gt) - alpha * v  # (3)


def value_and_grad(name: str, pred: Array, gt: Array) -> tuple[Array, Array]:
    """A similarity of each pair, and its gradient with respect to pred.

    Parameters
    ----------
    name : str
        A key of `SIMILARITY`: "iou", "giou", "diou", "ciou", or one that was registered.
    pred, gt : array, shape (..., 4), real floating
        Corner boxes x1 y1 x2 y2, broadcast together to the shape B + (4,).

    Returns
    -------
    value : array, shape B
    grad : array, shape B + (4,)
        The slopes of each pair's value along x1 y1 x2 y2 of pred; finite everywhere.

    Raises
    ------
    ValueError, TypeError
        As `iou`, and for a name that does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> value, grad = value_and_grad("iou", np.array([0.0, 0, 4, 2]), np.array([2.0, 0, 6, 2]))
    >>> grad.round(6).tolist()
    [0.055556, 0.0, 0.166667, 0.0]
    """
    _check.choice("iou.value_and_grad", "name", name, SIMILARITY)
    pred, gt = _checked("iou.value_and_grad", pred, gt)
    xp = namespace(pred)
    pred, gt = xp.broadcast_arrays(pred, gt)
    one = constant([[float(i == k) for i in range(4)] for k in range(4)], pred)
    unit = xp.reshape(one, (4, 4) + (1,) * (pred.ndim - 1))
    seeded = Box(*(Dual(v, unit[k, ...]) for k, v in enumerate(split(pred))))
    out = SIMILARITY[name](_upright(seeded), _upright(Box(*map(Dual, split(gt)))))
    slope = xp.broadcast_to(out.slope, (4, *out.value.shape))
    return out.value, xp.permute_dims(slope, (*range(1, slope.ndim), 0))
