"""Truths read otherwise, and given to other predictors."""

# Pieces of formulas are lambdas that hold what they need as defaults.
# mypy: disable-error-code="misc, no-untyped-call"

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import grid, matching
from ..elementwise import sigmoid
from ..targets import usable
from .problem import Problem
from .setup import Setup, Slip, patching
from .variant import Wrap, with_names

Map = Callable[[np.ndarray], np.ndarray]


def slips(problem: Problem) -> Iterator[Slip]:
    """All of a version."""
    for name, text, change, rank in TRUTHS:
        yield Slip(name, "assignment", text, of_boxes(change), rank=rank)
    yield from _labels()
    yield from _rows()
    yield from _regions(problem)
    yield Slip("cell-row-col-exchanged", "assignment", "row and col of a truth's cell are exchanged",
               patching(("matching.cells", _turned_cells)), rank=0)  # fmt: skip
    yield Slip("cell-ceiled", "assignment", "the cell is ⌈x·W⌉ − 1 or counted from 1",
               patching(("matching.cell", _ceiled)), rank=3)  # fmt: skip
    yield Slip("labels-united", "cls", "of truths that share a predictor all classes count",
               patching(("matching.settle", _bits), ("_objects", _multi_hot)), rank=1)  # fmt: skip
    if problem.version == "v1":
        yield from _of_v1()
    else:
        yield from _of_anchors(problem)


# Truths.


def valid(problem: Problem) -> np.ndarray:
    """(N, T): the rows that the formula takes for truths, or for regions."""
    found = usable(problem.targets, problem.num_classes, problem.raw[0])
    return np.asarray(found.ok if found.region is None else found.ok | found.region)


def of_boxes(change: Map) -> Callable[[Setup], Setup]:
    """Other boxes; what is no truth stays none."""

    def apply(setup: Setup) -> Setup:
        boxes = change(setup.problem.targets.boxes)
        return setup.truths(boxes=boxes, valid=valid(setup.problem))

    return apply


def _parts(*of: Callable[[Any, Any, Any, Any], Any]) -> Map:
    return lambda b: np.stack([v(*np.moveaxis(b, -1, 0)) for v in of], axis=-1)


TRUTHS: tuple[tuple[str, str, Map, int], ...] = (
    ("truths-x-y-exchanged-and-w-h", "x and y, w and h of the truths are exchanged",
     lambda b: b[..., [1, 0, 3, 2]], 0),
    ("truths-wh-first", "w h of the truths stand before x y", lambda b: b[..., [2, 3, 0, 1]], 1),
    ("truths-top-left-as-centre", "the upper left corner of truths is taken for their centre",
     _parts(lambda x, y, w, h: x - w / 2, lambda x, y, w, h: y - h / 2,
            lambda x, y, w, h: w, lambda x, y, w, h: h), 0),
    ("truths-from-corner-form", "truths x y w h are taken for corners, with |x2 − x1|",
     _parts(lambda x, y, w, h: (x + w) / 2, lambda x, y, w, h: (y + h) / 2,
            lambda x, y, w, h: np.abs(w - x), lambda x, y, w, h: np.abs(h - y)), 0),
    ("truths-upside-down", "y of the truths is counted from below",
     _parts(lambda x, y, w, h: x, lambda x, y, w, h: 1 - y, lambda x, y, w, h: w,
            lambda x, y, w, h: h), 1),
    ("truths-mirrored", "x of the truths is counted from the right",
     _parts(lambda x, y, w, h: 1 - x, lambda x, y, w, h: y, lambda x, y, w, h: w,
            lambda x, y, w, h: h), 1),
    ("truths-of-half-size", "w and h of the truths are halved",
     _parts(lambda x, y, w, h: x, lambda x, y, w, h: y, lambda x, y, w, h: w / 2,
            lambda x, y, w, h: h / 2), 1),
)  # fmt: skip


def _labels() -> Iterator[Slip]:
    cases: tuple[tuple[str, str, Callable[[np.ndarray, int], np.ndarray], bool, int], ...] = (
        ("labels-plus-one", "labels are off by one: the class after the true one",
         lambda c, k: (c + 1) % k, True, 0),
        ("labels-minus-one", "labels are off by one: the class before the true one",
         lambda c, k: (c - 1) % k, True, 0),
        ("labels-plus-one-and-last-lost", "labels are off by one: the last class is lost",
         lambda c, k: c + 1, False, 1),
        ("labels-minus-one-and-first-lost", "labels are off by one: the first class is lost",
         lambda c, k: c - 1, False, 1),
        ("labels-plus-one-of-all", "labels are off by one, modulo K, and none is invalid",
         lambda c, k: (c + 1) % k, False, 2),
        ("labels-minus-one-of-all", "labels are off by one, modulo K, and none is invalid",
         lambda c, k: (c - 1) % k, False, 2),
        ("labels-zero", "all labels are 0", lambda c, k: c * 0, True, 1),
    )  # fmt: skip
    for name, text, change, held, rank in cases:
        stage = "cls" if held else "assignment"
        yield Slip(name, stage, text, _relabelled(change, held), rank=rank)


