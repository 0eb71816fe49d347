"""1ign: which priors an ignore rule covers, or a region.

Every rule answers the overlaps of one slot with the objects that it is held against.
"""

from collections.abc import Callable, Sequence
from typing import Any

from conformance.oracle import regions, similarity, truth
from conformance.oracle.heads import Slot, image_corners
from conformance.oracle.matching import shape_iou
from conformance.oracle.similarity import Box
from conformance.oracle.truth import Place, Truth

Object = tuple[Truth, Place]


def by_nothing(slot: Slot, pred: Box, objects: Sequence[Object]) -> list[float]:
    """Nothing is ignored."""
    return []


def by_shape(slot: Slot, pred: Box, objects: Sequence[Object]) -> list[float]:
    """Only the priors of the object's own cell, both boxes on one centre."""
    here = [gt for gt, at in objects if (at.row, at.col) == (slot.row, slot.col)]
    return [shape_iou(slot.prior, gt) for gt in here]


def by_prior(slot: Slot, pred: Box, objects: Sequence[Object]) -> list[float]:
    """The anchor box centred on its cell, against every object."""
    return [similarity.iou(prior_box(slot), truth.box(gt)) for gt, _ in objects]


def prior_box(slot: Slot) -> Box:
    """The anchor box centred on its cell."""
    x, y = (slot.col + 0.5) / slot.grid.W, (slot.row + 0.5) / slot.grid.H
    return similarity.corners(x, y, *slot.prior)


def by_prediction(slot: Slot, pred: Box, objects: Sequence[Object]) -> list[float]:
    """The decoded box, against every object."""
    return [similarity.iou(pred, truth.box(gt)) for gt, _ in objects]


OVERLAPS = {
    None: by_nothing,
    "shape": by_shape,
    "prior": by_prior,
    "prediction": by_prediction,
}


def by_regions(
    t: Sequence[float], slot: Slot, objects: Sequence[Object], hidden: Sequence[Box],
    decode: Callable,
) -> bool:  # fmt: skip
    """There is no ignore rule: a decoded box that lies in a region."""
    return regions.hide(image_corners(decode(t, slot), slot), hidden)


def ignored(
    t: Sequence[float], slot: Slot, objects: Sequence[Object], hidden: Sequence[Box],
    config: Any, decode: Callable,
) -> bool:  # fmt: skip
    """1ign_ij, of a prior that is not responsible: an overlap above the threshold, or a region.

    A region is held against what the rule compares: priors, or decoded boxes where there is none.
    """
    pred = image_corners(decode(t, slot), slot)
    overlaps = OVERLAPS[config.ignore_by](slot, pred, objects)
    held = prior_box(slot) if config.ignore_by in ("prior", "shape") else pred
    return any(v > config.ignore_threshold for v in overlaps) or regions.hide(held, hidden)
