"""darknet's region layer, YOLOv2 (pjreddie).

::

    x̂ = (σ(t_x) + c_x) / W   ŷ = (σ(t_y) + c_y) / H   ŵ = p_w e^{t_w}   ĥ = p_h e^{t_h}

    δ_x = coord (2 − w h) (x W − c_x − σ(t_x))   δ_w = coord (2 − w h) (log(w / p_w) − t_w)
    δ_o = object (g − Ĉ), g = IOU if rescore else 1; noobject (0 − Ĉ) elsewhere
    δ_c = class (p(c) − p̂(c))

δ of x, y and objectness is along the squashed value; `raw_delta` has the slope of the logistic, and
is −dL/dt of half the squares above and the cross entropy of the classes. y and h as x and w.

Departs from the formula of v2:

* assignment: with `bias_match` 0, the anchor whose predicted size fits best.
* ignore: objectness has no slope where a prediction overlaps a truth above `thresh`.
* coordinates: half the square, of t_w and t_h rather than of w and h. Below 12800 images `seen`,
  all other boxes are drawn to their anchors.
* objectness: half the square; the IOU is a target only with `rescore`.
* classes: a cross entropy, not a square; logistic classifiers with `softmax` 0.
* collisions: with `softmax` 0 the classes are united, as in `darknet_v3`.
* cost: what is printed is Σ δ² over the batch, along the squashed values, and no loss.
* truths: reading ends at the first x of 0, and after 30; classes are not checked.

Faults:

* CPU: the program propagates nothing of this layer on the CPU.
* printed cost: it is not the loss; do not compare it with one.
* edges: a centre on the right or lower edge is written behind its row, as in `darknet_v3`.
"""

from dataclasses import dataclass

from .._xp import Array, namespace
from ..elementwise import one_hot, sigmoid, softmax
from . import _darknet, _region
from ._darknet import OBJ, Layer, Merge, Rows, Squash, Squashing, Truths, against, exp, log
from .darknet_boxes import iou_pjreddie
from .results import Deltas


@dataclass(frozen=True)
class Options:
    """The keys of a `[region]` section; defaults are the program's own.

    Attributes
    ----------
    anchors : tuple of (width, height)
        Priors, in cells.
    softmax : 0 or 1
        Whether the classes compete; else each by itself.
    rescore : 0 or 1
        Whether the objectness of a responsible predictor is to be its IOU, else 1.
    bias_match : 0 or 1
        Whether a truth picks its anchor by the priors, else by the sizes predicted in its cell.
    thresh : float
        Predictions that overlap a truth above it have no objectness slope.
    coord_scale, object_scale, noobject_scale, class_scale : float
    seen : int
        Images that training has seen; below 12800 every box is drawn to its anchor.
    max_boxes : int
        Truths of an image that are read at most.
    classes, grid_h, grid_w : int or None
        K and the grid; None: as the raw outputs have them.
    """

    anchors: tuple[tuple[float, float], ...] = ((0.5, 0.5),)
    softmax: int = 0
    rescore: int = 0
    bias_match: int = 0
    thresh: float = 0.5
    coord_scale: float = 1.0
    object_scale: float = 1.0
    noobject_scale: float = 1.0
    class_scale: float = 1.0
    seen: int = 0
    max_boxes: int = 30
    classes: int | None = None
    grid_h: int | None = None
    grid_w: int | None = None

    def __post_init__(self) -> None:
        _region.settle("darknet_v2.Options", self)


CLASSES: dict[int, tuple[Squash, Merge]] = {  # by softmax: how they are squashed and collide
    0: (sigmoid, _darknet.unite),
    1: (softmax, _darknet.overwrite),
}


def _squashing(options: Options) -> Squashing:
    squash, _ = CLASSES[options.softmax]
    return Squashing(xy=sigmoid, obj=sigmoid, classes=squash, size=exp, from_size=log)


def _towards(v: Array, found: Rows, layer: Layer, options: Options) -> Array:
    """(N, M, L, E): slopes that draw predictors v to truths."""
    xp, (truth, label, _) = namespace(v), found.truths
    t = _darknet.targets(found, layer)
    weight = options.coord_scale * (2 - truth[..., 2] * truth[..., 3])
    pred = layer.boxes(v, found.anchor, found.row, found.col)
    g = GOAL[options.rescore](pred, truth)
    box = weight[..., None] * (t - v[..., :OBJ])
    obj = options.object_scale * (g[..., None] - v[..., OBJ : OBJ + 1])
    classes = v[..., OBJ + 1 :]
    cls = options.class_scale * against(one_hot(label, classes), classes)
    return xp.concat([box, obj, cls], axis=-1)


GOAL = {0: _region.one, 1: iou_pjreddie}  # of objectness, by rescore


def _everywhere(layer: Layer, truths: Truths, options: Options) -> Array:
    """The first pass: objectness to 0 unless a truth is near; early on, boxes to anchors."""
    xp, v = namespace(layer.v), layer.v
    near = _darknet.best(layer.boxes(v, *layer.slots()), truths, iou_pjreddie).iou > options.thresh
    obj = xp.where(near, 0.0, -options.noobject_scale * v[..., OBJ])
    delta = _darknet.only_objectness(obj, v)
    if options.seen >= _region.WARM_UP:
        return delta
    pull = _region.PULL * xp.concat([0.5 - v[..., :2], -v[..., 2:4]], axis=-1)
    return xp.concat([pull, delta[..., OBJ:]], axis=-1)


def _along_raw(delta: Array, v: Array) -> Array:
    """δ times the slope of the logistic, for x, y and objectness."""
    xp, one = namespace(v), namespace(v).ones_like(v)
    s = v * (1 - v)
    slope = [s[..., :2], one[..., 2:4], s[..., OBJ : OBJ + 1], one[..., OBJ + 1 :]]
    return delta * xp.concat(slope, axis=-1)


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
        `delta` like raw, along the squashed values; `raw_delta` = −dL/dt; in the compute dtype.

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes and libraries that do not fit one another or the options.
    """
    _darknet.check("darknet_v2.deltas", raw, truths, options, Options, len(options.anchors))
    layer = _region.layer(raw, options, _squashing(options))
    gt = _darknet.read(truths, options.max_boxes, raw)
    found = _region.chosen(layer, gt, iou_pjreddie, options.bias_match)
    new = _towards(_darknet.gather(layer.v, found.slot), found, layer, options)
    _, merge = CLASSES[options.softmax]
    delta = _darknet.write(_everywhere(layer, gt, options), found, merge, new)
    cost = _darknet.squares(delta)
    return _darknet.finish(delta, cost, layer, _along_raw(delta, layer.v))
