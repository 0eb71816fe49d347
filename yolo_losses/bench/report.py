"""A result as tables for the terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..demo.tables import table
from .goals import COMPILE, GRADIENT, GRADIENT_A, MEMORY, WORKSPACE, Verdict
from .problems import has_heads
from .results import CALLS, FLOOR, FLOOR_A, ZERO_FILL, Entry, Measurement, Result, name, problems_of
from .sweep import AXES, series

WORDS: dict[str, str] = dict(
    zip(CALLS, ("loss", "loss+grad", "autograd", "module", "workspace"), strict=True)
)
_UNIT = {GRADIENT_A: "A ", WORKSPACE: "fill "}  # where it is not the floor
LONG = 0.5e-3  # seconds; what is shorter swings by itself
SWING = 1.5
AXIS = {"batch": "batch", "size": "image side", "truths": "truths an image"}
_JUDGED = {"loss_and_grad": {GRADIENT, GRADIENT_A}, "workspace": {WORKSPACE}}


def show(result: Result, console: Console) -> None:
    """Print the tables, what is absent, and how the goals are met."""
    goals = [Verdict(**each) for each in result["goals"]]
    console.print(*_head(result), sep="\n", markup=False, highlight=False, end="\n\n")
    for out in (*_ways(result, goals), *_sweeps(result), *_compilation(result, goals)):
        console.print(out, "")
    lines = [*_absences(result), *_verdicts(result, goals)]
    console.print(*lines, sep="\n", highlight=False)


def _ways(result: Result, goals: Sequence[Verdict]) -> Iterator[Table]:
    """Tables of each way, v1 and v2 apart; a sweep has tables of its own."""
    for way, about in result["ways"].items():
        here = [m for m in result["measurements"] if m["way"] == way and not result["growth"]]
        for kind in (True, False):
            rows = [m for m in here if has_heads(m["version"]) is kind]
            if rows:
                yield _times(f"{way} on {about.get('device', 'no device')}", rows, goals)


def _head(result: Result) -> list[str]:
    """The machine, and how it was measured."""
    about = result["machine"]
    memory = f"{about['memory'] / 2**30:.0f} GiB" if about["memory"] else "unknown"
    libraries = ", ".join(f"{key} {value}" for key, value in about["libraries"].items())
    threads = f"{result['threads']} thread{'s' * (result['threads'] > 1)}"
    minima = ", minima" if result["growth"] else ""
    return [
        f"yolo_losses {result['yolo_losses']}, {result['date']}",
        f"{about['cpu']}, {about['cores']} cores, memory {memory}, {about['os']}",
        f"Python {about['python']}, {libraries}",
        f"float32, {threads}, allocator {result['allocator']}, {result['runs']} runs{minima}",
    ]


# Times.


def _times(title: str, rows: Sequence[Measurement], goals: Sequence[Verdict]) -> Table:
    """Every call of problems of one kind on one way."""
    of_a = ["× A"] * any(FLOOR_A in m["floors"] for m in rows)
    columns = ["median\nms", "min\nms", "×\nfloor", "of\nmin", *of_a, "mem", "check"]
    out = table(title, ["loss", "call"], columns)
    out.add_column(Text("goal"), no_wrap=True)
    for m in rows:
        lines = [*_floor_lines(m, len(of_a)), *_call_lines(m, len(of_a), goals)]
        labels = [f"{m['version']} {m['config']}", m["ignore_by"] or ""]
        labels += [""] * (len(lines) - len(labels))
        for k, (label, line) in enumerate(zip(labels, lines, strict=False)):
            out.add_row(label, *line, end_section=k + 1 == len(lines))
    return out


Line = list[Text | str]


def _floor_lines(m: Measurement, of_a: int) -> Iterator[Line]:
    for key in (FLOOR, FLOOR_A, ZERO_FILL):
        if key in m["floors"]:
            times = m["floors"][key]
            cells = [_ms(times["median"]), _ms(times["min"])]
            yield [Text(key, "dim"), *(Text(cell, "dim") for cell in cells), *[""] * (5 + of_a)]


def _call_lines(m: Measurement, of_a: int, goals: Sequence[Verdict]) -> Iterator[Line]:
    for call, entry in m["calls"].items():
        if "absent" in entry:
            continue
        memory = _memory(m, goals) if call == "loss_and_grad" else ""
        goal = _goal(m, _JUDGED.get(call, set()), goals)
        yield [WORDS[call], *_numbers(entry, of_a), memory, _check(entry), goal]


def _numbers(entry: Entry, of_a: int) -> Line:
    """Times and ratios."""
    if "time" not in entry or "ratio" not in entry:
        return [""] * (4 + of_a)
    time, ratio = entry["time"], entry["ratio"]
    to_a = [_short(ratio[FLOOR_A]["median"]) if FLOOR_A in ratio else ""] * of_a
    ratios = (_short(ratio[FLOOR][key]) for key in ("median", "min"))
    return [_ms(time["median"]), _ms(time["min"]), *ratios, *to_a]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}" if seconds < 0.1 else f"{seconds * 1e3:.0f}"


def _short(x: float) -> str:
    return f"{x:.2f}" if x < 100 else f"{x:.0f}"


def _check(entry: Entry) -> Text:
    """Whether total and gradient are those of NumPy in float64."""
    if "failed" in entry:
        return Text("failed", "bold red")
    return Text("ok") if entry.get("right") else Text("WRONG", "bold red")


def _memory(m: Measurement, goals: Sequence[Verdict]) -> Text:
    missed = any(not goal.met for goal in _of(m, {MEMORY}, goals))
    return Text(f"{m['memory']['planes']:.1f}" if "memory" in m else "", "red" if missed else "")


def _of(m: Measurement, what: set[str], goals: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts on a measurement."""
    here = m["way"], m["version"], m["config"], m["ignore_by"]
    return [goal for goal in goals if goal[1:5] == here and goal.what in what]