def _relabelled(
    change: Callable[[np.ndarray, int], np.ndarray], held: bool
) -> Callable[[Setup], Setup]:
    def apply(setup: Setup) -> Setup:
        p = setup.problem
        own = valid(p) if held else p.targets.valid
        return setup.truths(labels=change(p.targets.labels, p.num_classes), valid=own)

    return apply


def _rows() -> Iterator[Slip]:
    def only(name: str, text: str, of: Callable[[np.ndarray], np.ndarray]) -> Slip:
        change = lambda s: s.truths(valid=s.problem.targets.valid & of(s.problem.targets.valid))
        return Slip(name, "assignment", text, change, rank=1)

    index = lambda v: np.broadcast_to(np.arange(v.shape[1]), v.shape)
    yield only("last-row-lost", "the last row of truths is left out",
               lambda v: index(v) < v.shape[1] - 1)  # fmt: skip
    yield only("last-truth-lost", "the last truth of each image is left out",
               lambda v: index(v) < v.sum(1, keepdims=True) - 1)  # fmt: skip
    yield only(
        "first-truth-lost", "the first truth of each image is left out", lambda v: index(v) > 0
    )
    yield only(
        "first-truth-only", "the first truth of each image alone counts", lambda v: index(v) < 1
    )


def _regions(problem: Problem) -> Iterator[Slip]:
    """What becomes of regions."""
    _, _, valid, *regions = problem.targets
    for ignore in regions:
        alone = lambda setup, own=valid & ~ignore: setup.truths(valid=own, ignore=None)
        yield Slip("regions-lost", "ignore", "regions are left out: what lies in them is pushed to 0",
                   alone, rank=0)  # fmt: skip
        yield Slip("regions-as-truths", "assignment", "regions are taken for truths",
                   lambda setup: setup.truths(ignore=None), rank=0)  # fmt: skip


# Cells.


def _turned_cells(inner: Any) -> Any:
    def cells(truths: Any, layout: Any, candidates: Any) -> Any:
        turned = truths._replace(x=truths.y, y=truths.x)
        heads = zip(layout.heads(), candidates, strict=True)
        W, H = (np.array(v)[:, None] for v in zip(
            *((lanes[0].W, lanes[0].H) for lanes, num in heads for _ in range(num)), strict=True))  # fmt: skip
        at = inner(turned, layout, candidates)  # floor(y·W), floor(x·H)
        x, y = truths.x[:, None, :] * W - at.col, truths.y[:, None, :] * H - at.row
        return at._replace(x=x, y=y)

    return cells


def _ceiled(inner: Any) -> Any:
    def cell(x: Any, size: Any) -> Any:
        x = x * size
        index = np.clip(np.ceil(x) - 1, 0, size - 1)
        return index, x - index

    return cell


# Several classes of one predictor: a label becomes a sum of powers of two.


def _bits(inner: Any) -> Any:
    def settle(layout: Any, truths: Any, rows: Any) -> Any:
        same = (rows.slot[:, :, None] == rows.slot[:, None, :]) & rows.wanted[:, None, :]
        hot = np.left_shift(1, rows.label.astype(np.int64))
        united = np.bitwise_or.reduce(np.where(same, hot[:, None, :], 0), axis=2)
        return inner(layout, truths, rows._replace(label=np.where(rows.wanted, united, hot)))

    return settle


def _multi_hot(inner: Any) -> Any:
    def hot(label: Any, c: Any) -> Any:
        value, like = getattr(label, "value", label), getattr(c, "value", c)
        bits = (value[..., None] >> np.arange(like.shape[-1])) & 1
        out = bits.astype(like.dtype)
        return type(c)(out) if hasattr(c, "value") else out

    return with_names(inner, one_hot=hot)


# v1.


