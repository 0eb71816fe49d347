"""YOLOv4.

::

    x̂ = scale(σ(t_x)) + c_x   ŷ = scale(σ(t_y)) + c_y   scale(v) = s·v − (s − 1)/2       (1)
    ŵ = p_w e^{t_w}   ĥ = p_h e^{t_h}   Ĉ = σ(t_o)   p̂(c) = σ(c)                        (2)

    1obj_ij: the best anchor, and every anchor whose IOU_anchor^truth > iou_thresh, each in the
             cell of its own head in which the centre falls

    Loss = λ_coord Σ_i Σ_j 1obj_ij (1 − CIOU(pred, truth))                              (3)
         + λ_obj   Σ_i Σ_j (1 − 1ign_ij) [−C log Ĉ − (1 − C) log(1 − Ĉ)]              (4)
         + λ_class Σ_i Σ_j 1obj_ij Σ_c [−p(c) log p̂(c) − (1 − p(c)) log(1 − p̂(c))]    (5)

C = 1 where an object is, else 0. IOU_anchor^truth compares shapes, over the anchors of all heads.
Boxes meet in (3) in pixels of the network input. Label smoothing ε replaces p(c) by
p(c)(1 − ε) + ε/2. Of several objects on one prior the last in the list keeps it.

Source: Bochkovskiy, Wang and Liao 2020, section 3.4; λ and thresholds of the published
configuration. `assign="intersection"` is the literal conjunction of the source's 1obj.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import _check, diagnosis, grid, ignoring, matching, presets, problems, terms
from ._xp import Array, namespace, number
from .diagnosis import Diagnosis
from .elementwise import bce, exp, logit, one_hot, sigmoid, sigmoid_at, softplus
from .grid import Cell, Decoded, Raw
from .ignoring import IGNORE
from .iou import SIMILARITY, Corners, centred
from .matching import ASSIGN, Assignment, Matches
from .problems import Problem
from .targets import Targets, usable
from .terms import Formula, LossTerms, Slopes, Workspace

__all__ = ["Config", "assign", "decode", "diagnose", "encode", "loss", "loss_and_grad",
           "loss_grad_diagnosis", "workspace"]  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Anchors, heads and scalars of YOLOv4.

    Attributes
    ----------
    anchors : tuple of (width, height)
        Priors of all heads, pixels of the network input.
    masks : tuple of tuples of int
        The anchors of each head. Heads may share an anchor, or leave one out.
    strides : tuple of float
        Pixels a cell, one for each head.
    scale_xy : tuple of float
        s of (1), one for each head; 1 gives the decode of v3.
    lambda_coord, lambda_obj, lambda_class : float
        Weights of the terms.
    assign_iou_threshold : float
        iou_thresh of 1obj_ij.
    assign : "union" or "intersection"
        The best anchor and all above the threshold; or the best only if it is above.
    ignore_threshold, ignore_by
        The options of `v3.Config`; the formula has no ignore rule, the presets have.
    similarity : "ciou", "diou", "giou", "iou", or a registered one
        What (3) compares boxes by.
    label_smoothing : float
        ε, in [0, 1].
    """

    anchors: tuple[tuple[float, float], ...]
    masks: tuple[tuple[int, ...], ...]
    strides: tuple[float, ...]
    scale_xy: tuple[float, ...]
    lambda_coord: float = 0.07
    lambda_obj: float = 1.0
    lambda_class: float = 1.0
    assign_iou_threshold: float = 0.213
    assign: str = "union"
    ignore_threshold: float = 0.7
    ignore_by: str | None = None
    similarity: str = "ciou"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        where = "v4.Config"
        _check.pyramid(where, self)
        _check.per_head(where, self, "scale_xy")
        _check.weights(where, self)
        for name in ("assign_iou_threshold", "ignore_threshold", "label_smoothing"):
            _check.fraction(where, name, getattr(self, name))
        _check.choice(where, "assign", self.assign, ASSIGN)
        _check.choice(where, "ignore_by", self.ignore_by, IGNORE)
        _check.choice(where, "similarity", self.similarity, SIMILARITY)

    @classmethod
    def coco(cls) -> "Config":
        """The published configuration for COCO: nine anchors, three heads, 80 classes."""
        return cls(**presets.V4_COCO)

    @classmethod
    def tiny_coco(cls) -> "Config":
        """The published tiny configuration for COCO: six anchors, two heads, 80 classes."""
        return cls(**presets.V4_TINY_COCO)


