"""YOLOv1.

::

    x̂ = σ(t_x)   ŷ = σ(t_y)   ŵ = σ(t_w)   ĥ = σ(t_h)   Ĉ = σ(t_o)   p̂ = softmax(c)       (1)

    1obj_ij: of the predictors of the centre's cell the one whose box has the highest IOU
    1obj_i:  an object's centre falls in cell i

    Loss = λ_coord Σ_i Σ_j 1obj_ij [(x − x̂)² + (y − ŷ)² + (√w − √ŵ)² + (√h − √ĥ)²]       (2)
         +         Σ_i Σ_j 1obj_ij (IOU_pred^truth − Ĉ)²                              (3)
         + λ_noobj Σ_i Σ_j 1noobj_ij (0 − Ĉ)²                                         (4)
         +         Σ_i 1obj_i Σ_c (p(c) − p̂(c))²                                     (5)

x, y are offsets inside the cell, w, h fractions of the image; boxes meet in image units.
1noobj = 1 − 1obj. A cell holds one object: the first in the list. Ties of IOU go to the lowest j.
IOU_pred^truth is constant for the gradient. √σ(t) = exp(−½·softplus(−t)).

Source: Redmon et al. 2016, section 2.2, equation 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import _check, diagnosis, grid, ignoring, matching, presets, problems, terms
from ._xp import Array, arange, namespace, number
from .diagnosis import Diagnosis
from .elementwise import (
    logit,
    one_hot,
    sigmoid,
    softmax,
    softmax_at,
    softmax_squared_error,
    sqrt_sigmoid,
    stop,
)
from .grid import Cell, Decoded, Raw
from .iou import SIMILARITY, centred
from .matching import Assignment, Matches, Rows
from .problems import Problem
from .targets import Targets, usable
from .terms import Formula, LossTerms, Slopes, Workspace

__all__ = ["Config", "assign", "decode", "diagnose", "encode", "loss", "loss_and_grad",
           "loss_grad_diagnosis", "workspace"]  # fmt: skip

IOU = SIMILARITY["iou"]


@dataclass(frozen=True)
class Config:
    """Scalars of YOLOv1.

    Attributes
    ----------
    num_boxes : int
        B, predictors of a cell.
    lambda_coord, lambda_noobj : float
        Weights of the terms.
    """

    num_boxes: int = 2
    lambda_coord: float = 5.0
    lambda_noobj: float = 0.5

    def __post_init__(self) -> None:
        _check.count("v1.Config", "num_boxes", self.num_boxes)
        _check.weights("v1.Config", self)

    @classmethod
    def voc(cls) -> "Config":
        """The published configuration for VOC: S = 7, B = 2, 20 classes."""
        return cls(**presets.V1_VOC)


def _decode(t: Raw, at: Cell, head: int) -> tuple[Any, Any, Any, Any]:
    """x̂ ŷ in cells, ŵ ĥ in fractions of the image."""
    x_hat = sigmoid(t.tx) + at.col  # (1)
    y_hat = sigmoid(t.ty) + at.row  # (1)
    w_hat = sigmoid(t.tw)  # (1)
    h_hat = sigmoid(t.th)  # (1)
    return x_hat, y_hat, w_hat, h_hat


class Truth(NamedTuple):
    """What is constant for the gradient of rows, (N, R, 1)."""

    x: Array  # inside the cell
    y: Array
    sqrt_w: Array  # fractions of the image
    sqrt_h: Array
    label: Array
    iou: Array  # IOU_pred^truth of the responsible predictor
    obj: Array  # (N, R, B): 1obj_ij
    obj_i: Array  # 1obj_i


def _objects(t: Raw, g: Truth, config: Config) -> tuple[Any, Any, Any]:
    d2 = (
        (g.x - sigmoid(t.tx)) ** 2 + (g.y - sigmoid(t.ty)) ** 2
        + (g.sqrt_w - sqrt_sigmoid(t.tw)) ** 2 + (g.sqrt_h - sqrt_sigmoid(t.th)) ** 2
    )  # fmt: skip
    box = config.lambda_coord * g.obj * d2  # (2)
    obj = g.obj * (g.iou - sigmoid(t.to)) ** 2  # (3)
    cls = g.obj_i * softmax_squared_error(t.c, one_hot(g.label, t.c))  # (5)
    return box, obj, cls


def _noobj(to: Any, noobj: Any, config: Config) -> Any:
    return config.lambda_noobj * noobj * (0 - sigmoid(to)) ** 2  # (4)


def _truth(found: Assignment) -> Truth:
    rows, dtype = found.rows, found.rows.x.dtype
    xp = namespace(rows.x)
    x, y, w, h, iou, keep = (
        v[..., None] for v in (rows.x, rows.y, rows.w, rows.h, rows.iou, rows.keep)
    )
    lanes = arange(len(found.layout.lanes), rows.lane)
    obj = number((rows.lane[..., None] == lanes) & keep, dtype)
    return Truth(x, y, xp.sqrt(w), xp.sqrt(h), rows.label, iou, obj, number(keep, dtype))


def _ious(raw: Array, rows: Rows, layout: grid.Layout) -> Array:
    """(N, R, B): IOU of each predictor of a row's cell with its truth, in image units."""
    lane, num = layout.lanes[0], len(layout.lanes)
    at_rows = grid.gather((stop(raw),), (rows.row, rows.col), rows.wanted, rows.counts)
    t = grid.fields_of_boxes(at_rows, num)
    x_hat, y_hat, w_hat, h_hat = _decode(t, Cell(0.0, 0.0, 1.0, 1.0), 0)
    x, y, w, h = (v[..., None] for v in (rows.x, rows.y, rows.w, rows.h))
    pred = centred(x_hat / lane.W, y_hat / lane.H, w_hat, h_hat)
    return IOU(pred, centred(x / lane.W, y / lane.H, w, h))


