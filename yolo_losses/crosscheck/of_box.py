"""Box terms of another formula."""

from collections.abc import Callable, Iterator
from typing import Any

from ..boxes import Box, edges
from ..elementwise import (
    bce,
    exp,
    logit,
    minimum,
    parts,
    positive,
    ratio,
    sigmoid,
    sqrt_sigmoid,
    stop,
)
from ..iou import SIMILARITY
from . import formulas as f
from .problem import Problem
from .setup import Slip, patching
from .variant import Wrap

WIDE: tuple[str, Wrap] = ("_truth", f.wider)
Of = Callable[[Any, Any], Any]  # t, g → a number of each row


def slips(problem: Problem) -> Iterator[Slip]:
    """All of a version."""
    version = problem.version
    if version == "v4":
        yield from _of_v4(problem)
        return
    yield from _halves(version)
    yield from _whole(version)
    if version == "v1":
        yield from _of_v1()
        return
    yield from _weights(version)
    yield from _similarities(version, problem)
    yield from _of_v2(problem) if version == "v2" else _of_v3()


def _slip(name: str, text: str, *wraps: Wrap, rank: int = 1) -> Slip:
    return Slip(name, "box", text, patching(WIDE, *(("_objects", w) for w in wraps)), rank=rank)


# Squares of coordinates: v1, v2, v3.


def _smooth(d: Any) -> Any:
    a = f.absolute(d)
    inner = minimum(a, a * 0 + 1)
    return inner * (a - inner * 0.5)


def _squares(version: str, xy: float, wh: float, of: Any = f.square) -> Wrap:
    """A box term with weights of x, y and of w, h."""

    def term(t: Any, g: Any) -> Any:
        dx, dy, dw, dh = f.differences(version, t, g)
        return (of(dx) + of(dy)) * xy + (of(dw) + of(dh)) * wh

    return f.errors(version, term)


def _halves(version: str) -> Iterator[Slip]:
    cases = {"xy-half": ("x and y have ½", 0.5, 1.0), "wh-half": ("w and h have ½", 1.0, 0.5),
             "xy-alone": ("w and h are left out", 1.0, 0.0),
             "wh-alone": ("x and y are left out", 0.0, 1.0)}  # fmt: skip
    for name, (text, xy, wh) in cases.items():
        yield _slip(name, f"{text} in the box term", _squares(version, xy, wh))


def _whole(version: str) -> Iterator[Slip]:
    root = lambda t, g: f.power(sum(map(f.square, f.differences(version, t, g)), start=1e-300), 0.5)  # noqa: E731
    yield _slip("root-of-sum", "the root of the sum of squares", f.errors(version, root), rank=2)
    if version != "v3":
        xy = lambda t, g: bce(t.tx, g.x) + bce(t.ty, g.y)  # noqa: E731
        yield _slip("offsets-bce", "x and y have a cross entropy", f.mixed(version, xy=xy), rank=0)
        twice = lambda t, g: bce(sigmoid(t.tx), g.x) + bce(sigmoid(t.ty), g.y)  # noqa: E731
        yield _slip("offsets-bce-of-sigmoid", "x and y have a cross entropy that takes σ for a logit",
                    f.mixed(version, xy=twice))  # fmt: skip
        image = lambda t, g: f.square((g.x - sigmoid(t.tx)) * g.cell_w) + f.square((g.y - sigmoid(t.ty)) * g.cell_h)  # noqa: E731
        yield _slip("offsets-in-fractions-of-image", "x and y are compared in fractions of the image",
                    f.mixed(version, xy=image))  # fmt: skip
        yield _slip("offsets-as-logits", "t_x is compared with logit(x), limited to 1e-3",
                    f.mixed(version, xy=_logits))  # fmt: skip


def _logits(t: Any, g: Any) -> Any:
    return f.square(t.tx - _logit(g.x)) + f.square(t.ty - _logit(g.y))


def _logit(x: Any) -> Any:
    """Of a constant."""
    value = getattr(x, "value", x).clip(1e-3, 1 - 1e-3)
    return type(x)(logit(value)) if hasattr(x, "value") else logit(value)


