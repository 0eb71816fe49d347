"""Maps of the errors of a comparison over the grid."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _check
from .style import Axes, Figure, Style, axes, colorbar, figure

if TYPE_CHECKING:  # crosscheck has made what is drawn, and need not be loaded for it
    from ..crosscheck.stages import Difference

DECADES = 8  # of the scale at most, from the largest error down
AGREES, NOT_FINITE = "#FFFFFF", "#1A85FF"  # beside the scale, which has no blue
COLORS = "magma_r"
PANEL = 3.6  # inches


def error_map(difference: "Difference", head: int = 0, ax: Axes = None) -> Axes:
    """The largest error of each cell of a head, over all images and predictors.

    Errors are absolute, on one logarithmic scale for all heads. Cells that agree are white, cells
    with an error that is not finite blue.

    Parameters
    ----------
    difference : Difference of `yolo_losses.crosscheck`
        `compare(...).difference`.
    head : int
        Its index.

    Raises
    ------
    ValueError
        Errors that have no place on the grid, as those of terms; no such head.
    """
    where, heads = "plot.error_map", len(difference.errors)
    _check_places(where, difference)
    _check.index(where, "head", head, heads)
    ax = axes(ax)
    mesh = _draw(difference, head, ax)
    colorbar(ax, mesh, **_words([mesh]))
    return ax


def error_maps(difference: "Difference", onto: Figure = None) -> Figure:
    """`error_map` of all heads side by side, with one scale, and what differs above.

    Parameters and errors as for `error_map`; `onto` is the figure to draw on, None a new one.
    """
    _check_places("plot.error_maps", difference)
    heads = len(difference.errors)
    onto = figure(1.4 + PANEL * heads, PANEL + 0.6) if onto is None else onto
    panels = onto.subplots(1, heads, squeeze=False)[0]
    meshes = [_draw(difference, head, ax) for head, ax in enumerate(panels)]
    onto.colorbar(meshes[0], ax=list(panels), **_words(meshes))
    stage, part, wrong, of = (getattr(difference, k) for k in ("stage", "part", "wrong", "of"))
    onto.suptitle(f"{stage} ({part}): {wrong} of {of} numbers differ")
    return onto


def _check_places(where: str, difference: "Difference") -> None:
    if not difference.has_places:
        expected = "have errors with places on the grid"
        _check.wrong_value(where, "difference", expected, f"those of {difference.part}")


def _draw(difference: "Difference", head: int, ax: Axes) -> Any:
    """One head; its mesh, whose scale is that of all."""
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm

    low, top = _range(np.concatenate([np.ravel(x) for x in difference.errors]))
    largest = _of_cells(difference.errors[head])
    shown = np.where(np.isfinite(largest), np.maximum(largest, low), 10 * top)
    colors = colormaps[COLORS].with_extremes(bad=AGREES, over=NOT_FINITE)
    H, W = largest.shape
    shown = np.ma.masked_where(largest == 0, shown)
    borders = np.arange(W + 1), np.arange(H + 1)
    mesh = ax.pcolormesh(*borders, shown, norm=LogNorm(low, top), cmap=colors)
    ax.set(title=f"head {head}", xlabel="column, cells", ylabel="row, cells",
           aspect="equal", ylim=(H, 0))  # fmt: skip
    return mesh


def _range(errors: np.ndarray) -> tuple[float, float]:
    """The ends of the scale: all errors, but at least one decade and not too many."""
    errors = errors[np.isfinite(errors) & (errors > 0)]
    top = float(errors.max(initial=0)) or 1.0
    return float(np.clip(errors.min(initial=top), top * 10.0**-DECADES, top / 10)), top


def _words(meshes: Sequence[Any]) -> Style:
    """Label and end of the scale; an arrow where an error is not finite."""
    beyond = any(mesh.get_array().max() > mesh.norm.vmax for mesh in meshes)
    label = "largest absolute error of a cell; white: 0" + ", blue: not finite" * beyond
    return {"label": label, "extend": "max" if beyond else "neither"}


def _of_cells(errors: np.ndarray) -> np.ndarray:
    """(N, H, W, ...) → (H, W): the largest."""
    axis = (0, *range(3, errors.ndim))
    return np.asarray(np.nan_to_num(errors, nan=np.inf, posinf=np.inf).max(axis=axis, initial=0.0))