def _check_call(where: str, raw: Array, targets: Targets, config: Config) -> None:
    _check_raw(where, raw, config)
    _check.targets(where, targets, ("raw", raw))


def _check_raw(where: str, raw: Array, config: Config) -> None:
    _check.config(where, config, Config)
    _check.cells(where, "raw", raw, config.num_boxes)


def _layout(raw: Array, config: Config) -> grid.Layout:
    return grid.layout_of_cells(raw, config.num_boxes)


def _match(raw: Array, targets: Targets, config: Config) -> Assignment:
    layout = _layout(raw, config)
    truths = usable(targets, raw.shape[-1] - 5 * config.num_boxes, raw)
    rows = matching.own_cell(truths, layout)
    rows = matching.best_prediction(rows, layout, _ious(raw, rows, layout))
    return ignoring.in_regions(matching.settle(layout, truths, rows), (raw,), _decode)


def _problem(heads: Sequence[Array], targets: Targets, config: Config) -> Problem:
    (raw,) = heads
    whole = _match(raw, targets, config)
    found = matching.compact(whole)
    return problems.pose(heads, found, _truth(found), whole)


# A cell's predictors are compared with its truth when it is assigned.
FORMULA = Formula(_objects, _noobj, _problem, None, softmax_at)


def decode(raw: Array, config: Config) -> Decoded:
    """Predictions of raw outputs: equation (1).

    Parameters
    ----------
    raw : array, shape (N, S, S, B·5 + K), real floating
        B boxes of t_x t_y t_w t_h t_o, then K class logits, any strides.
    config : Config

    Returns
    -------
    Decoded
        boxes (N, S, S, B, 4) centre form, fractions of the image; obj (N, S, S, B);
        cls (N, S, S, K), a softmax.

    Raises
    ------
    ValueError, TypeError
        A shape that does not fit the config, K = 0, a dtype that is not real floating.
    """
    _check_raw("v1.decode", raw, config)
    layout = _layout(raw, config)
    return grid.decode((raw,), layout, _decode, softmax)[0]