def _of_v1() -> Iterator[Slip]:
    log = lambda t, g: f.square(f.log(g.sqrt_w**2) - f.log(sigmoid(t.tw))) + f.square(f.log(g.sqrt_h**2) - f.log(sigmoid(t.th)))  # noqa: E731
    yield _slip("sizes-in-log", "log w and log ŵ are compared", f.mixed("v1", wh=log), rank=0)
    truth = lambda t, g: f.square(g.sqrt_w**2 - sqrt_sigmoid(t.tw)) + f.square(g.sqrt_h**2 - sqrt_sigmoid(t.th))  # noqa: E731
    yield _slip("sqrt-of-truth-missing", "w is compared with √ŵ, not √w", f.mixed("v1", wh=truth))
    for eps in (1e-6, 1e-8, 1e-7, 1e-9, 1e-5, 1e-4, 1e-3):
        root = lambda v, e=eps: f.power(v + e, 0.5)  # noqa: E731
        pred = lambda t, g, r=root: f.square(g.sqrt_w - r(sigmoid(t.tw))) + f.square(g.sqrt_h - r(sigmoid(t.th)))  # noqa: E731
        both = lambda t, g, r=root: f.square(r(g.sqrt_w**2) - r(sigmoid(t.tw))) + f.square(r(g.sqrt_h**2) - r(sigmoid(t.th)))  # noqa: E731
        yield _slip(f"root-with-eps={eps}", f"√(ŵ + {eps})", f.mixed("v1", wh=pred))
        yield _slip(f"roots-with-eps={eps}", f"√(w + {eps}) and √(ŵ + {eps})", f.mixed("v1", wh=both))
    weight = f.box(lambda t, g, c, b: b * (2 - g.sqrt_w**2 * g.sqrt_h**2))
    yield _slip("weight-2-wh-added", "weighted by 2 − w·h, as later versions are", weight)
    whole = lambda t, g: f.square((g.x + g.col) * g.cell_w - sigmoid(t.tx)) + f.square((g.y + g.row) * g.cell_h - sigmoid(t.ty))  # noqa: E731
    yield _slip("offsets-of-image", "x of the truth is that in the image, x̂ that in the cell",
                f.mixed("v1", xy=whole))  # fmt: skip


# The weight 2 − w·h.


def _area(g: Any) -> Any:
    return g.w * g.h


def _predicted_area(t: Any, g: Any) -> Any:
    return g.pw * exp(t.tw) * g.ph * exp(t.th)


_WEIGHTS: dict[str, tuple[str, Of]] = {
    "weight-squared": ("(2 − w·h)²", lambda t, g: f.square(2 - _area(g))),
    "weight-root": ("√(2 − w·h)", lambda t, g: f.power(2 - _area(g), 0.5)),
    "weight-in-cells": ("2 − w·h in cells", lambda t, g: 2 - ratio(_area(g), g.cell_w * g.cell_h)),
    "weight-of-prediction": ("2 − ŵ·ĥ of the prediction", lambda t, g: 2 - _predicted_area(t, g)),
    "weight-of-prediction-detached": ("2 − ŵ·ĥ of the prediction, constant",
                                      lambda t, g: 2 - stop(_predicted_area(t, g))),
    "weight-1-wh": ("1 − w·h", lambda t, g: 1 - _area(g)),
    "weight-2-w-h": ("2 − w − h", lambda t, g: 2 - g.w - g.h),
    "weight-2-root-wh": ("2 − √(w·h)", lambda t, g: 2 - f.power(_area(g), 0.5)),
    "weight-wh": ("w·h", lambda t, g: _area(g)),
}  # fmt: skip


def _weights(version: str) -> Iterator[Slip]:
    def weighted(of: Of) -> Wrap:
        return f.box(lambda t, g, c, b: b * ratio(of(t, g), 2 - _area(g)))

    for name, (text, of) in _WEIGHTS.items():
        yield _slip(name, f"the weight is {text}, not 2 − w·h", weighted(of))
    yield _slip("weight-of-xy-left-out", "2 − w·h weighs w and h alone", _part_weighted(version, True))
    yield _slip("weight-of-wh-left-out", "2 − w·h weighs x and y alone", _part_weighted(version, False))


def _in_pixels(size: tuple[float, float]) -> Of:
    return lambda t, g: 2 - _area(g) * (size[0] * size[1])


def _part_weighted(version: str, bare_xy: bool) -> Wrap:
    def term(t: Any, g: Any) -> Any:
        dx, dy, dw, dh = map(f.square, f.differences(version, t, g))
        bare, full = (dx + dy, dw + dh) if bare_xy else (dw + dh, dx + dy)
        return ratio(bare, 2 - _area(g)) + full

    return f.errors(version, term)


def input_size(problem: Problem) -> tuple[float, float]:
    """Width and height of the network input."""
    x, stride = problem.raw[0], (problem.strides or (1.0,))[0]
    return x.shape[2] * stride, x.shape[1] * stride


