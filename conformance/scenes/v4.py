"""What is asked of YOLOv4."""

from typing import Any

from conformance.scenes import logistic
from conformance.scenes.base import GOOD, PLAIN, ask, batch, small, wide
from conformance.scenes.logistic import MOVED
from conformance.scenes.scene import Ask

V = "v4"
THREE: dict[str, Any] = {
    "anchors": [[32.0, 24.0], [24.0, 28.0], [24.0, 20.0]],
    "masks": [[0, 1, 2]],
}


def decode() -> list[Ask]:
    """Boxes, objectness and classes."""
    return [
        *logistic.decode(V),
        ask("scale-reach", "s·σ without − (s − 1)/2: centres reach beyond the cell on both sides", "scale",
            small(V, at={(0, 0, 0, 0, 0): (9.0, -9.0), (0, 0, 1, 1, 0): (-9.0, 9.0)}, scale_xy=[2.0])),
        ask("scale-of-heads", "one s for all heads, or in the reverse order", "scale heads",
            wide(V, at={(0, 0, 0, 0, 0): (2.0, -2.0), (1, 0, 0, 0, 0): (2.0, -2.0)})),
        ask("scale-one", "s = 1 is the decode of v3", "scale", small(V, at=MOVED, scale_xy=[1.0])),
    ]  # fmt: skip


def assign() -> list[Ask]:
    """Cells and anchors."""
    near_two = (0.40625, 0.84375, 0.34375, 0.4375, 0)
    half: dict[str, Any] = {"anchors": [[32.0, 16.0], [32.0, 8.0]], "masks": [[0, 1]]}
    return [
        *logistic.assign(V),
        ask("union", "the best anchor alone, as in v3", "assignment", small(V, (0.625, 0.3125, 0.375, 0.375, 1), **THREE)),
        ask("union-heads", "anchors of one head alone", "heads assignment", wide(V, near_two)),
        ask("union-best-below", "the best anchor left out where it is below the threshold", "assignment",
            small(V, (0.75, 0.25, 0.0625, 0.9375, 0), **THREE)),
        ask("union-strict", "≥ for >: IOU with the second anchor is ½, exactly", "strict assignment",
            small(V, (0.75, 0.25, 0.5, 0.25, 0), assign_iou_threshold=0.5, **half), firm=False),
        ask("intersection", "the others above the threshold as well", "assignment",
            small(V, (0.625, 0.3125, 0.375, 0.375, 1), assign="intersection", **THREE)),
        ask("intersection-below", "the best anchor though it is below: the truth is unassigned", "assignment",
            small(V, (0.75, 0.25, 0.0625, 0.9375, 0), assign="intersection", **THREE)),
        ask("intersection-strict", "≥ for >: IOU with the best anchor is ½, exactly", "strict assignment",
            small(V, (0.75, 0.25, 0.5, 0.125, 0), assign="intersection", assign_iou_threshold=0.5), firm=False),
        ask("best-only", "a threshold of 1 still leaves the best", "assignment",
            small(V, (0.625, 0.3125, 0.375, 0.375, 1), assign_iou_threshold=1.0, **THREE)),
        ask("collision-of-some", "a truth loses one of its predictors and keeps the others", "collision assignment",
            small(V, (0.625, 0.3125, 0.375, 0.375, 1), (0.875, 0.125, 0.5, 0.375, 0), assign_iou_threshold=0.71875, **THREE)),
        ask("threshold", "0.213 for any threshold", "assignment", batch(V, 91, images=2, assign_iou_threshold=0.375)),
    ]  # fmt: skip


def ignore() -> list[Ask]:
    """1ign."""
    return logistic.ignore(V)


