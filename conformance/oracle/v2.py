"""YOLOv2.

    x̂ = σ(t_x) + c_x   ŷ = σ(t_y) + c_y   ŵ = p_w e^{t_w}   ĥ = p_h e^{t_h}
    Ĉ = σ(t_o)         p̂ = softmax(c)

    1obj : the anchor with the highest IOU_anchor^truth in the object's cell

    Loss = λ_coord Σ_i Σ_j 1obj_ij (2 − w h) [ (x − x̂)² + (y − ŷ)² + (w − ŵ)² + (h − ĥ)² ]
         + λ_obj   Σ_i Σ_j 1obj_ij ( IOU_pred^truth − Ĉ )²
         + λ_noobj Σ_i Σ_j 1noobj_ij ( 0 − Ĉ )²
         + λ_class Σ_i Σ_j 1obj_ij Σ_c ( p(c) − p̂(c) )²

Raw outputs of an image: [row][col][anchor][t_x t_y t_w t_h t_o c_0 c_1 …].
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from conformance.oracle import freezing, heads, ignoring, similarity, squared, truth
from conformance.oracle.difference import KINKED, SMOOTH, Path
from conformance.oracle.heads import Centred, Slot, decode, image_corners
from conformance.oracle.matching import best_only
from conformance.oracle.result import Frozen, Result, Terms
from conformance.oracle.rounding import PRECISION, Rounding
from conformance.oracle.scalar import sigma, softmax
from conformance.oracle.truth import Place, Row, Truth


class Owner(NamedTuple):
    """An object at the anchor responsible for it: x, y in cells, w, h of the image."""

    x: float
    y: float
    w: float
    h: float
    label: int
    iou: float


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
    return heads.evaluate([raw], frozen, partial(terms, config=config), decode, softmax)


def gradient(
    raw: Any,
    truths: Sequence[Row],
    config: Any,
    entries: Sequence[Path] | None = None,
    step: float = KINKED,
    smooth: float = SMOOTH,
    precision: str = "float64",
) -> dict[Path, float]:
    """∂ total / ∂ raw at every path (row, col, anchor, field) of `entries`, None for all."""
    frozen = freeze(raw, truths, config, PRECISION[precision])
    wanted = None if entries is None else [(0, *path) for path in entries]
    slopes = heads.gradient([raw], frozen, partial(terms, config=config), wanted, step, smooth)
    return {path[1:]: value for path, value in slopes.items()}


def terms(t: Sequence[float], slot: Slot, config: Any) -> Terms:
    """The terms of one slot, 1obj_ij or 1noobj_ij; 0 where it lies in a region."""
    if slot.owner is None:
        noobj = (1 - slot.ignored) * (0.0 - sigma(t[4])) ** 2  # a NaN stays
        return Terms(0.0, 0.0, config.lambda_noobj * noobj, 0.0)
    return Terms(
        box=config.lambda_coord * coordinates(slot.owner, decode(t, slot)),
        obj=config.lambda_obj * (slot.owner.iou - sigma(t[4])) ** 2,
        noobj=0.0,
        cls=config.lambda_class * squared.classes(slot.owner.label, softmax(t[5:])),
    )


def coordinates(gt: Owner, pred: Centred) -> float:
    """(2 − w h) [ (x − x̂)² + (y − ŷ)² + (w − ŵ)² + (h − ĥ)² ]."""
    x, y, w, h, _, _ = gt
    x_hat, y_hat, w_hat, h_hat = pred
    error = (x - x_hat) ** 2 + (y - y_hat) ** 2 + (w - w_hat) ** 2 + (h - h_hat) ** 2
    return (2.0 - w * h) * error


def freeze(raw: Any, rows: Sequence[Row], config: Any, fl: Rounding) -> Frozen:
    """Cells, anchors, IOU targets and what lies in regions. There is no ignore rule."""
    ignored = partial(ignoring.by_regions, decode=decode)
    grid = heads.grid(raw, config.anchors, range(len(config.anchors)), config.stride)
    return freezing.freeze([raw], rows, [grid], fl, best_only, owner, ignored)


def owner(t: Sequence[float], slot: Slot, gt: Truth, at: Place, iou: float) -> Owner:
    """x = offset + c_x, y = offset + c_y, and IOU_pred^truth as the outputs now stand."""
    target = similarity.iou(image_corners(decode(t, slot), slot), truth.box(gt))
    return Owner(at.x + slot.col, at.y + slot.row, gt.w, gt.h, gt.label, target)
