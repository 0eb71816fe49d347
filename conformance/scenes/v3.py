"""What is asked of YOLOv3."""

from conformance.scenes import logistic
from conformance.scenes.base import GOOD, PLAIN, ask, batch, small, wide
from conformance.scenes.logistic import MOVED
from conformance.scenes.scene import Ask

V = "v3"


def decode() -> list[Ask]:
    """Boxes, objectness and classes."""
    return logistic.decode(V)


def assign() -> list[Ask]:
    """Cells and anchors."""
    near_two = (0.40625, 0.84375, 0.34375, 0.4375, 0)  # IOU above 0.213 with anchors of both heads
    return [
        *logistic.assign(V),
        ask("one-anchor-of-all", "every head takes its own best anchor", "heads assignment", wide(V, near_two)),
        ask("one-anchor", "every anchor above a threshold, as in v4", "assignment",
            small(V, (0.625, 0.3125, 0.375, 0.375, 1), anchors=[[32.0, 24.0], [24.0, 28.0], [24.0, 20.0]], masks=[[0, 1, 2]])),
        ask("poor-match", "a truth without a good anchor gets none", "gate assignment", small(V, (0.75, 0.25, 0.0625, 0.9375, 0))),
    ]  # fmt: skip


def ignore() -> list[Ask]:
    """1ign."""
    return logistic.ignore(V)


def box() -> list[Ask]:
    """λ_coord Σ 1obj gate (2 − w h) [(t_x − t̂_x)² + (t_y − t̂_y)² + (t_w − t̂_w)² + (t_h − t̂_h)²]."""
    edge = (0.5, 0.3125, 0.375, 0.25, 1)
    return [
        ask("x-alone", "x compared after σ, in cells", "plain target", small(V, (0.875, 0.25, 0.5, 0.25, 0))),
        ask("y-alone", "y and x exchanged", "axes target", small(V, (0.75, 0.375, 0.5, 0.25, 0))),
        ask("w-alone", "w compared in fractions; log(p_w/w)", "target", small(V, (0.75, 0.25, 0.375, 0.25, 0))),
        ask("h-alone", "w and h exchanged", "target axes", small(V, (0.75, 0.25, 0.5, 0.375, 0))),
        ask("met", "a loss where the prediction meets the truth", "target", small(V, (0.75, 0.25, 0.5, 0.25, 0))),
        ask("gate-closed", "no gate: IOU with the anchor is 0.4", "gate", small(V, PLAIN, at=MOVED)),
        ask("gate-strict", "≥ for >: IOU with the anchor is ½, exactly", "gate strict", small(V, (0.625, 0.3125, 0.5, 0.125, 1), at=MOVED), firm=False),
        ask("gate-off", "a gate where the config has none", "gate", small(V, PLAIN, at=MOVED, coord_iou_threshold=None)),
        ask("gate-low", "½ for any threshold", "gate", small(V, PLAIN, at=MOVED, coord_iou_threshold=0.375)),
        ask("large-truth", "2 − w·h left out or taken of the prediction: it is 1.15 here", "weight",
            small(V, (0.625, 0.3125, 0.875, 0.96875, 0), at=MOVED, coord_iou_threshold=None)),
        ask("small-truth", "2 − w·h: it is nearly 2 here", "weight", small(V, (0.875, 0.25, 0.03125, 0.0625, 0), at=MOVED, coord_iou_threshold=None)),
        ask("weight", "λ_coord left out", "weight", small(V, GOOD, at=MOVED, lambda_coord=1.75)),
        ask("border-first", "an offset of 0: its logit is that of ε", "border epsilon", small(V, edge, at=MOVED), firm=False),
        ask("border-last", "an offset of 1 on the last edge: its logit is that of 1 − ε", "border epsilon",
            small(V, (1.0, 1.0, 0.375, 0.25, 1)), firm=False),
        ask("epsilon", "1e-3 for any ε: the offset 1/16 is clipped to 1/4", "border epsilon", small(V, (0.53125, 0.484375, 0.375, 0.25, 1), at=MOVED, offset_eps=0.25)),
        ask("lost-object", "the object that lost its predictor costs coordinates", "collision", small(V, (0.75, 0.25, 0.5, 0.25, 0), GOOD, at=MOVED)),
        ask("saturated", "a slope by way of σ: squares of logits grow without end", "saturated", small(V, GOOD, at={(0, 0, 0, 1, 0): (60.0, -60.0, 25.0, -25.0)})),
        ask("batch", "a mean over objects, images or coordinates", "random count", batch(V, 81, coord_iou_threshold=0.25)),
    ]  # fmt: skip


def obj() -> list[Ask]:
    """Objectness of responsible predictors."""
    return logistic.obj(V)


def noobj() -> list[Ask]:
    """Objectness of the others."""
    return logistic.noobj(V)


def cls() -> list[Ask]:
    """Classes."""
    return logistic.cls(V)


def whole() -> list[Ask]:
    """All terms."""
    return logistic.whole(V)
