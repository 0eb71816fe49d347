"""abeardear's YOLOv1 (abeardear/pytorch-YOLO-v1).

::

    loc_loss         = Σ 1obj [ (x − x̂)² + (y − ŷ)² + (√w − √ŵ)² + (√h − √ĥ)² ]
    contain_loss     = Σ 1obj (IOU − Ĉ)²
    not_contain_loss = Σ Ĉ² of the other boxes of cells with an object
    nooobj_loss      = Σ Ĉ² of cells without one
    class_loss       = Σ 1obj_i Σ_c (p(c) − p̂(c))²
    total = (l_coord loc + 2 contain + not_contain + l_noobj nooobj + class) / N

What the network gives is taken as it is: x̂ ŷ in the cell, ŵ ĥ fractions of the image, Ĉ and p̂
probabilities. Of two boxes the one with the higher IOU is responsible; the IOU is a constant.

Departs from the formula of v1:

* decode: none; the network ends in a logistic function.
* assignment: the cell of a centre is ceil(x S) − 1, so that one on a border belongs to the cell
  before it.
* objectness: the IOU's term weighs 2; other boxes of an object's cell weigh 1, not λ_noobj.
* collisions: the last truth has the box of a cell; the classes of all are positive.
* reduction: divided by the batch size.

Faults:

* S: 14 cells and 30 channels are written into the program; with 7 cells its IOU is wrong without an
  error.
* left edge: a centre at exactly 0 wraps to the last cell.
"""

from dataclasses import dataclass

from .._xp import Array, adapter, arange, constant, namespace, number
from ..targets import Targets
from . import _cells, _dense, _options, overlaps
from ._cells import Target, squares
from ._dense import PLAIN
from .results import DialectLoss

CONTAIN = 2.0


@dataclass(frozen=True)
class Options:
    """Weights, by the program's names.

    Attributes
    ----------
    B : int
        Boxes a cell.
    l_coord, l_noobj : float
    """

    B: int = 2
    l_coord: float = 5.0
    l_noobj: float = 0.5

    def __post_init__(self) -> None:
        where = "abeardear_v1.Options"
        _options.settle(self)
        _options.counts(where, self, "B")
        _options.numbers(where, self, "l_coord", "l_noobj")


def encode(raw: Array, targets: Targets, options: Options) -> Target:
    """What the program's dataset makes of the truths, for raw outputs (N, S, S, B·5 + K)."""
    xp, gt, (_, h, w, depth) = namespace(raw), _dense.truths(raw, targets), raw.shape
    size = _dense.grid_box(gt, raw.shape)
    before = xp.ceil(size[..., :2]) - 1
    col, row = (number(before[..., k], gt.label.dtype) % n for k, n in ((0, w), (1, h)))
    rows = _dense.rows((*raw.shape[:3], 1), row, col, xp.zeros_like(col), gt.live)
    box = xp.concat([size[..., :2] - before, gt.box[..., 2:]], axis=-1)
    classes = _dense.all_classes(rows, gt.label, depth - 5 * options.B, box)
    return _cells.written(raw, rows, box, classes)


def _corners(box: Array, side: Array) -> Array:
    """x y w h of the image, x and y from the corner of the cell."""
    return namespace(box).concat([box[..., :2] / side, box[..., 2:]], axis=-1)


def loss(raw: Array, targets: Targets, options: Options) -> DialectLoss:
    """The loss.

    Parameters
    ----------
    raw : array, shape (N, S, S, B·5 + K), real floating
        Probabilities, x y w h Ĉ of each box and then the classes; the program's own layout.
    targets : Targets
        (N, T, 4) centre form, fractions of the image; (N, T); (N, T).
    options : Options

    Returns
    -------
    DialectLoss
        `components` by the program's names, without weights.

    Raises
    ------
    ValueError, TypeError
        Arrays that do not fit the options or one another.
    """
    _cells.check("abeardear_v1.loss", raw, targets, options, Options)
    xp, v = namespace(raw), _cells.split_cells(raw, options.B)
    t = encode(raw, targets, options)
    side = constant([raw.shape[2], raw.shape[1]], v.box)
    held = t.obj > 0
    truth = xp.where(held[..., None], t.box, 0.5)
    ious = overlaps.similarity(PLAIN, "iou", _corners(v.box, side), _corners(truth, side))
    ious = adapter(ious).stop(ious)
    best = xp.argmax(ious, axis=-1)[..., None]
    box = number(arange(options.B, best, best.dtype) == best, v.box.dtype) * t.obj
    root = xp.sqrt(xp.where(box[..., None] > 0, v.box[..., 2:], 1.0))
    parts = {
        "loc_loss": squares(v.box[..., :2], t.box[..., :2], box[..., None])
        + squares(root, xp.sqrt(truth[..., 2:]), box[..., None]),
        "contain_loss": squares(v.conf, ious, box),
        "not_contain_loss": squares(v.conf, 0.0, t.obj - box),
        "nooobj_loss": squares(v.conf, 0.0, 1 - t.obj),
        "class_loss": squares(v.cls, t.cls, t.obj),
    }
    weights = (options.l_coord, CONTAIN, 1.0, options.l_noobj, 1.0)
    weighed = [w * part for w, part in zip(weights, parts.values(), strict=True)]
    return DialectLoss(parts, sum(weighed[1:], start=weighed[0]) / raw.shape[0])
