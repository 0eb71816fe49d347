"""Decode and slopes of AlexeyAB's yolo layer; the formulas stand in `alexeyab_v4`."""

from collections.abc import Callable
from math import inf
from typing import Any

from .._xp import Array, constant, namespace
from ..elementwise import one_hot, sigmoid
from . import _darknet, darknet_boxes
from ._darknet import OBJ, Layer, Rows, Squashing, against, exp, log
from .darknet_boxes import SIMILARITY

# Decode.


def squashing(options: Any) -> Squashing:
    return COORDS[options.new_coords](options.scale_x_y)


def _logits(s: float) -> Squashing:
    def xy(t: Array) -> Array:
        return s * sigmoid(t) - (s - 1) / 2

    return Squashing(xy, sigmoid, sigmoid, size=exp, from_size=log)


def _probabilities(s: float) -> Squashing:
    def xy(v: Array) -> Array:
        return s * v - (s - 1) / 2

    return Squashing(xy, _same, _same, size=_square, from_size=_root)


def _same(v: Array) -> Array:
    return v


def _square(v: Array) -> Array:
    return (2 * v) ** 2


def _root(size: Array) -> Array:
    return namespace(size).sqrt(size) / 2


COORDS: dict[int, Callable[[float], Squashing]] = {0: _logits, 1: _probabilities}  # by new_coords


# Slopes that draw predictors v (..., E) to truths.


def _box_mse(v: Array, found: Rows, layer: Layer, options: Any) -> Array:
    """(..., 4)."""
    truth = found.truths.box
    weight = options.iou_normalizer * multiplier(found, options)
    weight = weight * (2 - truth[..., 2] * truth[..., 3])
    return weight[..., None] * (_darknet.targets(found, layer) - v[..., :OBJ])


def _box_similarity(v: Array, found: Rows, layer: Layer, options: Any) -> Array:
    """(..., 4), finite: what is not is 0, as in the program."""
    xp, pred = namespace(v), layer.boxes(v, found.anchor, found.row, found.col)
    pred = xp.where(pred == 0, _one_for_sizes(pred), pred)
    g = darknet_boxes.slopes(options.iou_loss, pred, found.truths.box)
    g = xp.concat([g[..., :2], g[..., 2:] * CHAIN[options.new_coords](v[..., 2:4])], axis=-1)
    g = g * (options.iou_normalizer * multiplier(found, options))[..., None]
    most = options.max_delta or inf
    return xp.clip(xp.where(xp.isfinite(g), g, 0.0), min=-most, max=most)


def _one_for_sizes(pred: Array) -> Array:
    """What a coordinate of exactly 0 is replaced by: 1 for a width or height, 0 for a centre."""
    return constant([0.0, 0.0, 1.0, 1.0], pred) + namespace(pred).zeros_like(pred)


def _unchained(v: Array) -> Array:
    return namespace(v).ones_like(v)


CHAIN = {0: exp, 1: _unchained}  # of a size along its field, by new_coords
BOX = {"mse": _box_mse} | dict.fromkeys(SIMILARITY, _box_similarity)


def multiplier(found: Rows, options: Any) -> Array:
    """m, the weight of each truth's class."""
    return _of_class(options.classes_multipliers, found, 1.0)


def _of_class(weights: tuple[float, ...] | None, found: Rows, otherwise: float) -> Array:
    """(...): the weight of each truth's class."""
    xp, (box, label, _) = namespace(found.truths.box), found.truths
    if weights is None:
        return otherwise * xp.ones_like(box[..., 0])
    weight = constant(weights, box)
    return xp.sum(one_hot(label, xp.zeros_like(box[..., :1]) + weight) * weight, axis=-1)


def _objectness(v: Array, found: Rows, options: Any) -> Array:
    """(..., 1)."""
    m = multiplier(found, options)[..., None]
    return m * options.obj_normalizer * (1 - v[..., OBJ : OBJ + 1])


def _smooth_classes(v: Array, found: Rows, options: Any) -> Array:
    """(..., K), of a predictor that no truth has written to."""
    p = v[..., OBJ + 1 :]
    own = one_hot(found.truths.label, p)
    d = against(own * (1 - options.label_smooth_eps) + options.label_smooth_eps / 2, p)
    if options.classes_multipliers is None:
        return d
    k = multiplier(found, options)[..., None] * options.cls_normalizer
    return namespace(d).where(own > 0, k * d, d)


def _focal_classes(v: Array, found: Rows, options: Any) -> Array:
    p = v[..., OBJ + 1 :]
    own = one_hot(found.truths.label, p)
    return _darknet.focal(against(own, p), own, p)


FRESH_CLASSES = {0: _smooth_classes, 1: _focal_classes}  # by focal_loss


def own_class(v: Array, found: Rows, options: Any) -> Array:
    """(..., E): what the own class of a predictor gets that a truth has written to before."""
    xp = namespace(v)
    y = xp.ones_like(v) * (1 - options.label_smooth_eps / 2)
    return multiplier(found, options)[..., None] * against(y, v)


def towards(v: Array, found: Rows, layer: Layer, options: Any) -> Array:
    """(..., E), of a predictor that no truth has written to."""
    box = BOX[options.iou_loss](v, found, layer, options)
    classes = FRESH_CLASSES[options.focal_loss](v, found, options)
    obj = _objectness(v, found, options)
    return namespace(v).concat([box, obj, classes], axis=-1)
