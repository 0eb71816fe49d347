"""Everything that is constant for the gradient, of YOLOv2, v3 and v4."""

from collections.abc import Callable, Sequence
from typing import Any

from conformance.oracle import heads, regions, truth
from conformance.oracle.heads import Grid, Slot
from conformance.oracle.matching import Choice, match, owners
from conformance.oracle.result import Frozen, Match, counted
from conformance.oracle.rounding import Rounding
from conformance.oracle.similarity import Box
from conformance.oracle.truth import Row, Truth


def freeze(
    raw: Any,
    rows: Sequence[Row],
    grids: Sequence[Grid],
    fl: Rounding,
    choose: Choice,
    owner: Callable,
    ignored: Callable,
) -> Frozen:
    """The slots of all heads.

    `choose` names the anchors of an object by their IOU_anchor^truth. `owner` of (t, slot,
    object, its place, IOU_anchor^truth) is what a responsible slot keeps; `ignored` of
    (t, slot, objects, regions) tells of any other whether it is ignored.
    """
    truths = truth.read(rows, len(raw[0][0][0][0]) - 5, fl)
    hidden = regions.read(rows, fl)
    matches = [match(truths, grid, choose, fl) for grid in grids]
    slots = [
        frozen_head(head, grid, truths, hidden, found, fl, owner, ignored)
        for head, grid, found in zip(raw, grids, matches, strict=True)
    ]
    return Frozen(slots, matches, counted(matches, truth.count_invalid(rows, truths, len(hidden))))


def frozen_head(
    head: Any,
    grid: Grid,
    truths: Sequence[Truth | None],
    hidden: Sequence[Box],
    matches: Sequence[Match | None],
    fl: Rounding,
    owner: Callable,
    ignored: Callable,
) -> list:
    """The slots of a head. A responsible prior is never ignored."""
    held = owners(matches, truths)
    objects = [(gt, truth.place(gt, grid.H, grid.W, fl)) for gt in truths if gt]

    def constant(t: Sequence[float], slot: Slot) -> Slot:
        if slot.key not in held:
            return slot._replace(ignored=ignored(t, slot, objects, hidden))
        gt, iou = held[slot.key]
        at = truth.place(gt, grid.H, grid.W, fl)
        return slot._replace(owner=owner(t, slot, gt, at, iou))

    return heads.each(constant, head, heads.slots(grid))