def _similarities(version: str, problem: Problem) -> Iterator[Slip]:
    size = input_size(problem)
    weighted = f.box(lambda t, g, c, b: b * ratio(_in_pixels(size)(t, g), 2 - _area(g)))
    yield _slip("weight-in-pixels", "the weight is 2 − w·h in pixels, not in fractions", weighted)
    for kind in ("iou", "giou", "diou", "ciou"):
        def of(t: Any, g: Any, k: str = kind) -> Any:
            return 1 - SIMILARITY[k](*f.pixels(version, t, g, size))

        full = f.box(lambda t, g, c, b, of=of: f.weight(version, g, c) * of(t, g))
        bare = f.box(lambda t, g, c, b, of=of: ratio(f.weight(version, g, c), 2 - _area(g)) * of(t, g))
        yield _slip(f"similarity-{kind}", f"1 − {kind.upper()} for squares", bare)
        yield _slip(f"similarity-{kind}-weighted", f"(2 − w·h)(1 − {kind.upper()}) for squares", full)


def _of_v2(problem: Problem) -> Iterator[Slip]:
    yield _slip("sizes-in-pixels", "w and h are compared in pixels",
                sizes_in_pixels(input_size(problem)))  # fmt: skip
    ratios = lambda t, g: f.square(ratio(g.w, g.pw) - exp(t.tw)) + f.square(ratio(g.h, g.ph) - exp(t.th))  # noqa: E731
    yield _slip("sizes-over-anchors", "w/p_w is compared with e^t_w", f.mixed("v2", wh=ratios))
    logs = lambda t, g: f.square(f.log(g.w) - f.log(g.pw) - t.tw) + f.square(f.log(g.h) - f.log(g.ph) - t.th)  # noqa: E731
    half = lambda t, g: logs(t, g) * 0.5  # noqa: E731
    yield _slip("sizes-in-log-half", "½ of the squares of t_w and log(w / p_w)", f.mixed("v2", wh=half))


def sizes_in_pixels(size: tuple[float, float]) -> Wrap:
    """(w − ŵ)² in pixels, v2."""

    def of(t: Any, g: Any) -> Any:
        dw, dh = (g.w - g.pw * exp(t.tw)) * size[0], (g.h - g.ph * exp(t.th)) * size[1]
        return dw**2 + dh**2

    return f.mixed("v2", wh=of)


def _sizes_v3(of: Callable[[Any, Any, Any], Any]) -> Wrap:
    """Sizes of v3 by of(t, log of w/p_w, w)."""
    return f.mixed("v3", wh=lambda t, g: of(t.tw, g.tw, g.w) + of(t.th, g.th, g.h))


def _of_v3() -> Iterator[Slip]:
    sizes = {
        "sizes-without-log": ("t_w is compared with w/p_w", lambda t, g, w: f.square(exp(g) - t)),
        "sizes-by-log1p": ("t_w is compared with log(1 + w/p_w)",
                           lambda t, g, w: f.square(f.log(exp(g) + 1) - t)),
        "sizes-log-of-image": ("t_w is compared with log w", lambda t, g, w: f.square(f.log(w) - t)),
        "sizes-exp-against-log": ("e^t_w is compared with log(w/p_w)",
                                  lambda t, g, w: f.square(g - exp(t))),
    }  # fmt: skip
    for name, (text, of) in sizes.items():
        yield _slip(name, text, _sizes_v3(of))
    root = lambda t, g: f.square(f.power(g.w, 0.5) - f.power(g.pw * exp(t.tw), 0.5)) + f.square(f.power(g.h, 0.5) - f.power(g.ph * exp(t.th), 0.5))  # noqa: E731
    yield _slip("sizes-by-root", "square roots of w and h are compared", f.mixed("v3", wh=root))
    xy: dict[str, tuple[str, Of]] = {
        "offsets-raw": ("t_x is compared with the offset, without σ",
                        lambda t, g: f.square(t.tx - g.off_x) + f.square(t.ty - g.off_y)),
        "offsets-bce-of-sigmoid": ("x and y have a cross entropy that takes σ for a logit",
                                   lambda t, g: bce(sigmoid(t.tx), g.off_x) + bce(sigmoid(t.ty), g.off_y)),
        "offsets-in-fractions-of-image": (
            "x and y are compared in fractions of the image",
            lambda t, g: f.square((sigmoid(t.tx) - g.off_x) * g.cell_w)
            + f.square((sigmoid(t.ty) - g.off_y) * g.cell_h)),
    }  # fmt: skip
    for name, (text, of) in xy.items():
        yield _slip(name, text, f.mixed("v3", xy=of))
    half = lambda t, g: (f.square(g.tw - t.tw) + f.square(g.th - t.th)) * 0.5  # noqa: E731
    yield _slip("darknet-offsets-bce-sizes-half", "cross entropy of offsets and ½ squares of sizes, "
                "what darknet's slopes integrate to", f.mixed("v3", xy=f.offsets_bce, wh=half))  # fmt: skip
    both = f.mixed("v3", xy=f.offsets_bce, wh=f.sizes_of_image)
    yield _slip("offsets-bce-sizes-of-image", "cross entropy of offsets, w and h in fractions", both, rank=2)


