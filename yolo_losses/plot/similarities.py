"""Similarities of a moving box and a fixed one: fields over the plane, curves along a line.

The true box stands still with its centre at 0, 0; the predicted box keeps its size, and its centre
moves. Lengths are pixels, x to the right and y downwards. Slopes are those of a similarity along
the predicted centre, a pixel. Values and slopes are those of `iou.value_and_grad`: α of CIOU is
constant for the slope, so that along a centre CIOU slopes as DIOU does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import _check
from ..boxes import cxcywh_to_xyxy
from ..iou import SIMILARITY, value_and_grad
from .boxes import outlines
from .style import (
    DARK,
    DASHES,
    SIMILARITIES,
    Axes,
    Figure,
    Style,
    axes,
    colorbar,
    figure,
    legend_above,
    light,
    line_styles,
)

Size = tuple[float, float]  # width and height, pixels

PRED, GT, REACH = (40.0, 120.0), (100.0, 60.0), 150.0
ALONG = (1.0, 0.5)
COLORS = "RdBu"
LEVELS = np.arange(-21, 22, 2) / 20  # of a band each; that of 0 is white
TICKS = np.arange(-4, 5) / 4
FINE, COARSE = 241, 15  # points of a side, of colours and of arrows
HATCH, HATCHING = "////", "#A0A0A0"
SOLID: Style = {"edgecolor": DARK, "linewidth": 2.0}
DASHED: Style = {"edgecolor": DARK, "linewidth": 1.2, "linestyle": DASHES}
LABEL = "similarity, no unit"


def centres(name: str, x: Any, y: Any, pred: Size, gt: Size) -> tuple[np.ndarray, np.ndarray]:
    """Values (...) and slopes along x and y (..., 2) of predicted boxes with centres x, y (...)."""
    x, y = np.broadcast_arrays(np.asarray(x, dtype=float), y)
    boxes = np.stack([x, y, np.full_like(x, pred[0]), np.full_like(x, pred[1])], axis=-1)
    truth = np.array([0.0, 0.0, *gt])
    value, grad = value_and_grad(name, cxcywh_to_xyxy(boxes), cxcywh_to_xyxy(truth))
    return value, grad[..., :2] + grad[..., 2:]  # both edges move with the centre


def similarity_field(
    name: str, ax: Axes = None, *, pred: Size = PRED, gt: Size = GT, reach: float = REACH
) -> Axes:
    """A similarity and its slope for every place of the predicted centre.

    Colours are values, on one scale for all similarities: white around 0, red below, blue above.
    Arrows point along the slope, and their length grows with its root, in the same way for all.
    Where the slope is 0, as that of IOU where the boxes are apart, there is hatching and no arrow.

    Parameters
    ----------
    name : str
        A key of `iou.SIMILARITY`, registered ones as well.
    pred, gt : (width, height)
        Sizes of the predicted and the true box, pixels.
    reach : float
        How far the centre goes from that of the truth, pixels.

    Raises
    ------
    ValueError
        No such similarity, sizes or a reach that are not positive.
    """
    ax = axes(ax)
    _checked("plot.similarity_field", (name,), pred, gt, reach)
    colorbar(ax, _field(name, ax, pred, gt, reach), LABEL, ticks=TICKS)
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "borderaxespad": 4}  # below x
    ax.legend(handles=_handles(), ncols=2, frameon=False, fontsize=9, **place)
    return ax


def similarity_fields(
    names: Sequence[str] = SIMILARITIES, onto: Figure = None, *, pred: Size = PRED, gt: Size = GT,
    reach: float = REACH,
) -> Figure:  # fmt: skip
    """`similarity_field` of several side by side, with one scale.

    Parameters and errors as for `similarity_field`; `onto` is the figure to draw on, None a new
    one.
    """
    _checked("plot.similarity_fields", names, pred, gt, reach)
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    onto = figure(1 + 4.5 * columns, 4.4 * rows) if onto is None else onto
    panels = onto.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for ax in panels.flat[len(names) :]:
        ax.remove()
    shown = list(panels.flat[: len(names)])
    fields = [_field(name, ax, pred, gt, reach) for name, ax in zip(names, shown, strict=True)]
    for ax in shown:
        ax.label_outer()
    onto.colorbar(fields[0], ax=shown, label=LABEL, ticks=TICKS, shrink=0.9)
    onto.legend(handles=_handles(), ncols=3, frameon=False, loc="outside lower center")
    return onto


def _field(name: str, ax: Axes, pred: Size, gt: Size, reach: float) -> Any:
    """One field; its colours."""
    side = np.linspace(-reach, reach, FINE)
    value, slope = centres(name, side[None, :], side[:, None], pred, gt)
    colors = ax.contourf(side, side, value, LEVELS, cmap=COLORS, extend="both")
    _flat(ax, side, (slope == 0).all(axis=-1))
    _arrows(name, ax, pred, gt, reach)
    truth, moving = np.array([[0, 0, *gt], [0, 0, *pred]])
    outlines(truth, ax, **SOLID)
    outlines(moving, ax, **DASHED)
    ax.set(title=name, aspect="equal", xlim=(-reach, reach), ylim=(reach, -reach),
           xlabel="x of the predicted centre, px", ylabel="y, px")  # fmt: skip
    return colors


def _flat(ax: Axes, side: np.ndarray, flat: np.ndarray) -> None:
    """Hatching where the slope is 0."""
    if flat.sum() > 1:  # more than the top
        hatched = ax.contourf(side, side, flat.astype(float), [0.5, 1.5], colors="none",
                              hatches=[HATCH])  # fmt: skip
        hatched.set(edgecolor=HATCHING, linewidth=0)


def _arrows(name: str, ax: Axes, pred: Size, gt: Size, reach: float) -> None:
    """Slopes on a coarse grid; one of 1 across the true box is as long as the way to the next."""
    step = 2 * reach / COARSE
    side = (np.arange(COARSE) + 0.5) * step - reach
    x, y = np.meshgrid(side, side)
    _, slope = centres(name, x, y, pred, gt)
    size = np.hypot(slope[..., 0], slope[..., 1])
    there = size > 0
    unit = slope[there] / size[there][:, None]
    length = step * np.sqrt(size[there] * np.sqrt(gt[0] * gt[1]))
    ax.quiver(
        x[there], y[there], *(unit * length[:, None]).T, angles="xy", scale_units="xy", scale=1,
        pivot="mid", color=DARK, width=0.004, headwidth=4, headlength=4, headaxislength=3.5,
    )  # fmt: skip


def _handles() -> list[Any]:
    """What lines and hatching are."""
    from matplotlib.patches import Patch

    hatched: Style = {"facecolor": "none", "edgecolor": HATCHING, "linewidth": 0, "hatch": HATCH}
    return [
        Patch(fill=False, label="true box", **SOLID),
        Patch(fill=False, label="predicted box on the truth", **DASHED),
        Patch(label="slope 0, no arrow", **hatched),
    ]


def similarity_curves(
    names: Sequence[str] = SIMILARITIES, ax: Axes = None, *, pred: Size = PRED, gt: Size = GT,
    reach: float = REACH, along: tuple[float, float] = ALONG,
) -> Axes:  # fmt: skip
    """Similarities while the predicted centre moves on a line through the true one.

    Parameters
    ----------
    names : sequence of str
        Keys of `iou.SIMILARITY`.
    along : (x, y)
        The direction of the line.

    Other parameters and errors as for `similarity_field`.
    """
    _checked("plot.similarity_curves", names, pred, gt, reach, along)
    away, lines = _on_line(names, pred, gt, reach, along)
    return _curves(away, {k: v for k, (v, _) in lines.items()}, LABEL, ax)


def slope_curves(
    names: Sequence[str] = SIMILARITIES, ax: Axes = None, *, pred: Size = PRED, gt: Size = GT,
    reach: float = REACH, along: tuple[float, float] = ALONG,
) -> Axes:  # fmt: skip
    """The slopes of `similarity_curves` along their line."""
    _checked("plot.slope_curves", names, pred, gt, reach, along)
    away, lines = _on_line(names, pred, gt, reach, along)
    return _curves(away, {k: s for k, (_, s) in lines.items()}, "slope of the similarity, 1/px", ax)


def _on_line(
    names: Sequence[str], pred: Size, gt: Size, reach: float, along: tuple[float, float]
) -> tuple[np.ndarray, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Ways from the true centre, and values and slopes there by name."""
    away, (x, y) = np.linspace(-reach, reach, 2 * FINE), np.array(along) / np.hypot(*along)
    lines = {}
    for name in names:
        value, slope = centres(name, x * away, y * away, pred, gt)
        lines[name] = value, slope @ (x, y)
    return away, lines


def _curves(away: np.ndarray, lines: Mapping[str, np.ndarray], label: str, ax: Axes) -> Axes:
    ax, styles = light(axes(ax)), line_styles(lines)
    ax.axhline(0, color=DARK, linewidth=0.8)
    for name, line in lines.items():
        ax.plot(away, line, label=name, linewidth=1.8, **styles[name])
    ax.set(xlabel="predicted centre on the line, px from the true one", ylabel=label)
    ax.margins(x=0)
    legend_above(ax, 4)
    return ax


def _checked(
    where: str, names: Sequence[str], pred: Size, gt: Size, reach: float,
    along: tuple[float, float] = ALONG,
) -> None:  # fmt: skip
    for name in names:
        _check.choice(where, "name", name, SIMILARITY)
    for argument, size in (("pred", pred), ("gt", gt)):
        for k in (0, 1):
            _check.positive(where, f"{argument}[{k}]", size[k])
    _check.positive(where, "reach", reach)
    if not 0 < np.hypot(*along) < np.inf:
        _check.wrong_value(where, "along", "be a direction, not 0", along)
