"""Gradients: 0 where a prediction meets its truth, downhill elsewhere.

What a formula holds constant for the gradient (the IOU of v1 and v2, α of CIOU, every choice) is
kept out: box fields go downhill by the box term alone, other fields by the others.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import yolo_losses as yl

from ..cases import Case
from ..strategies import in_dtype, with_heads
from .law import evaluated, law, per_head, worst


def box_fields(case: Case, x: np.ndarray) -> np.ndarray:
    """t_x t_y t_w t_h of a head as a view, (N, H, W, A, 4)."""
    if x.ndim == 5:
        return x[..., :4]
    num = case.config.num_boxes
    return x[..., : 5 * num].reshape(*x.shape[:3], num, 5)[..., :4]


def held(case: Case) -> Iterator[tuple[int, tuple[np.ndarray, ...], np.ndarray]]:
    """The predictors that truths hold: head, (image, row, col, anchor), and their boxes."""
    found = per_head(case.module.assign(case.raw, case.targets, case.config))
    for s, m in enumerate(found):
        n, t, a = m.mask.nonzero()
        yield s, (n, m.row[n, t], m.col[n, t], m.anchor[n, t, a]), case.targets.boxes[n, t]


def encoded(case: Case, s: int, at: tuple[np.ndarray, ...], boxes: np.ndarray) -> np.ndarray:
    """t of boxes at places of a head."""
    options: dict[str, Any] = {"grid_shape": case.heads[s].shape[1:3]}
    if case.version in ("v3", "v4"):
        options["head"] = s
    place = at[1:3] if case.version == "v1" else at[1:]
    return case.module.encode(boxes, *place, case.config, **options)


def _on_truths(case: Case) -> Case:
    """The same case whose responsible predictions are their truths."""
    heads = [x.copy() for x in case.heads]
    for s, at, boxes in held(case):
        box_fields(case, heads[s])[at] = encoded(case, s, at, boxes)
    return with_heads(case, heads)


@law("vN.assign", "vN.encode", "vN.loss_and_grad")
def boxes_rest_on_truths(case: Case) -> float | None:
    """Predictions that meet their truths have no box term, and no slope of it.

    A similarity has a kink there, and a slope where rounding leaves one: v4 has no box term, and
    its slope is what `priors_rest_on_truths` looks at.
    """
    if not any(len(boxes) for _, _, boxes in held(case)):
        return None
    case = _on_truths(case)
    terms, grads = evaluated(case)
    slopes = [box_fields(case, grads[s])[at] for s, at, _ in held(case) if case.version != "v4"]
    return worst([abs(terms.box).max(), *(abs(g).max(initial=0.0) for g in slopes)])


@law("vN.assign", "vN.loss_and_grad", versions=("v4",))
def priors_rest_on_truths(case: Case) -> float | None:
    """Where prediction and truth have the same edges bit for bit, a similarity has no slope."""
    case = _priors(case)
    _, grads = evaluated(case)
    slopes = []
    for s, at, boxes in held(case):
        anchors = np.asarray(case.config.anchors)[list(case.config.masks[s])][at[3]]
        meets = (boxes[:, 2:] == _sizes(case, anchors)).all(axis=1) & _central(case, s, boxes)
        slopes.append(grads[s][at][meets, :4])
    if not sum(map(len, slopes)):
        return None
    return worst(abs(g).max(initial=0.0) for g in slopes)


def _priors(case: Case) -> Case:
    """Box fields of 0, and truths of the sizes of anchors in the middle of cells."""
    heads, boxes = [x.copy() for x in case.heads], case.targets.boxes.copy()
    for x in heads:
        x[..., :4] = 0
    cells = np.asarray(heads[0].shape[2:0:-1])
    which = np.arange(boxes.shape[1]) % len(case.config.anchors)
    boxes[..., :2] = (np.clip(np.floor(boxes[..., :2] * cells), 0, cells - 1) + 0.5) / cells
    boxes[..., 2:] = _sizes(case, np.asarray(case.config.anchors)[which])
    config = replace(case.config, scale_xy=(1.0, 2.0))  # which leave the middle of a cell exact
    targets = case.targets._replace(boxes=boxes)
    return with_heads(replace(case, targets=targets, config=config), heads)


def _sizes(case: Case, anchors: np.ndarray) -> np.ndarray:
    """In fractions of the image."""
    h, w = case.heads[0].shape[1:3]
    size = np.asarray([w, h]) * case.config.strides[0]
    return (anchors / size).astype(case.targets.boxes.dtype)


def _central(case: Case, s: int, boxes: np.ndarray) -> np.ndarray:
    """Whether centres are exactly in the middle of cells of a head."""
    at = boxes[:, :2] * np.asarray(case.heads[s].shape[2:0:-1]).astype(boxes.dtype)
    return (at - np.floor(at) == 0.5).all(axis=1)


STEPS = 10.0 ** np.arange(-3, -9, -1)  # the largest change of a raw output
TINY = 1e-140  # slopes below it have no square
FALL = 1e-3  # how well a step of some size foretells the fall


@law("vN.assign", "vN.loss_and_grad", "vN.loss", rounding={8: FALL, 4: FALL})
def steps_go_downhill(case: Case) -> float | None:
    """A small step against the gradient g lowers the loss by |g|² times the step."""
    case = in_dtype(case, np.float64)
    if case.version == "v4" and case.config.similarity == "ciou":  # whose α is held constant
        case = replace(case, config=replace(case.config, similarity="diou"))
    before, grads = evaluated(case)
    errors = []
    for boxes in (True, False):
        parts = [_part(case, g, boxes=boxes) for g in grads]
        errors += list(_falls(case, before, parts, boxes=boxes))
    return worst(errors) if errors else None


def _part(case: Case, g: np.ndarray, *, boxes: bool) -> np.ndarray:
    """A gradient along box fields alone, or along the others."""
    out = np.zeros_like(g) if boxes else g.copy()
    box_fields(case, out)[:] = box_fields(case, g) if boxes else 0
    return out


def _cost(terms: yl.LossTerms, *, boxes: bool) -> np.ndarray:
    """(N,): the box term, or all others."""
    return (terms.box if boxes else terms.obj + terms.noobj + terms.cls).sum(axis=1)


def _falls(case: Case, before: Any, grads: list[np.ndarray], *, boxes: bool) -> Iterator[float]:
    """For each image how wrong |g|² is about the fall, at the best step that rounding leaves."""
    largest = np.max([abs(g).max(axis=(1, 2, 3, *range(4, g.ndim))) for g in grads], axis=0)
    square = sum((g * g).sum(axis=tuple(range(1, g.ndim))) for g in grads)
    start = _cost(before, boxes=boxes)
    wrong = np.full(largest.shape, np.nan)
    for step in STEPS:
        rate = np.where(largest > TINY, step / np.maximum(largest, TINY), 0)
        moved = [
            x - g * rate.reshape(-1, *(1,) * (g.ndim - 1))
            for x, g in zip(case.heads, grads, strict=True)
        ]
        after = with_heads(case, moved)
        fall = start - _cost(case.module.loss(after.raw, case.targets, case.config), boxes=boxes)
        clear = (rate > 0) & (rate * square > 1e-12 * start) & _same(case, after)
        error = np.abs(1 - fall / np.where(clear, rate * square, 1))
        wrong = np.where(clear, np.fmin(wrong, error), wrong)
    yield from wrong[~np.isnan(wrong)].tolist()


def _same(case: Case, other: Case) -> np.ndarray:
    """(N,): whether the same predictors are responsible, and the same ignored."""
    pair = (per_head(c.module.assign(c.raw, c.targets, c.config)) for c in (case, other))
    same = [
        (a.responsible == b.responsible) & (a.ignored == b.ignored)
        for a, b in zip(*pair, strict=True)
    ]
    return np.all([v.all(axis=(1, 2, 3)) for v in same], axis=0)
