"""PyTorch: eager, compiled, and under torch.func."""

from collections.abc import Callable, Mapping
from typing import Any

import array_api_compat.torch
import numpy as np
import torch
from torch.autograd import forward_ad

from .generic import Adapter, Array, Arrays, Place
from .loops import in_turn
from .numpy import ADAPTER as NUMPY
from .torch_casts import widen


class _Namespace:
    """array_api_compat's namespace, without its wrappers where torch does the same by itself."""

    maximum = staticmethod(torch.maximum)
    minimum = staticmethod(torch.minimum)
    where = staticmethod(torch.where)

    def __getattr__(self, name: str) -> Any:
        return getattr(array_api_compat.torch, name)

    def reshape(self, x: Array, shape: tuple[int, ...]) -> Array:
        return x.reshape(shape)

    def take_along_axis(self, x: Array, indices: Array, *, axis: int) -> Array:
        return torch.take_along_dim(x, indices, dim=axis)


class Torch(Adapter):
    """PyTorch. No write depends on its order: what is dropped adds 0 or goes to a spare slot.

    With one thread, constants on the CPU are lent to NumPy, whose calls cost less than torch's.
    """

    name = "torch"
    types = (torch.Tensor, torch.nn.Parameter)

    def placement(self, x: Array) -> dict[str, Any]:
        return {"device": x.device}

    def device(self, x: Array) -> object:
        return x.device

    def host(self, x: Array) -> np.ndarray:
        x = x.detach().cpu()
        return np.asarray(x.float() if x.dtype == torch.bfloat16 else x)

    def stop(self, x: Array) -> Array:
        return x.detach()

    def widen(self, x: Array, dtype: Any) -> Array:
        return widen(x, dtype)

    def lookup(self, table: Array, index: Array) -> Array:
        return table[:, index]

    def gather(self, x: Array, place: Place, keep: Array) -> Array:
        rows = x[self._images(x), *place]
        return torch.where(keep[..., None], rows, torch.zeros_like(rows))

    def mark(self, slot: Array, keep: Array, size: int) -> Array:
        spare = torch.where(keep, slot, size)
        out = torch.zeros((slot.shape[0], size + 1), dtype=torch.bool, device=slot.device)
        return out.scatter(1, spare, 1)[:, :size]

    def spread(self, x: Array, planes: Mapping[int, Array]) -> Array:
        return self.fill(self.blank(x), planes)

    def add_rows(self, out: Array, place: Place, rows: Array, keep: Array) -> Array:
        return out.index_put_((self._images(out), *place), rows, accumulate=True)

    def put_rows(self, out: Array, place: Place, rows: Array) -> Array:
        return out.index_put_((self._images(out), *place), rows)

    def scan(
        self, step: Callable[[Any, list[Array]], Any], carry: Any, rows: list[Array], size: int
    ) -> Any:
        return step(carry, rows) if traced() else in_turn(step, carry, rows, size)

    def settle(self, step: Callable[..., Array], x: Array, constants: Arrays, most: int) -> Array:
        if torch.compiler.is_compiling():
            return _settle_in_a_graph(step, x, constants)
        if not traced():
            return super().settle(step, x, constants, most)
        for _ in range(most):
            x = step(x, *constants)
        return x

    def assigns(self, x: Array) -> bool:
        return not traced()

    def clear(self, out: Array, place: Place, keep: Array) -> None:
        out.index_put_((self._images(out), *place), out.new_zeros(()))

    def blank(self, x: Array) -> Array:
        return torch.from_numpy(NUMPY.blank(self.lend(x))) if _shared(x) else torch.zeros_like(x)

    def fold(
        self, condition: Callable[..., Array], per_truth: Arrays, per_slot: Arrays = ()
    ) -> Array:
        if torch.compiler.is_compiling():
            return torch.any(condition(*per_truth, *per_slot), dim=1)
        return super().fold(condition, per_truth, per_slot)

    def fullest(self, mask: Array) -> int:
        return NUMPY.fullest(mask.numpy()) if _shared(mask) else super().fullest(mask)

    def tracked(self, x: Array) -> bool:
        return bool(torch.is_grad_enabled() and x.requires_grad)

    def lends(self, arrays: list[Array]) -> bool:
        return not traced() and torch.get_num_threads() == 1 and all(map(_shared, arrays))

    def lend(self, x: Array) -> Array:
        return x.detach().numpy()

    def take_back(self, x: Array) -> Array:
        return torch.from_numpy(x)

    def _images(self, x: Array) -> Array:
        return torch.arange(x.shape[0], device=x.device)[:, None]


def _settle_in_a_graph(step: Callable[..., Array], x: Array, constants: Arrays) -> Array:
    from torch._higher_order_ops.while_loop import while_loop

    def again(x: Array, changed: Array) -> tuple[Array, Array]:
        new = step(x, *constants)
        return new, torch.any(new != x)

    start = (x.clone(), torch.ones((), dtype=torch.bool, device=x.device))
    return while_loop(lambda x, changed: changed.clone(), again, start)[0]


def traced() -> bool:
    """Whether torch.compile, a tracer, a transform of torch.func or forward mode is at work."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # pyright: ignore[reportPrivateImportUsage]
        return True
    return bool(torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0)


def _shared(x: Array) -> bool:
    """Whether NumPy can look at the memory of x."""
    plain = not traced() and type(x) in Torch.types and x.device.type == "cpu"
    return plain and x.dtype != torch.bfloat16 and not x.is_neg()


ADAPTER = Torch(_Namespace())