def _of_v1() -> Iterator[Slip]:
    def slip(name: str, text: str, score: Any) -> Slip:
        return Slip(name, "assignment", text, lambda s: s.patched(*_scored(score)))

    yield slip("first-predictor", "the first predictor of the cell is always responsible",
               lambda ious, t, far: -np.arange(ious.shape[-1]) + 0 * ious)  # fmt: skip
    yield slip("highest-confidence", "the predictor with the highest confidence is responsible",
               lambda ious, t, far: t.to)  # fmt: skip
    yield slip("least-distance", "the predictor with the least distance of coordinates (RMSE) is "
               "responsible", lambda ious, t, far: -far)  # fmt: skip
    inside = lambda inner: lambda raw, rows, layout: inner(raw, rows, _one_cell(layout))
    yield Slip("iou-of-offsets-and-sizes", "assignment",
               "IOU takes x and y in cells with w and h in fractions of the image",
               patching(("_ious", inside)))  # fmt: skip


def _one_cell(layout: Any) -> Any:
    """The layout with a cell as large as the image."""
    return layout._replace(lanes=tuple(x._replace(W=1, H=1) for x in layout.lanes))


def _scored(score: Any) -> list[tuple[str, Wrap]]:
    """The responsible predictor by another score; its IOU stays that of its box."""
    seen: list[Any] = []

    def ious(inner: Any) -> Any:
        def of(raw: Any, rows: Any, layout: Any) -> Any:
            found = inner(raw, rows, layout)
            num, lane = len(layout.lanes), layout.lanes[0]
            at = grid.gather((raw,), (rows.row, rows.col), rows.wanted, rows.counts)
            t = grid.fields_of_boxes(at, num)
            x, y, w, h = (v[..., None] for v in (rows.x, rows.y, rows.w, rows.h))
            far = (((sigmoid(t.tx) - x) / lane.W) ** 2 + ((sigmoid(t.ty) - y) / lane.H) ** 2
                   + (sigmoid(t.tw) - w) ** 2 + (sigmoid(t.th) - h) ** 2)  # fmt: skip
            seen[:] = [score(found, t, far)]
            return found

        return of

    def best(inner: Any) -> Any:
        def choose(rows: Any, layout: Any, ious: Any) -> Any:
            lane = seen[0].argmax(axis=-1)[..., None]
            rows = inner(rows, layout, seen[0])
            return rows._replace(iou=np.take_along_axis(ious, lane, axis=-1)[..., 0])

        return choose

    return [("_ious", ious), ("matching.best_prediction", best)]


# Anchors.

Score = Callable[[Any, Any, Any, Any], Any]  # w, h of truths, of priors, pixels → (N, M, T)
SCORES: dict[str, tuple[str, Score]] = {
    "l1": ("the least |w − p_w| + |h − p_h|", lambda w, h, pw, ph: -abs(w - pw) - abs(h - ph)),
    "l2": ("the least distance of w and h", lambda w, h, pw, ph: -((w - pw) ** 2) - (h - ph) ** 2),
    "area": ("the nearest area", lambda w, h, pw, ph: -abs(w * h - pw * ph)),
    "ratio": ("the least ratio of sizes",
              lambda w, h, pw, ph: -np.maximum(np.maximum(w / pw, pw / w), np.maximum(h / ph, ph / h))),
    "worst": ("the lowest IOU", lambda w, h, pw, ph: -_shape_iou(w, h, pw, ph)),
    "exchanged": ("the highest IOU with w and h of the truth exchanged",
                  lambda w, h, pw, ph: _shape_iou(h, w, pw, ph)),
}  # fmt: skip


def _shape_iou(w: Any, h: Any, pw: Any, ph: Any) -> Any:
    inter = np.minimum(w, pw) * np.minimum(h, ph)
    return inter / (w * h + pw * ph - inter)


def _of_anchors(problem: Problem) -> Iterator[Slip]:
    stride, x = (problem.strides or (1.0,))[0], problem.raw[0]
    size = x.shape[2] * stride, x.shape[1] * stride
    own = {
        "square": ("the highest IOU with heights by the width of the input",
                   lambda w, h, pw, ph: _shape_iou(w, h * size[0] / size[1], pw, ph)),
        "cells": ("the highest IOU with truths in cells and anchors in pixels",
                  lambda w, h, pw, ph: _shape_iou(w / stride, h / stride, pw, ph)),
        "pixels": ("the highest IOU with truths in pixels and anchors in cells",
                   lambda w, h, pw, ph: _shape_iou(w * stride, h * stride, pw, ph)),
        "fractions": ("the highest IOU with truths in fractions and anchors in pixels",
                      lambda w, h, pw, ph: _shape_iou(w / size[0], h / size[1], pw, ph)),
    }  # fmt: skip
    for name, (text, score) in {**SCORES, **own}.items():
        yield Slip(f"best-anchor-by-{name}", "assignment", f"the best anchor is that of {text}",
                   patching(*_best_by(problem.version, score, size)))  # fmt: skip
    if problem.version in ("v3", "v4"):
        yield from _of_heads(problem, size)


