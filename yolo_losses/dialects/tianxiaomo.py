"""Tianxiaomo's YOLOv4 (Tianxiaomo/pytorch-YOLOv4).

::

    x̂ = σ(t_x) + c_x   ŵ = p_w e^{t_w}   Ĉ = σ(t_o)   p̂(c) = σ(c)     in cells

    xy  = Σ 1obj s² BCE(σ(t_x), x − c_x)         s² = 2 − w h / H²
    wh  = ½ Σ 1obj s² (log(w / p_w) − t_w)²
    obj = Σ (1 − 1ign) BCE(Ĉ, 1obj)
    cls = Σ 1obj Σ_c BCE(p̂(c), p(c))

y and h as x and w; w h in cells², H the rows of the grid. Sums over the batch. `l2` is the sum of
all squares of the masked outputs, for the eye alone.

Departs from the formula of v4:

* decode: without `scale_xy`.
* assignment: the best of all anchors alone, by the CIOU of boxes with a common corner.
* ignore: predictions that overlap a truth above `ignore_thre`, where the image has an object on
  this head.
* coordinates: cross entropy for x and y, half the square for t_w and t_h, weighted by the size.
* collisions: the last truth has the box; the classes of all are positive.
* reduction: a sum over the batch, so that the loss grows with it.
* eps: 1e-16 within the logarithm of sizes.

Faults:

* images without an object on a head: the ignore rule is skipped there, and a perfect prediction is
  punished as background.
* edges: a centre of exactly 1 is an IndexError in the program; here it belongs to no cell.
* saturation: the program takes logarithms of probabilities, limited to −100, so that a saturated
  output has no gradient there; here they come from the logits.
* input: the program writes to the tensor that it is given, and takes every image for 608 × 608.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._xp import Array, adapter, constant, namespace, number
from ..elementwise import bce, sigmoid
from ..targets import Targets
from . import _dense, _options
from .results import DialectLoss

EPS = 1e-16


@dataclass(frozen=True)
class Options:
    """Anchors and the threshold, by the program's names.

    Attributes
    ----------
    anchors : tuple of heads, each a tuple of (width, height)
        Pixels, fine to coarse.
    strides : tuple of float
        Pixels a cell, one for each head.
    ignore_thre : float
    """

    anchors: tuple[tuple[tuple[float, float], ...], ...]
    strides: tuple[float, ...] = (8, 16, 32)
    ignore_thre: float = 0.5

    def __post_init__(self) -> None:
        _options.settle(self)
        _options.heads("tianxiaomo.Options", self)
        _options.numbers("tianxiaomo.Options", self, "ignore_thre")


def _rows(x: Array, gt: _dense.Truths, options: Options, head: int) -> _dense.Rows:
    """The rows of a head: truths whose best anchor of all is here."""
    xp, (_, h, w, _, _), stride = namespace(x), x.shape, options.strides[head]
    box = _dense.grid_box(gt, x.shape)
    anchors = constant([pair for pairs in options.anchors for pair in pairs], box) / stride
    ciou = _dense.shape_overlap(box[..., 2:], anchors, "tianxiaomo_xyxy", "ciou")
    anchor = number(xp.argmax(ciou, axis=-1), gt.label.dtype)
    anchor = anchor - sum(map(len, options.anchors[:head]))
    here = gt.live & (anchor >= 0) & (anchor < len(options.anchors[head]))
    col, row = _dense.floor(box[..., 0], gt.label), _dense.floor(box[..., 1], gt.label)
    here = here & (col < w) & (row < h)
    zero = xp.zeros_like(anchor)
    row, col, anchor = (xp.where(here, v, zero) for v in (row, col, anchor))
    return _dense.rows(x.shape, row, col, anchor, here)


def assign(x: Array, targets: Targets, options: Options, head: int) -> dict[str, Array]:
    """The program's masks and targets of one head, (N, H, W, A, ...), by its names.

    `obj_mask` is False where ignored; `pos_mask` where no object is; `target` holds x y w h, 1 and
    the classes; `scale2` is s².
    """
    xp, gt = namespace(x), _dense.truths(x, targets)
    box, found = _dense.grid_box(gt, x.shape), _rows(x, gt, options, head)
    anchors = constant(options.anchors[head], box) / options.strides[head]
    own = adapter(box).lookup(xp.permute_dims(anchors, (1, 0)), found.anchor)
    size = xp.log(box[..., 2:] / xp.permute_dims(own, (1, 2, 0)) + EPS)
    cell = xp.astype(xp.stack([found.col, found.row], axis=-1), box.dtype)
    one = xp.ones_like(box[..., :1])
    scale2 = 2 - box[..., 2:3] * box[..., 3:] / x.shape[1] ** 2
    classes = _dense.all_classes(found, gt.label, x.shape[-1] - 5, box)
    values = xp.concat([scale2, box[..., :2] - cell, size, one, classes], axis=-1)
    planes = _dense.put(x, found, values)
    near = _near(x, box, gt, found, anchors, options)
    pos = planes[..., 5] > 0
    return {"obj_mask": ~near | pos, "pos_mask": pos, "target": planes[..., 1:],
            "scale2": planes[..., 0]}  # fmt: skip


def _near(
    x: Array, box: Array, gt: _dense.Truths, found: _dense.Rows, anchors: Array, options: Options
) -> Array:
    """(N, H, W, A): what the ignore rule leaves alone."""
    xp, (xy, wh, _, _) = namespace(x), _dense.fields(x)
    pred = xp.concat([sigmoid(xy) + _dense.corner(x), xp.exp(wh) * anchors], axis=-1)
    live = gt.live & xp.any(found.keep, axis=1, keepdims=True) if gt.live.shape[1] else gt.live
    return _dense.overlapped(pred, box, live, _dense.PLAIN, options.ignore_thre)


def _head(x: Array, targets: Targets, options: Options, head: int) -> dict[str, Array]:
    """The terms of one head."""
    xp, (xy, wh, o, c) = namespace(x), _dense.fields(x)
    t = assign(x, targets, options, head)
    pos, seen = (number(t[k], xy.dtype)[..., None] for k in ("pos_mask", "obj_mask"))
    target, scale2 = t["target"], t["scale2"][..., None]
    d2 = (wh - target[..., 2:4]) ** 2
    return {
        "xy": _dense.total(bce(xy, target[..., :2]), scale2 * pos),
        "wh": _dense.total(d2, scale2 * pos) / 2,
        "obj": _dense.total(bce(o, target[..., 4:5]), seen),
        "cls": _dense.total(bce(c, target[..., 5:]), pos),
        "l2": _squares(xp, xy, wh, o, c, target, scale2 * pos, pos, seen),
    }


def _squares(
    xp: Any, xy: Array, wh: Array, o: Array, c: Array, t: Array, scale2: Array, pos: Array,
    seen: Array,
) -> Array:  # fmt: skip
    """Σ (output − target)², masked as the program masks them."""
    return (
        _dense.total((sigmoid(xy) - t[..., :2]) ** 2, pos)
        + _dense.total((wh - t[..., 2:4]) ** 2, scale2)
        + _dense.total((sigmoid(o) - t[..., 4:5]) ** 2, seen)
        + _dense.total((sigmoid(c) - t[..., 5:]) ** 2, pos)
    )


def loss(raw: Sequence[Array], targets: Targets, options: Options) -> DialectLoss:
    """The loss.

    Parameters
    ----------
    raw : sequence of arrays, shape (N, H, W, A, 5 + K), real floating
        One array for each of `options.anchors`, fine to coarse; the program's layout is
        (N, A·(5 + K), H, W).
    targets : Targets
        (N, T, 4) centre form, fractions of the image; (N, T); (N, T).
    options : Options

    Returns
    -------
    DialectLoss
        `components` xy, wh, obj, cls, and l2, which is no part of the total.

    Raises
    ------
    ValueError, TypeError
        Arrays that do not fit the options or one another.
    """
    _options.check_call("tianxiaomo.loss", raw, targets, options, Options)
    heads = [_head(x, targets, options, s) for s, x in enumerate(raw)]
    parts = {name: sum((h[name] for h in heads[1:]), start=v) for name, v in heads[0].items()}
    return DialectLoss(parts, parts["xy"] + parts["wh"] + parts["obj"] + parts["cls"])
