"""How near numbers have to be."""

from typing import NamedTuple

import numpy as np


class Tolerance(NamedTuple):
    """Relative errors that rounding alone explains.

    Sums of terms add what is not negative, so their error is a few roundings of each addend.
    Gradients and decoded numbers are held against the largest of their kind, since some of them
    are differences.
    """

    dense: float
    term: float
    grad: float


OF = {
    np.dtype(np.float64): Tolerance(1e-11, 1e-10, 1e-9),
    np.dtype(np.float32): Tolerance(1e-5, 2e-5, 5e-5),
    np.dtype(np.float16): Tolerance(1e-2, 1e-2, 2e-2),
}


def errors(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """|got − want|, 0 where both are NaN or the same infinity, infinite where one is."""
    with np.errstate(invalid="ignore"):
        gap = np.abs(np.asarray(got, dtype=float) - want)
    same = (np.isnan(got) & np.isnan(want)) | (got == want)
    gap = np.where(same, 0.0, gap)
    return np.where(np.isnan(gap), np.inf, gap)


def bound(want: np.ndarray, relative: float) -> np.ndarray:
    """What an error of a dense number may be: relative to itself, or to 1."""
    size = np.abs(np.where(np.isfinite(want), want, 0.0))
    return relative * np.maximum(size, 1.0)
