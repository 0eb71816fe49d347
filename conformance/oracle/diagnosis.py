"""What training prints of a head: counts and means over predictors, 0 where there are none.

iou    = Σ 1obj_ij IOU_pred^truth / n      recall = Σ 1obj_ij 1[IOU_pred^truth > t] / n
obj    = Σ 1obj_ij Ĉ / n                   noobj  = Σ (1 − 1obj_ij) Ĉ / (P − n)
cls    = Σ 1obj_ij p̂(c) / n                n = Σ 1obj_ij, P all predictors of the head
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from conformance.oracle import truth
from conformance.oracle.result import Head, Result
from conformance.oracle.rounding import Rounding
from conformance.oracle.similarity import corners, iou
from conformance.oracle.truth import Row, Truth


class Diagnosis(NamedTuple):
    """Of one head of an image."""

    positives: int
    others: int
    ignored: int
    collisions: int
    invalid: int
    unassigned: int
    iou: float
    recall_50: float
    recall_75: float
    obj: float
    noobj: float
    cls: float


def diagnose(
    result: Result, rows: Sequence[Row], num_classes: int, fl: Rounding
) -> list[Diagnosis]:
    """The heads of an image, from what an oracle answered."""
    truths, counts = truth.read(rows, num_classes, fl), result.counts
    return [
        of_head(head, truths, collisions, counts.invalid, counts.unassigned)
        for head, collisions in zip(result.heads, counts.collisions, strict=True)
    ]


def of_head(
    head: Head, truths: Sequence[Truth | None], collisions: int, invalid: int, unassigned: int
) -> Diagnosis:
    """One head."""
    held = list(holders(head, truths))
    overlaps = [iou(corners(*pred[:4]), truth.box(gt)) for pred, _, gt in held]
    free = list(values(head.decoded, head.responsible, wanted=False))
    return Diagnosis(
        positives=len(held),
        others=len(free),
        ignored=sum(bool(v) for row in head.ignored for cell in row for v in cell),
        collisions=collisions,
        invalid=invalid,
        unassigned=unassigned,
        iou=mean(overlaps),
        recall_50=mean([float(v > 0.5) for v in overlaps]),
        recall_75=mean([float(v > 0.75) for v in overlaps]),
        obj=mean([pred[4] for pred, _, _ in held]),
        noobj=mean([pred[4] for pred in free]),
        cls=mean([p[gt.label] for _, p, gt in held]),
    )


def holders(head: Head, truths: Sequence[Truth | None]) -> Iterator[tuple]:
    """Every responsible predictor, its class probabilities and its truth."""
    for match, gt in zip(head.matches, truths, strict=True):
        for chosen in match.anchors if match else []:
            if chosen.holds:
                p = head.classes[match.row][match.col]
                by_anchor = isinstance(p[0], list)
                pred = head.decoded[match.row][match.col][chosen.anchor]
                yield pred, p[chosen.anchor] if by_anchor else p, gt


def values(decoded: list, responsible: list, *, wanted: bool) -> Iterator[tuple]:
    """The predictors that are responsible, or that are not."""
    for rows in zip(decoded, responsible, strict=True):
        for cells in zip(*rows, strict=True):
            for pred, is_responsible in zip(*cells, strict=True):
                if bool(is_responsible) == wanted:
                    yield pred


def mean(of: Sequence[float]) -> float:
    """0 of nothing."""
    return sum(of) / len(of) if of else 0.0
