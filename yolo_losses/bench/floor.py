"""The floor: the least that a loss with a dense gradient has to do, in NumPy and libc.

On the CPU it is the same for all libraries. Devices have their own, see `ways`.
"""

import ctypes
from collections.abc import Callable, Sequence

import numpy as np

Work = Callable[[], object]


def fill(x: np.ndarray) -> np.ndarray:
    """Zero a contiguous buffer by libc's memset, the quickest filler there is."""
    ctypes.memset(x.ctypes.data, 0, x.nbytes)
    return x


def floor(raw: Sequence[np.ndarray], fields: Sequence[int]) -> Work:
    """A fresh zero gradient for every head, and a strided read of objectness."""

    def work() -> object:
        gradient = [fill(np.empty_like(x)) for x in raw]
        return gradient, [x[..., k].sum() for x in raw for k in fields]

    return work


def zero_fill(raw: Sequence[np.ndarray]) -> Work:
    """Zeros alone, into gradients that exist."""
    kept = [np.empty_like(x) for x in raw]  # not zeros: NumPy asks for no huge pages there
    return lambda: [fill(x) for x in kept]
