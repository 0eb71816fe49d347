"""uvipen's YOLOv2 (uvipen/Yolo-v2-pytorch).

::

    x̂ = σ(t_x) + c_x   ŵ = p_w e^{t_w}     in cells

    coord = coord_scale Σ 1obj Σ [(x − c_x − σ(t_x))² + (log(max(w, 1) / p_w) − t_w)²] / N
    conf  = Σ m (g − σ(t_o))² / N     m = object_scale, g = IOU of the prediction where an object
                                       is, else g = 0, m = noobject_scale, or 0 where ignored
    cls   = 2 class_scale Σ 1obj (−log softmax(c)[class]) / N

y and h as x and w; w in cells. The IOU is a constant.

Departs from the formula of v2:

* ignore: a prediction that overlaps a truth above `thresh` has no objectness term.
* coordinates: the square of t_w and t_h instead of w and h, and no weight of small boxes.
* classes: twice a cross entropy, not a square.
* reduction: divided by the batch size.

Faults:

* small truths: one that is narrower than a cell gets the size of a cell as its target, one lower
  than a cell likewise.
"""

from dataclasses import dataclass

from .. import _check
from .._xp import Array, adapter, constant, namespace, number
from ..elementwise import one_hot, sigmoid
from ..targets import Targets
from . import _dense, _options, overlaps
from ._dense import PLAIN
from .results import DialectLoss


@dataclass(frozen=True)
class Options:
    """Anchors and scales, by the program's names.

    Attributes
    ----------
    anchors : tuple of (width, height)
        Cells.
    coord_scale, object_scale, noobject_scale, class_scale : float
    thresh : float
    """

    anchors: tuple[tuple[float, float], ...]
    coord_scale: float = 1.0
    object_scale: float = 5.0
    noobject_scale: float = 1.0
    class_scale: float = 1.0
    thresh: float = 0.6

    def __post_init__(self) -> None:
        where = "uvipen_v2.Options"
        _options.settle(self)
        _check.anchors(where, self.anchors)
        scales = (f"{name}_scale" for name in ("coord", "object", "noobject", "class"))
        _options.numbers(where, self, "thresh", *scales)


def _decode(x: Array, anchors: Array) -> Array:
    """(N, H, W, A, 4): boxes in cells."""
    xp, (xy, wh, _, _) = namespace(x), _dense.fields(x)
    return xp.concat([sigmoid(xy) + _dense.corner(x), xp.exp(wh) * anchors], axis=-1)


def _rows(x: Array, gt: _dense.Truths, anchors: Array) -> _dense.Rows:
    """The anchor of each truth's cell, limited to the grid, with the highest IOU of shapes."""
    xp, box, (_, h, w, _, _) = namespace(x), _dense.grid_box(gt, x.shape), x.shape
    best = xp.argmax(_dense.shape_overlap(box[..., 2:], anchors, PLAIN, "iou"), axis=-1)
    col, row = (
        xp.clip(_dense.floor(box[..., k], gt.label), min=0, max=size - 1)
        for k, size in ((0, w), (1, h))
    )
    return _dense.rows(x.shape, row, col, number(best, gt.label.dtype), gt.live)


def assign(raw: Array, targets: Targets, options: Options) -> dict[str, Array]:
    """The program's masks and targets, (N, H, W, A, ...), by its names."""
    xp = namespace(raw)
    gt = _dense.truths(raw, targets)
    anchors = constant(options.anchors, gt.box)
    found, box = _rows(raw, gt, anchors), _dense.grid_box(gt, raw.shape)
    pred = adapter(gt.box).stop(_decode(raw, anchors))
    at = adapter(pred).gather(pred, found.place, found.keep) if gt.live.shape[1] else box
    overlap = overlaps.similarity(PLAIN, "iou", xp.where(found.keep[..., None], at, 0.5), box)
    own = adapter(box).lookup(xp.permute_dims(anchors, (1, 0)), found.anchor)
    place = xp.stack([found.col, found.row], axis=-1)
    size = xp.maximum(box[..., 2:], xp.ones_like(box[..., 2:])) / xp.permute_dims(own, (1, 2, 0))
    goal = [box[..., :2] - number(place, box.dtype), xp.log(size), overlap[..., None]]
    held = _dense.put(raw, found, xp.concat([xp.ones_like(overlap)[..., None], *goal], axis=-1))
    mask = held[..., 0]
    near = _dense.overlapped(pred, box, gt.live, PLAIN, options.thresh)
    conf = xp.where(near, 0.0, options.noobject_scale * xp.ones_like(mask))
    label = number(gt.label, box.dtype)[..., None]
    return {
        "coord_mask": mask, "cls_mask": mask,
        "conf_mask": xp.where(mask > 0, options.object_scale, conf),
        "tcoord": held[..., 1:5], "tconf": held[..., 5],
        "tcls": _dense.put(raw, found, label)[..., 0],
    }  # fmt: skip


def loss(raw: Array, targets: Targets, options: Options) -> DialectLoss:
    """The loss.

    Parameters
    ----------
    raw : array, shape (N, H, W, A, 5 + K), real floating
        The program's layout is (N, A·(5 + K), H, W).
    targets : Targets
        (N, T, 4) centre form, fractions of the image; (N, T); (N, T).
    options : Options

    Returns
    -------
    DialectLoss
        `components` coord, conf and cls.

    Raises
    ------
    ValueError, TypeError
        Arrays that do not fit the options or one another.
    """
    where = "uvipen_v2.loss"
    _options.of_kind(where, options, Options)
    _check.head(where, "raw", raw, len(options.anchors))
    _check.targets(where, targets, ("raw", raw))
    xp, n, (xy, wh, o, c) = namespace(raw), raw.shape[0], _dense.fields(raw)
    t = assign(raw, targets, options)
    coord = xp.concat([sigmoid(xy), wh], axis=-1) - t["tcoord"]
    own = one_hot(number(t["tcls"], adapter(raw).integer), c)
    mask = t["coord_mask"][..., None]
    parts = {
        "coord": options.coord_scale * _dense.total(coord**2, mask) / n,
        "conf": _dense.total((sigmoid(o[..., 0]) - t["tconf"]) ** 2, t["conf_mask"]) / n,
        "cls": 2 * options.class_scale * _dense.total(-_dense.log_softmax(c) * own, mask) / n,
    }
    return DialectLoss(parts, parts["coord"] + parts["conf"] + parts["cls"])
