"""What darknet's layers for YOLOv2, v3 and v4 share.

A layer has no loss. It goes over a buffer of slopes twice: once over all predictors, and once over
the truths in their order, where later ones write over earlier ones or add to them. Fields of a
predictor are x y w h, objectness and classes, E = 5 + K; predictors lie in the order (anchor, row,
col), P of them, as in the program's memory.

The program computes in float32, and asks in places whether a slope is exactly 0. `against` answers
as it does, whatever the dtype here.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .. import _check
from .._xp import Array, adapter, arange, compute_dtype, constant, namespace, number
from ..elementwise import one_hot
from . import _options
from .results import Deltas

OBJ = 4  # the field of objectness
CLASSES = 5  # the first class

Overlap = Callable[[Array, Array], Array]


# The call.


def check(where: str, raw: Array, truths: Array, options: Any, kind: type, anchors: int) -> None:
    """Raw outputs (N, H, W, A, 5 + K), truths (N, M, 5), and options of the layer."""
    _options.of_kind(where, options, kind)
    _check.head(where, "raw", raw, anchors)
    check_truths(where, truths, raw)
    _, h, w, _, e = raw.shape
    for name, size in (("classes", e - CLASSES), ("grid_h", h), ("grid_w", w)):
        if getattr(options, name) not in (None, size):
            got = f"{tuple(raw.shape)} with {name} = {getattr(options, name)}"
            _check.wrong_value(where, "raw", f"have the {name} of its options", got)


def check_truths(where: str, truths: Array, raw: Array) -> None:
    """(N, M, 5), rows x y w h class."""
    _check.floating(where, "truths", truths)
    _check.together(where, [("raw", raw), ("truths", truths)])
    if truths.ndim != 3 or truths.shape[2] != 5 or truths.shape[0] != raw.shape[0]:
        expected = f"have shape ({raw.shape[0]}, M, 5), rows x y w h class"
        _check.wrong_value(where, "truths", expected, tuple(truths.shape))


# Truths.


class Truths(NamedTuple):
    """Truths that the layer reads: (N, M), boxes (N, M, 4) x y w h of the image."""

    box: Array
    label: Array
    live: Array


def read_all(truths: Array, raw: Array) -> Truths:
    """All truths of each image."""
    xp, label = namespace(raw), number(truths[..., 4], adapter(raw).integer)
    box = xp.astype(truths[..., :4], compute_dtype(raw), copy=False)
    return Truths(box, label, label == label)


def read(truths: Array, most: int, raw: Array, num_classes: int | None = None) -> Truths:
    """The first truths of each image, so many at most, up to a row with x = 0.

    With `num_classes`, a class that does not exist takes its truth out, and no other.
    """
    box, label, _ = read_all(truths[:, : min(most, truths.shape[1]), :], raw)
    ended = namespace(box).cumulative_sum(number(box[..., 0] == 0, label.dtype), axis=1)
    live = ended == 0
    if num_classes is not None:
        live = live & (label >= 0) & (label < num_classes)
    box = namespace(box).where(live[..., None], box, 0.5)  # a size whose logarithm exists
    return Truths(box, label, live)


class Places(NamedTuple):
    """The cells of the truths' centres, (N, M); col is W where x is 1."""

    col: Array
    row: Array


def places(truths: Truths, h: int, w: int) -> Places:
    """floor(x·W) and floor(y·H) in float32, not limited to the grid."""
    xp, integer = namespace(truths.box), truths.label.dtype
    x, y = (xp.astype(truths.box[..., k], xp.float32, copy=False) for k in (0, 1))
    return Places(number(xp.floor(x * w), integer), number(xp.floor(y * h), integer))


def shape_overlap(overlap: Overlap, sizes: Array, truths: Truths) -> Array:
    """(N, M, A): overlap of sizes (..., A, 2) with the truths', both boxes on one centre."""
    xp, gt = namespace(sizes), truths.box[..., None, 2:]
    sizes, gt = xp.broadcast_arrays(sizes, gt)
    return overlap(*(xp.concat([xp.zeros_like(v), v], axis=-1) for v in (sizes, gt)))


def highest(ious: Array, truths: Truths) -> Array:
    """(N, M): the index of the highest of (N, M, A), the first of equals."""
    return number(namespace(ious).argmax(ious, axis=-1), truths.label.dtype)


# Predictors.


