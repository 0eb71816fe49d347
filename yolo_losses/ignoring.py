"""Ignore rules and regions: which predictors that no truth holds have no objectness loss.

A rule ignores what overlaps a truth, a region what lies in it by more than half. Area Â of a
predictor, A of a truth or region, I of what they share::

    (1)  IOU > t     ⟺  I (1 + t) > t (A + Â)
    (2)  I / Â > ½   ⟺  I > ½ Â

which are exact where the numbers are exact in binary, so that an IOU of t is not above t, and need
no division. What is compared with a region is what the ignore rule compares with truths: priors,
centred on their cells, or predictions; predictions too where a version has no rule.

(2) is how crowds are judged by COCO's evaluation and how detectors are trained beside them, with
½ as in mmdetection's `ignore_iof_thr`: a region is often larger than the objects in it, so that
no IOU with it is high.
"""

import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import NamedTuple

from . import grid, nearby
from ._xp import Array, adapter, arange, constant, namespace, number
from .boxes import Box, edges
from .grid import Cell, Lane, Layout, Raw
from .matching import Assignment, cells
from .targets import Truths


class Scene(NamedTuple):
    """What an ignore rule may look at; `raw` is constant for the gradient."""

    raw: Sequence[Array]
    layout: Layout
    truths: Truths
    ious: Array  # (N, M, T): IOU_anchor^truth of shapes; None of regions
    decode: grid.Decode


Rule = Callable[[Scene, float], Array]  # scene and threshold → (N, P) bool


class Above(NamedTuple):
    """An overlap above a threshold: I·stretch > pred·Â + gt·A."""

    stretch: float
    pred: float
    gt: float
    far: float  # how far apart centres may be, sizes of the truth


def _iou_above(t: float) -> Above:
    return Above(1 + t, t, t, nearby.far(t))  # (1)


LIES_IN = Above(1.0, 0.5, 0.0, 0.5)  # (2); then the centre lies in the region too


def _in_blocks(hits: Callable[[Scene, Above], Array]) -> Callable[[Scene, Above], Array]:
    """What is found in every image by itself, on a few images after the other."""

    @wraps(hits)
    def in_blocks(scene: Scene, above: Above) -> Array:
        (n, t), heads = scene.truths.ok.shape, scene.layout.heads()
        sides = max(len(lanes) * max(lanes[0].H, lanes[0].W) for lanes in heads)
        size = max(scene.layout.size, 3 * t * sides)  # of the planes, or of what truths span
        blocks = [
            hits(scene._replace(raw=[x[k, ...] for x in scene.raw], truths=scene.truths.images(k)),
                 above)
            for k in adapter(scene.truths.ok).images(n, size)
        ]  # fmt: skip
        return blocks[0] if len(blocks) == 1 else namespace(blocks[0]).concat(blocks, axis=0)

    return in_blocks


def by_shape(scene: Scene, threshold: float) -> Array:
    """(N, P): priors of an object's own cell whose shape overlaps it above the threshold."""
    _, layout, truths, ious, _ = scene
    xp, integer = namespace(ious), truths.label.dtype
    here = xp.take(ious, constant(layout.column("prior"), ious, integer), axis=1)
    above = (here > threshold) & truths.ok[:, None, :]
    index = cells(truths, layout, tuple(map(len, layout.heads()))).index
    slot = constant(layout.column("start"), ious, integer)[:, None] + index
    flat = (above.shape[0], above.shape[1] * above.shape[2])
    return adapter(slot).mark(xp.reshape(slot, flat), xp.reshape(above, flat), layout.size)


def by_prior(scene: Scene, threshold: float) -> Array:
    """(N, P): priors, centred on their cells, that overlap an object above the threshold."""
    return _priors_above(scene, _iou_above(threshold))


@_in_blocks
def _priors_above(scene: Scene, above: Above) -> Array:
    near = _near(scene, above, _priors, 2 * nearby.SPARSE)
    if near is not None:
        return near
    hits = [_prior_hits(scene.truths, lanes, above) for lanes in scene.layout.heads()]
    return namespace(scene.truths.x).concat(hits, axis=1)


