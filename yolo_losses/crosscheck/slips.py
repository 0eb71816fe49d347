"""Conventions that implementations follow by mistake or by choice, each one change of a Setup."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import boxes as formats
from .. import matching
from ..boxes import edges
from ..elementwise import bce, minimum, ratio, sigmoid, softmax, softplus, stop
from ..grid import to_nchw
from . import (
    assigning,
    of_assignment,
    of_box,
    of_cls,
    of_decode,
    of_gradient,
    of_obj,
    of_overlap,
    of_reading,
)
from . import formulas as f
from .options import of_config
from .problem import TERMS, Problem
from .setup import Reading, Setup, Slip
from .variant import with_names

ALL = ("v1", "v2", "v3", "v4")


EVERYBODYS = """row-col-exchanged tx-ty-exchanged tw-th-exchanged nchw-read-as-nhwc sigmoid-missing-xy
anchors-times-stride anchors-over-stride anchors-in-fractions truths-x-y-exchanged
truths-w-h-exchanged truths-corner-form truths-as-corners sqrt-missing sizes-in-log sizes-linear
four-over-pi alpha-differentiated iou-target-not-detached double-sigmoid corner-form pixels cells
classes-as-logits weight-2-wh-left-out cross-entropy classes-bce"""
RANK = {
    **dict.fromkeys(EVERYBODYS.split(), 0),
    "tanh-offsets": 2,
    "smooth-l1": 2,
    "valid-ignored": 2,
}


def slips(problem: Problem) -> list[Slip]:
    """All that may have happened to a problem's version."""
    table = [slip for versions, slip in _TABLE if problem.version in versions]
    found = [s._replace(rank=RANK.get(s.name, s.rank)) for s in table]
    found += [*of_config(problem), *_of_version(problem)]
    for part in (of_reading, of_decode, of_assignment, of_box, of_obj, of_cls, of_gradient):
        found += part.slips(problem)
    if problem.version == "v4":
        found += of_overlap.of_v4(problem)
    if problem.version != "v3":
        found += of_overlap.of_iou(problem)
    return found


def _patch(*patches: tuple[str, Any]) -> Callable[[Setup], Setup]:
    return lambda setup: setup.patched(*patches)


# Raw outputs read otherwise, and results handed out otherwise.


def _fields_exchanged(setup: Setup, a: int, b: int) -> Setup:
    def swap(heads: Any) -> list[np.ndarray]:
        return [_swapped(x, a, b, setup.problem.boxes_per_vector) for x in heads]

    return _reading(setup, Reading(swap, swap))


def _swapped(x: np.ndarray, a: int, b: int, num_boxes: int) -> np.ndarray:
    order = list(range(x.shape[-1]))
    for k in range(num_boxes if x.ndim == 4 else 1):
        order[5 * k + a], order[5 * k + b] = order[5 * k + b], order[5 * k + a]
    return x[..., order]


def _reading(setup: Setup, reading: Reading) -> Setup:
    return Setup(**{**vars(setup), "readings": (*setup.readings, reading)})


def _nchw(setup: Setup) -> Setup:
    def there(heads: Any) -> list[np.ndarray]:
        return [np.ascontiguousarray(to_nchw(x)).reshape(x.shape) for x in heads]

    def back(grads: Any) -> list[np.ndarray]:
        return [_from_buffer(g) for g in grads]

    return _reading(setup, Reading(there, back))


def _from_buffer(g: np.ndarray) -> np.ndarray:
    """The inverse of reading an NCHW buffer as NHWC."""
    shape = to_nchw(g).shape
    flat = np.ascontiguousarray(g).reshape(shape)
    if g.ndim == 4:
        return flat.transpose(0, 2, 3, 1)
    n, h, w, a, d = g.shape
    return flat.reshape(n, a, d, h, w).transpose(0, 3, 4, 1, 2)


def _grid_transposed(setup: Setup) -> Setup:
    """H and W of the array exchanged, where the grid is square."""

    def turn(heads: Any) -> list[np.ndarray]:
        square = all(x.shape[1] == x.shape[2] for x in heads)
        return [x.swapaxes(1, 2) if square else x for x in heads]

    return _reading(setup, Reading(turn, turn))


