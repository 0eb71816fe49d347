"""Objectness of another formula, and other ignore rules."""

# Pieces of formulas are lambdas that hold what they need as defaults.
# mypy: disable-error-code="misc, no-untyped-call"

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import grid
from ..boxes import Box, edges
from ..elementwise import bce, sigmoid, softplus, stop
from ..iou import SIMILARITY
from . import formulas as f
from .of_box import input_size
from .of_overlap import as_corners
from .problem import Problem
from .setup import Setup, Slip, patching
from .variant import Wrap, with_names

WIDE: tuple[str, Wrap] = ("_truth", f.wider)
TWICE: tuple[str, Wrap] = ("grid.sigmoid", lambda inner: lambda t: inner(inner(t)))
BARE: tuple[str, Wrap] = ("grid.sigmoid", lambda inner: lambda t: t)


def slips(problem: Problem) -> Iterator[Slip]:
    """All of a version."""
    yield from _activation(problem.version)
    yield from (_of_squares if problem.version in ("v1", "v2") else _of_logistic)(problem)
    if problem.version in ("v3", "v4"):
        yield from _ignoring(problem)
    if problem.version != "v3":
        yield from _corners(problem)


# The activation.


def _activation(version: str) -> Iterator[Slip]:
    after = (
        ("_objects", lambda inner: lambda t, g, c: _with_obj(inner(t, g, c), inner(t._replace(to=sigmoid(t.to)), g, c))),
        ("_noobj", lambda inner: lambda to, n, c: inner(sigmoid(to), n, c)),
    )  # fmt: skip
    text = "σ is taken twice of t_o"
    yield Slip("sigmoid-twice-objectness", "decode", text, patching(*after, TWICE), rank=0)
    yield Slip("sigmoid-twice-objectness-in-loss", "obj", f"{text}, in the loss alone: probabilities "
               "are handed to what takes logits", patching(*after), rank=0)  # fmt: skip
    bare = patching(BARE)
    yield Slip("objectness-as-logits", "decode", "t_o is handed out for the objectness", bare)
    if version in ("v1", "v2"):
        wide = () if version == "v1" else (WIDE,)
        lost = (
            ("_objects", f.obj(lambda t, g, c, o: _lambda(c) * g.obj * (_target(version, t, g) - t.to) ** 2)),
            ("_noobj", lambda _: lambda to, n, c: c.lambda_noobj * n * to**2),
        )  # fmt: skip
        text = "σ of t_o is left out"
        yield Slip(
            "sigmoid-missing-objectness", "decode", text, patching(*wide, *lost, BARE), rank=0
        )
        yield Slip("sigmoid-missing-objectness-in-loss", "obj", f"{text}, in the loss alone",
                   patching(*wide, *lost))  # fmt: skip


def _with_obj(own: Any, other: Any) -> Any:
    return own[0], other[1], own[2]


def _lambda(config: Any) -> float:
    return float(getattr(config, "lambda_obj", 1.0))


def _target(version: str, t: Any, g: Any) -> Any:
    """The IOU target, constant."""
    return g.iou if version == "v1" else stop(f.iou_target(version, t, g))


# Targets of v1 and v2.


def _of_squares(problem: Problem) -> Iterator[Slip]:
    version = problem.version
    wide = () if version == "v1" else (WIDE,)

    def slip(name: str, text: str, of: Callable[[Any], Any]) -> Slip:
        term = f.obj(
            lambda t, g, c, o: (
                _lambda(c) * g.obj * (of(_target(version, t, g)) - sigmoid(t.to)) ** 2
            )
        )
        return Slip(
            name, "obj", f"the objectness target is {text}", patching(*wide, ("_objects", term))
        )

    yield slip("target-iou-squared", "the square of the IOU", lambda v: v**2)
    yield slip("target-iou-square-root", "the root of the IOU", lambda v: f.power(v + 1e-300, 0.5))
    yield slip("target-half-and-half-iou", "½ + ½ IOU", lambda v: v * 0.5 + 0.5)
    yield slip("target-0.9", "0.9", lambda v: v * 0 + 0.9)
    yield from _of_similarities(problem)


