"""jit, vmap, grad and compile of the libraries give what eager code gives."""

import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import JAX, Torch, leaves, tree_map
from tests.support.cases import CASES, PLAIN

VERSIONS = pytest.mark.parametrize("version", list(PLAIN))


def close(got, want):
    for g, w in zip(leaves(got), leaves(want), strict=True):
        np.testing.assert_allclose(np.asarray(g), np.asarray(w), rtol=1e-11, atol=1e-11)


def stacked(case):
    """Two batches behind one another on a new first axis."""
    twice = partial(tree_map, lambda v: np.stack([v, v[::-1]]))
    return twice(case.raw), twice(case.targets)


def one_by_one(f, raw, targets):
    """f on each batch, its results stacked."""
    results = [
        f(tree_map(lambda v, i=i: v[i], raw), tree_map(lambda v, i=i: v[i], targets))
        for i in (0, 1)
    ]
    return [np.stack(pair) for pair in zip(*map(leaves, results), strict=True)]


@VERSIONS
@pytest.mark.parametrize("what", ["loss", "loss_and_grad", "assign"])
def test_jax_vmap(version, what):
    case, xp = PLAIN[version], JAX()
    f = partial(getattr(case.module, what), config=case.config)
    got = xp.jax.jit(xp.jax.vmap(f))(*xp.tree(stacked(case)))
    close(got, one_by_one(f, *stacked(case)))


@VERSIONS
@pytest.mark.parametrize("what", ["loss", "loss_and_grad", "assign"])
def test_torch_vmap(version, what):
    case, xp = PLAIN[version], Torch()
    f = partial(getattr(case.module, what), config=case.config)
    got = xp.torch.func.vmap(f)(*xp.tree(stacked(case)))
    close(got, one_by_one(f, *stacked(case)))


@VERSIONS
def test_torch_func_grad(version):
    case, xp = PLAIN[version], Torch()
    raw, targets = xp.tree((case.raw, case.targets))
    f = lambda r: case.module.loss(r, targets, case.config).total.sum()  # noqa: E731
    _, want = case.module.loss_and_grad(case.raw, case.targets, case.config)
    close(xp.torch.func.grad(f)(raw), want)
    mapped = xp.torch.func.vmap(
        xp.torch.func.grad(lambda r, t: case.module.loss(r, t, case.config).total.sum())
    )(*xp.tree(stacked(case)))
    close(
        mapped,
        one_by_one(lambda r, t: case.module.loss_and_grad(r, t, case.config)[1], *stacked(case)),
    )


@VERSIONS
def test_torch_compiled_backward(version):
    """Compiled and differentiated by `.backward()`, and compiled around torch.func.grad."""
    case, xp = PLAIN[version], Torch()
    xp.torch._dynamo.reset()
    targets = xp.tree(case.targets)
    f = lambda r: case.module.loss(r, targets, case.config).total.sum()  # noqa: E731
    compiled = xp.torch.compile(f, fullgraph=True, backend="aot_eager")
    _, want = case.module.loss_and_grad(case.raw, case.targets, case.config)
    close(xp.grad(compiled, case.raw), want)
    around = xp.torch.compile(xp.torch.func.grad(f), fullgraph=True, backend="aot_eager")
    close(around(xp.tree(case.raw)), want)


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_torch_inductor(version):
    """The default compiler: one head without priors, and several."""
    case, xp = PLAIN[version], Torch()
    xp.torch._dynamo.reset()
    f = xp.torch.compile(partial(case.module.loss_and_grad, config=case.config), fullgraph=True)
    got = tree_map(xp.host, f(*xp.tree((case.raw, case.targets))))
    close(got, case.module.loss_and_grad(case.raw, case.targets, case.config))


FIRST_CALL = """
import torch, yolo_losses as yl
raw = torch.zeros(1, 4, 4, 3, 7)
config = yl.v2.Config(anchors=((8, 8), (16, 8), (8, 16)), stride=8)
targets = yl.Targets(torch.full((1, 2, 4), 0.4), torch.zeros(1, 2, dtype=torch.int64), torch.ones(1, 2, dtype=torch.bool))
f = torch.compile(lambda r, t: yl.v2.loss(r, t, config), fullgraph=True, backend="aot_eager")
print(float(f(raw, targets).total[0]))
"""


@pytest.mark.parametrize("tensor", ["torch.zeros", "torch.nn.Parameter(torch.zeros"])
def test_torch_compile_may_be_the_first_call(tensor):
    """Adapters are found inside a compiled graph too, for a parameter as well."""
    zeros = "torch.zeros(1, 4, 4, 3, 7)"
    code = FIRST_CALL.replace(zeros, f"{tensor}(1, 4, 4, 3, 7)" + ")" * tensor.count("("))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert np.isfinite(float(done.stdout))


