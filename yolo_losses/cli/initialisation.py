"""`yolo-losses initialisation`: which term pulls on a network that knows nothing yet."""

from collections.abc import Sequence

import click

from ..experiments import initialisation as experiment
from ..experiments import initialisation_figure
from ..experiments.initialisation import SCALE, TERMS, Pull
from .group import COUNT, failures, main, need


@main.command()
@click.option("--seed", type=COUNT, default=0, show_default=True, help="Of the raw outputs.")
@click.option("--scale", type=click.FloatRange(0), default=SCALE, show_default=True,
              help="Standard deviation of the raw outputs, logits.")  # fmt: skip
@click.option("--plot", "picture", metavar="FILE.png", help="Draw it.")
def initialisation(seed: int, scale: float, picture: str | None) -> None:
    """Gradients of the four losses, term by term, before anything is learned.

    Raw outputs are near 0, labels those of the demo's four photographs. Prints the norm of each
    term's gradient with all λ = 1 and with the published λ, how many times the cells without an
    object outweigh those with one, and for a picture with 1, 2, 4 … objects the same ratio.

    \b
    Example:
      yolo-losses initialisation --plot initialisation.png
    """
    need("demo", "the photographs", "rich", "skimage", *["matplotlib"] * bool(picture))
    from ..demo.photographs import class_names, photographs, targets

    pictures = photographs()
    fullest = max(pictures, key=lambda p: len(p.boxes))
    num_classes = len(class_names())
    with failures():
        pulls = experiment.pulls(targets(pictures), num_classes, seed=seed, scale=scale)
        by_count = experiment.against_objects(
            fullest.boxes, fullest.labels, num_classes, seed=seed, scale=scale
        )
        _print(pulls, by_count, fullest.name)
        if picture:
            initialisation_figure.write(picture, pulls, by_count)


def _print(pulls: Sequence[Pull], by_count: dict[int, list[Pull]], name: str) -> None:
    from rich.console import Console

    from ..demo.tables import table

    console = Console()
    title = "Norm of the gradient of each term, four photographs"
    out = table(title, ["version", "λ"], [*TERMS, "noobj / others"])
    for p in pulls:
        norms = (f"{p.norm[term]:.3g}" for term in TERMS)
        out.add_row(*_words(p), *norms, f"{p.noobj_over_others:.2f}", end_section=p.published)
    console.print(out, "")
    title = f"noobj / others, {name} with its first 1, 2, 4 … objects"
    out = table(title, ["version", "λ"], list(map(str, by_count)))
    for column in zip(*by_count.values(), strict=True):
        ratios = (f"{p.noobj_over_others:.2f}" for p in column)
        out.add_row(*_words(column[0]), *ratios, end_section=column[0].published)
    console.print(out)


def _words(pull: Pull) -> tuple[str, str]:
    return pull.version, "published" if pull.published else "1"
