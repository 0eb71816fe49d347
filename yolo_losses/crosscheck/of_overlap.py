"""Similarities of another formula: v4's box term, and the IOU of v1 and v2."""

# Pieces of formulas are lambdas that hold what they need as defaults.
# mypy: disable-error-code="misc, no-untyped-call"

from collections.abc import Callable, Iterator
from typing import Any

from ..boxes import Box, edges
from ..elementwise import minimum, parts, positive, ratio
from . import formulas as f
from . import similarities as like
from .of_box import WIDE, input_size, slip_of
from .problem import Problem
from .setup import Slip, patching
from .variant import Wrap

# v4: similarities.


def of_v4(problem: Problem) -> Iterator[Slip]:
    """The box term of v4."""

    def change(name: str, text: str, of: Callable[[Any, Any, Any], Any], rank: int = 1) -> Slip:
        """of(1 − similarity, t, g), without λ."""
        term = f.box(lambda t, g, c, b: of(b * (1 / c.lambda_coord), t, g) * c.lambda_coord)
        return slip_of(name, text, term, rank=rank)

    yield change("similarity-clamped-at-0", "negative similarities count as 0",
                 lambda d, t, g: minimum(d, d * 0 + 1))  # fmt: skip
    yield change("similarity-squared", "(1 − similarity)²", lambda d, t, g: d**2)
    yield change("log-similarity-of-half", "−log((1 + similarity)/2)",
                 lambda d, t, g: -f.log(1 - d * 0.5) * g.obj)  # fmt: skip
    yield change(
        "similarity-negative", "−similarity for 1 − similarity", lambda d, t, g: d - g.obj, 0
    )
    yield change(
        "weight-2-wh-added", "weighted by 2 − w·h, as v3 is", lambda d, t, g: d * (2 - g.w * g.h), 0
    )
    yield from _units(problem)
    yield from _ciou()
    squares = f.box(
        lambda t, g, c, b: c.lambda_coord * g.obj * (2 - g.w * g.h) * f.squares_of_v4(t, g)
    )
    yield slip_of(
        "squared-coordinates", "squares of σ(t_x) and t_w, as in v3, not 1 − similarity", squares
    )
    yield slip_of("squared-coordinates-unweighted", "squares of σ(t_x) and t_w, without 2 − w·h",
                f.box(lambda t, g, c, b: c.lambda_coord * g.obj * f.squares_of_v4(t, g)), rank=2)  # fmt: skip


def _units(problem: Problem) -> Iterator[Slip]:
    """The unit in which boxes are compared."""
    width, height = input_size(problem)

    def by(kx: Any, ky: Any) -> Wrap:
        def objects(inner: Any) -> Any:
            def of(t: Any, g: Any, c: Any) -> Any:
                return inner(
                    t, g._replace(width=g.width * 0 + kx(g), height=g.height * 0 + ky(g)), c
                )

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

    distance = lambda k: ("iou.distance", lambda inner: lambda a, b: inner(a, b) * k)
    yield of("distance-times-4", "ρ² without the ¼ of centres from corners", distance(4.0))
    yield of("distance-over-union", "ρ² / U for ρ² / c²", ("iou.distance", _over_union))
    for name, pi, text in (
        ("pi-3.14", 3.14, "3.14 for π"),
        ("one-over-pi2", 6.283185307179586, "1/π² for 4/π²"),
    ):
        yield of(name, f"v of CIOU has {text}", ("iou.math", lambda _, p=pi: like.Namespace(pi=p)))
    yield of("v-of-ratios", "v compares w/h, not atan(w/h)", ("iou.atan_ratio", lambda _: ratio))
    for name, (text, alpha, v) in like.CIOU.items():
        yield of(name, text, ("iou.ciou", like.ciou_with(alpha, v)))


def _over_union(inner: Any) -> Any:
    def distance(pred: Any, gt: Any) -> Any:
        dx2, dy2 = parts(((pred.near + pred.far - gt.near - gt.far) / 2) ** 2)
        return ratio(dx2 + dy2, inner.__globals__["_inter_union"](pred, gt)[1])

    return distance


# What is added to a divisor, and boxes taken for corners: all versions with an IOU.

EPS = (1e-7, 1e-6, 1e-9, 1e-8, 1e-16, 1e-5, 1e-4, 1.0)


def of_iou(problem: Problem) -> Iterator[Slip]:
    """What may be wrong with every IOU."""
    version, (width, height) = problem.version, input_size(problem)
    stage = {"v1": "assignment", "v2": "obj"}.get(version, "box")

    def union(name: str, text: str, of: Callable[[Any, Any], Any], rank: int = 1) -> Slip:
        wrap = lambda inner: lambda a, b: (inner(a, b)[0], of(*inner(a, b)))
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
        yield from _eps_in_ciou()
    yield Slip("plus-one-in-intersection", stage, "widths of the intersection are x2 − x1 + 1",
               patching(("iou._inter_union", _plus_one)))  # fmt: skip


def _eps_in_ciou() -> Iterator[Slip]:
    for eps in EPS[:5]:
        yield Slip(f"eps-in-c2={eps:g}", "box", f"{eps:g} is added to c²",
                   patching(("iou.distance", _eps_in_c2(eps))), rank=0)  # fmt: skip
        yield Slip(f"eps-in-alpha={eps:g}", "box", f"α = v / (1 − IOU + v + {eps:g})",
                   patching(("iou.ciou", like.ciou_with(like.alpha_with(eps), like.v_of_angles))), rank=0)  # fmt: skip
        yield Slip(f"eps-in-ratio={eps:g}", "box", f"atan(w / (h + {eps:g}))",
                   patching(("iou.atan_ratio", lambda inner, e=eps: lambda w, h: inner(w, h + e))))  # fmt: skip
        yield Slip(f"eps-in-all={eps:g}", "box", f"{eps:g} is added to U, c² and in α",
                   patching(("iou._inter_union", lambda inner, e=eps: lambda a, b: (inner(a, b)[0], inner(a, b)[1] + e)),
                            ("iou.distance", _eps_in_c2(eps)),
                            ("iou.ciou", like.ciou_with(like.alpha_with(eps), like.v_of_angles))))  # fmt: skip


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