def _priors(scene: Scene, s: int, lanes: Sequence[Lane]) -> nearby.Boxes:
    """The priors of a head."""
    like, H, W = scene.truths.x, lanes[0].H, lanes[0].W
    pw, ph = (v[:, 0, :] for v in grid.prior_sizes(lanes, like))
    middle = constant([0.5, 0.5], like)

    def at(image: Array, row: Array, col: Array, slot: Array) -> Sequence[Array]:
        return (number(col, pw.dtype) + 0.5) / W, (number(row, pw.dtype) + 0.5) / H, pw, ph

    return nearby.Boxes(middle, middle, at)


def _near(
    scene: Scene, above: Above, boxes: Callable[..., nearby.Boxes], sparse: float
) -> Array | None:
    """Only boxes near each truth against it; None where values are not looked at or many are."""
    layout, truths = scene.layout, scene.truths
    if not adapter(truths.x).looks:
        return None

    def overlap(pred: Sequence[Array], gt: Sequence[Array]) -> Array:
        gt, pred = _reach(gt, above.stretch, above.gt), _reach(pred, above.stretch, above.pred)
        return _exceeds(*gt, *pred)

    heads = [boxes(scene, s, lanes) for s, lanes in enumerate(layout.heads())]
    return nearby.hits(layout, truths, heads, above.far, overlap, sparse)


def _prior_hits(truths: Truths, lanes: Sequence[Lane], above: Above) -> Array:
    """(N, A·H·W)."""
    xp, n, like = namespace(truths.x), truths.x.shape[0], truths.x
    a, h, w = len(lanes), lanes[0].H, lanes[0].W
    pw, ph = grid.prior_sizes(lanes, like)
    prior = edges((arange(w, like) + 0.5) / w, (arange(h, like)[:, None] + 0.5) / h, pw, ph)
    x, y, gw, gh, ok = (v[:, :, None, None, None] for v in (*truths[:4], truths.ok))
    least = (above.pred * (pw * ph) + above.gt * (gw * gh)) / above.stretch
    hit = adapter(like).fold(_wider, _sides(prior, edges(x, y, gw, gh), least, ok))
    return xp.reshape(hit, (n, a * h * w))


def _sides(prior: Box, gt: Box, least: Array, ok: Array) -> tuple[Array, Array]:
    """The overlap along x, (N, T, A, 1, W), and what it has to exceed, (N, T, A, H, 1).

    The overlap of boxes is a product of an x part and a y part: what the product has to exceed,
    divided by the y part, is what the x part has to exceed.
    """
    xp = namespace(least)
    across = xp.minimum(prior.x2, gt.x2) - xp.maximum(prior.x1, gt.x1)
    along = xp.minimum(prior.y2, gt.y2) - xp.maximum(prior.y1, gt.y1)
    touch = ok & (along > 0)
    return across, xp.where(touch, least / xp.where(touch, along, 1.0), float("inf"))


def _wider(across: Array, least: Array) -> Array:
    return across > least


def by_prediction(scene: Scene, threshold: float) -> Array:
    """(N, P): decoded boxes that overlap an object above the threshold."""
    return _predictions_above(scene, _iou_above(threshold))


@_in_blocks
def _predictions_above(scene: Scene, above: Above) -> Array:
    near = _near(scene, above, _predictions, nearby.SPARSE)
    return _all_predictions(scene, above) if near is None else near


FAR = 1e4  # a raw output beyond which no decode moves


def _predictions(scene: Scene, s: int, lanes: Sequence[Lane]) -> nearby.Boxes:
    """The predictions of a head."""
    x, H, W, decode = scene.raw[s], lanes[0].H, lanes[0].W, scene.decode
    far = constant([-FAR, FAR], scene.truths.x)
    reach_x, reach_y, _, _ = decode(
        Raw(far, far, far, far, None, None), Cell(0.0, 0.0, 1.0, 1.0), s
    )  # fmt: skip
    pw, ph = (v[:, 0, :] for v in grid.prior_sizes(lanes, far))
    planes: list[Array] = []  # read when the first is asked for

    def at(image: Array, row: Array, col: Array, slot: Array) -> Sequence[Array]:
        if not planes:
            planes.extend(namespace(v).reshape(v, (-1,)) for v in grid.box_planes(x, len(lanes)))
        tx, ty, tw, th = (v[slot + image * (len(lanes) * H * W)] for v in planes)
        cell = Cell(number(col, pw.dtype), number(row, pw.dtype), pw, ph)
        x_hat, y_hat, w_hat, h_hat = decode(Raw(tx, ty, tw, th, None, None), cell, s)
        return x_hat / W, y_hat / H, w_hat, h_hat

    return nearby.Boxes(reach_x, reach_y, at)


