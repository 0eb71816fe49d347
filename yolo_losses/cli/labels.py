"""`yolo-losses labels`: what a set of labels holds."""

import click
import numpy as np

from ..data import READERS, Labels, format_of
from .group import failures, main, need
from .inputs import of_labels, options_of

FAULTS = ("without area", "twice")


@main.command()
@click.argument("path", metavar="PATH")
@of_labels
@click.pass_context
def labels(ctx: click.Context, path: str, split: str | None, names: str | None) -> None:
    """What a set of labels holds.

    PATH is a COCO json of instances, a folder of Pascal VOC xml files, a folder of YOLO txt files
    or a data.yaml.

    Exit code 0: all boxes are sound; 1: some have no area, or are there twice; 2: cannot be read.

    \b
    Examples:
      yolo-losses labels instances_train2017.json
      yolo-losses labels data.yaml --split val
    """
    need("cli", "the progress bar", "rich")
    with failures():
        kind = format_of(path)
        found = _read(kind, path, options_of(path, split, names))
    click.echo(_report(kind, found))
    ctx.exit(int(any(found.counts[key] for key in FAULTS)))


def _read(kind: str, path: str, options: dict[str, str]) -> Labels:
    """The set, with a bar on stderr where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("labels", total=None)
        return READERS[kind](
            path,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            **options,
        )


def _report(kind: str, found: Labels) -> str:
    """Lines of counts, sizes and classes."""
    per_image = np.bincount(found.image, minlength=len(found.images))
    per_class = np.bincount(found.labels, minlength=len(found.class_names))
    lines = [f"format                {kind}"]
    lines += [f"{key:<20}  {value}" for key, value in found.counts.items()]
    lines += [f"{'most in an image':<20}  {per_image.max(initial=0)}"]
    if len(found.boxes):
        lines += ["", "fraction of the image   least  median    most"]
        for name, column in (("width", 2), ("height", 3)):
            numbers = np.quantile(found.boxes[:, column], (0, 0.5, 1))
            lines += [f"{name:<20}  " + "  ".join(f"{x:6.4f}" for x in numbers)]
    lines += ["", "class  in the file  boxes  name"]
    for key, k in found.categories.items():
        lines += [f"{k:>5}  {key!s:>11}  {per_class[k]:>5}  {found.class_names[k]}"]
    lines += [f"left out: {place}" for place in found.left_out[:10]]
    return "\n".join(lines)
