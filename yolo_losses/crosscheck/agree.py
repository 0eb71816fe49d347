"""How near numbers have to be."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Tolerance(NamedTuple):
    """Relative errors that rounding alone explains: about 30 times what right implementations need.

    Sums of terms add what is not negative, so their error is a few roundings of each addend. An
    addend may be the square of a difference: `square`, of the root of the sum, is for those.
    Gradients and decoded numbers are held against the largest of their kind, since some of them
    are differences. `term` and `grad` of float32 are tighter, so that an error of 1e-4 is seen.
    """

    dense: float
    term: float
    grad: float
    square: float


OF = {
    np.dtype(np.float64): Tolerance(5e-14, 3e-13, 5e-13, 32 * 2.0**-52),
    np.dtype(np.float32): Tolerance(5e-6, 2e-5, 5e-5, 32 * 2.0**-23),
    np.dtype(np.float16): Tolerance(1e-2, 1e-2, 2e-2, 2.0**-10),
}


def term_limit(want: np.ndarray, tolerance: Tolerance) -> np.ndarray:
    """What an error of a sum of terms may be."""
    size = np.abs(np.where(np.isfinite(want), want, 0.0))
    return tolerance.term * size + tolerance.square * np.sqrt(size) + 1e-300


SMALL = 1e-2  # of the largest slope


def errors(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """|got − want|, 0 where both are NaN or the same infinity, infinite where one is."""
    with np.errstate(invalid="ignore"):
        gap = np.abs(np.asarray(got, dtype=float) - want)
    same = (np.isnan(got) & np.isnan(want)) | (got == want)
    gap = np.where(same, 0.0, gap)
    return np.where(np.isnan(gap), np.inf, gap)


def slope_limits(want: Sequence[np.ndarray], kind: np.ndarray, relative: float) -> list[np.ndarray]:
    """What errors of slopes may be, a head each; `kind` of each field: 0 coordinates, 1, 2.

    Slopes of objectness and classes are differences of numbers up to 1: relative to the largest of
    all. Those of coordinates differ by orders between rows: relative to the largest of their row,
    or to a small part of the largest of all, for a row whose slopes cancel.
    """
    finite = [np.abs(np.where(np.isfinite(v), v, 0.0)) for v in want]
    most = [max((v[..., kind == k].max(initial=0.0) for v in finite), default=0.0)
            for k in range(3)]  # fmt: skip
    own = [np.broadcast_to(np.array(most)[kind], v.shape).copy() for v in finite]
    for limit, v in zip(own, finite, strict=True):
        for first in np.flatnonzero(kind == 0)[::4]:
            row = v[..., first : first + 4].max(axis=-1, keepdims=True)
            limit[..., first : first + 4] = np.maximum(row, SMALL * most[0])
    return [relative * np.maximum(v, 1e-300) for v in own]


def bound(want: np.ndarray, relative: float) -> np.ndarray:
    """What an error of a dense number may be: relative to itself, or to 1."""
    size = np.abs(np.where(np.isfinite(want), want, 0.0))
    return relative * np.maximum(size, 1.0)
