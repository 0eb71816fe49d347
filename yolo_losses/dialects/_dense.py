"""What the programs share that hold their targets in planes, one entry a predictor."""

from typing import NamedTuple

from .. import matching
from .._xp import Array, adapter, arange, compute_dtype, constant, namespace, number
from ..elementwise import one_hot
from ..targets import Targets
from . import overlaps

PLAIN = "plain"  # the row of overlaps.PROGRAMS without an ε


class Truths(NamedTuple):
    """Truths in the compute dtype: boxes (N, T, 4), in the middle where there is none."""

    box: Array
    label: Array
    live: Array


def truths(x: Array, targets: Targets) -> Truths:
    """Targets beside raw outputs x."""
    xp, boxes = namespace(x), targets.boxes
    box = xp.astype(boxes, compute_dtype(x), copy=False)
    box = xp.where(targets.objects[..., None], box, 0.5)
    return Truths(box, number(targets.labels, adapter(x).integer), targets.objects)


def grid_box(gt: Truths, shape: tuple[int, ...]) -> Array:
    """(N, T, 4): x y w h in cells of a head (N, H, W, ...)."""
    _, h, w = shape[:3]
    return gt.box * constant([w, h, w, h], gt.box)


def floor(v: Array, like: Array) -> Array:
    """The integer below."""
    return number(namespace(v).floor(v), like.dtype)


def fields(x: Array) -> tuple[Array, Array, Array, Array]:
    """t_xy, t_wh, t_o (..., 1) and c of (N, H, W, A, 5 + K), in the compute dtype."""
    x = namespace(x).astype(x, compute_dtype(x), copy=False)
    return x[..., :2], x[..., 2:4], x[..., 4:5], x[..., 5:]


def corner(x: Array) -> Array:
    """(H, W, 1, 2): c_x and c_y of a head."""
    xp, (_, h, w) = namespace(x), x.shape[:3]
    like = x if x.dtype == compute_dtype(x) else xp.astype(x, compute_dtype(x))
    col, row = arange(w, like), arange(h, like)[:, None]
    col, row = xp.broadcast_arrays(col, row)
    return xp.stack([col, row], axis=-1)[:, :, None, :]


def shape_overlap(gt: Array, anchors: Array, program: str, kind: str) -> Array:
    """(N, T, M): similarity of sizes gt (N, T, 2) and anchors (M, 2), one corner in common."""
    xp = namespace(gt)
    gt, anchors = xp.broadcast_arrays(gt[..., None, :], anchors)
    pair = (xp.concat([v / 2, v], axis=-1) for v in (anchors, gt))
    gt_first = tuple(pair)[::-1]
    return overlaps.similarity(program, kind, *gt_first)


def overlapped(pred: Array, gt: Array, live: Array, program: str, threshold: float) -> Array:
    """(N, H, W, A): predictions (N, H, W, A, 4) that overlap any truth (N, T, 4)."""
    xp, (n, *shape, _) = namespace(pred), pred.shape
    pred = adapter(pred).stop(xp.reshape(pred, (n, 1, -1, 4)))
    if gt.shape[1] == 0:
        return xp.zeros((n, *shape), dtype=xp.bool, **adapter(pred).placement(pred))

    def above(gt: Array, live: Array, pred: Array) -> Array:
        return (overlaps.similarity(program, "iou", pred, gt) > threshold) & live

    hit = adapter(pred).fold(above, (gt[:, :, None, :], live[..., None]), (pred,))
    return xp.reshape(hit, (n, *shape))


class Rows(NamedTuple):
    """A predictor for each truth, (N, T)."""

    row: Array
    col: Array
    anchor: Array
    keep: Array  # it is asked for
    last: Array  # and no later truth asks for it

    @property
    def place(self) -> tuple[Array, Array, Array]:
        """Where the predictors stand."""
        return self.row, self.col, self.anchor


def rows(shape: tuple[int, ...], row: Array, col: Array, anchor: Array, keep: Array) -> Rows:
    """Rows of a head; of several truths on one predictor the last is found."""
    _, h, w, a = shape[:4]
    last = keep
    if keep.shape[1]:
        last = matching.last_of_each((row * w + col) * a + anchor, keep, h * w * a)
    return Rows(row, col, anchor, keep, last)


def put(x: Array, rows: Rows, values: Array) -> Array:
    """(N, H, W, A, D): values (N, T, D) of the last rows at their predictors of x, 0 elsewhere."""
    xp, depth = namespace(x), values.shape[-1]
    here = adapter(x).placement(x)
    plane = xp.zeros((*x.shape[:4], depth), dtype=values.dtype, **here)
    if rows.keep.shape[1] == 0:
        return plane
    values = xp.where(rows.last[..., None], values, 0.0)
    return adapter(plane).add_rows(plane, rows.place, values, rows.last)


def own_class(label: Array, num_classes: int, like: Array) -> Array:
    """(..., K): 1 for the class of each label, 0 for the others."""
    xp, here = namespace(like), adapter(like).placement(like)
    return one_hot(label, xp.zeros(num_classes, dtype=like.dtype, **here))


def all_classes(rows: Rows, label: Array, num_classes: int, like: Array) -> Array:
    """(N, T, K): the classes of all truths on a row's predictor."""
    xp, same = namespace(like), rows.keep[:, :, None] & rows.keep[:, None, :]
    for v in rows.place:
        same = same & (v[:, :, None] == v[:, None, :])
    own = own_class(label, num_classes, like)
    return number(xp.matmul(number(same, like.dtype), own) > 0, like.dtype)


def log_softmax(c: Array) -> Array:
    """log(e^c / Σ e^c) over the last axis."""
    xp = namespace(c)
    c = c - adapter(c).stop(xp.max(c, axis=-1, keepdims=True))
    return c - xp.log(xp.sum(xp.exp(c), axis=-1, keepdims=True))


def total(v: Array, weight: Array) -> Array:
    """Σ weight · v, weights (..., 1) or of the shape of v."""
    return namespace(v).sum(v * weight)