def _decode(t: Raw, at: Cell, s: Any) -> tuple[Any, Any, Any, Any]:
    """x̂ ŷ in cells, ŵ ĥ in fractions of the image."""
    x_hat = s * sigmoid(t.tx) - (s - 1) / 2 + at.col  # (1)
    y_hat = s * sigmoid(t.ty) - (s - 1) / 2 + at.row  # (1)
    w_hat = at.pw * exp(t.tw)  # (2)
    h_hat = at.ph * exp(t.th)  # (2)
    return x_hat, y_hat, w_hat, h_hat


def _encode(x: Array, y: Array, w: Array, h: Array, at: Cell, s: float) -> Any:
    """t of a box whose centre lies at x, y in its cell, in cells."""
    xp = namespace(x)
    tx = logit((x + (s - 1) / 2) / s)
    ty = logit((y + (s - 1) / 2) / s)
    tw = xp.log(w / at.pw)
    th = xp.log(h / at.ph)
    return tx, ty, tw, th


class Truth(NamedTuple):
    """What is constant for the gradient of rows, (N, R)."""

    x: Array  # from the corner of the cell, cells
    y: Array
    w: Array  # fractions of the image
    h: Array
    label: Array
    obj: Array  # 1obj_ij, C
    obj_c: Array  # (N, R, 1)
    pw: Array
    ph: Array
    s: Array
    stride: Array  # pixels a cell
    width: float  # of the network input, pixels
    height: float


def _pixels(x: Any, y: Any, w: Any, h: Any, g: Truth) -> Corners:
    """Boxes in pixels of the network input, x and y in cells."""
    return centred(x * g.stride, y * g.stride, w * g.width, h * g.height)


def _objects(t: Raw, g: Truth, config: Config) -> tuple[Any, Any, Any]:
    x_hat, y_hat, w_hat, h_hat = _decode(t, Cell(0.0, 0.0, g.pw, g.ph), g.s)
    pred = _pixels(x_hat - g.x, y_hat - g.y, w_hat, h_hat, g)  # from the centre of the truth
    truth = centred(0.0, 0.0, g.w * g.width, g.h * g.height)
    similarity = SIMILARITY[config.similarity](pred, truth)
    box = config.lambda_coord * g.obj * (1 - similarity)  # (3)
    obj = config.lambda_obj * g.obj * softplus(-t.to)  # (4) −log Ĉ
    eps = config.label_smoothing
    p = one_hot(g.label, t.c) * (1 - eps) + eps / 2
    cls = config.lambda_class * g.obj_c * bce(t.c, p)  # (5)
    return box, obj, cls


def _noobj(to: Any, noobj: Any, config: Config) -> Any:
    return config.lambda_obj * noobj * softplus(to)  # (4) −log(1 − Ĉ)


def _of_rows(of_heads: Sequence[float], layout: grid.Layout, lane: Array, dtype: Any) -> Array:
    """A number of each row's head."""
    return grid.per_row([[of_heads[k] for k in layout.column("head")]], lane, dtype)[0]


def _truth(found: Assignment, config: Config) -> Truth:
    rows, layout, dtype = found.rows, found.layout, found.rows.x.dtype
    at = grid.row_cells(layout, rows.lane, dtype)
    s = _of_rows(config.scale_xy, layout, rows.lane, dtype)
    stride = _of_rows(config.strides, layout, rows.lane, dtype)
    width, height = layout.input_size(config.strides)
    obj = number(rows.keep, dtype)
    return Truth(
        rows.x, rows.y, rows.w, rows.h, rows.label, obj, obj[..., None],
        at.pw, at.ph, s, stride, float(width), float(height),
    )  # fmt: skip


def _of_heads(config: Config) -> grid.Decode:
    """The decode of dense planes: s is a number for each head."""
    return lambda t, at, head: _decode(t, at, config.scale_xy[head])


