"""Well-known programs whose gradient or total is what was handed in."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from ..dialects import difference
from ..dialects.registry import DIALECTS, Dialect
from .fit import Fitter
from .problem import summed
from .slopes import KINDS, kind_of_field

CONSTANTS = {1.0: "", -1.0: ", with the sign reversed: darknet's deltas point downhill"}


class Program(NamedTuple):
    """A program that computes these numbers."""

    name: str
    text: str


def programs(fitter: Fitter) -> list[Program]:
    """All dialects of the version that agree, with options that follow from the config."""
    version, found = fitter.problem.version, []
    for dialect in DIALECTS.values():
        if version in (dialect.version, *dialect.also):
            found += _agreements(dialect, fitter)
    return found


def _agreements(dialect: Dialect, fitter: Fitter) -> list[Program]:
    """Of the programs that a dialect stands for those that agree in all, else one in part."""
    if dialect.gives == "loss" and find_spec("torch") is None:
        return []
    try:
        with np.errstate(all="ignore"):
            answers = list(_OF[dialect.gives](dialect, fitter))
    except (ValueError, TypeError, RuntimeError, IndexError, KeyError):
        return []  # the config has no counterpart in the program
    full, part = [], []
    for relative, total, grads in answers:
        name = f" ({relative})" if relative else ""
        text = _of_grad(fitter, grads) or _of_total(fitter, total)
        some = "" if text else _of_groups(fitter, grads)
        full += [Program(dialect.name, f"{text} {dialect.program}{name}")] if text else []
        part += [Program(dialect.name, f"{some} {dialect.program}")] if some else []
    return full or part[:1]


def _of_grad(fitter: Fitter, grads: list[np.ndarray]) -> str:
    if fitter.got.grad is None:
        return ""
    n, tolerance = len(fitter.problem.raw[0]), max(fitter.tolerance.grad, 1e-6)
    over_batch = {1 / n: ", divided by the batch", -1 / n: ", divided by the batch, reversed"}
    factors = {**over_batch, **CONSTANTS}  # one image divides by nothing
    for factor, words in factors.items():
        if _same(fitter, [factor * g for g in grads], tolerance):
            return f"your gradient{words} is that of"
    return ""


def _of_groups(fitter: Fitter, grads: list[np.ndarray]) -> str:
    """Kinds of fields whose slopes are those of a program, and not of the formula."""
    if fitter.got.grad is None:
        return ""
    tolerance = max(fitter.tolerance.grad, 1e-6)
    shown = [k for k in range(3) if not _same(fitter, fitter.slopes, tolerance, k)]
    groups = [KINDS[k] for k in shown if _same(fitter, grads, tolerance, k)]
    return f"your gradient of {' and '.join(groups)} is that of" if groups else ""


def _same(
    fitter: Fitter, want: list[np.ndarray], tolerance: float, only: int | None = None
) -> bool:
    assert fitter.got.grad is not None
    kind, most = kind_of_field(fitter.problem), 0.0
    for k in range(3) if only is None else (only,):
        a = np.concatenate([x[..., kind == k].ravel() for x in fitter.got.grad])
        b = np.concatenate([x[..., kind == k].ravel() for x in want])
        size = float(np.abs(b).max(initial=0))
        if not (np.abs(a - b) <= tolerance * size).all():
            return False
        most = max(most, size)
    return most > 0


def _of_total(fitter: Fitter, total: float | None) -> str:
    if fitter.got.total is None or total is None:
        return ""
    got, n = float(summed(fitter.got.total, ())), len(fitter.problem.raw[0])
    for factor, words in {1 / n: ", divided by the batch,", 1.0: ""}.items():
        if abs(got - factor * total) <= fitter.tolerance.term * abs(got):
            return f"your total{words} is that of"
    return ""


Answer = tuple[str, float | None, list[np.ndarray]]  # relative, total, gradient


def _of_slopes(dialect: Dialect, fitter: Fitter) -> Iterator[Answer]:
    options, p = _options(dialect, fitter), fitter.problem
    boxes, labels, valid = p.targets
    rows = np.concatenate([boxes, labels[..., None]], axis=-1) * valid[..., None]
    slopes = list(difference.slopes(dialect.name, dialect.module, options, p.raw, rows))
    yield "", float(sum((np.asarray(g, dtype=float) ** 2).sum() for g in slopes)), slopes


def _options(dialect: Dialect, fitter: Fitter) -> list[Any]:
    p = fitter.problem
    return difference.options_of_head(dialect.name, dialect.module, p.config, p.raw)


def _of_loss(dialect: Dialect, fitter: Fitter) -> Iterator[Answer]:
    import torch

    name, module, p = dialect.name, dialect.module, fitter.problem
    gt = type(p.targets)(*map(torch.from_numpy, p.targets))
    relatives = difference.relatives(name, module, _options(dialect, fitter)[0])
    for relative, options in relatives.items():
        raw = [torch.from_numpy(x.copy()).requires_grad_() for x in p.raw]
        total = module.loss(difference.arranged(name, raw), gt, options).total
        total.backward()
        grads = [np.zeros(x.shape) if x.grad is None else x.grad.numpy() for x in raw]
        yield relative, float(total.detach()), grads


_OF: dict[str, Any] = {"slopes": _of_slopes, "loss": _of_loss}