# v4: similarities.


def _of_v4(problem: Problem) -> Iterator[Slip]:
    def change(name: str, text: str, of: Callable[[Any, Any, Any], Any], rank: int = 1) -> Slip:
        """of(1 − similarity, t, g), without λ."""
        term = f.box(lambda t, g, c, b: of(b * (1 / c.lambda_coord), t, g) * c.lambda_coord)
        return _slip(name, text, term, rank=rank)

    yield change("similarity-clamped-at-0", "negative similarities count as 0",
                 lambda d, t, g: minimum(d, d * 0 + 1))  # fmt: skip
    yield change("similarity-squared", "(1 − similarity)²", lambda d, t, g: d**2)
    yield change("log-similarity-of-half", "−log((1 + similarity)/2)",
                 lambda d, t, g: -f.log(1 - d * 0.5) * g.obj)  # fmt: skip
    yield change("similarity-negative", "−similarity for 1 − similarity", lambda d, t, g: d - g.obj, 0)
    yield change("weight-2-wh-added", "weighted by 2 − w·h, as v3 is", lambda d, t, g: d * (2 - g.w * g.h), 0)
    yield from _units(problem)
    yield from _ciou()
    squares = f.box(lambda t, g, c, b: c.lambda_coord * g.obj * (2 - g.w * g.h) * f.squares_of_v4(t, g))
    yield _slip("squared-coordinates", "squares of σ(t_x) and t_w, as in v3, not 1 − similarity", squares)
    yield _slip("squared-coordinates-unweighted", "squares of σ(t_x) and t_w, without 2 − w·h",
                f.box(lambda t, g, c, b: c.lambda_coord * g.obj * f.squares_of_v4(t, g)), rank=2)  # fmt: skip


def _units(problem: Problem) -> Iterator[Slip]:
    """The unit in which boxes are compared."""
    width, height = input_size(problem)

    def by(kx: Any, ky: Any) -> Wrap:
        def objects(inner: Any) -> Any:
            def of(t: Any, g: Any, c: Any) -> Any:
                return inner(t, g._replace(width=g.width * 0 + kx(g), height=g.height * 0 + ky(g)), c)

            return of

        return objects

    own = ("_pixels", lambda _: lambda x, y, w, h, g: edges(x * g.cell_w * g.width, y * g.cell_h * g.height, w * g.width, h * g.height))  # fmt: skip
    units = {
        "boxes-in-cells": ("cells of the head", lambda g: ratio(g.cell_w * 0 + 1, g.cell_w),
                           lambda g: ratio(g.cell_h * 0 + 1, g.cell_h)),
        "boxes-by-width-alone": ("fractions times the width", lambda g: width, lambda g: width),
        "boxes-by-height-alone": ("fractions times the height", lambda g: height, lambda g: height),
    }  # fmt: skip
    for name, (text, kx, ky) in units.items():
        yield Slip(name, "box", f"boxes are compared in {text}, not in pixels",
                   patching(WIDE, own, ("_objects", by(kx, ky))))  # fmt: skip


def _ciou() -> Iterator[Slip]:
    def of(name: str, text: str, *patches: tuple[str, Wrap], rank: int = 1) -> Slip:
        return Slip(name, "box", text, patching(*patches), rank=rank)

    distance = lambda k: ("iou._distance", lambda inner: lambda a, b: inner(a, b) * k)  # noqa: E731
    yield of("distance-times-4", "ρ² without the ¼ of centres from corners", distance(4.0))
    yield of("distance-over-union", "ρ² / U for ρ² / c²", ("iou._distance", _over_union))
    for name, pi, text in (("pi-3.14", 3.14, "3.14 for π"), ("one-over-pi2", 6.283185307179586, "1/π² for 4/π²")):
        yield of(name, f"v of CIOU has {text}", ("iou.math", lambda _, p=pi: f.Namespace(pi=p)))
    yield of("v-of-ratios", "v compares w/h, not atan(w/h)", ("iou.atan_ratio", lambda _: ratio))
    for name, (text, alpha, v) in f.CIOU.items():
        yield of(name, text, ("iou.ciou", f.ciou_with(alpha, v)))