def _of_similarities(problem: Problem) -> Iterator[Slip]:
    if problem.version == "v2":
        size = input_size(problem)
        for kind in ("giou", "diou", "ciou"):
            of = lambda t, g, k=kind: f.above_0(stop(SIMILARITY[k](*f.pixels("v2", t, g, size))))
            term = f.obj(
                lambda t, g, c, o, of=of: _lambda(c) * g.obj * (of(t, g) - sigmoid(t.to)) ** 2
            )
            yield Slip(f"target-{kind}", "obj", f"the objectness target is the {kind.upper()}, at least 0",
                       patching(WIDE, ("_objects", term)))  # fmt: skip
    else:
        ious = lambda inner: with_names(inner, IOU=lambda a, b: f.above_0(SIMILARITY["giou"](a, b)))
        yield Slip("target-giou", "assignment", "the IOU of predictions is the GIOU, at least 0",
                   patching(("_ious", ious)))  # fmt: skip


# Targets and weights of v3 and v4.


def _of_logistic(problem: Problem) -> Iterator[Slip]:
    version, size = problem.version, input_size(problem)

    def slip(name: str, text: str, goal: Callable[[Any, Any], Any], rank: int = 1) -> Slip:
        term = f.obj(lambda t, g, c, o: c.lambda_obj * g.obj * bce(t.to, goal(t, g)))
        return Slip(
            name,
            "obj",
            f"the objectness target is {text}",
            patching(WIDE, ("_objects", term)),
            rank=rank,
        )

    for kind in ("giou", "diou", "ciou"):
        yield slip(f"target-{kind}", f"the {kind.upper()}, at least 0, constant",
                   lambda t, g, k=kind: f.above_0(stop(SIMILARITY[k](*f.pixels(version, t, g, size)))))  # fmt: skip
    yield slip("target-iou-squared", "the square of the IOU",
               lambda t, g: stop(f.iou_target(version, t, g)) ** 2)  # fmt: skip
    yield slip("target-half-and-half-iou", "½ + ½ IOU",
               lambda t, g: stop(f.iou_target(version, t, g)) * 0.5 + 0.5)  # fmt: skip
    for goal in (0.95, 0.9, 0.99):
        yield slip(f"target-smoothed-{goal}", f"{goal}, not 1", lambda t, g, v=goal: g.obj * v)
    yield from _background()
    yield from _focal()


def _background() -> Iterator[Slip]:
    """Targets of no object that are not 0."""
    for low in (0.05, 0.1, 0.01):
        term = ("_noobj", lambda _, v=low: lambda to, n, c: c.lambda_obj * n * bce(to, stop(n * v)))
        yield Slip(f"background-smoothed-{low}", "noobj", f"the objectness target of no object is {low}",
                   patching(term))  # fmt: skip
        both = f.obj(lambda t, g, c, o, v=low: c.lambda_obj * g.obj * bce(t.to, g.obj * (1 - v)))
        yield Slip(f"objectness-smoothed-{low}", "obj", f"objectness targets are {1 - low} and {low}",
                   patching(("_objects", both), term))  # fmt: skip


def _focal() -> Iterator[Slip]:
    """(1 − p)^γ with α for objects and 1 − α for none."""
    for gamma in (2.0, 1.5, 1.0):
        for alpha in (None, 0.25, 0.75):
            if gamma == 2 and alpha is None:
                continue  # focal-objectness
            a, b = (1.0, 1.0) if alpha is None else (alpha, 1 - alpha)
            obj = f.obj(
                lambda t, g, c, o, k=gamma, a=a: (
                    c.lambda_obj * g.obj * a * f.power(sigmoid(-t.to), k) * softplus(-t.to)
                )
            )
            noobj = lambda _, k=gamma, b=b: (
                lambda to, n, c: c.lambda_obj * n * b * f.power(sigmoid(to), k) * softplus(to)
            )
            words = f", α = {alpha}" if alpha else ""
            yield Slip(f"focal-objectness-{gamma:g}{f'-alpha-{alpha}' if alpha else ''}", "obj",
                       f"objectness has a focal loss, γ = {gamma:g}{words}",
                       patching(("_objects", obj), ("_noobj", noobj)))  # fmt: skip


