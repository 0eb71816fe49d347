"""`yolo-losses doctor`: what is wrong with a set of labels, and with raw outputs."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from .. import cfg
from ..data import read_npz
from ..data.data_yaml import SUFFIXES, label_files
from ..demo.versions import INPUT_SIZE, MODULES, argument
from ..doctor import Finding, Report, join
from ..doctor import doctor as look
from ..targets import Image, Targets, padded
from .group import fail, failures, main, need
from .inputs import (
    LabelSet,
    TextFiles,
    config_of,
    heads_of,
    images_of,
    labels_of,
    of_labels,
    options_of,
    size_of,
)

BATCH = 256  # images at a time: some MB of matches


class Model(NamedTuple):
    """What the labels are for."""

    config: Any
    size: tuple[float, float]  # of the network input, pixels
    num_classes: int | None


class Part(NamedTuple):
    """A batch of labels, and where its rows are from."""

    names: list[str]
    lines: list[list[int]] | None  # of text files
    targets: Targets


@main.command()
@click.argument("labels", metavar="LABELS")
@click.option("--cfg", "cfg_file", metavar="FILE.cfg", help="A darknet cfg file, for the config.")
@click.option("--version", type=click.Choice(list(MODULES)), help="Of the loss, without --cfg.")
@click.option("--preset", metavar="NAME", help="Published configuration: coco, voc, tiny_coco.")
@click.option("--size", metavar="S or WxH",
              help=f"Network input, pixels; that of the cfg file, else {INPUT_SIZE}.")  # fmt: skip
@click.option("--classes", type=click.IntRange(1), metavar="K", help="That of the files.")
@click.option("--raw", metavar="FILE.npz", help="Raw outputs, as for `yolo-losses loss`.")
@of_labels
def doctor(
    labels: str, cfg_file: str | None, version: str | None, preset: str | None, size: str | None,
    classes: int | None, raw: str | None, split: str | None, names: str | None,
) -> None:  # fmt: skip
    """What is wrong with labels, before they are trained on.

    LABELS are of any format, as for `yolo-losses loss`. Of each kind of finding the first place and
    the count are printed: an error costs truths, a warning is an inference or costs much, a note is
    a fact. What the numbers alone cannot tell, as x and y exchanged, takes raw outputs to be seen.

    Exit code 0: nothing but notes; 1: errors or warnings; 2: cannot be read.

    \b
    Examples:
      yolo-losses doctor labels --cfg yolov4.cfg
      yolo-losses doctor labels --version v3 --preset coco --size 608 --raw heads.npz
    """
    need("cli", "the table", "rich")
    with failures():
        model = _model(cfg_file, version, preset, size)
        found = _labels(labels, split, names)
        if not found.images:
            fail(f"{labels} holds no labels")
        k = classes or model.num_classes or len(found.class_names) or None
        heads, indices = _raw_outputs(raw, model, labels, found)
        report = join(_findings(found, indices, heads, model._replace(num_classes=k)))
        _print(labels, report)
    raise SystemExit(0 if report.ok else 1)


def _labels(path: str, split: str | None, names: str | None) -> LabelSet:
    """Labels of any format; those of a data.yaml as they stand in its text files."""
    if Path(path).suffix not in SUFFIXES:
        return labels_of(path, split, names)
    files, class_names = label_files(Path(path), **options_of(path, split or "train", names))
    return TextFiles("", [str(file.with_suffix("")) for file in files], class_names)


def _model(
    cfg_file: str | None, version: str | None, preset: str | None, size: str | None
) -> Model:
    """Of a cfg file, or of a version and preset."""
    if (cfg_file is None) == (version is None):
        fail("doctor takes --cfg or --version")
    if version is not None:
        width, height = size_of(size or str(INPUT_SIZE)).tolist()
        return Model(config_of(version, preset, ()), (width, height), None)
    network = cfg.load(str(cfg_file))
    if network.config is None:
        fail(f"{cfg_file} holds no loss of one version")
    width, height = size_of(size).tolist() if size else (network.width, network.height)
    return Model(network.config, (width, height), network.classes)


def _raw_outputs(
    raw: str | None, model: Model, labels: str, found: LabelSet
) -> tuple[Any, Sequence[int]]:
    """Raw outputs and their images; without a file all images of the set."""
    if raw is None:
        return None, range(len(found.images))
    arrays = read_npz(raw)
    heads = heads_of(raw, arrays, model.config)
    num_images = heads[0].shape[0] if heads[0].ndim else 0
    _, indices = images_of(raw, arrays, labels, found, num_images)
    return argument(model.config, heads), indices


def _findings(
    found: LabelSet, indices: Sequence[int], heads: Any, model: Model
) -> Iterator[Finding]:
    """All findings, batch by batch, with places in files; of raw outputs all images are one."""
    if found.left_out:
        yield Finding("no-area", "error", found.left_out[0], "a box has no area in its image",
                      "Drop the box.", len(found.left_out))  # fmt: skip
    size = BATCH if heads is None else max(len(indices), 1)
    for k in range(0, max(len(indices), 1), size):
        part = _part(found, indices[k : k + size])
        for finding in look(heads, part.targets, model.config,
                            num_classes=model.num_classes, size=model.size):  # fmt: skip
            yield _placed(finding, part)


def _part(found: LabelSet, indices: Sequence[int]) -> Part:
    """Some images. Rows of text files stand as they are: `pad_targets` would refuse what is to be
    seen.
    """
    names = [found.images[n] for n in indices]
    if not isinstance(found, TextFiles):
        return Part(names, None, found.targets(indices))
    files, read = [f"{name}.txt" for name in names], [found.rows(name) for name in names]
    images = [Image(x[:, 1:], x[:, 0], np.zeros(len(x), dtype=np.bool_)) for x, _ in read]
    targets = padded(images, np.dtype(np.float64), with_regions=False)
    return Part(files, [lines for _, lines in read], targets)


def _placed(finding: Finding, part: Part) -> Finding:
    """With the file and line of its place, if it is a row."""
    if finding.image is None or finding.row is None:
        return finding
    name = part.names[finding.image]
    if part.lines is None:
        return replace(finding, place=f"{name}, row {finding.row}")
    return replace(finding, place=f"{name}, line {part.lines[finding.image][finding.row]}")


def _print(labels: str, report: Report) -> None:
    """The table."""
    from rich.console import Console
    from rich.text import Text

    from ..demo.tables import table

    if not len(report):
        click.echo("Nothing found.")
        return
    out = table(
        f"Findings in {labels}", ["", "finding", "first place", "what", "remedy"], ["count"]
    )
    for f in report:
        words = (f.severity, f.code, f.place, f.message, f.remedy)
        out.add_row(*map(Text, words), str(f.count))
    Console().print(out)
