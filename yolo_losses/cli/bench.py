"""`yolo-losses bench`: times of all losses on all installed libraries."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from ..bench import problems
from ..bench.environment import ALLOCATORS, processors
from ..bench.machine import slug
from ..bench.results import CALLS, Result, problems_of
from ..bench.run import Plan, run
from ..bench.sweep import CALL
from ..bench.ways import WAYS
from ..demo.versions import MODULES
from .group import fail, failures, main, need

POSITIVE = click.IntRange(1)
ALL = "all"


_USUAL = tuple(way for way, place in WAYS.items() if not place.slow)


class Defaults(NamedTuple):
    """What is measured where nothing is said."""

    ways: tuple[str, ...] = _USUAL
    versions: tuple[str, ...] = tuple(MODULES)
    rules: tuple[str, ...] = problems.RULES
    truths: int = problems.TRUTHS
    runs: int = 30


DEFAULTS = Defaults()
OF_SMOKE = Defaults(rules=("prior",), truths=3, runs=3)
OF_SWEEP = Defaults(ways=("numpy",), versions=("v3",))


Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def _repeated(flag: str, name: str, values: Sequence[str], help: str) -> Decorator:
    """An option that may be given several times."""
    return click.option(flag, name, type=click.Choice(values), multiple=True, help=help)


@main.command()
@_repeated("--version", "versions", list(MODULES), "Of the loss.")
@_repeated("--way", "ways", [*WAYS, ALL], "Library and device; all includes torch-compiled.")
@_repeated("--config", "configs", list(problems.CONFIGURATIONS), "Batch and image of v3 and v4.")
@_repeated("--ignore-by", "rules", problems.RULES, "Ignore rule of v3 and v4.")
@click.option("--truths", type=POSITIVE, help="Objects an image.  [default: 20]")
@click.option("--runs", type=POSITIVE, help="Of each call.  [default: 30]")
@click.option("--allocator", type=click.Choice(list(ALLOCATORS)), default="warm", show_default=True,
              help="warm: freed memory is kept.")  # fmt: skip
@click.option("--threads", type=POSITIVE, default=1, show_default=True, help="Of each library.")
@click.option("--sweep", is_flag=True, help="Vary batch, image and objects, one at a time.")
@click.option("--plot", metavar="FILE.png", help="Draw the sweep.")
@click.option("--json", "json_file", metavar="FILE", help="Save the result; - prints it alone.")
@click.option("--save", metavar="DIR", help="Keep the result there as YYYY-MM-DD-<cpu>.json.")
@click.option("--compile-time", is_flag=True, help="Measure compiling too, for 8 and 300 objects.")
@click.option("--memory/--no-memory", default=True, show_default=True, help="Measure memory too.")
@click.option("--smoke", is_flag=True, help="Tiny sizes, a few runs: does everything work?")
def bench(plot: str | None, json_file: str | None, save: str | None, **options: Any) -> None:
    """Time all losses on all installed libraries, against a floor.

    Each library runs in a process of its own. The floor is what a loss with a dense gradient cannot
    do without: one zero gradient, and one read of objectness. A ratio is a time in multiples of it,
    measured in the same process in turns. Every total and gradient is compared with NumPy in
    float64; the exit code is 1 if one is wrong or fails.

    Configurations of v3 and v4, 80 classes: A: batch 8, 416 × 416; B: batch 16, 608 × 608; C, on a
    GPU: batch 64, 608 × 608. v1 and v2 have one, batch 64, 20 classes. An option that may be
    repeated stands for everything if left out; torch-compiled, which takes a minute a
    problem, is measured when it is named. A sweep is of v3 on NumPy if nothing is said.

    \b
    Examples:
      yolo-losses bench --version v3 --way numpy --config A
      yolo-losses bench --save results
      yolo-losses bench --sweep --plot growth.png
    """
    need("bench", "the benchmark", "rich", *["matplotlib"] * bool(plot))
    with failures():
        plan = _plan(**options)
        _check_outputs(plot, json_file, save, plan)
        result = _run(plan)
        _output(result, plot, json_file, save)
    if problems_of(result):
        raise click.exceptions.Exit(1)


def _plan(
    versions: Sequence[str], ways: Sequence[str], configs: Sequence[str], rules: Sequence[str],
    truths: int | None, runs: int | None, allocator: str, threads: int, sweep: bool,
    compile_time: bool, memory: bool, smoke: bool,
) -> Plan:  # fmt: skip
    """What the options say, with defaults for what they leave open."""
    if sweep and (configs or compile_time):
        fail("--sweep has sizes of its own: leave out --config and --compile-time")
    free = len(processors())
    if free and threads > free:
        fail(f"--threads must be at most {free}, the processors that may be used, got {threads}")
    kind = OF_SMOKE if smoke else DEFAULTS
    which = OF_SWEEP if sweep else kind
    return Plan(
        ways=tuple(WAYS) if ALL in ways else tuple(dict.fromkeys(ways)) or which.ways,
        versions=tuple(dict.fromkeys(versions)) or which.versions,
        configs=tuple(dict.fromkeys(configs)),
        rules=tuple(dict.fromkeys(rules)) or kind.rules,
        truths=truths or kind.truths, runs=runs or kind.runs,
        calls=(CALL,) if sweep else CALLS, allocator=allocator, threads=threads,
        memory=memory and not sweep, compile_time=compile_time, sweep=sweep, smoke=smoke,
    )  # fmt: skip


def _check_outputs(plot: str | None, json_file: str | None, save: str | None, plan: Plan) -> None:
    """Before anything is measured: what cannot be written."""
    if plot and not plan.sweep:
        fail("--plot draws a sweep: add --sweep")
    if plot and not plot.endswith(".png"):
        fail(f"--plot must be a file *.png, got {plot!r}")
    for path in (Path(name) for name in (plot, json_file) if name not in (None, "-")):
        if path.is_dir() or not path.parent.is_dir():
            fail(f"{path}: it cannot be written, there is {'a' if path.is_dir() else 'no'} folder")
    if save:
        Path(save).mkdir(parents=True, exist_ok=True)


def _run(plan: Plan) -> Result:
    """Measure, with a bar on stderr that moves with each result alone."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bars:
        tasks: dict[str, Any] = {}

        def tick(way: str, done: int, total: int) -> None:
            if way not in tasks:
                tasks[way] = bars.add_task(way, total=total)
            bars.update(tasks[way], completed=done, refresh=True)

        result = run(plan, tick)
    if not result["measurements"]:
        reasons = (f"{way}: {about.get('absent')}" for way, about in result["ways"].items())
        fail(f"nothing can be measured: {'; '.join(reasons)}")
    return result


def _output(result: Result, plot: str | None, json_file: str | None, save: str | None) -> None:
    """Tables, files, or JSON alone."""
    text = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    written = [_new_file(Path(save), result)] if save else []
    written += [Path(json_file)] if json_file not in (None, "-") else []
    for path in written:
        path.write_text(text, encoding="utf-8")
    if plot and result["growth"]:
        from ..bench.figure import write

        written.append(write(result, Path(plot)))
    if json_file == "-":
        click.echo(text, nl=False)
    else:
        _print(result, written)


def _print(result: Result, written: Sequence[Path]) -> None:
    from rich.console import Console

    from ..bench.report import show

    console = Console()
    show(result, console)
    for path in written:
        console.print(f"wrote {path}", soft_wrap=True, markup=False, highlight=False)


def _new_file(folder: Path, result: Result) -> Path:
    """A name that no earlier result of the day has."""
    stem = f"{result['date'][:10]}-{slug(result['machine']['cpu'])}"
    names = (f"{stem}{'' if k == 1 else f'-{k}'}.json" for k in range(1, 1000))
    return next(path for path in (folder / name for name in names) if not path.exists())
