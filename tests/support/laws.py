"""What holds for every batch, whatever its options: laws that need no expected values.

    python -m tests.support.laws --examples 1000

tries each law on so many batches of each version and prints the worst error. A law returns the
error that it allows by rounding, relative to what it compares; the rest is equal bit for bit.
"""

import argparse
import itertools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings

import yolo_losses as yl
from conformance.backends import BACKENDS, leaves, tree_map

from .cases import Case
from .strategies import CONFIGS, batches, with_heads

Law = Callable[[Case], float]
ROUNDING = 1e-12  # of sums in another order, and of numbers that go there and back


def evaluated(case: Case) -> tuple[yl.LossTerms, tuple[np.ndarray, ...]]:
    terms, grads = case.module.loss_and_grad(case.raw, case.targets, case.config)
    return terms, tuple(leaves(grads))


def gap(a: Any, b: Any) -> float:
    """The largest difference, relative to the largest number; NaN where one is."""
    pairs = list(zip(leaves(a), leaves(b), strict=True))
    assert all(x.shape == y.shape for x, y in pairs)
    largest = np.max([1.0, *(abs(y).max(initial=0.0) for _, y in pairs)])
    return float(np.max([0.0, *(abs(x - y).max(initial=0.0) for x, y in pairs)]) / largest)


def equal(a: Any, b: Any) -> float:
    for x, y in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)
    return 0.0


def images_permute(case: Case) -> float:
    """Terms and gradients of images in another order are those of the images, bit for bit."""
    back = slice(None, None, -1)
    raw, targets, expected = _images((case.raw, case.targets, evaluated(case)), back)
    return equal(evaluated(replace(case, raw=raw, targets=targets)), expected)


def batches_split(case: Case) -> float:
    """An image alone has the terms and gradients that it has among others."""
    together, worst = evaluated(case), 0.0
    for n in range(case.heads[0].shape[0]):
        alone = slice(n, n + 1)
        raw, targets, expected = _images((case.raw, case.targets, together), alone)
        worst = float(
            np.max([worst, gap(evaluated(replace(case, raw=raw, targets=targets)), expected)])
        )
    return worst


def _images(x: Any, which: slice) -> Any:
    return tree_map(lambda v: v[which], x)


def padding_is_nothing(case: Case) -> float:
    """Rows that are not valid change nothing, whatever they hold."""
    n = case.heads[0].shape[0]
    rubbish = np.full((n, 2, 4), np.nan), np.full((n, 2), 10**9), *np.zeros((2, n, 2), np.bool_)
    pairs = zip(case.targets, rubbish, strict=False)
    targets = yl.Targets(*(np.concatenate(pair, axis=1) for pair in pairs))
    return gap(evaluated(replace(case, targets=targets)), evaluated(case))


def classes_permute(case: Case) -> float:
    """Classes in another order, with their labels, change no term; the gradient permutes."""
    k, (terms, grads) = case.num_classes, evaluated(case)

    def turned(x: np.ndarray) -> np.ndarray:
        return np.concatenate([x[..., :-k], x[..., : -k - 1 : -1]], axis=-1)

    labels = k - 1 - case.targets.labels
    other = with_heads(replace(case, targets=case.targets._replace(labels=labels)),
                       map(turned, case.heads))  # fmt: skip
    return gap(evaluated(other), (terms, tuple(map(turned, grads))))


def lambdas_scale(case: Case) -> float:
    """Twice every λ are twice all terms and gradients, bit for bit."""
    names = [f.name for f in fields(case.config) if f.name.startswith("lambda_")]
    if case.version == "v1":  # whose objectness and classes have no λ
        config = replace(case.config, lambda_coord=2 * case.config.lambda_coord)
        twice, once = (evaluated(replace(case, config=c))[0].box for c in (config, case.config))
        return equal((twice,), (2 * once,))
    config = replace(case.config, **{name: 2 * getattr(case.config, name) for name in names})
    return equal(
        evaluated(replace(case, config=config)), tree_map(lambda x: 2 * x, evaluated(case))
    )


def terms_are_not_negative(case: Case) -> float:
    """Every term is ≥ 0 and finite, and the total is their sum."""
    terms, _ = evaluated(case)
    assert all((x >= 0).all() and np.isfinite(x).all() for x in terms)
    return gap((terms.total,), (sum(x.sum(axis=1) for x in terms),))


def loss_has_the_same_terms(case: Case) -> float:
    """`loss` gives the terms of `loss_and_grad`."""
    alone = case.module.loss(case.raw, case.targets, case.config)
    return gap(alone, evaluated(case)[0])


