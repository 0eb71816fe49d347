"""`yolo-losses explain`: one object's way through a loss, in numbers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shutil import get_terminal_size
from typing import NamedTuple

import click
import numpy as np

from ..data import CLASS_NAMES, read_class_names, read_yolo_folder
from ..demo.fit import fit
from ..demo.photographs import LABELS, PICTURES, object_names
from ..demo.versions import MODULES, Case, argument, cases, random_raw
from ..explain import explain as walk
from ..targets import Targets, pad_targets
from .group import COUNT, fail, failures, main
from .inputs import batch_of, config_of, of_labels, setting

WIDEST = 100  # columns; longer lines are hard to read


class Source(NamedTuple):
    """What is explained, and the names of everything in it."""

    case: Case
    images: Sequence[str]
    heads: list[np.ndarray]
    targets: Targets
    classes: Sequence[str]

    def objects(self, image: int) -> tuple[str, ...]:
        """The names of an image's objects, where its classes have names."""
        labels = self.targets.labels[image][self.targets.valid[image]]
        known = (labels < len(self.classes)).all()
        return object_names(labels, self.classes) if known else ()


@main.command()
@click.option("--version", type=click.Choice(list(MODULES)), required=True, help="Of the loss.")
@click.option("--image", metavar="NAME", default="0", help="Name or number.  [default: the first]")
@click.option("--object", "truth", metavar="NAME", default="0",
              help="Name or number, from 0.  [default: the first]")  # fmt: skip
@click.option("--raw", metavar="FILE.npz", help="Raw outputs of your own.")
@click.option("--labels", metavar="LABELS", help="Of any format.")
@of_labels
@click.option("--preset", metavar="NAME", help="Published configuration: coco, voc, tiny_coco.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change the preset.")
@click.option("--seed", type=COUNT, default=0, show_default=True, help="Of the demo's raw outputs.")
@click.option("--fitted", is_flag=True, help="The demo's raw outputs after its fit.")
@click.option("--markdown", metavar="FILE.md", help="Save as Markdown; - prints it alone.")
def explain(
    version: str, image: str, truth: str, raw: str | None, labels: str | None, preset: str | None,
    settings: tuple[str, ...], seed: int, fitted: bool, markdown: str | None,
    **options: str | None,
) -> None:  # fmt: skip
    """Walk one object through the loss, every number put in.

    Its cell, its anchors, the predictors that it holds, their terms, what is ignored around it,
    collisions, and its share of the image's total. Every line can be followed with a pocket
    calculator.

    Without --raw and --labels the object is one of the demo's photographs, by name as the demo
    prints it, with the demo's seeded raw outputs and, for v2, its preset voc. Files, labels,
    presets and --set are those of `yolo-losses loss`; where classes have names, as in the
    classes.txt of a folder, objects have them too.

    \b
    Examples:
      yolo-losses explain --version v3 --image coins --object "coin 7"
      yolo-losses explain --version v4 --image astronaut --object 5 --fitted --markdown flag.md
      yolo-losses explain --version v3 --raw heads.npz --labels labels --image 2 --object 0
    """
    with failures():
        if raw is not None and labels is not None:
            if fitted:
                fail("--fitted is for the demo's raw outputs: leave out --raw and --labels")
            source = _of_files(version, raw, labels, preset, settings, options)
        elif raw is None and labels is None:
            source = _of_demo(version, preset, settings, seed, fitted)
        else:
            fail("--raw and --labels belong together: give both, or neither for the demo's")
        _answer(source, image, truth, markdown)


def _of_files(
    version: str, raw: str, labels: str, preset: str | None, settings: Sequence[str],
    options: dict[str, str | None],
) -> Source:  # fmt: skip
    """The caller's own arrays."""
    case = Case(version, version, config_of(version, preset, settings))
    return Source(case, *batch_of(version, case.config, raw, labels, **options))


def _of_demo(
    version: str, preset: str | None, settings: Sequence[str], seed: int, fitted: bool
) -> Source:
    """The photographs of the demo, which itself is not needed to know their labels."""
    case = next(case for case in cases() if case.version == version)
    changes = dict(setting(text, type(case.config)) for text in settings)
    config = replace(case.config, **changes) if preset is None else None
    case = case._replace(config=config or config_of(version, preset, settings))
    targets = pad_targets(*read_yolo_folder(LABELS, PICTURES))
    classes = read_class_names(LABELS / CLASS_NAMES)
    heads = random_raw(case, seed, len(PICTURES), len(classes))
    heads = [x.astype(np.float32) for x in heads]
    if fitted:
        heads = fit(case, heads, targets).raw
    return Source(case, PICTURES, heads, targets, classes)


def _answer(source: Source, image: str, truth: str, markdown: str | None) -> None:
    """Print and save."""
    n = _index("--image", "images", image, source.images)
    names = source.objects(n)
    numbers = [str(k) for k in range(int(source.targets.valid[n].sum()))]
    if not numbers:
        fail(f"{source.images[n]} has no objects")
    t = _index("--object", "objects", truth, names or numbers)
    raw = argument(source.case.config, source.heads)
    found = walk(raw, source.targets, source.case.config, n, t,
                 class_names=source.classes, truth_names=names)  # fmt: skip
    found = replace(found, title=f"{found.title}, {source.images[n]}")
    if markdown == "-":
        click.echo(found.markdown(), nl=False)
        return
    if markdown is not None:
        Path(markdown).write_text(found.markdown(), encoding="utf-8")
    click.echo(found.text(min(get_terminal_size().columns, WIDEST)), nl=False)


def _index(flag: str, what: str, text: str, names: Sequence[str]) -> int:
    """A name, or a number from 0."""
    if text in names:
        return list(names).index(text)
    if not (text.isascii() and text.isdigit() and int(text) < len(names)):
        fail(f"{flag} must be one of the {len(names)} {what}: {', '.join(names)}; got {text!r}")
    return int(text)
