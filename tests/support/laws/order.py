"""Images, rows, truths, classes, anchors and heads in another order, or by themselves."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

import yolo_losses as yl
from conformance.backends import tree_map

from ..cases import Case
from ..strategies import with_heads
from .law import equal, evaluated, gap, images, law, of_images, per_head, worst

BACK = slice(None, None, -1)


@law("vN.loss_and_grad")
def images_permute(case: Case) -> float:
    """Terms and gradients of images in another order are those of the images, bit for bit."""
    return equal(evaluated(of_images(case, BACK)), images(evaluated(case), BACK))


@law("vN.loss_and_grad")
def batches_split(case: Case) -> float:
    """An image alone has the terms and gradients that it has among others."""
    together = evaluated(case)
    each = (slice(n, n + 1) for n in range(case.heads[0].shape[0]))
    return worst(gap(evaluated(of_images(case, n)), images(together, n)) for n in each)


@law("vN.loss_and_grad")
def padding_is_nothing(case: Case) -> float:
    """Rows that are not valid change nothing, whatever they hold."""
    n = case.heads[0].shape[0]
    rubbish = np.full((n, 2, 4), np.nan), np.full((n, 2), 10**9), *np.zeros((2, n, 2), np.bool_)
    pairs = zip(case.targets, rubbish, strict=False)
    targets = yl.Targets(*(np.concatenate([x, y.astype(x.dtype)], axis=1) for x, y in pairs))
    return gap(evaluated(replace(case, targets=targets)), evaluated(case))


@law("vN.assign", "vN.loss_and_grad")
def truths_permute(case: Case) -> float | None:
    """Truths in another order change nothing, where no two want the same predictor."""
    found = per_head(case.module.assign(case.raw, case.targets, case.config))
    if any(m.collisions.any() for m in found) or not case.targets.valid.any():
        return None
    turned = yl.Targets(*(x[:, BACK] for x in case.targets))
    return gap(evaluated(replace(case, targets=turned)), evaluated(case))


@law("vN.loss_and_grad")
def classes_permute(case: Case) -> float:
    """Classes in another order, with their labels, change no term; the gradient permutes."""
    k, (terms, grads) = case.num_classes, evaluated(case)

    def turned(x: np.ndarray) -> np.ndarray:
        return np.concatenate([x[..., :-k], x[..., : -k - 1 : -1]], axis=-1)

    labels = k - 1 - case.targets.labels
    other = with_heads(replace(case, targets=case.targets._replace(labels=labels)),
                       map(turned, case.heads))  # fmt: skip
    return gap(evaluated(other), (terms, tuple(map(turned, grads))))


# Anchors and heads. No two anchors fit a drawn truth equally well.


@law("vN.loss_and_grad", versions=("v2", "v3", "v4"))
def anchors_permute(case: Case) -> float | None:
    """Anchors of a head in another order change no term; the gradient permutes."""
    if all(x.shape[3] == 1 for x in case.heads):
        return None
    if case.version == "v2":
        config = replace(case.config, anchors=case.config.anchors[BACK])
    else:
        config = replace(case.config, masks=tuple(m[BACK] for m in case.config.masks))
    (terms, grads), turned = evaluated(case), [x[:, :, :, BACK] for x in case.heads]
    other = with_heads(replace(case, config=config), turned)
    return gap(evaluated(other), (terms, tuple(g[:, :, :, BACK] for g in grads)))


@law("vN.loss_and_grad", versions=("v1",))
def boxes_permute(case: Case) -> float | None:
    """Predictors of a cell in another order change no term; the gradient permutes."""
    num = case.config.num_boxes
    if num == 1:
        return None

    def turned(x: np.ndarray) -> np.ndarray:
        boxes = x[..., : 5 * num].reshape(*x.shape[:3], num, 5)[:, :, :, BACK]
        return np.concatenate([boxes.reshape(*x.shape[:3], -1), x[..., 5 * num :]], axis=-1)

    (terms, grads), other = evaluated(case), with_heads(case, map(turned, case.heads))
    return gap(evaluated(other), (terms, tuple(map(turned, grads))))


@law("vN.loss_and_grad", versions=("v3", "v4"))
def anchors_renumber(case: Case) -> float:
    """The list of anchors in another order, the masks by their new numbers, changes nothing."""
    last = len(case.config.anchors) - 1
    masks = tuple(tuple(last - k for k in mask) for mask in case.config.masks)
    config = replace(case.config, anchors=case.config.anchors[BACK], masks=masks)
    return gap(evaluated(replace(case, config=config)), evaluated(case))


@law("vN.loss_and_grad", versions=("v3", "v4"))
def heads_permute(case: Case) -> float:
    """Heads in another order: each keeps its terms and its gradient."""
    names = ("masks", "strides", "scale_xy")[: 2 if case.version == "v3" else 3]
    config = replace(case.config, **{name: getattr(case.config, name)[BACK] for name in names})
    terms, grads = evaluated(with_heads(replace(case, config=config), case.heads[BACK]))
    turned: Callable[[np.ndarray], np.ndarray] = lambda x: x[:, BACK]  # noqa: E731
    return gap((tree_map(turned, terms), grads[BACK]), evaluated(case))
