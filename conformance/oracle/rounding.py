"""The compute dtype of the truths: fl(v) is the number v as that dtype holds it.

"exact" rounds as float64 does, and hands out numbers of the kind that came in: with numbers of many
digits all else is exact.
"""

import math
import struct
from collections.abc import Callable

Rounding = Callable[[float], float]


def float64(v: float) -> float:
    """fl(v) = v."""
    return float(v)


def float32(v: float) -> float:
    """fl(v) = the float32 nearest to v, ±∞ beyond the largest."""
    try:
        return struct.unpack("<f", struct.pack("<f", v))[0]
    except OverflowError:
        return math.copysign(math.inf, v)


def exact(v: float) -> float:
    """fl(v) of float64, as a number like v."""
    return type(v)(float(v))


PRECISION: dict[str, Rounding] = {"float64": float64, "float32": float32, "exact": exact}
