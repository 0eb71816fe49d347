"""JAX, jitted: on the CPU and on a GPU."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import jax as yolo_jax
from ..problems import Problem, gradient_bytes, objectness, raw_outputs
from ..results import FLOOR, ZERO_FILL
from .base import Absent, Call, Data, Outcome, Way, heads_of


class JAX(Way):
    """JAX on the CPU, jitted."""

    def array(self, x: np.ndarray) -> Any:
        """An array on the default device; integers as wide as JAX has them."""
        return jnp.asarray(x, dtype=jax.dtypes.canonicalize_dtype(x.dtype))

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Jitted."""
        return jax.jit(function)  # type: ignore[no-any-return]

    def finish(self, result: Any) -> None:
        """Wait until every array is there."""
        jax.block_until_ready(result)

    def autograd(self, data: Data) -> Call:
        """value_and_grad of the summed totals."""
        return self._gradient(data, data.module.loss)

    def module(self, data: Data) -> Call:
        """value_and_grad of `yolo_losses.jax.loss`."""
        return self._gradient(data, yolo_jax.loss)

    def _gradient(self, data: Data, loss: Callable[..., Any]) -> Call:
        def total(raw: Any, truths: Any) -> Any:
            each = loss(raw, truths, data.config).total
            return each.sum(), each

        run = self.compiled(jax.value_and_grad(total, has_aux=True))

        def read(result: Any) -> Outcome:
            (_, each), grads = result
            return Outcome(self.host(each), [self.host(x) for x in heads_of(grads)])

        return Call(lambda: run(data.raw, data.targets), read)

    def workspace(self, data: Data) -> Call:
        """JAX writes into nothing."""
        msg = "its arrays are not written in place"
        raise Absent(msg)

    def memory(self, data: Data, ready: Mapping[str, Call]) -> int:
        """What XLA plans: temporaries, and results that are no gradient."""
        stats = self._lowered(data).compile().memory_analysis()
        results = stats.output_size_in_bytes - gradient_bytes(data.problem)
        return int(stats.temp_size_in_bytes + results)

    def compile_seconds(self, data: Data) -> float:
        """Lower and compile."""
        jax.block_until_ready(jax.jit(lambda x: x + 1)(jnp.zeros(3)))  # start the backend
        start = time.perf_counter()
        self._lowered(data).compile()
        return time.perf_counter() - start

    def _lowered(self, data: Data) -> Any:
        both = jax.jit(lambda raw, truths: data.module.loss_and_grad(raw, truths, data.config))
        return both.lower(data.raw, data.targets)


class GPU(JAX):
    """JAX on the first GPU."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        try:
            (device, *_) = jax.devices("gpu")
        except RuntimeError:
            msg = "JAX sees no GPU"
            raise Absent(msg) from None
        jax.config.update("jax_default_device", device)
        self.device = device.device_kind

    def floors(self, problem: Problem) -> dict[str, Callable[[], object]]:
        """Fresh zeros and a read of objectness on the device; zeros are always fresh."""
        raw, fields = [self.array(x) for x in raw_outputs(problem)], objectness(problem)
        zeros = jax.jit(lambda raw: [jnp.zeros_like(x) for x in raw])
        both = jax.jit(
            lambda raw: (
                [jnp.zeros_like(x) for x in raw],
                [x[..., k].sum() for x in raw for k in fields],
            )
        )
        return {FLOOR: lambda: both(raw), ZERO_FILL: lambda: zeros(raw)}
