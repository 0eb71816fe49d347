"""What is asked of YOLOv3 and v4 alike: ignore rules, objectness, classes, heads."""

from typing import Any

from conformance.scenes.base import (
    GOOD,
    PLAIN,
    RIGHT,
    ask,
    batch,
    beside,
    hidden,
    places,
    scene,
    small,
    wide,
)
from conformance.scenes.base import SMALL as CONFIG
from conformance.scenes.scene import Ask, image, region

MOVED = {(0, 0, 0, 1, 0): (1.0, -0.5, 0.25, -0.75, 0.5, 0.5, -1.5)}
SAME = (0.75, 0.25, 0.5, 0.25, 0)  # the prior of cell (0, 1)
LARGE = [
    (0.359375, 0.328125, 0.109375, 0.078125, 1),
    (0.84375, 0.6875, 0.09375, 0.078125, 0),
]  # 10 × 8 cells
BETWEEN = (0.5, 0.25, 1.0, 0.25, 0)  # covers the priors of cells (0, 0) and (0, 1): IOU ½ with each


def best_only(v: str) -> dict[str, Any]:
    """The option that gives a truth its best anchor alone."""
    return {"assign_iou_threshold": 1.0} if v == "v4" else {}


def priors(v: str) -> dict[str, Any]:
    """Three anchors much alike, one of which is responsible."""
    anchors = [[32.0, 16.0], [28.0, 16.0], [32.0, 12.0]]
    return {"anchors": anchors, "masks": [[0, 1, 2]], **best_only(v)}


def decode(v: str) -> list[Ask]:
    """Boxes, objectness and classes."""
    return [
        ask("zeros", "a cell's corner for its middle; anchors in cells or pixels for fractions",
            "plain units", small(v)),
        ask("each-field", "fields in another order, t_w for t_h", "layout axes", small(v, at=MOVED)),
        ask("two-heads", "masks in the reverse order; strides of another head", "heads layout",
            wide(v, at={(0, 0, 1, 2, 0): (1.0, -1.0, 0.5, -0.5, 0.25), (1, 0, 3, 1, 1): (-1.0, 0.5, -0.5, 0.25, 1.0)})),
        ask("oblong-grid", "p_w divided by the height of the input, c_x by the rows", "axes units", wide(v)),
        ask("clip", "e^25 not limited to e^20, e^−25 to e^−20", "clip saturated",
            small(v, at={(0, 0, 0, 0, 0): (0.0, 0.0, 25.0, -25.0), (0, 0, 0, 1, 0): (0.0, 0.0, -200.0, 19.0)})),
        ask("saturated", "e^−t overflows, or σ is cut to [ε, 1 − ε]", "saturated",
            small(v, at={(0, 0, 1, 1, 0): (40.0, -40.0, 0.0, 0.0, -90.0, 90.0, -30.0)})),
        ask("classes", "a softmax for independent sigmoids", "classes", small(v, at=MOVED, classes=3)),
        ask("batch", "anything that ordinary numbers show", "random", batch(v, 61, images=2)),
    ]  # fmt: skip


