"""What the yolo layers for YOLOv3 and v4 share: options, and the anchors of a truth."""

from typing import Any

from .. import _check
from .._xp import Array, arange, constant
from . import _darknet, _options
from ._darknet import Layer, Overlap, Squashing, Truths


def settle(where: str, options: Any) -> None:
    """Options of a yolo layer: plain, and in their ranges."""
    _options.settle(options)
    _check.anchors(where, options.anchors)
    _check.masks(where, (options.mask,), len(options.anchors))
    _options.numbers(where, options, "ignore_thresh", "truth_thresh")
    for name in ("net_w", "net_h"):
        _check.count(where, name, getattr(options, name))
    _options.counts(where, options, "max_boxes", "classes", "grid_h", "grid_w")


def layer(raw: Array, options: Any, by: Squashing) -> Layer:
    """Anchors are pixels of the network input."""
    return _darknet.layer(raw, [prior(options, k) for k in options.mask], by)


def prior(options: Any, k: int) -> tuple[float, float]:
    """An anchor of a yolo layer, fractions of the image."""
    w, h = options.anchors[k]
    return w / options.net_w, h / options.net_h


def best_anchor(truths: Truths, options: Any, overlap: Overlap) -> tuple[Array, Array]:
    """Overlap of shapes (N, M, anchors), and whether an anchor of the head is best, (N, M, L)."""
    priors = [prior(options, k) for k in range(len(options.anchors))]
    ious = _darknet.shape_overlap(overlap, constant(priors, truths.box), truths)
    best = _darknet.highest(ious, truths)
    return ious, best[..., None] == constant(options.mask, best)


def in_mask(truths: Truths, options: Any) -> Array:
    """(L,): the anchors of a head by their index in it."""
    return arange(len(options.mask), truths.label)
