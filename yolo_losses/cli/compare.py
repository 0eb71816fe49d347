"""`yolo-losses compare`: another implementation's numbers against the formula."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from .. import cfg, plot
from ..crosscheck import Report
from ..crosscheck import compare as hold
from ..crosscheck.configs import config_of
from ..crosscheck.files import read
from ..crosscheck.problem import MODULES
from .group import fail, failures, main, need
from .inputs import setting


@main.command()
@click.argument("file", metavar="FILE")
@click.option("--version", type=click.Choice(list(MODULES)), help="Of the formula.")
@click.option("--preset", metavar="NAME", help="Published configuration: coco, voc, tiny_coco.")
@click.option("--cfg", "cfg_file", metavar="FILE.cfg", help="A darknet cfg file, for the config.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change the config.")
@click.option("--json", "json_file", metavar="FILE", help="Save the answer; - prints it alone.")
@click.option("--picture", metavar="FILE.png", help="Save a map of the errors over the grid.")
@click.option("--no-search", is_flag=True, help="Do not look for the convention that explains it.")
def compare(
    file: str, version: str | None, preset: str | None, cfg_file: str | None,
    settings: tuple[str, ...], json_file: str | None, picture: str | None, no_search: bool,
) -> None:  # fmt: skip
    """Where and why your implementation differs from the formula.

    FILE is an .npz or .safetensors file (nothing in it is executed) with the inputs raw.0, raw.1, …
    (one array a head, as `yolo-losses loss` takes them), targets.boxes (N, T, 4),
    targets.labels (N, T), targets.valid (N, T), and any of your results:

    \b
      boxes.0 … obj.0 … cls.0 …     decoded predictions, fractions of the image
      iou.0 …                       (N, T, A), of truths and anchors
      responsible.0 …  ignored.0 …  (N, H, W, A) bool
      terms.box  terms.obj  terms.noobj  terms.cls    (N, S), (N,) or one number
      total                         (N,) or one number
      grad.0 …                      like the raw outputs

    The file may hold strings `version` and `config` (JSON, or a preset's name) as well.

    Exit code 0: agrees; 1: differs; 2: cannot be compared.

    \b
    Examples:
      yolo-losses compare mine.npz --version v3 --preset coco
      yolo-losses compare mine.npz --cfg yolov4.cfg --picture errors.png
    """
    if picture:
        need("plot", "the picture", "matplotlib")
    with failures():
        given = read(file)
        config = _config(given, version, preset, cfg_file, settings)
        report = hold(given, config=config, search=not no_search)
        _answer(report, json_file)
        if picture:
            _picture(report, picture)
    raise SystemExit(0 if report.agrees else 1)


def _config(
    given: dict[str, Any], version: str | None, preset: str | None, cfg_file: str | None,
    settings: tuple[str, ...],
) -> Any:  # fmt: skip
    """From a cfg file, a preset or the file itself, with changes."""
    if cfg_file is not None:
        config = cfg.load(cfg_file).config
        if config is None:
            fail(f"{cfg_file} holds no loss of one version")
    else:
        stored = {k: str(given[k]) for k in ("version", "config") if k in given}
        config = config_of(preset or stored.get("config"), version or stored.get("version"))
    return replace(config, **dict(setting(text, type(config)) for text in settings))


def _answer(report: Report, json_file: str | None) -> None:
    text = json.dumps(report.as_dict(), indent=2, allow_nan=False)
    if json_file == "-":
        click.echo(text)
        return
    if json_file is not None:
        Path(json_file).write_text(text + "\n", encoding="utf-8")
    click.echo(str(report))


def _picture(report: Report, path: str) -> None:
    """A map of the errors of the first stage that differs, by head."""
    from matplotlib.figure import Figure

    difference = report.difference
    if difference is None or not difference.has_places:
        click.echo("yolo-losses: no picture: no error has a place on the grid", err=True)
        return
    onto = Figure((1 + 4 * len(difference.errors), 4.2), layout="constrained")
    plot.error_maps(difference, onto).savefig(path, dpi=120)
