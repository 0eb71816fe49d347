"""Half precision: the loss of the rounded inputs in float32, gradients in the dtype of the inputs.

They saturate at its largest finite value, by the closed form and by automatic differentiation.
"""

from dataclasses import replace

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import leaves, tree_map
from tests.support.cases import CASES, PLAIN, ids

torch = pytest.importorskip("torch")
on = pytest.mark.parametrize
DTYPES = ("float16", "bfloat16")
SIZES = (1.0, 30.0, 1e4)  # of raw outputs; at 1e4 they are ±1e4
SCALED = 65536.0  # where a gradient scaler begins


def raw_outputs(case, dtype, size):
    """Random raw outputs in half precision, tensors."""
    rng = np.random.default_rng(5)

    def draw(x):
        x = (
            rng.normal(size=x.shape) * size
            if size < 1e4
            else np.where(rng.uniform(size=x.shape) < 0.5, -size, size)
        )
        return torch.tensor(x).to(getattr(torch, dtype))

    return tree_map(draw, case.raw)


def targets_of(case):
    return yl.Targets(*map(torch.tensor, case.targets))


def options():
    """The configs of the plain cases, of each similarity and ignore rule, and with regions."""
    for name, case in PLAIN.items():
        yield pytest.param(case, case.config, id=name)
    v3, v4 = PLAIN["v3"], PLAIN["v4"]
    for by in ("shape", "prediction", None):
        yield pytest.param(v3, replace(v3.config, ignore_by=by), id=f"v3-{by}")
    for name in ("iou", "giou", "diou"):
        yield pytest.param(v4, replace(v4.config, similarity=name), id=f"v4-{name}")
    for case in CASES:
        if case.few and case.targets.ignore is not None:
            yield pytest.param(case, case.config, id=ids(case))


def saturated(grad, dtype, by=1.0):
    """A gradient of float32, times a number, in a dtype."""
    largest = torch.finfo(dtype).max
    return (grad * by).clamp(-largest, largest).to(dtype)


@on(("case", "config"), list(options()))
@on("dtype", DTYPES)
@on("size", SIZES)
def test_the_closed_form(case, config, dtype, size):
    raw, targets = raw_outputs(case, dtype, size), targets_of(case)
    terms, grads = case.module.loss_and_grad(raw, targets, config)
    want, slopes = case.module.loss_and_grad(tree_map(lambda v: v.float(), raw), targets, config)
    for got, w in zip(terms, want, strict=True):
        assert got.dtype == torch.float32
        assert torch.isfinite(got).all()
        torch.testing.assert_close(got, w, rtol=1e-5, atol=1e-6)
    for got, w in zip(leaves(grads), leaves(slopes), strict=True):
        assert torch.equal(got, saturated(w, getattr(torch, dtype)))


def ways(case, config):
    """Automatic differentiation of the function, and the module."""
    from yolo_losses.torch import YOLOLoss

    targets = targets_of(case)
    yield "autograd", lambda raw: case.module.loss(raw, targets, config)
    yield "module", lambda raw: YOLOLoss(config)(raw, targets)


@on(("case", "config"), list(options()))
@on("dtype", DTYPES)
@on("by", [1.0, SCALED])
@on("size", SIZES)
def test_backward_under_autocast(case, config, dtype, by, size):
    raw = raw_outputs(case, dtype, size)
    single = tree_map(lambda v: v.float(), raw)
    _, slopes = case.module.loss_and_grad(single, targets_of(case), config)
    for name, f in ways(case, config):
        leaf = tree_map(lambda v: v.clone().requires_grad_(), raw)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            total = f(leaf).total.sum()
        assert total.dtype == torch.float32
        (total * by).backward()
        for x, w in zip(leaves(leaf), leaves(slopes), strict=True):
            want = saturated(w, x.dtype, by).float()
            assert torch.isfinite(x.grad).all(), name
            eps = torch.finfo(x.dtype).eps  # what autograd adds up in another order
            atol = max(1e-5 * float(want.abs().max()), 1e-30)  # products of tiny slopes underflow
            torch.testing.assert_close(x.grad.float(), want, rtol=2 * eps, atol=atol)


