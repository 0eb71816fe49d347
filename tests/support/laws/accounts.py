"""What is said about a loss: explanations, comparisons, and what regions hide."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import yolo_losses as yl
from conformance.backends import leaves
from yolo_losses import crosscheck

from ..cases import Case
from ..strategies import in_dtype, with_heads
from .law import evaluated, gap, law, per_head


@law("explain", "vN.loss_and_grad")
def explanations_add_up(case: Case) -> float | None:
    """`explain` never raises and names its truth; the terms of all truths are those of the loss.

    Of the first image.
    """
    valid = case.targets.valid[0]
    if not valid.any():
        return None
    costs = []
    for t in range(len(valid)):
        found = yl.explain(case.raw, case.targets, case.config, 0, t)
        assert f"image 0, truth {t}" in found.title
        assert found.title in found.text(10**6) and found.markdown()
        costs.append(found.terms)
    terms, _ = evaluated(case)
    return gap(
        (np.sum(costs, axis=0),),
        (np.stack([v[0].sum() for v in (terms.box, terms.obj, terms.cls)]),),
    )


FLAT = 1e-2  # a slope of a class that is near 0
TAME = 3.0  # a raw output


@law("vN.decode", "vN.assign", "vN.loss_and_grad", "crosscheck.compare")
def own_numbers_agree(case: Case) -> float:
    """`crosscheck.compare` agrees with all that the functions of a version say.

    In float32 not where slopes that are nearly 0 have lost their digits: those of raw outputs that
    are not tame, and p̂ − p of a softmax that is nearly p.
    """
    single = case.heads[0].dtype == np.float32
    if single:
        case = with_heads(case, [np.clip(x, -TAME, TAME) for x in case.heads])
    module, arguments = case.module, (case.raw, case.targets, case.config)
    terms, grads = module.loss_and_grad(*arguments)
    decoded = per_head(module.decode(case.raw, case.config))
    found = per_head(module.assign(*arguments))
    candidate: dict[str, Any] = {"terms": terms._asdict(), "total": terms.total}
    classes = [g[..., -case.num_classes :] for g in leaves(grads)]
    flat = single and case.version in ("v1", "v2") and abs(classes[0]).max() < FLAT
    if not flat:
        candidate["grad"] = grads
    for name, of in (("boxes", decoded), ("obj", decoded), ("cls", decoded), ("iou", found),
                     ("responsible", found), ("ignored", found)):  # fmt: skip
        candidate[name] = [getattr(head, name) for head in of]
    report = crosscheck.compare(candidate, *arguments, search=False)
    assert report.agrees, str(report)
    return 0.0


HALF = 1e-6  # nearer to ½ a share is not judged


@law("vN.assign", "vN.decode", "vN.loss_and_grad", "boxes.cxcywh_to_xyxy")
def regions_hide(case: Case) -> float:
    """A region that is the whole image leaves no objectness loss to predictors that lie in it."""
    case = _with_region(in_dtype(case, np.float64))
    terms, grads = evaluated(case)
    found = per_head(case.module.assign(case.raw, case.targets, case.config))
    hidden = []
    for s, (m, lies) in enumerate(zip(found, _lie_in_image(case), strict=True)):
        assert (m.responsible | m.ignored)[lies].all()
        slopes = _objectness(case, grads[s])[m.ignored]
        assert not slopes.any()
        none_left = (m.responsible | m.ignored).all(axis=(1, 2, 3))
        hidden.append(terms.noobj[none_left, s])
    return gap(hidden, [np.zeros_like(v) for v in hidden])


def _with_region(case: Case) -> Case:
    """One row more: the image as a region."""
    boxes, labels, valid = case.targets[:3]
    ignore, n = case.targets.ignore, len(valid)
    ignore = np.zeros_like(valid) if ignore is None else ignore
    row = np.tile([0.5, 0.5, 1.0, 1.0], (n, 1, 1)), np.full((n, 1), -1), *np.ones((2, n, 1), bool)
    old = boxes, labels, valid, ignore
    return replace(
        case, targets=yl.Targets(*(np.concatenate(v, 1) for v in zip(old, row, strict=True)))
    )


def _lie_in_image(case: Case) -> Iterator[np.ndarray]:
    """(N, H, W, A): whether more than half of a predictor surely lies in the image."""
    if getattr(case.config, "ignore_by", None) in ("prior", "shape"):
        heads = [x.copy() for x in case.heads]
        for x in heads:
            x[..., :4] = 0  # the prior in the middle of its cell
        case = with_heads(case, heads)
    for d in per_head(case.module.decode(case.raw, case.config)):
        corners = yl.boxes.cxcywh_to_xyxy(d.boxes)
        area, inside = (
            np.prod(v[..., 2:] - v[..., :2], axis=-1) for v in (corners, np.clip(corners, 0, 1))
        )
        yield inside > (0.5 + HALF) * area


def _objectness(case: Case, g: np.ndarray) -> np.ndarray:
    """t_o of a head, (N, H, W, A)."""
    return g[..., 4] if g.ndim == 5 else g[..., 4 : 5 * case.config.num_boxes : 5]