def _check_call(where: str, heads: Sequence[Array], targets: Targets, config: Config) -> None:
    _check_heads(where, heads, config)
    _check.targets(where, targets, ("heads[0]", heads[0]))


def _check_heads(where: str, heads: Sequence[Array], config: Config) -> None:
    _check.config(where, config, Config)
    _check.heads(where, heads, config.masks, config.strides)


def _layout(heads: Sequence[Array], config: Config) -> grid.Layout:
    return grid.layout(heads, config.anchors, config.masks, config.strides)


def _match(heads: Sequence[Array], targets: Targets, config: Config) -> Assignment:
    layout = _layout(heads, config)
    truths = usable(targets, heads[0].shape[-1] - 5, heads[0])
    ious, threshold = matching.shape_iou(truths, layout.priors), config.assign_iou_threshold
    rows = matching.every_anchor(truths, layout, ious, threshold, config.assign)
    found = matching.settle(layout, truths, rows)
    by, threshold = config.ignore_by, config.ignore_threshold
    return ignoring.ignore(found, ious, heads, _of_heads(config), by, threshold)


def _problem(heads: Sequence[Array], targets: Targets, config: Config) -> Problem:
    whole = _match(heads, targets, config)
    found = matching.compact(whole)
    return problems.pose(heads, found, _truth(found, config), whole)


def _decode_rows(t: Raw, at: Cell, lane: Array, layout: grid.Layout, config: Config) -> Any:
    return _decode(t, at, _of_rows(config.scale_xy, layout, lane, t.tx.dtype))


FORMULA = Formula(_objects, _noobj, _problem, _decode_rows, sigmoid_at)


def decode(heads: Sequence[Array], config: Config) -> tuple[Decoded, ...]:
    """Predictions of raw outputs: equations (1) and (2).

    Parameters
    ----------
    heads : sequence of arrays, shape (N, H, W, A, 5 + K), real floating
        t_x t_y t_w t_h t_o and K class logits, one array for each of `config.masks`, any strides.
    config : Config

    Returns
    -------
    tuple of Decoded, one a head
        boxes (N, H, W, A, 4) centre form, fractions of the image; obj (N, H, W, A);
        cls (N, H, W, A, K), independent probabilities.

    Raises
    ------
    ValueError, TypeError
        Heads that do not fit the config or one another, K = 0, a dtype that is not real floating.
    """
    _check_heads("v4.decode", heads, config)
    layout = _layout(heads, config)
    return grid.decode(heads, layout, _of_heads(config), probability=sigmoid)  # (2)


def encode(
    boxes: Array, row: Array, col: Array, anchor: Array, config: Config, *,
    head: int, grid_shape: tuple[int, int],
) -> Array:  # fmt: skip
    """The inverse of `decode` at given cells and anchors of a head.

    ::

        t_x = logit((x − c_x + (s − 1)/2) / s)   t_w = log(w / p_w)      y and h alike

    Parameters
    ----------
    boxes : array, shape (..., 4), real floating
        Centre form, fractions of the image.
    row, col, anchor : array, shape (...), integer
        The cell and the anchor's index in the head.
    config : Config
    head : int
        The index of the head.
    grid_shape : (H, W)
        Cells of the head.

    Returns
    -------
    array, shape (..., 4)
        t_x t_y t_w t_h in the compute dtype. NaN where σ cannot reach the centre from the cell.
    """
    where = "v4.encode"
    _check.config(where, config, Config)
    _check.boxes_at_cells(where, boxes, row=row, col=col, anchor=anchor)
    _check.index(where, "head", head, len(config.masks))
    H, W = _check.grid_shape(where, grid_shape)
    x, y, w, h = grid.in_cell(boxes, row, col, (H, W))
    anchors = [config.anchors[k] for k in config.masks[head]]
    size = H * config.strides[head], W * config.strides[head]
    at = Cell(0.0, 0.0, *grid.prior_at(anchors, anchor, size, x))
    return namespace(x).stack(_encode(x, y, w, h, at, config.scale_xy[head]), axis=-1)


def assign(heads: Sequence[Array], targets: Targets, config: Config) -> tuple[Matches, ...]:
    """Which predictors are responsible for which truths, and which are ignored; see `Matches`.

    Parameters and errors as for `loss`.
    """
    _check_call("v4.assign", heads, targets, config)
    return matching.matches(_match(heads, targets, config))


