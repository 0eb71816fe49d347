"""From raw outputs to centres and sizes: the curves of decode.

Every value is what `decode` of a head with one cell says, one image for each t.
"""

from collections.abc import Sequence

import numpy as np

from .. import _check, v3, v4
from ..boxes import to_pixels
from .style import DARK, Axes, axes, legend_above, light, line_styles

SCALES = (1.0, 1.05, 1.1, 1.2, 2.0)
PRIORS = (10.0, 33.0, 62.0, 116.0)  # widths of v3's, pixels
INPUT = 416.0  # pixels
ENDS = 1e3  # t of a centre that goes no further
CELL = "#EEEEEE"


def offset_curves(ax: Axes = None, *, scales: Sequence[float] = SCALES, reach: float = 6) -> Axes:
    """The centre in its cell, x̂ − c_x, for t_x from −reach to reach.

    The cell is grey. The bars on the right are the ranges that a centre can come near to: those of
    a scale above 1 go beyond the borders, so that a centre on a border needs no endless t.

    Parameters
    ----------
    scales : sequence of float
        s of v4's decode; s = 1 is σ(t), the decode of v3.
    reach : float
        The largest t.
    """
    _check_curves("plot.offset_curves", "scales", scales, reach)
    ax, t = light(axes(ax)), np.linspace(-reach, reach, 201)
    names = {f"s = {s:g}" + (", v3" if s == 1 else ""): s for s in scales}
    ax.axhspan(0, 1, color=CELL, zorder=0)
    ax.axhline(0, color=DARK, linewidth=0.8)
    ax.axhline(1, color=DARK, linewidth=0.8)
    at = reach
    for k, (name, style) in enumerate(line_styles(names).items()):
        ax.plot(t, _offset(t, names[name]), label=name, linewidth=1.8, **style)
        ends, at = _offset(np.array([-ENDS, ENDS]), names[name]), reach * (1.06 + 0.05 * k)
        ax.plot([at, at], ends, marker="_", markersize=7, linewidth=1.8, color=style["color"])
    ax.text(at + 0.03 * reach, 0.5, "in reach", rotation=90, va="center", fontsize=9)
    ax.set_xticks(np.linspace(-reach, reach, 7))
    ax.set(xlabel="$t_x$, no unit", ylabel="centre from the corner of its cell, cells")
    legend_above(ax)
    return ax


def _offset(t: np.ndarray, scale: float) -> np.ndarray:
    """x̂ of a head with one cell, in cells."""
    config = v4.Config(anchors=((1, 1),), masks=((0,),), strides=(1,), scale_xy=(scale,))
    (decoded,) = v4.decode((_raw(0, t),), config)
    return np.asarray(decoded.boxes[:, 0, 0, 0, 0])


def size_curves(ax: Axes = None, *, priors: Sequence[float] = PRIORS, reach: float = 2) -> Axes:
    """The width p e^t of a decoded box for t_w from −reach to reach.

    Parameters
    ----------
    priors : sequence of float
        Widths of anchors, pixels.
    reach : float
        The largest t.
    """
    _check_curves("plot.size_curves", "priors", priors, reach)
    ax, t = light(axes(ax)), np.linspace(-reach, reach, 201)
    names = {f"p = {prior:g} px": prior for prior in priors}
    for name, style in line_styles(names).items():
        ax.plot(t, _width(t, names[name]), label=name, linewidth=1.8, **style)
        ax.plot(0, names[name], "o", color=style["color"])
    ax.set(xlabel="$t_w$, no unit", ylabel="width of the box, px")
    legend_above(ax)
    return ax


def _width(t: np.ndarray, prior: float) -> np.ndarray:
    """ŵ of a head with one cell, in pixels."""
    config = v3.Config(anchors=((prior, prior),), masks=((0,),), strides=(INPUT,))
    (decoded,) = v3.decode((_raw(2, t),), config)
    boxes = to_pixels(decoded.boxes, INPUT, INPUT)
    return np.asarray(boxes[:, 0, 0, 0, 2])


def _check_curves(where: str, argument: str, values: Sequence[float], reach: float) -> None:
    if not len(values):
        _check.wrong_value(where, argument, "hold at least one number", repr(values))
    for k, value in enumerate(values):
        _check.positive(where, f"{argument}[{k}]", value)
    _check.positive(where, "reach", reach)


def _raw(field: int, t: np.ndarray) -> np.ndarray:
    """Raw outputs (len(t), 1, 1, 1, 6): t in one field, 0 in the others."""
    raw = np.zeros((len(t), 1, 1, 1, 6))
    raw[..., field] = t[:, None, None, None]
    return raw