# Ignore rules.

Boxes = tuple[np.ndarray, ...]  # x y w h


def _ignoring(problem: Problem) -> Iterator[Slip]:
    config = problem.config
    yield Slip("ignored-positives", "ignore", "responsible predictors that the rule ignores have no objectness "
               "loss", _positives)  # fmt: skip
    yield Slip("ignore-not-responsible-alone", "obj", "responsible predictors are ignored by the rule in the loss "
               "alone", _positives_in_loss, rank=2)  # fmt: skip
    if config.ignore_by in ("prior", "prediction"):
        yield from _overlaps(config, input_size(problem))


def _overlaps(config: Any, size: tuple[float, float]) -> Iterator[Slip]:
    """Other comparisons of the ignore rule."""

    def rule(name: str, text: str, hit: Any, rank: int = 2) -> Slip:
        table = lambda inner: {**inner, config.ignore_by: _rule(config.ignore_by, hit)}
        return Slip(name, "ignore", text, patching(("ignoring.IGNORE", table)), rank=rank)

    plain = lambda a, b: _iou(edges(*a), edges(*b))
    yield rule("ignore-by-giou", "the ignore rule compares the GIOU",
               lambda a, b, k, t: SIMILARITY["giou"](_px(edges(*a), size), _px(edges(*b), size)) > t)  # fmt: skip
    yield rule("ignore-below", "the ignore rule ignores what is below the threshold, for any truth",
               lambda a, b, k, t: plain(a, b) < t)  # fmt: skip
    yield rule("ignore-by-first-truth", "the first truth alone is held against by the ignore rule",
               lambda a, b, k, t: (plain(a, b) > t) & (k == 0))  # fmt: skip
    if config.ignore_by == "prior":
        corner = lambda a, b, k, t: (
            _iou(edges(a[0] - 0.5 * _cell(a[0]), a[1] - 0.5 * _cell(a[1]), *a[2:]), edges(*b)) > t
        )
        yield rule(
            "ignore-priors-at-corners",
            "priors stand on the corner of their cell, not in its middle",
            corner,
        )


def _cell(v: np.ndarray) -> np.ndarray:
    """The distance of the centres of neighbouring cells from the planes of centres: twice the least."""
    return np.asarray(2 * v.min())


def _px(box: Box, size: tuple[float, float]) -> Box:
    return Box(box.x1 * size[0], box.y1 * size[1], box.x2 * size[0], box.y2 * size[1])


def _iou(a: Box, b: Box) -> Any:
    a, b = (Box(*np.broadcast_arrays(*v)) for v in (a, b))
    across = np.maximum(np.minimum(a.x2, b.x2) - np.maximum(a.x1, b.x1), 0)
    along = np.maximum(np.minimum(a.y2, b.y2) - np.maximum(a.y1, b.y1), 0)
    areas = [np.maximum(v.x2 - v.x1, 0) * np.maximum(v.y2 - v.y1, 0) for v in (a, b)]
    union = areas[0] + areas[1] - across * along
    return np.where(union > 0, across * along / np.where(union > 0, union, 1), 0)


def _rule(by: str, hit: Callable[[Boxes, Boxes, int, float], Any]) -> Any:
    """An ignore rule that holds every box of every head against every truth."""

    def ignored(scene: Any, threshold: float) -> Any:
        out, truths = [], scene.truths
        for lanes, box in zip(scene.layout.heads(), _planes(scene, by), strict=True):
            hits = np.zeros((len(truths.ok), len(lanes), lanes[0].H, lanes[0].W), bool)
            for k in range(truths.ok.shape[1]):
                gt = tuple(v[:, k, None, None, None] for v in truths[:4])
                hits |= hit(box, gt, k, threshold) & truths.ok[:, k, None, None, None]
            out.append(hits.reshape(len(hits), -1))
        return np.concatenate(out, axis=1)

    return ignored


