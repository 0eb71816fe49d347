"""`yolo-losses anchors`: k-means anchors of labelled boxes."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click
import numpy as np

from .. import v2, v3, v4
from ..experiments import clusters, clusters_figure
from ..experiments.clusters import RESTARTS, UPDATE, Clusters
from .group import COUNT, fail, failures, main, need
from .inputs import labels_of, of_labels, size_of

STRIDE = 32  # of the region layer of yolov2, whose cfg file has anchors in cells
PUBLISHED: dict[str, Any] = {
    "v2.voc": v2.Config.voc(),
    "v2.coco": v2.Config.coco(),
    "v3.tiny_coco": v3.Config.tiny_coco(),
    "v3.coco": v3.Config.coco(),
    "v4.coco": v4.Config.coco(),
}


@main.command()
@click.argument("labels", metavar="LABELS")
@click.option("--k", type=click.IntRange(1), default=5, show_default=True, help="Anchors.")
@click.option("--size", default="416", show_default=True, metavar="S or WxH",
              help="Network input, pixels, that pictures are stretched to.")  # fmt: skip
@click.option("--update", type=click.Choice(list(UPDATE)), default="median", show_default=True,
              help="What an anchor becomes of its boxes.")  # fmt: skip
@click.option("--against", type=COUNT, default=0, help="Mean IOU for k = 1 … so many, too.")
@click.option("--restarts", type=click.IntRange(1), default=RESTARTS, show_default=True)
@click.option("--seed", type=COUNT, default=0, show_default=True, help="Of the first anchors.")
@click.option("--plot", "picture", metavar="FILE.png", help="Draw sizes, anchors and mean IOU.")
@of_labels
def anchors(
    labels: str, k: int, size: str, update: str, against: int, restarts: int, seed: int,
    picture: str | None, **of_set: str | None,
) -> None:  # fmt: skip
    """Anchors for your own labels: k-means by IOU, as YOLOv2 has it.

    LABELS are of any format, as for `yolo-losses loss`; regions to ignore are left out. Prints the
    anchors by rising area, in pixels and as lines for cfg files, and the mean IOU of the boxes
    with their best anchor, beside that of published anchors.

    \b
    Examples:
      yolo-losses anchors labels --k 5 --size 416
      yolo-losses anchors labels --k 9 --size 608x352 --against 12 --plot anchors.png
    """
    need("cli", "the table", "rich", *["matplotlib"] * bool(picture))
    with failures():
        sizes = _sizes(labels, size_of(size), **of_set)
        options: dict[str, Any] = {"seed": seed, "restarts": restarts}
        ks = range(1, min(against, len(np.unique(sizes, axis=0))) + 1)
        with _progress(restarts * (1 + len(ks) * len(UPDATE))) as tick:
            found = clusters.fit(sizes, k, update=update, tick=tick, **options)
            curves = clusters.against_k(sizes, ks, tick=tick, **options)
        _print(labels, sizes, found, curves)
        if picture:
            clusters_figure.write(picture, sizes, found, ks, curves)


def _sizes(labels: str, size: np.ndarray, **of_set: str | None) -> np.ndarray:
    """Sizes (M, 2) of all objects, pixels."""
    found = labels_of(labels, **of_set)
    images = (found.targets([n]) for n in range(len(found.images)))
    boxes = [targets.boxes[targets.objects] for targets in images]
    sizes: np.ndarray = np.concatenate([np.zeros((0, 4)), *boxes])[:, 2:] * size
    if not len(sizes):
        fail(f"{labels} holds no labelled box")
    return sizes


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """A bar on stderr, as a function that moves it on."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("k-means", total=total)
        yield partial(bars.advance, task)


def _print(labels: str, sizes: np.ndarray, found: Clusters, curves: dict[str, list[float]]) -> None:
    from rich.console import Console

    from ..demo.tables import table

    console = Console()
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    say(f"{len(sizes)} boxes of {labels}.\n")
    out = table("Anchors, pixels of the network input", [], ["width", "height", "boxes"])
    for (w, h), count in zip(found.anchors, found.counts, strict=True):
        out.add_row(f"{w:.1f}", f"{h:.1f}", str(count))
    console.print(out, "")
    say(f"yolo layer:   anchors = {_line(found.anchors, 0)}")
    say(f"region layer: anchors = {_line(found.anchors / STRIDE, 3)}\n")
    console.print(_compared(sizes, found))
    if any(curves.values()):
        console.print("", _against_k(curves))


def _line(anchors: np.ndarray, digits: int) -> str:
    """Anchors as a cfg file has them."""
    return ", ".join(f"{w:.{digits}f},{h:.{digits}f}" for w, h in anchors)


def _compared(sizes: np.ndarray, found: Clusters) -> Any:
    """Mean IOU of these anchors and of published ones."""
    from ..demo.tables import table

    out = table("Mean IOU with the best anchor", ["anchors"], ["k", "mean IOU"])
    out.add_row("these", str(len(found.anchors)), f"{found.mean_iou:.4f}")
    for name, config in PUBLISHED.items():
        other = clusters.evaluate(sizes, np.array(config.anchors, dtype=np.float64))
        out.add_row(name, str(len(other.anchors)), f"{other.mean_iou:.4f}")
    return out


def _against_k(curves: dict[str, list[float]]) -> Any:
    from ..demo.tables import table

    out = table("Mean IOU against k", [], ["k", *(f"{name} update" for name in curves)])
    for k, values in enumerate(zip(*curves.values(), strict=True), 1):
        out.add_row(str(k), *(f"{v:.4f}" for v in values))
    return out