def _all_predictions(scene: Scene, above: Above) -> Array:
    """Every prediction against every truth."""
    raw, layout, truths, _, decode = scene
    xp, n = namespace(truths.x), truths.x.shape[0]
    heads = []
    for box in grid.predicted(raw, layout, decode):
        shape = (n, 1, math.prod(box[0].shape[1:]))
        heads.append([xp.reshape(v, shape) for v in _reach(box, above.stretch, above.pred)])
    pred = tuple(xp.concat(parts, axis=2) for parts in zip(*heads, strict=True))
    *gt, area = _reach([v[..., None] for v in truths[:4]], above.stretch, above.gt)  # (N, T, 1)
    area = xp.where(truths.ok[..., None], area, float("inf"))
    return xp.reshape(adapter(area).fold(_exceeds, (*gt, area), pred), (n, layout.size))


def _reach(box: Sequence[Array], stretch: float, share: float) -> list[Array]:
    """Edges of boxes x y w h, y stretched, and a share of the area."""
    x, y, w, h = box
    return [*edges(x, y * stretch, w, h * stretch), share * (w * h)]


def _exceeds(
    gx1: Array, gy1: Array, gx2: Array, gy2: Array, area: Array,
    x1: Array, y1: Array, x2: Array, y2: Array, reach: Array,
) -> Array:  # fmt: skip
    """I·stretch > reach + area, of boxes that are stretched already."""
    limit = adapter(area).limit  # what is left of a side within the truth's
    across = limit(x2, gx1, gx2) - limit(x1, gx1, gx2)
    along = limit(y2, gy1, gy2) - limit(y1, gy1, gy2)
    return across * along > reach + area


def nothing(scene: Scene, threshold: float) -> Array:
    """(N, P): no prior is ignored."""
    xp, x = namespace(scene.truths.x), scene.truths.x
    return xp.zeros((x.shape[0], scene.layout.size), dtype=xp.bool, **adapter(x).placement(x))


IGNORE: dict[str | None, Rule] = {
    "prior": by_prior,
    "shape": by_shape,
    "prediction": by_prediction,
    None: nothing,
}


IN_REGION: dict[str | None, Callable[[Scene, Above], Array]] = {
    "prior": _priors_above,
    "shape": _priors_above,
    "prediction": _predictions_above,
    None: _predictions_above,
}


def ignore(
    found: Assignment, ious: Array, raw: Sequence[Array], decode: grid.Decode,
    by: str | None, threshold: float,
) -> Assignment:  # fmt: skip
    """Ignore what a rule says and what lies in regions, but never a slot that a truth holds."""
    if found.truths.ok.shape[1] == 0:
        return found
    raw = tuple(adapter(x).stop(x) for x in raw)
    ignored = IGNORE[by](Scene(raw, found.layout, found.truths, ious, decode), threshold)
    return in_regions(found._replace(ignored=ignored & ~found.occupied), raw, decode, by)


def in_regions(
    found: Assignment, raw: Sequence[Array], decode: grid.Decode, by: str | None = None
) -> Assignment:
    """Ignore what lies in regions; `by` says what is compared with them."""
    region = found.truths.region
    if region is None or region.shape[1] == 0:
        return found
    regions = found.truths._replace(ok=region, region=None)
    scene = Scene(tuple(adapter(x).stop(x) for x in raw), found.layout, regions, None, decode)
    inside = IN_REGION.get(by, _predictions_above)(scene, LIES_IN)
    return found._replace(ignored=found.ignored | (inside & ~found.occupied))