@on("version", PLAIN)
def test_compiled_and_transformed(version):
    case = PLAIN[version]
    targets, raw = targets_of(case), raw_outputs(case, "float16", 30.0)

    def f(*heads):
        raw = heads if isinstance(case.raw, tuple) else heads[0]
        return SCALED * case.module.loss(raw, targets, case.config).total.sum()

    heads = leaves(raw)
    _, slopes = case.module.loss_and_grad(tree_map(lambda v: v.float(), raw), targets, case.config)
    want = [saturated(w, torch.float16, SCALED).float() for w in leaves(slopes)]
    leaf = [x.clone().requires_grad_() for x in heads]
    compiled = torch.compile(f, backend="aot_eager", fullgraph=True)
    found = [
        torch.autograd.grad(compiled(*leaf), leaf),
        torch.func.grad(f, argnums=tuple(range(len(heads))))(*heads),
    ]
    for grads in found:
        for got, w in zip(grads, want, strict=True):
            torch.testing.assert_close(got.float(), w, rtol=2e-3, atol=1e-5 * float(w.abs().max()))
    tangents = tuple(torch.ones_like(x) for x in heads)
    _, along = torch.func.jvp(f, heads if isinstance(heads, tuple) else tuple(heads), tangents)
    slope = SCALED * sum(w.double().sum() for w in leaves(slopes))
    torch.testing.assert_close(along.double(), slope, rtol=1e-4, atol=0.0)


# On JAX.


def closed_form(module, config):
    """Terms and gradient."""
    return lambda raw, targets: module.loss_and_grad(raw, targets, config)


def automatic(module, config):
    """Terms, and the gradient by automatic differentiation of both functions, scaled."""
    jax = pytest.importorskip("jax")
    from yolo_losses.jax import loss

    def answer(raw, targets):
        def scaled(f):
            return lambda r: SCALED * f(r, targets, config).total.sum()

        return module.loss(raw, targets, config), *(
            jax.grad(scaled(f))(raw) for f in (module.loss, loss)
        )

    return answer


def assert_on_jax(of, case, config, dtype, by):
    """Of raw outputs of each size: terms of float32, and gradients times a number, saturated."""
    jax = pytest.importorskip("jax")
    answer, kind = jax.jit(of(case.module, config)), getattr(torch, dtype)
    tiny = (
        case.targets.ignore is not None
    )  # XLA takes subnormal areas for 0, which lie in no region
    for size in SIZES[: 2 if tiny else 3]:
        raw = tree_map(lambda v: v.float(), raw_outputs(case, dtype, size))
        there = tree_map(lambda v: jax.numpy.asarray(v.numpy()).astype(dtype), raw)
        terms, *gradients = answer(there, yl.Targets(*map(jax.numpy.asarray, case.targets)))
        want, slopes = case.module.loss_and_grad(raw, targets_of(case), config)
        for got, w in zip(terms, want, strict=True):
            np.testing.assert_allclose(got, w, rtol=1e-5, atol=1e-6)
        for grads in gradients:
            for got, w in zip(leaves(grads), leaves(slopes), strict=True):
                assert got.dtype == np.dtype(dtype)
                w, rtol = saturated(w, kind, by).float().numpy(), 2 * torch.finfo(kind).eps
                np.testing.assert_allclose(
                    got.astype("float32"), w, rtol=rtol, atol=1e-5 * np.abs(w).max()
                )


@on(("case", "config"), list(options()))
def test_the_closed_form_on_jax(case, config):
    assert_on_jax(closed_form, case, config, "bfloat16", 1.0)


@on("version", PLAIN)
def test_automatic_differentiation_on_jax(version):
    case = PLAIN[version]
    assert_on_jax(automatic, case, case.config, "float16", SCALED)


def test_jax_from_half_precision_knows_reverse_mode_alone():
    jax = pytest.importorskip("jax")
    case = PLAIN["v2"]
    targets = yl.Targets(*map(jax.numpy.asarray, case.targets))
    f = jax.jit(lambda r: yl.v2.loss(r, targets, case.config).total.sum())
    for dtype, refused in (("float16", True), ("float32", False)):
        raw = jax.numpy.asarray(case.raw).astype(dtype)
        if refused:
            with pytest.raises(TypeError, match="forward-mode"):
                jax.jvp(f, (raw,), (raw,))
        else:
            assert np.isfinite(jax.jvp(f, (raw,), (raw,))[1])


@on("version", PLAIN)
def test_numpy_knows_float16(version):
    case = PLAIN[version]
    raw = tree_map(lambda v: v.numpy(), raw_outputs(case, "float16", 1e4))
    with np.errstate(all="raise", under="ignore"):
        terms, grads = case.module.loss_and_grad(raw, case.targets, case.config)
    assert all(np.isfinite(v).all() for v in (*terms, *leaves(grads)))
    assert {v.dtype for v in leaves(grads)} == {np.dtype("float16")}
