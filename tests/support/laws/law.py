"""What a law is, what it measures by, and how it is tried."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings

import yolo_losses as yl
from conformance.backends import leaves, tree_map

from ..cases import Case
from ..strategies import CONFIGS, batches

# What rounding may do, by the size of a number in bytes: to sums in another order, and to numbers
# that go there and back.
ROUNDING: Mapping[int, float] = {8: 1e-12, 4: 1e-4}
VERSIONS = tuple(CONFIGS)


@dataclass(frozen=True, eq=False)
class Law:
    """A statement about every batch of some versions.

    Attributes
    ----------
    hold : function of a Case
        Raises AssertionError where the law is broken, else returns the error that rounding may
        have made, and None where the batch has nothing that the law speaks of.
    of : tuple of str
        The public functions that it calls: `vN.loss` stands for that of each version.
    versions : tuple of str
    rounding : mapping
        The largest error that is allowed, by the size of a raw output in bytes.
    """

    hold: Callable[[Case], float | None]
    of: tuple[str, ...]
    versions: tuple[str, ...]
    rounding: Mapping[int, float]

    @property
    def name(self) -> str:
        """That of the function."""
        return self.hold.__name__

    def functions(self, version: str) -> set[str]:
        """The public functions that it calls for a version."""
        return {name.replace("vN.", f"{version}.") for name in self.of}


LAWS: list[Law] = []


def law(
    *of: str, versions: Iterable[str] = VERSIONS, rounding: Mapping[int, float] = ROUNDING
) -> Callable[[Callable[[Case], float | None]], Law]:
    """Make a function a law, one of LAWS."""

    def registered(hold: Callable[[Case], float | None]) -> Law:
        LAWS.append(Law(hold, of, tuple(versions), rounding))
        return LAWS[-1]

    return registered


# Measures.


def evaluated(case: Case) -> tuple[yl.LossTerms, tuple[np.ndarray, ...]]:
    """Terms and gradients."""
    terms, grads = case.module.loss_and_grad(case.raw, case.targets, case.config)
    return terms, tuple(leaves(grads))


def gap(a: Any, b: Any) -> float:
    """The largest difference of nested arrays; NaN where one is.

    A term is measured in itself, of (N, S), and so is a box. A gradient is measured in the largest
    number of its image, head and field. What is below 1 is measured in 1: a square of a difference
    has no more digits than the difference.
    """
    pairs = list(zip(leaves(a), leaves(b), strict=True))
    assert all(x.shape == y.shape for x, y in pairs)
    return worst(float(np.max(abs(x - y) / _unit(y), initial=0.0)) for x, y in pairs)


def _unit(y: np.ndarray) -> np.ndarray:
    size = abs(y)
    if y.ndim > 3:
        size = size.max(axis=tuple(range(1, y.ndim - 1)), keepdims=True, initial=0.0)
    return np.maximum(size, 1.0)


def worst(errors: Iterable[float]) -> float:
    """The largest, 0 of none; NaN where one is."""
    return float(np.max([0.0, *errors]))


def equal(a: Any, b: Any) -> float:
    """Bit for bit, but for the sign of 0."""
    for x, y in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)
    return 0.0


def per_head(found: Any) -> tuple[Any, ...]:
    """Matches or Decoded as one entry a head, whatever the version."""
    return (found,) if isinstance(found, yl.Matches | yl.Decoded) else tuple(found)


def images(x: Any, which: slice) -> Any:
    """Some images of nested arrays."""
    return tree_map(lambda v: v[which], x)


def of_images(case: Case, which: slice) -> Case:
    """Some images of a case."""
    raw, targets = images((case.raw, case.targets), which)
    return replace(case, raw=raw, targets=targets)


# Trying.


class Tried(NamedTuple):
    """On how many batches a law was tried, of how many it speaks, and the worst errors."""

    examples: int
    spoke: int
    errors: dict[int, float]  # by the size of a raw output in bytes


def tried(
    tested: Law, version: str, examples: int, start: int = 0,
    phases: Sequence[Phase] = tuple(Phase),
) -> Tried:  # fmt: skip
    """Try a law on batches that hypothesis draws: others for each law, the same for one `start`."""
    found: list[tuple[int, float | None]] = []

    @seed(start + crc32(f"{tested.name} {version}".encode()))
    @settings(max_examples=examples, deadline=None, database=None, phases=phases,
              report_multiple_bugs=False,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(batches(version))
    def hold(case: Case) -> None:
        size, error = case.heads[0].dtype.itemsize, tested.hold(case)
        found.append((size, error))
        assert error is None or error <= tested.rounding[size], error

    hold()
    spoken = [(size, error) for size, error in found if error is not None]
    errors = {k: worst(error for size, error in spoken if size == k) for k in (8, 4)}
    return Tried(len(found), len(spoken), errors)
