"""CuPy."""
# pyright: reportAttributeAccessIssue=false
# Where CuPy is not installed, pyright takes this file for it.

from collections.abc import Callable
from typing import Any

import cupy
import numpy as np

from ..problems import Problem, objectness, raw_outputs
from ..results import FLOOR, ZERO_FILL
from .base import Absent, Way


class CuPy(Way):
    """CuPy on the current CUDA device."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        try:
            cupy.zeros(1).sum().get()
            name = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode()
        except Exception as error:  # whatever a driver may say
            reason = str(error).splitlines()[0]
            msg = f"it cannot compute on a CUDA device: {reason}"
            raise Absent(msg) from None
        self.device = name

    def array(self, x: np.ndarray) -> Any:
        """An array on the device."""
        return cupy.asarray(x)

    def host(self, x: Any) -> np.ndarray:
        """A NumPy array."""
        return np.asarray(x.get())

    def finish(self, result: Any) -> None:
        """Wait for the device."""
        cupy.cuda.Device().synchronize()

    def floors(self, problem: Problem) -> dict[str, Callable[[], object]]:
        """Fresh zeros and a read of objectness on the device."""
        raw, fields = [self.array(x) for x in raw_outputs(problem)], objectness(problem)
        kept = [cupy.zeros_like(x) for x in raw]

        def floor() -> object:
            gradient = [cupy.zeros_like(x) for x in raw]
            return gradient, [x[..., k].sum() for x in raw for k in fields]

        return {FLOOR: floor, ZERO_FILL: lambda: [x.fill(0) for x in kept]}

    def peak(self, run: Callable[[], Any]) -> int:
        """What is taken from the memory pool."""
        with Live() as live:
            result = run()
            self.finish(result)
        del result
        return int(live.most)


class Live(cupy.cuda.MemoryHook):  # type: ignore[misc]
    """Counts the bytes that are alive in the pool."""

    name = "yolo-losses-bench"

    def __init__(self) -> None:
        super().__init__()
        self.alive = self.most = 0

    def malloc_postprocess(self, **block: Any) -> None:
        """A block was taken."""
        self.alive += block["mem_size"]
        self.most = max(self.most, self.alive)

    def free_postprocess(self, **block: Any) -> None:
        """A block was given back."""
        self.alive -= block["mem_size"]
