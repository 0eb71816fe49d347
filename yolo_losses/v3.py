"""YOLOv3.

::

    x̂ = σ(t_x) + c_x   ŷ = σ(t_y) + c_y   ŵ = p_w e^{t_w}   ĥ = p_h e^{t_h}           (1)
    Ĉ = σ(t_o)         p̂(c) = σ(c)                                                    (2)

    t_x = logit(x − c_x)   t_y = logit(y − c_y)   t_w = log(w / p_w)   t_h = log(h / p_h)   (3)

    1obj_ij: the best IOU_anchor^truth over the anchors of all heads, in the cell of the centre

    Loss = λ_coord Σ_i Σ_j 1obj_ij 1[IOU_anchor^truth > 0.5] (2 − w h)
                   [(t_x − t̂_x)² + (t_y − t̂_y)² + (t_w − t̂_w)² + (t_h − t̂_h)²]         (4)
         + λ_obj   Σ_i Σ_j (1 − 1ign_ij) [−C log Ĉ − (1 − C) log(1 − Ĉ)]              (5)
         + λ_class Σ_i Σ_j 1obj_ij Σ_c [−p(c) log p̂(c) − (1 − p(c)) log(1 − p̂(c))]    (6)

C = 1 where an object is, else 0. The offset of (3) is clipped to [ε, 1 − ε]. 1[…] gates (4) alone.
1ign_ij marks priors that are not responsible but overlap an object by more than a threshold; what
overlaps is the option `ignore_by`. Of two objects on one prior the last in the list keeps it.

Source: Redmon and Farhadi 2018, sections 2.1 to 2.3.
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
from .matching import Assignment, Matches
from .problems import Problem
from .targets import Targets, usable
from .terms import Formula, LossTerms, Slopes, Workspace

__all__ = ["Config", "assign", "decode", "diagnose", "encode", "loss", "loss_and_grad",
           "loss_grad_diagnosis", "workspace"]  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Anchors, heads and scalars of YOLOv3.

    Attributes
    ----------
    anchors : tuple of (width, height)
        Priors of all heads, pixels of the network input.
    masks : tuple of tuples of int
        The anchors of each head. Heads may share an anchor, or leave one out.
    strides : tuple of float
        Pixels a cell, one for each head.
    lambda_coord, lambda_obj, lambda_class : float
        Weights of the terms.
    coord_iou_threshold : float or None
        The gate of (4): coordinates cost where IOU_anchor^truth is above it; None for no gate.
    ignore_threshold : float
        Overlaps above it are ignored.
    ignore_by : "prior", "shape", "prediction" or None
        What overlaps: the anchor box centred on its cell, every cell against every object; only
        the priors of the object's own cell, both boxes on one centre; the decoded box of every
        cell; nothing.
    offset_eps : float
        ε of (3), in (0, ½).
    """

    anchors: tuple[tuple[float, float], ...]
    masks: tuple[tuple[int, ...], ...]
    strides: tuple[float, ...]
    lambda_coord: float = 1.0
    lambda_obj: float = 1.0
    lambda_class: float = 1.0
    coord_iou_threshold: float | None = 0.5
    ignore_threshold: float = 0.5
    ignore_by: str | None = "prior"
    offset_eps: float = 1e-3

    def __post_init__(self) -> None:
        where = "v3.Config"
        _check.pyramid(where, self)
        _check.weights(where, self)
        if self.coord_iou_threshold is not None:
            _check.fraction(where, "coord_iou_threshold", self.coord_iou_threshold)
        _check.fraction(where, "ignore_threshold", self.ignore_threshold)
        _check.choice(where, "ignore_by", self.ignore_by, IGNORE)
        _check.fraction(where, "offset_eps", self.offset_eps)
        if not 0 < self.offset_eps < 0.5:
            _check.wrong_value(where, "offset_eps", "lie in (0, 0.5)", self.offset_eps)

    @classmethod
    def coco(cls) -> "Config":
        """The published configuration for COCO: nine anchors, three heads, 80 classes."""
        return cls(**presets.V3_COCO)

    @classmethod
    def tiny_coco(cls) -> "Config":
        """The published tiny configuration for COCO: six anchors, two heads, 80 classes."""
        return cls(**presets.V3_TINY_COCO)