def assign(v: str) -> list[Ask]:
    """Cells, anchors, heads."""
    tall_and_wide: dict[str, Any] = {"anchors": [[16.0, 32.0], [32.0, 16.0]], "masks": [[0, 1]]}
    return [
        *places(v),
        ask("best-shape", "w and h of anchors exchanged: the truth is tall", "axes assignment",
            small(v, (0.625, 0.3125, 0.25, 0.4375, 1), **tall_and_wide)),
        ask("shape-not-place", "IOU with the anchor on its cell, so that a place counts", "assignment",
            small(v, (0.5078125, 0.25, 0.75, 0.0625, 1), anchors=[[4.0, 8.0], [48.0, 16.0]], masks=[[0, 1]])),
        ask("tie", "the last of equal anchors", "tie assignment",
            small(v, (0.625, 0.3125, 0.25, 0.25, 1), **tall_and_wide, **best_only(v)), firm=False),
        ask("tie-unsorted", "the first in the mask for the lowest anchor index", "tie layout assignment",
            small(v, (0.625, 0.3125, 0.25, 0.25, 1), anchors=tall_and_wide["anchors"], masks=[[1, 0]], **best_only(v)), firm=False),
        ask("collision", "the first truth keeps the predictor; it is the last", "collision assignment", small(v, GOOD, PLAIN)),
        ask("collision-of-three", "all three hold it, or each pushes one out", "collision assignment",
            small(v, GOOD, PLAIN, (0.53125, 0.46875, 0.5, 0.375, 0))),
        ask("fine-head", "the cell of the coarse head on the fine grid", "heads assignment", wide(v, (0.40625, 0.84375, 0.109375, 0.21875, 0))),
        ask("coarse-head", "a cell of the fine head on the coarse grid", "heads assignment", wide(v, (0.40625, 0.84375, 0.625, 0.4375, 0))),
        ask("shared-anchor", "an anchor that two heads hold is responsible in the first alone", "heads assignment",
            wide(v, (0.40625, 0.84375, 0.625, 0.4375, 0), masks=[[2, 0], [2, 3]])),
        ask("left-out", "the best of the anchors that a head holds, where none holds the best: it gets none, and is "
            "counted", "heads assignment", wide(v, (0.40625, 0.84375, 0.109375, 0.21875, 0), masks=[[2], [3]])),
        ask("unequal-heads", "heads of as many anchors each", "heads layout", batch(v, 62, images=2, masks=[[1, 3, 0], [2]])),
    ]  # fmt: skip


