"""ultralytics' YOLOv3 and the programs that share its loss.

`Options.ultralytics_yolov3`, `.wongkinyiu_yolov4` (WongKinYiu/PyTorch_YOLOv4), `.scaled_yolov4`
(WongKinYiu/ScaledYOLOv4) and `.eriklindernoren_yolov3` (eriklindernoren/PyTorch-YOLOv3).

::

    x̂ = 2σ(t_x) − ½ + c_x   ŵ = p_w (2σ(t_w))²     in cells; eriklindernoren as the formula

    box = Σ_heads mean_rows (1 − CIOU)                                            · box
    obj = Σ_heads balance · mean_all BCE(t_o, (1 − gr) + gr·max(CIOU, 0))         · obj
    cls = Σ_heads mean_{rows × K} BCE(c, y), y = 1 − ε/2 of the own class, else ε/2  · cls
    total = (box + obj + cls) · N

A row is a truth, one of the three anchors of a head and one of up to three cells. Its objectness
target is 0 where no row is; the CIOU in it is a constant.

Departs from the formula of v3:

* decode: x̂ = 2σ(t_x) − ½ + c_x, ŵ = p_w (2σ(t_w))², so that a box reaches half a cell beyond its
  own; eriklindernoren as the formula.
* assignment: every anchor of every head with max(w/p_w, p_w/w, h/p_h, p_h/h) < anchor_t, in the
  centre's cell and in the nearer neighbour along x and along y; eriklindernoren: in the centre's
  cell alone.
* ignore: nothing; what no row holds is a negative.
* coordinates: 1 − CIOU in cells of the head.
* objectness: the target is the CIOU of the prediction, not 1.
* classes: `cls_pw` weighs the own class; no term with one class. `fl_gamma` makes it and the
  objectness a focal loss.
* collisions: every row keeps its box and class terms; the target of objectness is that of the last
  row, in the order neighbour, anchor, truth. `sort_obj_iou`: of the row with the largest CIOU.
* reduction: means by head, so that a head with one row weighs as much as one with a hundred; the
  sum is multiplied by the batch size. eriklindernoren: not.
* eps: 1e-7 in CIOU; WongKinYiu's and eriklindernoren's 1e-9, and in heights too; ScaledYOLOv4's
  1e-16.

Faults:

* gains: train.py rescales `cls` and `obj` by classes, image size and heads; the loss alone does
  not.
* balance: `autobalance` changes the program's state at every call, in validation too; here
  `balanced` is a function of its own.
* right edge: ScaledYOLOv4 limits cells to n instead of n − 1 and fails at a centre of exactly 1;
  here it belongs to the last cell.
* duplicates: on CUDA the order of equal indices is not defined, so two runs of the program differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from .. import _check, matching
from .._xp import Array, adapter, arange, compute_dtype, constant, namespace, number
from ..elementwise import bce, one_hot, sigmoid, softplus
from ..targets import Targets
from . import _options, overlaps
from .results import DialectLoss

ALPHA = 0.25  # of the focal loss


class Program(NamedTuple):
    """What a program of the family does its own way."""

    decode: str
    neighbours: str
    overlap: str  # a row of overlaps.PROGRAMS
    by_heads: bool  # whether gains are divided by the number of heads
    by_batch: bool  # whether the sum is multiplied by the batch size


PROGRAMS = {
    "ultralytics_yolov3": Program("sigmoid", "inverse", "ultralytics_xywh", False, True),
    "wongkinyiu_yolov4": Program("sigmoid", "fraction", "wongkinyiu_v4", True, True),
    "scaled_yolov4": Program("sigmoid", "fraction", "scaled_yolov4", True, True),
    "eriklindernoren_yolov3": Program("exp", "none", "eriklindernoren", False, False),
}
BALANCE = {3: (4.0, 1.0, 0.4)}, (4.0, 1.0, 0.25, 0.06, 0.02)


@dataclass(frozen=True)
class Options:
    """Anchors and hyper-parameters, by the programs' names.

    Attributes
    ----------
    anchors : tuple of heads, each a tuple of (width, height)
        Pixels, fine to coarse.
    strides : tuple of float
        Pixels a cell, one for each head.
    program : str
        A row of `PROGRAMS`.
    box, obj, cls : float
        Gains. `box` is called giou by ScaledYOLOv4.
    obj_pw, cls_pw : float
        Weights of positives.
    anchor_t : float
    fl_gamma : float
        γ of the focal loss; 0 for none.
    label_smoothing : float
        ε.
    gr : float
        How much of an objectness target is the CIOU.
    balance : tuple of float
        Weights of the heads' objectness.
    sort_obj_iou : bool
    """

    anchors: tuple[tuple[tuple[float, float], ...], ...]
    strides: tuple[float, ...]
    program: str = "ultralytics_yolov3"
    box: float = 0.05
    obj: float = 1.0
    cls: float = 0.5
    obj_pw: float = 1.0
    cls_pw: float = 1.0
    anchor_t: float = 4.0
    fl_gamma: float = 0.0
    label_smoothing: float = 0.0
    gr: float = 1.0
    balance: tuple[float, ...] | None = None
    sort_obj_iou: bool = False

    def __post_init__(self) -> None:
        where = "ultralytics.Options"
        _options.settle(self)
        _options.heads(where, self)
        _check.choice(where, "program", self.program, PROGRAMS)
        names = ("box", "obj", "cls", "obj_pw", "cls_pw", "anchor_t", "fl_gamma", "gr")
        _options.numbers(where, self, *names, "label_smoothing")
        if self.balance is None:
            few, many = BALANCE
            balance = few.get(len(self.strides), many[: len(self.strides)])
            object.__setattr__(self, "balance", balance)
        _options.one_a_head(where, self, "balance")

    @staticmethod
    def ultralytics_yolov3(anchors: Any, strides: Any, **options: Any) -> "Options":
        """ultralytics/yolov3."""
        return Options(anchors, strides, "ultralytics_yolov3", **options)

    @staticmethod
    def wongkinyiu_yolov4(anchors: Any, strides: Any, **options: Any) -> "Options":
        """WongKinYiu/PyTorch_YOLOv4."""
        return Options(anchors, strides, "wongkinyiu_yolov4", **options)

    @staticmethod
    def scaled_yolov4(anchors: Any, strides: Any, **options: Any) -> "Options":
        """WongKinYiu/ScaledYOLOv4."""
        return Options(anchors, strides, "scaled_yolov4", **options)

    @staticmethod
    def eriklindernoren_yolov3(anchors: Any, strides: Any, **options: Any) -> "Options":
        """eriklindernoren/PyTorch-YOLOv3, whose gains are fixed."""
        return Options(
            anchors, strides, "eriklindernoren_yolov3", balance=(1.0,) * len(strides), **options
        )


# Rows.


class Rows(NamedTuple):
    """Truths, anchors and cells of one head, (N, R), in the order neighbour, anchor, truth."""

    anchor: Array
    row: Array
    col: Array
    box: Array  # (N, R, 4): centre from the corner of the cell, size; cells
    label: Array
    keep: Array

    @property
    def place(self) -> tuple[Array, Array, Array]:
        """Where the predictors stand."""
        return self.row, self.col, self.anchor


Neighbours = Callable[[Array, Array, float, float], list[Array]]


def _by_inverse(x: Array, y: Array, w: float, h: float) -> list[Array]:
    """Whether the left, upper, right and lower neighbour is near: fractions from both sides."""
    return [(v % 1 < 0.5) & (v > 1) for v in (x, y, w - x, h - y)]


def _by_fraction(x: Array, y: Array, w: float, h: float) -> list[Array]:
    near = [(v % 1 < 0.5) & (v > 1) for v in (x, y)]
    return near + [(v % 1 > 0.5) & (v < n - 1) for v, n in ((x, w), (y, h))]


def _none(x: Array, y: Array, w: float, h: float) -> list[Array]:
    return []


NEIGHBOURS: dict[str, Neighbours] = {
    "inverse": _by_inverse,
    "fraction": _by_fraction,
    "none": _none,
}
STEPS = ((0, 0), (-0.5, 0), (0, -0.5), (0.5, 0), (0, 0.5))  # of a centre, towards each neighbour


def assign(x: Array, targets: Targets, options: Options, head: int) -> Rows:
    """The rows of one head (N, H, W, A, 5 + K)."""
    xp, dtype, (_, H, W, A, _) = namespace(x), compute_dtype(x), x.shape
    boxes, ok = xp.astype(targets.boxes, dtype, copy=False), targets.objects
    grid = constant([W, H, W, H], boxes)
    cells = xp.where(ok[..., None], boxes * grid, 0.5)  # (N, T, 4)
    anchors = constant(options.anchors[head], boxes) / options.strides[head]
    ratio = cells[:, None, :, 2:] / anchors[:, None, :]
    fits = xp.max(xp.maximum(ratio, 1 / ratio), axis=-1) < options.anchor_t  # (N, A, T)
    near = NEIGHBOURS[PROGRAMS[options.program].neighbours](cells[..., 0], cells[..., 1], W, H)
    near = xp.stack([xp.ones_like(ok), *near], axis=1)  # (N, O, T)
    keep = near[:, :, None, :] & (fits & ok[:, None, :])[:, None, :, :]
    steps = constant(STEPS[: near.shape[1]], boxes)
    cell = xp.floor(cells[:, None, :, :2] + steps[:, None, :])  # (N, O, T, 2)
    last = constant([W - 1, H - 1], boxes)
    cell = xp.minimum(xp.maximum(cell, xp.zeros_like(cell)), xp.zeros_like(cell) + last)
    return _rows(cells, cell, keep, targets.labels, A)


def _rows(cells: Array, cell: Array, keep: Array, labels: Array, num_anchors: int) -> Rows:
    """(N, O, A, T) → (N, R)."""
    xp, (n, o, a, t), integer = namespace(cells), keep.shape, adapter(cells).integer

    def each(v: Array) -> Array:
        return xp.reshape(xp.broadcast_to(v, (n, o, a, t)), (n, o * a * t))

    offset = cells[:, None, :, :2] - cell
    box = [offset[..., 0], offset[..., 1], cells[:, None, :, 2], cells[:, None, :, 3]]
    box = [each(xp.broadcast_to(v, (n, o, t))[:, :, None, :]) for v in box]
    anchor = arange(num_anchors, cells, integer)[:, None]
    col, row = (number(cell[..., k], integer)[:, :, None, :] for k in (0, 1))
    label = number(labels, integer)[:, None, None, :]
    return Rows(each(anchor), each(row), each(col), xp.stack(box, axis=-1), each(label), each(keep))


# Decode.


def _by_sigmoid(t: Array, anchors: Array) -> Array:
    xy, wh = 2 * sigmoid(t[..., :2]) - 0.5, (2 * sigmoid(t[..., 2:4])) ** 2 * anchors
    return namespace(t).concat([xy, wh], axis=-1)


def _by_exp(t: Array, anchors: Array) -> Array:
    xp = namespace(t)
    return xp.concat([sigmoid(t[..., :2]), xp.exp(t[..., 2:4]) * anchors], axis=-1)


DECODE = {"sigmoid": _by_sigmoid, "exp": _by_exp}


def sizes(anchors: Array, index: Array) -> Array:
    """(N, R, 2): anchors (A, 2) by index (N, R)."""
    xp = namespace(anchors)
    found = adapter(index).lookup(xp.permute_dims(anchors, (1, 0)), index)
    return xp.permute_dims(found, (1, 2, 0))


# Terms of one head.


def _cross_entropy(t: Array, y: Array, weight: float) -> Array:
    """−weight·y log σ(t) − (1 − y) log(1 − σ(t))."""
    return bce(t, y) if weight == 1 else weight * y * softplus(-t) + (1 - y) * softplus(t)


def _focal(loss: Array, t: Array, y: Array, gamma: float) -> Array:
    """Times α_t (1 − p_t)^γ, with y in both, soft as it may be."""
    if not gamma > 0:
        return loss
    p = sigmoid(t)
    p_t = y * p + (1 - y) * (1 - p)
    return loss * (y * ALPHA + (1 - y) * (1 - ALPHA)) * (1 - p_t) ** gamma


def mean(v: Array, keep: Array) -> Array:
    """The mean of kept rows, 0 where there is none."""
    xp, weight = namespace(v), number(keep, v.dtype)
    weight = xp.broadcast_to(weight[..., None], v.shape) if v.ndim > keep.ndim else weight
    count = xp.sum(weight)
    return xp.sum(v * weight) / xp.where(count > 0, count, 1.0)


def winner(rows: Rows, overlap: Array, shape: tuple[int, ...], by_overlap: bool) -> Array:
    """(N, R): the row whose overlap is the objectness target of its predictor."""
    xp, (_, H, W, A, _) = namespace(overlap), shape
    slot = (rows.row * W + rows.col) * A + rows.anchor
    if not by_overlap:
        return matching.last_of_each(slot, rows.keep, H * W * A)
    order = xp.argsort(overlap, axis=1, stable=True)
    slot, keep = (xp.take_along_axis(v, order, axis=1) for v in (slot, rows.keep))
    last = matching.last_of_each(slot, keep, H * W * A)
    return xp.take_along_axis(last, xp.argsort(order, axis=1), axis=1)


def _objectness(x: Array, rows: Rows, overlap: Array, options: Options) -> Array:
    """The mean over all predictors of a head."""
    xp, dtype = namespace(x), compute_dtype(x)
    goal = 1 - options.gr + options.gr * xp.where(overlap < 0, 0.0, overlap)
    plane = xp.zeros((*x.shape[:4], 1), dtype=dtype, **adapter(x).placement(x))
    if rows.keep.shape[1]:
        keep = winner(rows, overlap, x.shape, options.sort_obj_iou)
        goal = xp.where(keep, goal, 0.0)[..., None]
        plane = adapter(plane).add_rows(plane, rows.place, goal, keep)
    t, y = xp.astype(x[..., 4], dtype, copy=False), plane[..., 0]
    return xp.mean(_focal(_cross_entropy(t, y, options.obj_pw), t, y, options.fl_gamma))


def _classes(c: Array, rows: Rows, options: Options) -> Array:
    """The mean over rows and classes; nothing with one class."""
    if c.shape[-1] == 1:
        return namespace(c).sum(c) * 0
    eps = options.label_smoothing
    y = one_hot(rows.label, c) * (1 - eps) + eps / 2
    return mean(_focal(_cross_entropy(c, y, options.cls_pw), c, y, options.fl_gamma), rows.keep)


def _head(x: Array, targets: Targets, options: Options, head: int) -> tuple[Array, Array, Array]:
    """box, obj and cls of one head, without gains."""
    xp, dtype, program = namespace(x), compute_dtype(x), PROGRAMS[options.program]
    rows = assign(x, targets, options, head)
    t = xp.astype(adapter(x).gather(x, rows.place, rows.keep), dtype, copy=False)
    anchors = constant(options.anchors[head], t) / options.strides[head]
    pred = DECODE[program.decode](t, sizes(anchors, rows.anchor))
    overlap = overlaps.similarity(program.overlap, "ciou", pred, rows.box)
    target = adapter(overlap).stop(overlap)
    return (
        mean(1 - overlap, rows.keep),
        _objectness(x, rows, target, options),
        _classes(t[..., 5:], rows, options),
    )


def loss(raw: Sequence[Array], targets: Targets, options: Options) -> DialectLoss:
    """The loss.

    Parameters
    ----------
    raw : sequence of arrays, shape (N, H, W, A, 5 + K), real floating
        One array for each of `options.anchors`, fine to coarse; the programs' layout is
        (N, A, H, W, 5 + K).
    targets : Targets
        (N, T, 4) centre form, fractions of the image; (N, T); (N, T).
    options : Options

    Returns
    -------
    DialectLoss
        `components` box, obj and cls, with gains and before the batch size.

    Raises
    ------
    ValueError, TypeError
        Arrays that do not fit the options or one another.
    """
    where = "ultralytics.loss"
    _options.check_call(where, raw, targets, options, Options)
    program, num_heads = PROGRAMS[options.program], len(raw)
    heads = [_head(x, targets, options, s) for s, x in enumerate(raw)]
    box, obj, cls = (sum(terms[1:], start=terms[0]) for terms in _weighed(heads, options))
    s = 3 / num_heads if program.by_heads else 1.0
    more = 1.4 if program.by_heads and num_heads >= 4 else 1.0
    parts = {"box": box * options.box * s, "obj": obj * options.obj * s * more,
             "cls": cls * options.cls * s}  # fmt: skip
    total = parts["box"] + parts["obj"] + parts["cls"]
    return DialectLoss(parts, total * raw[0].shape[0] if program.by_batch else total)


def _weighed(heads: Sequence[tuple[Array, ...]], options: Options) -> list[list[Array]]:
    """The terms of all heads, objectness by its balance."""
    boxes, objs, classes = (list(v) for v in zip(*heads, strict=True))
    weights = options.balance or ()
    return [boxes, [v * b for v, b in zip(objs, weights, strict=False)], classes]


def balanced(options: Options, objectness: Sequence[float], middle: int = 1) -> Options:
    """Options after a call with `autobalance`: `objectness` are the unweighted means of the heads.

    `middle` is the head with stride 16, which keeps the weight 1.
    """
    moved = [
        0.9999 * b + 0.0001 / v for b, v in zip(options.balance or (), objectness, strict=True)
    ]
    return replace(options, balance=tuple(b / moved[middle] for b in moved))