def _handed(change: Callable[[np.ndarray, float, float], np.ndarray]) -> Callable[[Setup], Setup]:
    def apply(setup: Setup) -> Setup:
        strides = setup.problem.strides or (1.0,) * len(setup.problem.raw)

        def boxes(heads: Any) -> list[np.ndarray]:
            pairs = zip(heads, strides, strict=True)
            return [change(x, x.shape[2] * s, x.shape[1] * s) for x, s in pairs]

        return Setup(**{**vars(setup), "handed": (*setup.handed, boxes)})

    return apply


def _in_cells(setup: Setup) -> Setup:
    def boxes(heads: Any) -> list[np.ndarray]:
        return [formats.to_pixels(x, x.shape[2], x.shape[1]) for x in heads]

    return Setup(**{**vars(setup), "handed": (*setup.handed, boxes)})


def _corner_size(x: np.ndarray) -> np.ndarray:
    return np.asarray(formats.xyxy_to_xywh(formats.cxcywh_to_xyxy(x)))


# Truths read otherwise.


def _order(*order: int) -> Callable[[Setup], Setup]:
    return of_assignment.of_boxes(lambda boxes: boxes[..., list(order)])


def _clamped(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate(
        [np.clip(boxes[..., :2], 0, 1), np.clip(boxes[..., 2:], 1e-3, None)], axis=-1
    )


def _truths(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Setup], Setup]:
    return of_assignment.of_boxes(change)


def _valid(setup: Setup) -> Setup:
    return setup.truths(valid=np.ones_like(setup.problem.targets.valid))


# Anchors.


def _anchors(
    change: Callable[[float, float, float], tuple[float, float]],
) -> Callable[[Setup], Setup]:
    """change(w, h, stride) of every anchor, by the stride of the head that holds it."""

    def apply(setup: Setup) -> Setup:
        config = setup.problem.config
        masks = getattr(config, "masks", (range(len(config.anchors)),))
        strides = dict.fromkeys(range(len(config.anchors)), 1.0)
        for mask, stride in zip(masks, setup.problem.strides or (), strict=True):
            strides.update(dict.fromkeys(mask, stride))
        return setup.configured(
            anchors=tuple(change(w, h, strides[k]) for k, (w, h) in enumerate(config.anchors))
        )

    return apply


def _input(setup: Setup) -> tuple[float, float]:
    x, stride = setup.problem.raw[0], (setup.problem.strides or (1.0,))[0]
    return x.shape[2] * stride, x.shape[1] * stride


def _as_fractions(setup: Setup) -> Setup:
    width, height = _input(setup)
    return _anchors(lambda w, h, s: (w / width, h / height))(setup)


def _by_width(setup: Setup) -> Setup:
    width, height = _input(setup)
    return _anchors(lambda w, h, s: (w, h * height / width))(setup)


def _by_height(setup: Setup) -> Setup:
    width, height = _input(setup)
    return _anchors(lambda w, h, s: (w * width / height, h))(setup)


def _masks(setup: Setup) -> Setup:
    masks = setup.problem.config.masks[::-1]
    same = [len(m) for m in masks] == [len(m) for m in setup.problem.config.masks]
    return setup.configured(masks=masks) if same else setup


# Gradients handed out otherwise, and terms left out of the total.


def _without(term: str) -> Callable[[Setup], Setup]:
    return lambda setup: Setup(**{**vars(setup), "counted": {**setup.counted, term: 0.0}})