def ignore(v: str) -> list[Ask]:
    """1ign: which predictors that are not responsible have no objectness loss."""
    two: dict[str, Any] = {"ignore_by": "prior", "masks": [[2, 0], [1, 3]], **best_only(v)}
    alike: dict[str, Any] = {
        "anchors": [[32.0, 16.0], [28.0, 18.0]],
        "masks": [[0, 1]],
        **best_only(v),
    }
    return [
        ask("nothing", "a rule where the config has none", "ignore", small(v, SAME, **priors(v))),
        ask("prior-own-cell", "other priors of the object's cell not ignored", "ignore", small(v, SAME, ignore_by="prior", **priors(v))),
        ask("prior-second-truth", "the first truth alone", "ignore",
            small(v, (0.25, 0.75, 0.5, 0.25, 1), SAME, ignore_by="prior", **priors(v))),
        ask("prior-place", "shapes alone: a prior lies on its cell, and the truth 0.46 of a cell beside it", "ignore",
            small(v, (0.984375, 0.25, 0.5, 0.25, 0), ignore_by="prior", **priors(v))),
        ask("prior-other-cells", "the object's own cell alone", "ignore",
            small(v, (0.5, 0.25, 0.75, 0.28125, 0), ignore_by="prior", ignore_threshold=0.375, **priors(v))),
        ask("prior-responsible", "the responsible prior ignored as well", "ignore", small(v, SAME, ignore_by="prior")),
        ask("prior-strict", "≥ for >: IOU is ½, exactly", "ignore strict", small(v, BETWEEN, ignore_by="prior", anchors=[[32.0, 16.0], [64.0, 16.0]], **best_only(v)), firm=False),
        ask("prior-above", "the same just below the threshold", "ignore strict",
            small(v, BETWEEN, ignore_by="prior", anchors=[[32.0, 16.0], [64.0, 16.0]], **best_only(v), ignore_threshold=0.4921875), firm=False),
        ask("prior-facing", "boxes that face each other along y alone: an overlap of negative sides", "ignore apart",
            small(v, (0.25, 0.25, 0.5, 0.25, 0), ignore_by="prior", ignore_threshold=0.0625)),
        ask("prior-heads", "priors of the head that holds the best anchor alone", "ignore heads",
            wide(v, (0.40625, 0.40625, 0.25, 0.25, 0), ignore_threshold=0.25, **two)),
        ask("prior-padding", "rows that only fill up ignore priors", "ignore padding",
            scene(v, CONFIG[v], (2, 2), [image(SAME, fill=1)], ignore_by="prior", ignore_threshold=0.1875)),
        ask("prior-invalid", "rows that are no truths ignore priors", "ignore invalid",
            scene(v, CONFIG[v], (2, 2), [[(0.25, 0.75, 0.5, 0.25, 7, True), *image(SAME)]], ignore_by="prior")),
        ask("prior-other-image", "truths of another image", "ignore layout",
            scene(v, CONFIG[v], (2, 2), [image(length=1), image(SAME)], ignore_by="prior", **priors(v))),
        ask("shape-own-cell", "the rule by place: the truth stands far from the middle of its cell", "ignore",
            small(v, (0.984375, 0.25, 0.5, 0.25, 0), ignore_by="shape", **priors(v))),
        ask("shape-other-cells", "priors of every cell", "ignore", small(v, (0.5, 0.25, 0.96875, 0.25, 0), ignore_by="shape", ignore_threshold=0.375, **priors(v))),
        ask("shape-strict", "≥ for >: IOU is ½, exactly", "ignore strict",
            small(v, (0.75, 0.25, 0.5, 0.25, 0), ignore_by="shape", anchors=[[32.0, 16.0], [32.0, 8.0]], masks=[[0, 1]], **best_only(v)), firm=False),
        ask("prediction", "the prior for the decoded box: it reaches the truth, the prior does not", "ignore",
            small(v, (0.53125, 0.25, 0.5, 0.25, 0), ignore_by="prediction", at={(0, 0, 0, 0, 0): (3.0,)})),
        ask("prediction-moved-away", "the prior for the decoded box: it has left the truth", "ignore",
            small(v, (0.5, 0.25, 0.5, 0.25, 0), ignore_by="prediction", ignore_threshold=0.25, at={(0, 0, 0, 0, 0): (-4.0,)}), firm=False),
        ask("prediction-second-truth", "the first truth alone", "ignore",
            small(v, SAME, (0.25, 0.75, 0.5, 0.25, 1), ignore_by="prediction", **priors(v))),
        ask("prediction-elsewhere", "predictions of other cells not looked at", "ignore",
            small(v, (0.5625, 0.75, 0.5, 0.25, 0), ignore_by="prediction", ignore_threshold=0.375, at={(0, 0, 1, 0, 0): (3.0, 0.0)})),
        ask("prediction-strict", "≥ for >: IOU is ½, exactly", "ignore strict",
            small(v, BETWEEN, ignore_by="prediction", anchors=[[32.0, 16.0], [64.0, 16.0]], **best_only(v)), firm=False),
        ask("prediction-huge", "e^t not limited: a prediction of 10^10 images", "ignore clip",
            small(v, (0.75, 0.25, 0.96875, 0.96875, 0), ignore_by="prediction", ignore_threshold=0.125, at={(0, 0, 0, 0, 0): (0.0, 0.0, 30.0, 30.0)})),
        ask("threshold", "0.5 or 0.7 for any threshold", "ignore", batch(v, 88, images=2, **best_only(v), ignore_by="prediction", ignore_threshold=0.1875)),
        ask("prior-large-grid", "cells of a window around the truth miscounted", "ignore axes",
            scene(v, CONFIG[v], (8, 10), [image(*LARGE)], ignore_by="prior", **alike)),
        ask("prediction-large-grid", "cells of a window around the truth miscounted", "ignore axes",
            scene(v, CONFIG[v], (8, 10), [image(*LARGE)], ignore_by="prediction", **alike)),
        ask("batch-prior", "anything that ordinary numbers show", "ignore random", batch(v, 86, images=2, **best_only(v), ignore_by="prior", ignore_threshold=0.25)),
        ask("batch-shape", "anything that ordinary numbers show", "ignore random", batch(v, 112, images=2, **best_only(v), ignore_by="shape", ignore_threshold=0.25)),
        ask("batch-prediction", "anything that ordinary numbers show", "ignore random",
            batch(v, 110, images=2, **best_only(v), ignore_by="prediction", ignore_threshold=0.25)),
        *_regions(v),
    ]  # fmt: skip


