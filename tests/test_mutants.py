"""The cases tell every wrong-on-purpose variant from the formulas."""

from collections import Counter
from functools import cache

import numpy as np
import pytest

import yolo_losses
from tests.support.backends import Torch, leaves
from tests.support.cases import CASES, EXTREME, Case
from tests.support.expected import TERMS, expected
from tests.support.mutants import MUTANTS


def differentiated(module, case: Case, config, targets):
    """The gradient of `loss` by torch, with the terms."""
    xp = _TORCH()
    constant = xp.tree(targets)
    terms = xp.call(lambda r: module.loss(r, constant, config), case.raw)
    return terms, xp.grad(lambda r: module.loss(r, constant, config).total.sum(), case.raw)


def agrees(case: Case, package, automatic: bool = False) -> bool:
    """Whether a package gives the oracle's terms and gradient for a case."""
    module, targets = getattr(package, case.version), package.Targets(*case.targets)
    config = module.Config(**vars(case.config))
    with np.errstate(all="ignore"):
        if automatic:
            terms, grads = differentiated(module, case, config, targets)
        else:
            terms, grads = module.loss_and_grad(case.raw, targets, config)
    want = expected(case)
    tolerance = 1e-5 if case in EXTREME else 1e-6
    return all(
        np.allclose(getattr(terms, k), want.terms[k], rtol=1e-8, atol=1e-12) for k in TERMS
    ) and all(
        np.allclose(g, e, rtol=0, atol=tolerance * max(1.0, np.abs(e).max(initial=0)))
        for g, e in zip(leaves(grads), want.grads, strict=True)
    )


_TORCH = cache(Torch)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.file}: {m.why}")
def test_mutant_dies(mutant, tmp_path):
    name = f"mutant_{MUTANTS.index(mutant)}"
    package = mutant.load(tmp_path, name)
    cases = [c for c in (*CASES, *EXTREME) if c.version in mutant.versions]
    killers = [c for c in cases if not agrees(c, package, mutant.automatic)]
    assert killers, f"no case notices: {mutant.why}"


def test_the_right_package_agrees():
    """The same comparison lets the package itself through."""
    wrong = [c.name for c in (*CASES, *EXTREME) if not agrees(c, yolo_losses)]
    assert wrong == []


def test_there_are_mutants_of_every_part():
    count = Counter(m.file for m in MUTANTS)
    assert len(MUTANTS) >= 25
    assert {"v1.py", "v2.py", "v3.py", "v4.py", "iou.py", "matching.py"} <= set(count)
