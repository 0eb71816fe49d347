"""The matrix on a terminal."""

from rich.console import Console
from rich.table import Table

from conformance.run.results import Cell, Run

NAMES, COLUMN = 24, 18  # characters of the first columns and of the others


def show(run: Run, console: Console) -> None:
    """The matrix, what failed, what was left out, and a closing line."""
    most = max(1, (console.width - NAMES) // COLUMN)
    for first in range(0, len(run.columns), most):
        console.print(_table(run, run.columns[first : first + most]))
    for outcome in run.failures():
        console.print(f"failed: {outcome.backend} {outcome.dtype} {outcome.case}", style="red")
        console.print(f"  {outcome.text}", markup=False, highlight=False)
    for outcome in run.failures("expected"):
        console.print(f"known deviation: {outcome.backend} {outcome.dtype} {outcome.case}")
    for backend, reason in run.missing.items():
        console.print(f"left out: {backend}, {reason}", highlight=False)
    console.print(closing(run), highlight=False)


def _table(run: Run, columns: list[tuple[str, str]]) -> Table:
    """As many columns as fit."""
    cells = run.cells()
    table = Table("version", "stage", title=f"vectors {run.vectors}: cases passed, worst ulp")
    for backend, dtype in columns:
        table.add_column(f"{backend}\n{run.versions[backend]}\n{dtype}", justify="right")
    for k, (version, stage) in enumerate(run.rows):
        first = not k or run.rows[k - 1][0] != version
        if first and k:
            table.add_section()
        row = [cells.get((version, stage, b, d)) for b, d in columns]
        table.add_row(version if first else "", stage, *map(_cell, row))
    return table


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
