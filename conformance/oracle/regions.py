"""Regions: rows that nobody is responsible for; what lies in them is not pushed to 0.

A predictor lies in a region when more than half of its area does: I / area > ½.
"""

from collections.abc import Sequence

from conformance.oracle.rounding import Rounding
from conformance.oracle.similarity import Box, area, intersection
from conformance.oracle.truth import Row, Truth, box, has_box, is_region


def read(rows: Sequence[Row], fl: Rounding) -> list[Box]:
    """The corners of the regions, in the compute dtype; one whose box breaks a rule is none."""
    cast = [Truth(fl(x), fl(y), fl(w), fl(h), 0) for x, y, w, h, *_ in filter(is_region, rows)]
    return [box(region) for region in cast if has_box(region)]


def hide(pred: Box, regions: Sequence[Box]) -> bool:
    """Whether a box lies in any region. One without area lies in none."""
    return area(pred) > 0.0 and any(intersection(pred, one) / area(pred) > 0.5 for one in regions)
