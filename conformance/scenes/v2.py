"""What is asked of YOLOv2."""

from conformance.scenes.base import GOOD, PLAIN, ask, batch, hidden, places, small, wide
from conformance.scenes.scene import Ask

V = "v2"
MOVED = {(0, 0, 0, 1, 0): (1.0, -0.5, 0.25, -0.75, 0.5, 0.5, -1.5)}
TALL_AND_WIDE = {"anchors": [[16.0, 32.0], [32.0, 16.0]]}


def decode() -> list[Ask]:
    """Boxes, objectness and classes."""
    return [
        ask("zeros", "a cell's corner for its middle; anchors in cells or pixels for fractions",
            "plain units", small(V)),
        ask("each-field", "fields in another order, t_w for t_h", "layout axes", small(V, at=MOVED)),
        ask("oblong-grid", "p_w divided by the height of the input, c_x by the rows", "axes units",
            wide(V, at={(0, 0, 1, 2, 0): (1.0, -1.0, 0.5, -0.5, 0.25)})),
        ask("anchors-of-a-cell", "one anchor's fields for another's", "layout",
            wide(V, at={(0, 0, 0, 0, a): (a / 2, -a / 2, a / 4, -a / 4, 1.0 - a) for a in range(3)})),
        ask("clip", "e^25 not limited to e^20, e^−25 to e^−20", "clip saturated",
            small(V, at={(0, 0, 0, 0, 0): (0.0, 0.0, 25.0, -25.0), (0, 0, 0, 1, 0): (0.0, 0.0, -200.0, 19.0)})),
        ask("saturated", "e^−t overflows, or σ is cut to [ε, 1 − ε]", "saturated",
            small(V, at={(0, 0, 1, 1, 0): (40.0, -40.0, 0.0, 0.0, -90.0)})),
        ask("classes", "independent sigmoids for a softmax", "classes", small(V, at=MOVED, classes=3)),
        ask("large-classes", "a softmax without its largest logit taken off: e^1000", "saturated classes",
            small(V, at={(0, 0, 0, 0, 0): (0.0, 0.0, 0.0, 0.0, 0.0, 1000.0, 998.0)})),
        ask("batch", "anything that ordinary numbers show", "random", batch(V, 41, images=2)),
    ]  # fmt: skip


def assign() -> list[Ask]:
    """Cells and anchors."""
    far = {(0, 0, 0, 1, 0): (4.0, 4.0, -3.0, -3.0), (0, 0, 0, 1, 1): (0.0, 0.0, 0.0, 0.0)}
    return [
        *places(V),
        ask("best-shape", "w and h of anchors exchanged: the truth is tall", "axes assignment",
            small(V, (0.625, 0.3125, 0.25, 0.4375, 1), **TALL_AND_WIDE)),
        ask("best-shape-wide", "the first anchor always", "assignment", small(V, GOOD, **TALL_AND_WIDE)),
        ask("not-the-prediction", "the anchor whose prediction has the highest IOU, as in v1",
            "assignment target", small(V, (0.75, 0.25, 0.25, 0.4375, 1), at=far, **TALL_AND_WIDE)),
        ask("shape-not-place", "IOU with the anchor on its cell, so that a place counts", "assignment",
            small(V, (0.5078125, 0.25, 0.75, 0.0625, 1), anchors=[[4.0, 8.0], [48.0, 16.0]])),
        ask("every-anchor", "anchors above a threshold, as in v4", "assignment",
            small(V, (0.625, 0.3125, 0.375, 0.375, 1), anchors=[[32.0, 24.0], [24.0, 28.0], [24.0, 20.0]])),
        ask("tie", "the last of equal anchors", "tie assignment",
            small(V, (0.625, 0.3125, 0.25, 0.25, 1), **TALL_AND_WIDE), firm=False),
        ask("collision", "the first truth keeps the predictor; it is the last", "collision assignment",
            small(V, GOOD, PLAIN)),
        ask("collision-of-three", "all three hold it, or each pushes one out", "collision assignment",
            small(V, GOOD, PLAIN, (0.53125, 0.46875, 0.5, 0.375, 0))),
        ask("two-anchors-of-a-cell", "one object a cell, as in v1", "collision assignment",
            small(V, GOOD, (0.75, 0.25, 0.25, 0.4375, 0), **TALL_AND_WIDE)),
        ask("no-collision", "the same cell of another image", "collision layout", batch(V, 42, images=2)),
    ]  # fmt: skip


