"""The array libraries that are installed, and a loss computed on one of them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from ..targets import Targets
from ..terms import LossTerms
from .versions import Case, argument

TERMS = (*LossTerms._fields, "total")


class Missing(Exception):
    """A library that is not installed, or finds no device."""


class Library(NamedTuple):
    """An array library in plain functions."""

    asarray: Callable[[np.ndarray], Any]
    to_numpy: Callable[[Any], np.ndarray] = np.asarray
    compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function
    float64: Callable[[], AbstractContextManager[Any]] = nullcontext  # where float64 stays so


def _import(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except (ImportError, OSError):  # OSError: a shared object of it that cannot be loaded
        msg = f"it is not installed: pip install {extra}"
        raise Missing(msg) from None


def _numpy() -> Library:
    return Library(np.asarray)


def _torch() -> Library:
    return Library(_import("torch", "'yolo-losses[torch]'").asarray)


def _jax() -> Library:
    """Jitted: eager JAX compiles each of some hundred operations by itself."""
    jax = _import("jax", "'yolo-losses[jax]'")
    wide = (jax if hasattr(jax, "enable_x64") else import_module("jax.experimental")).enable_x64
    return Library(jax.numpy.asarray, compiled=jax.jit, float64=lambda: wide(True))


def _cupy() -> Library:
    cupy = _import("cupy", "'yolo-losses[cupy]'")
    try:
        cupy.cuda.Device().use()
    except Exception:  # whatever a driver may say
        msg = "it finds no CUDA device"
        raise Missing(msg) from None
    return Library(cupy.asarray, cupy.asnumpy)


def _strict() -> Library:
    return Library(_import("array_api_strict", "array-api-strict").asarray)


LIBRARIES: dict[str, Callable[[], Library]] = {
    "numpy": _numpy,
    "torch": _torch,
    "jax": _jax,
    "cupy": _cupy,
    "array-api-strict": _strict,
}


def library(name: str) -> Library:
    """A library by name; raises `Missing` where it cannot be used, with the reason."""
    try:
        return LIBRARIES[name]()
    except Missing as reason:
        msg = f"{name} cannot be used: {reason}"
        raise Missing(msg) from None


def usable() -> tuple[dict[str, Library], list[str]]:
    """All libraries that can be used, and why the others cannot."""
    found: dict[str, Library] = {}
    reasons = []
    for name in LIBRARIES:
        try:
            found[name] = library(name)
        except Missing as reason:
            reasons.append(str(reason))
    return found, reasons


def loss_on(library: Library, case: Case, raw: Sequence[np.ndarray], targets: Targets) -> LossTerms:
    """The terms of NumPy data, computed by a library in the dtype of `raw`, as NumPy arrays."""
    with library.float64():
        heads = [library.asarray(x) for x in raw]
        truths = Targets(*map(library.asarray, targets))

        def loss(heads: Any, truths: Targets) -> LossTerms:
            terms: LossTerms = case.module.loss(argument(case.config, heads), truths, case.config)
            return terms

        terms = library.compiled(loss)(heads, truths)
        return LossTerms(*map(library.to_numpy, terms))


def differences(terms: LossTerms, reference: LossTerms) -> dict[str, float]:
    """The largest relative difference of an entry of each term and the total."""
    pairs = ((name, getattr(terms, name), getattr(reference, name)) for name in TERMS)
    return {name: _difference(x, y) for name, x, y in pairs}


def _difference(x: np.ndarray, reference: np.ndarray) -> float:
    scale = np.maximum(np.abs(x), np.abs(reference))
    gap = np.abs(x - reference)
    relative = np.divide(gap, scale, out=np.zeros_like(gap), where=scale > 0)
    return float(np.max(relative, initial=0.0))
