"""KataCV's JAX losses: YOLOv4 (`Options.yolov4`) and YOLOv5 (`Options.yolov5`).

::

    x̂ = 2σ(t_x) − ½ + c_x   ŵ = p_w (2σ(t_w))²   Ĉ = σ(t_o)     in cells

    YOLOv4   noobj = Σ (1 − 1ign) BCE(t_o, 0)   coord = Σ 1obj (1 − CIOU)
             obj = Σ 1obj BCE(t_o, 1)            class = Σ 1obj (−log softmax(c)[class])
             total = 2 noobj + 2 coord + obj + class, each a mean over the batch

    YOLOv5   box, obj, cls as in `ultralytics`: means over the rows of a head, obj over all
             predictors by its balance; total = N (0.05 box + obj + 0.5 cls)

Departs from the formula of v4:

* decode: x̂ = 2σ(t_x) − ½ + c_x, ŵ = p_w (2σ(t_w))², so that a box reaches half a cell beyond its
  own.
* assignment: every anchor of every head with max(w/p_w, p_w/w, h/p_h, p_h/h) < 4, in the centre's
  cell; YOLOv5: in the nearer neighbours too.
* ignore: predictions that overlap a truth above 0.5; YOLOv5: nothing.
* coordinates: CIOU with α only where IOU is at least 0.5.
* objectness: YOLOv5: the target is the CIOU.
* classes: YOLOv4: a softmax.
* collisions: the last row has the predictor, and no other has a term.
* reduction: sums over each image, means over the batch; YOLOv5: means by head, times the batch
  size.
* eps: 1e-6 in the union, in c² and in the heights of atan(w/h); none in α.

Faults:

* CIOU of YOLOv4: x and y are in cells, w and h in pixels.
* heads without an object: YOLOv5's means over nothing are NaN; here 0.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .. import _check
from .._xp import Array, adapter, constant, namespace, number
from ..boxes import edges, split
from ..elementwise import bce, sigmoid
from ..targets import Targets
from . import _dense, _options, ultralytics
from .results import DialectLoss

EPS = 1e-6
GATE = 0.5  # IOU below which α is 0
BALANCE = (4.0, 1.0, 0.4)


@dataclass(frozen=True)
class Options:
    """Anchors and the version.

    Attributes
    ----------
    anchors : tuple of heads, each a tuple of (width, height)
        Pixels, fine to coarse.
    strides : tuple of float
        Pixels a cell, one for each head.
    version : "yolov4" or "yolov5"
    balance : tuple of float
        Weights of the heads' objectness in YOLOv5.
    """

    anchors: tuple[tuple[tuple[float, float], ...], ...]
    strides: tuple[float, ...] = (8, 16, 32)
    version: str = "yolov4"
    balance: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        where = "katacv.Options"
        _options.settle(self)
        _options.heads(where, self)
        _check.choice(where, "version", self.version, LOSS)
        if self.balance is None:
            object.__setattr__(self, "balance", BALANCE[: len(self.strides)])
        _options.one_a_head(where, self, "balance")

    @staticmethod
    def yolov4(anchors: Any, strides: Any = (8, 16, 32)) -> "Options":
        """The loss of its YOLOv4."""
        return Options(anchors, strides, "yolov4")

    @staticmethod
    def yolov5(anchors: Any, strides: Any = (8, 16, 32)) -> "Options":
        """The loss of its YOLOv5."""
        return Options(anchors, strides, "yolov5")


class Head(NamedTuple):
    """What one head holds: rows (N, R) and the predictions there, x y in the cell, cells."""

    rows: ultralytics.Rows  # one a predictor
    t: Array  # (N, R, 5 + K)
    pred: Array  # (N, R, 4)
    anchors: Array  # (A, 2), cells


NEIGHBOURS = {"yolov4": "eriklindernoren_yolov3", "yolov5": "ultralytics_yolov3"}


def _head(x: Array, targets: Targets, options: Options, head: int) -> Head:
    program = getattr(ultralytics.Options, NEIGHBOURS[options.version])
    like = program(options.anchors, options.strides)
    rows = ultralytics.assign(x, targets, like, head)
    if rows.keep.shape[1]:
        rows = _last_truth(rows, targets.valid.shape[1], x.shape)
    t = adapter(x).gather(x, rows.place, rows.keep)
    t = namespace(x).astype(t, rows.box.dtype, copy=False)
    anchors = constant(options.anchors[head], t) / options.strides[head]
    own = ultralytics.sizes(anchors, rows.anchor)
    return Head(rows, t, ultralytics.DECODE["sigmoid"](t, own), anchors)


def _last_truth(rows: ultralytics.Rows, t: int, shape: tuple[int, ...]) -> ultralytics.Rows:
    """Rows truth by truth, of which the last has a predictor."""
    xp, (n, r) = namespace(rows.box), rows.keep.shape

    def ordered(v: Array) -> Array:
        v = xp.reshape(v, (n, r // t, t, *v.shape[2:]))
        return xp.reshape(xp.permute_dims(v, (0, 2, 1, *range(3, v.ndim))), (n, r, *v.shape[3:]))

    rows = ultralytics.Rows(*map(ordered, rows))
    return rows._replace(keep=ultralytics.winner(rows, rows.box[..., 0], shape, False))


def _ciou(pred: Array, gt: Array) -> Array:
    """CIOU with α where IOU ≥ ½."""
    xp, p, g = namespace(pred), edges(*split(pred)), edges(*split(gt))
    w = xp.minimum(p.x2, g.x2) - xp.maximum(p.x1, g.x1)
    h = xp.minimum(p.y2, g.y2) - xp.maximum(p.y1, g.y1)
    inter = xp.where((w > 0) & (h > 0), w * h, 0.0)
    iou = inter / (pred[..., 2] * pred[..., 3] + gt[..., 2] * gt[..., 3] - inter + EPS)
    cw = xp.maximum(p.x2, g.x2) - xp.minimum(p.x1, g.x1)
    ch = xp.maximum(p.y2, g.y2) - xp.minimum(p.y1, g.y1)
    rho2 = (pred[..., 0] - gt[..., 0]) ** 2 + (pred[..., 1] - gt[..., 1]) ** 2
    turn = [xp.atan(b[..., 2] / (b[..., 3] + EPS)) for b in (gt, pred)]
    v = 4 / math.pi**2 * (turn[0] - turn[1]) ** 2
    alpha = xp.where((iou >= GATE) & (v > 0), v / xp.where(v > 0, 1 - iou + v, 1.0), 0.0)
    return iou - rho2 / (cw**2 + ch**2 + EPS) - adapter(v).stop(alpha) * v


def _scaled(box: Array, stride: float) -> Array:
    """x y as they are, w h times the stride."""
    return box * constant([1.0, 1.0, stride, stride], box)


def _ignored(x: Array, targets: Targets, anchors: Array) -> Array:
    """(N, H, W, A): predictions that overlap a truth above ½."""
    xp, gt = namespace(x), _dense.truths(x, targets)
    xy, wh, _, _ = _dense.fields(x)
    centre = 2 * sigmoid(xy) - 0.5 + _dense.corner(x)
    pred = xp.concat([centre, (2 * sigmoid(wh)) ** 2 * anchors], axis=-1)
    return _dense.overlapped(pred, _dense.grid_box(gt, x.shape), gt.live, _dense.PLAIN, GATE)


def _yolov4(x: Array, targets: Targets, options: Options, head: int) -> list[Array]:
    """noobj, coord, obj and class of one head."""
    xp, found, n = namespace(x), _head(x, targets, options, head), x.shape[0]
    o, stride = _dense.fields(x)[2][..., 0], options.strides[head]
    rows, keep = found.rows, number(found.rows.keep, o.dtype)
    held = xp.zeros_like(o) > 1
    if keep.shape[1]:
        mark = keep[..., None]
        plane = xp.zeros((*o.shape, 1), dtype=o.dtype, **adapter(x).placement(x))
        held = adapter(plane).add_rows(plane, rows.place, mark, rows.keep)[..., 0] > 0
    free = ~held & ~_ignored(x, targets, found.anchors)
    ciou = _ciou(_scaled(found.pred, stride), _scaled(rows.box, stride))
    c = found.t[..., 5:]
    own = _dense.own_class(rows.label, c.shape[-1], c)
    t_o = found.t[..., 4]
    return [
        _dense.total(bce(o, xp.zeros_like(o)), number(free, o.dtype)) / n,
        _dense.total(1 - ciou, keep) / n,
        _dense.total(bce(t_o, xp.ones_like(t_o)), keep) / n,
        _dense.total(-xp.sum(_dense.log_softmax(c) * own, axis=-1), keep) / n,
    ]


def _yolov5(x: Array, targets: Targets, options: Options, head: int) -> list[Array]:
    """box, obj and cls of one head, with gains."""
    xp, (rows, t, pred, _) = namespace(x), _head(x, targets, options, head)
    ciou = _ciou(pred, rows.box)
    goal = adapter(ciou).stop(xp.where(rows.keep & (ciou > 0), ciou, 0.0))[..., None]
    o = _dense.fields(x)[2]
    plane = xp.zeros(o.shape, dtype=o.dtype, **adapter(x).placement(x))
    if rows.keep.shape[1]:
        plane = adapter(plane).add_rows(plane, rows.place, goal, rows.keep)
    own = _dense.own_class(rows.label, t.shape[-1] - 5, t)
    return [
        0.05 * ultralytics.mean(1 - ciou, rows.keep),
        (options.balance or BALANCE)[head] * xp.mean(bce(o, plane)),
        0.5 * ultralytics.mean(bce(t[..., 5:], own), rows.keep),
    ]


class Loss(NamedTuple):
    """One of the two losses."""

    head: Callable[[Array, Targets, Options, int], list[Array]]
    components: tuple[str, ...]
    weights: tuple[float, ...]
    by_batch: bool


LOSS = {
    "yolov4": Loss(_yolov4, ("noobj", "coord", "obj", "class"), (2.0, 2.0, 1.0, 1.0), False),
    "yolov5": Loss(_yolov5, ("box", "obj", "cls"), (1.0, 1.0, 1.0), True),
}


def loss(raw: Sequence[Array], targets: Targets, options: Options) -> DialectLoss:
    """The loss.

    Parameters
    ----------
    raw : sequence of arrays, shape (N, H, W, A, 5 + K), real floating
        One array for each of `options.anchors`, fine to coarse; the program's layout is
        (N, A, H, W, 5 + K).
    targets : Targets
        (N, T, 4) centre form, fractions of the image; (N, T); (N, T).
    options : Options

    Returns
    -------
    DialectLoss
        `components` noobj, coord, obj and class, without weights; of YOLOv5 box, obj and cls, with
        gains.

    Raises
    ------
    ValueError, TypeError
        Arrays that do not fit the options or one another.
    """
    _options.check_call("katacv.loss", raw, targets, options, Options)
    of, names, weights, by_batch = LOSS[options.version]
    heads = [of(x, targets, options, s) for s, x in enumerate(raw)]
    sums = [sum(v[1:], start=v[0]) for v in zip(*heads, strict=True)]
    weighed = [w * v for w, v in zip(weights, sums, strict=True)]
    total = sum(weighed[1:], start=weighed[0])
    parts = dict(zip(names, sums, strict=True))
    return DialectLoss(parts, total * raw[0].shape[0] if by_batch else total)
