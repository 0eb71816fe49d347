"""What is asked of YOLOv1."""

from conformance.scenes.base import GOOD, PLAIN, ask, batch, hidden, places, small, wide
from conformance.scenes.scene import Ask

V = "v1"
SECOND = {(0, 0, 0, 1, 1): (1.0, -0.5, -1.0, -2.0, 0.75), (0, 0, 0, 1, 2): (0.5, -1.5)}
MANY = {"num_boxes": 3, "at": {(0, 0, 0, 1, 2): (0.5, 0.25, -1.0, -1.0, 2.0)}}


def decode() -> list[Ask]:
    """Boxes, confidences and classes."""
    return [
        ask("zeros", "σ(0) = ½ of a cell, not of the image; sizes ½ of the image", "plain units",
            small(V)),
        ask("one-predictor", "boxes of a cell read as [all x, all y, …] and not one after the other",
            "layout", small(V, at=SECOND)),
        ask("oblong-grid", "c_x divided by H, or rows for columns", "axes",
            wide(V, at={(0, 0, 1, 2, 0): (1.0, -1.0, 0.5, -0.5, 0.25)})),
        ask("three-boxes", "classes that start at 10 whatever B is", "layout classes",
            small(V, **MANY)),
        ask("saturated", "e^−t overflows, or σ is cut to [ε, 1 − ε]", "saturated",
            small(V, at={(0, 0, 0, 0, 0): (40.0, -40.0, 200.0, -200.0, -90.0)})),
        ask("large-classes", "a softmax without its largest logit taken off: e^1000", "saturated classes",
            small(V, at={(0, 0, 0, 0, 2): (1000.0, 998.0)})),
        ask("one-class", "K = 1: a softmax of one class is 1", "classes", small(V, classes=1)),
        ask("batch", "anything that ordinary numbers show", "random", batch(V, 21, images=2)),
    ]  # fmt: skip


def assign() -> list[Ask]:
    """Cells, and the predictor of a cell."""
    return [
        *places(V),
        ask("best-iou", "the first predictor whatever the boxes are", "assignment layout",
            small(V, PLAIN, at=SECOND)),
        ask("best-iou-is-first", "the last predictor, or the worst", "assignment",
            small(V, PLAIN, at={(0, 0, 0, 1, 0): (1.0, -0.5, 0.5, -2.0)})),
        ask("iou-of-whole-boxes", "IOU of shapes, without their places", "assignment units",
            small(V, (0.75, 0.25, 0.25, 0.25, 0),
                  at={(0, 0, 0, 1, 0): (0.0, 0.0, -2.0, -2.0),
                      (0, 0, 0, 1, 1): (3.0, 3.0, -1.0625, -1.0625)})),
        ask("tie", "the last of equal predictors", "tie assignment", small(V, GOOD), firm=False),
        ask("no-overlap", "no predictor where every IOU is 0; it is the first", "tie apart assignment",
            small(V, (0.53125, 0.03125, 0.03125, 0.03125, 0),
                  at={(0, 0, 0, 1, 0): (3.0, 3.0, -4.0, -4.0), (0, 0, 0, 1, 1): (3.0, 3.0, -3.0, -4.0)}),
            firm=False),
        ask("two-in-a-cell", "the last object keeps the cell; it is the first", "collision assignment",
            small(V, GOOD, PLAIN, at=SECOND)),
        ask("two-predictors-free", "the second object takes the other predictor", "collision assignment",
            small(V, (0.75, 0.25, 0.5, 0.5, 0), (0.75, 0.25, 0.25, 0.125, 1), at=SECOND)),
        ask("three-boxes", "a predictor beyond the second is never responsible", "assignment layout",
            small(V, (0.8125, 0.28125, 0.25, 0.25, 0), **MANY)),
    ]  # fmt: skip


