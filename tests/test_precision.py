"""Half precision is computed in float32; mixed and short dtypes of truths are ordinary."""

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import JAX, NumPy, Torch, leaves, tree_map
from tests.support.cases import PLAIN

VERSIONS = pytest.mark.parametrize("version", list(PLAIN))
HALVES = pytest.mark.parametrize("half", ["float16", "bfloat16"])
LIBRARIES = pytest.mark.parametrize("library", [Torch, JAX])


def in_dtype(library, x, dtype):
    """An array in a dtype of a library, NumPy having no bfloat16."""
    if isinstance(library, Torch):
        return library.torch.asarray(np.asarray(x)).to(getattr(library.torch, dtype))
    return library.jax.numpy.asarray(np.asarray(x)).astype(dtype)


@VERSIONS
@HALVES
@LIBRARIES
def test_half_is_the_float32_loss_of_the_rounded_inputs(version, half, library):
    case, xp = PLAIN[version], library()
    raw = tree_map(lambda v: in_dtype(xp, v, half), case.raw)
    rounded = tree_map(
        lambda v: np.asarray(v.float() if library is Torch else v.astype("float32")), raw
    )
    targets = xp.tree(case.targets)
    run = xp.jax.jit if library is JAX else lambda f: f
    terms, grads = run(lambda r: case.module.loss_and_grad(r, targets, case.config))(raw)
    want, want_grads = case.module.loss_and_grad(rounded, case.targets, case.config)
    for got, term in zip(terms, want, strict=True):
        assert "float32" in str(got.dtype)
        np.testing.assert_allclose(xp.host(got), term, rtol=1e-5, atol=1e-6)
    eps = 1e-3 if half == "float16" else 8e-3
    for got, grad in zip(leaves(grads), leaves(want_grads), strict=True):
        assert half in str(got.dtype)
        host = np.asarray(got.float() if library is Torch else got.astype("float32"))
        np.testing.assert_allclose(host, grad, rtol=eps, atol=1e-6)


@pytest.mark.parametrize("library", [NumPy, Torch])
def test_gradients_saturate(library):
    """e^19 makes a slope of 1e14 and more; float16 ends at 65504."""
    case, xp = PLAIN["v2"], library()
    raw = case.raw.copy()
    raw[..., 2:4] = 19
    raw = raw.astype("float16")
    _, grad = xp.call(lambda r, t: yl.v2.loss_and_grad(r, t, case.config), raw, case.targets)
    assert grad.dtype == "float16"
    assert np.isfinite(grad).all()
    assert grad.max() == 65504


@VERSIONS
@pytest.mark.parametrize("box", ["float32", "float64", "float16"])
@pytest.mark.parametrize("label", ["int8", "uint8", "int32", "int64"])
def test_dtypes_of_truths(version, box, label):
    """Truths are cast to the compute dtype, so theirs does not matter."""
    case = PLAIN[version]
    rounded = case.targets.boxes.astype("float16").astype("float64")
    want = case.module.loss(case.raw, case.targets._replace(boxes=rounded), case.config)
    targets = yl.Targets(rounded.astype(box), case.targets.labels.astype(label), case.targets.valid)
    got = case.module.loss(case.raw, targets, case.config)
    np.testing.assert_array_equal(got.total, want.total)


@VERSIONS
@pytest.mark.parametrize("library", [NumPy, Torch, JAX])
def test_nan_stays_in_its_image(version, library):
    """A NaN makes terms of its image NaN and of no other, whatever field it is in."""
    case, xp = PLAIN[version], library()
    clean = case.module.loss(case.raw, case.targets, case.config)
    heads = [h.copy() for h in case.heads]
    for h in heads:
        h[0, ...] = np.nan
    raw = tuple(heads) if isinstance(case.raw, tuple) else heads[0]
    terms, grads = xp.call(
        lambda r, t: case.module.loss_and_grad(r, t, case.config), raw, case.targets
    )
    assert np.isnan(terms.total[0])
    np.testing.assert_allclose(terms.total[1:], clean.total[1:], rtol=1e-12)
    assert all(np.isfinite(g[1:]).all() for g in leaves(grads))


@pytest.mark.parametrize("ignore_by", ["prior", "shape", "prediction", None])
def test_nan_objectness_is_never_ignored(ignore_by):
    """One NaN at a time, at every slot of the coarse head."""
    case = PLAIN["v3"]
    config = yl.v3.Config(
        case.config.anchors, case.config.masks, case.config.strides, ignore_by=ignore_by,
        ignore_threshold=0.05,
    )  # fmt: skip
    for place in np.ndindex(case.raw[0].shape[1:4]):
        head = case.raw[0].copy()
        head[(0, *place, 4)] = np.nan
        terms = yl.v3.loss((head, case.raw[1]), case.targets, config)
        assert np.isnan(terms.total[0])
        assert np.isfinite(terms.total[1:]).all()


@VERSIONS
@pytest.mark.parametrize("library", [NumPy, Torch, JAX])
@pytest.mark.parametrize("label", [2**32, 2**32 + 1, -(2**32), 2**40, -1])
def test_labels_do_not_wrap(version, library, label):
    """A class that a shorter integer would wrap to 0 … K − 1 is invalid all the same."""
    case, xp = PLAIN[version], library()
    labels = np.full_like(case.targets.labels, label)
    found = xp.call(
        lambda r, t: case.module.assign(r, t, case.config),
        case.raw, case.targets._replace(labels=labels),
    )  # fmt: skip
    first = found[0] if isinstance(case.raw, tuple) else found
    assert not first.positives.any()
    np.testing.assert_array_equal(first.invalid, case.targets.valid.sum(axis=1))
