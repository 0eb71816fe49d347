"""A map of errors over the grid."""

from os import PathLike

import numpy as np

from .stages import Difference


def save(difference: Difference, path: str | PathLike[str]) -> None:
    """One panel a head: the largest error of each cell, over all images and predictors."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    maps = [_map(x) for x in difference.errors]
    figure = Figure(figsize=(1 + 3.6 * len(maps), 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    top = max((m.max(initial=0) for m in maps), default=0) or 1.0
    norm = LogNorm(top * 1e-8, top)
    for s, m in enumerate(maps):
        axes = figure.add_subplot(1, len(maps), s + 1)
        image = axes.imshow(np.maximum(m, top * 1e-8), norm=norm, cmap="magma")
        axes.set(title=f"head {s}", xlabel="column", ylabel="row")
    figure.colorbar(image, ax=figure.axes, label="largest absolute error of the cell")
    figure.suptitle(f"{difference.stage} ({difference.part}): {difference.wrong} numbers differ")
    figure.savefig(path, dpi=120)


def _map(x: np.ndarray) -> np.ndarray:
    """(N, H, W, ...) → (H, W): the largest, infinity as the largest number."""
    x = np.nan_to_num(x, posinf=np.finfo(float).max)
    return np.asarray(x.max(axis=(0, *range(3, x.ndim)), initial=0.0))