def box() -> list[Ask]:
    """λ_coord Σ 1obj [(x − x̂)² + (y − ŷ)² + (√w − √ŵ)² + (√h − √ĥ)²]."""
    centred = (0.75, 0.25, 0.5, 0.5, 0)
    return [
        ask("x-alone", "x counted in image units: the error would be a quarter", "plain units",
            small(V, (0.875, 0.25, 0.5, 0.5, 0), num_boxes=1)),
        ask("y-alone", "y and x exchanged", "axes", small(V, (0.75, 0.375, 0.5, 0.5, 0), num_boxes=1)),
        ask("w-alone", "√ left out: (w − ŵ)²", "target", small(V, (0.75, 0.25, 0.25, 0.5, 0), num_boxes=1)),
        ask("h-alone", "w and h exchanged, √ of one of them left out", "target axes",
            small(V, (0.75, 0.25, 0.5, 0.0625, 0), num_boxes=1)),
        ask("met", "a loss where the prediction meets the truth", "target edges", small(V, centred, num_boxes=1)),
        ask("weight", "λ_coord = 5 for any λ_coord", "weight",
            small(V, PLAIN, at=SECOND, lambda_coord=1.75)),
        ask("second-predictor", "coordinates of the first predictor", "layout",
            small(V, PLAIN, at=SECOND)),
        ask("all-predictors", "every predictor of the cell pays", "assignment count",
            small(V, PLAIN, at={(0, 0, 0, 1, 0): (1.0, 1.0, 1.0, 1.0)})),
        ask("small-truth", "√ of small sizes: what makes small boxes matter", "target",
            small(V, (0.75, 0.25, 0.00390625, 0.015625, 0), num_boxes=1)),
        ask("saturated", "√σ(t) by way of a σ that is 0: an infinite slope", "saturated",
            small(V, centred, at={(0, 0, 0, 1, 0): (30.0, -30.0, -160.0, -120.0),
                                  (0, 0, 0, 1, 1): (30.0, -30.0, -164.0, -120.0)}), firm=False),
        ask("lost-object", "the object that lost its cell costs coordinates", "collision",
            small(V, PLAIN, GOOD, at=SECOND)),
        ask("batch", "a mean over objects, images or coordinates", "random count", batch(V, 22)),
        ask("batch-oblong", "offsets x·W − c_x of an oblong grid", "random axes", batch(V, 23)),
    ]  # fmt: skip


def obj() -> list[Ask]:
    """Σ 1obj (IOU − Ĉ)²."""
    return [
        ask("half", "a target of 1 for the IOU: it is ½ here, and so is Ĉ", "target edges",
            small(V, (0.75, 0.25, 0.5, 0.25, 0), num_boxes=1)),
        ask("overlap", "IOU of offsets in the cell for boxes in the image", "target units",
            small(V, GOOD, at=SECOND)),
        ask("no-overlap", "a target of 1 where nothing overlaps", "target apart",
            small(V, (0.53125, 0.03125, 0.03125, 0.03125, 0),
                  at={(0, 0, 0, 1, 0): (3.0, 3.0, -4.0, -4.0, 1.0), (0, 0, 0, 1, 1): (3.0, 3.0, -3.0, -4.0)}),
            firm=False),
        ask("no-weight", "λ_coord or λ_noobj on the confidence of objects", "weight",
            small(V, PLAIN, at=SECOND, lambda_coord=1.75, lambda_noobj=0.375)),
        ask("saturated", "σ(t_o) near 0 and 1", "saturated",
            small(V, GOOD, at={(0, 0, 0, 1, 0): (0.0, 0.0, 0.0, 0.0, 24.0), (0, 0, 0, 1, 1): (0.0, 0.0, 1.0, 1.0, -24.0)})),
        ask("batch", "a mean over objects", "random count", batch(V, 24)),
    ]  # fmt: skip


