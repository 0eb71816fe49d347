"""The objects of an image: their validity and the cell of their centre."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from conformance.oracle.rounding import Rounding
from conformance.oracle.similarity import Box, corners

# x, y, w, h, class, whether it is valid and, where it may be a region, whether it is one.
Row = tuple[float, float, float, float, int, *tuple[bool, ...]]


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
    cast = [Truth(*map(fl, row[:4]), row[4]) for row in rows]
    taken = [row[5] and not is_region(row) for row in rows]
    return [
        truth if wanted and is_valid(truth, K) else None
        for truth, wanted in zip(cast, taken, strict=True)
    ]


def is_region(row: Row) -> bool:
    """Whether a row is a region, which nobody is responsible for."""
    return bool(row[5] and row[6:] and row[6])


def is_valid(truth: Truth, K: int) -> bool:
    """A box that may be, and a class in 0…K−1."""
    return has_box(truth) and 0 <= truth.label < K


def has_box(truth: Truth) -> bool:
    """Centre in [0, 1], size in (0, 1 + 1e-6], all finite."""
    x, y, w, h, _ = truth
    centre = all(0.0 <= v <= 1.0 for v in (x, y))
    extent = all(0.0 < v <= 1.0 + 1e-6 for v in (w, h))
    return all(math.isfinite(v) for v in (x, y, w, h)) and centre and extent


def count_invalid(rows: Sequence[Row], truths: Sequence[Truth | None], regions: int) -> int:
    """How many rows said to be valid are neither truths nor among the regions."""
    lost = sum(bool(row[5]) and truth is None for row, truth in zip(rows, truths, strict=True))
    return lost - regions


def place(truth: Truth, H: int, W: int, fl: Rounding) -> Place:
    """The cell floor(x·W), floor(y·H), limited to the last, and what is left of x·W, y·H."""
    x, y = fl(truth.x * W), fl(truth.y * H)
    col, row = min(math.floor(x), W - 1), min(math.floor(y), H - 1)
    return Place(row, col, fl(x - col), fl(y - row))


def box(truth: Truth) -> Box:
    """Its corners, as fractions of the image."""
    return corners(truth.x, truth.y, truth.w, truth.h)
