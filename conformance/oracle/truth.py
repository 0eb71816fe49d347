"""The objects of an image: their validity and the cell of their centre."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from conformance.oracle.rounding import Rounding
from conformance.oracle.similarity import Box, corners

Row = tuple[float, float, float, float, int, bool]


class Truth(NamedTuple):
    """One object: x, y, w, h as fractions of the image in the compute dtype, and its class."""

    x: float
    y: float
    w: float
    h: float
    label: int


class Place(NamedTuple):
    """The cell of an object's centre, and the centre's x, y inside it (0…1)."""

    row: int
    col: int
    x: float
    y: float


def read(rows: Sequence[Row], K: int, fl: Rounding) -> list[Truth | None]:
    """The objects in the compute dtype; None for a row that takes part in nothing."""
    cast = [(Truth(fl(x), fl(y), fl(w), fl(h), label), valid) for x, y, w, h, label, valid in rows]
    return [truth if valid and is_valid(truth, K) else None for truth, valid in cast]


def is_valid(truth: Truth, K: int) -> bool:
    """Centre in [0, 1], size in (0, 1 + 1e-6], all finite, class in 0…K−1."""
    x, y, w, h, label = truth
    centre = all(0.0 <= v <= 1.0 for v in (x, y))
    extent = all(0.0 < v <= 1.0 + 1e-6 for v in (w, h))
    return all(math.isfinite(v) for v in (x, y, w, h)) and centre and extent and 0 <= label < K


def count_invalid(rows: Sequence[Row], truths: Sequence[Truth | None]) -> int:
    """How many rows said to be valid are not."""
    return sum(bool(row[5]) and truth is None for row, truth in zip(rows, truths, strict=True))


def place(truth: Truth, H: int, W: int, fl: Rounding) -> Place:
    """The cell floor(x·W), floor(y·H), limited to the last, and what is left of x·W, y·H."""
    x, y = fl(truth.x * W), fl(truth.y * H)
    col, row = min(math.floor(x), W - 1), min(math.floor(y), H - 1)
    return Place(row, col, fl(x - col), fl(y - row))


def box(truth: Truth) -> Box:
    """Its corners, as fractions of the image."""
    return corners(truth.x, truth.y, truth.w, truth.h)