def loss(heads: Sequence[Array], targets: Targets, config: Config) -> LossTerms:
    """The loss: equations (3) to (5).

    Parameters
    ----------
    heads : sequence of arrays, shape (N, H, W, A, 5 + K), real floating
        t_x t_y t_w t_h t_o and K class logits, one array for each of `config.masks`, any strides;
        grid × stride is the size of the network input, the same for all. float16 and bfloat16 are
        computed in float32.
    targets : Targets
        (N, T, 4), (N, T), (N, T). T = 0, N = 0 and images without objects are ordinary; invalid
        truths take part in nothing, and what lies in regions has no objectness loss.
    config : Config

    Returns
    -------
    LossTerms
        (N, S) each, sums over one image and head, in the compute dtype.

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes, libraries or devices that do not fit, by function and argument.

    Notes
    -----
    Constant for the gradient: α of CIOU and every choice (responsible, ignored, cell, anchor).

    Examples
    --------
    >>> import numpy as np
    >>> from yolo_losses import pad_targets
    >>> heads = [np.zeros((2, s, s, 3, 5 + 80)) for s in (13, 26, 52)]
    >>> targets = pad_targets([[(0.5, 0.5, 0.2, 0.3)], []], [[3], []])
    >>> terms = loss(heads, targets, Config.coco())
    >>> terms.total.round(3).tolist(), terms.box.shape
    ([7655.322, 7379.938], (2, 3))
    """
    _check_call("v4.loss", heads, targets, config)
    return terms.evaluate(FORMULA, heads, targets, config)


def loss_and_grad(
    heads: Sequence[Array], targets: Targets, config: Config, *, work: Workspace | None = None
) -> tuple[LossTerms, Sequence[Array]]:
    """The loss and the exact gradient of `terms.total.sum()`, like `heads`, on every library.

    A list of heads has a list of gradients, a tuple a tuple. With a `workspace` of the heads the
    gradients live there until the next call. Parameters and errors as for `loss`. All results are
    constants for automatic differentiation.
    """
    _check_call("v4.loss_and_grad", heads, targets, config)
    _check.work("v4.loss_and_grad", work, "heads", heads)
    each, grads, _ = terms.differentiate(FORMULA, heads, targets, config, work)
    return each, list(grads) if isinstance(heads, list) else grads


def diagnose(heads: Sequence[Array], targets: Targets, config: Config) -> Diagnosis:
    """Whether training gets on: counts, mean overlap and confidence; see `Diagnosis`.

    Parameters and errors as for `loss`.
    """
    _check_call("v4.diagnose", heads, targets, config)
    return diagnosis.diagnose(FORMULA, heads, targets, config)


def loss_grad_diagnosis(
    heads: Sequence[Array], targets: Targets, config: Config, *, work: Workspace | None = None
) -> tuple[LossTerms, Sequence[Array], Diagnosis]:
    """`loss_and_grad` and `diagnose` in one, which assigns the truths once.

    Parameters and errors as for `loss_and_grad`.
    """
    _check_call("v4.loss_grad_diagnosis", heads, targets, config)
    _check.work("v4.loss_grad_diagnosis", work, "heads", heads)
    each, grads, found = diagnosis.with_loss(FORMULA, heads, targets, config, work)
    return each, list(grads) if isinstance(heads, list) else grads, found


def workspace(heads: Sequence[Array]) -> Workspace:
    """Arrays like `heads` for `loss_and_grad(..., work=...)`; see `terms.Workspace`.

    Raises
    ------
    TypeError
        A library without assignment in place, or a trace: NumPy, CuPy and eager PyTorch have it.
    ValueError, TypeError
        What is not raw outputs.
    """
    _check.in_place("v4.workspace", "heads", heads, 5, several=True)
    return Workspace(heads)


def linearise(heads: Sequence[Array], targets: Targets, config: Config) -> tuple[LossTerms, Slopes]:
    """The loss, and what `terms.pull_back` makes its gradient of; for automatic differentiation."""
    _check_call("v4.loss", heads, targets, config)
    return terms.linearise(FORMULA, heads, targets, config)