class Layer(NamedTuple):
    """The outputs of a layer, and what its boxes are made of."""

    v: Array  # (N, P, E): squashed as the program squashes
    unit: Array  # (A, 2): what e^w and e^h are multiplied by, fractions of the image
    shape: tuple[int, int, int]  # A, H, W
    size: Callable[[Array], Array]  # w or h as given → multiples of `unit`
    from_size: Callable[[Array], Array]  # the inverse

    def slots(self) -> tuple[Array, Array, Array]:
        """Anchor, row and col of all predictors, (P,)."""
        (_, h, w), at = self.shape, arange(self.v.shape[1], self.v, adapter(self.v).integer)
        return at // (h * w), at // w % h, at % w

    def boxes(self, v: Array, anchor: Array, row: Array, col: Array) -> Array:
        """(..., 4): x y w h, fractions of the image, of outputs v (..., E) at places (...)."""
        xp, (_, h, w), dtype = namespace(v), self.shape, v.dtype
        pw, ph = self.units(anchor)
        x, y = (v[..., 0] + number(col, dtype)) / w, (v[..., 1] + number(row, dtype)) / h
        return xp.stack([x, y, self.size(v[..., 2]) * pw, self.size(v[..., 3]) * ph], axis=-1)

    def units(self, anchor: Array) -> tuple[Array, Array]:
        """p_w and p_h of anchors (...)."""
        found = adapter(self.v).lookup(namespace(self.v).permute_dims(self.unit, (1, 0)), anchor)
        return found[0, ...], found[1, ...]


def flat(x: Array) -> Array:
    """(N, H, W, A, E) → (N, P, E) in the program's order."""
    xp, (n, h, w, a, e) = namespace(x), x.shape
    return xp.reshape(xp.permute_dims(x, (0, 3, 1, 2, 4)), (n, a * h * w, e))


def back(x: Array, shape: tuple[int, int, int]) -> Array:
    """The inverse of `flat`."""
    xp, (n, _, e) = namespace(x), x.shape
    return xp.permute_dims(xp.reshape(x, (n, *shape, e)), (0, 2, 3, 1, 4))


Squash = Callable[[Array], Array]


class Squashing(NamedTuple):
    """What a layer does to its raw outputs before it reads them."""

    xy: Squash
    obj: Squash
    classes: Squash
    size: Squash  # of a box, in anchors
    from_size: Squash


def exp(t: Array) -> Array:
    """e^t, not clipped."""
    return namespace(t).exp(t)


def log(x: Array) -> Array:
    """Its inverse."""
    return namespace(x).log(x)


def layer(raw: Array, unit: Sequence[Sequence[float]], by: Squashing) -> Layer:
    """The outputs of raw outputs (N, H, W, A, E), with anchors in fractions of the image."""
    xp, (_, h, w, a, _) = namespace(raw), raw.shape
    x = flat(adapter(raw).stop(xp.astype(raw, compute_dtype(raw), copy=False)))
    fields = by.xy(x[..., :2]), x[..., 2:4], by.obj(x[..., 4:5]), by.classes(x[..., 5:])
    v = xp.concat(fields, axis=-1)
    return Layer(v, constant(unit, x), (a, h, w), by.size, by.from_size)


# The first pass, over all predictors.


class Best(NamedTuple):
    """The truth that each prediction overlaps most, (N, P)."""

    iou: Array
    which: Array


def best(boxes: Array, truths: Truths, overlap: Overlap) -> Best:
    """The highest overlap with a truth, the first of equals; 0 where there is none."""
    xp, (n, p, _) = namespace(boxes), boxes.shape
    here = adapter(boxes).placement(boxes)
    start = (
        xp.zeros((n, p), dtype=boxes.dtype, **here),
        xp.zeros((n, p), dtype=truths.label.dtype, **here),
    )
    if truths.live.shape[1] == 0:
        return Best(*start)

    def step(carry: Any, truth: list[Array]) -> Any:
        (iou, which), (box, live, index) = carry, truth
        new = overlap(boxes, box[:, None, :])
        higher = (new > iou) & live[:, None]
        return xp.where(higher, new, iou), xp.where(higher, index[:, None], which)

    index = xp.zeros_like(truths.label) + arange(truths.live.shape[1], truths.label)
    return Best(*adapter(boxes).in_order(step, start, [truths.box, truths.live, index]))


def at_best(layer: Layer, found: Best, truths: Truths) -> "Rows":
    """For each predictor, (N, P), the truth that it overlaps most."""
    xp, which = namespace(found.which), found.which
    box = [xp.take_along_axis(truths.box[..., k], which, axis=1) for k in range(4)]
    label = xp.take_along_axis(truths.label, which, axis=1)
    anchor, row, col = (xp.zeros_like(which) + v for v in layer.slots())
    live = label == label
    return Rows(Truths(xp.stack(box, axis=-1), label, live), anchor, row, col, which, live)


def only_objectness(obj: Array, v: Array) -> Array:
    """(N, P, E): slopes (N, P) of objectness, and none of all else."""
    xp = namespace(v)
    nothing = xp.zeros_like(v)
    return xp.concat([nothing[..., :OBJ], obj[..., None], nothing[..., OBJ + 1 :]], axis=-1)


