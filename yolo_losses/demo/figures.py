"""The figures of the demo: the photographs with what a version makes of their objects."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import plot
from ..plot import INK, PAPER
from ..targets import Targets
from .fit import Fit
from .objects import GOAL, Object
from .photographs import Photograph
from .versions import argument, by_head

ROWS = (("astronaut", "coins"), ("coffee", "chelsea"))  # side by side, one height a row
WIDTH = 15.0  # inches, as all below
GAP = 0.15  # around pictures
CAPTION = 0.3  # above each
HEADING = 0.5  # above all
LEGEND = 0.75  # below all
DPI = 110

Place = tuple[float, float, float, float]


def write(
    fit: Fit, found: Sequence[Object], pictures: Sequence[Photograph], targets: Targets, out: Path
) -> Path:
    """One PNG of a fit, all photographs on it; returns its path."""
    from matplotlib.figure import Figure

    height, places = _layout({p.name: p.pixels.shape[1] / p.pixels.shape[0] for p in pictures})
    figure = Figure((WIDTH, height), dpi=DPI, facecolor=PAPER)
    panels = [figure.add_axes(places[p.name]) for p in pictures]
    _draw(panels, fit, found, pictures, targets)
    name = fit.case.name.replace("no gate", "without its gate")
    title = f"YOLO{name}: responsible predictors after the fit, and the lowest IOU of each object"
    figure.text(0.5, 1 - HEADING / 2 / height, title, color=INK, size=15, ha="center", va="center")
    plot.legend(figure, fit.case.config, loc="lower center", fontsize=10)
    path = out / f"{fit.case.name.replace(' ', '-')}.png"
    figure.savefig(path)
    return path


def _layout(aspects: Mapping[str, float]) -> tuple[float, dict[str, Place]]:
    """The height of the figure, and left, bottom, width, height of each picture in fractions."""
    heights = [(WIDTH - GAP * (len(row) + 1)) / sum(aspects[name] for name in row) for row in ROWS]
    total = HEADING + sum(CAPTION + h + GAP for h in heights) + LEGEND
    places: dict[str, Place] = {}
    top = total - HEADING
    for row, h in zip(ROWS, heights, strict=True):
        top, left = top - CAPTION - h, GAP
        for name in row:
            w = aspects[name] * h
            places[name] = (left / WIDTH, top / total, w / WIDTH, h / total)
            left += w + GAP
        top -= GAP
    return total, places


def _draw(
    panels: Sequence[Any], fit: Fit, found: Sequence[Object], pictures: Sequence[Photograph],
    targets: Targets,
) -> None:  # fmt: skip
    """Each photograph on its axes: grid, cells, priors, truths, decoded boxes, names."""
    module, config, raw = fit.case.module, fit.case.config, argument(fit.case.config, fit.raw)
    matches = by_head(module.assign(raw, targets, config))
    decoded = by_head(module.decode(raw, config))
    for n, (ax, picture) in enumerate(zip(panels, pictures, strict=True)):
        here = [obj for obj in found if obj.picture == picture.name]
        rows, cols = matches[0].responsible.shape[1:3]
        plot.photograph(picture.pixels, ax)
        plot.grid((rows, cols), ax)
        plot.assignment(matches, config, n, ax)
        plot.truths(picture.boxes, ax)
        plot.predictions(decoded, matches, n, ax)
        plot.names(picture.boxes, [_caption(obj) for obj in here], ax)
        ax.set_title(f"{picture.name}, grid {rows} × {cols}", color=INK, size=11, pad=4)


def _caption(obj: Object) -> str:
    """Name and IOU of an object."""
    if obj.iou is None:
        return f"{obj.name}: no predictor"
    return f"{obj.name} {obj.iou:.2f}" + (" not fitted" if obj.iou <= GOAL else "")
