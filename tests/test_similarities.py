"""iou, giou, diou, ciou and their gradients: by hand, against the oracle, at the edges."""

import math

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import MOST
from conformance.oracle import similarity

NAMES = pytest.mark.parametrize("name", ["iou", "giou", "diou", "ciou"])
LIBRARIES = pytest.mark.parametrize("xp", MOST, indirect=True)

# pred, gt: oblong, so that the aspect term is never 0 by accident
PAIRS = {
    "overlap": ((1, 2, 5, 9), (3, 1, 10, 6)),
    "contained": ((2, 3, 4, 4), (0, 0, 10, 7)),
    "contains": ((0, 0, 10, 7), (2, 3, 4, 4)),
    "apart in x": ((0, 0, 2, 5), (6, 1, 9, 3)),
    "apart in both": ((0, 0, 2, 5), (6, 8, 9, 10)),
    "nearly equal": ((0, 0, 4, 9), (0.25, 0.5, 4.5, 9.25)),
}


def random_pairs(n, seed=0):
    """Corner boxes of all sizes, half of the pairs overlapping."""
    rng = np.random.default_rng(seed)
    first = rng.uniform(0, 100, size=(2, n, 2))
    size = np.exp(rng.uniform(0, 4, size=(2, n, 2)))
    return np.concatenate([first, first + size], axis=-1)


def test_values_by_hand():
    """Two boxes of 4 × 2 and 2 × 4 with a common 2 × 2: every figure by hand."""
    pred, gt = np.array([0.0, 0, 4, 2]), np.array([2.0, 0, 4, 4])
    iou = 4 / (8 + 8 - 4)
    v = 4 / math.pi**2 * (math.atan(1 / 2) - math.atan(2)) ** 2
    distance = (1**2 + 1**2) / (4**2 + 4**2)
    assert yl.iou.iou(pred, gt) == pytest.approx(iou, rel=1e-15)
    assert yl.iou.giou(pred, gt) == pytest.approx(iou - (16 - 12) / 16, rel=1e-15)
    assert yl.iou.diou(pred, gt) == pytest.approx(iou - distance, rel=1e-15)
    ciou = iou - distance - v / (1 - iou + v) * v
    assert yl.iou.ciou(pred, gt) == pytest.approx(ciou, rel=1e-15)


@NAMES
@LIBRARIES
def test_against_the_oracle(name, xp):
    pred, gt = random_pairs(60)
    value = xp.call(getattr(yl.iou, name), pred, gt)
    want = [
        getattr(similarity, name)(p, g) for p, g in zip(pred.tolist(), gt.tolist(), strict=True)
    ]
    np.testing.assert_allclose(value, want, rtol=1e-12, atol=1e-14)


@NAMES
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_gradient_against_differences(name, pair):
    pred, gt = np.array(pair, dtype=float)
    value, grad = yl.iou.value_and_grad(name, pred, gt)
    assert value == getattr(yl.iou, name)(pred, gt)
    want = similarity.gradient(name, *(tuple(map(float, box)) for box in pair))
    np.testing.assert_allclose(grad, want, rtol=1e-7, atol=1e-9)


@NAMES
@pytest.mark.parametrize("xp", ["torch", "jax"], indirect=True)
def test_gradient_is_the_automatic_one(name, xp):
    """Also at ties, where minimum and maximum share their slope ½–½."""
    pred, gt = np.concatenate([random_pairs(40), TIES.transpose(1, 0, 2)], axis=1)
    constant = xp.array(gt)
    automatic = xp.grad(lambda p: getattr(yl.iou, name)(p, constant).sum(), pred)
    _, grad = yl.iou.value_and_grad(name, pred, gt)
    np.testing.assert_allclose(automatic, grad, rtol=1e-11, atol=1e-13)


TIES = np.array(
    [
        [(0, 0, 4, 2), (0, 0, 4, 2)],  # equal
        [(0, 0, 4, 2), (0, 1, 4, 5)],  # common left and right edge
        [(0, 0, 4, 2), (4, 0, 6, 3)],  # touching
        [(1, 1, 3, 2), (1, 0, 5, 4)],  # inside, common left edge
        [(2, 2, 2, 2), (2, 2, 2, 2)],  # two points, equal
        [(2, 2, 2, 5), (0, 0, 4, 4)],  # no width
        [(0, 0, 4, 4), (2, 2, 5, 2)],  # truth without height
        [(5, 1, 3, 2), (1, 0, 6, 4)],  # x2 < x1
    ],
    dtype=float,
)