def box() -> list[Ask]:
    """λ_coord Σ 1obj (2 − w h) [(x − x̂)² + (y − ŷ)² + (w − ŵ)² + (h − ĥ)²]."""
    return [
        ask("x-alone", "x counted in image units, not in cells", "plain units",
            small(V, (0.875, 0.25, 0.5, 0.25, 0))),
        ask("y-alone", "y and x exchanged", "axes", small(V, (0.75, 0.375, 0.5, 0.25, 0))),
        ask("w-alone", "w counted in cells; √w; log(w/p_w)", "target units", small(V, (0.75, 0.25, 0.25, 0.25, 0))),
        ask("h-alone", "w and h exchanged", "target axes", small(V, (0.75, 0.25, 0.5, 0.0625, 0))),
        ask("met", "a loss where the prediction meets the truth", "target", small(V, (0.75, 0.25, 0.5, 0.25, 0))),
        ask("large-truth", "2 − w·h left out or taken of the prediction: it is nearly 1 here", "weight",
            small(V, (0.875, 0.25, 0.96875, 0.96875, 0), at=MOVED)),
        ask("small-truth", "2 − w·h: it is nearly 2 here", "weight", small(V, (0.875, 0.25, 0.03125, 0.0625, 0), at=MOVED)),
        ask("weight", "λ_coord = 1 or 5 for any λ_coord", "weight", small(V, PLAIN, at=MOVED, lambda_coord=1.75)),
        ask("lost-object", "the object that lost its predictor costs coordinates", "collision", small(V, PLAIN, GOOD, at=MOVED)),
        ask("clip", "a slope of e^t beyond the limit", "clip",
            small(V, PLAIN, at={(0, 0, 0, 1, 0): (0.0, 0.0, -25.0, -21.0)})),
        ask("sigmoid-slope", "σ′ left out of the slopes of t_x and t_y", "constant",
            small(V, PLAIN, at={(0, 0, 0, 1, 0): (3.0, -3.0, 0.0, 0.0)})),
        ask("batch", "a mean over objects, images or coordinates", "random count", batch(V, 43)),
    ]  # fmt: skip


def obj() -> list[Ask]:
    """λ_obj Σ 1obj (IOU − Ĉ)²."""
    return [
        ask("half", "a target of 1 for the IOU: it is ½ here, and so is Ĉ", "target edges",
            small(V, (0.75, 0.25, 0.5, 0.5, 0)), firm=False),
        ask("overlap", "IOU of the anchor for that of the prediction", "target", small(V, GOOD, at=MOVED)),
        ask("no-overlap", "a target of 1 where nothing overlaps", "target apart",
            small(V, (0.53125, 0.03125, 0.03125, 0.03125, 0), at={(0, 0, 0, 1, 0): (3.0, 3.0, -3.0, -3.0, 1.0)})),
        ask("weight", "λ_obj = 5 or 1 for any λ_obj", "weight", small(V, PLAIN, at=MOVED, lambda_obj=0.75)),
        ask("saturated", "σ(t_o) near 1", "saturated", small(V, GOOD, at={(0, 0, 0, 1, 0): (0.0, 0.0, 0.0, 0.0, 24.0)})),
        ask("batch", "a mean over objects", "random count", batch(V, 44)),
    ]  # fmt: skip


