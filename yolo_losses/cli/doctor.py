"""`yolo-losses doctor`: what is wrong with a set of labels, and with raw outputs."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from .. import cfg
from ..data import (
    CLASS_NAMES,
    Labels,
    read_class_names,
    read_coco,
    read_npz,
    read_voc,
    read_yolo_rows,
    yolo_names,
)
from ..demo.versions import INPUT_SIZE, MODULES, argument
from ..doctor import Finding, Report, join
from ..doctor import doctor as look
from ..targets import Targets
from .group import fail, failures, main, need
from .inputs import config_of, heads_of, images_of, size_of

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
def doctor(
    labels: str, cfg_file: str | None, version: str | None, preset: str | None, size: str | None,
    classes: int | None, raw: str | None,
) -> None:  # fmt: skip
    """What is wrong with labels, before they are trained on.

    LABELS is a folder of YOLO txt files, a COCO json or a folder of Pascal VOC xml files. Of each
    kind of finding the first place and the count are printed: an error costs truths, a warning is
    an inference or costs much, a note is a fact. What the numbers alone cannot tell, as x and y
    exchanged, takes raw outputs to be seen.

    Exit code 0: nothing but notes; 1: errors or warnings; 2: cannot be read.

    \b
    Examples:
      yolo-losses doctor labels --cfg yolov4.cfg
      yolo-losses doctor labels --version v3 --preset coco --size 608 --raw heads.npz
    """
    need("cli", "the table", "rich")
    with failures():
        model = _model(cfg_file, version, preset, size)
        source = _source(labels)
        model = model._replace(num_classes=classes or model.num_classes or _classes(labels, source))
        report = join(_findings(labels, source, model, raw))
        _print(labels, report)
    raise SystemExit(0 if report.ok else 1)


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


def _source(labels: str) -> Labels | None:
    """Labels of a json or of xml files; None for a folder of text files."""
    path = Path(labels)
    if path.is_file():
        return read_coco(path)
    names = yolo_names(path)
    if not names and any(path.glob("*.xml")):
        return read_voc(path)
    if not names:
        fail(f"{labels} holds no label files")
    return None


def _classes(labels: str, source: Labels | None) -> int | None:
    """K of the files, if they have it."""
    if source is not None:
        return len(source.class_names)
    path = Path(labels) / CLASS_NAMES
    return len(read_class_names(path)) if path.exists() else None


def _findings(
    labels: str, source: Labels | None, model: Model, raw: str | None
) -> Iterator[Finding]:
    """All findings, batch by batch, with places in files; of raw outputs all images are one."""
    if source is not None and source.left_out:
        yield Finding("no-area", "error", source.left_out[0], "a box has no area in its image",
                      "Drop the box.", len(source.left_out))  # fmt: skip
    heads, names, batch_size = None, None, BATCH
    if raw is not None:
        if source is not None:
            fail("--raw takes labels in text files")
        arrays = read_npz(raw)
        each = heads_of(raw, arrays, model.config)
        heads, batch_size = argument(model.config, each), each[0].shape[0] if each[0].ndim else 0
        names = images_of(raw, arrays, labels, batch_size)
    for part in _parts(labels, source, max(batch_size, 1), names):
        found = look(heads, part.targets, model.config,
                     num_classes=model.num_classes, size=model.size)  # fmt: skip
        yield from (_placed(finding, part) for finding in found)


def _parts(
    labels: str, source: Labels | None, batch_size: int, names: list[str] | None
) -> Iterator[Part]:
    """The labels of `batch_size` images at a time."""
    if source is not None:
        images = list(source.images)
        for k, targets in enumerate(source.batches(batch_size)):
            yield Part(images[k * batch_size :][: len(targets.boxes)], None, targets)
        return
    names = yolo_names(labels) if names is None else names
    for k in range(0, len(names), batch_size):
        files = [f"{name}.txt" for name in names[k : k + batch_size]]
        read = [read_yolo_rows(Path(labels) / file) for file in files]
        yield Part(files, [lines for _, lines in read], _padded([rows for rows, _ in read]))


def _padded(rows: list[np.ndarray]) -> Targets:
    """Rows as they stand; `pad_targets` would refuse what is to be seen."""
    table = np.zeros((len(rows), max(map(len, rows)), 5))
    valid = np.zeros(table.shape[:2], dtype=np.bool_)
    for n, of_image in enumerate(rows):
        table[n, : len(of_image)], valid[n, : len(of_image)] = of_image, True
    return Targets(table[..., 1:], table[..., 0].astype(np.int64), valid)


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
