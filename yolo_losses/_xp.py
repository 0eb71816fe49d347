"""The one door to array libraries: from an array to its namespace and adapter."""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, TypeAlias, TypeGuard, TypeVar

import array_api_compat
import numpy as np

from .adapters.generic import Adapter

Array: TypeAlias = Any
F = TypeVar("F", bound=Callable[..., Any])

_FOUND: dict[type, Adapter] = {}


def adapter(x: Array) -> Adapter:
    """What the standard lacks, for the library of x."""
    return _FOUND.get(type(x)) or _find(x)


def namespace(x: Array) -> Any:
    """The array API namespace of x."""
    return (_FOUND.get(type(x)) or _find(x)).xp


def _find(x: Array) -> Adapter:
    """The adapter of a type that is seen for the first time."""
    kind = type(x)
    found = _of_library(kind.__module__)
    if found is None:  # a subclass from elsewhere
        found = next(filter(None, (_of_library(base.__module__) for base in kind.__mro__)), None)
    if found is None:
        found = Adapter(array_api_compat.array_namespace(x))
    _FOUND[kind] = found
    _FOUND.update((known, found) for known in found.types)
    return found


def _of_library(module: str) -> Adapter | None:
    """The adapter of the library that a module belongs to; torch.compile traces these imports."""
    top = module.partition(".")[0]
    if top == "numpy":
        from .adapters.numpy import ADAPTER as numpy

        return numpy
    if top == "torch":
        from .adapters.torch import ADAPTER as torch

        return torch
    if top in ("jax", "jaxlib"):
        from .adapters.jax import ADAPTER as jax

        return jax
    if top == "cupy":
        from .adapters.cupy import ADAPTER as cupy

        return cupy
    if top == "dask":
        from .adapters.dask import ADAPTER as dask

        return dask
    return None


# torch.compile traces the first call too, but not what finds a subclass of its tensors.
if "torch" in sys.modules and (_torch := _of_library("torch")) is not None:
    _FOUND.update((known, _torch) for known in _torch.types)


def is_array(x: object) -> TypeGuard[Array]:
    """Whether x is an array of a library of the standard."""
    if not (hasattr(x, "shape") and hasattr(x, "dtype")):
        return False
    try:
        adapter(x)
    except TypeError:
        return False
    return True


def host(x: Any) -> np.ndarray:
    """An array of any library, or nested numbers, as a NumPy array."""
    return adapter(x).host(x) if is_array(x) else np.asarray(x)


def constant(values: Any, like: Array, dtype: Any = None) -> Array:
    """Plain numbers as an array beside `like`, of its dtype if none is given."""
    here = adapter(like).placement(like)
    return namespace(like).asarray(values, dtype=dtype or like.dtype, **here)


def arange(n: int, like: Array, dtype: Any = None) -> Array:
    """0 … n − 1 beside `like`, of its dtype if none is given."""
    return namespace(like).arange(n, dtype=dtype or like.dtype, **adapter(like).placement(like))


def number(mask: Array, dtype: Any) -> Array:
    """A mask or an index as numbers of a dtype."""
    return adapter(mask).number(mask, dtype)


def compute_dtype(x: Array) -> Any:
    """The dtype of all arithmetic on x: its own, at least float32."""
    xp = namespace(x)
    return xp.float64 if x.dtype == xp.float64 else xp.float32


# Nested tuples and lists of arrays; what is no array in them stays as it is.


def arrays_of(tree: Any) -> list[Array]:
    """The arrays, in order."""
    if isinstance(tree, tuple | list):
        return [x for branch in tree for x in arrays_of(branch)]
    return [tree] if hasattr(tree, "shape") else []


def with_arrays(tree: Any, arrays: Sequence[Array]) -> Any:
    """The same tree with other arrays."""
    return _fill(tree, iter(arrays))


def _fill(tree: Any, arrays: Iterator[Array]) -> Any:
    if isinstance(tree, tuple | list):
        branches = [_fill(branch, arrays) for branch in tree]
        return type(tree)(*branches) if hasattr(tree, "_fields") else type(tree)(branches)
    return next(arrays) if hasattr(tree, "shape") else tree


def borrowing(f: F) -> F:
    """Let f(raw, ...), of constants alone, run in a quicker library that shares their memory."""

    @wraps(f)
    def on_loan(*args: Any) -> Any:
        arrays = arrays_of(args)
        owner = adapter(arrays[0])
        if not owner.lends(arrays):
            return f(*args)
        out = f(*with_arrays(args, [owner.lend(x) for x in arrays]))
        return with_arrays(out, [owner.take_back(x) for x in arrays_of(out)])

    return on_loan  # type: ignore[return-value]