def noobj() -> list[Ask]:
    """λ_noobj Σ 1noobj (0 − Ĉ)²."""
    return [
        ask("no-truths", "a mean over predictors", "empty count", small(V)),
        ask("other-anchors", "the other anchors of an object's cell left alone", "assignment", small(V, GOOD, **TALL_AND_WIDE)),
        ask("no-ignore-rule", "predictions that overlap a truth left alone: v2 has no such rule", "ignore",
            small(V, (0.75, 0.25, 0.5, 0.25, 0), anchors=[[32.0, 16.0], [32.0, 15.0]])),
        ask("responsible", "the responsible predictor pushed to 0 as well", "assignment",
            small(V, PLAIN, at={(0, 0, 0, 1, 0): (0.0, 0.0, 0.0, 0.0, 6.0)})),
        ask("weight", "λ_obj for λ_noobj", "weight", small(V, GOOD, lambda_noobj=0.375)),
        ask("saturated", "objectness near 0 and 1", "saturated",
            small(V, at={(0, 0, 0, 0, 0): (0.0, 0.0, 0.0, 0.0, 60.0), (0, 0, 1, 1, 0): (0.0, 0.0, 0.0, 0.0, -60.0)})),
        ask("batch", "anything that ordinary numbers show", "random", batch(V, 45)),
        *hidden(V),
    ]  # fmt: skip


def cls() -> list[Ask]:
    """λ_class Σ 1obj Σ (p(c) − p̂(c))²."""
    return [
        ask("two-classes", "a cross entropy, or the true class alone", "classes", small(V, PLAIN, at=MOVED)),
        ask("first-class", "labels from 1: class 0 left out", "classes", small(V, (*PLAIN[:4], 0), at=MOVED)),
        ask("two-truths-of-a-cell", "classes of a cell, as in v1", "count",
            small(V, GOOD, (0.75, 0.25, 0.25, 0.4375, 0), **TALL_AND_WIDE)),
        ask("no-object", "classes of predictors without an object", "assignment",
            small(V, PLAIN, at={(0, 0, 1, 0, 0): (0.0, 0.0, 0.0, 0.0, 0.0, 3.0, -2.0)})),
        ask("one-class", "K = 1: the loss is 0 and so is its slope", "classes", small(V, (*PLAIN[:4], 0), classes=1)),
        ask("many-classes", "a mean over classes; the slope of one softmax output alone", "classes count",
            small(V, (*PLAIN[:4], 6), classes=8, at={(0, 0, 0, 1, 0): (0, 0, 0, 0, 0, 0.5, -1.0, 2.0, 0.25, -2.0, 1.0, 0.75, -0.5)})),
        ask("weight", "λ_class = 1 for any λ_class", "weight", small(V, PLAIN, at=MOVED, lambda_class=2.25)),
        ask("saturated", "e^100, or a probability cut to [ε, 1 − ε]", "saturated classes",
            small(V, PLAIN, at={(0, 0, 0, 1, 0): (0.0, 0.0, 0.0, 0.0, 0.0, 100.0, -100.0)})),
        ask("batch", "a mean over objects", "random count", batch(V, 46)),
    ]  # fmt: skip


def whole() -> list[Ask]:
    """All terms, their sum and its gradient."""
    weights = {
        "lambda_coord": 1.75,
        "lambda_obj": 0.75,
        "lambda_noobj": 0.375,
        "lambda_class": 2.25,
    }
    return [
        ask("no-truths", "slopes where nothing is responsible", "empty", small(V)),
        ask("one-truth", "anything: to follow by hand", "plain", small(V, PLAIN, at=MOVED)),
        ask("target-constant", "the IOU target pulls at the box", "constant", small(V, PLAIN, at=MOVED, lambda_coord=0.0)),
        ask("weights", "weights on the wrong terms", "weight", batch(V, 51, **weights)),
        ask("batch", "divided by the batch or by its objects", "random count", batch(V, 52)),
        ask("one-class", "K = 1", "random classes", batch(V, 54, classes=1)),
        ask("one-anchor", "A = 1", "random layout", batch(V, 55, anchors=[[30.0, 20.0]])),
        ask("five-anchors", "anchors that are not sorted", "random layout",
            batch(V, 56, images=2, anchors=[[60.0, 28.0], [10.0, 14.0], [20.0, 44.0], [26.0, 20.0], [70.0, 60.0]])),
        ask("larger", "an error that grows with the grid or with the truths", "random count",
            batch(V, 57, images=2, length=9, classes=7)),
        ask("regions", "a region with a slope", "random region", batch(V, 133, images=2, regions=2)),
    ]  # fmt: skip
