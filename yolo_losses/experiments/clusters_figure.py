"""Pictures of anchors: among the sizes of the labels, and their mean IOU against k."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from .. import plot
from ..plot.style import Axes
from .clusters import Clusters

LINE = {"mean": "--o", "median": "-s"}


def among_sizes(sizes: np.ndarray, found: Clusters, ax: Axes) -> Axes:
    """Sizes (M, 2) as dots and the anchors among them, pixels, both axes logarithmic."""
    from matplotlib.ticker import LogLocator, NullLocator

    ax.scatter(*sizes.T, s=14, color="#5B6470", alpha=0.45, linewidth=0, label="labelled box")
    style = {"marker": "X", "s": 110, "color": plot.HUES[2], "edgecolor": "white", "zorder": 3}
    ax.scatter(*found.anchors.T, **style, label="anchor, its number of boxes")
    middle = np.sqrt(sizes[:, 0].min() * sizes[:, 0].max())
    for (w, h), count in zip(found.anchors, found.counts, strict=True):
        side = {"xytext": (9, -3)} if w < middle else {"xytext": (-9, -3), "ha": "right"}
        text = f"{w:.0f} × {h:.0f}: {count}"
        ax.annotate(text, (w, h), textcoords="offset points", fontsize=9, **side)
    ax.set(xscale="log", yscale="log", xlabel="width, px", ylabel="height, px", aspect="equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set(major_locator=LogLocator(base=2), major_formatter="{x:.0f}")
        axis.set_minor_locator(NullLocator())
    ax.margins(0.12)
    ax.set_title(f"k = {len(found.anchors)}: mean IOU {found.mean_iou:.3f}")
    ax.legend(loc="lower right")
    return ax


def against_k(ks: Sequence[int], curves: Mapping[str, Sequence[float]], ax: Axes) -> Axes:
    """Mean IOU against k, one line an update."""
    for (name, values), hue in zip(curves.items(), (plot.HUES[1], plot.HUES[2]), strict=True):
        ax.plot(ks, values, LINE[name], color=hue, label=f"{name} update")
    ax.set(xlabel="k, number of anchors", ylabel="mean IOU with the best anchor", xticks=ks)
    ax.grid(alpha=0.3)
    ax.legend(loc="lower right")
    return ax


def write(
    path: str | PathLike[str], sizes: np.ndarray, found: Clusters, ks: Sequence[int],
    curves: Mapping[str, Sequence[float]],
) -> None:  # fmt: skip
    """Both pictures side by side; the first alone without ks."""
    from matplotlib.figure import Figure

    panels = 1 + bool(ks)
    figure = Figure((5.5 * panels, 5), dpi=110, layout="constrained")
    axes: list[Any] = list(figure.subplots(1, panels, squeeze=False)[0])
    among_sizes(sizes, found, axes[0])
    if ks:
        against_k(ks, curves, axes[1])
    figure.savefig(path)