def encode(
    boxes: Array, row: Array, col: Array, config: Config, *, grid_shape: tuple[int, int]
) -> Array:
    """The inverse of `decode` at given cells: t_x t_y t_w t_h of boxes.

    ::

        t_x = logit(x)   t_y = logit(y)   t_w = logit(w)   t_h = logit(h)

    Parameters
    ----------
    boxes : array, shape (..., 4), real floating
        Centre form, fractions of the image.
    row, col : array, shape (...), integer
        The cell.
    config : Config
    grid_shape : (S, S)
        Cells of the grid.

    Returns
    -------
    array, shape (..., 4)
        In the compute dtype. ∓inf where a centre lies on a border of the cell or a size is 1, NaN
        outside.
    """
    _check.config("v1.encode", config, Config)
    _check.boxes_at_cells("v1.encode", boxes, row=row, col=col)
    shape = _check.grid_shape("v1.encode", grid_shape)
    t = (logit(v) for v in grid.in_cell(boxes, row, col, shape))
    return namespace(boxes).stack(list(t), axis=-1)


def assign(raw: Array, targets: Targets, config: Config) -> Matches:
    """Which predictors are responsible for which truths; see `Matches`.

    Parameters and errors as for `loss`.
    """
    _check_call("v1.assign", raw, targets, config)
    return matching.matches(_match(raw, targets, config))[0]


def loss(raw: Array, targets: Targets, config: Config) -> LossTerms:
    """The loss: equations (2) to (5).

    Parameters
    ----------
    raw : array, shape (N, S, S, B·5 + K), real floating
        B boxes of t_x t_y t_w t_h t_o, then K class logits, any strides. float16 and bfloat16 are
        computed in float32.
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
    >>> raw = np.zeros((2, 7, 7, 2 * 5 + 20))
    >>> targets = pad_targets([[(0.5, 0.5, 0.2, 0.3)], []], [[3], []])
    >>> terms = loss(raw, targets, Config.voc())
    >>> terms.total.round(3).tolist(), terms.box.shape
    ([13.607, 12.25], (2, 1))
    """
    _check_call("v1.loss", raw, targets, config)
    return terms.evaluate(FORMULA, (raw,), targets, config)


def loss_and_grad(
    raw: Array, targets: Targets, config: Config, *, work: Workspace | None = None
) -> tuple[LossTerms, Array]:
    """The loss and the exact gradient of `terms.total.sum()`, like `raw`, on every library.

    With a `workspace` of the raw outputs the gradient lives there until the next call. Parameters
    and errors as for `loss`. All results are constants for automatic differentiation.
    """
    _check_call("v1.loss_and_grad", raw, targets, config)
    _check.work("v1.loss_and_grad", work, "raw", raw)
    each, (grad,), _ = terms.differentiate(FORMULA, (raw,), targets, config, work)
    return each, grad


def diagnose(raw: Array, targets: Targets, config: Config) -> Diagnosis:
    """Whether training gets on: counts, mean overlap and confidence; see `Diagnosis`.

    Parameters and errors as for `loss`.
    """
    _check_call("v1.diagnose", raw, targets, config)
    return diagnosis.diagnose(FORMULA, (raw,), targets, config)


def loss_grad_diagnosis(
    raw: Array, targets: Targets, config: Config, *, work: Workspace | None = None
) -> tuple[LossTerms, Array, Diagnosis]:
    """`loss_and_grad` and `diagnose` in one, which assigns the truths once.

    Parameters and errors as for `loss_and_grad`.
    """
    _check_call("v1.loss_grad_diagnosis", raw, targets, config)
    _check.work("v1.loss_grad_diagnosis", work, "raw", raw)
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
    _check.in_place("v1.workspace", "raw", raw, 4, several=False)
    return Workspace((raw,))


def linearise(raw: Array, targets: Targets, config: Config) -> tuple[LossTerms, Slopes]:
    """The loss, and what `terms.pull_back` makes its gradient of; for automatic differentiation."""
    _check_call("v1.loss", raw, targets, config)
    return terms.linearise(FORMULA, (raw,), targets, config)
