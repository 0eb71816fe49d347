"""The files of vectors: what `scenes` asks, answered by the oracle."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import mpmath

from conformance import oracle, tolerances
from conformance.exact import DIGITS, STEP, Answer, digits, slope
from conformance.scenes import conversions, pairs, v1, v2, v3, v4
from conformance.scenes.conversions import Conversion
from conformance.scenes.flags import FLAGS
from conformance.scenes.pairs import Pair
from conformance.scenes.scene import Ask, Scene

FOLDER = Path(__file__).parent / "cases"
VERSION = (FOLDER / "VERSION").read_text(encoding="utf-8").strip()
GENERATOR = "conformance/make.py 1, from conformance/oracle with 250 digits"
VERSIONS = {"v1": v1, "v2": v2, "v3": v3, "v4": v4}
STAGES = ("decode", "assign", "ignore", "box", "obj", "noobj", "cls", "loss")

_SOURCE = {
    "v1": "Redmon, Divvala, Girshick, Farhadi 2016, You Only Look Once, equation 3",
    "v2": "Redmon, Farhadi 2017, YOLO9000, section 2",
    "v3": "Redmon, Farhadi 2018, YOLOv3, sections 2.1 to 2.3",
    "v4": "Bochkovskiy, Wang, Liao 2020, YOLOv4, section 3.4",
    "boxes": "definitions",
    "iou": "Jaccard 1912: intersection over union",
    "giou": "Rezatofighi et al. 2019, algorithm 1",
    "diou": "Zheng et al. 2020, equation 7",
    "ciou": "Zheng et al. 2020, equations 8 to 11",
}
_TEXT = {
    "boxes": "Conversions of boxes (x y w h: centre and size).",
    "similarity": "A similarity of pred and gt, corners x1 y1 x2 y2, and its slopes along pred.",
    "decode": "Predictions of raw outputs: boxes x y w h in fractions of the image, objectness, "
              "classes.",
    "assign": "Responsible predictors: [[head, image, row, col, anchor], truth, IOU], the IOU with "
              "the anchor by shape, in v1 with the prediction; counts by image and head.",
    "ignore": "Predictors without objectness loss: [head, image, row, col, anchor].",
    "box": "The coordinate term by image and head, and its slopes, [path into raw, slope]: along "
           "t_x t_y t_w t_h those not listed are 0.",
    "obj": "The objectness of responsible predictors by image and head, and its slopes, "
           "[path into raw, slope].",
    "noobj": "The objectness of all other predictors by image and head, and its slopes, "
             "[path into raw, slope].",
    "cls": "The class term by image and head, and its slopes, [path into raw, slope]: along the "
           "classes those not listed are 0.",
    "loss": "All terms by image and head, their total by image, and the whole gradient of the "
            "summed total: a slope that is not listed is 0.",
}  # fmt: skip


def names() -> list[str]:
    """The files, without their ending."""
    return ["boxes", *pairs.ALL, *(f"{v}-{s}" for v in VERSIONS for s in STAGES
                                   if hasattr(VERSIONS[v], _ASKED.get(s, s)))]  # fmt: skip


_ASKED = {"loss": "whole"}


def asks(name: str) -> list[Ask]:
    """What a file asks."""
    version, _, stage = name.partition("-")
    if name == "boxes":
        return conversions.ASKS
    if name in pairs.ALL:
        return pairs.asks(name)
    found: list[Ask] = getattr(VERSIONS[version], _ASKED.get(stage, stage))()
    return found


def build(name: str, formulas: ModuleType = oracle) -> dict[str, Any]:
    """A file of vectors."""
    version, _, stage = name.partition("-")
    kind = stage or ("boxes" if name == "boxes" else "similarity")
    cases = [_case(name, ask, formulas) for ask in asks(name)]
    used = {flag for case in cases for flag in case["flags"]}
    return {
        "file": name,
        "vectors": VERSION,
        "schema": "schema.json",
        "generator": GENERATOR,
        "source": _SOURCE[version],
        "kind": kind,
        "text": _TEXT[kind],
        "flags": {flag: text for flag, text in FLAGS.items() if flag in used},
        "cases": cases,
    }


def _case(name: str, ask: Ask, formulas: ModuleType) -> dict[str, Any]:
    inputs, expected, tolerance = _ANSWERED[type(ask.inputs)](name, ask.inputs, formulas)
    return {
        "id": f"{name.replace('-', '/')}/{ask.name}",
        "why": ask.why,
        "flags": list(ask.flags),
        "inputs": inputs,
        "expected": expected,
        "tolerance": tolerance,
    }


Answered = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


def _conversion(name: str, x: Conversion, formulas: ModuleType) -> Answered:
    size = {k: v for k, v in (("width", x.width), ("height", x.height)) if v is not None}
    boxes = [list(b) for b in x.boxes]
    out = [list(formulas.conversions.FUNCTIONS[x.function](b, *size.values())) for b in boxes]
    inputs = {"function": x.function, "boxes": boxes, **size}
    return inputs, {"boxes": out}, tolerances.of_conversion([boxes, out])


def _similarity(name: str, x: Pair, formulas: ModuleType) -> Answered:
    expected = of_pair(name, x, formulas)
    inputs = {"similarity": name, "pred": list(x.pred), "gt": list(x.gt)}
    return inputs, expected, tolerances.of_similarity(expected, [*x.pred, *x.gt])


def of_pair(name: str, x: Pair, formulas: ModuleType = oracle) -> dict[str, Any]:
    """The similarity of a pair, and its slopes if they are asked for."""
    with mpmath.workdps(DIGITS):
        pred, gt = digits(x.pred), digits(x.gt)
        expected = {"value": float(formulas.similarity.SIMILARITY[name](pred, gt))}
        if x.slopes:
            slopes = formulas.similarity.gradient(name, pred, gt, STEP)
            expected["slopes"] = [slope(s) for s in slopes]
    return expected


def _stage(name: str, x: Scene, formulas: ModuleType) -> Answered:
    stage = name.partition("-")[2]
    answer, config = Answer(x, formulas), dict(x.config)
    expected = _EXPECTED.get(stage, _term)(answer, stage)
    inputs = {"config": config, "raw": x.raw, "targets": _targets(x)}
    if stage == "decode":
        del inputs["targets"]
    return inputs, expected, tolerances.of_stage(stage, expected, config)


def _targets(x: Scene) -> dict[str, Any]:
    rows = {
        "boxes": [[list(row[:4]) for row in image] for image in x.truths],
        "labels": [[row[4] for row in image] for image in x.truths],
        "valid": [[row[5] for row in image] for image in x.truths],
    }
    ignore = [[any(row[6:]) for row in image] for image in x.truths]
    return {**rows, "ignore": ignore} if any(map(any, ignore)) else rows


def _term(answer: Answer, stage: str) -> dict[str, Any]:
    return {"terms": answer.terms(stage), "slopes": answer.slopes(stage)}


_EXPECTED: dict[str, Callable[[Answer, str], dict[str, Any]]] = {
    "decode": lambda answer, _: {"decoded": answer.decoded()},
    "assign": lambda answer, _: {"responsible": answer.responsible(), **answer.counts()},
    "ignore": lambda answer, _: {"ignored": answer.ignored()},
    "loss": lambda answer, _: {"terms": answer.terms(), "total": answer.total(),
                               "grad": answer.gradient()},
}  # fmt: skip
_ANSWERED: dict[type, Callable[[str, Any, ModuleType], Answered]] = {
    Conversion: _conversion, Pair: _similarity, Scene: _stage,
}  # fmt: skip
