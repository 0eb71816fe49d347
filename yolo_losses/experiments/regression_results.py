"""Runs of the regression experiment over rules and seeds, as plain data that JSON can hold."""

from collections.abc import Callable, Sequence
from itertools import product
from time import perf_counter
from typing import Any, TypedDict

import numpy as np

from .. import __version__
from . import regression
from .regression import CASES, CENTRE, RADIUS, Found, Task, points, pool, simulate
from .regression_rules import applies, slopes

DIGITS = 5  # of an error
CELL = 0.2  # side of a cell of a map; the target has area 1
SIDE = round(2 * RADIUS / CELL)  # cells
PARTS = 5  # of the steps, at whose ends errors are kept by seed


class Run(TypedDict):
    """What a rule makes of a loss, over all seeds.

    Attributes
    ----------
    error : (T + 1,)
        The summed error before the first step and after each, mean of the seeds.
    by_seed : dict by step, as text, of one error a seed
        After every fifth of the steps.
    good, apart, floored : one number a seed
        Counts of cases, as in `regression.Found`.
    map : (30, 30), rows along y
        The final error of a case, mean over the points of a cell and all seeds; None where no point
        is.
    seconds : one number a seed
    """

    loss: str
    rule: str
    error: list[float]
    by_seed: dict[str, list[float]]
    good: list[int]
    apart: list[int]
    floored: list[int]
    map: list[list[float | None]]
    seconds: list[float]


class Result(TypedDict):
    """Runs, and what they were made with."""

    yolo_losses: str
    machine: dict[str, Any]
    backend: str
    workers: int
    dtype: str
    points: int
    cases: int
    steps: int
    rates: list[list[float]]  # up to so many tenths of the steps
    floor: float
    seeds: list[int]
    runs: list[Run]


def pairs(losses: Sequence[str], rules: Sequence[str]) -> list[tuple[str, str]]:
    """Loss and rule, without rules that have an error of another loss."""
    for loss, rule in product(losses, rules):
        slopes(loss, rule)  # refuses what does not exist
    return [(loss, rule) for rule, loss in product(rules, losses) if applies(loss, rule)]


def collect(
    losses: Sequence[str], rules: Sequence[str], seeds: Sequence[int], *,
    num_points: int = regression.POINTS, steps: int = regression.STEPS, backend: str = "numpy",
    workers: int = 1, machine: dict[str, Any] | None = None,
    tick: Callable[[str, str, int], object] = lambda loss, rule, done: None,
) -> Result:  # fmt: skip
    """Run every loss with every rule on the points of every seed.

    Parameters
    ----------
    losses, rules, seeds : sequences
        As `regression_rules.slopes` and `regression.points` take them.
    num_points, steps, backend
        Points a seed, steps, a key of `demo.libraries.LIBRARIES`.
    workers : int
        Processes.
    machine : dict, optional
        What is to be kept of the machine.
    tick : callable, optional
        Called with loss, rule and the number of points that are done, after each block.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        A loss, rule or backend that does not exist.
    demo.libraries.Missing
        A library that is not installed.
    """
    places = [points(seed, num_points) for seed in seeds]
    task = Task("", "", steps, backend)
    with pool(workers) as processes:
        runs = [
            _run(task._replace(loss=loss, rule=rule), places, processes, tick)
            for loss, rule in pairs(losses, rules)
        ]
    return Result(
        yolo_losses=__version__, machine=machine or {}, backend=backend, workers=workers,
        dtype=task.dtype, points=num_points, cases=num_points * CASES, steps=steps,
        rates=[[*pair] for pair in regression.RATES], floor=regression.FLOOR, seeds=[*seeds],
        runs=runs,
    )  # fmt: skip


def _run(
    task: Task, places: Sequence[np.ndarray], processes: Any, tick: Callable[..., object]
) -> Run:
    """One loss by one rule."""
    found, seconds = [], []
    for each in places:
        start = perf_counter()
        found.append(
            simulate(task, each, processes, tick=lambda done: tick(task.loss, task.rule, done))
        )
        seconds.append(round(perf_counter() - start, 2))
    curves = np.stack([f.curve for f in found])
    return Run(
        loss=task.loss, rule=task.rule, error=_short(curves.mean(axis=0)),
        by_seed={str(t): _short(curves[:, t]) for t in marks(task.steps)},
        good=_counts(found, "good"), apart=_counts(found, "apart"),
        floored=_counts(found, "floored"), map=_map(places, found), seconds=seconds,
    )  # fmt: skip


def marks(steps: int) -> list[int]:
    """The steps whose errors are kept by seed."""
    return sorted({round(k * steps / PARTS) for k in range(PARTS + 1)})


def _short(values: np.ndarray, digits: int = DIGITS) -> list[float]:
    """Values in so many digits; what is whole without a point, which is shorter."""
    rounded = (float(f"{v:.{digits - 1}e}") for v in values)
    return [int(v) if v.is_integer() else v for v in rounded]


def _counts(found: Sequence[Found], name: str) -> list[int]:
    return [int(getattr(f, name).sum()) for f in found]


def _map(places: Sequence[np.ndarray], found: Sequence[Found]) -> list[list[float | None]]:
    """The final error of a case by the cell of its anchor."""
    xy = np.concatenate(places)
    final = np.concatenate([f.errors[-1] for f in found]) / CASES
    col, row = ((xy - CENTRE + RADIUS) / CELL).astype(int).clip(0, SIDE - 1).T
    total, count = (
        np.bincount(row * SIDE + col, weights, SIDE**2) for weights in (final, np.ones(len(final)))
    )
    means = _short(total / np.maximum(count, 1), 3)
    cells = [mean if n else None for mean, n in zip(means, count, strict=True)]
    return [cells[k : k + SIDE] for k in range(0, SIDE**2, SIDE)]


def run_of(result: Result, loss: str, rule: str) -> Run:
    """A run by its names."""
    return next(run for run in result["runs"] if (run["loss"], run["rule"]) == (loss, rule))
