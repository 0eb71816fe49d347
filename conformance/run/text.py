"""The matrix on a terminal."""

from rich.console import Console
from rich.table import Table

from conformance.run.results import Cell, Run


def show(run: Run, console: Console) -> None:
    """The matrix, what failed, what was left out, and a closing line."""
    cells = run.cells()
    table = Table(title=f"vectors {run.vectors}: cases passed, largest error in ulp")
    table.add_column("version")
    table.add_column("stage")
    for backend, dtype in run.columns:
        table.add_column(f"{backend}\n{run.versions[backend]}\n{dtype}", justify="right")
    for k, (version, stage) in enumerate(run.rows):
        first = not k or run.rows[k - 1][0] != version
        if first and k:
            table.add_section()
        row = [cells.get((version, stage, b, d)) for b, d in run.columns]
        table.add_row(version if first else "", stage, *map(_cell, row))
    console.print(table)
    for outcome in run.failures():
        console.print(f"[red]failed[/] {outcome.backend} {outcome.dtype}: {outcome.case}",
                      outcome.text, sep="\n  ", markup=True, highlight=False)  # fmt: skip
    for outcome in run.failures("expected"):
        console.print(f"known deviation: {outcome.backend} {outcome.dtype} {outcome.case}")
    for backend, reason in run.missing.items():
        console.print(f"left out: {backend}, {reason}", highlight=False)
    console.print(closing(run), highlight=False)


def closing(run: Run) -> str:
    """One line."""
    count = {s: sum(o.state == s for o in run.outcomes) for s in ("passed", "failed", "expected")}
    cases = len({o.case for o in run.outcomes})
    return (
        f"{count['passed']} passed, {count['failed']} failed, {count['expected']} known deviations"
        f"; {cases} cases in {len(run.columns)} columns, {run.seconds:.0f} s"
    )


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if cell.failed:
        return f"[red]{cell.failed} failed[/]"
    known = f" +{cell.expected} known" if cell.expected else ""
    ulp = f" {cell.ulp:.2g}" if cell.ulp else ""
    return f"{cell.passed}{known}[dim]{ulp}[/]"
