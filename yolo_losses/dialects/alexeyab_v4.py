"""AlexeyAB's yolo layer, YOLOv4.

::

    x̂ = (s σ(t_x) − (s − 1)/2 + c_x) / W   ŵ = p_w e^{t_w}     y, h alike; s = scale_x_y

    δ_x = iou_normalizer m g_x   δ_w = iou_normalizer m g_w e^{t_w}     each clipped to ± max_delta
    δ_o = obj_normalizer m (C − σ(t_o))
    δ_c = y(c) − σ(c), y = p(c) (1 − ε) + ε/2

g is what the program takes for the gradient of the similarity `iou_loss` (`darknet_boxes.slopes`),
m the multiplier of the class. With `iou_loss` "mse", g_x = (2 − w h) (x W − c_x − x̂_c), x̂_c the
scaled offset in the cell, and (2 − w h) (log(w / p_w) − t_w) stands for g_w e^{t_w}; not clipped.

δ of objectness and classes is −dL/dt. δ of x and y by a similarity lacks the slope of the decode,
s σ'(t_x) / W: no loss has this gradient.

Departs from the formula of v4:

* assignment: the union; other anchors than the best only if `iou_thresh` is below 1, by the overlap
  `iou_thresh_kind` of shapes.
* ignore: a prediction has no objectness slope where its box overlaps any truth above
  `ignore_thresh`, and some class, any, has a probability above 0.25 as well. Above `truth_thresh`
  it is drawn to the truth that it overlaps most.
* coordinates: what the program takes for the gradient of the similarity, with a fault for each
  kind and without the slope of the decode; no loss has it. `iou_normalizer` is 0.75 unless the
  file says otherwise.
* objectness: with `objectness_smooth` an ignored prediction is drawn to its IOU, and an assigned
  one to 1 only where its slope is exactly 0 so far; otherwise it keeps being pushed down.
* classes: `focal_loss` multiplies the slopes by ½ (1 − q)(1 − q − 2q ln q), and leaves out
  smoothing and multipliers; `cls_normalizer` works on the own class alone, and with multipliers
  alone.
* collisions: box slopes add up, objectness is written again, classes are united, where the slope of
  the own class is not exactly 0.
* reduction: with `iou_thresh` below 1, the box slopes of a predictor are divided by the number of
  classes with a slope above 0.
* cost: what is printed is iou_normalizer · mean (1 − IOU) of assigned pairs (1 − GIOU for "giou")
  plus obj_normalizer Σ δ² of objectness and classes; Σ δ² for "mse" and without `show_details`.
* eps: α has 1e-6 in its denominator.
* truths: reading ends at the first x of 0, and after `max_boxes`; a class that does not exist takes
  its truth out.

Faults:

* box gradient: it lacks the slope of the decode, doubles that of sizes, and has a wrong sign in
  DIOU and CIOU; `darknet_boxes` has the rules.
* average: two truths of one class on one predictor add up without it; label smoothing lets classes
  of small probability count in it.
* objectness_smooth: assigned predictors may be pushed down.
* normalizers: `cls_normalizer` does nothing without multipliers, `delta_normalizer` nothing on the
  CPU.
* printed cost: "diou" and "ciou" print 1 − IOU.
* edges: a centre on the right or lower edge is written behind its row, as in `darknet_v3`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .. import _check
from .._xp import Array, constant, namespace, number
from ..elementwise import one_hot
from . import _darknet, _options, _yolo, darknet_boxes
from ._alexeyab_slopes import BOX, multiplier, own_class, squashing, towards
from ._darknet import OBJ, Layer, Rows, Truths
from .darknet_boxes import SIMILARITY, iou
from .results import Deltas

CONFIDENT = 0.25  # a class above it lets a prediction be ignored


@dataclass(frozen=True)
class Options:
    """The keys of a `[yolo]` section; defaults are the program's own.

    Attributes
    ----------
    anchors : tuple of (width, height)
        Priors of all heads, pixels of the network input.
    mask : tuple of int
        The anchors of this head.
    net_w, net_h : int
        Size of the network input, pixels.
    ignore_thresh : float
        Predictions that overlap a truth above it have no objectness slope.
    truth_thresh : float
        Predictions that overlap a truth above it are drawn to it; 1 for hardly ever.
    max_boxes : int
        Truths of an image that are read at most.
    iou_thresh, iou_thresh_kind : float, "iou", "giou", "diou" or "ciou"
        Anchors of this head whose shape overlaps a truth's above it are responsible beside the
        best one; 1 for none.
    scale_x_y : float
        s of the decode.
    iou_normalizer, obj_normalizer, cls_normalizer, delta_normalizer : float
        Weights of box and objectness; of the own class, with `classes_multipliers` alone; none.
    label_smooth_eps : float
    max_delta : float
        What a slope of a box by IOU is clipped to; 0 and inf for nothing.
    iou_loss : "mse", "iou", "giou", "diou" or "ciou"
    objectness_smooth : 0 or 1
        Whether objectness is drawn to the IOU rather than to 1.
    focal_loss : 0 or 1
    new_coords : 0 or 1
        Whether the network gives probabilities, and sizes are (2v)² anchors.
    show_details : 0 or 1
        Whether the printed cost is made of IOUs; else of all slopes squared.
    classes_multipliers : tuple of float or None
        A weight of each class, which the program makes of `counters_per_class`.
    classes, grid_h, grid_w : int or None
        K and the grid; None: as the raw outputs have them.
    """

    anchors: tuple[tuple[float, float], ...]
    mask: tuple[int, ...]
    net_w: int
    net_h: int
    ignore_thresh: float = 0.5
    truth_thresh: float = 1.0
    max_boxes: int = 200
    iou_thresh: float = 1.0
    iou_thresh_kind: str = "iou"
    scale_x_y: float = 1.0
    iou_normalizer: float = 0.75
    obj_normalizer: float = 1.0
    cls_normalizer: float = 1.0
    delta_normalizer: float = 1.0
    label_smooth_eps: float = 0.0
    max_delta: float = float("inf")
    iou_loss: str = "mse"
    objectness_smooth: int = 0
    focal_loss: int = 0
    new_coords: int = 0
    show_details: int = 1
    classes_multipliers: tuple[float, ...] | None = None
    classes: int | None = None
    grid_h: int | None = None
    grid_w: int | None = None

    def __post_init__(self) -> None:
        where = "alexeyab_v4.Options"
        _yolo.settle(where, self)
        names = ("iou", "obj", "cls", "delta")
        _options.numbers(where, self, *(f"{name}_normalizer" for name in names))
        _options.numbers(where, self, "iou_thresh", "scale_x_y", "label_smooth_eps", "max_delta")
        names = ("objectness_smooth", "focal_loss", "new_coords", "show_details")
        _options.flags(where, self, *names)
        _check.choice(where, "iou_loss", self.iou_loss, BOX)
        _check.choice(where, "iou_thresh_kind", self.iou_thresh_kind, SIMILARITY)


# The passes.


def _left(o: Array, iou: Array, options: Options) -> Array:
    """Objectness of an ignored prediction: no slope."""
    return namespace(o).zeros_like(o)


def _to_iou(o: Array, iou: Array, options: Options) -> Array:
    """Objectness of an ignored prediction: to its IOU, but never further down than to 0."""
    return options.obj_normalizer * namespace(o).maximum(-o, iou - o)


def _to_truth(near: Array, v: Array, iou: Array, found: Rows, options: Options) -> Array:
    """A prediction above `truth_thresh`: to 1."""
    obj = options.obj_normalizer * (1 - v[..., OBJ : OBJ + 1])
    return namespace(v).concat([near[..., :OBJ], obj, near[..., OBJ + 1 :]], axis=-1)


def _to_iou2(near: Array, v: Array, iou: Array, found: Rows, options: Options) -> Array:
    """A prediction above `truth_thresh`: objectness and own class to IOU²."""
    xp, goal = namespace(v), (iou**2)[..., None] - v
    obj = options.obj_normalizer * goal[..., OBJ : OBJ + 1]
    own = one_hot(found.truths.label + OBJ + 1, v) > 0
    near = xp.where(own, multiplier(found, options)[..., None] * goal, near)
    return xp.concat([near[..., :OBJ], obj, near[..., OBJ + 1 :]], axis=-1)


IGNORED = {0: _left, 1: _to_iou}  # by objectness_smooth
NEAR = {0: _to_truth, 1: _to_iou2}


def _everywhere(layer: Layer, truths: Truths, options: Options) -> Array:
    """The first pass: objectness to 0, unless a truth is near; to the truth if it is very near."""
    xp, v = namespace(layer.v), layer.v
    best = _darknet.best(layer.boxes(v, *layer.slots()), truths, iou)
    confident = xp.max(v[..., OBJ + 1 :], axis=-1) > CONFIDENT
    away, kept = -options.obj_normalizer * v[..., OBJ], IGNORED[options.objectness_smooth]
    ignored = (best.iou > options.ignore_thresh) & confident
    obj = xp.where(ignored, kept(v[..., OBJ], best.iou, options), away)
    delta = _darknet.only_objectness(obj, v)
    if truths.live.shape[1] == 0:
        return delta
    found = _darknet.at_best(layer, best, truths)
    near = towards(v, found, layer, options)
    near = NEAR[options.objectness_smooth](near, v, best.iou, found, options)
    return xp.where((best.iou > options.truth_thresh)[..., None], near, delta)


def _rows(layer: Layer, truths: Truths, options: Options) -> Rows:
    """The best anchor of all, and others of this head above the threshold."""
    _, best = _yolo.best_anchor(truths, options, iou)
    if options.iou_thresh < 1:
        priors = constant([_yolo.prior(options, k) for k in options.mask], truths.box)
        kind = SIMILARITY[options.iou_thresh_kind]
        best = best | (_darknet.shape_overlap(kind, priors, truths) > options.iou_thresh)
    return _darknet.rows(layer, truths, _yolo.in_mask(truths, options), best)


def _again(old: Array, new: Array) -> Array:
    """Objectness is written again."""
    return new


def _if_zero(old: Array, new: Array) -> Array:
    """Objectness is written where its slope is exactly 0 so far."""
    return namespace(old).where(old == 0, new, old)


OBJECTNESS = {0: _again, 1: _if_zero}  # by objectness_smooth


def _merging(options: Options) -> _darknet.Merge:
    """Boxes add up; classes are united where the slope of the own class is not 0."""
    write = OBJECTNESS[options.objectness_smooth]

    def merge(old: Array, own: Array, fresh: Array, again: Array) -> Array:
        xp, box, obj = namespace(old), slice(None, OBJ), slice(OBJ, OBJ + 1)
        classes = slice(OBJ + 1, None)
        written = xp.any(own & (old != 0), axis=-1, keepdims=True)
        new = xp.where(written, xp.where(own, again, old), fresh)
        new = xp.where(xp.isfinite(new), new, old)
        parts = [old[..., box] + fresh[..., box], write(old[..., obj], fresh[..., obj])]
        return xp.concat([*parts, new[..., classes]], axis=-1)

    return merge


def _averaged(delta: Array, options: Options) -> Array:
    """Box slopes over the number of classes with a slope above 0, with `iou_thresh` below 1."""
    if options.iou_thresh >= 1:
        return delta
    xp, obj = namespace(delta), delta[..., OBJ : OBJ + 1]
    positive = number(delta[..., OBJ + 1 :] > 0, delta.dtype)
    count = xp.sum(positive, axis=-1, keepdims=True)
    count = xp.where((count > 0) & (obj != 0), count, 1.0)
    return xp.concat([delta[..., :OBJ] / count, delta[..., OBJ:]], axis=-1)


# The cost.


def _cost_of_overlaps(delta: Array, v: Array, found: Rows, layer: Layer, options: Options) -> Array:
    """iou_normalizer · mean (1 − IOU) of assigned pairs + obj_normalizer Σ δ² but of boxes."""
    xp, pred = namespace(v), layer.boxes(v, found.anchor, found.row, found.col)
    overlap = LOGGED[options.iou_loss](pred, found.truths.box)
    total = xp.sum(xp.where(found.wanted, 1 - overlap, 0.0))
    count = xp.sum(number(found.wanted, delta.dtype))
    mean = total / xp.where(count > 0, count, 1.0)
    others = _darknet.squares(delta[..., OBJ:])
    return options.iou_normalizer * mean + options.obj_normalizer * others


def _cost_of_squares(delta: Array, v: Array, found: Rows, layer: Layer, options: Options) -> Array:
    return _darknet.squares(delta)


LOGGED = {"iou": iou, "giou": darknet_boxes.giou, "diou": iou, "ciou": iou}


def _cost(options: Options) -> Callable[..., Array]:
    plain = options.iou_loss == "mse" or not options.show_details
    return _cost_of_squares if plain else _cost_of_overlaps


def deltas(raw: Array, truths: Array, options: Options) -> Deltas:
    """The layer's buffer and the cost that it prints.

    Parameters
    ----------
    raw : array, shape (N, H, W, A, 5 + K), real floating
        What the layer is given, before any activation; the program's layout is (N, A, 5 + K, H, W).
    truths : array, shape (N, M, 5), real floating
        Rows x y w h class, fractions of the image; zeros at the end.
    options : Options

    Returns
    -------
    Deltas
        `delta` like raw, see above; `raw_delta` is the same; in the compute dtype.

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes and libraries that do not fit one another or the options.
    """
    _darknet.check("alexeyab_v4.deltas", raw, truths, options, Options, len(options.mask))
    layer = _yolo.layer(raw, options, squashing(options))
    gt = _darknet.read(truths, options.max_boxes, raw, raw.shape[-1] - _darknet.CLASSES)
    found = _rows(layer, gt, options)
    v = _darknet.gather(layer.v, found.slot)
    new = towards(v, found, layer, options), own_class(v, found, options)
    delta = _darknet.write(_everywhere(layer, gt, options), found, _merging(options), *new)
    delta = _averaged(delta, options)
    return _darknet.finish(delta, _cost(options)(delta, v, found, layer, options), layer)