def _decode(t: Raw, at: Cell, head: int) -> tuple[Any, Any, Any, Any]:
    """x̂ ŷ in cells, ŵ ĥ in fractions of the image."""
    x_hat = sigmoid(t.tx) + at.col  # (1)
    y_hat = sigmoid(t.ty) + at.row  # (1)
    w_hat = at.pw * exp(t.tw)  # (1)
    h_hat = at.ph * exp(t.th)  # (1)
    return x_hat, y_hat, w_hat, h_hat


def _encode(x: Array, y: Array, w: Array, h: Array, at: Cell, eps: float) -> Any:
    """t of a box whose centre lies at x, y in its cell, in cells."""
    xp = namespace(x)
    tx = logit(xp.clip(x, min=eps, max=1 - eps))  # (3)
    ty = logit(xp.clip(y, min=eps, max=1 - eps))  # (3)
    tw = xp.log(w / at.pw)  # (3)
    th = xp.log(h / at.ph)  # (3)
    return tx, ty, tw, th


class Truth(NamedTuple):
    """What is constant for the gradient of rows, (N, R)."""

    tx: Array
    ty: Array
    tw: Array
    th: Array
    w: Array  # fractions of the image
    h: Array
    label: Array
    obj: Array  # 1obj_ij, C
    obj_c: Array  # (N, R, 1)
    gate: Array  # 1[IOU_anchor^truth > 0.5]


def _objects(t: Raw, g: Truth, config: Config) -> tuple[Any, Any, Any]:
    d2 = (g.tx - t.tx) ** 2 + (g.ty - t.ty) ** 2 + (g.tw - t.tw) ** 2 + (g.th - t.th) ** 2
    box = config.lambda_coord * g.obj * g.gate * (2 - g.w * g.h) * d2  # (4)
    obj = config.lambda_obj * g.obj * softplus(-t.to)  # (5) −log Ĉ
    cls = config.lambda_class * g.obj_c * bce(t.c, one_hot(g.label, t.c))  # (6)
    return box, obj, cls


def _noobj(to: Any, noobj: Any, config: Config) -> Any:
    return config.lambda_obj * noobj * softplus(to)  # (5) −log(1 − Ĉ)


def _truth(found: Assignment, config: Config) -> Truth:
    rows, dtype = found.rows, found.rows.x.dtype
    at = grid.row_cells(found.layout, rows.lane, dtype)
    tx, ty, tw, th = _encode(rows.x, rows.y, rows.w, rows.h, at, config.offset_eps)
    obj = number(rows.keep, dtype)
    threshold = config.coord_iou_threshold
    gate = number(rows.iou > (float("-inf") if threshold is None else threshold), dtype)
    return Truth(tx, ty, tw, th, rows.w, rows.h, rows.label, obj, obj[..., None], gate)


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
    ious = matching.shape_iou(truths, layout.priors)
    rows = matching.best_anchor(truths, layout, ious)
    found = matching.settle(layout, truths, rows)
    by, threshold = config.ignore_by, config.ignore_threshold
    return ignoring.ignore(found, ious, heads, _decode, by, threshold)


def _problem(heads: Sequence[Array], targets: Targets, config: Config) -> Problem:
    whole = _match(heads, targets, config)
    found = matching.compact(whole)
    return problems.pose(heads, found, _truth(found, config), whole)


def _decode_rows(t: Raw, at: Cell, lane: Array, layout: grid.Layout, config: Config) -> Any:
    return _decode(t, at, 0)


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
    _check_heads("v3.decode", heads, config)
    layout = _layout(heads, config)
    return grid.decode(heads, layout, _decode, probability=sigmoid)  # (2)


