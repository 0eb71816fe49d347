"""A run of the benchmark: a worker for each way, one after another."""

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, NamedTuple, cast

from .. import __version__
from . import environment, goals, machine, problems, sweep
from .measure import blank
from .problems import SMOKE, Problem, has_heads
from .results import FORMAT, Entry, Measurement, Result
from .ways import WAYS
from .worker import Request, encode

COMPILE_TRUTHS = (8, 300)
SILENT = "the worker said nothing"

Tick = Callable[[str, int, int], None]  # way, done, of how many


class Plan(NamedTuple):
    """What to measure, and how."""

    ways: Sequence[str]
    versions: Sequence[str]
    configs: Sequence[str]  # none: A and B, on a GPU C too
    rules: Sequence[str]
    truths: int
    calls: Sequence[str]
    runs: int
    allocator: str
    threads: int
    memory: bool
    compile_time: bool
    sweep: bool = False
    smoke: bool = False


class Died(Exception):
    """Why a worker ended before its time."""


def run(plan: Plan, tick: Tick) -> Result:
    """Measure everything that is planned."""
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    ways: dict[str, dict[str, str]] = {}
    measurements: list[Measurement] = []
    for way in plan.ways:
        ways[way], found = _way(plan, way, tick)
        measurements += found
    growth = sweep.growth(measurements) if plan.sweep else []
    judged = goals.judge([*measurements, *growth])
    return Result(
        format=FORMAT, yolo_losses=__version__, date=date, machine=machine.describe(),
        allocator=allocator_in_words(plan.allocator), threads=plan.threads, runs=plan.runs,
        ways=ways, measurements=measurements, growth=growth,
        goals=[each._asdict() for each in judged],
    )  # fmt: skip


def allocator_in_words(allocator: str) -> str:
    """The mode, and whether the system has it."""
    known = allocator == "default" or environment.has_glibc()
    return allocator if known else "default (warm is for glibc)"


def problems_of(plan: Plan, way: str) -> list[Problem]:
    """What is measured on a way."""
    configs = plan.configs or ("A", "B", "C")[: 2 + WAYS[way].gpu]
    found: list[Problem] = []
    for version in plan.versions:
        if plan.sweep:
            found += sweep.problems(version, plan.rules, plan.truths, smoke=plan.smoke)
        elif plan.smoke:
            rules = plan.rules if has_heads(version) else (None,)
            found += [Problem(version, "smoke", *SMOKE, plan.truths, rule) for rule in rules]
        else:
            found += problems.of_version(version, configs, plan.rules, plan.truths)
    return found


def _way(plan: Plan, way: str, tick: Tick) -> tuple[dict[str, str], list[Measurement]]:
    """What a way is, and its measurements."""
    todo = problems_of(plan, way)
    request = Request(way, plan.threads, todo, [*plan.calls], plan.runs, plan.memory)
    tick(way, 0, len(todo))
    about: dict[str, str] = {}
    found: list[Measurement] = []
    reason = SILENT
    try:
        for answer in work(request, plan.allocator):
            if not about:
                about = answer
            else:
                found.append(_measurement(way, about, todo[len(found)], plan.calls, answer))
                tick(way, len(found), len(todo))
    except Died as error:
        reason = str(error)
    if "absent" in about:
        return about, []
    for problem in todo[len(found) :]:
        failed = {"failed": reason}
        found.append(_measurement(way, about, problem, plan.calls, failed))
    if plan.compile_time and WAYS[way].compiles:
        _compile_times(plan, way, todo, found)
    return about or {"failed": reason}, found


def _measurement(
    way: str, about: dict[str, str], problem: Problem, calls: Sequence[str], answer: Any
) -> Measurement:
    """A worker's answer; if it failed all calls of the problem did."""
    if "failed" not in answer:
        return cast(Measurement, answer)
    entries = dict.fromkeys(calls, Entry(failed=answer["failed"]))
    return blank(way, about.get("device", ""), problem, entries)


def work(request: Request, allocator: str) -> Iterator[dict[str, Any]]:
    """The answers of a worker process as they come; raises `Died`."""
    pipe, command = subprocess.PIPE, environment.command()
    with ExitStack() as stack:
        cache = stack.enter_context(TemporaryDirectory()) if request.compile else ""
        errors = stack.enter_context(TemporaryFile())
        env = environment.variables(request.way, allocator, request.threads, cache)
        process = stack.enter_context(subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=errors, env=env, encoding="utf-8",
        ))  # fmt: skip
        try:
            yield from map(json.loads, _talk(process, encode(request)))
            process.wait()
        finally:
            process.kill()
        if process.returncode:
            errors.seek(0)
            raise Died(_last_words(process.returncode, errors.read()))


def _talk(process: subprocess.Popen[str], request: str) -> Iterator[str]:
    """Send the request, yield the lines of the answer."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):  # it died before it read; its end is told by its code
        process.stdin.write(request)
        process.stdin.close()
    yield from process.stdout


def _last_words(code: int, errors: bytes) -> str:
    """Why a process ended."""
    if code < 0:
        return f"the worker was ended by signal {-code}; is memory short?"
    lines = errors.decode("utf-8", "replace").strip().splitlines() or ["no message"]
    return f"the worker ended with code {code}: {lines[-1]}"


# Compilation, each in a process of its own: nothing is warm.


def _compile_times(
    plan: Plan, way: str, todo: Sequence[Problem], found: Sequence[Measurement]
) -> None:
    """Add the seconds to the first configuration of each version and rule."""
    seen = set()
    for problem, measurement in zip(todo, found, strict=True):
        key = problem.version, problem.ignore_by
        if key not in seen:
            seen.add(key)
            _add_compile_time(plan, way, problem, measurement)


def _add_compile_time(plan: Plan, way: str, problem: Problem, measurement: Measurement) -> None:
    seconds: dict[str, float] = {}
    for count in COMPILE_TRUTHS:
        request = Request(
            way, plan.threads, [problem._replace(truths=count)], [], 0, compile=True
        )  # fmt: skip
        try:
            *_, answer = [{"failed": SILENT}, *work(request, plan.allocator)]
        except Died as error:
            answer = {"failed": str(error)}
        if "failed" in answer:
            measurement["compile_failed"] = answer["failed"]
        if "seconds" in answer:
            seconds[str(count)] = float(answer["seconds"])
    if seconds:
        measurement["compile"] = seconds
