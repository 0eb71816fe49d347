"""AlexeyAB's region layer, YOLOv2.

::

    x̂ = (σ(t_x) + c_x) / W   ŷ = (σ(t_y) + c_y) / H   ŵ = p_w e^{t_w}   ĥ = p_h e^{t_h}

    δ_x = coord (x W − c_x − σ(t_x)) σ'(t_x)     δ_w = coord (log(w / p_w) − t_w)
    δ_o = object (g − Ĉ) σ'(t_o), g = IOU if rescore else 1; noobject (0 − Ĉ) σ'(t_o) elsewhere
    δ_c = class (p(c) − p̂(c))

All δ are −dL/dt: half a square, and for the classes their cross entropy. y and h as x and w.

Departs from the formula of v2:

* assignment: with `bias_match` 0, the anchor whose predicted size fits best.
* ignore: objectness has no slope where a prediction overlaps a truth above `thresh`.
* coordinates: half the square, of t_w and t_h rather than of w and h, and without (2 − w h). Below
  12800 images `seen`, all other boxes are drawn to their anchors.
* objectness: half the square; the IOU is a target only with `rescore`.
* classes: a cross entropy. With `softmax` 0 they are not squashed at all, and cost half a square.
  `focal_loss`: slopes times ½ (1 − q)(1 − q − 2q ln q), q = p̂ of the own class.
* cost: what is printed is Σ δ² over the batch, and no loss.
* eps: an IOU is 0 where 0/0 is NaN in `darknet_v2`.
* truths: reading ends at the first x of 0, and after `max_boxes`; a class that does not exist takes
  its truth out.

Faults:

* linear classes: `softmax` 0 leaves class scores without any squashing.
* printed cost: it is not the loss; do not compare it with one.
* edges: a centre on the right or lower edge is written behind its row, as in `darknet_v3`.
"""

from dataclasses import dataclass

from .._xp import Array, namespace
from ..elementwise import one_hot, sigmoid, softmax
from . import _darknet, _options, _region
from ._darknet import OBJ, Layer, Rows, Squash, Squashing, Truths, against, exp, log
from .darknet_boxes import iou
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
    focal_loss : 0 or 1
        Whether class slopes get the factor of the focal loss.
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
    focal_loss: int = 0
    thresh: float = 0.5
    coord_scale: float = 1.0
    object_scale: float = 1.0
    noobject_scale: float = 1.0
    class_scale: float = 1.0
    seen: int = 0
    max_boxes: int = 200
    classes: int | None = None
    grid_h: int | None = None
    grid_w: int | None = None

    def __post_init__(self) -> None:
        _region.settle("alexeyab_v2.Options", self)
        _options.flags("alexeyab_v2.Options", self, "focal_loss")


def _linear(c: Array) -> Array:
    return c


CLASSES: dict[int, Squash] = {0: _linear, 1: softmax}  # by softmax
GOAL = {0: _region.one, 1: iou}  # of objectness, by rescore


def _slope(v: Array) -> Array:
    """σ'(t) of v = σ(t)."""
    return v * (1 - v)


def _towards(v: Array, found: Rows, layer: Layer, options: Options) -> Array:
    """(N, M, L, E): slopes that draw predictors v to truths."""
    xp, (truth, label, _) = namespace(v), found.truths
    t = _darknet.targets(found, layer)
    pred = layer.boxes(v, found.anchor, found.row, found.col)
    g = GOAL[options.rescore](pred, truth)
    xy, wh, o, classes = v[..., :2], v[..., 2:4], v[..., OBJ : OBJ + 1], v[..., OBJ + 1 :]
    own, focal = one_hot(label, classes), _darknet.FOCAL[options.focal_loss]
    slopes = [
        options.coord_scale * (t[..., :2] - xy) * _slope(xy),
        options.coord_scale * (t[..., 2:] - wh),
        options.object_scale * (g[..., None] - o) * _slope(o),
        options.class_scale * focal(against(own, classes), own, classes),
    ]
    return xp.concat(slopes, axis=-1)


def _everywhere(layer: Layer, truths: Truths, options: Options) -> Array:
    """The first pass: objectness to 0 unless a truth is near; early on, boxes to anchors."""
    xp, v = namespace(layer.v), layer.v
    near = _darknet.best(layer.boxes(v, *layer.slots()), truths, iou).iou > options.thresh
    o = v[..., OBJ]
    delta = _darknet.only_objectness(
        xp.where(near, 0.0, -options.noobject_scale * o * _slope(o)), v
    )
    if options.seen >= _region.WARM_UP:
        return delta
    xy = v[..., :2]
    pull = _region.PULL * xp.concat([(0.5 - xy) * _slope(xy), -v[..., 2:4]], axis=-1)
    return xp.concat([pull, delta[..., OBJ:]], axis=-1)


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
        `delta` like raw, −dL/dt; `raw_delta` is the same; in the compute dtype.

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes and libraries that do not fit one another or the options.
    """
    _darknet.check("alexeyab_v2.deltas", raw, truths, options, Options, len(options.anchors))
    squashing = Squashing(sigmoid, sigmoid, CLASSES[options.softmax], size=exp, from_size=log)
    layer = _region.layer(raw, options, squashing)
    gt = _darknet.read(truths, options.max_boxes, raw, raw.shape[-1] - _darknet.CLASSES)
    found = _region.chosen(layer, gt, iou, options.bias_match)
    new = _towards(_darknet.gather(layer.v, found.slot), found, layer, options)
    delta = _darknet.write(_everywhere(layer, gt, options), found, _darknet.overwrite, new)
    return _darknet.finish(delta, _darknet.squares(delta), layer)
