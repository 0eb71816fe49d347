"""Comparing another implementation with the formula: the first stage that differs, and why.

What the other implementation computed is held against this package stage by stage: decode, IOU,
assignment, ignore rule, the four terms, the total, the gradient. At the first difference known
conventions are searched for the one that explains all the numbers.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np

from ..targets import Targets
from .agree import OF
from .candidate import called, problem_of, results_of
from .configs import refuse
from .dialects import programs
from .files import read
from .fit import Fitter
from .problem import Problem, Results
from .report import Report
from .search import Search
from .search import search as find
from .slack import Slack
from .stages import walk

__all__ = ["Report", "compare"]

PROGRAMS = 5.0  # seconds beyond the time that programs may still be tried

Candidate = Mapping[str, Any] | Callable[..., Any] | str | PathLike[str]


def compare(
    candidate: Candidate,
    raw: Any = None,
    targets: Targets | None = None,
    config: Any = None,
    *,
    version: str | None = None,
    search: bool = True,
    seconds: float = 40.0,
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
        How long to look for it.

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
        What cannot be compared, in one message: inputs missing or not finite, shapes, names that
        are unknown or there twice, a config or a version that does not fit, a callable that
        returns nothing, a file that is damaged, holds Python objects or unpacks to gigabytes.
    OSError
        A file that cannot be read.
    """
    end = time.monotonic() + seconds
    given = _given(candidate)
    problem = problem_of(given, raw, targets, config, version)
    if callable(candidate):
        given = called(candidate, problem)
    results = results_of(given, problem)
    with np.errstate(all="ignore"):  # wrong conventions overflow
        return _held(problem, results, end, search=search)


def _held(problem: Problem, results: Results, end: float, *, search: bool) -> Report:
    """Stage by stage, and the search until a time."""
    problem = problem._replace(precision=_coarsest(problem, results))
    slack = Slack(problem)
    fitter = Fitter(problem, results, OF[problem.precision], slack.noobj, slack.ignored,
                    slack.positives)  # fmt: skip
    stages, difference = walk(fitter, slack)
    report = Report(problem, stages, difference, undecided=slack.undecided(results.given))
    if difference is None or not search:
        return report
    return _explained(fitter, report, end)


def _explained(fitter: Fitter, report: Report, end: float) -> Report:
    """With what explains the difference."""
    if not all(np.isfinite(x).all() for x in fitter.got.arrays):
        return replace(report, search=Search([], True, 0))  # every convention gives numbers
    found = find(fitter, max(end - time.monotonic(), 0.0))
    got = fitter.got
    in_time = time.monotonic() < end + PROGRAMS and (got.grad is not None or got.total is not None)
    return replace(report, search=found, programs=programs(fitter) if in_time else [])


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
    floating = [x.dtype for x in results.arrays if x.dtype.kind == "f"]
    return min((d for d in (*floating, problem.precision) if d in OF), key=lambda d: d.itemsize)
