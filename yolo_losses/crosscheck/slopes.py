"""Comparing gradients, field by field."""

from collections.abc import Sequence

import numpy as np

from .agree import Tolerance, errors
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
    """For each head the errors and where they are too large, by the largest slope of their kind."""
    kind = kind_of_field(problem)
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    of_fields = np.max([_largest(b) for b in want], axis=0)
    size = [of_fields[kind == k].max(initial=0) for k in range(3)]
    limit: np.ndarray = np.array([tolerance.grad * max(v, 1e-300) for v in size])[kind]
    for a, b, undecided in zip(got, want, open_places, strict=True):
        gap = np.abs(a - b)
        gap = gap if np.isfinite(gap.sum()) else errors(a, b)
        bad = np.asarray(gap > limit)
        if undecided.any():
            bad = np.asarray(bad & ~_at_fields(undecided, bad.shape))
        pairs.append((gap, bad))
    return pairs


def _largest(slopes: np.ndarray) -> np.ndarray:
    """(D,): the largest finite size of each field."""
    size = np.abs(np.asarray(slopes, dtype=float)).reshape(-1, slopes.shape[-1])
    if not np.isfinite(size.sum()):
        size = np.where(np.isfinite(size), size, 0.0)
    return np.asarray(size.max(axis=0, initial=0))


def _at_fields(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Places (N, H, W, A) as fields of raw outputs."""
    lanes = places if len(shape) == 5 else np.any(places, axis=-1)
    return np.broadcast_to(np.asarray(lanes)[..., None], shape)
