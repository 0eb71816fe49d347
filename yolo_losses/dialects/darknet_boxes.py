"""darknet's functions of boxes, as AlexeyAB's and pjreddie's programs have them.

Boxes are (..., 4), x y w h, of one broadcast shape; the names are the program's.

Departs from `yolo_losses.iou`:

* `iou` is 0 where intersection or union is 0; pjreddie's (`iou_pjreddie`) is 0/0 there.
* `diou` raises ρ²/c² to the power 0.6, `diou_nms` to one of the caller's; no paper has it.
* `ciou` adds 1e-6 to the denominator of α.
* The slopes (`SLOPES`) are not those of these similarities. Of `iou` those of w and h are doubled.
  The intersection is a product of sides that are not clipped at 0, so that boxes that are apart
  have slopes too. In `diou` the part that comes from the enclosing box has the wrong sign for x and
  y, and exponent 1. In `ciou` the factor 1 / (w² + h²) of ∇v is left out. All comparisons of edges
  are strict: an edge in common belongs to the truth.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from .. import _check
from .._xp import Array, namespace, number
from ..boxes import Box, edges, split

DIOU_POWER = 0.6
EPS = 1e-6


class Sides(NamedTuple):
    """Width and height of something that lies along both axes."""

    w: Array
    h: Array


def _edges(box: Array) -> Box:
    return edges(*split(box))


def _common(pred: Box, gt: Box) -> Sides:
    """Sides of the intersection; negative where the boxes are apart."""
    xp = namespace(pred.x1)
    return Sides(
        xp.minimum(pred.x2, gt.x2) - xp.maximum(pred.x1, gt.x1),
        xp.minimum(pred.y2, gt.y2) - xp.maximum(pred.y1, gt.y1),
    )


def _around(pred: Box, gt: Box) -> Sides:
    """Sides of the smallest enclosing box."""
    xp = namespace(pred.x1)
    return Sides(
        xp.maximum(pred.x2, gt.x2) - xp.minimum(pred.x1, gt.x1),
        xp.maximum(pred.y2, gt.y2) - xp.minimum(pred.y1, gt.y1),
    )


# Values.


def intersection(pred: Array, gt: Array) -> Array:
    """I, 0 where the boxes are apart."""
    w, h = _common(_edges(pred), _edges(gt))
    return namespace(w).where((w < 0) | (h < 0), 0.0, w * h)


def union(pred: Array, gt: Array) -> Array:
    """U = w·h + w'·h' − I."""
    return pred[..., 2] * pred[..., 3] + gt[..., 2] * gt[..., 3] - intersection(pred, gt)


def iou_pjreddie(pred: Array, gt: Array) -> Array:
    """I / U; 0/0 is NaN."""
    return intersection(pred, gt) / union(pred, gt)


def iou(pred: Array, gt: Array) -> Array:
    """I / U, 0 where one of them is 0."""
    inter, outer = intersection(pred, gt), union(pred, gt)
    return _unless((inter == 0) | (outer == 0), inter, outer)


def _unless(empty: Array, a: Array, b: Array) -> Array:
    """a / b, and 0 where there is nothing."""
    xp = namespace(a)
    return xp.where(empty, 0.0, a / xp.where(empty, 1.0, b))


def giou(pred: Array, gt: Array) -> Array:
    """IOU − (C − U) / C, the IOU where C = 0."""
    w, h = _around(_edges(pred), _edges(gt))
    return iou(pred, gt) - _unless(w * h == 0, w * h - union(pred, gt), w * h)


def _distance(pred: Array, gt: Array) -> Array:
    """ρ² / c², 0 where c = 0."""
    w, h = _around(_edges(pred), _edges(gt))
    rho2 = (pred[..., 0] - gt[..., 0]) ** 2 + (pred[..., 1] - gt[..., 1]) ** 2
    c2 = w * w + h * h
    return _unless(c2 == 0, rho2, c2)


def diou_nms(pred: Array, gt: Array, beta: float) -> Array:
    """IOU − (ρ² / c²)^β."""
    return iou(pred, gt) - _distance(pred, gt) ** beta


def diou(pred: Array, gt: Array) -> Array:
    """IOU − (ρ² / c²)^0.6."""
    return diou_nms(pred, gt, DIOU_POWER)


def _aspect(pred: Array, gt: Array) -> Array:
    """4/π² (atan(w/h) − atan(ŵ/ĥ))²."""
    return 4 / math.pi**2 * _turn(pred, gt) ** 2


def _turn(pred: Array, gt: Array) -> Array:
    """atan(w/h) − atan(ŵ/ĥ); NaN where a box has no size."""
    xp = namespace(pred)
    return xp.atan(gt[..., 2] / gt[..., 3]) - xp.atan(pred[..., 2] / pred[..., 3])


def ciou(pred: Array, gt: Array) -> Array:
    """IOU − (ρ²/c² + α·v), α = v / (1 − IOU + v + 1e-6); the IOU where c = 0."""
    xp, v, overlap = namespace(pred), _aspect(pred, gt), iou(pred, gt)
    w, h = _around(_edges(pred), _edges(gt))
    alpha = v / (1 - overlap + v + EPS)
    return xp.where(w * w + h * h == 0, overlap, overlap - (_distance(pred, gt) + alpha * v))


def rmse(pred: Array, gt: Array) -> Array:
    """√Σ (x − x')² over x y w h."""
    xp = namespace(pred)
    return xp.sqrt(xp.sum((pred - gt) ** 2, axis=-1))


SIMILARITY: dict[str, Callable[[Array, Array], Array]] = {
    "iou": iou,
    "giou": giou,
    "diou": diou,
    "ciou": ciou,
}


# Slopes.


class Scene(NamedTuple):
    """What the slopes are made of; a slope of a side is one along its four edges."""

    pred: Array
    gt: Array
    p: Box
    g: Box
    common: Sides
    around: Sides
    inter: Array  # not clipped
    union: Array

    @property
    def apart(self) -> Array:
        """Whether the boxes have no common area."""
        return (self.common.w <= 0) | (self.common.h <= 0)


def _scene(pred: Array, gt: Array) -> Scene:
    p, g = _edges(pred), _edges(gt)
    common, around = _common(p, g), _around(p, g)
    inter = common.w * common.h
    area = (p.x2 - p.x1) * (p.y2 - p.y1) + (g.x2 - g.x1) * (g.y2 - g.y1)
    return Scene(pred, gt, p, g, common, around, inter, area - inter)


def _if(mask: Array, x: Array) -> Array:
    return number(mask, x.dtype) * x


def _d_inter(s: Scene) -> Box:
    """Of I along the edges of the prediction: those that lie inside the truth move it."""
    (w, h), p, g = s.common, s.p, s.g
    return Box(_if(p.x1 > g.x1, -h), _if(p.y1 > g.y1, -w), _if(p.x2 < g.x2, h), _if(p.y2 < g.y2, w))


def _d_area(s: Scene) -> Box:
    """Of ŵ·ĥ along the edges of the prediction."""
    w, h = s.p.x2 - s.p.x1, s.p.y2 - s.p.y1
    return Box(-h, -w, h, w)


def _d_union(s: Scene) -> Box:
    return Box(*(a - i for a, i in zip(_d_area(s), _d_inter(s), strict=True)))


def _d_enclosing(s: Scene) -> Box:
    """Of C: the edges of the prediction that lie outside the truth move it."""
    (w, h), p, g = s.around, s.p, s.g
    return Box(_if(p.x1 < g.x1, -h), _if(p.y1 < g.y1, -w), _if(p.x2 > g.x2, h), _if(p.y2 > g.y2, w))


def _d_ratio(a: Array, b: Array, da: Box, db: Box) -> Box:
    """Of a / b."""
    return Box(*((b * x - a * y) / b**2 for x, y in zip(da, db, strict=True)))


def _of_edges(d: Box) -> Array:
    """Slopes along x y w h; w and h lack the half that each of their edges moves."""
    return namespace(d.x1).stack([d.x1 + d.x2, d.y1 + d.y2, d.x2 - d.x1, d.y2 - d.y1], axis=-1)


def _slopes_iou(s: Scene) -> Array:
    """Of I / U, 0 where U is not above 0."""
    xp = namespace(s.union)
    safe = s._replace(union=xp.where(s.union > 0, s.union, 1.0))
    slopes = _of_edges(_sorted(s.p, _d_ratio(s.inter, safe.union, _d_inter(s), _d_union(s))))
    return _where(s.union > 0, slopes, xp.zeros_like(slopes))


def _sorted(p: Box, d: Box) -> Box:
    """Slopes of edges; where two edges coincide the program takes the far one's for both."""
    xp = namespace(p.x1)
    return d._replace(x1=xp.where(p.x1 < p.x2, d.x1, d.x2), y1=xp.where(p.y1 < p.y2, d.y1, d.y2))


def _where(mask: Array, x: Array, y: Array) -> Array:
    return namespace(x).where(mask[..., None], x, y)


def _slopes_giou(s: Scene) -> Array:
    """Of I / U + U / C; of boxes that are apart the second alone."""
    outer = s.around.w * s.around.h
    of_hull = _of_edges(_d_ratio(s.union, outer, _d_union(s), _d_enclosing(s)))
    return _where(s.apart, of_hull, _slopes_iou(s) + of_hull)


def _slopes_distance(s: Scene) -> Array:
    """Of −ρ² / c², with c² of the wrong sign along x and y."""
    xp, p, g, dtype = namespace(s.pred), s.p, s.g, s.pred.dtype
    left, right = number(p.x1 < g.x1, dtype), number(p.x2 > g.x2, dtype)
    top, bottom = number(p.y1 < g.y1, dtype), number(p.y2 > g.y2, dtype)
    dx, dy = (s.gt[..., k] - s.pred[..., k] for k in (0, 1))
    rho2, c2 = dx**2 + dy**2, s.around.w**2 + s.around.h**2
    x = 2 * dx * c2 - 2 * s.around.w * (right - left) * rho2
    y = 2 * dy * c2 - 2 * s.around.h * (bottom - top) * rho2
    w = s.around.w * (right + left) * rho2
    h = s.around.h * (bottom + top) * rho2
    return xp.stack([v / c2**2 for v in (x, y, w, h)], axis=-1)


def _slopes_diou(s: Scene) -> Array:
    """Of I / U − ρ² / c²; of boxes that are apart the second alone."""
    of_distance = _slopes_distance(s)
    return _where(s.apart, of_distance, _slopes_iou(s) + of_distance)


def _slopes_ciou(s: Scene) -> Array:
    """`_slopes_diou` − α ∇v, α a constant, ∇v without 1 / (ŵ² + ĥ²)."""
    xp, v = namespace(s.pred), _aspect(s.pred, s.gt)
    alpha = v / (1 - s.inter / s.union + v + EPS)
    k = alpha * (8 / math.pi**2) * _turn(s.pred, s.gt)
    zero = xp.zeros_like(k)
    return _slopes_diou(s) + xp.stack(
        [zero, zero, k * s.pred[..., 3], -k * s.pred[..., 2]], axis=-1
    )


SLOPES: dict[str, Callable[[Scene], Array]] = {
    "iou": _slopes_iou,
    "giou": _slopes_giou,
    "diou": _slopes_diou,
    "ciou": _slopes_ciou,
}


def slopes(kind: str, pred: Array, gt: Array) -> Array:
    """What the program takes for the gradient of a similarity, upwards.

    Parameters
    ----------
    kind : "iou", "giou", "diou" or "ciou"
    pred, gt : array, shape (..., 4), real floating
        x y w h in one unit; of one broadcast shape.

    Returns
    -------
    array, shape (..., 4)
        Along x y w h of the prediction. NaN where the program has it: boxes without a size.
    """
    where = "darknet_boxes.slopes"
    _check.choice(where, "kind", kind, SLOPES)
    for name, x in (("pred", pred), ("gt", gt)):
        _check.floating(where, name, x)
        _check.last_axis(where, name, x, 4, "x y w h")
    _check.together(where, [("pred", pred), ("gt", gt)])
    return SLOPES[kind](_scene(pred, gt))
