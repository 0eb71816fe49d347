"""mmdetection's YOLOV3Head (3.3).

::

    xy   = 2 Σ 1obj BCE(σ(t_x), x*)    x* = (x − x_prior) / stride + ½, in [1e-6, 1 − 1e-6]
    wh   = 2 Σ 1obj (log(w / p_w) − t_w)²
    conf = Σ (1 − 1ign) BCE(Ĉ, 1obj)
    cls  = Σ 1obj Σ_c BCE(p̂(c), y)     y = p(c)(1 − e) + e / K

y and h as x and w; pixels. Sums over the batch, by head.

A prior stands on the middle of its cell. It is responsible for the truth it overlaps most, among
the priors of cells in which any truth's centre falls: above `pos_iou_thr`, or where no other such
prior overlaps the truth more. Of all others those that overlap no truth above `neg_iou_thr` are
negatives; the rest is ignored.

Departs from the formula of v3:

* assignment: the IOU is of priors that stand on their cells, not of shapes; more than one prior may
  be responsible for a truth, in cells of other truths too.
* ignore: by prior, with a threshold of its own.
* coordinates: twice a cross entropy for x and y; twice the square for t_w and t_h; no weight of
  small boxes, no gate.
* classes: smoothing divides by K, not by 2.
* collisions: the truth that a prior overlaps most, or the last that it is the best for.
* reduction: a sum over the batch, so that the loss grows with it.
* eps: offsets are clipped to [1e-6, 1 − 1e-6]; the union is at least 1e-6 pixels.

Faults:

* responsible cells: they are the union over all truths, so a large truth takes priors in the cell
  of another one, whose offset is then clipped: its target is a corner of that cell.
* edges: a centre on the right edge belongs to the next row; one on the lower edge is an IndexError
  in the program, and belongs to no cell here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .._xp import Array, adapter, compute_dtype, constant, namespace, number
from ..boxes import edges, split
from ..elementwise import bce
from ..targets import Targets
from . import _dense, _options
from .results import DialectLoss

OFFSET_EPS = 1e-6
UNION_EPS = 1e-6  # pixels


@dataclass(frozen=True)
class Options:
    """Anchors and thresholds, by the program's names.

    Attributes
    ----------
    anchors : tuple of heads, each a tuple of (width, height)
        Pixels, coarse to fine.
    strides : tuple of float
        Pixels a cell, one for each head.
    pos_iou_thr, neg_iou_thr, min_pos_iou : float
    one_hot_smoother : float
        e.
    w_xy, w_wh : float
        Weights of the coordinates.
    """

    anchors: tuple[tuple[tuple[float, float], ...], ...]
    strides: tuple[float, ...] = (32, 16, 8)
    pos_iou_thr: float = 0.5
    neg_iou_thr: float = 0.5
    min_pos_iou: float = 0.0
    one_hot_smoother: float = 0.0
    w_xy: float = 2.0
    w_wh: float = 2.0

    def __post_init__(self) -> None:
        where = "mmdetection.Options"
        _options.settle(self)
        _options.heads(where, self)
        names = ("pos_iou_thr", "neg_iou_thr", "min_pos_iou", "one_hot_smoother", "w_xy", "w_wh")
        _options.numbers(where, self, *names)


class Assigned(NamedTuple):
    """Targets of one head.

    Attributes
    ----------
    target : array, shape (N, H, W, A, 5 + K)
        x* y*, log(w / p_w) log(h / p_h), 1 and the classes where an object is; 0 elsewhere.
    negative : array, shape (N, H, W, A), bool
    """

    target: Array
    negative: Array


def _priors(x: Array, options: Options, head: int) -> Array:
    """(H·W·A, 4): x y w h of the priors of a head, pixels."""
    xp, stride = namespace(x), options.strides[head]
    anchors = constant(options.anchors[head], _dense.corner(x))
    centre = (_dense.corner(x) + 0.5) * stride
    centre, size = (xp.broadcast_to(v, (*x.shape[1:4], 2)) for v in (centre, anchors))
    return xp.reshape(xp.concat([centre, size], axis=-1), (-1, 4))


def _responsible(x: Array, gt: _dense.Truths) -> Array:
    """(N, H·W·A): priors of cells in which the centre of a truth falls."""
    xp, (n, h, w, a, _), box = namespace(x), x.shape, _dense.grid_box(gt, x.shape)
    slot = _dense.floor(box[..., 1], gt.label) * w + _dense.floor(box[..., 0], gt.label)
    live = gt.live & (slot < h * w)
    cells = adapter(slot).mark(xp.where(live, slot, xp.zeros_like(slot)), live, h * w)
    return xp.reshape(xp.broadcast_to(cells[..., None], (n, h * w, a)), (n, h * w * a))


def _iou(prior: Array, gt: Array) -> Array:
    """(N, T, P) of priors (P, 4) and truths (N, T, 4)."""
    xp, p, g = namespace(gt), edges(*split(prior)), edges(*split(gt[:, :, None, :]))
    w = xp.minimum(p.x2, g.x2) - xp.maximum(p.x1, g.x1)
    h = xp.minimum(p.y2, g.y2) - xp.maximum(p.y1, g.y1)
    inter = xp.where((w > 0) & (h > 0), w * h, 0.0)
    union = (p.x2 - p.x1) * (p.y2 - p.y1) + (g.x2 - g.x1) * (g.y2 - g.y1) - inter
    return inter / xp.maximum(union, xp.zeros_like(union) + UNION_EPS)


def _chosen(ious: Array, responsible: Array, options: Options) -> tuple[Array, Array]:
    """(N, P): the truth of each prior, −1 for none; and whether it overlaps none too much."""
    xp, t = namespace(ious), ious.shape[1]
    away = xp.max(ious, axis=1) <= options.neg_iou_thr
    ious = xp.where(responsible[:, None, :], ious, -1.0)
    most, which = xp.max(ious, axis=1), xp.argmax(ious, axis=1)
    found = xp.where(most > options.pos_iou_thr, which, xp.zeros_like(which) - 1)
    best = xp.max(ious, axis=2, keepdims=True)  # of each truth
    last = xp.arange(t, dtype=which.dtype, **adapter(which).placement(which))[:, None]
    is_best = (ious == best) & (best > options.min_pos_iou) & responsible[:, None, :]
    last = xp.max(xp.where(is_best, last, xp.zeros_like(last) - 1), axis=1)
    found = xp.where(last >= 0, last, found)
    return found, away & (found < 0)


def assign(raw: Sequence[Array], targets: Targets, options: Options) -> list[Assigned]:
    """The program's targets, one a head."""
    xp, gt = namespace(raw[0]), _dense.truths(raw[0], targets)
    priors = [_priors(x, options, s) for s, x in enumerate(raw)]
    if gt.live.shape[1] == 0:
        return [_nothing(x) for x in raw]
    size = [raw[0].shape[k] * options.strides[0] for k in (2, 1, 2, 1)]
    box = gt.box * constant(size, gt.box)
    ious = _iou(xp.concat(priors, axis=0), box)
    ious = xp.where(gt.live[..., None], ious, -1.0)
    responsible = xp.concat([_responsible(x, gt) for x in raw], axis=1)
    found, negative = _chosen(ious, responsible, options)
    out, first = [], 0
    for s, (x, prior) in enumerate(zip(raw, priors, strict=True)):
        part = slice(first, first + prior.shape[0])
        target = _target(found[:, part], prior, box, gt.label, x, options, s)
        out.append(Assigned(target, xp.reshape(negative[:, part], x.shape[:4])))
        first += prior.shape[0]
    return out