_TABLE: list[tuple[tuple[str, ...], Slip]] = [
    (ALL, Slip("row-col-exchanged", "decode", "c_x and c_y, the column and row of the cell, are exchanged", _patch(("_decode", f.exchanged_cell)))),
    (ALL, Slip("grid-transposed", "decode", "the axes H and W of the raw outputs are exchanged", _grid_transposed)),
    (ALL, Slip("tx-ty-exchanged", "decode", "t_x and t_y are exchanged", lambda s: _fields_exchanged(s, 0, 1))),
    (ALL, Slip("tw-th-exchanged", "decode", "t_w and t_h are exchanged", lambda s: _fields_exchanged(s, 2, 3))),
    (ALL, Slip("nchw-read-as-nhwc", "decode", "an NCHW buffer is read as NHWC, without a transposition", _nchw)),
    (ALL, Slip("sigmoid-missing-xy", "decode", "σ of t_x and t_y is left out", _patch(("_decode", f.no_sigmoid)))),
    (ALL, Slip("half-a-cell", "decode", "half a cell is added to the cell's corner", _patch(("_decode", f.shifted(0.5))))),
    (ALL, Slip("grid-from-one", "decode", "columns and rows are counted from 1", _patch(("_decode", f.shifted(1.0))))),
    (ALL, Slip("tanh-offsets", "decode", "offsets are tanh(t_x) for σ(t_x)", _patch(("_decode", f.tanh_offsets)))),
    (ALL, Slip("corner-form", "decode", "boxes are handed out as x1 y1 x2 y2, not x y w h", _handed(lambda x, w, h: formats.cxcywh_to_xyxy(x)))),
    (ALL, Slip("corner-and-size", "decode", "boxes are handed out as x1 y1 w h, not x y w h", _handed(lambda x, w, h: _corner_size(x)))),
    (ALL, Slip("pixels", "decode", "boxes are handed out in pixels of the network input, not in fractions", _handed(formats.to_pixels))),
    (ALL, Slip("corners-in-pixels", "decode", "boxes are handed out as x1 y1 x2 y2 in pixels", _handed(lambda x, w, h: formats.to_pixels(formats.cxcywh_to_xyxy(x), w, h)))),
    (ALL, Slip("cells", "decode", "boxes are handed out in cells, not in fractions", _in_cells)),
    (("v2", "v3", "v4"), Slip("anchors-w-h-exchanged", "decode", "width and height of the anchors are exchanged", _anchors(lambda w, h, s: (h, w)))),
    (("v2", "v3", "v4"), Slip("anchors-times-stride", "decode", "anchors are multiplied by the stride: taken for cells where they are pixels", _anchors(lambda w, h, s: (w * s, h * s)))),
    (("v2", "v3", "v4"), Slip("anchors-over-stride", "decode", "anchors are divided by the stride: cells where pixels are meant", _anchors(lambda w, h, s: (w / s, h / s)))),
    (("v2", "v3", "v4"), Slip("anchors-in-fractions", "decode", "anchors are fractions of the image where pixels are meant", _as_fractions)),
    (("v2", "v3", "v4"), Slip("sizes-by-width-alone", "decode", "anchor heights are divided by the width of the input", _by_width, "an input that is not square")),
    (("v2", "v3", "v4"), Slip("sizes-by-height-alone", "decode", "anchor widths are divided by the height of the input", _by_height, "an input that is not square")),
    (("v3", "v4"), Slip("masks-reversed", "decode", "the heads take the masks in the reverse order, fine to coarse", _masks)),
    (("v4",), Slip("scale-xy-without-shift", "decode", "s·σ(t) without − (s − 1)/2", _patch(("_decode", f.no_shift)))),
    (("v2", "v3", "v4"), Slip("yolov5-sizes", "decode", "sizes are p (2σ(t))², as YOLOv5 decodes, not p e^t", _patch(("_decode", f.squared_sizes)))),
    (("v2", "v3", "v4"), Slip("sigmoid-sizes", "decode", "sizes are p σ(t), not p e^t", _patch(("_decode", f.sigmoid_sizes)))),
    (("v3", "v4"), Slip("classes-by-softmax", "decode", "classes are a softmax with cross entropy, not independent", _patch(("grid.decode", f.probabilities(softmax)), ("_objects", f.classes(f.cross_entropy))))),
    (("v1", "v2"), Slip("classes-by-sigmoid", "decode", "classes are independent sigmoids, not a softmax", _patch(("grid.decode", f.probabilities(sigmoid)), ("_objects", f.classes(lambda c, p: (sigmoid(c) - p) ** 2))))),
    (ALL, Slip("classes-as-logits", "decode", "class logits are handed out for probabilities", _patch(("grid.decode", f.probabilities(f.same))))),
    (ALL, Slip("cell-rounded", "assignment", "the cell is round(x·W), not floor(x·W)", _patch(("matching.cell", assigning.rounded_cell)))),
    (ALL, Slip("truths-x-y-exchanged", "assignment", "x and y of the truths are exchanged", _order(1, 0, 2, 3))),
    (ALL, Slip("truths-w-h-exchanged", "assignment", "w and h of the truths are exchanged", _order(0, 1, 3, 2))),
    (ALL, Slip("truths-corner-form", "assignment", "truths x y w h are taken for corners x1 y1 x2 y2", _truths(lambda b: _clamped(formats.xyxy_to_cxcywh(b))))),
    (ALL, Slip("truths-corner-and-size", "assignment", "truths x y w h are taken for x1 y1 w h", _truths(lambda b: _clamped(formats.xyxy_to_cxcywh(formats.xywh_to_xyxy(b)))))),
    (ALL, Slip("truths-as-corners", "assignment", "truths are turned to x1 y1 x2 y2 and taken for x y w h", _truths(lambda b: _clamped(formats.cxcywh_to_xyxy(b))))),
    (ALL, Slip("valid-ignored", "assignment", "rows that only fill up count as truths", _valid)),
    (("v2", "v3", "v4"), Slip("first-keeps", "assignment", "of two truths on one predictor the first keeps it, not the last", _patch(("matching.last_of_each", lambda _: matching.first_of_each)))),
    (("v1",), Slip("last-keeps", "assignment", "of two truths in one cell the last keeps it, not the first", _patch(("matching.first_of_each", lambda _: matching.last_of_each)))),
    (("v3",), Slip("best-of-each-head", "assignment", "every head takes its own best anchor, not the one best of all heads", _patch(("matching._best_of_head", assigning.best_of_each_head)))),
    (("v4",), Slip("best-anchor-only", "assignment", "the best anchor alone is responsible, not all above the threshold", lambda s: s.configured(assign="union", assign_iou_threshold=1.0))),
    (("v4",), Slip("above-threshold-only", "assignment", "anchors above the threshold are responsible, the best one only if it is above", _patch(("matching.ASSIGN", lambda _: {"union": lambda best, above: above, "intersection": lambda best, above: above})))),
    (("v1",), Slip("all-predictors", "assignment", "all predictors of the cell are responsible", _patch(("matching.settle", assigning.whole_cells), ("_truth", assigning.every_box)))),
    (("v1",), Slip("lowest-iou", "assignment", "the predictor with the lowest IOU is responsible", _patch(("matching.best_prediction", assigning.lowest)))),
    (("v2", "v3"), Slip("weight-2-wh-left-out", "box", "the weight 2 − w·h is left out", _patch(("_objects", f.box(lambda t, g, c, b: ratio(b, 2 - g.w * g.h)))))),
    (("v1",), Slip("sqrt-missing", "box", "w and h are compared themselves, not their square roots", _patch(("_objects", lambda inner: with_names(inner, sqrt_sigmoid=sigmoid)), ("_objects", lambda inner: lambda t, g, c: inner(t, g._replace(sqrt_w=g.sqrt_w**2, sqrt_h=g.sqrt_h**2), c))))),
    (("v1",), Slip("sqrt-of-prediction-missing", "box", "√w is compared with ŵ, not √ŵ", _patch(("_objects", lambda inner: with_names(inner, sqrt_sigmoid=sigmoid))))),
    (("v2",), Slip("sizes-in-log", "box", "w and h are compared as t_w and log(w / p_w)", _patch(("_truth", f.wider), ("_objects", f.mixed("v2", wh=f.sizes_in_log))))),
    (("v2",), Slip("sizes-by-root", "box", "square roots of w and h are compared", _patch(("_truth", f.wider), ("_objects", f.mixed("v2", wh=f.sizes_by_root))))),
    (("v2",), Slip("sizes-in-cells", "box", "w and h are compared in cells, not in fractions of the image", _patch(("_truth", f.wider), ("_objects", f.mixed("v2", wh=f.sizes_in_cells))))),
    (("v3",), Slip("sizes-linear", "box", "w/p_w is compared with e^t_w, not their logarithms", _patch(("_objects", f.mixed("v3", wh=f.sizes_linear))))),
    (("v3",), Slip("sizes-of-image", "box", "w and h are compared in fractions of the image, not as logarithms", _patch(("_truth", f.wider), ("_objects", f.mixed("v3", wh=f.sizes_of_image))))),
    (("v3",), Slip("offsets-after-sigmoid", "box", "x and y are compared after the sigmoid", _patch(("_truth", f.wider), ("_objects", f.mixed("v3", xy=f.offsets_after_sigmoid))))),
    (("v3",), Slip("offsets-bce", "box", "x and y have a cross entropy of the sigmoid with the offset", _patch(("_truth", f.wider), ("_objects", f.mixed("v3", xy=f.offsets_bce))))),
    (("v4",), Slip("four-over-pi", "box", "v of CIOU has 4/π for 4/π²", _patch(("iou.math", lambda _: SimpleNamespace(pi=np.sqrt(np.pi)))))),
    (("v4",), Slip("diou-to-the-0.6", "box", "ρ²/c² is raised to the power 0.6, as darknet does", _patch(("iou.distance", lambda inner: lambda a, b: f.power(inner(a, b), 0.6))))),
    (("v4",), Slip("distance-not-squared", "box", "ρ/c for ρ²/c²", _patch(("iou.distance", lambda inner: lambda a, b: f.power(inner(a, b), 0.5))))),
    (("v4",), Slip("boxes-in-fractions", "box", "boxes are compared in fractions of the image, not in pixels", _patch(("_truth", f.wider), ("_pixels", lambda _: lambda x, y, w, h, g: edges(x * g.cell_w, y * g.cell_h, w, h)), ("_objects", lambda inner: lambda t, g, c: inner(t, g._replace(width=_one(g.width), height=_one(g.height)), c))), "an input that is not square")),
    (("v4",), Slip("log-similarity", "box", "−log of the similarity for 1 − similarity", _patch(("_objects", f.box(lambda t, g, c, b: -f.log(1 - b * (1 / c.lambda_coord)) * g.obj * c.lambda_coord))))),
    (("v1", "v2"), Slip("target-one", "obj", "the objectness target is 1, not the IOU", lambda s: s.patched(*_target_one(s)))),
    (("v2",), Slip("bce-objectness", "obj", "objectness has a cross entropy, not a squared error", _patch(("_truth", f.wider), ("_objects", f.obj(lambda t, g, c, o: c.lambda_obj * g.obj * bce(t.to, stop(f.iou_target("v2", t, g))))), ("_noobj", lambda _: lambda to, n, c: c.lambda_noobj * n * softplus(to))))),
    (("v1",), Slip("bce-objectness", "obj", "objectness has a cross entropy, not a squared error", _patch(("_objects", f.obj(lambda t, g, c, o: g.obj * bce(t.to, g.iou))), ("_noobj", lambda _: lambda to, n, c: c.lambda_noobj * n * softplus(to))))),
    (("v3", "v4"), Slip("squared-error-objectness", "obj", "objectness has a squared error, not a cross entropy", _patch(("_objects", f.obj(lambda t, g, c, o: c.lambda_obj * g.obj * (1 - sigmoid(t.to)) ** 2)), ("_noobj", lambda _: lambda to, n, c: c.lambda_obj * n * sigmoid(to) ** 2)))),
    (("v3", "v4"), Slip("focal-objectness", "obj", "objectness has a focal loss, γ = 2", _patch(("_objects", f.obj(f.focal_obj)), ("_noobj", lambda _: lambda to, n, c: c.lambda_obj * n * sigmoid(to) ** 2 * softplus(to))))),
    (ALL, Slip("noobj-of-empty-cells-only", "noobj", "predictors in a cell that holds an object are left alone", _patch(("problems.pose", assigning.empty_cells_only)))),
    (ALL, Slip("noobj-counts-responsible", "noobj", "responsible predictors are pushed to 0 as well", _patch(("problems.pose", assigning.all_noobj)))),
    (("v1", "v2"), Slip("classes-bce", "cls", "classes have a cross entropy of sigmoids, not a squared error of the softmax", _patch(("_objects", f.classes(bce))))),
    (ALL, Slip("cross-entropy", "cls", "classes have the cross entropy of a softmax", _patch(("_objects", f.classes(f.cross_entropy))))),
    (("v3", "v4"), Slip("classes-squared", "cls", "classes have a squared error, not a cross entropy", _patch(("_objects", f.classes(lambda c, p: (sigmoid(c) - p) ** 2))))),
    (("v3", "v4"), Slip("double-sigmoid", "cls", "probabilities are handed to a cross entropy that takes logits: σ twice", _patch(("_objects", f.smoothed_classes(lambda c, p, e: bce(sigmoid(c), f.softened(p, e))))))),
    (("v3", "v4"), Slip("positive-class-only", "cls", "the true class alone has a cross entropy", _patch(("_objects", f.classes(lambda c, p: p * softplus(-c)))))),
    (("v3", "v4"), Slip("focal-classes", "cls", "classes have a focal loss, γ = 2", _patch(("_objects", f.classes(lambda c, p: p * sigmoid(-c) ** 2 * softplus(-c) + (1 - p) * sigmoid(c) ** 2 * softplus(c)))))),
    (("v4",), Slip("alpha-differentiated", "gradient", "α of CIOU is differentiated, not held constant", _patch(("iou.stop", lambda _: f.same)))),
    (("v4",), Slip("v-detached", "gradient", "v of CIOU is held constant", _patch(("iou.atan_ratio", f.detached)))),
    (("v1", "v2"), Slip("iou-target-not-detached", "gradient", "the IOU target is differentiated, not held constant", lambda s: s.patched(*_moving_target(s)))),
    (("v2", "v4"), Slip("sigmoid-slope-left-out", "gradient", "the factor σ′ is left out of the slopes of t_x and t_y", _patch(("_decode", f.straight)))),
]  # fmt: skip


