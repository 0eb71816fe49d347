"""YOLOv4.

    x̂ = scale(σ(t_x)) + c_x   ŷ = scale(σ(t_y)) + c_y   scale(v) = s·v − (s − 1)/2
    ŵ = p_w e^{t_w}   ĥ = p_h e^{t_h}   Ĉ = σ(t_o)   p̂(c) = σ(c)

    1obj : the best anchor, and every anchor whose IOU_anchor^truth > iou_thresh

    Loss = λ_coord Σ_i Σ_j 1obj_ij ( 1 − CIOU(pred, truth) )
         + λ_obj   Σ_i Σ_j (1 − 1ign_ij) [ −C log Ĉ − (1 − C) log(1 − Ĉ) ]
         + λ_class Σ_i Σ_j 1obj_ij Σ_c [ −p(c) log p̂(c) − (1 − p(c)) log(1 − p̂(c)) ]

Raw outputs of an image: a list of heads [row][col][anchor][t_x t_y t_w t_h t_o c_0 c_1 …].
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from conformance.oracle import freezing, heads
from conformance.oracle.difference import KINKED, SMOOTH, Path
from conformance.oracle.heads import Centred, Slot
from conformance.oracle.ignoring import ignored
from conformance.oracle.logistic import classes, objectness, probabilities
from conformance.oracle.result import Frozen, Result, Terms
from conformance.oracle.rounding import PRECISION, Rounding
from conformance.oracle.scalar import argmax, exp_clipped, sigma
from conformance.oracle.similarity import SIMILARITY, Box, Held, corners, hold
from conformance.oracle.truth import Place, Row, Truth


class Owner(NamedTuple):
    """An object at a prior responsible for it: its corners in pixels, and what CIOU holds."""

    box: Box
    label: int
    held: Held


def evaluate(
    raw: Any,
    truths: Sequence[Row],
    config: Any,
    precision: str = "float64",
    frozen: Frozen | None = None,
) -> Result:
    """The loss of one image."""
    if frozen is None:
        frozen = freeze(raw, truths, config, PRECISION[precision])
    return heads.evaluate(raw, frozen, partial(terms, config=config), decode, probabilities)


def gradient(
    raw: Any,
    truths: Sequence[Row],
    config: Any,
    entries: Sequence[Path] | None = None,
    step: float = KINKED,
    smooth: float = SMOOTH,
    precision: str = "float64",
) -> dict[Path, float]:
    """∂ total / ∂ raw at every path (head, row, col, anchor, field) of `entries`, None for all."""
    frozen = freeze(raw, truths, config, PRECISION[precision])
    return heads.gradient(raw, frozen, partial(terms, config=config), entries, step, smooth)


def scale(v: float, s: float) -> float:
    """scale(v) = s·v − (s − 1)/2."""
    return s * v - (s - 1.0) / 2.0


def decode(t: Sequence[float], slot: Slot) -> Centred:
    """x̂ = scale(σ(t_x)) + c_x   ŷ = scale(σ(t_y)) + c_y   ŵ = p_w e^{t_w}   ĥ = p_h e^{t_h}."""
    t_x, t_y, t_w, t_h = t[:4]
    p_w, p_h = slot.prior
    x_hat = scale(sigma(t_x), slot.grid.s) + slot.col
    y_hat = scale(sigma(t_y), slot.grid.s) + slot.row
    w_hat = p_w * exp_clipped(t_w)
    h_hat = p_h * exp_clipped(t_h)
    return x_hat, y_hat, w_hat, h_hat


def terms(t: Sequence[float], slot: Slot, config: Any) -> Terms:
    """The terms of one slot: C = 1 where it is responsible, 0 elsewhere."""
    if slot.owner is None:
        return Terms(0.0, 0.0, config.lambda_obj * objectness(0.0, t[4], slot), 0.0)
    similarity = SIMILARITY[config.similarity]
    pred = pixel_corners(heads.in_image(decode(t, slot), slot), slot)
    return Terms(
        box=config.lambda_coord * (1.0 - similarity(pred, slot.owner.box, slot.owner.held)),
        obj=config.lambda_obj * objectness(1.0, t[4], slot),
        noobj=0.0,
        cls=config.lambda_class * classes(slot.owner.label, t[5:], config.label_smoothing),
    )


def pixel_corners(box: Centred, slot: Slot) -> Box:
    """The corners of a box, given as fractions of the image, in pixels of the network input."""
    x, y, w, h = box
    width, height = slot.grid.W * slot.grid.stride, slot.grid.H * slot.grid.stride
    return corners(x * width, y * height, w * width, h * height)


def union(iou: Sequence[float], iou_thresh: float) -> list[int]:
    """The best anchor always, the others above the threshold as well."""
    best = argmax(iou)
    return [n for n, value in enumerate(iou) if n == best or value > iou_thresh]


def intersection(iou: Sequence[float], iou_thresh: float) -> list[int]:
    """The best anchor, only if above the threshold."""
    best = argmax(iou)
    return [best] if iou[best] > iou_thresh else []


ASSIGN = {"union": union, "intersection": intersection}


def freeze(raw: Any, rows: Sequence[Row], config: Any, fl: Rounding) -> Frozen:
    """Cells, anchors, what similarities hold, and the ignored priors."""
    return freezing.freeze(
        raw,
        rows,
        heads.grids(raw, config, scales=config.scale_xy),
        fl,
        choose=partial(ASSIGN[config.assign], iou_thresh=config.assign_iou_threshold),
        owner=owner,
        ignored=partial(ignored, config=config, decode=decode),
    )


def owner(t: Sequence[float], slot: Slot, gt: Truth, at: Place, iou: float) -> Owner:
    """The object in pixels, and what is held as the outputs now stand."""
    box = pixel_corners((gt.x, gt.y, gt.w, gt.h), slot)
    pred = pixel_corners(heads.in_image(decode(t, slot), slot), slot)
    return Owner(box, gt.label, hold(pred, box))
