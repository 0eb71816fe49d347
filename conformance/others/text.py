"""What was found, on a terminal and in a file."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from conformance.others.survey import STATES, Outcome, Report

FEW = 9  # ids that are listed
LEFT = ("package", "function")
COLUMNS = (*LEFT, "dtype", "passed", "near", "failed", "error", "degenerate", "refused")


def lines(report: Report, *, every: bool = False) -> Iterator[str]:
    """One function: a line that sums up, then cases that failed, and with `every` those near."""
    count = ", ".join(f"{len(found)} {s}" for s in STATES if (found := report.of(s)))
    parts = ", ".join(f"{part} {a} of {b}" for part, (a, b) in report.parts().items())
    yield f"{report.library} {report.version}: {report.function} ({report.dtype}): {count}; {parts}"
    if near := report.of("near"):
        worst = max(near, key=lambda o: o.error)
        yield f"  near: {len(near)} cases to {worst.error:.2g}, the furthest is {worst.case.id}"
    for flag, found in report.by_flag(*(("failed", "near") if every else ("failed",))).items():
        wrong = [o for o in found if o.judgements]
        if wrong:
            yield f"  {flag}: {wrong[0].case.notes.get(flag, '')}"
        for outcome in wrong:
            yield from _wrong(outcome)
    yield from _without_answer(report)


def _without_answer(report: Report) -> Iterator[str]:
    """Cases that raised or are out of scope, by what was said."""
    for state in ("failed", "out of scope"):
        texts: dict[str, list[str]] = {}
        for outcome in report.of(state):
            if not outcome.judgements:
                texts.setdefault(outcome.text, []).append(outcome.case.id)
        for text, ids in texts.items():
            many = f"{len(ids)} cases, " if len(ids) > FEW else ""
            yield f"  {state}: {many}{', '.join(ids[:FEW])}: {text}"


def _wrong(outcome: Outcome) -> Iterator[str]:
    inputs = {k: v for k, v in outcome.case.inputs.items() if k not in ("raw", "targets", "config")}
    yield f"    {outcome.case.id}, which catches: {outcome.case.why}"
    if inputs:
        yield f"      {', '.join(f'{k} {v}' for k, v in inputs.items())}"
    yield from (f"      {failure}" for failure in outcome.failures)


def table(reports: Sequence[Report]) -> Table:
    """A row a function."""
    title = "ordinary boxes: passed, near (within 2e-6), failed, the largest error; degenerate ones"
    out = Table(title=title)
    for name in COLUMNS:
        left = name in LEFT
        out.add_column(name, justify="left" if left else "right", no_wrap=not left,
                       overflow="fold")  # fmt: skip
    for k, report in enumerate(reports):
        first = not k or reports[k - 1].library != report.library
        if first and k:
            out.add_section()
        out.add_row(f"{report.library} {report.version}" if first else "", *row(report))
    return out


def markdown(reports: Sequence[Report]) -> Iterator[str]:
    """The same, line by line, to put into a page."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|" + "|".join("---" if name in LEFT else "---:" for name in COLUMNS) + "|"
    for report in reports:
        function, *cells = row(report)
        package = f"{report.library} {report.version}"
        yield f"| {' | '.join([package, f'`{function}`', *cells])} |"


def row(report: Report) -> list[str]:
    """The cells of a function, without its package."""
    counts = [len(report.of(state, degenerate=False)) for state in STATES[:3]]
    error = max((o.error for o in report.of(*STATES[:3], degenerate=False)), default=0.0)
    right = len(report.of("passed", "near", degenerate=True))
    tried = len(report.of(*STATES[:3], degenerate=True))
    refused = len(report.of("out of scope"))
    return [report.function, report.dtype, *map(str, counts), f"{error:.2g}",
            f"{right} of {tried}" if tried else "", str(refused or "")]  # fmt: skip


def as_dict(report: Report) -> dict[str, Any]:
    """In the types of JSON."""
    return {
        **{k: getattr(report, k) for k in ("library", "version", "function", "dtype")},
        "count": {state: len(report.of(state)) for state in STATES},
        "cases": [_case(o) for o in report.outcomes],
    }


def _case(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.case.id,
        "state": outcome.state,
        "error": outcome.error if outcome.error < float("inf") else None,
        "ulp": {j.part: j.ulp if j.ulp < float("inf") else None for j in outcome.judgements},
        "text": "" if outcome.state == "passed" else "; ".join(outcome.failures),
    }