def _one(x: Any) -> Any:
    """1, like a number or a Dual."""
    return x * 0 + 1


def _target_one(setup: Setup) -> tuple[tuple[str, Any], ...]:
    if setup.problem.version == "v1":
        return (
            ("_objects", lambda inner: lambda t, g, c: inner(t, g._replace(iou=g.iou * 0 + 1), c)),
        )
    return (("IOU", lambda inner: lambda a, b: inner(a, b) * 0 + 1),)


def _moving_target(setup: Setup) -> tuple[tuple[str, Any], ...]:
    """The objectness of rows moves the box as well: what it adds to the slopes is no value."""
    version, size = setup.problem.version, setup.problem.raw[0].shape[1:3]

    def pull(t: Any, g: Any, c: Any, box: Any) -> Any:
        iou = f.iou_of_v1(t, g, size) if version == "v1" else f.iou_target(version, t, g)
        q = getattr(c, "lambda_obj", 1.0) * g.obj * (iou - stop(sigmoid(t.to))) ** 2
        return box + (q - stop(q))

    return (("_truth", f.wider), ("_objects", f.box(pull)))


# What depends on the version or its numbers.


def _of_version(problem: Problem) -> Iterator[Slip]:
    version = problem.version
    for term in TERMS:
        text = f"the total leaves out the term {term}"
        yield Slip(f"total-without-{term}", "total", text, _without(term))
    if version != "v4":
        errors = {
            "l1": ("absolute errors", f.absolute),
            "smooth-l1": ("|d| − ½ above 1, ½d² below (smooth L1)", _smooth),
        }
        for name, (text, of) in errors.items():
            patches = ("_truth", f.wider), ("_objects", f.by_coordinate(version, of))
            yield Slip(name, "box", f"{text} for squares of coordinates", _patch(*patches))
    if version in ("v3", "v4"):
        yield from _of_logistic(problem)


