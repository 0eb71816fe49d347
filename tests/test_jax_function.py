"""`yolo_losses.jax.loss`: the terms of `vN.loss`, and a `custom_vjp` that is its gradient."""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import JAX, leaves, tree_map
from tests.support.cases import CASES, PLAIN, ids
from yolo_losses.terms import LossTerms

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402

from yolo_losses.jax import loss  # noqa: E402

on = pytest.mark.parametrize
VERSIONS, PYRAMIDS = on("version", list(PLAIN)), on("version", ["v3", "v4"])
RULES = ["prior", "shape", "prediction", None]
OTHER_RULES = (
    "v3-ignore-shape-0.5",
    "v3-ignore-prediction-0.5",
    "v3-ignore-None-0.5",
    "v4-ignore-prior",
)
EACH = [*PLAIN.values(), *(case for case in CASES if case.name in OTHER_RULES)]


@pytest.fixture(autouse=True, scope="module")
def _in_64_bit():
    JAX()


def arrays(x, dtype=None):
    """A tree of host arrays as JAX arrays, the floating ones in a dtype."""
    return tree_map(lambda v: jnp.asarray(v, dtype if v.dtype.kind == "f" else None), x)


def host(x):
    return np.asarray(x, dtype=np.float64)


def close(got, want, tolerance=1e-12):
    """All arrays of two trees, within a part of the largest number of each."""
    for g, w in zip(leaves(got), leaves(want), strict=True):
        scale = max(1.0, np.abs(host(w)).max(initial=0))
        np.testing.assert_allclose(host(g), host(w), rtol=0, atol=tolerance * scale)


def weights_like(each, seed=0):
    """Any numbers, one for each term, image and head."""
    rng = np.random.default_rng(seed)
    return LossTerms(*(jnp.asarray(rng.normal(size=v.shape), v.dtype) for v in each))


def pulled(f, raw):
    """Terms, and the gradient of arbitrary cotangents · terms."""
    each, back = jax.vjp(f, raw)
    return each, back(weights_like(each))[0]


def total(raw, targets, config):
    return loss(raw, targets, config).total.sum()


# Equal to the automatic gradient of `loss`.


@on("case", EACH, ids=ids)
def test_terms_and_gradient(case):
    """By any cotangents, in one program; the forward pass alone gives the terms as well."""
    f, by_jax = (partial(g, config=case.config) for g in (loss, case.module.loss))

    @jax.jit
    def run(raw, targets):
        mine, automatic = (pulled(lambda r, g=g: g(r, targets), raw) for g in (f, by_jax))
        return f(raw, targets), mine, automatic

    alone, mine, automatic = run(*arrays((case.raw, case.targets)))
    assert type(alone) is type(mine[0]) is yl.LossTerms
    close(mine, automatic)
    close(alone, automatic[0])


def test_eager():
    """Operation by operation, which JAX compiles one by one: a single version."""
    case = PLAIN["v2"]
    raw, targets = arrays((case.raw, case.targets))
    want, grads = case.module.loss_and_grad(case.raw, case.targets, case.config)
    close(loss(raw, targets, case.config), want)
    close(jax.grad(total)(raw, targets, case.config), grads)


@VERSIONS
def test_vmap(version):
    """Of the function, of its gradient, and the gradient of its vmap: two batches at once."""
    case = PLAIN[version]
    twice = tree_map(lambda v: np.stack([v, v[::-1]]), (case.raw, case.targets))

    @jax.jit
    def run(raw, targets):
        f = partial(loss, config=case.config)
        of_grad = jax.vmap(jax.grad(lambda r, t: f(r, t).total.sum()))(raw, targets)
        of_vmap = jax.grad(lambda r: jax.vmap(f)(r, targets).total.sum())(raw)
        return jax.vmap(f)(raw, targets), of_grad, of_vmap

    each, *grads = run(*arrays(twice))
    for k in (0, 1):
        batch = tree_map(lambda v, k=k: v[k], twice)
        want = case.module.loss_and_grad(*batch, case.config)
        for of in grads:
            close(tree_map(lambda v, k=k: v[k], (each, of)), want)


# Precision.


