"""Greedy non-maximum suppression, box after box.

    kept where no kept box of a higher score and the same label has IOU − R > threshold
    R = 0 (β None)  or  (ρ² / c²)^β, 0 where c = 0

NaN and −inf are no scores. Of equal scores the first box wins.
"""

import math
from collections.abc import Sequence

from conformance.oracle.similarity import Box, diagonal2, iou, rho2


def overlap(a: Box, b: Box, beta: float | None) -> float:
    """IOU − R."""
    c2 = diagonal2(a, b)
    far = 0.0 if beta is None or c2 == 0.0 else (rho2(a, b) / c2) ** beta
    return iou(a, b) - far


def suppress(
    boxes: Sequence[Box], scores: Sequence[float], labels: Sequence[int], threshold: float,
    beta: float | None, most: int,
) -> list[int]:  # fmt: skip
    """The indices of the boxes that are kept, best first; of the `most` best alone."""
    real = [k for k, score in enumerate(scores) if not math.isnan(score) and score != -math.inf]
    kept: list[int] = []
    for k in sorted(real, key=lambda k: -scores[k])[:most]:
        rivals = (j for j in kept if labels[j] == labels[k])
        if not any(overlap(boxes[j], boxes[k], beta) > threshold for j in rivals):
            kept.append(k)
    return kept
