"""Which anchors an object gets.

IOU_anchor^truth is by shape, over the anchors of all heads. An anchor that an object gets is
responsible in the object's cell of every head whose mask holds it. The last object in the list
keeps a prior that several got.
"""

from collections.abc import Callable, Sequence

from conformance.oracle import truth
from conformance.oracle.heads import Grid, Prior
from conformance.oracle.result import Candidate, Match
from conformance.oracle.rounding import Rounding
from conformance.oracle.scalar import argmax
from conformance.oracle.truth import Truth

Choice = Callable[[Sequence[float]], Sequence[int]]


def shape_iou(prior: Prior, gt: Truth) -> float:
    """IOU_anchor^truth: I / U of two boxes on one centre."""
    p_w, p_h = prior
    common = min(p_w, gt.w) * min(p_h, gt.h)
    return common / (p_w * p_h + gt.w * gt.h - common)


def best_only(iou: Sequence[float]) -> list[int]:
    """The anchor with the highest IOU_anchor^truth, the first of equals."""
    return [argmax(iou)]


def match(
    truths: Sequence[Truth | None], grid: Grid, choose: Choice, fl: Rounding
) -> list[Match | None]:
    """Every object's cell in a head and the anchors it chose; the last object keeps a prior."""
    chosen = [gt and candidates(gt, grid, choose, fl) for gt in truths]
    keeper = {slot: n for n, one in enumerate(chosen) if one for slot in slots_of(one)}
    return [one and settled(one, n, keeper) for n, one in enumerate(chosen)]


def candidates(gt: Truth, grid: Grid, choose: Choice, fl: Rounding) -> Match:
    """An object's cell in a head and those of its chosen anchors that the head's mask holds."""
    row, col, _, _ = truth.place(gt, grid.H, grid.W, fl)
    iou = [shape_iou(prior, gt) for prior in grid.priors]
    chosen = choose(iou)
    anchors = [Candidate(a, iou[n], True) for a, n in enumerate(grid.mask) if n in chosen]
    return Match(row, col, anchors)


def slots_of(one: Match) -> list[tuple[int, int, int]]:
    """(row, col, anchor) of everything an object chose."""
    return [(one.row, one.col, candidate.anchor) for candidate in one.anchors]


def settled(one: Match, n: int, keeper: dict[tuple[int, int, int], int]) -> Match:
    """The match of object n after collisions."""
    holds = [keeper[slot] == n for slot in slots_of(one)]
    anchors = [c._replace(holds=h) for c, h in zip(one.anchors, holds, strict=True)]
    return one._replace(anchors=anchors)


def owners(
    matches: Sequence[Match | None], truths: Sequence[Truth | None]
) -> dict[tuple[int, int, int], tuple[Truth, float]]:
    """1obj: (row, col, anchor) → the object it is responsible for, and IOU_anchor^truth."""
    return {
        (one.row, one.col, candidate.anchor): (gt, candidate.iou)
        for one, gt in zip(matches, truths, strict=True)
        if one
        for candidate in one.anchors
        if candidate.holds
    }
