"""The slips that `planting` knows: for which versions, the first stage that shows each, its names.

`said` are names that the comparison may give it; where several stand there, they compute the same.
"""

from typing import NamedTuple

ALL = ("v1", "v2", "v3", "v4")
ANCHORED, SQUARED, LOGISTIC = ALL[1:], ALL[:2], ALL[2:]


class Planted(NamedTuple):
    name: str
    versions: tuple[str, ...]
    stage: str
    said: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return self.said or (self.name,)


P = Planted
FORMULA = [
    P("scale-xy-left-out", ("v4",), "decode"), P("scale-xy-without-shift", ("v4",), "decode"),
    P("row-col-exchanged", ALL, "decode", ("row-col-exchanged", "row-col-exchanged-everywhere",
       "row-col-exchanged-everywhere-in-box-too")), P("tx-ty-exchanged", ALL, "decode"),
    P("tw-th-exchanged", ALL, "decode"), P("anchors-w-h-exchanged", ANCHORED, "decode"),
    P("anchors-times-stride", ANCHORED, "decode"), P("anchors-over-stride", ANCHORED, "decode"),
    P("masks-reversed", LOGISTIC, "decode"), P("sigmoid-missing-xy", ALL, "decode",
      ("sigmoid-missing-xy", "sigmoid-missing-xy-in-box-too")),
    P("half-a-cell", ALL, "decode", ("half-a-cell", "half-a-cell-in-box-too")), P("corner-form", ALL, "decode"),
    P("pixels", ANCHORED, "decode"), P("cells", ALL, "decode"),
    P("nchw-read-as-nhwc", ALL, "decode"), P("classes-by-softmax", LOGISTIC, "decode"),
    P("classes-by-sigmoid", SQUARED, "decode"), P("yolov5-sizes", ("v4",), "decode"),
    P("cell-rounded", ALL, "assignment"), P("truths-x-y-exchanged", ALL, "assignment"),
    P("truths-w-h-exchanged", ALL, "assignment"), P("truths-corner-form", ALL, "assignment"),
    P("valid-ignored", ALL, "assignment"), P("first-keeps", ANCHORED, "box"),
    P("last-keeps", ("v1",), "assignment"), P("best-of-each-head", ("v3",), "assignment"),
    P("best-anchor-only", ("v4",), "assignment", ("best-anchor-only", "assign_iou_threshold=1.0")),
    P("above-threshold-only", ("v4",), "assignment"),
    P("assign-threshold-0.5", ("v4",), "assignment", ("assign_iou_threshold=0.5",)),
    P("all-predictors", ("v1",), "assignment"), P("lowest-iou", ("v1",), "assignment"),
    P("ignore-rule-left-out", LOGISTIC, "ignore", ("ignore_by=None",)),
    P("ignore-by-shape", LOGISTIC, "ignore", ("ignore_by=shape",)),
    P("ignore-threshold-0.5", LOGISTIC, "ignore", ("ignore_threshold=0.5",)),
    P("weight-2-wh-left-out", ("v2", "v3"), "box"),
    P("gate-left-out", ("v3",), "box", ("coord_iou_threshold=None",)),
    P("sqrt-missing", ("v1",), "box"), P("sizes-in-log", ("v2",), "box"),
    P("sizes-linear", ("v3",), "box"), P("offsets-after-sigmoid", ("v3",), "box"),
    P("offsets-bce", ("v3",), "box"), P("sizes-in-cells", ("v2",), "box"),
    P("l1", ALL[:3], "box"),
    *(P(f"similarity-{k}", ("v4",), "box", (f"similarity={k}",)) for k in ("iou", "giou", "diou")),
    P("four-over-pi", ("v4",), "box"), P("boxes-in-fractions", ("v4",), "box"),
    P("diou-to-the-0.6", ("v4",), "box"), P("target-one", SQUARED, "obj"),
    P("target-iou", LOGISTIC, "obj"), P("squared-error-objectness", LOGISTIC, "obj"),
    P("bce-objectness", SQUARED, "obj"), P("noobj-of-empty-cells-only", SQUARED, "noobj"),
    P("noobj-counts-responsible", ALL, "noobj"), P("labels-plus-one", ALL, "cls"),
    P("labels-minus-one", ALL, "cls"), P("classes-bce", SQUARED, "cls"),
    P("classes-squared", LOGISTIC, "cls"), P("double-sigmoid", LOGISTIC, "cls"),
    P("positive-class-only", LOGISTIC, "cls"), P("smoothing-over-k", ("v4",), "cls"),
    P("cross-entropy", ALL, "cls"), P("alpha-differentiated", ("v4",), "gradient"),
    P("iou-target-not-detached", SQUARED, "gradient"), P("v-detached", ("v4",), "gradient"),
    P("sigmoid-slope-left-out", ("v2", "v4"), "gradient"),
    P("float32-inside", ALL, "decode"),
    P("truths-x-y-exchanged-and-w-h", ALL, "assignment"),
    P("truths-top-left-as-centre", ALL, "assignment"), P("truths-upside-down", ALL, "assignment"),
    P("labels-zero", ALL, "cls"), P("sigmoid-twice-xy", ALL, "decode"),
    P("xy-half", ALL[:3], "box"), P("wh-half", ALL[:3], "box"),
    P("weight-squared", ("v2", "v3"), "box"), P("eps-in-union", ("v2", "v4"), "box"),
    P("target-iou-squared", SQUARED, "obj"), P("sigmoid-twice-objectness-in-loss", ALL, "obj"),
    P("softmax-twice-in-loss", SQUARED, "cls"), P("gradient-clipped-at-1", ALL, "gradient"),
    P("slope-left-out-of-objectness", ALL, "gradient"),
]  # fmt: skip
_BY = ("over-N", "over-positives", "over-positives-of-image", "over-2", "times-2", "over-K",
       "over-cells", "over-predictors", "over-T")  # fmt: skip
_SAID = {"over-2": "times-0.5"}
SCALE = [
    P(f"{t}-{by}", ALL, t, (f"{t}-{_SAID.get(by, by)}",))
    for t in ("box", "obj", "noobj", "cls") for by in _BY
]  # fmt: skip
WEIGHTS = {
    "box": (ALL, "lambda_coord"), "obj": (ANCHORED, "lambda_obj"), "cls": (ANCHORED, "lambda_class"),
}  # fmt: skip
SCALE += [
    P(f"{t}-lambda-left-out", versions, t, (f"{t}-{name}-left-out",))
    for t, (versions, name) in WEIGHTS.items()
]
SCALE += [P(f"{t}-left-out", ALL, t) for t in ("box", "obj", "noobj", "cls")]
SCALE += [P(f"{t}-balance", LOGISTIC, t) for t in ("obj", "noobj")]
SCALE += [
    P("noobj-lambda-left-out", SQUARED, "noobj", ("noobj-lambda_noobj-left-out",)),
    P("total-over-N", ALL, "total"), P("grad-over-N", ALL, "gradient", ("gradient-over-N",)),
    P("sign-reversed", ALL, "gradient", ("gradient-sign-reversed",)),
    *(P(f"total-without-{t}", ALL, "total") for t in ("box", "obj", "noobj", "cls")),
]  # fmt: skip
PLANTED = [*FORMULA, *SCALE]
