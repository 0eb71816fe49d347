"""aladdinpersson's YOLOv3 (Machine-Learning-Collection, YOLOv3).

::

    box    = mean 1obj [ (x − c_x − σ(t_x))² + (log(w / p_w) − t_w)² ]     over x y w h
    object = mean 1obj (IOU − σ(t_o))²
    noobj  = mean BCE(t_o, 0) of predictors that are neither assigned nor ignored
    class  = mean 1obj (−log softmax(c)[class])
    total  = Σ_heads λ_box box + object + λ_noobj noobj + class

y and h as x and w. The IOU, of x y in the cell and w h in cells, is a constant. λ_box = λ_noobj =
10.

Departs from the formula of v3:

* assignment: on every head the best free anchor of the centre's cell, by shape.
* ignore: other free anchors of that cell whose shape overlaps above `ignore_iou_thresh`.
* coordinates: the mean square, of σ(t_x) rather than of t_x; no weight of small boxes, no gate.
* objectness: the square to the IOU of the prediction; a cross entropy elsewhere.
* classes: a softmax; mean cross entropy.
* collisions: a truth takes the next best anchor that is free; an ignored one is not.
* reduction: means over what each term is made of, by head.
* eps: 1e-16 within the logarithm of sizes, 1e-6 in the union.

Faults:

* heads without an object: a mean over nothing, NaN; so is the total. Kept here.
* ignored anchors: they block later truths.
* input: predictions and targets are written to in place.
* right edge: a centre of exactly 1 is an IndexError in the program; here it belongs to no cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._xp import Array, adapter, arange, constant, namespace, number
from ..elementwise import bce, sigmoid
from ..targets import Targets
from . import _dense, _options
from .aladdinpersson_v1 import iou
from .results import DialectLoss

EPS = 1e-16
IGNORED = -1.0


@dataclass(frozen=True)
class Options:
    """Anchors and weights, by the program's names.

    Attributes
    ----------
    anchors : tuple of heads, each a tuple of (width, height)
        Pixels.
    strides : tuple of float
        Pixels a cell, one for each head.
    ignore_iou_thresh : float
    lambda_box, lambda_obj, lambda_noobj, lambda_class : float
    """

    anchors: tuple[tuple[tuple[float, float], ...], ...]
    strides: tuple[float, ...]
    ignore_iou_thresh: float = 0.5
    lambda_box: float = 10.0
    lambda_obj: float = 1.0
    lambda_noobj: float = 10.0
    lambda_class: float = 1.0

    def __post_init__(self) -> None:
        where = "aladdinpersson_v3.Options"
        _options.settle(self)
        _options.heads(where, self)
        names = (f"lambda_{name}" for name in ("box", "obj", "noobj", "class"))
        _options.numbers(where, self, "ignore_iou_thresh", *names)


def assign(x: Array, targets: Targets, options: Options, head: int) -> Array:
    """(N, H, W, A, 6): the program's targets of one head.

    1 where an object is, −1 where ignored, else 0; then x y in the cell, w h in cells, and the
    class.
    """
    xp, gt, (n, h, w, a, _) = namespace(x), _dense.truths(x, targets), x.shape
    box = _dense.grid_box(gt, x.shape)
    out = xp.zeros((n, h * w, a * 6), dtype=box.dtype, **adapter(x).placement(x))
    if gt.live.shape[1] == 0:
        return xp.reshape(out, (n, h, w, a, 6))
    anchors = constant(options.anchors[head], box) / options.strides[head]
    ious = _dense.shape_overlap(box[..., 2:], anchors, _dense.PLAIN, "iou")
    corner = xp.floor(box[..., :2])
    inside = gt.live & (corner[..., 0] < w) & (corner[..., 1] < h)
    cell = number(xp.where(inside, corner[..., 1] * w + corner[..., 0], 0.0), gt.label.dtype)
    label = number(gt.label, box.dtype)[..., None]
    new = xp.concat([xp.ones_like(label), box[..., :2] - corner, box[..., 2:], label], axis=-1)
    step = _step(a, options.ignore_iou_thresh)
    out = adapter(out).in_order(step, out, [cell, inside, ious, new])
    return xp.reshape(out, (n, h, w, a, 6))


def _step(num_anchors: int, threshold: float) -> Any:
    """What one truth of each image writes to its cell, (N, A·6) each."""

    def step(out: Array, truth: list[Array]) -> Array:
        cell, inside, iou, new = truth
        xp, n = namespace(out), out.shape[0]
        here = xp.ones_like(inside)[:, None]
        old = xp.reshape(adapter(out).gather(out, (cell[:, None],), here), (n, num_anchors, 6))
        free = (old[..., 0] == 0) & inside[:, None]
        best = xp.argmax(xp.where(free, iou, -1.0), axis=-1)[:, None]
        takes = free & (arange(num_anchors, best, best.dtype) == best)
        ignored = old[..., :1] * 0 + IGNORED
        left = xp.concat([xp.where((free & (iou > threshold))[..., None], ignored, old[..., :1]),
                          old[..., 1:]], axis=-1)  # fmt: skip
        written = xp.where(takes[..., None], new[:, None, :], left)
        return adapter(out).put_rows(out, (cell[:, None],), xp.reshape(written, (n, 1, -1)))

    return step


def _mean(v: Array, weight: Array) -> Array:
    """Of all entries with weight 1; NaN where there is none."""
    xp = namespace(v)
    return _dense.total(v, weight) / xp.sum(xp.broadcast_to(weight, v.shape))


def _head(x: Array, targets: Targets, options: Options, head: int) -> list[Array]:
    """box, object, noobject and class of one head."""
    xp, (xy, wh, o, c) = namespace(x), _dense.fields(x)
    t = assign(x, targets, options, head)
    anchors = constant(options.anchors[head], xy) / options.strides[head]
    obj, none = (number(t[..., :1] == v, xy.dtype) for v in (1, 0))
    pred = xp.concat([sigmoid(xy), xp.exp(wh) * anchors], axis=-1)
    goal = adapter(xy).stop(iou(pred, t[..., 1:5])[..., None])
    size = xp.log(EPS + t[..., 3:5] / anchors)
    d2 = xp.concat([sigmoid(xy) - t[..., 1:3], wh - size], axis=-1) ** 2
    own = _dense.own_class(number(t[..., 5], adapter(x).integer), c.shape[-1], c)
    log_p = xp.sum(_dense.log_softmax(c) * own, axis=-1, keepdims=True)
    return [
        _mean(d2, obj),
        _mean((sigmoid(o) - goal) ** 2, obj),
        _mean(bce(o, xp.zeros_like(o)), none),
        _mean(-log_p, obj),
    ]


def loss(raw: Sequence[Array], targets: Targets, options: Options) -> DialectLoss:
    """The loss.

    Parameters
    ----------
    raw : sequence of arrays, shape (N, H, W, A, 5 + K), real floating
        One array for each of `options.anchors`; the program's layout is (N, A, H, W, 5 + K) with
        objectness first.
    targets : Targets
        (N, T, 4) centre form, fractions of the image; (N, T); (N, T).
    options : Options

    Returns
    -------
    DialectLoss
        `components` box, object, noobject and class, without weights, summed over heads.

    Raises
    ------
    ValueError, TypeError
        Arrays that do not fit the options or one another.
    """
    _options.check_call("aladdinpersson_v3.loss", raw, targets, options, Options)
    heads = [_head(x, targets, options, s) for s, x in enumerate(raw)]
    names = ("box", "object", "noobject", "class")
    sums = [sum(v[1:], start=v[0]) for v in zip(*heads, strict=True)]
    box, obj, noobj, cls = sums
    total = options.lambda_box * box + options.lambda_obj * obj
    total = total + options.lambda_noobj * noobj + options.lambda_class * cls
    return DialectLoss(dict(zip(names, sums, strict=True)), total)