def box() -> list[Ask]:
    """λ_coord Σ 1obj (1 − CIOU(pred, truth))."""
    tall = (0.625, 0.3125, 0.25, 0.4375, 1)
    oblong = (0.40625, 0.65625, 0.375, 0.3125, 1)
    turned = {(0, 0, 1, 1, 0): (0.5, 0.5, -1.0, 0.5), (1, 0, 2, 2, 0): (-0.5, 1.0, 0.5, -0.25)}
    return [
        ask("met", "a loss where the prediction meets the truth; 0/0 in α", "epsilon edges", small(V, (0.75, 0.25, 0.5, 0.25, 0)), firm=False),
        ask("overlap", "CIOU for 1 − CIOU", "plain aspect", small(V, GOOD, at=MOVED)),
        ask("aspect", "4/π for 4/π²; w/h upside down", "aspect", small(V, tall, at=MOVED)),
        ask("alpha-constant", "α differentiated", "constant aspect", small(V, tall, at={(0, 0, 0, 1, 0): (0.5, -0.5, 0.5, -0.5)})),
        ask("apart", "no slope where boxes do not overlap", "apart", small(V, (0.515625, 0.015625, 0.03125, 0.03125, 1), at={(0, 0, 0, 1, 0): (4.0, 4.0, -3.0, -3.0)})),
        ask("oblong-input", "boxes compared in fractions or in cells: 96 × 64 pixels", "units axes aspect", wide(V, oblong, at=turned)),
        ask("oblong-input-iou", "IOU is the same in any unit", "units", wide(V, oblong, at=turned, similarity="iou")),
        ask("oblong-input-giou", "GIOU for CIOU", "units", wide(V, oblong, at=turned, similarity="giou")),
        ask("oblong-input-diou", "DIOU for CIOU", "units", wide(V, oblong, at=turned, similarity="diou")),
        ask("edges", "ties given to one side", "edges", small(V, (0.75, 0.25, 0.5, 0.5, 0)), firm=False),
        ask("edges-giou", "ties given to one side", "edges", small(V, (0.75, 0.25, 0.5, 0.5, 0), similarity="giou"), firm=False),
        ask("scale", "scale(σ) left out of the box term, or its slope without s", "scale constant", small(V, GOOD, at=MOVED, scale_xy=[2.0])),
        ask("weight", "λ_coord left out", "weight", small(V, GOOD, at=MOVED, lambda_coord=0.0625)),
        ask("no-size-weight", "2 − w·h as in v3", "weight", small(V, (0.625, 0.3125, 0.875, 0.96875, 0), at=MOVED)),
        ask("no-gate", "the gate of v3", "gate", small(V, PLAIN, at=MOVED)),
        ask("clip", "a slope of e^t beyond the limit", "clip", small(V, GOOD, at={(0, 0, 0, 1, 0): (0.0, 0.0, 21.0, -21.0)})),
        ask("small-boxes", "an ε of 1e-7 in the union, in fractions", "epsilon",
            small(V, (0.75, 0.25, 0.00390625, 0.0078125, 0), anchors=[[0.25, 0.625]], at={(0, 0, 0, 1, 0): (0.0, 0.0, 0.25, -0.125)})),
        ask("several-anchors", "a mean over the predictors of a truth", "count assignment", small(V, (0.625, 0.3125, 0.375, 0.375, 1), **THREE)),
        ask("lost-object", "the object that lost its predictor costs coordinates", "collision", small(V, PLAIN, GOOD, at=MOVED)),
        ask("batch", "a mean over objects, images or heads", "random count", batch(V, 92, lambda_coord=0.07)),
        ask("batch-giou", "GIOU for CIOU", "random", batch(V, 93, images=2, similarity="giou")),
    ]  # fmt: skip


def obj() -> list[Ask]:
    """Objectness of responsible predictors."""
    return [
        *logistic.obj(V),
        ask("smoothing", "objectness smoothed as well", "smoothing", small(V, GOOD, at=MOVED, label_smoothing=0.125)),
        ask("several-anchors", "the best predictor alone", "assignment count", small(V, (0.625, 0.3125, 0.375, 0.375, 1), **THREE)),
    ]  # fmt: skip


def noobj() -> list[Ask]:
    """Objectness of the others."""
    return [
        *logistic.noobj(V),
        ask("several-anchors", "responsible predictors that are not the best pushed to 0", "assignment",
            small(V, (0.625, 0.3125, 0.375, 0.375, 1), **THREE)),
    ]  # fmt: skip


def cls() -> list[Ask]:
    """Classes."""
    return [
        *logistic.cls(V),
        ask("smoothing", "ε/K for ε/2", "smoothing", small(V, GOOD, at=MOVED, classes=3, label_smoothing=0.125)),
        ask("smoothing-of-others", "the other classes not smoothed", "smoothing",
            small(V, (*GOOD[:4], 0), at={(0, 0, 0, 1, 0): (0, 0, 0, 0, 0, 2.0, -1.0, 0.5, 1.5)}, classes=4, label_smoothing=0.25)),
        ask("smoothing-one-class", "K = 1: p is 1 − ε/2", "smoothing classes", small(V, (*GOOD[:4], 0), classes=1, label_smoothing=0.125)),
        ask("several-anchors", "the best predictor alone", "assignment count", small(V, (0.625, 0.3125, 0.375, 0.375, 1), **THREE)),
    ]  # fmt: skip


def whole() -> list[Ask]:
    """All terms."""
    return [
        *logistic.whole(V),
        ask("published", "λ_coord = 0.07 and the ignore rule of the published configuration", "random weight",
            batch(V, 94, images=2, lambda_coord=0.07, ignore_by="prediction", ignore_threshold=0.7)),
        ask("intersection", "anchors that are not the best", "random assignment", batch(V, 95, images=2, assign="intersection")),
        ask("smoothing", "smoothed labels and the slopes of all classes", "random smoothing", batch(V, 96, images=2, label_smoothing=0.125)),
    ]  # fmt: skip
