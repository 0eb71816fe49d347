"""Slopes by central differences."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Path = tuple[int, ...]

# Fourth order: the truncation h⁴ f⁽⁵⁾ / 30 and the round-off of f, divided by h, are both
# near 1e-13 at h = 1e-3. A function with a kink wants a stencil too short to meet it.
SMOOTH = 1e-3
KINKED = 1e-6


def slope(f: Callable[[float], Sequence[float]], t: float, step: float) -> float:
    """∂/∂t Σ f(t) = Σ [ 8 (f(t + h) − f(t − h)) − (f(t + 2h) − f(t − 2h)) ] / 12 h.

    Each addend is differenced by itself, so one that does not depend on t adds no round-off.
    """
    # A power of two: t + h is then exact, but where it passes to another binary exponent.
    h = 2.0 ** round(math.log2(step))
    stencil = zip(f(t - 2 * h), f(t - h), f(t + h), f(t + 2 * h), strict=True)
    return sum(8 * (c - b) - (d - a) for a, b, c, d in stencil) / (12 * h)


def paths(nested: Any) -> Iterator[Path]:
    """The index path of every number of nested sequences."""
    for n, item in enumerate(nested):
        if isinstance(item, list | tuple):
            yield from ((n, *rest) for rest in paths(item))
        else:
            yield (n,)


def at(nested: Any, path: Path) -> Any:
    """nested[path[0]][path[1]]…"""
    for n in path:
        nested = nested[n]
    return nested


def moved(t: Sequence[float], field: int, value: float) -> list[float]:
    """t with another value in one field."""
    return [*t[:field], value, *t[field + 1 :]]
