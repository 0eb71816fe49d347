"""darknet's detection layer, YOLOv1 (pjreddie).

::

    x̂ = (c_x + v_x) / S   ŷ = (c_y + v_y) / S   ŵ = v_w²   ĥ = v_h²     (v_w, v_h with sqrt = 0)

    δ_x = coord (x − v_x)   δ_w = coord (√w − v_w)   δ_c = class (p(c) − p̂(c))
    δ_conf = object (g − Ĉ), g = IOU if rescore else 1; noobject (0 − Ĉ) of all others

x is the offset in the cell; y and h as x and w. δ is along the layer's inputs v, which are not
squashed, and −d/dv of half the squares above.

Departs from the formula of v1:

* decode: linear; the network gives square roots. A negative root has the same size, but its slope
  is that of the positive one.
* assignment: where no box of the cell overlaps the truth, the one nearest to it is responsible, by
  the root of the summed squares of x/S, y/S, w, h. `forced`: box 1 where the area is below 0.1,
  else box 0.
* coordinates: half of the formula's term.
* objectness: half of the formula's term; the IOU is a target only with `rescore`.
* classes: half of the formula's term. With `softmax` the slope is that of a cross entropy.
* cost: what is printed is Σ δ² over the batch, where the scales count twice, and no loss.
* truths: those with a width or height below 0.005 are dropped; reading does not end at a zero.

Faults:

* printed cost: it is not the loss; do not compare it with one.
* boxes without a size: their IOU is 0/0.
* far boxes: where no box is nearer than 20, the program writes out of its memory; here the first is
  taken.
* edges: a centre on the right edge (x = 1) belongs to the next row; one on the lower edge lies
  outside of the program's array and is left out here.

`random` is not restated.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from .. import _check, matching
from .._xp import Array, adapter, arange, compute_dtype, namespace, number
from ..elementwise import one_hot, softmax
from . import _darknet, _options
from ._darknet import against
from .darknet_boxes import iou_pjreddie, rmse
from .results import Deltas

SMALLEST = 0.005  # width or height of a truth
SMALL = 0.1  # area, of `forced`


@dataclass(frozen=True)
class Options:
    """The keys of a `[detection]` section; defaults are the program's own.

    Attributes
    ----------
    side, num, classes, coords : int
        S, B and K; coords is 4 (the program's own default of 1 serves no detector).
    rescore : 0 or 1
        Whether the confidence of a responsible box is to be its IOU, else 1.
    softmax : 0 or 1
        Whether class scores go through a softmax.
    sqrt : 0 or 1
        Whether the network gives the square roots of width and height.
    forced : 0 or 1
        Whether an area below 0.1 makes box 1 responsible, else box 0.
    coord_scale, object_scale, noobject_scale, class_scale : float
    """

    side: int = 7
    num: int = 1
    classes: int = 1
    coords: int = 4
    rescore: int = 0
    softmax: int = 0
    sqrt: int = 0
    forced: int = 0
    coord_scale: float = 1.0
    object_scale: float = 1.0
    noobject_scale: float = 1.0
    class_scale: float = 1.0

    def __post_init__(self) -> None:
        where = "darknet_v1.Options"
        _options.settle(self)
        _options.counts(where, self, "side", "num", "classes")
        if self.coords != 4:
            _check.wrong_value(where, "coords", "be 4", repr(self.coords))
        _options.flags(where, self, "rescore", "softmax", "sqrt", "forced")
        names = ("coord", "object", "noobject", "class")
        _options.numbers(where, self, *(f"{name}_scale" for name in names))
        if self.forced and self.num < 2:
            _check.wrong_value(where, "num", "be at least 2 with forced = 1", self.num)


class Outputs(NamedTuple):
    """The three parts of the flat vector, cell by cell, S·S cells."""

    cls: Array  # (N, S·S, K)
    conf: Array  # (N, S·S, B)
    box: Array  # (N, S·S, B, 4)


def _split(x: Array, options: Options) -> Outputs:
    xp, n = namespace(x), x.shape[0]
    cells, k, b = options.side**2, options.classes, options.num
    ends = cells * k, cells * (k + b)
    return Outputs(
        xp.reshape(x[:, : ends[0]], (n, cells, k)),
        xp.reshape(x[:, ends[0] : ends[1]], (n, cells, b)),
        xp.reshape(x[:, ends[1] :], (n, cells, b, 4)),
    )


def _joined(parts: Outputs) -> Array:
    xp, n = namespace(parts.cls), parts.cls.shape[0]
    return xp.concat([xp.reshape(v, (n, -1)) for v in parts], axis=1)


class Truth(NamedTuple):
    """One truth for each cell that holds any, as rows (N, M)."""

    box: Array  # (N, M, 4): x y offsets in the cell, w h of the image
    label: Array
    cell: Array
    keep: Array


def _truth(truths: Array, raw: Array, side: int) -> Truth:
    """The first truth of each cell."""
    found = _darknet.read_all(truths, raw)
    xp, box, cells = namespace(raw), found.box, side * side
    col, row = _darknet.places(found, side, side)
    x, y = box[..., 0] * side - number(col, box.dtype), box[..., 1] * side - number(row, box.dtype)
    cell = row * side + col
    wanted = (box[..., 2] >= SMALLEST) & (box[..., 3] >= SMALLEST) & (cell >= 0) & (cell < cells)
    keep = matching.first_of_each(cell, wanted, cells) if cell.shape[1] else wanted
    return Truth(
        xp.stack([x, y, box[..., 2], box[..., 3]], axis=-1), found.label, cell % cells, keep
    )


# Boxes, from the corner of the cell, in units of the image.


def _as_given(v: Array) -> Array:
    return v


def _squared(v: Array) -> Array:
    return v * v


def _root(v: Array) -> Array:
    return namespace(v).sqrt(v)


SIZE = {0: (_as_given, _as_given), 1: (_squared, _root)}  # by sqrt: as given → size, and back
CLASSES = {0: _as_given, 1: softmax}  # by softmax


def _boxes(v: Array, options: Options) -> Array:
    size, _ = SIZE[options.sqrt]
    return namespace(v).concat([v[..., :2] / options.side, size(v[..., 2:])], axis=-1)


def _by_overlap(pred: Array, gt: Array) -> Array:
    """(N, M): the box of the highest IOU, or the nearest one where none overlaps."""
    xp, ious = namespace(pred), iou_pjreddie(pred, gt)
    ious = xp.where(ious > 0, ious, 0.0)
    none = xp.max(ious, axis=-1) == 0
    return xp.where(none, xp.argmin(rmse(pred, gt), axis=-1), xp.argmax(ious, axis=-1))


def _by_area(pred: Array, gt: Array) -> Array:
    """(N, M): box 1 of a small truth, box 0 of another."""
    small = gt[..., 0, 2] * gt[..., 0, 3] < SMALL
    return number(small, namespace(pred).argmax(pred[..., 0], axis=-1).dtype)


RESPONSIBLE: dict[int, Callable[[Array, Array], Array]] = {0: _by_overlap, 1: _by_area}  # by forced


def _one(pred: Array, gt: Array) -> Array:
    return namespace(pred).ones_like(pred[..., 0])


GOAL = {0: _one, 1: iou_pjreddie}  # of confidence, by rescore


# Slopes.


def _at(x: Array, truth: Truth) -> Array:
    """(N, M, ...): what a cell has, of x (N, S·S, ...)."""
    xp, (n, cells, *rest) = namespace(x), x.shape
    rows = adapter(x).gather(xp.reshape(x, (n, cells, -1)), (truth.cell,), truth.keep)
    return xp.reshape(rows, (n, truth.cell.shape[1], *rest))


def _put(rows: Array, truth: Truth, like: Array) -> Array:
    """Like x (N, S·S, ...): rows (N, M, ...) at their cells, 0 elsewhere."""
    xp, (n, cells, *rest) = namespace(like), like.shape
    rows = xp.reshape(rows, (n, truth.cell.shape[1], -1))
    rows = xp.where(truth.keep[..., None], rows, 0.0)
    out = xp.zeros((n, cells, rows.shape[2]), dtype=rows.dtype, **adapter(like).placement(like))
    return xp.reshape(
        adapter(out).add_rows(out, (truth.cell,), rows, truth.keep), (n, cells, *rest)
    )


def _slopes(v: Outputs, truth: Truth, options: Options) -> tuple[Outputs, Array]:
    """Of cells with a truth, the responsible box alone, 0 elsewhere; and which box that is."""
    xp, box = namespace(v.box), _at(v.box, truth)
    pred, gt = _boxes(box, options), truth.box[..., None, :]
    gt = xp.concat([gt[..., :2] / options.side, gt[..., 2:]], axis=-1)
    pred, gt = xp.broadcast_arrays(pred, gt)
    chosen = RESPONSIBLE[options.forced](pred, gt)[..., None]
    own = number(arange(options.num, chosen, chosen.dtype) == chosen, box.dtype)
    _, from_size = SIZE[options.sqrt]
    t = xp.concat([truth.box[..., :2], from_size(truth.box[..., 2:])], axis=-1)
    cls, g = _at(v.cls, truth), xp.where(own > 0, GOAL[options.rescore](pred, gt), 0.0)
    each = (
        options.class_scale * against(one_hot(truth.label, cls), cls),
        own * options.object_scale * (g - _at(v.conf, truth)),
        own[..., None] * options.coord_scale * (t[..., None, :] - box),
    )
    slopes = Outputs(*(_put(d, truth, like) for d, like in zip(each, v, strict=True)))
    return slopes, _put(own, truth, v.conf) > 0


def deltas(raw: Array, truths: Array, options: Options) -> Deltas:
    """The layer's buffer and the cost that it prints.

    Parameters
    ----------
    raw : array, shape (N, S·S·(K + 5·B)), real floating
        The layer's input as the program has it: class scores of all cells, then confidences, then
        boxes x y w h.
    truths : array, shape (N, M, 5), real floating
        Rows x y w h class, fractions of the image; zeros at the end.
    options : Options

    Returns
    -------
    Deltas
        `delta` like raw, along the inputs; `raw_delta` is the same; in the compute dtype.

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes and libraries that do not fit one another or the options.
    """
    _checked(raw, truths, options)
    xp = namespace(raw)
    x = adapter(raw).stop(xp.astype(raw, compute_dtype(raw), copy=False))
    v = _split(x, options)
    v = v._replace(cls=CLASSES[options.softmax](v.cls))
    found, responsible = _slopes(v, _truth(truths, raw, options.side), options)
    conf = xp.where(responsible, found.conf, -options.noobject_scale * v.conf)
    delta = _joined(found._replace(conf=conf))
    return Deltas(delta, _darknet.squares(delta), delta)


def _checked(raw: Array, truths: Array, options: Options) -> None:
    where = "darknet_v1.deltas"
    _options.of_kind(where, options, Options)
    _check.floating(where, "raw", raw)
    size = options.side**2 * (options.classes + 5 * options.num)
    if raw.ndim != 2 or raw.shape[1] != size:
        _check.wrong_value(where, "raw", f"have shape (N, {size})", tuple(raw.shape))
    _darknet.check_truths(where, truths, raw)
