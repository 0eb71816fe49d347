"""Terms and gradients against the oracle, on every library."""

import itertools
from functools import partial

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import MOST, leaves, tree_map
from tests.support.cases import BY_HAND, CASES, EXACT, EXTREME, FEW, PLAIN, RANDOM, close_calls, ids
from tests.support.expected import TERMS, expected

EACH = pytest.mark.parametrize("case", CASES, ids=ids)
A_FEW = pytest.mark.parametrize("case", FEW, ids=ids)
on = pytest.mark.parametrize


def cast(x, dtype):
    """Floating arrays of a tree in a dtype."""
    return tree_map(lambda v: v.astype(dtype) if v.dtype.kind == "f" else v, x)


def assert_terms(terms, want, rtol, atol=0.0):
    for name in TERMS:
        np.testing.assert_allclose(
            getattr(terms, name), want.terms[name], rtol=rtol, atol=atol, err_msg=name
        )


def assert_grads(grads, want, tolerance):
    for s, (got, slope) in enumerate(zip(leaves(grads), want.grads, strict=True)):
        scale = max(1.0, np.abs(slope).max(initial=0.0))
        np.testing.assert_allclose(got, slope, rtol=0, atol=tolerance * scale, err_msg=f"head {s}")


@on("case", RANDOM, ids=ids)
def test_random_cases_keep_their_margin(case):
    assert close_calls(case) == []


@EACH
@on("xp", MOST, indirect=True)
def test_float64(case, xp):
    answer = xp.answer(case.module, case.raw, case.targets, case.config)
    assert_terms(answer.terms, expected(case), rtol=1e-10, atol=1e-13)
    assert_terms(answer.alone, expected(case), rtol=1e-10, atol=1e-13)
    # The oracle's slope at a tie is the mean of two one-sided ones, right to its step.
    assert_grads(answer.grads, expected(case), 1e-6 if case in EXACT else 1e-8)
    assert_automatic(answer, 1e-11)


def assert_automatic(answer, tolerance):
    """The library's own gradient of `loss` is the closed form."""
    if answer.automatic is not None:
        for a, c in zip(leaves(answer.automatic), leaves(answer.grads), strict=True):
            scale = max(1.0, np.abs(c).max(initial=0.0))
            np.testing.assert_allclose(a, c, rtol=0, atol=tolerance * scale)


@A_FEW
@on("xp", ["jax"], indirect=True)
def test_float32_compiled(case, xp):
    test_float32(case, xp)


@EACH
@on("xp", ["numpy", "torch", "torch-lent"], indirect=True)
def test_float32(case, xp):
    """Within 2e-5 of the term, and of the largest slope, of the oracle in its float32 mode."""
    with np.errstate(over="ignore"):  # 1e300 becomes inf, invalid as well
        raw, targets = cast(case.raw, np.float32), cast(case.targets, np.float32)
    answer = xp.answer(case.module, raw, targets, case.config)
    assert {v.dtype for v in leaves((answer.terms, answer.grads))} == {np.dtype("float32")}
    assert_terms(answer.terms, expected(case, "float32"), rtol=2e-5, atol=2e-5)
    assert_grads(answer.grads, expected(case, "float32"), 2e-5)
    assert_automatic(answer, 2e-5)


@on("version", PLAIN)
@on("xp", ["jax-eager"], indirect=True)
def test_one_operation_after_the_other(version, xp):
    test_slow_back_ends_on_a_few_cases(PLAIN[version], xp, "loss_and_grad")


@A_FEW
@on("xp", ["torch-compiled", "dask"], indirect=True)
@on("what", ["loss", "loss_and_grad", "decode", "assign"])
def test_slow_back_ends_on_a_few_cases(case, xp, what):
    f = partial(getattr(case.module, what), config=case.config)
    args = (case.raw,) if what == "decode" else (case.raw, case.targets)
    slow, eager = leaves(xp.call(f, *args)), leaves(f(*args))
    for s, e in zip(slow, eager, strict=True):
        np.testing.assert_allclose(s, e, rtol=1e-12, atol=1e-12)


@on("case", EXTREME, ids=ids)
@on("xp", ["numpy", "torch", "torch-lent", "jax"], indirect=True)
@on("dtype", ["float32", "float64"])
def test_large_raw_outputs_are_finite(case, xp, dtype):
    answer = xp.answer(case.module, cast(case.raw, dtype), case.targets, case.config)
    assert all(np.isfinite(v).all() for v in leaves(answer) if v is not None)
    if dtype == "float64":
        # v4 has boxes 1e-8 pixels wide here: a difference of edges keeps eight digits of the
        # width, the oracle's difference of such losses fewer of its slope.
        assert_terms(answer.terms, expected(case), rtol=1e-8, atol=1e-12)
        assert_grads(answer.grads, expected(case), 1e-5)
        assert_automatic(answer, 1e-11)


@on("version", list(PLAIN))
@on("xp", MOST, indirect=True)
@on("shape", ["no truths", "no images", "neither"])
def test_empty_batches(version, xp, shape):
    case = PLAIN[version]
    n, t = {"no truths": (2, 0), "no images": (0, 5), "neither": (0, 0)}[shape]
    raw = tree_map(lambda v: v[:n], case.raw)
    targets = yl.Targets(*(v[:n, :t] for v in case.targets))
    terms, grads = xp.call(lambda r, t: case.module.loss_and_grad(r, t, case.config), raw, targets)
    assert terms.total.shape == (n,)
    assert [g.shape for g in leaves(grads)] == [r.shape for r in leaves(raw)]
    assert not (terms.box.any() or terms.obj.any() or terms.cls.any())
    assert (terms.noobj > 0).all()
    found = xp.call(lambda r, t: case.module.assign(r, t, case.config), raw, targets)
    first = found[0] if isinstance(raw, tuple) else found
    num = case.heads[0].shape[3] if version == "v4" else 1
    assert first.row.shape == (n, t)
    assert first.mask.shape == (n, t, num)
    decoded = xp.call(lambda r: case.module.decode(r, case.config), raw)
    assert leaves(decoded)[0].shape[0] == n


@on("version", list(PLAIN))
def test_the_gradient_in_two_steps(version):
    """By ones it is that of `loss_and_grad`; a term of an image moves its own fields, there."""
    case = PLAIN[version]
    terms, slopes = case.module.linearise(case.raw, case.targets, case.config)
    num_boxes = getattr(case.config, "num_boxes", 1)
    field = np.arange(case.heads[0].shape[-1])
    field = np.where(field < 5 * num_boxes, field % 5, 5)
    moves = {"box": field < 4, "obj": field == 4, "noobj": field == 4, "cls": field == 5}
    total = [np.zeros_like(x) for x in case.heads]
    for name, n in itertools.product(TERMS, range(len(case.heads[0]))):
        by = {k: np.zeros_like(v) for k, v in terms._asdict().items()}
        by[name][n] = 1.0
        grads = case.module.terms.pull_back(case.heads, slopes, yl.LossTerms(**by))
        for part, whole in zip(grads, total, strict=True):
            assert not np.delete(part, n, axis=0).any()
            assert not part[..., ~moves[name]].any()
            whole += part
    want, grads = case.module.loss_and_grad(case.raw, case.targets, case.config)
    for got, expect in zip((*terms, *total), (*want, *leaves(grads)), strict=True):
        np.testing.assert_allclose(got, expect, rtol=1e-12, atol=1e-15)


def test_hand_made_cases_cover_every_version():
    assert len(BY_HAND) == 4 * len({c.name.partition("-")[2] for c in BY_HAND})