def _planes(scene: Any, by: str) -> Iterator[Boxes]:
    if by == "prediction":
        yield from grid.predicted(scene.raw, scene.layout, scene.decode)
        return
    for lanes in scene.layout.heads():
        pw, ph = grid.prior_sizes(lanes, scene.truths.x)
        x = (np.arange(lanes[0].W) + 0.5) / lanes[0].W
        y = (np.arange(lanes[0].H)[:, None] + 0.5) / lanes[0].H
        shape = np.broadcast_shapes(pw.shape, y.shape, x.shape)
        yield tuple(np.broadcast_to(v, shape)[None] for v in (x, y, pw, ph))


def _positives(setup: Setup) -> Setup:
    """ignored keeps what truths hold; their objectness is 0."""

    def ignore(inner: Any) -> Any:
        def of(found: Any, *args: Any) -> Any:
            free = found._replace(occupied=np.zeros_like(found.occupied))
            return inner(free, *args)._replace(occupied=found.occupied)

        return of

    return setup.patched(("ignoring.ignore", ignore), WIDE, ("_objects", f.obj(_not_ignored)))


def _positives_in_loss(setup: Setup) -> Setup:
    """The same, where the masks that are handed out say otherwise."""
    hidden = lambda inner: lambda a: inner(a._replace(ignored=a.ignored & ~a.occupied))
    return _positives(setup).patched(("matching.matches", hidden))


def _not_ignored(t: Any, g: Any, c: Any, o: Any) -> Any:
    return o * (1 - g.ignored)


# Boxes taken for corners inside the IOU.


def _corners(problem: Problem) -> Iterator[Slip]:
    words = {"pred": "the prediction", "gt": "the truth", "both": "both boxes"}
    for which, text in words.items():
        stage = "assignment" if problem.version == "v1" else "ignore"
        stage = "obj" if problem.version == "v2" else stage
        yield Slip(f"iou-of-{which}-as-corners", stage,
                   f"x y w h of {text} are taken for corners inside the IOU",
                   _as_corners(problem, which), rank=0)  # fmt: skip


def _as_corners(problem: Problem, which: str) -> Callable[[Setup], Setup]:
    boxes, version = as_corners(which), problem.version
    if version == "v1":
        return patching(("_ious", _ious_of(boxes)))
    if version == "v2":
        of = lambda t, g: stop(SIMILARITY["iou"](*boxes(*f.places("v2", t, g, (1.0, 1.0)))))
        term = f.obj(lambda t, g, c, o: _lambda(c) * g.obj * (of(t, g) - sigmoid(t.to)) ** 2)
        return patching(WIDE, ("_objects", term))
    size, by = input_size(problem), problem.config.ignore_by

    def box(t: Any, g: Any, c: Any, _: Any) -> Any:
        pred, gt = boxes(*f.places("v4", t, g, size))
        return c.lambda_coord * g.obj * (1 - SIMILARITY[c.similarity](pred, gt))

    def hit(a: Boxes, b: Boxes, k: int, threshold: float) -> Any:
        return _iou(*boxes(a, b)) > threshold

    table = lambda inner: {**inner, by: _rule(by, hit)} if by in ("prior", "prediction") else inner
    return patching(("ignoring.IGNORE", table), WIDE, ("_objects", f.box(box)))


def _ious_of(boxes: Any) -> Wrap:
    """`_ious` of v1 with boxes in their places in the image."""

    def wrap(inner: Any) -> Any:
        def ious(raw: Any, rows: Any, layout: Any) -> Any:
            lane, num = layout.lanes[0], len(layout.lanes)
            at = grid.gather((raw,), (rows.row, rows.col), rows.wanted, rows.counts)
            t = grid.fields_of_boxes(at, num)
            x, y, w, h, col, row = (
                v[..., None] for v in (rows.x, rows.y, rows.w, rows.h, rows.col, rows.row)
            )
            pred = (
                (sigmoid(t.tx) + col) / lane.W,
                (sigmoid(t.ty) + row) / lane.H,
                sigmoid(t.tw),
                sigmoid(t.th),
            )
            gt = ((x + col) / lane.W, (y + row) / lane.H, w, h)
            a, b = boxes(pred, gt)
            return SIMILARITY["iou"](a, Box(*(np.broadcast_to(v, a.x1.shape) for v in b)))

        return ious

    return wrap
