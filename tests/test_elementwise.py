"""Elementary functions: values, slopes beside them, limits."""

import math

import numpy as np
import pytest

from conformance.backends import JAX, Torch
from yolo_losses import elementwise as f
from yolo_losses.elementwise import ONE, Dual

T = np.array([-1e4, -90.0, -30.0, -20.5, -3.25, -1e-9, 0.0, 0.75, 19.5, 20.5, 30.0, 1e4])
UNARY = ["exp", "sigmoid", "sqrt_sigmoid", "softplus"]


def slope(function, *args, of=0):
    """The slope of one argument, by a Dual."""
    duals = [Dual(a, ONE if k == of else None) for k, a in enumerate(args)]
    return function(*duals).slope


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("library", [Torch, JAX])
def test_slopes_are_the_automatic_ones(name, library):
    function, xp = getattr(f, name), library()
    inner = T[np.abs(T) < 80]  # beyond, the automatic slope of σ underflows
    automatic = xp.grad(lambda t: function(t).sum(), inner)
    np.testing.assert_allclose(slope(function, inner), automatic, rtol=1e-11, atol=1e-300)


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_finite_without_a_warning(name, dtype):
    function = getattr(f, name)
    with np.errstate(all="raise", under="ignore"):
        both = function(Dual(T.astype(dtype), ONE))
    assert np.isfinite(both.value).all()
    assert np.isfinite(both.slope).all()
    assert both.value.dtype == both.slope.dtype == dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tails_keep_their_relative_precision(dtype):
    """σ(t), 1 − σ(t) as slopes and logarithms, where a difference from 1 would have lost them."""
    t, rtol = np.array([-40.0, 40.0], dtype=dtype), 1e-5 if dtype == "float32" else 1e-14
    tiny = math.exp(-40) / (1 + math.exp(-40))
    np.testing.assert_allclose(f.softplus(-t)[1], math.log1p(math.exp(-40)), rtol=rtol)
    np.testing.assert_allclose(f.sigmoid(t)[0], tiny, rtol=rtol)
    np.testing.assert_allclose(slope(f.sigmoid, t), tiny / (1 + math.exp(-40)), rtol=rtol)
    one = np.ones(2, dtype=dtype)
    np.testing.assert_allclose(f.bce(t, one)[1], math.log1p(math.exp(-40)), rtol=rtol)
    np.testing.assert_allclose(slope(f.bce, t, one)[1], -tiny, rtol=rtol)


@pytest.mark.parametrize("p", [0.0, 0.05, 1.0])
def test_bce_is_the_cross_entropy(p):
    t = np.array([-3.0, -0.5, 0.0, 2.0])
    s = 1 / (1 + np.exp(-t))
    np.testing.assert_allclose(f.bce(t, p), -p * np.log(s) - (1 - p) * np.log(1 - s), rtol=1e-14)
    np.testing.assert_allclose(slope(f.bce, t, p * np.ones(4)), s - p, rtol=1e-14)


def test_e_to_the_t_is_limited():
    assert f.exp(np.array(25.0)) == math.exp(20)
    assert f.exp(np.array(-25.0)) == math.exp(-20)
    np.testing.assert_array_equal(slope(f.exp, np.array([-20.1, 20.1])), 0)
    np.testing.assert_allclose(slope(f.exp, np.array([-20.0, 20.0])), [math.exp(-20), math.exp(20)])


def test_softmax_squared_error_by_differences():
    """The slope is that of the sum over classes: p̂ of one depends on all logits."""
    rng = np.random.default_rng(3)
    c, p, h = rng.normal(size=(4, 5)), np.eye(5)[:4], 1e-5
    got = slope(f.softmax_squared_error, c, p)
    for k in range(5):
        step = h * np.eye(5)[k]
        up, down = (f.softmax_squared_error(c + s, p).sum(axis=-1) for s in (step, -step))
        np.testing.assert_allclose(got[:, k], (up - down) / (2 * h), atol=1e-10)