def _over_union(inner: Any) -> Any:
    def distance(pred: Any, gt: Any) -> Any:
        dx2, dy2 = parts(((pred.near + pred.far - gt.near - gt.far) / 2) ** 2)
        return ratio(dx2 + dy2, inner.__globals__["_inter_union"](pred, gt)[1])

    return distance


# What is added to a divisor, and boxes taken for corners: all versions with an IOU.

EPS = (1e-7, 1e-6, 1e-9, 1e-8, 1e-16, 1e-5, 1e-4, 1.0)


def of_overlap(problem: Problem) -> Iterator[Slip]:
    """What may be wrong with every IOU."""
    version, (width, height) = problem.version, input_size(problem)
    stage = {"v1": "assignment", "v2": "obj"}.get(version, "box")

    def union(name: str, text: str, of: Callable[[Any, Any], Any], rank: int = 1) -> Slip:
        wrap = lambda inner: lambda a, b: (inner(a, b)[0], of(*inner(a, b)))  # noqa: E731
        return Slip(name, stage, text, patching(("iou._inter_union", wrap)), rank=rank)

    for eps in EPS:
        name = "eps-in-union" if eps == 1e-7 else f"eps-in-union={eps:g}"
        yield union(name, f"{eps:g} is added to the union of the IOU", lambda i, u, e=eps: u + e, 0)
        unit = width * height if version == "v4" else 1 / (width * height)
        words = "fractions of the image" if version == "v4" else "pixels"
        yield union(f"{name}-of-{words.split()[0]}", f"{eps:g} is added to the union in {words}",
                    lambda i, u, e=eps * unit: u + e)  # fmt: skip
    yield union("intersection-not-subtracted", "the union is the sum of both areas",
                lambda i, u: u + i)  # fmt: skip
    if version == "v4":
        for eps in EPS[:5]:
            yield Slip(f"eps-in-c2={eps:g}", "box", f"{eps:g} is added to c²",
                       patching(("iou._distance", _eps_in_c2(eps))), rank=0)  # fmt: skip
            yield Slip(f"eps-in-alpha={eps:g}", "box", f"α = v / (1 − IOU + v + {eps:g})",
                       patching(("iou.ciou", f.ciou_with(f.alpha_with(eps), f.v_of_angles))), rank=0)  # fmt: skip
            yield Slip(f"eps-in-ratio={eps:g}", "box", f"atan(w / (h + {eps:g}))",
                       patching(("iou.atan_ratio", lambda inner, e=eps: lambda w, h: inner(w, h + e))))  # fmt: skip
            yield Slip(f"eps-in-all={eps:g}", "box", f"{eps:g} is added to U, c² and in α",
                       patching(("iou._inter_union", lambda inner, e=eps: lambda a, b: (inner(a, b)[0], inner(a, b)[1] + e)),
                                ("iou._distance", _eps_in_c2(eps)),
                                ("iou.ciou", f.ciou_with(f.alpha_with(eps), f.v_of_angles))))  # fmt: skip
    yield Slip("plus-one-in-intersection", stage, "widths of the intersection are x2 − x1 + 1",
               patching(("iou._inter_union", _plus_one)))  # fmt: skip


def _plus_one(inner: Any) -> Any:
    names = inner.__globals__

    def inter_union(pred: Any, gt: Any) -> Any:
        both = names["_intersection"](pred, gt)
        w, h = parts(positive(both.far - both.near + 1))
        inter = w * h
        return inter, names["_area"](pred) + names["_area"](gt) - inter

    return inter_union


def _eps_in_c2(eps: float) -> Wrap:
    def wrap(inner: Any) -> Any:
        def distance(pred: Any, gt: Any) -> Any:
            dx2, dy2 = parts(((pred.near + pred.far - gt.near - gt.far) / 2) ** 2)
            names = inner.__globals__
            cw2, ch2 = parts(names["_size"](names["_enclosure"](pred, gt)) ** 2)
            return ratio(dx2 + dy2, cw2 + ch2 + eps)

        return distance

    return wrap


def as_corners(which: str) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Boxes (x y w h) of which some are taken for x1 y1 x2 y2: the prediction, the truth, both."""

    def boxes(pred: tuple[Any, ...], gt: tuple[Any, ...]) -> tuple[Any, Any]:
        a = Box(*pred) if which in ("pred", "both") else edges(*pred)
        b = Box(*gt) if which in ("gt", "both") else edges(*gt)
        return a, b

    return boxes


