"""NumPy."""

import tracemalloc
from collections.abc import Callable
from typing import Any

from .base import Way


class NumPy(Way):
    """NumPy, eager."""

    def peak(self, run: Callable[[], Any]) -> int:
        """What NumPy allocates."""
        return numpy_peak(run)


def numpy_peak(run: Callable[[], Any]) -> int:
    """The most bytes of NumPy's arrays alive at once in a call: it tells tracemalloc of them."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        result = run()
        peak = tracemalloc.get_traced_memory()[1] - before
        del result
    finally:
        tracemalloc.stop()
    return peak
