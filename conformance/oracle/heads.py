"""Heads of anchors: what YOLOv2, v3 and v4 have in common.

A head's raw outputs are [row][col][anchor][field]; everything else of a head has the same order.
A slot is one anchor of one cell of one head.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from conformance.oracle import difference
from conformance.oracle.result import Frozen, Head, Result, Terms, added
from conformance.oracle.scalar import exp_clipped, sigma
from conformance.oracle.similarity import Box, corners

Prior = tuple[float, float]
Centred = tuple[float, float, float, float]


class Grid(NamedTuple):
    """A head: its cells, their size in pixels of the network input, and its anchors.

    `priors` are p_w, p_h of all anchors of all heads, as fractions of the image; `mask` tells
    which of them are the head's own; `s` is the scale of v4.
    """

    H: int
    W: int
    stride: float
    mask: Sequence[int]
    priors: list[Prior]
    s: float = 1.0


class Slot(NamedTuple):
    """One anchor of a cell, with what is constant for the gradient there.

    `owner` is what its version keeps of the object it is responsible for, None where 1obj_ij = 0;
    `ignored` is 1ign_ij.
    """

    grid: Grid
    row: int
    col: int
    anchor: int
    owner: Any = None
    ignored: bool = False

    @property
    def prior(self) -> Prior:
        """p_w, p_h."""
        return self.grid.priors[self.grid.mask[self.anchor]]

    @property
    def key(self) -> tuple[int, int, int]:
        """Its place in the head."""
        return self.row, self.col, self.anchor


def grid(head: Any, anchors: Any, mask: Sequence[int], stride: float, s: float = 1.0) -> Grid:
    """The head of the given raw outputs. Anchors are pixels; the input is grid × stride."""
    H, W = len(head), len(head[0])
    priors = [(w / (W * stride), h / (H * stride)) for w, h in anchors]
    return Grid(H, W, stride, mask, priors, s)


def grids(raw: Any, config: Any, scales: Sequence[float]) -> list[Grid]:
    """The heads of v3 and v4, all of one input."""
    by_head = zip(raw, config.masks, config.strides, scales, strict=True)
    found = [grid(head, config.anchors, mask, stride, s) for head, mask, stride, s in by_head]
    if len({(one.H * one.stride, one.W * one.stride) for one in found}) > 1:
        msg = "grid × stride is not the same for all heads"
        raise ValueError(msg)
    return found


def slots(one: Grid) -> list:
    """[row][col][anchor] of the empty slots of a head."""
    return [
        [[Slot(one, row, col, a) for a in range(len(one.mask))] for col in range(one.W)]
        for row in range(one.H)
    ]


def each(function: Callable, *heads: Any) -> list:
    """[row][col][anchor] of the function's answers at every slot."""
    return [
        [[function(*slot) for slot in zip(*cell, strict=True)] for cell in zip(*row, strict=True)]
        for row in zip(*heads, strict=True)
    ]


def decode(t: Sequence[float], slot: Slot) -> Centred:
    """x̂ = σ(t_x) + c_x   ŷ = σ(t_y) + c_y   ŵ = p_w e^{t_w}   ĥ = p_h e^{t_h}."""
    t_x, t_y, t_w, t_h = t[:4]
    p_w, p_h = slot.prior
    x_hat = sigma(t_x) + slot.col
    y_hat = sigma(t_y) + slot.row
    w_hat = p_w * exp_clipped(t_w)
    h_hat = p_h * exp_clipped(t_h)
    return x_hat, y_hat, w_hat, h_hat


def in_image(pred: Centred, slot: Slot) -> Centred:
    """A decoded box, all as fractions of the image."""
    x_hat, y_hat, w_hat, h_hat = pred
    return x_hat / slot.grid.W, y_hat / slot.grid.H, w_hat, h_hat


def image_corners(pred: Centred, slot: Slot) -> Box:
    """The corners of a decoded box as fractions of the image."""
    return corners(*in_image(pred, slot))


def evaluate(
    raw: Any, frozen: Frozen, terms: Callable, decode: Callable, probabilities: Callable
) -> Result:
    """Σ_i Σ_j of every head: `terms` and `decode` of (t, slot), `probabilities` of class logits."""

    def decoded(t: Sequence[float], slot: Slot) -> tuple:
        return (*in_image(decode(t, slot), slot), sigma(t[4]))

    heads = [
        Head(
            decoded=each(decoded, head, at),
            responsible=each(lambda slot: slot.owner is not None, at),
            ignored=each(lambda slot: slot.ignored, at),
            matches=matches,
            classes=each(lambda t: probabilities(t[5:]), head),
        )
        for head, at, matches in zip(raw, frozen.slots, frozen.matches, strict=True)
    ]
    sums = [added(flat(each(terms, *two))) for two in zip(raw, frozen.slots, strict=True)]
    return Result(sums, heads, frozen.counts, frozen)


def flat(head: Any) -> list[Terms]:
    """The terms of all slots of a head."""
    return [terms for row in head for cell in row for terms in cell]


def gradient(
    raw: Any, frozen: Frozen, terms: Callable, entries: Any, step: float, smooth: float
) -> dict[difference.Path, float]:
    """∂ total / ∂ raw at every path (head, row, col, anchor, field) of `entries`, None for all.

    An output moves the terms of its own slot alone. `step` is that of t_x, t_y, t_w, t_h, `smooth`
    that of objectness and classes, which have no kinks.
    """

    def at(path: difference.Path) -> float:
        *place, field = path
        t, slot = difference.at(raw, place), difference.at(frozen.slots, place)
        return difference.slope(
            lambda value: terms(difference.moved(t, field, value), slot),
            t[field],
            step if field < 4 else smooth,
        )

    wanted = difference.paths(raw) if entries is None else entries
    return {tuple(path): at(path) for path in wanted}
