"""`python -m conformance.run`."""

import json
import os
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from conformance.run import junit, page, text
from conformance.run.results import Run
from conformance.run.work import (
    DTYPES,
    Job,
    Outcome,
    distribute,
    jobs,
    library_version,
    missing,
    names,
)
from yolo_losses.testing import cases
from yolo_losses.testing import version as vectors_version

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("wanted", nargs=-1, metavar="[VERSION | KIND | ID]…")
@click.option(
    "--backend", metavar="NAME", help="One library: numpy, torch, torch-lent, jax, dask …"
)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Where; else everywhere.")
@click.option("--dtype", type=click.Choice(DTYPES), help="One dtype; else both.")
@click.option(
    "--compile", "compiled", is_flag=True, help="torch.compile too, some ten seconds a config."
)
@click.option("--processes", type=click.IntRange(1), help="How many; else one a core.")
@click.option("--junit", "junit_file", type=FILE, metavar="FILE.xml", help="Save as JUnit XML.")
@click.option("--json", "json_file", type=FILE, metavar="FILE.json", help="Save as JSON.")
@click.option("--html", "html_file", type=FILE, metavar="FILE.html", help="Save a page to look at.")
def main(
    wanted: tuple[str, ...], backend: str | None, device: str | None, dtype: str | None,
    compiled: bool, processes: int | None, junit_file: Path | None, json_file: Path | None,
    html_file: Path | None,
) -> None:  # fmt: skip
    """Hold this package against all vectors, on all installed libraries.

    Exit code 0: all conform, but for the known deviations of conformance/xfails; 1: some do not;
    2: nothing to run.

    \b
    Examples:
      python -m conformance.run
      python -m conformance.run v3 box --backend torch --device cuda --dtype float32
    """
    console, start = Console(), time.perf_counter()
    try:
        selected = cases(*wanted)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if not selected:
        msg = f"no case is all of {', '.join(wanted)}"
        raise click.UsageError(msg)
    asked = names(backend, device, compiled=compiled)
    if not asked:
        msg = f"no such library: {backend}, on {device or 'any device'}"
        raise click.UsageError(msg)
    absent = {name: reason for name in asked if (reason := missing(name))}
    here = [name for name in asked if name not in absent]
    work_list = jobs(here, [dtype] if dtype else DTYPES, selected)
    found = _all(work_list, processes or os.cpu_count() or 1, console)
    run = Run(found, {name: library_version(name) for name in here}, absent, vectors_version(),
              time.perf_counter() - start)  # fmt: skip
    text.show(run, console)
    _save(run, junit_file, json_file, html_file)
    raise SystemExit(2 if not found else 1 if run.failures() else 0)


def _all(work_list: list[Job], processes: int, console: Console) -> list[Outcome]:
    """Everything, with a bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn())  # fmt: skip
    found = []
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("files", total=len(work_list))
        for outcomes in distribute(work_list, processes):
            found += outcomes
            bar.advance(task)
    return found


def _save(run: Run, junit_file: Path | None, json_file: Path | None, html: Path | None) -> None:
    if junit_file:
        junit.write(run, junit_file)
    if json_file:
        data = json.dumps(run.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)
        json_file.write_text(data + "\n", encoding="utf-8")
    if html:
        page.write(run, html)


if __name__ == "__main__":
    main()