def encode(
    boxes: Array, row: Array, col: Array, anchor: Array, config: Config, *,
    head: int, grid_shape: tuple[int, int],
) -> Array:  # fmt: skip
    """The inverse of `decode` at given cells and anchors of a head: equation (3).

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
        t_x t_y t_w t_h in the compute dtype. The offset is clipped to [ε, 1 − ε].
    """
    where = "v3.encode"
    _check.config(where, config, Config)
    _check.boxes_at_cells(where, boxes, row=row, col=col, anchor=anchor)
    _check.index(where, "head", head, len(config.masks))
    H, W = _check.grid_shape(where, grid_shape)
    x, y, w, h = grid.in_cell(boxes, row, col, (H, W))
    anchors = [config.anchors[k] for k in config.masks[head]]
    size = H * config.strides[head], W * config.strides[head]
    at = Cell(0.0, 0.0, *grid.prior_at(anchors, anchor, size, x))
    return namespace(x).stack(_encode(x, y, w, h, at, config.offset_eps), axis=-1)


def assign(heads: Sequence[Array], targets: Targets, config: Config) -> tuple[Matches, ...]:
    """Which predictors are responsible for which truths, and which are ignored; see `Matches`.

    Parameters and errors as for `loss`.
    """
    _check_call("v3.assign", heads, targets, config)
    return matching.matches(_match(heads, targets, config))


def loss(heads: Sequence[Array], targets: Targets, config: Config) -> LossTerms:
    """The loss: equations (4) to (6).

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
    Constant for the gradient: every choice (responsible, ignored, gate, cell, anchor).

    Examples
    --------
    >>> import numpy as np
    >>> from yolo_losses import pad_targets
    >>> heads = [np.zeros((2, s, s, 3, 5 + 80)) for s in (13, 26, 52)]
    >>> targets = pad_targets([[(0.5, 0.5, 0.2, 0.3)], []], [[3], []])
    >>> terms = loss(heads, targets, Config.coco())
    >>> terms.total.round(3).tolist(), terms.box.shape
    ([7617.939, 7379.938], (2, 3))
    """
    _check_call("v3.loss", heads, targets, config)
    return terms.evaluate(FORMULA, heads, targets, config)


def loss_and_grad(
    heads: Sequence[Array], targets: Targets, config: Config, *, work: Workspace | None = None
) -> tuple[LossTerms, Sequence[Array]]:
    """The loss and the exact gradient of `terms.total.sum()`, like `heads`, on every library.

    A list of heads has a list of gradients, a tuple a tuple. With a `workspace` of the heads the
    gradients live there until the next call. Parameters and errors as for `loss`. All results are
    constants for automatic differentiation.
    """
    _check_call("v3.loss_and_grad", heads, targets, config)
    _check.work("v3.loss_and_grad", work, "heads", heads)
    each, grads, _ = terms.differentiate(FORMULA, heads, targets, config, work)
    return each, list(grads) if isinstance(heads, list) else grads


def diagnose(heads: Sequence[Array], targets: Targets, config: Config) -> Diagnosis:
    """Whether training gets on: counts, mean overlap and confidence; see `Diagnosis`.

    Parameters and errors as for `loss`.
    """
    _check_call("v3.diagnose", heads, targets, config)
    return diagnosis.diagnose(FORMULA, heads, targets, config)


def loss_grad_diagnosis(
    heads: Sequence[Array], targets: Targets, config: Config, *, work: Workspace | None = None
) -> tuple[LossTerms, Sequence[Array], Diagnosis]:
    """`loss_and_grad` and `diagnose` in one, which assigns the truths once.

    Parameters and errors as for `loss_and_grad`.
    """
    _check_call("v3.loss_grad_diagnosis", heads, targets, config)
    _check.work("v3.loss_grad_diagnosis", work, "heads", heads)
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
    _check.in_place("v3.workspace", "heads", heads, 5, several=True)
    return Workspace(heads)


def linearise(heads: Sequence[Array], targets: Targets, config: Config) -> tuple[LossTerms, Slopes]:
    """The loss, and what `terms.pull_back` makes its gradient of; for automatic differentiation."""
    _check_call("v3.loss", heads, targets, config)
    return terms.linearise(FORMULA, heads, targets, config)
