"""What the region layers for YOLOv2 share: options, and the anchor of a truth."""

from collections.abc import Callable
from typing import Any

from .. import _check
from .._xp import Array, arange, namespace
from . import _darknet, _options
from ._darknet import Layer, Overlap, Rows, Squashing, Truths

WARM_UP = 12800  # images
PULL = 0.01  # of the warm-up


def settle(where: str, options: Any) -> None:
    """Options of a region layer: plain, and in their ranges."""
    _options.settle(options)
    _check.anchors(where, options.anchors)
    _options.flags(where, options, "softmax", "rescore", "bias_match")
    scales = (f"{name}_scale" for name in ("coord", "object", "noobject", "class"))
    _options.numbers(where, options, "thresh", "seen", *scales)
    _options.counts(where, options, "max_boxes", "classes", "grid_h", "grid_w")


def layer(raw: Array, options: Any, by: Squashing) -> Layer:
    """Anchors are cells."""
    _, h, w, _, _ = raw.shape
    return _darknet.layer(raw, [(pw / w, ph / h) for pw, ph in options.anchors], by)


def by_predictions(layer: Layer, truths: Truths) -> Array:
    """(N, M, A, 2): the sizes predicted in the cells of the truths."""
    found = _darknet.rows(
        layer, truths, arange(layer.shape[0], truths.label), truths.live[..., None]
    )
    v = _darknet.gather(layer.v, found.slot)
    return layer.boxes(v, found.anchor, found.row, found.col)[..., 2:]


def by_priors(layer: Layer, truths: Truths) -> Array:
    """(A, 2): the sizes of the anchors."""
    return layer.unit


def one(pred: Array, gt: Array) -> Array:
    """A goal of 1 for the objectness of each box."""
    return namespace(pred).ones_like(pred[..., 0])


MATCH: dict[int, Callable[[Layer, Truths], Array]] = {0: by_predictions, 1: by_priors}


def chosen(layer: Layer, truths: Truths, overlap: Overlap, bias_match: int) -> Rows:
    """A row a truth: the anchor whose shape overlaps the truth's most, the first of equals."""
    ious = _darknet.shape_overlap(overlap, MATCH[bias_match](layer, truths), truths)
    anchor = _darknet.highest(ious, truths)
    return _darknet.rows(layer, truths, anchor[..., None], truths.live[..., None])
