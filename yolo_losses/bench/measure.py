"""Measuring a problem on a way: check, timing in rounds, memory."""

import gc
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..demo.versions import MODULES, argument
from ..targets import Targets
from . import problems
from .problems import Problem
from .results import FLOOR, FLOOR_A, Entry, Measurement, Memory, Ratio, Summary
from .ways.base import Absent, Call, Data, Outcome, Way, heads_of

WARM_UP = 2  # rounds
TOLERANCE = 1e-4  # of totals, and of the gradient in the sum of absolute values


def measure(
    way: Way, problem: Problem, *, calls: Sequence[str], runs: int, memory: bool
) -> Measurement:
    """Check and time every call of a problem beside the floor; then its memory."""
    data = way.data(problem)
    entries, ready = _prepare(way, data, calls)
    floors = {name: Call(run, _nothing) for name, run in _floors(way, problem).items()}
    times = {k: summary(v) for k, v in rounds({**floors, **ready}, way.finish, runs).items()}
    for name in ready:
        ratios = {against: _ratio(times[name], times[against]) for against in floors}
        entries[name] |= {"time": times[name], "ratio": ratios}
    out = blank(way.name, way.device, problem, entries)
    out["floors"] = {name: times[name] for name in floors}
    return _with_memory(out, way, data, ready) if memory else out


def blank(
    way: str, device: str, problem: Problem, entries: Mapping[str, Entry]
) -> Measurement:  # fmt: skip
    """A measurement of which nothing is known but its calls."""
    return Measurement(
        way=way, device=device, version=problem.version, config=problem.config,
        batch=problem.batch, size=problem.size, truths=problem.truths,
        ignore_by=problem.ignore_by, cells=problems.cells(problem), floors={}, calls={**entries},
    )  # fmt: skip


def _prepare(
    way: Way, data: Data, calls: Sequence[str]
) -> tuple[dict[str, Entry], dict[str, Call]]:
    """Run every call once and check what it says."""
    expected = reference(data.problem)
    entries: dict[str, Entry] = {}
    ready: dict[str, Call] = {}
    for name in calls:
        try:
            call: Call = getattr(way, name)(data)
            off = difference(call.read(call.run()), expected)
        except Absent as reason:
            entries[name] = {"absent": str(reason)}
        except Exception as error:  # of one call: the others are measured all the same
            entries[name] = {"failed": one_line(error)}
        else:
            entries[name] = {"right": off <= TOLERANCE}
            entries[name] |= {"difference": off} if math.isfinite(off) else {}
            ready[name] = call
    return entries, ready


def one_line(error: BaseException) -> str:
    """An error in one line."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def _floors(way: Way, problem: Problem) -> dict[str, Callable[[], object]]:
    """Of the problem; for v1 and v2 also of configuration A."""
    found = way.floors(problem)
    if not problems.has_heads(problem.version):
        (of_a,) = problems.of_version("v3", ["A"], ["shape"], problem.truths)
        found[FLOOR_A] = way.floors(of_a)[FLOOR]
    return found


def _nothing(result: Any) -> Outcome:
    raise NotImplementedError


# The check.


def reference(problem: Problem) -> Outcome:
    """The result of NumPy in float64."""
    config = problems.settings(problem)
    raw = argument(config, [x.astype(np.float64) for x in problems.raw_outputs(problem)])
    boxes, labels, valid = problems.targets(problem)
    truths = Targets(boxes.astype(np.float64), labels, valid)
    terms, grads = MODULES[problem.version].loss_and_grad(raw, truths, config)
    return Outcome(terms.total, heads_of(grads))


def difference(got: Outcome, expected: Outcome) -> float:
    """The relative difference: the largest of the totals, and that of the gradients."""
    totals = np.abs(got.total - expected.total) / np.abs(expected.total)
    if got.grads is None or expected.grads is None:
        return _largest(totals.max())
    gaps = sum(np.abs(a - b).sum() for a, b in zip(got.grads, expected.grads, strict=True))
    off = gaps / sum(np.abs(g).sum() for g in expected.grads)
    return _largest(totals.max(), off)


def _largest(*values: float) -> float:
    """The largest; infinity where one is not finite."""
    return float(max(values)) if np.isfinite(values).all() else math.inf


# Timing.


def rounds(
    calls: Mapping[str, Call], finish: Callable[[Any], None], runs: int
) -> dict[str, list[float]]:
    """Seconds of each call. A round runs every call once, in an order of its own."""
    names = list(calls)
    samples: dict[str, list[float]] = {name: [] for name in calls}
    rng = np.random.default_rng(0)
    gc.collect()
    gc.disable()
    try:
        for k in range(WARM_UP + runs):
            for i in rng.permutation(len(names)):
                elapsed = _time(calls[names[i]], finish)
                if k >= WARM_UP:
                    samples[names[i]].append(elapsed)
    finally:
        gc.enable()
    return samples


def _time(call: Call, finish: Callable[[Any], None]) -> float:
    """Seconds of one run; the release of its result is not timed."""
    call.reset()
    start = time.perf_counter()
    result = call.run()
    finish(result)
    elapsed = time.perf_counter() - start
    del result
    return elapsed


def summary(samples: Sequence[float]) -> Summary:
    """Samples in three numbers."""
    return Summary(n=len(samples), min=min(samples), median=float(np.median(samples)))


def _ratio(time: Summary, floor: Summary) -> Ratio:
    return Ratio(min=time["min"] / floor["min"], median=time["median"] / floor["median"])


# Memory.


def _with_memory(out: Measurement, way: Way, data: Data, ready: Mapping[str, Call]) -> Measurement:
    """Measured in runs of its own."""
    try:
        taken = way.memory(data, ready)
    except Exception as error:
        return {**out, "memory_failed": one_line(error)}
    plane = problems.predictors(data.problem) * np.dtype(np.float32).itemsize
    return {**out, "memory": Memory(bytes=taken, planes=taken / plane)}