def diagnosis_changes_nothing(case: Case) -> float:
    """`loss_grad_diagnosis` gives loss, gradient and diagnosis of the functions by themselves."""
    module, arguments = case.module, (case.raw, case.targets, case.config)
    terms, grads, _ = module.loss_grad_diagnosis(*arguments)
    return gap((terms, tuple(leaves(grads))), evaluated(case))


def predictors_are_disjoint(case: Case) -> float:
    """No predictor is responsible and ignored; counts are those of the masks."""
    found = case.module.assign(case.raw, case.targets, case.config)
    for m in [found] if isinstance(found, yl.Matches) else found:
        assert not (m.responsible & m.ignored).any()
        np.testing.assert_array_equal(m.responsible.sum(axis=(1, 2, 3)), m.positives)
    return 0.0


def decoded_boxes_encode(case: Case) -> float:
    """`encode` of `decode` are the raw outputs, those of tame size."""
    tame = with_heads(case, [np.clip(x, -4, 4) for x in case.heads])
    decoded, worst = tame.module.decode(tame.raw, tame.config), 0.0
    for s, d in enumerate([decoded] if isinstance(decoded, yl.Decoded) else decoded):
        row, col, anchor = np.indices(d.boxes.shape[1:4])[:, None]
        at, head = (row, col, anchor), {"head": s}
        if case.version in ("v1", "v2"):
            at, head = at[: 2 if case.version == "v1" else 3], {}
        t = tame.module.encode(
            d.boxes, *(np.broadcast_to(v, d.obj.shape) for v in at), tame.config,
            grid_shape=d.boxes.shape[1:3], **head,
        )  # fmt: skip
        x = tame.heads[s]
        if case.version == "v1":
            x = x[..., : 5 * tame.config.num_boxes].reshape(*x.shape[:3], -1, 5)
        worst = float(np.max([worst, gap((t,), (x[..., :4],))]))
    return worst


def detections_are_suppressed(case: Case) -> float:
    """Kept boxes overlap by the threshold at most; to suppress them again changes nothing."""
    found = yl.nms.detections(case.raw, case.config, size=(64, 64))
    kept = yl.nms.nms(found.boxes, found.scores, threshold=0.4).keep
    for boxes, scores, keep in zip(found.boxes, found.scores, kept, strict=True):
        left = boxes[keep]
        overlaps = yl.iou.iou(left[:, None], left)
        assert (overlaps[~np.eye(len(left), dtype=np.bool_)] <= 0.4).all()
        assert yl.nms.nms(left, scores[keep], threshold=0.4).keep.all()
    return 0.0


def detections_permute(case: Case) -> float:
    """Candidates in another order are kept as before, where no two scores are equal."""
    found, back = yl.nms.detections(case.raw, case.config, size=(64, 64)), slice(None, None, -1)
    if any(len(np.unique(s)) < len(s) for s in found.scores):
        return 0.0
    kept = yl.nms.nms(found.boxes, found.scores, threshold=0.4).keep
    turned = yl.nms.nms(found.boxes[:, back], found.scores[:, back], threshold=0.4).keep
    return equal((turned[:, back],), (kept,))


def diagnoses_merge(case: Case) -> float:
    """The diagnosis of all images has the counts, and the sums behind the means, of each alone."""

    def sums(raw: Any, targets: Any) -> np.ndarray:
        one = case.module.loss_grad_diagnosis(raw, targets, case.config)[2].merged()
        by = [one.others if name == "noobj" else one.positives for name in one._fields[6:]]
        return np.asarray([*one[:6], *(m * n for m, n in zip(one[6:], by, strict=True))])

    alone = [
        sums(*_images((case.raw, case.targets), slice(n, n + 1)))
        for n in range(case.heads[0].shape[0])
    ]
    return gap((sums(case.raw, case.targets),), (sum(alone),))


def similarities_are_bounded(case: Case) -> float:
    """0 ≤ iou, ciou ≤ diou ≤ iou, giou ≤ iou, −1 ≤ giou and diou; iou is symmetric."""
    decoded = case.module.decode(case.raw, case.config)
    heads = [decoded] if isinstance(decoded, yl.Decoded) else decoded
    boxes = yl.boxes.cxcywh_to_xyxy(heads[0].boxes.reshape(-1, 4))
    pairs = boxes[:, None], boxes
    iou, giou, diou, ciou = (getattr(yl.iou, s)(*pairs) for s in ("iou", "giou", "diou", "ciou"))
    assert (iou >= 0).all() and (iou <= 1 + ROUNDING).all()
    assert (ciou <= diou + ROUNDING).all() and (diou <= iou + ROUNDING).all()
    assert (giou <= iou + ROUNDING).all() and (np.minimum(giou, diou) >= -1 - ROUNDING).all()
    return gap((iou,), (iou.T,))


