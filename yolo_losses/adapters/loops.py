"""Loops of libraries that run them as they are written."""

import math
from collections.abc import Callable
from typing import Any


def blocks(n: int, size: int, most: int | None) -> list[slice]:
    """Even blocks of n things of a size, so many of it together at most, or one thing."""
    step = max(1, n if most is None else math.ceil(n / max(1, math.ceil(n * size / most))))
    return [slice(first, min(first + step, n)) for first in range(0, max(n, 1), step)]


def in_turn(step: Callable[[Any, list[Any]], Any], carry: Any, rows: list[Any], size: int) -> Any:
    """step(carry, rows) on arrays (N, R, ...) in parts of one length, but for the last."""
    length = rows[0].shape[1]
    size = math.ceil(length / max(1, math.ceil(length / size)))
    for first in range(0, length, max(size, 1)):
        carry = step(carry, [v[:, first : first + size, ...] for v in rows])
    return carry


def settle(xp: Any, step: Callable[..., Any], x: Any, constants: tuple[Any, ...], most: int) -> Any:
    """x = step(x, *constants) until nothing changes, so many times at most."""
    for _ in range(most):
        before, x = x, step(x, *constants)
        if bool(xp.all(x == before)):
            break
    return x
