"""Pictures of the gradients at initialisation."""

from collections.abc import Mapping, Sequence
from os import PathLike

import numpy as np

from .. import plot
from ..plot.style import TERM_HATCHES, Axes, legend_above, light, line_styles
from .initialisation import TERMS, Pull

WIDTH = 0.2  # of a bar; a group has one for each term


def norms(pulls: Sequence[Pull], ax: Axes) -> Axes:
    """The norm of each term's gradient, a group of bars for each loss; logarithmic."""
    ax, place = light(ax), np.arange(len(pulls))
    for k, name in enumerate(TERMS):
        style = {"color": plot.TERM_HUES[name], "hatch": TERM_HATCHES[name], "edgecolor": "white"}
        heights = [pull.norm[name] for pull in pulls]
        ax.bar(place + (k - 1.5) * WIDTH, heights, WIDTH, label=name, linewidth=0.5, **style)
    names = [f"{p.version}\n{'published' if p.published else 'λ = 1'}" for p in pulls]
    ax.set(yscale="log", xticks=place, ylabel="norm of the gradient, 1/logit")
    ax.set_xticklabels(names)
    legend_above(ax, len(TERMS))
    return ax


def against_objects(by_count: Mapping[int, Sequence[Pull]], ax: Axes) -> Axes:
    """noobj over all other terms against the number of objects; dashed: all λ = 1."""
    ax, counts = light(ax), list(by_count)
    versions = list(dict.fromkeys(pull.version for pull in by_count[counts[0]]))
    hues = {name: style["color"] for name, style in line_styles(versions).items()}
    for column in zip(*by_count.values(), strict=True):
        version, published = column[0].version, column[0].published
        dash = {"linestyle": "-" if published else "--", "marker": "o" if published else "s"}
        label = f"{version}, {'published λ' if published else 'λ = 1'}"
        ratio = [pull.noobj_over_others for pull in column]
        ax.plot(counts, ratio, color=hues[version], markersize=4, label=label, **dash)
    ax.axhline(1, color="black", linewidth=0.8)
    ax.set(xscale="log", yscale="log", xlabel="objects in the picture", xticks=counts)
    ax.set_xticklabels(map(str, counts))
    ax.minorticks_off()
    ax.set_ylabel("noobj over all other terms, norms of gradients")
    legend_above(ax, 4)
    return ax


def write(
    path: str | PathLike[str], pulls: Sequence[Pull], by_count: Mapping[int, Sequence[Pull]]
) -> None:
    """Both pictures side by side."""
    from matplotlib.figure import Figure

    figure = Figure((14, 4.8), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    norms(pulls, left)
    against_objects(by_count, right)
    figure.savefig(path)