def _regions(v: str) -> list[Ask]:
    """What is held against regions: what the rule compares."""
    wide_box = {(0, 0, 1, 1, 0): (0.0, 0.0, 3.0, 3.0)}
    small_box = {(0, 0, 1, 1, 0): (0.0, 0.0, -2.0, -2.0)}
    inner = region(0.75, 0.75, 0.25, 0.125)
    cover = (0.53125, 0.46875, 0.90625, 0.90625, 0)
    return [
        ask("region", "no regions where the config has no rule", "ignore region", beside(v, RIGHT, SAME)),
        ask("region-prior", "predictions for priors", "ignore region", beside(v, RIGHT, at=wide_box, ignore_by="prior")),
        ask("region-shape", "priors of the region's own cell alone", "ignore region", beside(v, RIGHT, at=wide_box, ignore_by="shape")),
        ask("region-prediction", "priors for predictions", "ignore region", beside(v, inner, at=small_box, ignore_by="prediction")),
        ask("region-rule", "the threshold of the rule for ½", "ignore region", beside(v, RIGHT, ignore_by="prior", ignore_threshold=1.0)),
        ask("region-truth", "truths that hide what lies in them, as regions do", "ignore region",
            beside(v, inner, cover, ignore_by="prior", ignore_threshold=1.0)),
    ]  # fmt: skip


def obj(v: str) -> list[Ask]:
    """λ_obj Σ 1obj [−log Ĉ]."""
    return [
        ask("plain", "a squared error; log₂ or log₁₀", "plain", small(v, GOOD)),
        ask("target", "the IOU as a target, as in v2", "target", small(v, GOOD, at=MOVED)),
        ask("poor-match", "the gate of the coordinates on the objectness as well", "gate", small(v, PLAIN, at=MOVED)),
        ask("weight", "λ_obj left out, or λ_coord for it", "weight", small(v, GOOD, at=MOVED, lambda_obj=0.75, lambda_coord=1.75)),
        ask("saturated", "log of a σ that is 0: −log σ(−90) is 90", "saturated", small(v, GOOD, at={(0, 0, 0, 1, 0): (0.0, 0.0, 0.0, 0.0, -90.0)})),
        ask("confident", "log(σ + ε): −log σ(30) is 9.4e-14", "saturated epsilon", small(v, GOOD, at={(0, 0, 0, 1, 0): (0.0, 0.0, 0.0, 0.0, 30.0)})),
        ask("collision", "two objects on one predictor count twice", "collision count", small(v, GOOD, PLAIN, at=MOVED)),
        ask("batch", "a mean over objects", "random count", batch(v, 67)),
    ]  # fmt: skip


def noobj(v: str) -> list[Ask]:
    """λ_obj Σ (1 − 1obj)(1 − 1ign) [−log(1 − Ĉ)]."""
    nan = {(0, 0, 0, 1, 1): (0.0, 0.0, 0.0, 0.0, float("nan"))}
    two = [image(SAME), image(SAME)]
    return [
        ask("no-truths", "a mean over predictors", "empty count", small(v)),
        ask("responsible", "the responsible predictor pushed to 0 as well", "assignment",
            small(v, GOOD, at={(0, 0, 0, 1, 0): (0.0, 0.0, 0.0, 0.0, 6.0)})),
        ask("ignored", "ignored predictors pay", "ignore", small(v, SAME, ignore_by="prior", **priors(v))),
        ask("ignored-strict", "≥ for >: IOU is ½, exactly", "ignore strict",
            small(v, BETWEEN, ignore_by="prior", anchors=[[32.0, 16.0], [64.0, 16.0]], **best_only(v)), firm=False),
        ask("other-anchors", "the other anchors of an object's cell left alone", "assignment",
            small(v, GOOD, anchors=[[32.0, 16.0], [4.0, 60.0]], masks=[[0, 1]])),
        ask("weight", "a λ_noobj of v1 or v2", "weight", small(v, GOOD, lambda_obj=0.75)),
        ask("saturated", "log of 1 − σ(90) = 0: the loss is 90", "saturated",
            small(v, at={(0, 0, 0, 0, 0): (0.0, 0.0, 0.0, 0.0, 90.0), (0, 0, 1, 1, 0): (0.0, 0.0, 0.0, 0.0, -30.0)})),
        ask("nan-ignored", "an ignore rule hides a NaN; the other image stays finite", "nan ignore",
            scene(v, CONFIG[v], (2, 2), two, at=nan, ignore_by="prior", **priors(v))),
        ask("batch", "anything that ordinary numbers show", "random", batch(v, 72, ignore_by="prior", ignore_threshold=0.25, **best_only(v))),
        *hidden(v),
    ]  # fmt: skip


