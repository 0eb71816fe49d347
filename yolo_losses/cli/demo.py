"""`yolo-losses demo`."""

from pathlib import Path

import click

from ..demo.fit import STEPS
from .group import COUNT, failures, main, need


@main.command()
@click.option(
    "--out",
    metavar="DIR",
    default="yolo-losses-demo",
    show_default=True,
    help="Folder of the figures.",
)
@click.option("--seed", type=COUNT, default=0, show_default=True, help="Of the raw outputs.")
@click.option("--steps", type=COUNT, default=STEPS, show_default=True, help="Of each fit.")
def demo(out: str, seed: int, steps: int) -> None:
    """Compute and fit all four losses on four labelled photographs.

    Prints the terms of random raw outputs on every installed array library, fits the raw outputs
    to the labels by the gradient alone, prints what became of each object, and draws it, a PNG a
    version. Needs no array library but NumPy.

    \b
    Example:
      yolo-losses demo --out pictures --seed 1
    """
    need("demo", "the demo", "rich", "matplotlib", "skimage")
    from rich.console import Console

    from ..demo.run import run

    with failures():
        run(Path(out), seed, steps, Console(), Console(stderr=True))
