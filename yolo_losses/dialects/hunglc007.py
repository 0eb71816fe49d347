"""hunglc007's YOLOv4 on TensorFlow (hunglc007/tensorflow-yolov4-tflite).

::

    x̂ = (s σ(t_x) − (s − 1)/2 + c_x) stride   ŵ = p_w e^{t_w}   Ĉ = σ(t_o)   p̂(c) = σ(c)     pixels

    giou = Σ 1obj (2 − w h / input²) (1 − GIOU)
    conf = Σ (1obj − Ĉ)² [ 1obj BCE(t_o, 1) + 1bgd BCE(t_o, 0) ]
    prob = Σ 1obj Σ_c BCE(c, y)     y = 0.99 p(c) + 0.01 / K

Sums over each image, means over the batch, sums over heads. The gradient flows through (1obj − Ĉ)².

Departs from the formula of v4:

* assignment: on every head the anchors above 0.3, the boxes' centres in the middle of the cell; the
  best of all where there is none.
* ignore: predictions with an IOU of `iou_loss_thresh` or more with a truth that this head holds.
* coordinates: GIOU, weighted by size.
* objectness: a focal factor, the squared error.
* classes: smoothed by 0.01 / K.
* collisions: the last truth has the box and the classes.
* reduction: means over the batch.

Faults:

* matching: boxes are divided by the stride, anchors are not, so that a box of 76 × 55 goes to the
  finest head, and one of 300 × 300 too.
* right edge: a centre of exactly 1 is an IndexError in the program; here it belongs to no cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._xp import Array, arange, constant, namespace, number
from ..elementwise import bce, sigmoid
from ..targets import Targets
from . import _dense, _options, overlaps
from ._dense import PLAIN
from .results import DialectLoss

ASSIGN = 0.3
SMOOTHING = 0.01


@dataclass(frozen=True)
class Options:
    """Anchors and constants, by the program's names.

    Attributes
    ----------
    anchors : tuple of heads, each a tuple of (width, height)
        Pixels, fine to coarse.
    strides : tuple of float
        Pixels a cell, one for each head.
    xyscale : tuple of float
        s, one for each head.
    iou_loss_thresh : float
    """

    anchors: tuple[tuple[tuple[float, float], ...], ...]
    strides: tuple[float, ...] = (8, 16, 32)
    xyscale: tuple[float, ...] = (1.2, 1.1, 1.05)
    iou_loss_thresh: float = 0.5

    def __post_init__(self) -> None:
        where = "hunglc007.Options"
        _options.settle(self)
        _options.heads(where, self)
        _options.one_a_head(where, self, "xyscale")
        _options.numbers(where, self, "iou_loss_thresh")


def _pixels(x: Array, gt: _dense.Truths, stride: float) -> _dense.Truths:
    """Truths in pixels, with edges at whole ones, as the program reads them."""
    xp, box = namespace(x), _dense.grid_box(gt, x.shape) * stride
    half = box[..., 2:] / 2
    near, far = xp.round(box[..., :2] - half), xp.round(box[..., :2] + half)
    return gt._replace(box=xp.concat([(near + far) / 2, far - near], axis=-1))


def _overlaps(x: Array, gt: _dense.Truths, options: Options, head: int) -> Array:
    """(N, T, A): IOU of truths in cells with anchors in pixels, in the middle of the cell."""
    xp, box = namespace(gt.box), gt.box / options.strides[head]
    centre = (xp.floor(box[..., :2]) + 0.5)[:, :, None, :]
    anchors = constant(options.anchors[head], box)
    shape = (*box.shape[:2], anchors.shape[0], 2)
    prior = xp.concat([xp.broadcast_to(v, shape) for v in (centre, anchors)], axis=-1)
    return overlaps.similarity(PLAIN, "iou", box[:, :, None, :], prior)


def _wanted(raw: Sequence[Array], gt: _dense.Truths, options: Options) -> list[Array]:
    """(N, T, A) for each head."""
    xp = namespace(raw[0])
    ious = [_overlaps(x, gt, options, s) for s, x in enumerate(raw)]
    every = xp.concat(ious, axis=-1)
    best = xp.argmax(every, axis=-1)[..., None]
    none = ~xp.any(every > ASSIGN, axis=-1, keepdims=True)
    index = arange(every.shape[-1], best, best.dtype)
    wanted = (every > ASSIGN) | (none & (index == best))
    ends = [sum(v.shape[-1] for v in ious[: s + 1]) for s in range(len(ious))]
    return [wanted[..., end - v.shape[-1] : end] for v, end in zip(ious, ends, strict=True)]


def assign(raw: Sequence[Array], targets: Targets, options: Options) -> list[dict[str, Array]]:
    """The program's targets, one a head.

    `label` (N, H, W, A, 5 + K): x y w h in pixels, 1, smoothed classes. `bboxes` (N, T, 4): x y w h
    of the truths that the head holds, 0 for others.
    """
    gt = _pixels(raw[0], _dense.truths(raw[0], targets), options.strides[0])
    wanted = _wanted(raw, gt, options)
    return [
        _of_head(x, gt, w, options.strides[s])
        for s, (x, w) in enumerate(zip(raw, wanted, strict=True))
    ]


def _of_head(x: Array, gt: _dense.Truths, wanted: Array, stride: float) -> dict[str, Array]:
    xp, (n, h, w, a, depth), t = namespace(x), x.shape, gt.live.shape[1]
    col, row = (_dense.floor(gt.box[..., k] / stride, gt.label) for k in (0, 1))
    live = gt.live & (col < w) & (row < h)
    col, row = (xp.where(live, v, xp.zeros_like(v)) for v in (col, row))
    wanted = wanted & live[..., None]
    box = gt.box
    classes = _dense.own_class(gt.label, depth - 5, box) * (1 - SMOOTHING)
    values = [box, xp.ones_like(box[..., :1]), classes + SMOOTHING / (depth - 5)]
    values = xp.concat(values, axis=-1)

    def each(v: Array) -> Array:
        v = xp.broadcast_to(v[:, :, None, ...], (n, t, a, *v.shape[2:]))
        return xp.reshape(v, (n, t * a, *v.shape[3:]))

    anchor = xp.reshape(
        xp.zeros_like(wanted, dtype=gt.label.dtype) + arange(a, gt.label), (n, t * a)
    )
    rows = _dense.rows(x.shape, each(row), each(col), anchor, xp.reshape(wanted, (n, t * a)))
    held = xp.any(wanted, axis=-1, keepdims=True)
    return {"label": _dense.put(x, rows, each(values)), "bboxes": xp.where(held, box, 0.0)}


def _background(pred: Array, bboxes: Array, threshold: float) -> Array:
    """(N, H, W, A): predictions below the threshold with all boxes that this head holds."""
    live = bboxes[..., 2] > 0
    xp = namespace(pred)
    boxes = xp.where(live[..., None], bboxes, 0.5)
    return ~_dense.overlapped(pred, boxes, live, PLAIN, threshold)


def _head(x: Array, t: dict[str, Array], options: Options, head: int) -> list[Array]:
    """giou, conf and prob of one head."""
    xp, (xy, wh, o, c) = namespace(x), _dense.fields(x)
    s, stride, label = options.xyscale[head], options.strides[head], t["label"]
    anchors = constant(options.anchors[head], xy)
    centre = s * sigmoid(xy) - (s - 1) / 2 + _dense.corner(x)
    pred = xp.concat([centre * stride, xp.exp(wh) * anchors], axis=-1)
    obj = label[..., 4:5]
    gt = xp.where(obj > 0, label[..., :4], 1.0)
    giou = overlaps.similarity(PLAIN, "giou", pred, gt)[..., None]
    weight = 2 - gt[..., 2:3] * gt[..., 3:] / (x.shape[1] * stride) ** 2
    free = number(_background(pred, t["bboxes"], options.iou_loss_thresh), o.dtype)[..., None]
    focal = (obj - sigmoid(o)) ** 2
    n = x.shape[0]
    return [
        _dense.total(weight * (1 - giou), obj) / n,
        _dense.total(focal * bce(o, obj), obj + (1 - obj) * free) / n,
        _dense.total(bce(c, label[..., 5:]), obj) / n,
    ]


def loss(raw: Sequence[Array], targets: Targets, options: Options) -> DialectLoss:
    """The loss.

    Parameters ---------- raw : sequence of arrays, shape (N, H, W, A, 5 + K), real floating One
    array for each of `options.anchors`, fine to coarse; the program's layout is (N, H, W, A·(5 +
    K)), in float32. targets : Targets (N, T, 4) centre form, fractions of the image; (N, T); (N,
    T). The program's boxes have whole pixels for edges. options : Options

    Returns
    -------
    DialectLoss
        `components` giou, conf and prob.

    Raises
    ------
    ValueError, TypeError
        Arrays that do not fit the options or one another.
    """
    _options.check_call("hunglc007.loss", raw, targets, options, Options)
    found = assign(raw, targets, options)
    heads = [_head(x, t, options, s) for s, (x, t) in enumerate(zip(raw, found, strict=True))]
    sums = [sum(v[1:], start=v[0]) for v in zip(*heads, strict=True)]
    parts: dict[str, Any] = {"giou": sums[0], "conf": sums[1], "prob": sums[2]}
    return DialectLoss(parts, sums[0] + sums[1] + sums[2])