@on("version", ["v1", "v3"])
@on("dtype", ["float32", "float16", "bfloat16"])
def test_precision(version, dtype):
    """The float32 loss of the rounded inputs; the gradient in their dtype, rounded once."""
    case = PLAIN[version]
    raw, targets = arrays(case.raw, dtype), arrays(case.targets)
    each, back = jax.jit(lambda r: jax.vjp(lambda r: loss(r, targets, case.config), r))(raw)
    (grads,) = back(LossTerms(*map(jnp.ones_like, each)))
    assert {v.dtype for v in each} == {jnp.dtype("float32")}
    assert {v.dtype for v in leaves(grads)} == {jnp.dtype(dtype)}
    rounded = tree_map(lambda v: host(v).astype(np.float32), raw)
    want, want_grads = case.module.loss_and_grad(rounded, case.targets, case.config)
    close(each, want, 1e-5)
    close(grads, want_grads, max(1e-5, float(jnp.finfo(dtype).eps)))


# Arguments.


@PYRAMIDS
@on("kind", [list, tuple])
def test_gradients_have_the_structure_of_the_heads(version, kind):
    case = PLAIN[version]
    raw, targets = arrays((kind(case.raw), case.targets))
    grads = jax.eval_shape(lambda r: jax.grad(total)(r, targets, case.config), raw)
    assert type(grads) is kind
    assert [(g.shape, g.dtype) for g in grads] == [(x.shape, x.dtype) for x in raw]


class Heads(NamedTuple):
    """Heads by name."""

    coarse: Any
    fine: Any


@PYRAMIDS
def test_heads_by_name(version):
    """A NamedTuple is a tuple, so a sequence of heads; its gradient is one too."""
    case = PLAIN[version]
    raw, targets = arrays((Heads(*case.raw), case.targets))
    grads = jax.eval_shape(lambda r: jax.grad(total)(r, targets, case.config), raw)
    assert jax.tree.structure(grads) == jax.tree.structure(raw)


@VERSIONS
def test_trees(version):
    """Targets go into a jitted function, LossTerms come out, and are trees of arrays to JAX."""
    case = PLAIN[version]
    raw, targets = arrays((case.raw, case.targets))
    each = jax.eval_shape(lambda r, t: loss(r, t, case.config), raw, targets)
    assert type(each) is yl.LossTerms
    assert {v.shape for v in jax.tree.leaves(each)} == {(len(case.heads[0]), len(case.heads))}
    assert type(jax.tree.map(jnp.shape, targets)) is yl.Targets


def test_config_is_static_or_closed_over():
    """One compilation for each config, and errors of one that is not."""
    case = PLAIN["v2"]
    raw, targets = arrays((case.raw, case.targets))
    static = jax.jit(loss, static_argnums=2)
    for config in (case.config, replace(case.config, lambda_coord=3.0)):
        want = yl.v2.loss(case.raw, case.targets, config)
        close(static(raw, targets, config), want)
        close(jax.jit(lambda r, t, c=config: loss(raw=r, targets=t, config=c))(raw, targets), want)
    again = replace(case.config)  # equal, another object
    static(raw, targets, again)
    assert static._cache_size() == 2


@on("bad", [None, {}, yl.v3, yl.v3.Config, "v3", 3], ids=str)
def test_a_wrong_config(bad):
    case = PLAIN["v3"]
    raw, targets = arrays((case.raw, case.targets))
    expected = r"^jax.loss: config must be a v1, v2, v3 or v4.Config, got "
    for call in (loss, jax.grad(total)):
        with pytest.raises(TypeError, match=expected):
            call(raw, targets, bad)


@VERSIONS
def test_errors_are_those_of_the_loss(version):
    case = PLAIN[version]
    raw, targets = arrays((tree_map(lambda v: v[..., :3], case.raw), case.targets))
    for call in (loss, jax.grad(total), case.module.loss):
        with pytest.raises(ValueError, match=rf"^{version}.loss: (raw|heads\[0\]) must have shape"):
            call(raw, targets, case.config)


@VERSIONS
@on(("n", "t"), [(2, 0), (0, 4)])
def test_empty_batches(version, n, t):
    case = PLAIN[version]
    raw = tree_map(lambda v: v[:n], case.raw)
    targets = yl.Targets(*(v[:n, :t] for v in case.targets))
    run = jax.jit(lambda r, t: pulled(lambda r: loss(r, t, case.config), r))
    each, grads = run(*arrays((raw, targets)))
    want, _ = case.module.loss_and_grad(raw, targets, case.config)
    close(each, want)
    assert each.total.shape == (n,)
    assert [g.shape for g in leaves(grads)] == [x.shape for x in leaves(raw)]
    assert all(np.isfinite(g).all() and (g != 0).any() == (n > 0) for g in leaves(grads))


