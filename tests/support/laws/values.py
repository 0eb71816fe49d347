"""What terms are, and that every function that gives them gives the same."""

from dataclasses import fields, replace
from typing import Any

import numpy as np

import yolo_losses as yl
from conformance.backends import leaves, tree_map

from ..cases import Case
from ..strategies import in_dtype
from .law import equal, evaluated, gap, images, law, per_head


@law("vN.loss_and_grad")
def lambdas_scale(case: Case) -> float:
    """Twice every λ are twice all terms and gradients, bit for bit."""
    names = [f.name for f in fields(case.config) if f.name.startswith("lambda_")]
    if case.version == "v1":  # whose objectness and classes have no λ
        config = replace(case.config, lambda_coord=2 * case.config.lambda_coord)
        twice, once = (evaluated(replace(case, config=c))[0].box for c in (config, case.config))
        return equal((twice,), (2 * once,))
    config = replace(case.config, **{name: 2 * getattr(case.config, name) for name in names})
    found, expected = evaluated(replace(case, config=config)), evaluated(case)
    return equal(*(tree_map(_normal, x) for x in (found, tree_map(lambda x: 2 * x, expected))))


def _normal(x: np.ndarray) -> np.ndarray:
    """Without numbers that have lost digits because they are so small."""
    return np.where(abs(x) < 2**10 * np.finfo(x.dtype).smallest_normal, 0, x)


@law("vN.loss_and_grad")
def terms_are_not_negative(case: Case) -> float:
    """Every term is ≥ 0 and finite, and the total is their sum."""
    terms, _ = evaluated(case)
    assert all((x >= 0).all() and np.isfinite(x).all() for x in terms)
    return gap((terms.total,), (sum(x.sum(axis=1) for x in terms),))


@law("vN.loss_and_grad", "vN.loss")
def loss_has_the_same_terms(case: Case) -> float:
    """`loss` gives the terms of `loss_and_grad`."""
    alone = case.module.loss(case.raw, case.targets, case.config)
    return gap(alone, evaluated(case)[0])


@law("vN.loss_and_grad", "vN.workspace")
def workspaces_change_nothing(case: Case) -> float:
    """A workspace that has been used gives the same terms and gradients, bit for bit."""
    module, work = case.module, case.module.workspace(case.raw)
    for n in (slice(None, None, -1), slice(None)):
        targets = images(case.targets, n)
        terms, grads = module.loss_and_grad(case.raw, targets, case.config, work=work)
    return equal((terms, tuple(leaves(grads))), evaluated(case))


@law("vN.loss_and_grad", "vN.loss_grad_diagnosis", "vN.diagnose")
def diagnosis_changes_nothing(case: Case) -> float:
    """`loss_grad_diagnosis` gives loss, gradient and diagnosis of the functions by themselves."""
    module, arguments = case.module, (case.raw, case.targets, case.config)
    terms, grads, found = module.loss_grad_diagnosis(*arguments)
    given = (*(terms, tuple(leaves(grads))), _numbers(found))
    return gap(given, (*evaluated(case), _numbers(module.diagnose(*arguments))))


def _numbers(found: yl.Diagnosis) -> tuple[np.ndarray, ...]:
    """A diagnosis without its NaNs, which are means of nothing."""
    return tuple(np.nan_to_num(x, nan=-1.0) for x in found)


@law("vN.loss_grad_diagnosis")
def diagnoses_merge(case: Case) -> float:
    """The diagnosis of all images has the counts, and the sums behind the means, of each alone."""

    def sums(raw: Any, targets: Any) -> np.ndarray:
        one = case.module.loss_grad_diagnosis(raw, targets, case.config)[2].merged()
        by = [one.others if name == "noobj" else one.positives for name in one._fields[6:]]
        return np.asarray([*one[:6], *(m * n for m, n in zip(one[6:], by, strict=True))])

    alone = [
        sums(*images((case.raw, case.targets), slice(n, n + 1)))
        for n in range(case.heads[0].shape[0])
    ]
    return gap((sums(case.raw, case.targets),), (sum(alone),))


@law("vN.assign")
def predictors_are_disjoint(case: Case) -> float:
    """No predictor is responsible and ignored; counts are those of the masks."""
    for m in per_head(case.module.assign(case.raw, case.targets, case.config)):
        assert not (m.responsible & m.ignored).any()
        np.testing.assert_array_equal(m.responsible.sum(axis=(1, 2, 3)), m.positives)
    return 0.0


SINGLE = 5e-4  # where a centre lies MARGIN from a border of its cell


@law("vN.loss_and_grad", rounding={8: SINGLE, 4: SINGLE})
def single_precision_is_near(case: Case) -> float | None:
    """Terms and gradients in float32 are those in float64 of the same numbers.

    The drawn numbers are of float32. Beside a border of a cell a product of float32 loses digits of
    the offset, hence the tolerance. How much of a tiny prediction lies in a region float32 does not
    know: only batches drawn for it have regions here.
    """
    if case.targets.ignore is not None and case.heads[0].dtype == np.float64:
        return None
    double, single = (evaluated(in_dtype(case, dtype)) for dtype in (np.float64, np.float32))
    assert all(x.dtype == np.float32 for x in leaves(single))
    return gap(single, double)
