"""The cases tell every wrong-on-purpose variant from the formulas."""

from collections import Counter
from functools import cache

import numpy as np
import pytest

import yolo_losses
from conformance.backends import Torch, leaves, tree_map
from tests.support.cases import BY_HAND, CASES, EXTREME, PLAIN, REGIONS, Case
from tests.support.expected import TERMS, expected
from tests.support.large import LARGE, at_once
from tests.support.mutants import MUTANTS

_TORCH = cache(Torch)


# What a package says of a case, and what it should: terms and a list of gradients, one a head.


def closed_form(case: Case, module, targets, config):
    """Terms and gradient of `loss_and_grad`."""
    return module.loss_and_grad(case.raw, targets, config)


def automatic(case: Case, module, targets, config):
    """The gradient of `loss` by torch, with the terms."""
    xp = _TORCH()
    constant = xp.tree(targets)
    terms = xp.call(lambda r: module.loss(r, constant, config), case.raw)
    return terms, xp.grad(lambda r: module.loss(r, constant, config).total.sum(), case.raw)


def in_a_workspace(case: Case, module, targets, config):
    """The gradient where that of the same truths in other images was."""
    work, others = module.workspace(case.raw), tree_map(lambda v: v[::-1], targets)
    module.loss_and_grad(case.raw, others, config, work=work)
    return module.loss_and_grad(case.raw, targets, config, work=work)


def weights(case: Case):
    """Any cotangents."""
    rng = np.random.default_rng(0)
    shape = len(case.heads[0]), len(case.heads)
    return yolo_losses.LossTerms(*(rng.normal(size=shape) for _ in TERMS))


def by_cotangents(case: Case, module, targets, config):
    """The gradient of the terms times cotangents."""
    terms, slopes = module.linearise(case.raw, targets, config)
    return terms, module.terms.pull_back(case.heads, slopes, module.LossTerms(*weights(case)))


def of_the_oracle(case: Case):
    want = expected(case)
    return [want.terms[k] for k in TERMS], want.grads


@cache
def _weighed(name: str):
    (case,), xp = [c for c in SOME if c.name == name], _TORCH()
    targets, by = xp.tree(case.targets), xp.tree(tuple(weights(case)))

    def sum_of(raw):
        each = case.module.loss(raw, targets, case.config)
        return sum((w * v).sum() for w, v in zip(by, each, strict=True))

    return xp.grad(sum_of, case.raw)


def of_torch(case: Case):
    """The oracle's terms, and their automatic gradient by cotangents."""
    return of_the_oracle(case)[0], leaves(_weighed(case.name))


SMALL, SOME = [*CASES, *EXTREME], [*PLAIN.values(), *(c for c in BY_HAND if "collisions" in c.name)]
WAYS = {
    "gradient": (closed_form, SMALL, of_the_oracle),
    "automatic": (automatic, SMALL, of_the_oracle),
    "regions": (closed_form, REGIONS, of_the_oracle),
    "workspace": (in_a_workspace, SOME, of_the_oracle),
    "cotangents": (by_cotangents, SOME, of_torch),
    "large": (closed_form, LARGE, at_once),
}


def agrees(case: Case, package, shows: str = "gradient") -> bool:
    """Whether a package says what it should; shapes that do not fit are noticed as well."""
    say, _, want = WAYS[shows]
    module, targets = getattr(package, case.version), package.Targets(*case.targets)
    try:
        with np.errstate(all="ignore"):
            terms, grads = say(case, module, targets, module.Config(**vars(case.config)))
    except ValueError:
        return False
    tolerance, (want_terms, want_grads) = 1e-5 if case in EXTREME else 1e-6, want(case)
    return all(
        np.shape(t) == np.shape(e) and np.allclose(t, e, rtol=1e-8, atol=1e-12)
        for t, e in zip(terms, want_terms, strict=True)
    ) and all(
        np.allclose(g, e, rtol=0, atol=tolerance * max(1.0, np.abs(e).max(initial=0)))
        for g, e in zip(leaves(grads), leaves(want_grads), strict=True)
    )


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.file}: {m.why}")
def test_mutant_dies(mutant, tmp_path):
    package = mutant.load(tmp_path, f"mutant_{MUTANTS.index(mutant)}")
    _, cases, _ = WAYS[mutant.shows]
    cases = [case for case in cases if case.version in mutant.versions]
    killers = [case for case in cases if not agrees(case, package, mutant.shows)]
    assert killers, f"no case notices: {mutant.why}"


@pytest.mark.parametrize("shows", list(WAYS))
def test_the_right_package_agrees(shows):
    """The same comparison lets the package itself through."""
    _, cases, _ = WAYS[shows]
    assert [case.name for case in cases if not agrees(case, yolo_losses, shows)] == []


def test_there_are_mutants_of_every_part():
    count = Counter(m.file for m in MUTANTS)
    assert len(MUTANTS) >= 100
    parts = "iou", "matching", "ignoring", "nearby", "terms", "elementwise", "targets", "grid"
    assert {f"{name}.py" for name in (*PLAIN, *parts)} <= set(count)
    assert {m.shows for m in MUTANTS} == set(WAYS)
