"""Box terms of another formula."""

# Pieces of formulas are lambdas that hold what they need as defaults.
# mypy: disable-error-code="misc, no-untyped-call"

from collections.abc import Callable, Iterator
from typing import Any

from ..elementwise import (
    bce,
    exp,
    logit,
    minimum,
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
        return
    yield from _halves(version)
    yield from _whole(version)
    if version == "v1":
        yield from _of_v1()
        yield from _other_v1()
        return
    yield from _weights(version)
    yield from _similarities(version, problem)
    yield from _of_v2(problem) if version == "v2" else _of_v3()


def slip_of(name: str, text: str, *wraps: Wrap, rank: int = 1) -> Slip:
    """A slip of the box term."""
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
        yield slip_of(name, f"{text} in the box term", _squares(version, xy, wh))


def _whole(version: str) -> Iterator[Slip]:
    root = lambda t, g: f.power(sum(map(f.square, f.differences(version, t, g)), start=1e-300), 0.5)
    yield slip_of("root-of-sum", "the root of the sum of squares", f.errors(version, root), rank=2)
    if version != "v3":
        xy = lambda t, g: bce(t.tx, g.x) + bce(t.ty, g.y)
        yield slip_of(
            "offsets-bce", "x and y have a cross entropy", f.mixed(version, xy=xy), rank=0
        )
        twice = lambda t, g: bce(sigmoid(t.tx), g.x) + bce(sigmoid(t.ty), g.y)
        yield slip_of("offsets-bce-of-sigmoid", "x and y have a cross entropy that takes σ for a logit",
                    f.mixed(version, xy=twice))  # fmt: skip
        image = lambda t, g: (
            f.square((g.x - sigmoid(t.tx)) * g.cell_w) + f.square((g.y - sigmoid(t.ty)) * g.cell_h)
        )
        yield slip_of("offsets-in-fractions-of-image", "x and y are compared in fractions of the image",
                    f.mixed(version, xy=image))  # fmt: skip
        yield slip_of("offsets-as-logits", "t_x is compared with logit(x), limited to 1e-3",
                    f.mixed(version, xy=_logits))  # fmt: skip


def _logits(t: Any, g: Any) -> Any:
    return f.square(t.tx - _logit(g.x)) + f.square(t.ty - _logit(g.y))


def _logit(x: Any) -> Any:
    """Of a constant."""
    value = getattr(x, "value", x).clip(1e-3, 1 - 1e-3)
    return type(x)(logit(value)) if hasattr(x, "value") else logit(value)


def _of_v1() -> Iterator[Slip]:
    log = lambda t, g: (
        f.square(f.log(g.sqrt_w**2) - f.log(sigmoid(t.tw)))
        + f.square(f.log(g.sqrt_h**2) - f.log(sigmoid(t.th)))
    )
    yield slip_of("sizes-in-log", "log w and log ŵ are compared", f.mixed("v1", wh=log), rank=0)
    truth = lambda t, g: (
        f.square(g.sqrt_w**2 - sqrt_sigmoid(t.tw)) + f.square(g.sqrt_h**2 - sqrt_sigmoid(t.th))
    )
    yield slip_of("sqrt-of-truth-missing", "w is compared with √ŵ, not √w", f.mixed("v1", wh=truth))
    for eps in (1e-6, 1e-8, 1e-7, 1e-9, 1e-5, 1e-4, 1e-3):
        root = lambda v, e=eps: f.power(v + e, 0.5)
        pred = lambda t, g, r=root: (
            f.square(g.sqrt_w - r(sigmoid(t.tw))) + f.square(g.sqrt_h - r(sigmoid(t.th)))
        )
        both = lambda t, g, r=root: (
            f.square(r(g.sqrt_w**2) - r(sigmoid(t.tw)))
            + f.square(r(g.sqrt_h**2) - r(sigmoid(t.th)))
        )
        yield slip_of(f"root-with-eps={eps}", f"√(ŵ + {eps})", f.mixed("v1", wh=pred))
        yield slip_of(
            f"roots-with-eps={eps}", f"√(w + {eps}) and √(ŵ + {eps})", f.mixed("v1", wh=both)
        )


def _other_v1() -> Iterator[Slip]:
    weight = f.box(lambda t, g, c, b: b * (2 - g.sqrt_w**2 * g.sqrt_h**2))
    yield slip_of("weight-2-wh-added", "weighted by 2 − w·h, as later versions are", weight)
    whole = lambda t, g: (
        f.square((g.x + g.col) * g.cell_w - sigmoid(t.tx))
        + f.square((g.y + g.row) * g.cell_h - sigmoid(t.ty))
    )
    yield slip_of("offsets-of-image", "x of the truth is that in the image, x̂ that in the cell",
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
        yield slip_of(name, f"the weight is {text}, not 2 − w·h", weighted(of))
    yield slip_of(
        "weight-of-xy-left-out", "2 − w·h weighs w and h alone", _part_weighted(version, True)
    )
    yield slip_of(
        "weight-of-wh-left-out", "2 − w·h weighs x and y alone", _part_weighted(version, False)
    )


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
    yield slip_of("weight-in-pixels", "the weight is 2 − w·h in pixels, not in fractions", weighted)
    for kind in ("iou", "giou", "diou", "ciou"):

        def of(t: Any, g: Any, k: str = kind) -> Any:
            return 1 - SIMILARITY[k](*f.pixels(version, t, g, size))

        full = f.box(lambda t, g, c, b, of=of: f.weight(version, g, c) * of(t, g))
        bare = f.box(
            lambda t, g, c, b, of=of: ratio(f.weight(version, g, c), 2 - _area(g)) * of(t, g)
        )
        yield slip_of(f"similarity-{kind}", f"1 − {kind.upper()} for squares", bare)
        yield slip_of(
            f"similarity-{kind}-weighted", f"(2 − w·h)(1 − {kind.upper()}) for squares", full
        )


def _of_v2(problem: Problem) -> Iterator[Slip]:
    yield slip_of("sizes-in-pixels", "w and h are compared in pixels",
                sizes_in_pixels(input_size(problem)))  # fmt: skip
    ratios = lambda t, g: (
        f.square(ratio(g.w, g.pw) - exp(t.tw)) + f.square(ratio(g.h, g.ph) - exp(t.th))
    )
    yield slip_of("sizes-over-anchors", "w/p_w is compared with e^t_w", f.mixed("v2", wh=ratios))
    logs = lambda t, g: (
        f.square(f.log(g.w) - f.log(g.pw) - t.tw) + f.square(f.log(g.h) - f.log(g.ph) - t.th)
    )
    half = lambda t, g: logs(t, g) * 0.5
    yield slip_of(
        "sizes-in-log-half", "½ of the squares of t_w and log(w / p_w)", f.mixed("v2", wh=half)
    )


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
        yield slip_of(name, text, _sizes_v3(of))
    root = lambda t, g: (
        f.square(f.power(g.w, 0.5) - f.power(g.pw * exp(t.tw), 0.5))
        + f.square(f.power(g.h, 0.5) - f.power(g.ph * exp(t.th), 0.5))
    )
    yield slip_of("sizes-by-root", "square roots of w and h are compared", f.mixed("v3", wh=root))
    yield from _offsets_v3()


def _offsets_v3() -> Iterator[Slip]:
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
    for name, (text, offset) in xy.items():
        yield slip_of(name, text, f.mixed("v3", xy=offset))
    half = lambda t, g: (f.square(g.tw - t.tw) + f.square(g.th - t.th)) * 0.5
    yield slip_of("darknet-offsets-bce-sizes-half", "cross entropy of offsets and ½ squares of sizes, "
                "what darknet's slopes integrate to", f.mixed("v3", xy=f.offsets_bce, wh=half))  # fmt: skip
    both = f.mixed("v3", xy=f.offsets_bce, wh=f.sizes_of_image)
    yield slip_of(
        "offsets-bce-sizes-of-image", "cross entropy of offsets, w and h in fractions", both, rank=2
    )