@NAMES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 1e-18, 1e17])
def test_everything_is_finite(name, dtype, scale):
    pairs = np.concatenate([TIES, random_pairs(20).transpose(1, 0, 2)]) * scale
    value, grad = yl.iou.value_and_grad(name, *pairs.astype(dtype).transpose(1, 0, 2))
    assert value.dtype == grad.dtype == dtype
    assert np.isfinite(value).all()
    assert np.isfinite(grad).all()


DEGENERATE = {
    # pair: iou, giou, diou, ciou
    "two equal points": (TIES[4], (0.0, 0.0, 0.0, 0.0)),
    "equal boxes": (TIES[0], (1.0, 1.0, 1.0, 1.0)),
    "two points apart": (
        np.array([(0.0, 0, 0, 0), (3.0, 4, 3, 4)]),
        (0.0, -1.0, -1.0, -1.0),
    ),
    "a line, v = 0": (
        np.array([(0.0, 0, 0, 4), (0.0, 0, 4, 4)]),
        (0.0, 0.0, -4 / 32, -4 / 32),
    ),
    "inverted counts as width 0": (
        np.array([(3.0, 0, 1, 4), (0.0, 0, 4, 4)]),
        (0.0, 0.0, 0.0, 0.0),
    ),
}


@pytest.mark.parametrize(("pair", "want"), DEGENERATE.values(), ids=DEGENERATE.keys())
def test_degenerate_pairs_are_decided(pair, want):
    got = [float(getattr(yl.iou, name)(*pair)) for name in ("iou", "giou", "diou", "ciou")]
    assert got == pytest.approx(want, abs=1e-15)


def test_ties_share_the_slope():
    """Equal boxes of 4 × 2: an edge moves I and U by half of what an inner one would."""
    _, grad = yl.iou.value_and_grad("iou", *TIES[0])
    area, height = 8.0, 2.0
    d_inter, d_pred = -0.5 * height, -height  # ∂I/∂x1 and ∂A/∂x1
    slope = d_inter / area - (d_pred - d_inter) / area
    np.testing.assert_allclose(grad[0], slope, rtol=1e-15)
    np.testing.assert_allclose(grad[2], -slope, rtol=1e-15)


def test_no_overlap_has_no_slope():
    _, grad = yl.iou.value_and_grad("iou", *TIES[2])
    assert not grad.any()


def test_alpha_is_constant_and_v_is_not():
    """With IOU and distance held still, the slope of −α·v is −α times that of v."""
    pred, gt = np.array([0.0, 0, 6, 2]), np.array([0.0, 0, 2, 6])
    _, d_ciou = yl.iou.value_and_grad("ciou", pred, gt)
    _, d_diou = yl.iou.value_and_grad("diou", pred, gt)
    iou = 4 / 20
    delta = math.atan(1 / 3) - math.atan(3)
    v = 4 / math.pi**2 * delta**2
    d_v = -8 / math.pi**2 * delta * 2 / (6**2 + 2**2)  # ∂v/∂ŵ, ŵ = 6, ĥ = 2
    np.testing.assert_allclose((d_ciou - d_diou)[2], -v / (1 - iou + v) * d_v, rtol=1e-12)


@pytest.mark.parametrize(
    ("a", "b"),
    [((4,), (4,)), ((4,), (3, 4)), ((3, 1, 4), (5, 4)), ((5, 4), (3, 1, 4)), ((0, 4), (4,)),
     ((2, 4), (2, 4)), ((7, 4), (1, 4))],
)  # fmt: skip
def test_broadcasting(a, b):
    """As of boxes that are as many already."""
    pred, gt = (random_pairs(math.prod(shape[:-1]))[0].reshape(shape) for shape in (a, b))
    whole = [np.array(boxes) for boxes in np.broadcast_arrays(pred, gt)]
    value, grad = yl.iou.value_and_grad("ciou", pred, gt)
    assert grad.shape == whole[0].shape
    np.testing.assert_array_equal(yl.iou.ciou(pred, gt), yl.iou.ciou(*whole))
    np.testing.assert_array_equal(value, yl.iou.ciou(*whole))
    np.testing.assert_array_equal(grad, yl.iou.value_and_grad("ciou", *whole)[1])


