"""YOLOv2.

::

    x̂ = σ(t_x) + c_x   ŷ = σ(t_y) + c_y   ŵ = p_w e^{t_w}   ĥ = p_h e^{t_h}           (1)
    Ĉ = σ(t_o)         p̂ = softmax(c)                                                 (2)

    1obj_ij: the anchor with the highest IOU_anchor^truth in the cell of the object's centre

    Loss = λ_coord Σ_i Σ_j 1obj_ij (2 − w h) [(x − x̂)² + (y − ŷ)² + (w − ŵ)² + (h − ĥ)²]   (3)
         + λ_obj   Σ_i Σ_j 1obj_ij (IOU_pred^truth − Ĉ)²                              (4)
         + λ_noobj Σ_i Σ_j 1noobj_ij (0 − Ĉ)²                                         (5)
         + λ_class Σ_i Σ_j 1obj_ij Σ_c (p(c) − p̂(c))²                                 (6)

x, y in cells, w, h in fractions of the image. IOU_anchor^truth compares shapes, ties go to the
lower anchor. IOU_pred^truth is constant for the gradient. Of two objects on one anchor of one cell
the last in the list keeps it. There is no ignore rule.

Source: Redmon and Farhadi 2016, sections 2 and 3; λ of the published configuration.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import _check, diagnosis, grid, ignoring, matching, presets, problems, terms
from ._xp import Array, namespace, number
from .diagnosis import Diagnosis
from .elementwise import (
    exp,
    logit,
    one_hot,
    sigmoid,
    softmax,
    softmax_at,
    softmax_squared_error,
    stop,
)
from .grid import Cell, Decoded, Raw
from .iou import SIMILARITY, centred
from .matching import Assignment, Matches
from .problems import Problem
from .targets import Targets, usable
from .terms import Formula, LossTerms, Slopes, Workspace

__all__ = ["Config", "assign", "decode", "diagnose", "encode", "loss", "loss_and_grad",
           "loss_grad_diagnosis", "workspace"]  # fmt: skip

IOU = SIMILARITY["iou"]


@dataclass(frozen=True)
class Config:
    """Anchors and scalars of YOLOv2.

    Attributes
    ----------
    anchors : tuple of (width, height)
        Priors, pixels of the network input; A of them.
    stride : float
        Pixels a cell.
    lambda_coord, lambda_obj, lambda_noobj, lambda_class : float
        Weights of the terms.
    """

    anchors: tuple[tuple[float, float], ...]
    stride: float = 32
    lambda_coord: float = 1.0
    lambda_obj: float = 5.0
    lambda_noobj: float = 1.0
    lambda_class: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "anchors", _check.tuples(self.anchors))
        _check.anchors("v2.Config", self.anchors)
        _check.positive("v2.Config", "stride", self.stride)
        _check.weights("v2.Config", self)

    @classmethod
    def voc(cls) -> "Config":
        """The published configuration for VOC: five anchors, 20 classes."""
        return cls(**presets.V2_VOC)

    @classmethod
    def coco(cls) -> "Config":
        """The published configuration for COCO: five anchors, 80 classes."""
        return cls(**presets.V2_COCO)


def _decode(t: Raw, at: Cell, head: int) -> tuple[Any, Any, Any, Any]:
    """x̂ ŷ in cells, ŵ ĥ in fractions of the image."""
    x_hat = sigmoid(t.tx) + at.col  # (1)
    y_hat = sigmoid(t.ty) + at.row  # (1)
    w_hat = at.pw * exp(t.tw)  # (1)
    h_hat = at.ph * exp(t.th)  # (1)
    return x_hat, y_hat, w_hat, h_hat


class Truth(NamedTuple):
    """What is constant for the gradient of rows, (N, R)."""

    x: Array  # from the corner of the cell, cells
    y: Array
    w: Array  # fractions of the image
    h: Array
    label: Array
    obj: Array  # 1obj_ij
    obj_c: Array  # (N, R, 1)
    pw: Array
    ph: Array
    cell_w: float  # size of a cell, fractions of the image
    cell_h: float


def _objects(t: Raw, g: Truth, config: Config) -> tuple[Any, Any, Any]:
    x_hat, y_hat, w_hat, h_hat = _decode(t, Cell(0.0, 0.0, g.pw, g.ph), 0)
    dx, dy = stop(x_hat - g.x) * g.cell_w, stop(y_hat - g.y) * g.cell_h
    pred, truth = centred(dx, dy, stop(w_hat), stop(h_hat)), centred(0.0, 0.0, g.w, g.h)
    d2 = (g.x - x_hat) ** 2 + (g.y - y_hat) ** 2 + (g.w - w_hat) ** 2 + (g.h - h_hat) ** 2
    box = config.lambda_coord * g.obj * (2 - g.w * g.h) * d2  # (3)
    obj = config.lambda_obj * g.obj * (IOU(pred, truth) - sigmoid(t.to)) ** 2  # (4)
    cls = config.lambda_class * g.obj_c * softmax_squared_error(t.c, one_hot(g.label, t.c))  # (6)
    return box, obj, cls


def _noobj(to: Any, noobj: Any, config: Config) -> Any:
    return config.lambda_noobj * noobj * (0 - sigmoid(to)) ** 2  # (5)


def _truth(found: Assignment) -> Truth:
    rows, lane = found.rows, found.layout.lanes[0]
    dtype = rows.x.dtype
    at = grid.row_cells(found.layout, rows.lane, dtype)
    obj = number(rows.keep, dtype)
    return Truth(
        rows.x, rows.y, rows.w, rows.h, rows.label, obj, obj[..., None],
        at.pw, at.ph, 1 / lane.W, 1 / lane.H,
    )  # fmt: skip


def _check_call(where: str, raw: Array, targets: Targets, config: Config) -> None:
    _check_raw(where, raw, config)
    _check.targets(where, targets, ("raw", raw))


def _check_raw(where: str, raw: Array, config: Config) -> None:
    _check.config(where, config, Config)
    _check.head(where, "raw", raw, len(config.anchors))


def _layout(raw: Array, config: Config) -> grid.Layout:
    return grid.layout((raw,), config.anchors, (range(len(config.anchors)),), (config.stride,))


def _match(raw: Array, targets: Targets, config: Config) -> Assignment:
    layout = _layout(raw, config)
    truths = usable(targets, raw.shape[-1] - 5, raw)
    ious = matching.shape_iou(truths, layout.priors)
    found = matching.settle(layout, truths, matching.best_anchor(truths, layout, ious))
    return ignoring.in_regions(found, (raw,), _decode)


def _problem(heads: Sequence[Array], targets: Targets, config: Config) -> Problem:
    (raw,) = heads
    whole = _match(raw, targets, config)
    found = matching.compact(whole)
    return problems.pose(heads, found, _truth(found), whole)


def _decode_rows(t: Raw, at: Cell, lane: Array, layout: grid.Layout, config: Config) -> Any:
    return _decode(t, at, 0)


FORMULA = Formula(_objects, _noobj, _problem, _decode_rows, softmax_at)


def decode(raw: Array, config: Config) -> Decoded:
    """Predictions of raw outputs: equations (1) and (2).

    Parameters
    ----------
    raw : array, shape (N, H, W, A, 5 + K), real floating
        t_x t_y t_w t_h t_o and K class logits, any strides.
    config : Config

    Returns
    -------
    Decoded
        boxes (N, H, W, A, 4) centre form, fractions of the image; obj (N, H, W, A);
        cls (N, H, W, A, K), a softmax.

    Raises
    ------
    ValueError, TypeError
        A shape that does not fit the config, K = 0, a dtype that is not real floating.
    """
    _check_raw("v2.decode", raw, config)
    layout = _layout(raw, config)
    return grid.decode((raw,), layout, _decode, probability=softmax)[0]  # (2)


def encode(
    boxes: Array, row: Array, col: Array, anchor: Array, config: Config, *,
    grid_shape: tuple[int, int],
) -> Array:  # fmt: skip
    """The inverse of `decode` at given cells and anchors: t_x t_y t_w t_h of boxes.

    ::

        t_x = logit(x − c_x)   t_y = logit(y − c_y)   t_w = log(w / p_w)   t_h = log(h / p_h)

    Parameters
    ----------
    boxes : array, shape (..., 4), real floating
        Centre form, fractions of the image.
    row, col, anchor : array, shape (...), integer
        The cell and the anchor's index.
    config : Config
    grid_shape : (H, W)
        Cells of the grid.

    Returns
    -------
    array, shape (..., 4)
        In the compute dtype. ∓inf where a centre lies on a border of the cell, NaN outside it.
    """
    _check.config("v2.encode", config, Config)
    _check.boxes_at_cells("v2.encode", boxes, row=row, col=col, anchor=anchor)
    H, W = _check.grid_shape("v2.encode", grid_shape)
    x, y, w, h = grid.in_cell(boxes, row, col, (H, W))
    pw, ph = grid.prior_at(config.anchors, anchor, (H * config.stride, W * config.stride), x)
    xp = namespace(boxes)
    return xp.stack([logit(x), logit(y), xp.log(w / pw), xp.log(h / ph)], axis=-1)


def assign(raw: Array, targets: Targets, config: Config) -> Matches:
    """Which anchors are responsible for which truths; see `Matches`.

    Parameters and errors as for `loss`.
    """
    _check_call("v2.assign", raw, targets, config)
    return matching.matches(_match(raw, targets, config))[0]


def loss(raw: Array, targets: Targets, config: Config) -> LossTerms:
    """The loss: equations (3) to (6).

    Parameters
    ----------
    raw : array, shape (N, H, W, A, 5 + K), real floating
        t_x t_y t_w t_h t_o and K class logits, any strides. float16 and bfloat16 are computed in
        float32.
    targets : Targets
        (N, T, 4), (N, T), (N, T). T = 0, N = 0 and images without objects are ordinary; invalid
        truths take part in nothing, and what lies in regions has no objectness loss.
    config : Config

    Returns
    -------
    LossTerms
        (N, 1) each, sums over one image, in the compute dtype.

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes, libraries or devices that do not fit, by function and argument.

    Notes
    -----
    Constant for the gradient: IOU_pred^truth and every choice.

    Examples
    --------
    >>> import numpy as np
    >>> from yolo_losses import pad_targets
    >>> raw = np.zeros((2, 13, 13, 5, 5 + 20))
    >>> targets = pad_targets([[(0.5, 0.5, 0.2, 0.3)], []], [[3], []])
    >>> terms = loss(raw, targets, Config.voc())
    >>> terms.total.round(3).tolist(), terms.box.shape
    ([212.381, 211.25], (2, 1))
    """
    _check_call("v2.loss", raw, targets, config)
    return terms.evaluate(FORMULA, (raw,), targets, config)


def loss_and_grad(
    raw: Array, targets: Targets, config: Config, *, work: Workspace | None = None
) -> tuple[LossTerms, Array]:
    """The loss and the exact gradient of `terms.total.sum()`, like `raw`, on every library.

    With a `workspace` of the raw outputs the gradient lives there until the next call. Parameters
    and errors as for `loss`. All results are constants for automatic differentiation.
    """
    _check_call("v2.loss_and_grad", raw, targets, config)
    _check.work("v2.loss_and_grad", work, "raw", raw)
    each, (grad,), _ = terms.differentiate(FORMULA, (raw,), targets, config, work)
    return each, grad


def diagnose(raw: Array, targets: Targets, config: Config) -> Diagnosis:
    """Whether training gets on: counts, mean overlap and confidence; see `Diagnosis`.

    Parameters and errors as for `loss`.
    """
    _check_call("v2.diagnose", raw, targets, config)
    return diagnosis.diagnose(FORMULA, (raw,), targets, config)


def loss_grad_diagnosis(
    raw: Array, targets: Targets, config: Config, *, work: Workspace | None = None
) -> tuple[LossTerms, Array, Diagnosis]:
    """`loss_and_grad` and `diagnose` in one, which assigns the truths once.

    Parameters and errors as for `loss_and_grad`.
    """
    _check_call("v2.loss_grad_diagnosis", raw, targets, config)
    _check.work("v2.loss_grad_diagnosis", work, "raw", raw)
    each, (grad,), found = diagnosis.with_loss(FORMULA, (raw,), targets, config, work)
    return each, grad, found


def workspace(raw: Array) -> Workspace:
    """An array like `raw` for `loss_and_grad(..., work=...)`; see `terms.Workspace`.

    Raises
    ------
    TypeError
        A library without assignment in place, or a trace: NumPy, CuPy and eager PyTorch have it.
    ValueError, TypeError
        What is not raw outputs.
    """
    _check.in_place("v2.workspace", "raw", raw, 5, several=False)
    return Workspace((raw,))


def linearise(raw: Array, targets: Targets, config: Config) -> tuple[LossTerms, Slopes]:
    """The loss, and what `terms.pull_back` makes its gradient of; for automatic differentiation."""
    _check_call("v2.loss", raw, targets, config)
    return terms.linearise(FORMULA, (raw,), targets, config)
