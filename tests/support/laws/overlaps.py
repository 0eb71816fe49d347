"""Boxes: their formats, and their similarities."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

import yolo_losses as yl

from ..cases import Case
from .law import ROUNDING, equal, evaluated, gap, law, per_head, worst

NAMES = ("iou", "giou", "diou", "ciou")
SIZE = (61, 47)  # of an image, pixels
COMMON = 0.03  # the least side, and its inverse the largest


def _usable(case: Case) -> np.ndarray:
    """Truths without rubbish, (M, 4)."""
    return case.targets.boxes[case.targets.valid]


def _pairs(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of the first head and truths, every one with every one, in corner form."""
    decoded = per_head(case.module.decode(case.raw, case.config))[0]
    boxes = np.concatenate([decoded.boxes.reshape(-1, 4), _usable(case)])
    boxes = yl.boxes.cxcywh_to_xyxy(boxes)
    return boxes[:, None], boxes[None]


# Formats.


@law("boxes.cxcywh_to_xyxy", "boxes.xyxy_to_cxcywh", "boxes.xyxy_to_xywh", "boxes.xywh_to_xyxy",
     "boxes.to_pixels", "boxes.to_fractions")  # fmt: skip
def boxes_convert_back(case: Case) -> float:
    """Conversions of boxes are inverses."""
    boxes = _usable(case)
    corners = yl.boxes.cxcywh_to_xyxy(boxes)
    return gap(
        (
            yl.boxes.xyxy_to_cxcywh(corners),
            yl.boxes.xywh_to_xyxy(yl.boxes.xyxy_to_xywh(corners)),
            yl.boxes.to_fractions(yl.boxes.to_pixels(boxes, *SIZE), *SIZE),
        ),
        (boxes, corners, boxes),
    )


@law("boxes.split", "boxes.edges", "boxes.cxcywh_to_xyxy")
def edges_are_corners(case: Case) -> float:
    """`edges` of `split` are the corner form."""
    boxes = _usable(case)
    edges = yl.boxes.edges(*yl.boxes.split(boxes))
    return equal((np.stack(edges, axis=-1),), (yl.boxes.cxcywh_to_xyxy(boxes),))


@law("boxes.convert")
def formats_convert_back(case: Case) -> float:
    """`boxes.convert` from any format to any other and back gives the boxes."""
    boxes = _usable(case)

    def errors() -> Iterator[float]:
        for source, target in itertools.permutations(yl.boxes.FORMATS, 2):
            there = yl.boxes.convert(boxes, source, target, size=SIZE)
            yield gap((yl.boxes.convert(there, target, source, size=SIZE),), (boxes,))

    return worst(errors())


# Similarities.


@law("vN.decode", "boxes.cxcywh_to_xyxy", "iou.iou", "iou.giou", "iou.diou", "iou.ciou")
def similarities_are_bounded(case: Case) -> float:
    """0 ≤ iou, ciou ≤ diou ≤ iou, giou ≤ iou, −1 ≤ giou and diou; iou is symmetric."""
    pairs = _pairs(case)
    slack = ROUNDING[case.heads[0].dtype.itemsize]
    iou, giou, diou, ciou = (getattr(yl.iou, name)(*pairs) for name in NAMES)
    assert (iou >= 0).all() and (iou <= 1 + slack).all()
    assert (ciou <= diou + slack).all() and (diou <= iou + slack).all()
    assert (giou <= iou + slack).all() and (np.minimum(giou, diou) >= -1 - slack).all()
    return gap((iou,), (iou.T,))


@law("vN.decode", "boxes.cxcywh_to_xyxy", "boxes.split", "boxes.xyxy_to_cxcywh", "iou.iou",
     "iou.giou", "iou.diou", "iou.ciou", "iou.value_and_grad", "iou.corners", "iou.centred",
     "iou.distance")  # fmt: skip
def similarities_agree(case: Case) -> float:
    """A similarity is the value beside its gradient; DIOU is IOU less the distance."""
    pairs = _pairs(case)
    value = {name: getattr(yl.iou, name)(*pairs) for name in NAMES}
    beside = {name: yl.iou.value_and_grad(name, *pairs)[0] for name in NAMES}
    corners = [yl.iou.corners(boxes) for boxes in pairs]
    centred = [yl.iou.centred(*yl.boxes.split(yl.boxes.xyxy_to_cxcywh(b))) for b in pairs]
    apart = [value["iou"] - yl.iou.distance(*boxes) for boxes in (corners, centred)]
    return gap((*beside.values(), *apart),
               (*value.values(), value["diou"], value["diou"]))  # fmt: skip


@law("vN.decode", "boxes.cxcywh_to_xyxy", "iou.value_and_grad")
def similarities_move_with_both(case: Case) -> float | None:
    """No slope where both boxes move, or grow, together: Σ ∂s/∂x = 0, Σ x ∂s/∂x = 0.

    Boxes of common size: where centres are is known to 1e-16, and 2 ρ / c² is the slope of ρ² / c².
    """
    boxes = _pairs(case)[1][0]
    sides = boxes[:, 2:] - boxes[:, :2]
    boxes = boxes[((sides > COMMON) & (sides < 1 / COMMON)).all(axis=1)]
    if not len(boxes):
        return None
    a, b = boxes[:, None], boxes[None]
    return worst(_together(name, *np.broadcast_arrays(a, b)) for name in NAMES)


def _together(name: str, a: np.ndarray, b: np.ndarray) -> float:
    """All similarities are symmetric, and so the slope along b is known."""
    slopes = yl.iou.value_and_grad(name, a, b)[1], yl.iou.value_and_grad(name, b, a)[1]
    moved, grown = np.concatenate(slopes, axis=-1), np.concatenate([a, b], axis=-1)
    errors = []
    for parts in (moved[..., 0::2], moved[..., 1::2], moved * grown):
        unit = np.maximum(abs(parts).max(axis=-1), 1.0)
        errors.append(float((abs(parts.sum(axis=-1)) / unit).max(initial=0.0)))
    return worst(errors)


@law("vN.loss_and_grad", "iou.similarity", versions=("v4",))
def similarities_register(case: Case) -> float:
    """A registered formula has the terms and gradients of the built-in one that it repeats."""
    formula, name = yl.iou.SIMILARITY[case.config.similarity], "repeated"

    def repeated(pred: yl.iou.Corners, gt: yl.iou.Corners) -> object:
        return formula(pred, gt)

    expected = evaluated(case)
    yl.iou.similarity(repeated)
    try:
        config = replace(case.config, similarity=name)
        return equal(evaluated(replace(case, config=config)), expected)
    finally:
        del yl.iou.SIMILARITY[name]