def _goal(m: Measurement, what: set[str], goals: Sequence[Verdict]) -> Text:
    """Limits, and whether they are met."""
    words = [
        Text(f"{_UNIT.get(goal.what, '')}≤ {goal.limit:g} {verdict(goal)}", _hue(goal))
        for goal in _of(m, what, goals)
    ]
    return Text(", ").join(words)


def verdict(goal: Verdict) -> str:
    """Of a goal, a word."""
    return "met" if goal.met else "missed"


def _hue(goal: Verdict) -> str:
    return "green" if goal.met else "red"


def _absences(result: Result) -> Iterator[Text]:
    """Why a way, or a call of it, is not there; whether the machine was busy."""
    for way, about in result["ways"].items():
        for key in {"absent", "failed"} & set(about):
            yield Text(f"{way} {key}: {about[key]}")
        reasons: dict[str, dict[str, None]] = {}
        for m in result["measurements"]:
            for call, entry in m["calls"].items():
                if m["way"] == way and "absent" in entry:
                    reasons.setdefault(entry["absent"], {})[WORDS[call]] = None
        for reason, calls in reasons.items():
            yield Text(f"{way} has no {', '.join(calls)}: {reason}")
    if warning := busy(result["measurements"]):
        yield Text(warning, "yellow")


def busy(measurements: Sequence[Measurement]) -> str:
    """A warning where the floor itself swings: other work took the processor."""
    floors = [m["floors"][FLOOR] for m in measurements if FLOOR in m["floors"]]
    long = [times for times in floors if times["min"] > LONG]
    swinging = sum(times["median"] > SWING * times["min"] for times in long)
    return (
        f"The machine was busy: in {swinging} of {len(long)} problems the median of the floor is "
        f"over {SWING:g} times its minimum. Ratios of medians say little there."
        if swinging
        else ""
    )  # fmt: skip


# The sweep.


def _sweeps(result: Result) -> Iterator[Table]:
    """Times along each axis, and the exponents."""
    found = series(result["measurements"])
    for way, version in dict.fromkeys((each.way, each.version) for each in found):
        here = [each for each in found if (each.way, each.version) == (way, version)]
        for axis in AXES:
            values = [str(getattr(point, axis)) for point in here[0].points[axis]]
            out = table(f"{way} {version}, ms by {AXIS[axis]}", ["ignore by"], values)
            for each in here:
                points = each.points[axis]
                out.add_row(
                    each.ignore_by or "loss+grad", *(_ms(point.seconds) for point in points)
                )
            floors = [_ms(point.floor) for point in here[0].points[axis]]
            out.add_row("floor", *floors, style="dim")
            yield out
    if result["growth"]:
        yield _growth(result)


def _growth(result: Result) -> Table:
    """Exponents: 1 is linear, 0 is flat."""
    columns = ["batch", "cells", "truths"]
    out = table("Growth: p of time ∝ x^p", ["way", "loss", "ignore by"], columns)
    goals = [Verdict(**each) for each in result["goals"]]
    for row in result["growth"]:
        here = [goal for goal in goals if name(goal._asdict()) == name(row)]
        missed = {goal.what.rpartition(" ")[2] for goal in here if not goal.met}
        cells = [
            Text("" if p is None else f"{p:.2f}", "red" if column in missed else "")
            for column in columns
            for p in [row[f"{column}_exponent"]]  # type: ignore[literal-required]
        ]
        out.add_row(row["way"], row["version"], row["ignore_by"] or "", *cells)
    return out


# Compilation and goals.


def _compilation(result: Result, goals: Sequence[Verdict]) -> Iterator[Table]:
    """Seconds to compile, by the number of truths."""
    rows = [m for m in result["measurements"] if "compile" in m]
    if not rows:
        return
    counts = list(rows[0]["compile"])
    out = table(
        "Compiling loss and gradient, seconds", ["way", "loss"], [f"T = {n}" for n in counts]
    )
    out.add_column(Text("goal"), no_wrap=True)
    for m in rows:
        words = f"{m['version']} {m['config']} {m['ignore_by'] or ''}"
        seconds = [f"{m['compile'][n]:.2f}" if n in m["compile"] else "" for n in counts]
        out.add_row(m["way"], words, *seconds, _goal(m, {COMPILE}, goals))
    yield out


def _verdicts(result: Result, goals: Sequence[Verdict]) -> Iterator[Text]:
    """How many goals are met, and every one that is not; what is wrong or failed."""
    met = sum(goal.met for goal in goals)
    yield Text(
        f"Goals: {met} met, {len(goals) - met} missed" if goals else "Goals: none is for this"
    )
    for goal in goals:
        if not goal.met:
            line = f"missed: {name(goal._asdict())}: {goal.what}: {goal.value:.3g} > {goal.limit:g}"
            yield Text(line, "red")
    for line in problems_of(result):
        yield Text(line, "bold red")
