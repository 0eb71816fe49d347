"""Cases on a library in a dtype, held against their answers and the known deviations."""

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from conformance.backends import BACKENDS, SLOW, Unavailable
from conformance.run.calls import answer
from yolo_losses.testing import Case, cases, judge

XFAILS = Path(__file__).parents[1] / "xfails"
DTYPES = ("float64", "float32")
# What a reader of the matrix looks for, in the order of a loss.
STAGES = ("decode", "assign", "ignore", "box", "obj", "noobj", "cls", "terms", "total", "gradient")


class Job(NamedTuple):
    """A library in a dtype, on some of the cases."""

    backend: str
    dtype: str
    ids: tuple[str, ...]


class Outcome(NamedTuple):
    """One stage of a case. `state` is "passed", "failed", "expected" (a known deviation)."""

    backend: str
    dtype: str
    case: str
    version: str  # "v1" … "v4", "iou" … "ciou", "boxes"
    stage: str
    state: str
    ulp: float
    text: str
    seconds: float


def stage_of(case: Case, part: str) -> str:
    """The row of the matrix that a part of a case counts in."""
    if case.kind != "loss":
        return case.kind
    return "gradient" if part == "grad" else part.partition(".")[0]


@cache
def backend(name: str) -> Any:
    """A library, made once a process."""
    return BACKENDS[name]()


def outcomes(case: Case, name: str, dtype: str) -> list[Outcome]:
    """One case."""
    start, group = time.perf_counter(), case.version or case.id.partition("/")[0]
    try:
        judged = judge(case, answer(case, backend(name), dtype), dtype)
    except Exception as error:  # whatever a library raises is a result
        text = f"{case.id}: {type(error).__name__}: {str(error)[:500]}"
        return [Outcome(name, dtype, case.id, group, case.kind, "failed", float("inf"), text, 0.0)]
    seconds, reason = time.perf_counter() - start, known(name, dtype, case.id)
    by_stage: dict[str, list[Any]] = {}
    for one in judged:
        by_stage.setdefault(stage_of(case, one.part), []).append(one)
    return [
        Outcome(name, dtype, case.id, group, stage, *_state(parts, reason), seconds)
        for stage, parts in by_stage.items()
    ]


def _state(parts: Sequence[Any], reason: str | None) -> tuple[str, float, str]:
    ulp, text = max(p.ulp for p in parts), "; ".join(p.failure for p in parts if p.failure)
    if text and reason:
        return "expected", ulp, f"{reason} ({text})"
    if reason:
        return "failed", ulp, f"passes, though a known deviation says: {reason}"
    return ("failed" if text else "passed"), ulp, text


# Known deviations.


@cache
def ledger() -> tuple[dict[str, str], ...]:
    """The entries of all files of known deviations."""
    files = sorted(XFAILS.glob("*.json"))
    return tuple(entry for f in files for entry in json.loads(f.read_text(encoding="utf-8")))


def known(name: str, dtype: str, case: str) -> str | None:
    """Why a case is known to deviate on a library ("*" for all) in a dtype."""
    for entry in ledger():
        if entry["backend"] in (name, "*") and (entry["dtype"], entry["case"]) == (dtype, case):
            return entry["reason"]
    return None


# Many.


def names(library: str | None, device: str | None, *, compiled: bool) -> list[str]:
    """The back ends that were asked for; without a word all that are not slow."""
    found = [n for n in BACKENDS if library is None or n == library or n.startswith(f"{library}-")]
    exact = [n for n in found if n == library and n in SLOW]
    wanted = ("torch-inductor",) if compiled else ()
    quick = [n for n in found if n not in SLOW or n in wanted or n in exact]
    on_gpu = ("cuda" in n or n == "cupy" for n in quick)
    return [
        n for n, gpu in zip(quick, on_gpu, strict=True)
        if device is None or gpu == (device != "cpu") or n.startswith("jax")
    ]  # fmt: skip


def jobs(backends: Iterable[str], dtypes: Iterable[str], wanted: Sequence[Case]) -> list[Job]:
    """Shares of the work that compile little twice: a job has the cases of one file."""
    files: dict[str, list[str]] = {}
    for case in wanted:
        files.setdefault(case.id.rpartition("/")[0], []).append(case.id)
    return [Job(b, d, tuple(ids)) for b in backends for d in dtypes for ids in files.values()]


def work(job: Job) -> list[Outcome]:
    """All cases of a job."""
    return [one for case in cases(*job.ids) for one in outcomes(case, job.backend, job.dtype)]


def missing(name: str) -> str:
    """Why a back end is not to be had, empty if it is."""
    try:
        backend(name)
    except Unavailable as reason:
        return str(reason)
    return ""


def distribute(work_list: Sequence[Job], processes: int) -> Iterator[list[Outcome]]:
    """The outcomes of jobs, as they come."""
    if processes <= 1:
        yield from map(work, work_list)
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(work, job) for job in work_list]):
            yield done.result()


def library_version(name: str) -> str:
    """The version of a back end's library."""
    module = BACKENDS[name].module
    for distribution in (module.replace("_", "-"), f"{module}-cuda12x"):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "unknown"
