"""The terms of a loss as bars."""

from collections.abc import Sequence

import numpy as np

from .. import _check
from .._xp import host
from ..terms import LossTerms
from .style import TERM_HATCHES, TERM_HUES, Axes, axes, legend_above, light

GAP = 0.6  # between images, in bars
WIDTH = 0.85  # of a bar


def terms(
    terms: LossTerms, ax: Axes = None, *, images: Sequence[str] | None = None,
    heads: Sequence[str] | None = None,
) -> Axes:  # fmt: skip
    """The terms of a loss, stacked: a bar an image and head, its sum above it.

    Parameters
    ----------
    terms : LossTerms, (N, S) each
        What is not finite is left out, and its sum says so.
    images, heads : sequences of N and of S str, optional
        Their names, else numbers. Bars of one head have no name.

    Raises
    ------
    ValueError
        A name too few or too many.
    """
    ax, each = light(axes(ax)), {name: host(v) for name, v in terms._asdict().items()}
    N, S = each["box"].shape
    images = _named("images", images, "image", N)
    heads = _named("heads", heads, "head", S)
    place = np.arange(N)[:, None] * (S + GAP) + np.arange(S)
    bottom = np.zeros((N, S))
    for name, values in each.items():
        values = np.where(np.isfinite(values), values, 0.0)
        style = {"color": TERM_HUES[name], "hatch": TERM_HATCHES[name], "edgecolor": "white"}
        ax.bar(place.ravel(), values.ravel(), WIDTH, bottom.ravel(), label=name, linewidth=0.5,
               **style)  # fmt: skip
        bottom = bottom + values
    sums = sum(each.values())
    for x, top, value in zip(place.flat, bottom.flat, np.ravel(sums), strict=True):
        _above(ax, x, top, f"{value:.4g}")
    _ticks(ax, place, images, heads)
    ax.set_ylabel("loss of one image, weighted, no unit")
    ax.set_ylim(0, 1.08 * bottom.max(initial=0) or 1)  # the sums have room
    legend_above(ax, len(each))
    return ax


def _named(argument: str, names: Sequence[str] | None, what: str, count: int) -> Sequence[str]:
    """The names of a caller, or numbers."""
    if names is None:
        return [f"{what} {k}" for k in range(count)]
    if len(names) != count:
        _check.wrong_value("plot.terms", argument, f"hold {count} names", len(names))
    return names


def _above(ax: Axes, x: float, y: float, text: str) -> None:
    ax.annotate(text, (x, y), (0, 2), textcoords="offset points", ha="center", fontsize=8)


def _ticks(ax: Axes, place: np.ndarray, images: Sequence[str], heads: Sequence[str]) -> None:
    """Heads under bars, images under their heads."""
    ax.set_xticks(place.mean(axis=1), images)
    ax.tick_params(axis="x", length=0)
    ax.grid(visible=False, axis="x")
    if place.shape[1] > 1:
        ax.xaxis.remove_overlapping_locs = False  # the head in the middle has a name too
        ax.set_xticks(place.ravel(), [*heads] * len(place), minor=True, fontsize=8)
        ax.tick_params(axis="x", which="minor", length=0)
        ax.tick_params(axis="x", which="major", pad=18)
