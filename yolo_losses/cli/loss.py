"""`yolo-losses loss`: the loss of a caller's own arrays."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from .. import __version__
from ..demo.libraries import LIBRARIES, TERMS, library, loss_on
from ..demo.versions import MODULES, Case, argument, by_head, num_heads
from ..targets import Targets
from ..terms import LossTerms
from .group import failures, main, need
from .inputs import batch_of, config_of, of_labels


class Result(NamedTuple):
    """The terms of a batch, (N, S) each, and what they were computed from."""

    case: Case
    backend: str
    images: list[str]
    heads: list[np.ndarray]
    terms: LossTerms
    counts: dict[str, np.ndarray]


@main.command()
@click.option("--version", type=click.Choice(list(MODULES)), required=True, help="Of the loss.")
@click.option("--raw", required=True, metavar="FILE.npz", help="Raw outputs, see above.")
@click.option("--labels", required=True, metavar="LABELS", help="Of any format, see above.")
@of_labels
@click.option(
    "--backend",
    type=click.Choice(list(LIBRARIES)),
    default="numpy",
    show_default=True,
    help="Array library.",
)
@click.option(
    "--preset",
    metavar="NAME",
    help="Published configuration: coco, voc (v1, v2), tiny_coco (v3, v4).",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change the preset.")
@click.option("--json", "json_file", metavar="FILE", help="Save the result; - prints it alone.")
def loss(
    version: str, raw: str, labels: str, backend: str, preset: str | None,
    settings: tuple[str, ...], json_file: str | None, **options: str | None,
) -> None:  # fmt: skip
    """The terms of the loss of your own raw outputs, by image and head.

    FILE.npz holds `raw` (v1: N, S, S, B·5 + K; v2: N, H, W, A, 5 + K), or for v3 and v4 `head0`,
    `head1`, … (N, H, W, A, 5 + K) in the order of the config's masks; and, if you like, `images`, N
    strings.

    LABELS is a folder of YOLO txt files, lines `class x y w h` in fractions of the picture, which
    stay as they stand; a data.yaml of ultralytics, a COCO json of instances or a folder of Pascal
    VOC xml files, whose boxes are cut at the border of their image; or an .npz with targets.boxes
    (N, T, 4), targets.labels and targets.valid (N, T), and targets.ignore if you like. `images` has
    the names of the files there, with or without folders and ending; without it all labels are
    taken, folders by name, else in the order of the file.

    The default preset is coco, for v1 voc. --set may be repeated; values are Python literals, else
    strings. In JSON a term that is not finite is null.

    \b
    Examples:
      yolo-losses loss --version v2 --raw out.npz --labels labels --preset voc
      yolo-losses loss --version v3 --raw out.npz --labels labels \\
          --set coord_iou_threshold=None --set ignore_by=shape --json -
    """
    need("cli", "the table", *["rich"] * (json_file != "-"))
    with failures():
        case = Case(version, version, config_of(version, preset, settings))
        result = _compute(case, backend, raw, labels, **options)
        _save(result, json_file)
    if json_file != "-":
        _print(result)


def _compute(case: Case, backend: str, raw: str, labels: str, **options: str | None) -> Result:
    """Read the files and compute."""
    found = library(backend)
    images, heads, targets, _ = batch_of(case.version, case.config, raw, labels, **options)
    with np.errstate(all="ignore"):
        terms = loss_on(found, case, heads, targets)
        return Result(case, backend, images, heads, terms, _counts(case, heads, targets))


def _counts(case: Case, heads: list[np.ndarray], targets: Targets) -> dict[str, np.ndarray]:
    """Of `Matches`: positives and collisions (N, S), invalid and unassigned (N,)."""
    matches = by_head(case.module.assign(argument(case.config, heads), targets, case.config))
    of_heads = ("positives", "collisions")
    counts = {k: np.stack([getattr(m, k) for m in matches], axis=-1) for k in of_heads}
    return {**counts, "invalid": matches[0].invalid, "unassigned": matches[0].unassigned}


# Output.


def _save(result: Result, json_file: str | None) -> None:
    """Write the result as JSON to a file, or to stdout for -."""
    if json_file is None:
        return
    pairs = _plain(result).items()
    lines = (f"  {json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in pairs)
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    if json_file == "-":
        click.echo(text, nl=False)
    else:
        Path(json_file).write_text(text, encoding="utf-8")


def _plain(result: Result) -> dict[str, Any]:
    """A result in the types of JSON."""
    return {
        "yolo_losses": __version__,
        "version": result.case.version,
        "backend": result.backend,
        "dtype": str(result.heads[0].dtype),
        "config": asdict(result.case.config),
        "images": result.images,
        "terms": {name: _list(x) for name, x in result.terms._asdict().items()},
        "total": _list(result.terms.total),
        **{name: x.tolist() for name, x in result.counts.items()},
    }


def _list(x: np.ndarray) -> Any:
    """Nested lists; null for what is not finite."""
    if x.ndim:
        return [_list(v) for v in x]
    return float(x) if np.isfinite(x) else None


def _print(result: Result) -> None:
    """The table: a row an image and head, a row an image where heads are several, a sum."""
    from rich.console import Console

    from ..demo.tables import table

    case, heads = result.case, result.heads
    title = f"{case.version} loss on {result.backend}, {heads[0].dtype}"
    several = num_heads(case.config) is not None
    out = table(title, ["image", "grid"][: 1 + several], TERMS)
    for words, values in _rows(result):
        last = words[1] in ("all", "")  # of an image with several heads
        out.add_row(*words[: 1 + several], *(f"{v:.6g}" for v in values), end_section=last)
    console = Console()
    console.print(out)
    positives, collisions, invalid, unassigned = (v.sum() for v in result.counts.values())
    console.print(
        f"{positives} responsible predictors, {collisions} lost in collisions; truths that take "
        f"part in nothing: {invalid} invalid, {unassigned} unassigned.",
        highlight=False,
    )


def _rows(result: Result) -> Iterator[tuple[tuple[Any, str], np.ndarray]]:
    """Image and grid, and the five terms, row by row of the table."""
    from rich.text import Text

    terms, heads = result.terms, result.heads
    each = np.stack([*terms, sum(terms)], axis=-1)  # (N, S, 5)
    for name, of_image in zip(result.images, each, strict=True):
        for s, (x, values) in enumerate(zip(heads, of_image, strict=True)):
            yield (Text(name if s == 0 else ""), f"{x.shape[1]} × {x.shape[2]}"), values
        if len(heads) > 1:
            yield (Text(""), "all"), of_image.sum(axis=0)
    yield (Text("sum"), ""), each.sum(axis=(0, 1))
