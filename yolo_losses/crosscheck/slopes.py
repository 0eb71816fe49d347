"""Comparing gradients, field by field."""

from collections.abc import Sequence

import numpy as np

from .agree import Tolerance, errors, slope_limits
from .problem import Problem

KINDS = ("coordinates", "objectness", "classes")


def kind_of_field(problem: Problem) -> np.ndarray:
    """(D,): an index into KINDS for each field of a raw output."""
    out = np.full(problem.raw[0].shape[-1], 2)
    for k in range(problem.boxes_per_vector):
        out[5 * k : 5 * k + 4], out[5 * k + 4] = 0, 1
    return out


def wrong_slopes(
    problem: Problem, got: Sequence[np.ndarray], want: Sequence[np.ndarray], tolerance: Tolerance,
    open_places: Sequence[np.ndarray],
) -> list[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """For each head the errors and where they are too large, by `slope_limits`."""
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    limits = slope_limits(want, kind_of_field(problem), tolerance.grad)
    for a, b, limit, undecided in zip(got, want, limits, open_places, strict=True):
        gap = np.abs(a - b)
        gap = gap if np.isfinite(gap.sum()) else errors(a, b)
        bad = np.asarray(gap > limit)
        if undecided.any():
            bad = np.asarray(bad & ~_at_fields(undecided, bad.shape))
        pairs.append((gap, bad))
    return pairs


def _at_fields(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Places (N, H, W, A) as fields of raw outputs."""
    lanes = places if len(shape) == 5 else np.any(places, axis=-1)
    return np.broadcast_to(np.asarray(lanes)[..., None], shape)
