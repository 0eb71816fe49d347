"""aladdinpersson's YOLOv1 (Machine-Learning-Collection, YOLO).

::

    box    = Σ 1obj [ (x − x̂)² + (y − ŷ)² + (√w − r(ŵ))² + (√h − r(ĥ))² ]
    object = Σ 1obj (IOU − Ĉ)²
    noobj  = Σ Ĉ² of all boxes of cells without an object
    class  = Σ 1obj_i Σ_c (p(c) − p̂(c))²
    total  = λ_coord box + object + λ_noobj noobj + class          r(v) = sign(v) √|v + 1e-6|

What the network gives is taken as it is: x̂ ŷ in the cell, ŵ ĥ in cells. Of two boxes the one with
the higher IOU is responsible, the first of equals. Sums over the batch.

Departs from the formula of v1:

* decode: none, and nothing is limited: Ĉ and p̂ are any numbers.
* coordinates: w and h are counted in cells, so they weigh S times as much.
* objectness: the IOU is not a constant: its gradient flows into the box. The other box of an
  object's cell has no term.
* reduction: a sum over the batch, so that the loss grows with it.
* eps: 1e-6 in the union and below the root.

Faults:

* IOU target: the objectness of a box draws the box itself.
* negative sizes: areas are taken without their sign, so a box that is inside out has an IOU.
* right edge: a centre of exactly 1 is an IndexError in the program; here it belongs to no cell.
"""

from dataclasses import dataclass

from .. import matching
from .._xp import Array, arange, namespace, number
from ..boxes import edges, split
from ..targets import Targets
from . import _cells, _dense, _options
from ._cells import Target, squares
from .results import DialectLoss

EPS = 1e-6


@dataclass(frozen=True)
class Options:
    """Weights, by the program's names.

    Attributes
    ----------
    B : int
        Boxes a cell.
    lambda_coord, lambda_noobj : float
    """

    B: int = 2
    lambda_coord: float = 5.0
    lambda_noobj: float = 0.5

    def __post_init__(self) -> None:
        where = "aladdinpersson_v1.Options"
        _options.settle(self)
        _options.counts(where, self, "B")
        _options.numbers(where, self, "lambda_coord", "lambda_noobj")


def encode(raw: Array, targets: Targets, options: Options) -> Target:
    """What the program's dataset makes of the truths, for raw outputs (N, S, S, B·5 + K)."""
    xp, gt, (_, h, w, depth) = namespace(raw), _dense.truths(raw, targets), raw.shape
    box = _dense.grid_box(gt, raw.shape)
    corner = xp.floor(box[..., :2])
    col, row = (number(corner[..., k], gt.label.dtype) for k in (0, 1))
    live = gt.live & (col < w) & (row < h)
    col, row = (xp.where(live, v, xp.zeros_like(v)) for v in (col, row))
    rows = _dense.rows((*raw.shape[:3], 1), row, col, xp.zeros_like(col), live)
    if live.shape[1]:
        rows = rows._replace(last=matching.first_of_each(row * w + col, live, h * w))
    box = xp.concat([box[..., :2] - corner, box[..., 2:]], axis=-1)
    classes = _dense.own_class(gt.label, depth - 5 * options.B, box)
    return _cells.written(raw, rows, box, classes)


def iou(pred: Array, gt: Array) -> Array:
    """I / (|ŵ·ĥ| + |w·h| − I + 1e-6)."""
    xp, p, g = namespace(pred), edges(*split(pred)), edges(*split(gt))
    w = xp.minimum(p.x2, g.x2) - xp.maximum(p.x1, g.x1)
    h = xp.minimum(p.y2, g.y2) - xp.maximum(p.y1, g.y1)
    inter = xp.where((w > 0) & (h > 0), w * h, 0.0)
    areas = xp.abs(pred[..., 2] * pred[..., 3]) + xp.abs(gt[..., 2] * gt[..., 3])
    return inter / (areas - inter + EPS)


def _root(v: Array) -> Array:
    xp = namespace(v)
    return xp.sign(v) * xp.sqrt(xp.abs(v + EPS))


def loss(raw: Array, targets: Targets, options: Options) -> DialectLoss:
    """The loss.

    Parameters
    ----------
    raw : array, shape (N, S, S, B·5 + K), real floating
        x y w h Ĉ of each box and then the classes; the program's layout is the classes first, then
        Ĉ x y w h of each box.
    targets : Targets
        (N, T, 4) centre form, fractions of the image; (N, T); (N, T).
    options : Options

    Returns
    -------
    DialectLoss
        `components` box, object, noobject and class, without weights.

    Raises
    ------
    ValueError, TypeError
        Arrays that do not fit the options or one another.
    """
    _cells.check("aladdinpersson_v1.loss", raw, targets, options, Options)
    xp, v = namespace(raw), _cells.split_cells(raw, options.B)
    t = encode(raw, targets, options)
    ious = iou(v.box, t.box)
    best = xp.argmax(ious, axis=-1)[..., None]
    box = number(arange(options.B, best, best.dtype) == best, v.box.dtype) * t.obj
    pred = xp.where(box[..., None] > 0, v.box, 1.0)
    parts = {
        "box": squares(pred[..., :2], t.box[..., :2], box[..., None])
        + squares(_root(pred[..., 2:]), xp.sqrt(t.box[..., 2:]), box[..., None]),
        "object": squares(v.conf, ious, box),
        "noobject": squares(v.conf, 0.0, 1 - t.obj),
        "class": squares(v.cls, t.cls, t.obj),
    }
    box_and_object = options.lambda_coord * parts["box"] + parts["object"]
    return DialectLoss(
        parts, box_and_object + options.lambda_noobj * parts["noobject"] + parts["class"]
    )
