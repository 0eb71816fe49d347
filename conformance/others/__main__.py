"""`python -m conformance.others`."""

import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from conformance.others import text
from conformance.others.registry import LIBRARIES
from conformance.others.survey import Report, survey
from yolo_losses.testing import version as vectors_version

WIDE = 140  # of the table


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("wanted", nargs=-1, metavar="[PACKAGE]…")
@click.option("--function", metavar="TEXT", help="Only functions with this in their names.")
@click.option("--every", is_flag=True, help="List the cases that are near, too.")
@click.option("--markdown", is_flag=True, help="Only the table, to put into a page.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path),
              metavar="FILE.json", help="Save as JSON.")  # fmt: skip
def main(
    wanted: tuple[str, ...], function: str | None, every: bool, markdown: bool,
    json_file: Path | None,
) -> None:  # fmt: skip
    """Ask functions of other packages the cases of the vectors, those that are installed.

    Exit code 0: asked, whatever the answers are; 2: nothing to ask.

    \b
    Examples:
      python -m conformance.others
      python -m conformance.others torchvision --function complete_box_iou
    """
    console = Console(soft_wrap=True, highlight=False, markup=False)
    if unknown := [name for name in wanted if name not in LIBRARIES]:
        msg = f"no table for {', '.join(unknown)}; there are {', '.join(LIBRARIES)}"
        raise click.UsageError(msg)
    reports, left_out = [], []
    for found in survey([LIBRARIES[name] for name in wanted or LIBRARIES], function or ""):
        if isinstance(found, Report):
            reports.append(found)
            if not markdown:
                console.print(*text.lines(found, every=every), "", sep="\n")
        else:
            left_out.append(found)
    if markdown:
        console.print(*text.markdown(reports), sep="\n")
    else:
        _close(console, reports, left_out)
    if json_file:
        _save(json_file, reports, left_out)
    raise SystemExit(0 if reports else 2)


def _close(
    console: Console, reports: Sequence[Report], left_out: Sequence[tuple[str, str]]
) -> None:
    if reports:
        console.width = max(console.width, WIDE)
        console.print(text.table(reports), soft_wrap=False)
    for name, reason in left_out:
        console.print(f"left out: {name}, {reason}")


def _save(file: Path, reports: Sequence[Report], left_out: Sequence[tuple[str, str]]) -> None:
    data = {"vectors": vectors_version(), "left_out": dict(left_out),
            "functions": [text.as_dict(report) for report in reports]}  # fmt: skip
    text_of = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
    file.write_text(text_of + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
