"""The libraries, and the ways of running a function on them.

A back end turns host arrays into its own (`array`, `tree`), back (`host`), and calls a function in
its mode (`call`): eagerly, jitted, compiled. Absent ones raise `Unavailable` with the reason, which
pytest takes for a skip.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from importlib import import_module
from typing import Any, NamedTuple
from unittest import SkipTest
from unittest.mock import patch

import numpy as np


def tree_map(f: Callable[[Any], Any], x: Any) -> Any:
    """f on all arrays of nested tuples and lists; NamedTuples keep their type."""
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(tree_map(f, v) for v in x))
    if isinstance(x, tuple | list):
        return type(x)(tree_map(f, v) for v in x)
    return f(x)


def leaves(x: Any) -> list[Any]:
    """All arrays of nested tuples and lists, in order."""
    if isinstance(x, tuple | list):
        return [leaf for v in x for leaf in leaves(v)]
    return [x]


class Unavailable(SkipTest):
    """A library that is not installed, or has no device."""


def need(name: str) -> Any:
    """A module."""
    try:
        return import_module(name)
    except ImportError as error:
        msg = f"could not import {name!r}: {error}"
        raise Unavailable(msg) from None


class Answer(NamedTuple):
    """All that a loss says of a batch, on the host."""

    terms: Any  # of loss_and_grad
    grads: Any
    alone: Any  # the terms of loss
    automatic: Any  # the library's own gradient, None where it has none


class NumPy:
    """NumPy, eager."""

    name = "numpy"
    module = "numpy"  # whose version is told
    traced = False  # a new shape or config is compiled anew

    def array(self, x: Any) -> Any:
        """An array of NumPy as one of this library."""
        return np.array(x)

    def tree(self, x: Any) -> Any:
        """All arrays of a tree."""
        return tree_map(self.array, x)

    def host(self, x: Any) -> np.ndarray:
        """An array of this library as one of NumPy."""
        return np.asarray(x)

    def call(self, f: Callable[..., Any], *args: Any) -> Any:
        """f(*args) on arrays of this library, the result on the host."""
        return tree_map(self.host, f(*self.tree(args)))

    def grad(self, f: Callable[[Any], Any], x: Any) -> Any:
        """Automatic differentiation of a scalar function of a tree, where there is any."""
        return None

    def answer(self, module: Any, raw: Any, targets: Any, config: Any) -> Answer:
        """All that a version's loss says of a batch."""
        terms, grads = self.call(partial(module.loss_and_grad, config=config), raw, targets)
        alone = self.call(partial(module.loss, config=config), raw, targets)
        constant = self.tree(targets)
        automatic = self.grad(lambda r: module.loss(r, constant, config).total.sum(), raw)
        return Answer(terms, grads, alone, automatic)


class ReadOnly(NumPy):
    """NumPy with inputs that refuse to be written to."""

    name = "numpy-readonly"

    def array(self, x: Any) -> Any:
        out = np.array(x)
        out.flags.writeable = False
        return out


class Strict(NumPy):
    """array-api-strict: nothing but the standard, nothing that a trace could not do."""

    name = "array-api-strict"
    module = "array_api_strict"

    def __init__(self) -> None:
        self.xp = need("array_api_strict")
        self.xp.set_array_api_strict_flags(
            boolean_indexing=False, data_dependent_shapes=False, enabled_extensions=()
        )

    def array(self, x: Any) -> Any:
        return self.xp.asarray(np.array(x))


class Torch(NumPy):
    """PyTorch on the CPU, eager, by itself: NumPy sees none of its memory, as on a GPU."""

    name = "torch"
    module = "torch"
    device = "cpu"

    def __init__(self) -> None:
        self.torch = need("torch")
        self.torch.set_num_threads(1)

    def array(self, x: Any) -> Any:
        return self.torch.asarray(np.array(x), device=self.device)

    def host(self, x: Any) -> np.ndarray:
        return x.detach().cpu().numpy()

    def mode(self) -> AbstractContextManager[Any]:
        """While this is open, no memory is lent."""
        from yolo_losses.adapters import torch

        return patch.object(torch, "_shared", lambda x: False)

    def call(self, f: Callable[..., Any], *args: Any) -> Any:
        with self.mode():
            return super().call(f, *args)

    def grad(self, f: Callable[[Any], Any], x: Any) -> Any:
        x = tree_map(lambda v: self.array(v).requires_grad_(), x)
        with self.mode():
            f(x).backward()
        return tree_map(lambda v: self.host(v.grad), x)


