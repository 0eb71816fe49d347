"""YOLOv3.

    decode as v2, but p̂(c) = σ(c): independent logistic classifiers

    Loss = λ_coord Σ_i Σ_j 1obj_ij 1[IOU_anchor^truth > 0.5] (2 − w h)
                     [ (t_x − t̂_x)² + (t_y − t̂_y)² + (t_w − t̂_w)² + (t_h − t̂_h)² ]
         + λ_obj   Σ_i Σ_j (1 − 1ign_ij) [ −C log Ĉ − (1 − C) log(1 − Ĉ) ]
         + λ_class Σ_i Σ_j 1obj_ij Σ_c [ −p(c) log p̂(c) − (1 − p(c)) log(1 − p̂(c)) ]

Raw outputs of an image: a list of heads [row][col][anchor][t_x t_y t_w t_h t_o c_0 c_1 …].
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from conformance.oracle import freezing, heads
from conformance.oracle.difference import SMOOTH, Path
from conformance.oracle.heads import Slot, decode
from conformance.oracle.ignoring import ignored
from conformance.oracle.logistic import classes, objectness, probabilities
from conformance.oracle.matching import best_only
from conformance.oracle.number import functions
from conformance.oracle.result import Frozen, Result, Terms
from conformance.oracle.rounding import PRECISION, Rounding
from conformance.oracle.scalar import clip, logit
from conformance.oracle.truth import Place, Row, Truth


class Owner(NamedTuple):
    """An object at a prior responsible for it: the truth t_*, its w, h, and the gate."""

    t_x: float
    t_y: float
    t_w: float
    t_h: float
    w: float
    h: float
    label: int
    gate: bool


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
    step: float = SMOOTH,
    smooth: float = SMOOTH,
    precision: str = "float64",
) -> dict[Path, float]:
    """∂ total / ∂ raw at every path (head, row, col, anchor, field) of `entries`, None for all."""
    frozen = freeze(raw, truths, config, PRECISION[precision])
    return heads.gradient(raw, frozen, partial(terms, config=config), entries, step, smooth)


def terms(t: Sequence[float], slot: Slot, config: Any) -> Terms:
    """The terms of one slot: C = 1 where it is responsible, 0 elsewhere."""
    if slot.owner is None:
        return Terms(0.0, 0.0, config.lambda_obj * objectness(0.0, t[4], slot), 0.0)
    return Terms(
        box=config.lambda_coord * coordinates(slot.owner, t),
        obj=config.lambda_obj * objectness(1.0, t[4], slot),
        noobj=0.0,
        cls=config.lambda_class * classes(slot.owner.label, t[5:]),
    )


def coordinates(gt: Owner, t_hat: Sequence[float]) -> float:
    """1[IOU_anchor^truth > 0.5] (2 − w h) [ (t_x − t̂_x)² + (t_y − t̂_y)² + … ]."""
    error = (
        (gt.t_x - t_hat[0]) ** 2
        + (gt.t_y - t_hat[1]) ** 2
        + (gt.t_w - t_hat[2]) ** 2
        + (gt.t_h - t_hat[3]) ** 2
    )
    return (2.0 - gt.w * gt.h) * error if gt.gate else 0.0


def freeze(raw: Any, rows: Sequence[Row], config: Any, fl: Rounding) -> Frozen:
    """Cells, anchors, truths t_*, the gate and the ignored priors."""
    return freezing.freeze(
        raw,
        rows,
        heads.grids(raw, config, scales=[1.0] * len(config.masks)),
        fl,
        choose=best_only,
        owner=partial(owner, config=config, fl=fl),
        ignored=partial(ignored, config=config, decode=decode),
    )


def owner(
    t: Sequence[float], slot: Slot, gt: Truth, at: Place, iou: float, config: Any, fl: Rounding
) -> Owner:
    """t_x = logit(x − c_x), t_w = log(w / p_w); the offset is clipped to [ε, 1 − ε]."""
    p_w, p_h = slot.prior
    low, high = fl(config.offset_eps), fl(1.0 - config.offset_eps)
    return Owner(
        t_x=logit(clip(at.x, low, high)),
        t_y=logit(clip(at.y, low, high)),
        t_w=functions(gt.w).log(gt.w / p_w),
        t_h=functions(gt.h).log(gt.h / p_h),
        w=gt.w,
        h=gt.h,
        label=gt.label,
        gate=config.coord_iou_threshold is None or iou > config.coord_iou_threshold,
    )
