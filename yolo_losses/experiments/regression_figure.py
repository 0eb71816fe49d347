"""Pictures of the regression experiment: errors over the steps, final errors over the disc."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import plot
from ..iou import SIMILARITY
from ..plot.style import Axes, Figure, axes, figure, legend_above
from .regression import CENTRE, RADIUS
from .regression_results import Result, run_of

RULES = 2  # that are drawn, the first ones
MAPPED = ("giou", "diou")
WIDTH, HEIGHT = 6.2, 8.4  # of a rule, inches
COLORS = "magma_r"
LIMITS = (1e-3, 10.0)  # of the scale of all maps, so that they can be compared
TITLES = {
    "exact": "the gradient of the formulas",
    "authors": "the gradient of the authors' program",
    "darknet": "the gradient of AlexeyAB's darknet",
}


def curves(result: Result, rule: str, ax: Axes = None) -> Axes:
    """The summed error of every loss by one rule, mean of the seeds, logarithmic."""
    runs = {run["loss"]: np.array(run["error"]) for run in result["runs"] if run["rule"] == rule}
    ordered = {loss: runs[loss] for loss in SIMILARITY if loss in runs}
    ylabel = f"error summed over {result['cases']:,} cases"
    ax = plot.curves(ordered, ax, yscale="log", ylabel=ylabel)
    legend_above(ax, len(ordered))
    return ax


def error_map(result: Result, loss: str, rule: str, ax: Axes = None) -> Axes:
    """The final error of a case for every place of the anchor, on one scale for all."""
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm

    ax = axes(ax)
    values = np.array(run_of(result, loss, rule)["map"], dtype=float)  # None becomes NaN
    span = (CENTRE - RADIUS, CENTRE + RADIUS)
    colors = colormaps[COLORS].with_extremes(bad="#FFFFFF")
    ax.imshow(
        values, norm=LogNorm(*LIMITS), cmap=colors, extent=(*span, *span[::-1]),
        interpolation="nearest",
    )  # fmt: skip
    mean = np.array(run_of(result, loss, rule)["error"])[-1] / result["cases"]
    ax.set(xlabel="x of the anchor", ylabel="y of the anchor", title=f"{loss}, mean {mean:.2g}")
    ax.set(xticks=range(7, 14, 3), yticks=range(7, 14, 3))
    return ax


def draw(result: Result, onto: Figure = None) -> Figure:
    """A column for each of the first two rules: errors over the steps, two maps below."""
    rules = list(dict.fromkeys(run["rule"] for run in result["runs"]))[:RULES]
    onto = figure(WIDTH * len(rules), HEIGHT) if onto is None else onto
    grid = onto.add_gridspec(2, len(MAPPED) * len(rules), height_ratios=(1, 1))
    first, maps = None, []
    for k, rule in enumerate(rules):
        at = slice(len(MAPPED) * k, len(MAPPED) * (k + 1))
        first = ax = curves(result, rule, onto.add_subplot(grid[0, at], sharey=first))
        title = TITLES.get(rule, f"the gradient with errors: {rule.replace('+', ', ')}")
        ax.set_title(title, loc="left", pad=26)
        if k:
            ax.set_ylabel("")
        maps += _maps(result, rule, onto, [grid[1, j] for j in range(at.start, at.stop)])
    if maps:
        style = {"location": "bottom", "aspect": 60, "shrink": 0.6, "extend": "both"}
        onto.colorbar(maps[-1].get_images()[0], ax=maps, label="final error of a case", **style)
    return onto


def _maps(result: Result, rule: str, onto: Figure, places: Sequence[Any]) -> list[Axes]:
    """The maps of a rule."""
    there = {run["loss"] for run in result["runs"] if run["rule"] == rule}
    chosen = [(loss, at) for loss, at in zip(MAPPED, places, strict=True) if loss in there]
    found = [error_map(result, loss, rule, onto.add_subplot(at)) for loss, at in chosen]
    for ax in found:
        ax.label_outer()
    return found


def write(result: Result, path: Path) -> Path:
    """`draw` into a file."""
    from matplotlib.figure import Figure as New

    rules = {run["rule"] for run in result["runs"]}
    onto = New((WIDTH * min(len(rules), RULES), HEIGHT), dpi=110, layout="constrained")
    draw(result, onto).savefig(path)
    return path
