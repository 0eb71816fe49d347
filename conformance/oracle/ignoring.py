"""1ign: which priors an ignore rule covers.

Every rule answers the overlaps of one slot with the objects that it is held against.
"""

from collections.abc import Callable, Sequence
from typing import Any

from conformance.oracle import similarity, truth
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
    x, y = (slot.col + 0.5) / slot.grid.W, (slot.row + 0.5) / slot.grid.H
    prior = similarity.corners(x, y, *slot.prior)
    return [similarity.iou(prior, truth.box(gt)) for gt, _ in objects]


def by_prediction(slot: Slot, pred: Box, objects: Sequence[Object]) -> list[float]:
    """The decoded box, against every object."""
    return [similarity.iou(pred, truth.box(gt)) for gt, _ in objects]


OVERLAPS = {
    None: by_nothing,
    "shape": by_shape,
    "prior": by_prior,
    "prediction": by_prediction,
}


def never(t: Sequence[float], slot: Slot, objects: Sequence[Object]) -> bool:
    """There is no ignore rule."""
    return False


def ignored(
    t: Sequence[float], slot: Slot, objects: Sequence[Object], config: Any, decode: Callable
) -> bool:
    """1ign_ij, of a prior that is not responsible: an overlap above the threshold."""
    pred = image_corners(decode(t, slot), slot)
    overlaps = OVERLAPS[config.ignore_by](slot, pred, objects)
    return any(overlap > config.ignore_threshold for overlap in overlaps)