def _best_by(version: str, score: Score, size: tuple[float, float]) -> list[tuple[str, Wrap]]:
    def scores(truths: Any, layout: Any) -> Any:
        w, h = truths.w[:, None, :] * size[0], truths.h[:, None, :] * size[1]
        p = np.array(layout.priors)[None, :, :, None] * np.array(size)[:, None]
        return score(w, h, p[:, :, 0], p[:, :, 1])

    def one(inner: Any) -> Any:
        def best(truths: Any, layout: Any, ious: Any) -> Any:
            rows = inner(truths, layout, scores(truths, layout))
            prior = np.array(layout.column("prior"))[rows.lane]
            index = np.arange(rows.lane.shape[1]) % truths.ok.shape[1]
            iou = ious[np.arange(len(ious))[:, None], prior, index[None]]
            return rows._replace(iou=iou)

        return best

    if version == "v4":
        return [
            (
                "matching.every_anchor",
                _every(lambda ious, truths, layout: _top(scores(truths, layout))),
            )
        ]
    return [("matching.best_anchor", one)]


def _top(scores: Any) -> Any:
    """(N, M, T): where the best of all anchors stands."""
    return np.arange(scores.shape[1])[None, :, None] == scores.argmax(axis=1)[:, None, :]


def _every(best: Any, above: Any = None) -> Wrap:
    """`every_anchor` with another best anchor, and others above."""

    def wrap(inner: Any) -> Any:
        def every(truths: Any, layout: Any, ious: Any, threshold: float, unite: str) -> Any:
            prior = np.array(layout.column("prior"))
            here = ious[:, prior]
            over = above(truths, layout)[:, prior] if above else here > threshold
            united = matching.ASSIGN[unite](best(ious, truths, layout)[:, prior], over)
            lane = np.broadcast_to(np.arange(len(prior))[:, None], here.shape)
            candidates = tuple(map(len, layout.heads()))
            wanted = united & truths.ok[:, None, :]
            return matching.place(truths, layout, lane.astype(truths.label.dtype), here, wanted,
                                  candidates, matching.last_of_each)  # fmt: skip

        return every

    return wrap


def _each_head(ious: Any, truths: Any, layout: Any) -> Any:
    """(N, M, T): the best anchor of each head."""
    out = np.zeros(ious.shape, bool)
    for lanes in layout.heads():
        prior = np.array([x.prior for x in lanes])
        out[:, prior] |= _top(ious[:, prior])
    return out


def _of_heads(problem: Problem, size: tuple[float, float]) -> Iterator[Slip]:
    def as_v4(best: Any, above: Any, threshold: float) -> Wrap:
        every = _every(best, above)(None)
        return lambda inner: (
            lambda truths, layout, ious: every(truths, layout, ious, threshold, "union")
        )

    best = lambda ious, truths, layout: _top(ious)

    def four(truths: Any, layout: Any) -> Any:
        w, h = truths.w[:, None, :] * size[0], truths.h[:, None, :] * size[1]
        p = np.array(layout.priors)[None, :, :, None] * np.array(size)[:, None]
        return -SCORES["ratio"][1](w, h, p[:, :, 0], p[:, :, 1]) < 4

    none = lambda ious, truths, layout: np.zeros(ious.shape, bool)
    text = "every anchor within a ratio of 4 is responsible, as in YOLOv5"
    each = "the best anchor of every head is responsible beside those above the threshold"
    if problem.version == "v4":
        yield Slip("best-of-each-head", "assignment", each,
                   patching(("matching.every_anchor", _every(_each_head))))  # fmt: skip
        yield Slip("anchors-within-ratio", "assignment", text,
                   patching(("matching.every_anchor", _every(none, four))))  # fmt: skip
        return
    yield Slip("anchors-within-ratio", "assignment", text,
               patching(("matching.best_anchor", as_v4(none, four, 0))))  # fmt: skip
    for threshold in (0.213, 0.3, 0.5):
        yield Slip(f"all-anchors-above={threshold}", "assignment",
                   f"all anchors above an IOU of {threshold} are responsible, as in v4",
                   patching(("matching.best_anchor", as_v4(best, None, threshold))))  # fmt: skip