def cls(v: str) -> list[Ask]:
    """λ_class Σ 1obj Σ [−p log p̂ − (1 − p) log(1 − p̂)]."""
    return [
        ask("two-classes", "a softmax; the true class alone", "classes", small(v, GOOD, at=MOVED)),
        ask("first-class", "labels from 1: class 0 left out", "classes", small(v, (*GOOD[:4], 0), at=MOVED)),
        ask("poor-match", "the gate of the coordinates on the classes as well", "gate", small(v, PLAIN, at=MOVED)),
        ask("no-object", "classes of predictors without an object", "assignment",
            small(v, GOOD, at={(0, 0, 1, 0, 0): (0.0, 0.0, 0.0, 0.0, 0.0, 3.0, -2.0)})),
        ask("one-class", "K = 1: one classifier still has a loss", "classes", small(v, (*GOOD[:4], 0), classes=1)),
        ask("many-classes", "a mean over classes", "classes count",
            small(v, (*GOOD[:4], 6), classes=8, at={(0, 0, 0, 1, 0): (0, 0, 0, 0, 0, 0.5, -1.0, 2.0, 0.25, -2.0, 1.0, 0.75, -0.5)})),
        ask("weight", "λ_class left out", "weight", small(v, GOOD, at=MOVED, lambda_class=2.25)),
        ask("saturated", "log of a σ that is 0, and log(1 − σ) of one that is 1", "saturated",
            small(v, GOOD, at={(0, 0, 0, 1, 0): (0.0, 0.0, 0.0, 0.0, 0.0, 90.0, -90.0)})),
        ask("confident", "log(σ + ε)", "saturated epsilon", small(v, GOOD, at={(0, 0, 0, 1, 0): (0.0, 0.0, 0.0, 0.0, 0.0, -30.0, 32.0)})),
        ask("collision", "the classes of both objects: p is that of the last alone", "collision classes", small(v, (*PLAIN[:4], 0), GOOD, at=MOVED)),
        ask("batch", "a mean over objects", "random count", batch(v, 69)),
    ]  # fmt: skip


def whole(v: str) -> list[Ask]:
    """All terms, their sum and its gradient."""
    weights = {"lambda_coord": 1.75, "lambda_obj": 0.75, "lambda_class": 2.25}
    third: dict[str, Any] = {"masks": [[2], [0], [1, 3]], "strides": [32.0, 16.0, 8.0]}
    third |= {"scale_xy": [1.25, 1.5, 1.75]} if v == "v4" else {}
    return [
        ask("no-truths", "slopes where nothing is responsible", "empty", small(v)),
        ask("one-truth", "anything: to follow by hand", "plain", small(v, GOOD, at=MOVED)),
        ask("weights", "weights on the wrong terms", "weight", batch(v, 71, **weights)),
        ask("batch", "divided by the batch or by its objects", "random count", batch(v, 72)),
        ask("ignore-prior", "ignored predictors with a slope", "random ignore", batch(v, 66, ignore_by="prior", ignore_threshold=0.25, **best_only(v))),
        ask("ignore-prediction", "a slope through the ignore rule", "random ignore constant",
            batch(v, 87, images=2, ignore_by="prediction", ignore_threshold=0.25, **best_only(v))),
        ask("one-class", "K = 1", "random classes", batch(v, 75, classes=1)),
        ask("shared-anchors", "heads that hold the same anchors", "random heads", batch(v, 76, images=2, masks=[[2, 0, 1], [1, 3, 0]])),
        ask("three-heads", "terms of one head for another", "random heads layout", batch(v, 77, images=1, **third)),
        ask("larger", "an error that grows with the grid or with the truths", "random count", batch(v, 78, images=2, length=9, classes=7)),
        ask("regions", "a region with a slope", "random region", batch(v, 134, images=2, regions=2)),
    ]  # fmt: skip
