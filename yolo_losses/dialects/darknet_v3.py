"""darknet's yolo layer, YOLOv3 (pjreddie).

::

    x̂ = (σ(t_x) + c_x) / W   ŷ = (σ(t_y) + c_y) / H   ŵ = p_w e^{t_w}   ĥ = p_h e^{t_h}

    δ_x = (2 − w h) (x W − c_x − σ(t_x))   δ_w = (2 − w h) (log(w / p_w) − t_w)     y, h alike
    δ_o = C − σ(t_o)                       δ_c = p(c) − σ(c)

δ is −dL/dt, so x and y have the slope of a cross entropy with a soft target, not of a square.

Departs from the formula of v3:

* ignore: a prediction has no objectness slope where its box overlaps any truth above
  `ignore_thresh`. Above `truth_thresh` it is drawn to the truth that it overlaps most.
* coordinates: cross entropy for x and y, half the square for t_w and t_h; no gate; the centre's
  offset is not clipped.
* collisions: the last truth has the box, but the classes are united. Whether a predictor was
  written before is read from the slope of class 0: where that is 0 because σ(c_0) is 0 or 1 in
  float32, all classes are written anew.
* cost: what is printed is Σ δ² over the batch, and no loss.
* truths: reading ends at the first x of 0, and after `max_boxes`; classes are not checked.

Faults:

* printed cost: it is not the loss; do not compare it with one.
* united classes: whether they are depends on class 0.
* edges: a centre on the right edge (x = 1) is written to the first column of the next row, one on
  the lower edge to the next anchor; behind the last anchor of an image the program writes into the
  next image, which is left out here.
* classes: one that does not exist is written outside of its predictor; here it is the class of
  none.
"""

from dataclasses import dataclass

from .._xp import Array, namespace
from ..elementwise import one_hot, sigmoid
from . import _darknet, _yolo
from ._darknet import OBJ, Layer, Squashing, Truths, against, exp, log
from .darknet_boxes import iou_pjreddie
from .results import Deltas


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
    classes, grid_h, grid_w : int or None
        K and the grid; None: as the raw outputs have them.
    """

    anchors: tuple[tuple[float, float], ...]
    mask: tuple[int, ...]
    net_w: int
    net_h: int
    ignore_thresh: float = 0.5
    truth_thresh: float = 1.0
    max_boxes: int = 90
    classes: int | None = None
    grid_h: int | None = None
    grid_w: int | None = None

    def __post_init__(self) -> None:
        _yolo.settle("darknet_v3.Options", self)


SQUASHING = Squashing(xy=sigmoid, obj=sigmoid, classes=sigmoid, size=exp, from_size=log)


def _towards(v: Array, found: _darknet.Rows, layer: Layer, options: Options) -> Array:
    """(..., E): slopes that draw predictors v to truths."""
    xp, truths = namespace(v), found.truths
    t = _darknet.targets(found, layer)
    w, h = truths.box[..., 2], truths.box[..., 3]
    box = (2 - w * h)[..., None] * (t - v[..., :OBJ])
    obj = 1 - v[..., OBJ : OBJ + 1]
    classes = v[..., OBJ + 1 :]
    return xp.concat([box, obj, against(one_hot(truths.label, classes), classes)], axis=-1)


def _everywhere(layer: Layer, truths: Truths, options: Options) -> Array:
    """The first pass: objectness to 0, unless a truth is near; to the truth if it is very near."""
    xp, v = namespace(layer.v), layer.v
    best = _darknet.best(layer.boxes(v, *layer.slots()), truths, iou_pjreddie)
    obj = xp.where(best.iou > options.ignore_thresh, 0.0, -v[..., OBJ])
    delta = _darknet.only_objectness(obj, v)
    if truths.live.shape[1] == 0:
        return delta
    near = _towards(v, _darknet.at_best(layer, best, truths), layer, options)
    return xp.where((best.iou > options.truth_thresh)[..., None], near, delta)


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
    _darknet.check("darknet_v3.deltas", raw, truths, options, Options, len(options.mask))
    layer = _yolo.layer(raw, options, SQUASHING)
    gt = _darknet.read(truths, options.max_boxes, raw)
    _, best = _yolo.best_anchor(gt, options, iou_pjreddie)
    found = _darknet.rows(layer, gt, _yolo.in_mask(gt, options), best)
    delta = _everywhere(layer, gt, options)
    new = _towards(_darknet.gather(layer.v, found.slot), found, layer, options)
    delta = _darknet.write(delta, found, _darknet.unite, new)
    return _darknet.finish(delta, _darknet.squares(delta), layer)