def boxes_convert_back(case: Case) -> float:
    """Conversions of boxes are inverses."""
    usable = case.targets.boxes[np.isfinite(case.targets.boxes).all(axis=-1)]
    there = yl.boxes.cxcywh_to_xyxy(usable)
    return gap((yl.boxes.xyxy_to_cxcywh(there),), (usable,))


def truths_permute(case: Case) -> float:
    """Truths in another order change nothing, where no two want the same predictor."""
    found = case.module.assign(case.raw, case.targets, case.config)
    if any(m.collisions.any() for m in ([found] if isinstance(found, yl.Matches) else found)):
        return 0.0
    turned = yl.Targets(*(x[:, ::-1] for x in case.targets))
    return gap(evaluated(replace(case, targets=turned)), evaluated(case))


def formats_convert_back(case: Case) -> float:
    """`boxes.convert` from any format to any other and back gives the boxes."""
    usable, worst = case.targets.boxes[case.targets.valid], 0.0
    for source, target in itertools.permutations(yl.boxes.FORMATS, 2):
        there = yl.boxes.convert(usable, source, target, size=(61, 47))
        back = yl.boxes.convert(there, target, source, size=(61, 47))
        worst = float(np.max([worst, gap((back,), (usable,))]))
    return worst


def outputs_turn_back(case: Case) -> float:
    """`to_nchw` and `to_nhwc` are inverted by `from_nchw` and `from_nhwc`."""
    for x in case.heads:
        a = x.shape[3] if x.ndim == 5 else None
        equal(
            (yl.grid.from_nchw(yl.grid.to_nchw(x), a), yl.grid.from_nhwc(yl.grid.to_nhwc(x), a)),
            (x, x),
        )
    return 0.0


def lists_pad_to_targets(case: Case) -> float:
    """`pad_targets` gives back the valid rows of its lists."""
    boxes, labels, valid = case.targets[:3]
    if case.targets.ignore is not None:
        return 0.0
    lists = [[x[n][valid[n]] for n in range(len(x))] for x in (boxes, labels)]
    padded = yl.pad_targets(*lists)
    kept = [[x[n][padded.valid[n]] for n in range(len(x))] for x in padded[:2]]
    return equal(kept, lists)


def same_on(library: str) -> Law:
    """The law that a back end of `conformance.backends` has the terms and gradients of NumPy."""
    backend = BACKENDS[library]()

    def same(case: Case) -> float:
        answer = partial(case.module.loss_and_grad, config=case.config)
        return gap(backend.call(answer, case.raw, case.targets), evaluated(case))

    return same


LAWS: tuple[Law, ...] = (
    images_permute, batches_split, padding_is_nothing, classes_permute, lambdas_scale,
    terms_are_not_negative, loss_has_the_same_terms, diagnosis_changes_nothing,
    predictors_are_disjoint, decoded_boxes_encode, detections_are_suppressed,
    similarities_are_bounded, boxes_convert_back, outputs_turn_back, lists_pad_to_targets,
    truths_permute, formats_convert_back, detections_permute, diagnoses_merge,
)  # fmt: skip


LIBRARIES = "array-api-strict", "torch", "torch-lent"  # those that compile nothing


class Tried(NamedTuple):
    """How many batches a law was tried on, and the worst error."""

    examples: int
    error: float


def tried(
    law: Law, version: str, examples: int, start: int = 0, phases: Sequence[Phase] = tuple(Phase)
) -> Tried:
    """Try a law on batches that hypothesis draws, the same for the same seed `start`.

    Where many draws are too close to a decision hypothesis gives up earlier.
    """
    errors: list[float] = []

    @seed(start)
    @settings(max_examples=examples, deadline=None, database=None, phases=phases,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(batches(version))
    def hold(case: Case) -> None:
        errors.append(law(case))
        assert errors[-1] <= ROUNDING

    hold()
    return Tried(len(errors), max(errors))


def main() -> None:
    """A line a law and version; exit code 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options, failed = parser.parse_args(), False
    warnings.simplefilter("error")
    every = {law.__name__: law for law in LAWS} | {f"same on {k}": same_on(k) for k in LIBRARIES}
    for (name, law), version in itertools.product(every.items(), CONFIGS):
        try:
            found = tried(law, version, options.examples, options.seed)
            said = f"{found.examples} batches, worst error {found.error:.1e}"
        except Exception as error:
            said, failed = f"FAILS: {type(error).__name__} {str(error)[:300]}", True
        print(f"{name} {version}: {said}", flush=True)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
