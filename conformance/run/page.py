"""The report as one HTML file that needs nothing else."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from conformance.run.results import Cell, Run
from conformance.run.text import closing
from conformance.run.work import Outcome

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem;
       color: #1b1b1b; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.wide { overflow-x: auto; } thead th { text-align: center; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid #d0d0d0; padding: .2rem .55rem; text-align: right; white-space: nowrap; }
th { background: #f3f3f3; font-weight: 600; } th.name, td.name { text-align: left; }
tbody tr.first > * { border-top: 2px solid #888; }
td.passed { background: #e8f3ec; } td.failed { background: #f8d7da; font-weight: 700; }
td.known { background: #fdf3d6; } small { color: #5a5a5a; }
dt { font-family: ui-monospace, monospace; margin-top: .8rem; } dd { margin-left: 1.2rem; }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #16181a; } th { background: #24272a; }
  th, td { border-color: #44484c; } small { color: #a8a8a8; }
  td.passed { background: #1d3326; } td.failed { background: #5a1f26; }
  td.known { background: #4a3d14; }
}
"""


def write(run: Run, path: Path) -> None:
    """The matrix, failures, known deviations, and what was left out."""
    title, meta = (
        "Conformance of yolo_losses",
        '<meta name="viewport" content="width=device-width">',
    )
    parts = [
        "<!doctype html>", '<html lang="en"><head><meta charset="utf-8">', meta,
        f"<title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>",
        f"<p>{escape(closing(run))}. Vectors {escape(run.vectors)}. A cell has the cases that "
        "passed, and the largest error among them in ulp; hovering shows the case that has it.</p>",
        *_matrix(run),
        *_listed("Failures", run.failures()),
        *_listed("Known deviations", run.failures("expected")),
        *_left_out(run), "</body></html>",
    ]  # fmt: skip
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _matrix(run: Run) -> Iterable[str]:
    cells = run.cells()
    yield '<div class="wide"><table><thead><tr>'
    yield '<th class="name" rowspan="2">version</th><th class="name" rowspan="2">stage</th>'
    for backend, version in run.versions.items():
        span = sum(b == backend for b, _ in run.columns)
        yield f'<th colspan="{span}">{escape(backend)}<br><small>{escape(version)}</small></th>'
    yield "</tr><tr>"
    yield from (f"<th>{dtype}</th>" for _, dtype in run.columns)
    yield "</tr></thead><tbody>"
    for k, (version, stage) in enumerate(run.rows):
        first = not k or run.rows[k - 1][0] != version
        head = version if first else ""
        yield (f'<tr{" class=first" if first else ""}><th class="name">{head}</th>'
               f'<th class="name">{stage}</th>')  # fmt: skip
        yield from (_cell(cells.get((version, stage, b, d))) for b, d in run.columns)
        yield "</tr>"
    yield "</tbody></table></div>"


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "<td></td>"
    kind = "failed" if cell.failed else "known" if cell.expected else "passed"
    text = f"{cell.failed} failed" if cell.failed else str(cell.passed)
    text += f" + {cell.expected} known" if cell.expected else ""
    ulp = f" <small>{cell.ulp:.2g}</small>" if cell.ulp else ""
    return f'<td class="{kind}" title="{escape(cell.worst)}">{text}{ulp}</td>'


def _listed(title: str, outcomes: list[Outcome]) -> Iterable[str]:
    yield f"<h2>{title}</h2>"
    if not outcomes:
        yield "<p>None.</p>"
        return
    yield "<dl>"
    for o in outcomes:
        yield f"<dt>{escape(o.case)} · {escape(o.backend)} · {o.dtype}</dt>"
        yield f"<dd>{escape(o.text)}</dd>"
    yield "</dl>"


def _left_out(run: Run) -> Iterable[str]:
    if run.missing:
        yield "<h2>Left out</h2><dl>"
        for backend, reason in run.missing.items():
            yield f"<dt>{escape(backend)}</dt><dd>{escape(reason)}</dd>"
        yield "</dl>"
