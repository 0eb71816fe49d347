"""The vectors alone notice every wrong variant of the package.

Left out are those whose mistake shows in batches of a size that no vector has: more rows, images or
predictions than are worked on at once (`tests/test_mutants.py` has them).
"""

from functools import cache, partial

import numpy as np
import pytest

import yolo_losses
from conformance.backends import BACKENDS, leaves
from conformance.run.calls import answer
from tests.support.mutants import MUTANTS
from tests.test_mutants import automatic, in_a_workspace
from yolo_losses.testing import cases, judge

ON_VECTORS = [m for m in MUTANTS if m.shows not in ("large", "regions")]
TERMS = ("box", "obj", "noobj", "cls")


@cache
def numpy():
    return BACKENDS["numpy"]()


def closed_form(case, package):
    """Everything that a case asks, by the closed form of the gradient."""
    return answer(case, numpy(), "float64", package)


def by(way, case, package):
    """Terms and gradient of a loss, got in another way."""
    module = getattr(package, case.version)
    config = module.Config(**case.inputs["config"])
    return way(case, module, package.Targets(*case.targets), config)


def by_cotangents(case, package):
    """Any weights of terms, images and heads, divided out of the gradient again.

    obj and noobj have one weight, so that the field tells which weight a slope has.
    """
    module = getattr(package, case.version)
    config, targets = module.Config(**case.inputs["config"]), package.Targets(*case.targets)
    shape = len(case.heads[0]), len(case.heads)
    box, obj, cls = np.random.default_rng(0).uniform(1, 2, size=(3, *shape))
    terms, slopes = module.linearise(case.raw, targets, config)
    cotangent = package.LossTerms(box, obj, obj, cls)
    grads = package.terms.pull_back(case.heads, slopes, cotangent)
    num_boxes = case.inputs["config"].get("num_boxes", 1)
    return terms, [
        g / weights(g, [v[:, s] for v in (box, obj, cls)], num_boxes) for s, g in enumerate(grads)
    ]


def weights(grad, of_kinds, num_boxes):
    """Like a gradient: the weight of each field."""
    field = np.arange(grad.shape[-1])
    kind = np.where(field >= 5 * num_boxes, 2, np.where(field % 5 == 4, 1, 0))
    by_image = np.stack(of_kinds)[kind].T  # (N, D)
    return by_image.reshape(len(grad), *(1,) * (grad.ndim - 2), -1)


LOSS = ("box", "obj", "noobj", "cls", "loss")
WAYS = {
    "gradient": (closed_form, ("decode", "assign", "ignore", *LOSS)),
    "automatic": (partial(by, automatic), LOSS),
    "workspace": (partial(by, in_a_workspace), ("loss",)),
    "cotangents": (by_cotangents, ("loss",)),
}


def conforms(case, package, way):
    """Errors of shape or value count as noticed."""
    try:
        with np.errstate(all="ignore"):
            return not any(j.failure for j in judge(case, listed(WAYS[way][0](case, package))))
    except (ValueError, IndexError, TypeError):
        return False


def listed(got):
    """A gradient as a list of heads; NamedTuples of another package as mappings."""
    if isinstance(got, tuple) and len(got) == 2 and hasattr(got[0], "box"):
        terms = {k: np.asarray(getattr(got[0], k)) for k in TERMS}
        return {"terms": terms, "total": sum(v.sum(-1) for v in terms.values()),
                "grad": leaves(got[1]) if isinstance(got[1], list | tuple) else [got[1]]}  # fmt: skip
    if hasattr(got, "responsible"):
        return yolo_losses.Matches(*got)
    if isinstance(got, tuple) and hasattr(got[0], "responsible"):
        return tuple(yolo_losses.Matches(*m) for m in got)
    if hasattr(got, "obj"):
        return yolo_losses.Decoded(*got)
    if isinstance(got, tuple) and hasattr(got[0], "obj"):
        return tuple(yolo_losses.Decoded(*d) for d in got)
    return got


@pytest.mark.parametrize("mutant", ON_VECTORS, ids=lambda m: f"{m.file}: {m.why}")
def test_the_vectors_notice(mutant, tmp_path):
    package = mutant.load(tmp_path, f"package_variant_{MUTANTS.index(mutant)}")
    asked = [case for v in mutant.versions for kind in WAYS[mutant.shows][1]
             if (v, kind) not in (("v1", "ignore"), ("v2", "ignore"))
             for case in cases(v, kind)]  # fmt: skip
    assert any(not conforms(case, package, mutant.shows) for case in asked), mutant.why


@pytest.mark.parametrize("way", WAYS)
def test_the_package_itself_passes(way):
    kinds = WAYS[way][1]
    assert [c.id for c in cases(*kinds) if not conforms(c, yolo_losses, way)] == []