@VERSIONS
def test_graph_does_not_grow_with_the_truths(version):
    """A jitted program has as many operations at T = 60 as at T = 6, whatever is ignored."""
    xp, case = JAX(), PLAIN[version]
    options = ["prior", "shape", "prediction"] if version in ("v3", "v4") else [None]
    for ignore_by in options:
        config = replace(case.config, ignore_by=ignore_by) if ignore_by else case.config
        counts = []
        for t in (6, 60):
            shapes = [((2, t, 4), "float64"), ((2, t), "int64"), ((2, t), "bool")]
            targets = yl.Targets(*(xp.jax.ShapeDtypeStruct(*s) for s in shapes))
            raw = tree_map(lambda v: xp.jax.ShapeDtypeStruct(v.shape, v.dtype), case.raw)
            f = partial(case.module.loss_and_grad, config=config)
            counts.append(len(xp.jax.make_jaxpr(f)(raw, targets).eqns))
        assert counts[0] == counts[1]


@VERSIONS
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_nchw_views_keep_their_strides(version, library):
    """A view of a convolution's output gives the same numbers; the gradient has its strides."""
    case = PLAIN[version]
    num = None if version == "v1" else 0
    want, want_grads = case.module.loss_and_grad(case.raw, case.targets, case.config)
    contiguous = [np.ascontiguousarray(yl.grid.to_nchw(h)) for h in case.heads]
    asarray = np.asarray if library == "numpy" else Torch().torch.from_numpy
    views = tuple(
        yl.grid.from_nchw(asarray(x), num if num is None else h.shape[3])
        for x, h in zip(contiguous, case.heads, strict=True)
    )
    raw = views if isinstance(case.raw, tuple) else views[0]
    targets = tree_map(lambda v: asarray(np.array(v)), case.targets)
    terms, grads = case.module.loss_and_grad(raw, targets, case.config)
    close(terms, want)
    close(grads, want_grads)
    for view, grad, nchw in zip(views, leaves(grads), contiguous, strict=True):
        assert np.shares_memory(np.asarray(view), nchw)
        stride = (lambda v: v.strides) if library == "numpy" else (lambda v: v.stride())
        assert stride(grad) == stride(view)


@VERSIONS
def test_jax_without_64_bit(version):
    """Without x64 everything is 32 bit, and nothing warns."""
    code = f"""
import warnings; warnings.simplefilter("error")
import jax, numpy as np, jax.numpy as jnp, yolo_losses as yl
from tests.support.cases import PLAIN
from conformance.backends import leaves, tree_map
case = PLAIN["{version}"]
move = lambda v: jnp.asarray(v.astype("float32") if v.dtype == "float64" else v.astype("int32") if v.dtype == "int64" else v)
f = jax.jit(lambda r, t: case.module.loss_and_grad(r, t, case.config))
out = f(tree_map(move, case.raw), tree_map(move, case.targets))
want = case.module.loss(case.raw, case.targets, case.config)
assert {{str(v.dtype) for v in leaves(out)}} == {{"float32"}}
np.testing.assert_allclose(out[0].total, want.total, rtol=1e-5)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_case_list_has_all_versions():
    assert {c.version for c in CASES} == set(PLAIN)


def test_torch_compiled_v3_takes_a_second_config():
    """Numbers of a config may become symbols of a graph."""
    case, xp = PLAIN["v3"], Torch()
    xp.torch._dynamo.reset()
    compiled = xp.torch.compile(yl.v3.loss, fullgraph=True, backend="aot_eager")
    args = xp.tree((case.raw, case.targets))
    for masks in (case.config.masks, ((5, 4, 3), (2, 0, 1))):
        config = replace(case.config, masks=masks)
        close(
            tree_map(xp.host, compiled(*args, config)), yl.v3.loss(case.raw, case.targets, config)
        )


def test_results_of_loss_and_grad_are_constants():
    """Also where raw outputs and truths ask for a gradient."""
    case, xp = PLAIN["v4"], Torch()
    raw = tree_map(lambda v: xp.array(v).requires_grad_(), case.raw)
    targets = xp.tree(case.targets)
    targets.boxes.requires_grad_()
    out = leaves(case.module.loss_and_grad(raw, targets, case.config))
    assert not any(v.requires_grad for v in out)


@pytest.mark.parametrize("version", ["v3", "v4"])
@pytest.mark.parametrize("kind", [list, tuple])
def test_gradients_have_the_structure_of_the_heads(version, kind):
    case = PLAIN[version]
    _, grads = case.module.loss_and_grad(kind(case.raw), case.targets, case.config)
    assert type(grads) is kind
    assert [g.shape for g in grads] == [h.shape for h in case.raw]
