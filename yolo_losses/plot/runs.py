"""What steps do: a box on its way to a truth, errors that fall."""

from collections.abc import Mapping

import numpy as np

from .. import _check
from .._xp import Array, host
from .boxes import outlines, truths
from .style import CASING, Axes, axes, colorbar, legend_above, light, line_styles

MOST = 12  # outlines of a trace
COLORS = "viridis"


def trace(boxes: Array, gt: Array, ax: Axes = None) -> Axes:
    """One box from the first step to the last, over its truth; colours are steps.

    Parameters
    ----------
    boxes : array, shape (steps, 4)
        Centre form, in any unit, the same both ways. Of many steps some are outlined,
        as far from one another as can be; the line of the centres has all.
    gt : array, shape (4,)
        The truth, in the same form and unit.

    Raises
    ------
    ValueError
        Shapes that are not these, no steps.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import LineCollection
    from matplotlib.colors import PowerNorm

    ax, boxes, gt = axes(ax), host(boxes).astype(float), host(gt).astype(float)
    _check_trace(boxes, gt)
    last = len(boxes) - 1
    colors = ScalarMappable(PowerNorm(0.5, 0, max(last, 1)), COLORS)  # the first steps matter most
    hues = colors.to_rgba(np.arange(last + 1))
    truths(gt, ax)
    for step in _evenly(boxes):
        outlines(boxes[step], ax, edgecolor=hues[step], linewidth=1.2)
    ways = np.stack([boxes[:-1, :2], boxes[1:, :2]], axis=1)
    ax.add_collection(LineCollection(list(ways), colors=hues[:-1], linewidth=1.5))
    for at, marker in ((0, "o"), (-1, "s")):  # the first centre round, the last square
        style = {"color": hues[at], "markeredgecolor": CASING}
        ax.plot(*boxes[at, :2, None], marker, zorder=4, **style)
    _limits(ax, np.concatenate([boxes, gt[None, :]]))
    colorbar(ax, colors, "step")
    return ax


def _check_trace(boxes: np.ndarray, gt: np.ndarray) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not len(boxes):
        _check.wrong_value("plot.trace", "boxes", "have shape (steps, 4)", boxes.shape)
    if gt.shape != (4,):
        _check.wrong_value("plot.trace", "gt", "have shape (4,)", gt.shape)


def _evenly(boxes: np.ndarray) -> np.ndarray:
    """The first and the last step, and others between them by how far the box has come."""
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(boxes, axis=0), axis=1))])
    return np.unique([*np.searchsorted(way, np.linspace(0, way[-1], MOST)), len(boxes) - 1])


def _limits(ax: Axes, boxes: np.ndarray) -> None:
    """All boxes in view, y downwards; a photograph keeps its own."""
    if not ax.get_autoscale_on():
        return
    near, far = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    (left, top), (right, bottom) = near.min(axis=0), far.max(axis=0)
    gap = 0.05 * max(right - left, bottom - top)
    ax.set(xlim=(left - gap, right + gap), ylim=(bottom + gap, top - gap), aspect="equal",
           xlabel="x", ylabel="y")  # fmt: skip


def curves(
    runs: Mapping[str, Array], ax: Axes = None, *, yscale: str = "log", ylabel: str = "error"
) -> Axes:
    """Errors over steps of named runs.

    Parameters
    ----------
    runs : mapping from str to array, shape (steps,)
        Similarities by their names look as in the other pictures.
    yscale : "log" or "linear"
        A logarithm shows no 0.
    ylabel : str
        What the numbers are, with unit.
    """
    _check.choice("plot.curves", "yscale", yscale, ("log", "linear"))
    ax, styles = light(axes(ax)), line_styles(runs)
    for name, values in runs.items():
        ax.plot(host(values), label=name, linewidth=1.8, **styles[name])
    ax.set(xlabel="step", ylabel=ylabel, yscale=yscale)
    ax.margins(x=0)
    legend_above(ax)
    return ax