# The second pass, over the truths in their order.


class Rows(NamedTuple):
    """Truths and the predictors that they ask for: (N, M, L), L predictors a truth at most."""

    truths: Truths
    anchor: Array
    row: Array
    col: Array
    slot: Array  # in the program's memory: x = 1 is the first column of the next row
    wanted: Array


def rows(layer: Layer, truths: Truths, anchor: Array, wanted: Array) -> Rows:
    """Rows of anchors (N, M, L). What lies behind the last predictor of its image is left out."""
    xp, (_, h, w) = namespace(anchor), layer.shape
    anchor, wanted = xp.broadcast_arrays(anchor, wanted & truths.live[..., None])
    box = xp.broadcast_to(truths.box[..., None, :], (*anchor.shape, 4))
    label, live, col, row = (
        xp.broadcast_to(v[..., None], anchor.shape)
        for v in (truths.label, truths.live, *places(truths, h, w))
    )
    slot, size = anchor * (h * w) + row * w + col, layer.v.shape[1]
    wanted = wanted & (slot >= 0) & (slot < size)
    return Rows(Truths(box, label, live), anchor, row, col, slot % size, wanted)


def targets(found: Rows, layer: Layer) -> Array:
    """(..., 4): what x y w h of the predictors would have to be."""
    xp, (_, h, w), box = namespace(layer.v), layer.shape, found.truths.box
    col, row = number(found.col, box.dtype), number(found.row, box.dtype)
    pw, ph = layer.units(found.anchor)
    sizes = layer.from_size(box[..., 2] / pw), layer.from_size(box[..., 3] / ph)
    return xp.stack([box[..., 0] * w - col, box[..., 1] * h - row, *sizes], axis=-1)


def gather(x: Array, slot: Array) -> Array:
    """(N, ..., E): predictors of x (N, P, E) at slots (N, ...)."""
    xp, (n, *shape) = namespace(x), slot.shape
    slot = xp.reshape(slot, (n, -1))
    return xp.reshape(adapter(x).gather(x, (slot,), slot >= 0), (n, *shape, x.shape[-1]))


Merge = Callable[..., Array]  # old, own class, new … (N, L, E) → what is written


def write(delta: Array, found: Rows, merge: Merge, *new: Array) -> Array:
    """The buffer after the second pass: each truth merges what is new (N, M, L, E) with the old."""
    if found.slot.shape[1] == 0:
        return delta
    xp = namespace(delta)

    def step(delta: Array, truth: list[Array]) -> Array:
        slot, wanted, own, *new = truth
        old = gather(delta, slot)
        written = xp.where(wanted[..., None], merge(old, own, *new), old)
        return adapter(delta).put_rows(delta, (slot,), written)

    own = one_hot(found.truths.label + CLASSES, new[0]) > 0
    return adapter(delta).in_order(step, delta, [found.slot, found.wanted, own, *new])


def overwrite(old: Array, own: Array, new: Array) -> Array:
    """The last truth wins."""
    return new


def unite(old: Array, own: Array, new: Array) -> Array:
    """Box and objectness of the last truth, the union of the classes.

    A predictor counts as written where the slope of class 0 is not 0.
    """
    fresh = old[..., CLASSES : CLASSES + 1] == 0
    return namespace(old).where(fresh | own | ~in_classes(old), new, old)


def in_classes(v: Array) -> Array:
    """(E,) bool: the fields of classes."""
    return arange(v.shape[-1], v) >= CLASSES


# Slopes.


def against(y: Array, p: Array) -> Array:
    """y − p, exactly 0 where it is in float32."""
    xp = namespace(p)
    same = xp.astype(y, xp.float32, copy=False) == xp.astype(p, xp.float32, copy=False)
    return xp.where(same, 0.0, y - p)


def plain(d: Array, own: Array, p: Array) -> Array:
    """Slopes d of classes as they are."""
    return d


def focal(d: Array, own: Array, p: Array) -> Array:
    """Slopes d of classes times ½ (1 − q)(1 − q − 2q ln q), q the probability of the own class."""
    xp = namespace(p)
    q = xp.sum(own * p, axis=-1, keepdims=True)
    ln = xp.log(xp.where(q > 0, q, 1.0))
    return d * 0.5 * (1 - q) * (1 - q - 2 * q * ln)


FOCAL = {0: plain, 1: focal}  # by focal_loss


def squares(delta: Array) -> Array:
    """Σ δ², over the batch."""
    return namespace(delta).sum(delta * delta)


def finish(delta: Array, cost: Array, layer: Layer, raw_delta: Array | None = None) -> Deltas:
    """The result in the layout of the raw outputs."""
    delta = back(delta, layer.shape)
    return Deltas(delta, cost, delta if raw_delta is None else back(raw_delta, layer.shape))