def _nothing(x: Array) -> Assigned:
    xp, t = namespace(x), _dense.fields(x)[2][..., 0]
    return Assigned(xp.zeros_like(x, dtype=compute_dtype(x)), t == t)


def _target(
    found: Array, prior: Array, box: Array, label: Array, x: Array, options: Options, head: int
) -> Array:
    """(N, H, W, A, 5 + K) of the truths (N, P) that priors (P, 4) have."""
    xp, held, (*shape, depth) = namespace(box), found >= 0, x.shape
    index = xp.where(held, found, xp.zeros_like(found))
    gt = xp.stack([xp.take_along_axis(box[..., k], index, axis=1) for k in range(4)], axis=-1)
    xy = (gt[..., :2] - prior[:, :2]) / options.strides[head] + 0.5
    xy = xp.clip(xy, min=OFFSET_EPS, max=1 - OFFSET_EPS)
    wh = xp.log(xp.maximum(gt[..., 2:] / prior[:, 2:], xp.zeros_like(xy) + OFFSET_EPS))
    own = _dense.own_class(xp.take_along_axis(label, index, axis=1), depth - 5, gt)
    e = options.one_hot_smoother
    classes = own * (1 - e) + e / (depth - 5)
    target = xp.concat([xy, wh, xp.ones_like(xy[..., :1]), classes], axis=-1)
    return xp.reshape(xp.where(held[..., None], target, 0.0), (*shape, depth))


def _head(x: Array, t: Assigned, options: Options) -> list[Array]:
    """cls, conf, xy and wh of one head."""
    xy, wh, o, c = _dense.fields(x)
    pos, seen = t.target[..., 4:5], number(t.negative, xy.dtype)[..., None]
    return [
        _dense.total(bce(c, t.target[..., 5:]), pos),
        _dense.total(bce(o, pos), seen + pos),
        options.w_xy * _dense.total(bce(xy, t.target[..., :2]), pos),
        options.w_wh * _dense.total((wh - t.target[..., 2:4]) ** 2, pos),
    ]


def loss(raw: Sequence[Array], targets: Targets, options: Options) -> DialectLoss:
    """The loss.

    Parameters
    ----------
    raw : sequence of arrays, shape (N, H, W, A, 5 + K), real floating
        One array for each of `options.anchors`, coarse to fine; the program's layout is
        (N, A·(5 + K), H, W).
    targets : Targets
        (N, T, 4) centre form, fractions of the image; (N, T); (N, T).
    options : Options

    Returns
    -------
    DialectLoss
        `components` loss_cls, loss_conf, loss_xy, loss_wh: (S,), a head each.

    Raises
    ------
    ValueError, TypeError
        Arrays that do not fit the options or one another.
    """
    _options.check_call("mmdetection.loss", raw, targets, options, Options)
    xp, found = namespace(raw[0]), assign(raw, targets, options)
    heads = [_head(x, t, options) for x, t in zip(raw, found, strict=True)]
    names = ("loss_cls", "loss_conf", "loss_xy", "loss_wh")
    parts: dict[str, Any] = dict(zip(names, map(xp.stack, zip(*heads, strict=True)), strict=True))
    return DialectLoss(parts, xp.sum(xp.stack(list(parts.values()))))