# What a custom_vjp cannot do, it says.


@VERSIONS
def test_forward_mode_is_refused_here_and_right_in_the_loss(version):
    case = PLAIN[version]
    raw, targets = arrays((case.raw, case.targets))
    rng = np.random.default_rng(1)
    along = tree_map(lambda v: jnp.asarray(rng.normal(size=v.shape)), case.raw)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jit(lambda *x: jax.jvp(lambda r: total(r, targets, case.config), *x))((raw,), (along,))
    by_jax = lambda r: case.module.loss(r, targets, case.config).total  # noqa: E731
    want, grads = case.module.loss_and_grad(case.raw, case.targets, case.config)
    pairs = zip(leaves(grads), leaves(along), strict=True)
    slope = sum((g * v).reshape(len(g), -1).sum(axis=1) for g, v in pairs)
    close(jax.jit(lambda *x: jax.jvp(by_jax, *x))((raw,), (along,)), (want.total, slope))


@VERSIONS
def test_a_second_gradient_is_refused(version):
    """A penalty on the gradient would otherwise count for nothing without a word."""
    case = PLAIN[version]
    raw, targets = arrays((case.raw, case.targets))
    grad = jax.grad(total)

    def penalty(raw):
        return sum((g**2).sum() for g in leaves(grad(raw, targets, case.config)))

    with pytest.raises(TypeError, match="differentiate"):
        jax.eval_shape(jax.grad(penalty), raw)


# A program of any number of truths.


def operations(program):
    """All equations of a program, of the ones inside it too."""
    found = 0
    for equation in program.eqns:
        found += 1
        for inner in leaves(list(equation.params.values())):
            inner = getattr(inner, "jaxpr", inner)
            found += operations(inner) if hasattr(inner, "eqns") else 0
    return found


@PYRAMIDS
@on("rule", RULES)
def test_the_program_does_not_grow_with_the_truths(version, rule):
    case = PLAIN[version]
    config = replace(case.config, ignore_by=rule)
    counts = []
    for t in (8, 300):
        shapes = ((2, t, 4), "float64"), ((2, t), "int64"), ((2, t), "bool")
        targets = yl.Targets(*(jax.ShapeDtypeStruct(*s) for s in shapes))
        run = jax.make_jaxpr(lambda r, t: jax.value_and_grad(total)(r, t, config))
        counts.append(operations(run(arrays(case.raw), targets).jaxpr))
    assert counts[0] == counts[1] > 100


# Training.


def convolution(weights, images):
    """(N, 3, H, W) → (N, C, H, W), two layers."""
    first, second = weights
    x = jax.nn.relu(jax.lax.conv(images, first, (1, 1), "SAME"))
    return jax.lax.conv(x, second, (1, 1), "SAME")


@VERSIONS
def test_training_lowers_the_loss(version):
    """A convolution a head, plain gradient descent."""
    case, rng = PLAIN[version], np.random.default_rng(0)
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape) / np.sqrt(np.prod(shape[1:])))  # noqa: E731
    weights = [(draw(8, 3, 3, 3), draw(int(np.prod(x.shape[3:])), 8, 1, 1)) for x in case.heads]
    images = [jnp.asarray(rng.normal(size=(len(x), 3, *x.shape[1:3]))) for x in case.heads]
    num = [None if version == "v1" else x.shape[3] for x in case.heads]
    targets = arrays(case.targets)

    def mean_loss(weights):
        made = zip(weights, images, num, strict=True)
        raw = [yl.grid.from_nchw(convolution(w, x), k) for w, x, k in made]
        return loss(
            raw if isinstance(case.raw, tuple) else raw[0], targets, case.config
        ).total.mean()

    step = jax.jit(jax.value_and_grad(mean_loss))
    totals = []
    for _ in range(20):
        now, grads = step(weights)
        weights = jax.tree.map(lambda w, g: w - 0.05 * g, weights, grads)
        totals.append(float(now))
    assert totals[-1] < 0.7 * totals[0]
