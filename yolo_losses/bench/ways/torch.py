"""PyTorch: eager, compiled, on CUDA."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from ...torch import YOLOLoss
from ..problems import Problem, objectness, raw_outputs
from ..results import FLOOR, ZERO_FILL
from .base import Absent, Call, Data, Outcome, Way, heads_of
from .numpy import numpy_peak


class Torch(Way):
    """PyTorch on the CPU, eager."""

    place = "cpu"

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        torch.set_num_threads(threads)

    def array(self, x: np.ndarray) -> Any:
        """A tensor."""
        return torch.tensor(x, device=self.place)

    def host(self, x: Any) -> np.ndarray:
        """A NumPy array."""
        return np.asarray(x.detach().cpu())

    def autograd(self, data: Data) -> Call:
        """Backward of the summed totals."""
        return self._backward(data, lambda r, t: data.module.loss(r, t, data.config).total)

    def module(self, data: Data) -> Call:
        """Backward through `yolo_losses.torch.YOLOLoss`."""
        module = YOLOLoss(data.config)
        return self._backward(data, lambda r, t: module(r, t).total)

    def _backward(self, data: Data, total: Callable[..., Any]) -> Call:
        leaves = [x.detach().requires_grad_() for x in heads_of(data.raw)]
        raw = tuple(leaves) if isinstance(data.raw, tuple) else leaves[0]
        total = self.compiled(total)

        def run() -> Any:
            out = total(raw, data.targets)
            out.sum().backward()
            return out

        def reset() -> None:
            for x in leaves:
                x.grad = None

        def read(out: Any) -> Outcome:
            return Outcome(self.host(out), [self.host(x.grad) for x in leaves])

        return Call(run, read, reset)

    def peak(self, run: Callable[[], Any]) -> int:
        """What torch allocates, and what NumPy does where constants are lent to it.

        Of torch the profiler records every allocation, also of what kernels allocate inside. The
        two peaks are added, though they need not fall together.
        """
        cpu = [torch.profiler.ProfilerActivity.CPU]
        with torch.profiler.profile(activities=cpu, profile_memory=True) as profiled:
            result = run()
        del result
        with TemporaryDirectory() as folder:
            path = Path(folder) / "trace.json"
            profiled.export_chrome_trace(str(path))
            events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
        allocated = [event for event in events if event.get("name") == "[memory]"]
        allocated.sort(key=lambda event: (event["ts"], event["args"]["Ev Idx"]))
        alive = np.cumsum([event["args"]["Bytes"] for event in allocated])
        return int(alive.max(initial=0)) + numpy_peak(run)


class Compiled(Torch):
    """PyTorch on the CPU, compiled by inductor in one graph."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        if not any(map(shutil.which, ("g++", "clang++", "c++", "cl"))):
            msg = "inductor finds no C++ compiler"
            raise Absent(msg)

    def data(self, problem: Problem) -> Data:
        """A problem's arrays; what was compiled for others goes."""
        torch.compiler.reset()
        return super().data(problem)

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """By inductor, for the shapes it is called with."""
        out: Callable[..., Any] = torch.compile(function, fullgraph=True, dynamic=False)
        return out

    def workspace(self, data: Data) -> Call:
        """No graph writes into kept buffers."""
        msg = "a workspace is for eager calls"
        raise Absent(msg)

    def compile_seconds(self, data: Data) -> float:
        """The first call; its own work is far less."""
        run = self.loss_and_grad(data).run
        start = time.perf_counter()
        run()
        return time.perf_counter() - start


class Cuda(Torch):
    """PyTorch on the current CUDA device, eager."""

    place = "cuda"

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        if not torch.cuda.is_available():
            msg = "PyTorch sees no CUDA device"
            raise Absent(msg)
        self.device = torch.cuda.get_device_name()

    def finish(self, result: Any) -> None:
        """Wait for the device."""
        torch.cuda.synchronize()

    def floors(self, problem: Problem) -> dict[str, Callable[[], object]]:
        """Fresh zeros and a read of objectness on the device."""
        raw, fields = [self.array(x) for x in raw_outputs(problem)], objectness(problem)
        kept = [torch.zeros_like(x) for x in raw]

        def floor() -> object:
            gradient = [torch.zeros_like(x) for x in raw]
            return gradient, [x[..., k].sum() for x in raw for k in fields]

        return {FLOOR: floor, ZERO_FILL: lambda: [x.zero_() for x in kept]}

    def peak(self, run: Callable[[], Any]) -> int:
        """What the caching allocator counts."""
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        result = run()
        torch.cuda.synchronize()
        peak = torch.cuda.max_memory_allocated() - before
        del result
        return int(peak)