@NAMES
@pytest.mark.parametrize(
    ("dtypes", "want"),
    [("f8 f4", "f8"), ("f4 f8", "f8"), ("f4 f4", "f4"), ("f4 f2", "f4"), ("f2 f2", "f4")],
)
def test_computed_in_float32_or_the_wider_one(name, dtypes, want):
    """300² is more than float16 holds."""
    pred, gt = (np.array([0, 0, 300, 300], dtype) for dtype in dtypes.split())
    for value in (getattr(yl.iou, name)(pred, gt), *yl.iou.value_and_grad(name, pred, gt)):
        assert value.dtype == want
        assert np.isfinite(value).all()


@NAMES
def test_functions_have_the_name_and_the_words_of_their_formula(name):
    assert getattr(yl.iou, name).__name__ == yl.iou.SIMILARITY[name].__name__ == name
    assert getattr(yl.iou, name).__doc__ == yl.iou.SIMILARITY[name].__doc__
    assert "(1)" in getattr(yl.iou, name).__doc__


def test_a_box_by_its_centre_keeps_the_digits_of_its_size():
    """Far from 0 a difference of edges has two of them in float32: v is made of sizes alone."""
    pred, gt = (
        yl.iou.centred(*(np.full(1, v, dtype="float32") for v in (1000, 1000, *size)))
        for size in ((0.001, 0.003), (0.003, 0.001))
    )
    iou, diou, ciou = (float(yl.iou.SIMILARITY[n](pred, gt)[0]) for n in ("iou", "diou", "ciou"))
    v = 4 / math.pi**2 * (math.atan(3) - math.atan(1 / 3)) ** 2
    assert diou - ciou == pytest.approx(v / (1 - iou + v) * v, rel=1e-5)


def test_a_formula_has_the_edges_of_boxes():
    box = yl.iou.corners(np.array([1.0, 2.0, 4.0, 8.0]))
    assert (box.x1, box.y1, box.x2, box.y2) == (1, 2, 4, 8)


def test_a_similarity_of_your_own():
    """Registered by its name: an option, a function of arrays, and an exact gradient."""

    @yl.iou.similarity
    def only_centres(pred, gt):
        dx, dy = pred.x1 + pred.x2 - gt.x1 - gt.x2, pred.y1 + pred.y2 - gt.y1 - gt.y2
        return -(dx**2) - dy**2

    try:
        value, grad = yl.iou.value_and_grad("only_centres", np.array([0.0, 0, 4, 2]), np.zeros(4))
        assert value == -20
        np.testing.assert_array_equal(grad, [-8, -4, -8, -4])
        assert yl.v4.Config(((8, 8),), ((0,),), (8,), (1,), similarity="only_centres")
    finally:
        del yl.iou.SIMILARITY["only_centres"]


@NAMES
@pytest.mark.parametrize("xp", ["torch", "jax"], indirect=True)
def test_half_precision_is_computed_in_float32(name, xp):
    pred, gt = (xp.array(v.astype("float16")) for v in random_pairs(5))
    value, grad = yl.iou.value_and_grad(name, pred, gt)
    assert "float32" in str(value.dtype)
    assert "float32" in str(grad.dtype)


@NAMES
def test_inverted_boxes_against_the_oracle(name):
    """One side, the other and both turned round."""
    pred, gt = random_pairs(40, seed=5)
    pred[::2, [0, 2]], pred[1::2, [1, 3]] = pred[::2, [2, 0]], pred[1::2, [3, 1]]
    gt[::3, [1, 3]] = gt[::3, [3, 1]]
    value, grad = yl.iou.value_and_grad(name, pred, gt)
    pairs = zip(pred.tolist(), gt.tolist(), strict=True)
    np.testing.assert_allclose(
        value, [getattr(similarity, name)(p, g) for p, g in pairs], rtol=1e-12
    )
    assert (value >= -2).all()
    assert np.isfinite(grad).all()
