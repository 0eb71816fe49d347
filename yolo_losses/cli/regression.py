"""`yolo-losses regression`: the simulation experiment of DIOU."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ..bench.environment import processors
from ..bench.machine import describe
from ..demo.libraries import LIBRARIES, library
from ..experiments.regression import GOOD, POINTS, STEPS
from ..experiments.regression_results import Result, Run, collect, marks, pairs
from ..experiments.regression_rules import LOSSES
from .group import COUNT, fail, failures, main, need

POSITIVE = click.IntRange(1)
USUAL = ("exact", "authors")


@main.command()
@click.option("--loss", "losses", type=click.Choice(LOSSES), multiple=True, help="[default: all]")
@click.option("--rule", "rules", multiple=True, metavar="RULE", default=USUAL, show_default=True,
              help="What is taken for the gradient.")  # fmt: skip
@click.option("--seed", "seed", type=COUNT, multiple=True, help="Of the points.  [default: 0]")
@click.option("--seeds", type=POSITIVE, metavar="K", help="The seeds 0 … K − 1.")
@click.option("--points", type=POSITIVE, default=POINTS, show_default=True, help="Of each seed.")
@click.option("--steps", type=POSITIVE, default=STEPS, show_default=True)
@click.option("--backend", type=click.Choice(list(LIBRARIES)), default="numpy", show_default=True)
@click.option("--workers", type=POSITIVE, help="Processes.  [default: one a processor]")
@click.option("--out", metavar="DIR", default="yolo-losses-regression", show_default=True,
              help="Folder of regression.json and regression.png.")  # fmt: skip
def regression(
    losses: Sequence[str], rules: Sequence[str], seed: Sequence[int], seeds: int | None,
    points: int, steps: int, backend: str, workers: int | None, out: str,
) -> None:  # fmt: skip
    """Move boxes to a target by the gradient of IOU, GIOU, DIOU and CIOU.

    The simulation of the paper of DIOU: 1,715,000 cases with 5000 points. A RULE says what is taken
    for the gradient: exact, that of the formulas; authors, that of the program which the published
    curves come from; darknet, that of AlexeyAB's; or some of the errors of the authors' program,
    joined by +: unclamped, doubled, crossed, covering, sign, unscaled. They are explained in
    yolo_losses/experiments/regression_rules.py.

    \b
    Examples:
      yolo-losses regression --points 500
      yolo-losses regression --backend jax --seeds 5 --rule exact --rule sign+doubled --loss diou
    """
    need("bench", "the experiment", "rich", "matplotlib")
    if seed and seeds:
        fail("--seed and --seeds exclude each other")
    chosen = tuple(range(seeds)) if seeds else tuple(dict.fromkeys(seed)) or (0,)
    losses, rules = tuple(dict.fromkeys(losses)) or LOSSES, tuple(dict.fromkeys(rules))
    with failures():
        library(backend)
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        with _progress(pairs(losses, rules), points * len(chosen)) as tick:
            result = collect(
                losses, rules, chosen, num_points=points, steps=steps, backend=backend,
                workers=workers or len(processors()) or 1, machine=describe(), tick=tick,
            )  # fmt: skip
        _output(result, folder)


@contextmanager
def _progress(tasks: Sequence[tuple[str, str]], total: int) -> Iterator[Any]:
    """Bars on stderr, one a loss and rule."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        rows = {task: bars.add_task(" ".join(task), total=total, start=False) for task in tasks}

        def tick(loss: str, rule: str, done: int) -> None:
            bars.start_task(rows[loss, rule])
            bars.advance(rows[loss, rule], done)

        yield tick


def _output(result: Result, folder: Path) -> None:
    """Table and files."""
    from rich.console import Console

    from ..experiments.regression_figure import write

    console = Console()
    _print(result, console)
    data = folder / "regression.json"
    data.write_text(text_of(result), encoding="utf-8")
    for path in (data, write(result, folder / "regression.png")):
        console.print(f"wrote {path}", soft_wrap=True, markup=False, highlight=False)


def text_of(result: Result) -> str:
    """JSON, a line a run."""
    runs = ",\n".join(json.dumps(run, separators=(",", ":")) for run in result["runs"])
    head = json.dumps({**result, "runs": []}, indent=1, ensure_ascii=False)
    return head.replace('"runs": []', f'"runs": [\n{runs}\n]') + "\n"


def _print(result: Result, console: Any) -> None:
    """A line a run: errors, and what became of the cases; means of the seeds."""
    from ..demo.tables import table

    steps, cases = marks(result["steps"]), result["cases"]
    title = f"Error summed over {cases:,} cases; seeds {', '.join(map(str, result['seeds']))}"
    names = ["rule", "loss"]
    errors = table(title, names, [*(f"step\n{t}" for t in steps), "±"])
    ends = table("Cases in the end", names, [f"IOU > {GOOD}", "apart", "held", "seconds"])
    for run in result["runs"]:
        after = [_short(run["error"][t]) for t in steps]
        shares = [f"{_mean(run[key]) / cases:.2%}" for key in ("good", "apart", "floored")]
        errors.add_row(run["rule"], run["loss"], *after, _spread(run))
        ends.add_row(run["rule"], run["loss"], *shares, f"{_mean(run['seconds']):.1f}")
    console.print(errors, "", ends)
    console.print(
        "±: half the range of the seeds, last step. Apart: without overlap. Held: w or h would",
        f"have been below {result['floor']} after some step. Seconds: a seed, {result['backend']},",
        f"{result['workers']} processes.\n", highlight=False,
    )  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _short(error: float) -> str:
    """Three digits: 1.35e6."""
    return f"{error:.2e}".replace("e+0", "e").replace("e+", "e")


def _spread(run: Run) -> str:
    final = [*run["by_seed"].values()][-1]
    return _short((max(final) - min(final)) / 2) if len(final) > 1 else ""