def test_ratio_and_angle_at_zero():
    a, zero = np.array([1.0, 0.0]), np.zeros(2)
    for function in (f.ratio, f.atan_ratio):
        for of in (0, 1):
            assert np.isfinite(slope(function, a, zero, of=of)).all()
    np.testing.assert_array_equal(f.ratio(a, zero), 0)
    np.testing.assert_array_equal(f.atan_ratio(a, zero), [math.pi / 2, 0])
    np.testing.assert_array_equal(slope(f.ratio, a, zero), 0)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_angle_by_its_closed_form(scale):
    w, h = scale * np.array([1.0, 3.0, 2.0]), scale * np.array([2.0, 1.0, 2.0])
    np.testing.assert_allclose(f.atan_ratio(w, h), np.arctan2(w, h), rtol=1e-15)
    r2 = (w / scale) ** 2 + (h / scale) ** 2
    np.testing.assert_allclose(slope(f.atan_ratio, w, h) * scale, h / scale / r2, rtol=1e-14)
    np.testing.assert_allclose(slope(f.atan_ratio, w, h, of=1) * scale, -w / scale / r2, rtol=1e-14)


def test_ties_and_zero():
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    np.testing.assert_array_equal(slope(f.minimum, a, b), [1, 0.5, 0])
    np.testing.assert_array_equal(slope(f.minimum, a, b, of=1), [0, 0.5, 1])
    np.testing.assert_array_equal(slope(f.maximum, a, b), [0, 0.5, 1])
    np.testing.assert_array_equal(slope(f.maximum, a, b, of=1), [1, 0.5, 0])
    np.testing.assert_array_equal(slope(f.positive, np.array([-1.0, 0.0, 1.0])), [0, 0, 1])


def test_the_middle_of_an_inverted_box_moves_with_both_edges():
    near, far = np.array([1.0, 3.0, 1.0]), np.array([2.0, 1.0, 1.0])
    np.testing.assert_array_equal(f.edge(near, far), [1, 2, 1])
    np.testing.assert_array_equal(slope(f.edge, near, far), [1, 0.5, 1])
    np.testing.assert_array_equal(slope(f.edge, near, far, of=1), [0, 0.5, 0])


@pytest.mark.parametrize("name", ["exp", "sigmoid", "softplus", "sqrt_sigmoid", "positive"])
def test_nan_passes(name):
    assert np.isnan(getattr(f, name)(np.array([np.nan]))).all()


def test_nan_passes_through_two_arguments():
    nan, one = np.array([np.nan]), np.ones(1)
    for function in (f.ratio, f.minimum, f.maximum, f.atan_ratio):
        assert np.isnan(function(nan, one)).all()
        assert np.isnan(function(one, nan)).all()


def test_operators_of_duals():
    """(x² − 3x)·(2 − x)/4, value and slope by the rules of calculus."""
    x = np.array([0.5, 2.0, -1.5])
    d = Dual(x, ONE)
    got = -((d**2 - 3 * d) * (2 - d) / 4) + Dual(x)
    np.testing.assert_allclose(got.value, -(x**2 - 3 * x) * (2 - x) / 4 + x, rtol=1e-15)
    slope_ = -((2 * x - 3) * (2 - x) - (x**2 - 3 * x)) / 4
    np.testing.assert_allclose(got.slope, slope_, rtol=1e-14)


def test_a_cube():
    x = np.array([0.5, -1.5])
    cube = Dual(x, ONE) ** 3
    np.testing.assert_array_equal(cube.value, x**3)
    np.testing.assert_array_equal(cube.slope, 3 * x**2)


def test_an_array_beside_a_dual_is_a_constant():
    both = f.maximum(Dual(np.array([1.0, 3.0]), ONE), np.array([2.0, 2.0]))
    np.testing.assert_array_equal(both.value, [2, 3])
    np.testing.assert_array_equal(both.slope, [0, 1])


def test_stop_has_no_slope():
    d = Dual(np.ones(2), ONE)
    assert f.stop(d).slope is None
    assert (f.stop(d) * 2 + 1).slope is None
