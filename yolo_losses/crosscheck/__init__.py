"""Comparing another implementation with the formula: the first stage that differs, and why.

What the other implementation computed is held against this package stage by stage: decode, IOU,
assignment, ignore rule, the four terms, the total, the gradient. At the first difference known
conventions are searched for the one that explains all the numbers.
"""

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

import numpy as np

from ..targets import Targets
from .agree import OF
from .candidate import called, problem_of, read, refuse, results_of
from .dialects import programs
from .fit import Fitter
from .problem import Problem, Results
from .report import Report
from .rounding import Rounding
from .search import search as find
from .stages import walk

__all__ = ["Report", "compare"]

Candidate = Mapping[str, Any] | Callable[..., Any] | str | PathLike[str]


def compare(
    candidate: Candidate,
    raw: Any = None,
    targets: Targets | None = None,
    config: Any = None,
    *,
    version: str | None = None,
    search: bool = True,
    seconds: float = 45.0,
) -> Report:
    """Hold an implementation's numbers against the formula.

    Parameters
    ----------
    candidate : mapping, callable, or path of an `.npz` or `.safetensors` file
        Any subset of the results below. A callable is given (raw, targets, config), on NumPy, and
        returns such a mapping, a `LossTerms`, (LossTerms, gradient), (total, gradient) or a total.
        A file, and a mapping, may hold the inputs too: raw.0, raw.1, …; targets.boxes,
        targets.labels, targets.valid; version; config as JSON or a preset's name.
    raw : array, or sequence of arrays, one a head
        Raw outputs as `vN.loss` takes them, of any library.
    targets : Targets
    config : vN.Config, dict of its fields, JSON text, or name of a preset
    version : "v1", "v2", "v3" or "v4"
        Where the config does not tell.
    search : bool
        Whether to look for the convention that explains a difference.
    seconds : float
        How long to look for combinations of two.

    Results of a candidate, arrays of any library; one array a head as a list, or as entries
    name.0, name.1, …:

    ==================  ==========================================================
    boxes, obj, cls     decoded predictions, as `vN.decode`
    iou                 (N, T, A), as `Matches.iou`
    responsible         (N, H, W, A) bool
    ignored             (N, H, W, A) bool
    terms.box …         box, obj, noobj, cls: (N, S), (N,) or one number; or `terms`, a mapping
    total               (N,) or one number
    grad                like the raw outputs
    ==================  ==========================================================

    Returns
    -------
    Report
        `agrees`, the stages, the first `difference`, the `explanations`; `str()` is the text.

    Raises
    ------
    ValueError
        What cannot be compared, in one message: inputs missing or not finite, shapes, a config
        that does not fit, a file that is damaged or holds Python objects.
    OSError
        A file that cannot be read.
    """
    given = _given(candidate)
    problem = problem_of(given, raw, targets, config, version)
    if callable(candidate):
        given = called(candidate, problem)
    results = results_of(given, problem)
    problem = problem._replace(precision=_coarsest(problem, results))
    fitter = _fitter(problem, results)
    stages, difference = walk(fitter)
    if difference is None or not search:
        return Report(problem, stages, difference, None, [], _undecided(fitter))
    found = find(fitter, seconds)
    known = programs(fitter) if results.grad is not None or results.total is not None else []
    return Report(problem, stages, difference, found, known, _undecided(fitter))


def _given(candidate: Candidate) -> dict[str, Any]:
    if isinstance(candidate, Mapping):
        return dict(candidate)
    if isinstance(candidate, str | PathLike):
        return read(candidate)
    if not callable(candidate):
        refuse(f"candidate must be a mapping, a callable or a path, got {type(candidate).__name__}")
    return {}


def _coarsest(problem: Problem, results: Results) -> np.dtype[Any]:
    """The coarsest precision of raw outputs and results."""
    arrays = [*(results.boxes or ()), *(results.grad or ()), *results.terms.values()]
    arrays += [results.total] if results.total is not None else []
    floating = [x.dtype for x in arrays if x.dtype.kind == "f"]
    return min((d for d in (*floating, problem.precision) if d in OF), key=lambda d: d.itemsize)


def _fitter(problem: Problem, results: Results) -> Fitter:
    rounding = Rounding(problem)
    positives = np.stack([m.positives for m in rounding.base.matches], axis=1)
    return Fitter(problem, results, OF[problem.precision], rounding, positives)


def _undecided(fitter: Fitter) -> int:
    return sum(int(p.sum()) for p in fitter.rounding.ignored)