def noobj() -> list[Ask]:
    """λ_noobj Σ 1noobj (0 − Ĉ)²."""
    return [
        ask("no-truths", "a mean over predictors; λ_noobj left out", "empty count weight", small(V)),
        ask("other-predictors", "the other predictors of an object's cell left alone", "assignment",
            small(V, PLAIN, at=SECOND)),
        ask("responsible", "the responsible predictor pushed to 0 as well", "assignment",
            small(V, PLAIN, at={(0, 0, 0, 1, 1): (1.0, -0.5, -1.0, -2.0, 6.0)})),
        ask("weight", "λ_noobj = ½ for any λ_noobj", "weight", small(V, GOOD, lambda_noobj=0.375, at=SECOND)),
        ask("saturated", "confidences near 0 and 1", "saturated",
            small(V, at={(0, 0, 0, 0, 0): (0.0, 0.0, 0.0, 0.0, 60.0), (0, 0, 1, 1, 1): (0.0, 0.0, 0.0, 0.0, -60.0)})),
        ask("batch", "anything that ordinary numbers show", "random", batch(V, 25)),
        *hidden(V),
    ]  # fmt: skip


def cls() -> list[Ask]:
    """Σ 1obj_i Σ (p(c) − p̂(c))²."""
    return [
        ask("two-classes", "a cross entropy, or the true class alone", "classes",
            small(V, PLAIN, num_boxes=1)),
        ask("first-class", "labels from 1: class 0 left out", "classes", small(V, (*PLAIN[:4], 0), at=SECOND)),
        ask("once-a-cell", "classes counted once a predictor", "count", small(V, PLAIN, num_boxes=3, at={(0, 0, 0, 1, 0): (0.5, 0.25, 0.5)})),
        ask("no-object", "classes of cells without an object", "assignment",
            small(V, PLAIN, num_boxes=1, at={(0, 0, 1, 0, 1): (3.0, -2.0)})),
        ask("one-class", "K = 1: the loss is 0 and so is its slope", "classes", small(V, (*PLAIN[:4], 0), classes=1, num_boxes=1)),
        ask("many-classes", "a mean over classes; the slope of one softmax output alone", "classes count",
            small(V, (*PLAIN[:4], 6), classes=8, num_boxes=1, at={(0, 0, 0, 1, 1): (0.5, -1.0, 2.0, 0.25, -2.0, 1.0, 0.75, -0.5)})),
        ask("saturated", "e^100, or a probability cut to [ε, 1 − ε]", "saturated classes",
            small(V, PLAIN, num_boxes=1, at={(0, 0, 0, 1, 1): (100.0, -100.0)})),
        ask("lost-object", "the class of the object that lost the cell", "collision",
            small(V, PLAIN, (*GOOD[:4], 0), at=SECOND)),
        ask("batch", "a mean over objects", "random count", batch(V, 26)),
    ]  # fmt: skip


def whole() -> list[Ask]:
    """All terms, their sum and its gradient."""
    return [
        ask("no-truths", "slopes where nothing is responsible", "empty", small(V)),
        ask("one-truth", "anything: to follow by hand", "plain", small(V, PLAIN, at=SECOND)),
        ask("target-constant", "the IOU target pulls at the box", "constant", small(V, PLAIN, at=SECOND)),
        ask("weights", "weights on the wrong terms", "weight", batch(V, 31, lambda_coord=1.75, lambda_noobj=0.375)),
        ask("batch", "divided by the batch or by its objects", "random count", batch(V, 32)),
        ask("three-boxes", "fields of one box for another", "random layout", batch(V, 33, num_boxes=3)),
        ask("one-class", "K = 1", "random classes", batch(V, 34, classes=1)),
        ask("one-box", "B = 1: no predictor is left in an object's cell", "random", batch(V, 35, num_boxes=1)),
        ask("larger", "an error that grows with the grid or with the truths", "random count",
            batch(V, 36, images=2, length=9, classes=7)),
        ask("regions", "a region with a slope", "random region", batch(V, 132, images=2, regions=2)),
    ]  # fmt: skip
