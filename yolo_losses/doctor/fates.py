"""Checks of what the truths become."""

from collections.abc import Iterator

import numpy as np

from .. import v3
from ..boxes import cxcywh_to_xyxy
from ..iou import iou
from .labels import at
from .report import Finding
from .scene import Scene
from .thresholds import BETTER, DETECTIONS, ENOUGH, LOST, MOST, OFTEN


def borders(s: Scene) -> Iterator[Finding]:
    """Centres on a border of cells: rounding decides the cell, v3 clips the offset."""
    bad = np.zeros_like(s.objects)
    for height, width in s.grids:
        at_border = s.boxes[..., :2] * (width, height) % 1 == 0
        bad |= s.usable & at_border.any(axis=-1)
    severity = "warning" if bad.sum() > max(OFTEN * s.usable.sum(), ENOUGH) else "note"
    return at(bad, "border", severity, "a centre exactly on a border of cells, or at 0 or 1",
              "Where many are, coordinates were rounded: keep the fractions.")  # fmt: skip


def _wanted(s: Scene) -> np.ndarray:
    """(N, T): usable objects that hold no predictor in any head."""
    held = np.any([m.mask.any(axis=-1) for m in s.matches], axis=0)
    wanted: np.ndarray = s.usable & ~held
    return wanted


def untaken(s: Scene) -> Iterator[Finding]:
    """Images with objects that ask for no predictor: their best anchor is in no mask, or the
    intersection of v4 leaves it out.
    """
    if s.matches:
        images = s.matches[0].unassigned > 0
        yield from at(_wanted(s) & images[:, None], "untaken", "warning",
                      "an object suits no head",
                      "Look at anchors and masks; v4: at assign and its threshold.")  # fmt: skip


def lost(s: Scene) -> Iterator[Finding]:
    """Objects that lose their predictor to others; few are a fact of crowded sets."""
    if s.matches:
        bad = _wanted(s) & (s.matches[0].unassigned == 0)[:, None]
        severity = "warning" if bad.sum() > LOST * s.usable.sum() else "note"
        yield from at(bad, "lost", severity, "an object whose predictor another one holds",
                      "Finer grids or other anchors hold more.")  # fmt: skip


def gated(s: Scene) -> Iterator[Finding]:
    """v3: most objects have no coordinate loss, as their anchor overlaps them too little."""
    threshold = getattr(s.config, "coord_iou_threshold", None)
    if threshold is None or not s.matches or not isinstance(s.config, v3.Config):
        return
    held = np.any([m.mask[..., 0] for m in s.matches], axis=0)
    free = np.any([m.mask[..., 0] & (m.iou[..., 0] > threshold) for m in s.matches], axis=0)
    bad = held & ~free
    if held.sum() >= ENOUGH and bad.sum() >= MOST * held.sum():
        yield from at(bad, "gated", "warning",
                      f"IOU with the best anchor is at most {threshold:g}: no coordinate loss",
                      "Fit the anchors to the boxes, or set coord_iou_threshold.")  # fmt: skip


def swapped(s: Scene) -> Iterator[Finding]:
    """The most confident predictions fit the truths much better with x and y exchanged."""
    if not s.decoded or s.usable.sum() < ENOUGH or not np.isfinite(s.decoded[0]).all():
        return
    as_given = _best_iou(s, s.boxes)
    exchanged = _best_iou(s, s.boxes[..., [1, 0, 3, 2]])
    if exchanged > as_given + BETTER:
        message = f"predictions overlap truths by {as_given:.2f}, with x and y exchanged by "
        yield from at(s.usable, "swapped", "warning", message + f"{exchanged:.2f}",
                      "x and w run along the width.")  # fmt: skip


def _best_iou(s: Scene, boxes: np.ndarray) -> float:
    """Mean over objects of the best IOU with the most confident predictions of their image."""
    predicted, sure = s.decoded
    best: list[float] = []
    for n in np.flatnonzero(s.usable.any(axis=-1)):
        top = np.argsort(-sure[n], kind="stable")[:DETECTIONS]
        truths, found = boxes[n, s.usable[n], None], predicted[n, top].astype(np.float64)[None]
        each = iou(cxcywh_to_xyxy(truths), cxcywh_to_xyxy(found))
        best.extend(each.max(axis=-1).tolist())
    return float(np.mean(best))


CHECKS = (borders, untaken, lost, gated, swapped)