class TorchLent(Torch):
    """PyTorch on the CPU with one thread: constants are lent to NumPy."""

    name = "torch-lent"

    def mode(self) -> AbstractContextManager[Any]:
        return nullcontext()


class TorchCuda(TorchLent):
    """PyTorch on a GPU."""

    name = "torch-cuda"
    device = "cuda"

    def __init__(self) -> None:
        super().__init__()
        if not self.torch.cuda.is_available():
            msg = "torch sees no GPU"
            raise Unavailable(msg)


class TorchCompiled(TorchLent):
    """torch.compile, one graph."""

    name = "torch-compiled"
    traced = True
    compiler = "aot_eager"  # inductor takes seconds a shape

    def call(self, f: Callable[..., Any], *args: Any) -> Any:
        self.torch._dynamo.reset()
        compiled = self.torch.compile(f, fullgraph=True, backend=self.compiler)
        return super().call(compiled, *args)


class TorchInductor(TorchCompiled):
    """torch.compile with its own compiler; a function that was compiled stays so."""

    name = "torch-inductor"

    def __init__(self) -> None:
        super().__init__()
        self.torch._dynamo.config.recompile_limit = 1000
        self.torch._dynamo.config.accumulated_recompile_limit = 10_000
        self.compiled = cache(partial(self.torch.compile, fullgraph=True))

    def call(self, f: Callable[..., Any], *args: Any) -> Any:
        return TorchLent.call(self, self.compiled(f), *args)


class JAXEager(NumPy):
    """JAX, eager, in 64 bit mode: each operation is compiled by itself, slowly."""

    name = "jax-eager"
    module = "jax"

    def __init__(self) -> None:
        self.jax = need("jax")
        self.jax.config.update("jax_enable_x64", True)

    def array(self, x: Any) -> Any:
        return self.jax.numpy.asarray(np.array(x))

    def grad(self, f: Callable[[Any], Any], x: Any) -> Any:
        return tree_map(self.host, self.jax.grad(f)(self.tree(x)))


class JAX(JAXEager):
    """jax.jit, as JAX is meant to be used."""

    name = "jax"
    traced = True

    def call(self, f: Callable[..., Any], *args: Any) -> Any:
        return super().call(self.jax.jit(f), *args)

    def grad(self, f: Callable[[Any], Any], x: Any) -> Any:
        return tree_map(self.host, self.jax.jit(self.jax.grad(f))(self.tree(x)))

    def answer(self, module: Any, raw: Any, targets: Any, config: Any) -> Answer:
        all_at_once = _jitted_answer(module, config)
        return tree_map(self.host, all_at_once(*self.tree((raw, targets))))


@cache
def _jitted_answer(module: Any, config: Any) -> Callable[..., Answer]:
    """One compilation for each config and shape."""
    import jax

    @jax.jit
    def answer(raw: Any, targets: Any) -> Answer:
        terms, grads = module.loss_and_grad(raw, targets, config)
        alone, back = jax.vjp(lambda r: module.loss(r, targets, config), raw)
        (automatic,) = back(jax.tree.map(jax.numpy.ones_like, alone))
        return Answer(terms, grads, alone, automatic)

    return answer


class CuPy(NumPy):
    """CuPy on a GPU."""

    name = "cupy"
    module = "cupy"

    def __init__(self) -> None:
        self.cupy = need("cupy")
        if not self.cupy.cuda.is_available():
            msg = "CuPy sees no GPU"
            raise Unavailable(msg)

    def array(self, x: Any) -> Any:
        return self.cupy.asarray(np.array(x))

    def host(self, x: Any) -> np.ndarray:
        return self.cupy.asnumpy(x)


class Dask(NumPy):
    """dask.array, a chunk an image."""

    name = "dask"
    module = "dask"

    def __init__(self) -> None:
        self.dask = need("dask.array")

    def array(self, x: Any) -> Any:
        x = np.array(x)
        return self.dask.from_array(x, chunks=(1, *x.shape[1:]) if x.ndim else -1)

    def host(self, x: Any) -> np.ndarray:
        return x.compute(scheduler="synchronous")


BACKENDS = {
    b.name: b
    for b in (
        NumPy, ReadOnly, Strict, Torch, TorchLent, TorchCuda, TorchCompiled, TorchInductor, JAX,
        JAXEager, CuPy, Dask,
    )
}  # fmt: skip
SLOW = ("torch-compiled", "torch-inductor", "jax-eager", "dask")
MOST = [name for name in BACKENDS if name not in SLOW]