def _smooth(d: Any) -> Any:
    """½d² below 1, |d| − ½ above."""
    a = f.absolute(d)
    inner = minimum(a, a * 0 + 1)
    return inner * (a - inner * 0.5)


def _of_logistic(problem: Problem) -> Iterator[Slip]:
    version = problem.version

    def target(t: Any, g: Any, c: Any, o: Any) -> Any:
        return c.lambda_obj * g.obj * bce(t.to, stop(f.iou_target(version, t, g)))

    def pull(t: Any, g: Any, c: Any, box: Any) -> Any:
        q = c.lambda_obj * g.obj * -f.iou_target(version, t, g) * stop(t.to)
        return box + (q - stop(q))

    wide = ("_truth", f.wider)
    yield Slip("target-iou", "obj", "the objectness target is the IOU, not 1",
               _patch(wide, ("_objects", f.obj(target))))  # fmt: skip
    yield Slip("target-iou-not-detached", "obj", "the objectness target is the IOU, differentiated",
               _patch(wide, ("_objects", f.obj(target)), ("_objects", f.box(pull))))  # fmt: skip
    own = getattr(problem.config, "label_smoothing", 0.0)
    for eps in {0.01, 0.05, 0.1, own} - {0.0}:
        spread = lambda c, p, e=eps, k=problem.num_classes: bce(c, p * (1 - e) + e / k)  # noqa: E731
        name = "smoothing-over-k" if eps == own else f"smoothing-over-k-{eps}"
        yield Slip(name, "cls", f"labels are smoothed by ε/K, not ε/2, ε = {eps}",
                   _patch(("_objects", f.classes(spread))))  # fmt: skip
        if version == "v3":
            half = lambda c, p, e=eps: bce(c, f.softened(p, e))  # noqa: E731
            yield Slip(f"label_smoothing={eps}", "cls", f"labels are smoothed, ε = {eps}",
                       _patch(("_objects", f.classes(half))))  # fmt: skip
