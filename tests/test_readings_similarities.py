"""Similarities of boxes: one test for each sentence of the definition.

Corner boxes x1 y1 x2 y2; I intersection, U union, C area of the smallest enclosing box, c its
diagonal, ρ the distance of the centres.
"""

import itertools
import math

import numpy as np
import pytest

import yolo_losses as yl

NAMES = ["iou", "giou", "diou", "ciou"]
on = pytest.mark.parametrize

# 4 × 2 against 2 × 4: I = 2·2, U = 8 + 8 − 4, C = 4·4, c² = 4² + 4², ρ² = 1² + 1².
PRED, GT = (0, 0, 4, 2), (2, 0, 4, 4)
POINT, FAR_POINT = (1, 1, 1, 1), (4, 5, 4, 5)


def value(name, pred, gt):
    return float(getattr(yl.iou, name)(np.array(pred, dtype=float), np.array(gt, dtype=float)))


def slopes(name, pred, gt):
    """Along x1 y1 x2 y2 of pred."""
    return yl.iou.value_and_grad(name, np.array(pred, dtype=float), np.array(gt, dtype=float))[1]


def test_iou_is_intersection_over_union():
    assert value("iou", PRED, GT) == pytest.approx(4 / 12, rel=1e-15)


def test_iou_is_0_where_the_union_is_0():
    assert value("iou", POINT, POINT) == 0
    assert value("iou", POINT, FAR_POINT) == 0


def test_giou_takes_off_the_empty_share_of_the_enclosing_box():
    assert value("giou", PRED, GT) == pytest.approx(4 / 12 - (16 - 12) / 16, rel=1e-15)


def test_second_part_of_giou_is_0_where_the_enclosing_area_is_0():
    """Two points at one place, and two lines on one line."""
    assert value("giou", POINT, POINT) == 0
    assert value("giou", (0, 1, 2, 1), (1, 1, 5, 1)) == 0


def test_diou_takes_off_the_distance_over_the_diagonal():
    assert value("diou", PRED, GT) == pytest.approx(4 / 12 - 2 / 32, rel=1e-15)


def test_second_part_of_diou_is_0_where_the_diagonal_is_0():
    assert value("diou", POINT, POINT) == 0
    assert value("diou", POINT, FAR_POINT) == -1  # ρ = c


def angle(w, h, w_hat, h_hat):
    """v."""
    return 4 / math.pi**2 * (math.atan(w / h) - math.atan(w_hat / h_hat)) ** 2


def test_ciou_takes_off_alpha_v():
    """v = 4/π² (atan(w/h) − atan(ŵ/ĥ))², α = v / ((1 − IOU) + v)."""
    v = angle(2, 4, 4, 2)
    alpha = v / ((1 - 4 / 12) + v)
    assert value("ciou", PRED, GT) == pytest.approx(4 / 12 - 2 / 32 - alpha * v, rel=1e-15)


LINES = {
    "prediction without width": ((1, 0, 1, 4), (0, 0, 4, 2)),
    "prediction without height": ((0, 1, 4, 1), (0, 0, 2, 4)),
    "truth without width": ((0, 0, 4, 2), (1, 0, 1, 4)),
    "truth without height": ((0, 0, 2, 4), (0, 1, 4, 1)),
}


@on("pred, gt", LINES.values(), ids=LINES.keys())
def test_v_is_0_where_a_box_has_no_width_or_height(pred, gt):
    assert value("ciou", pred, gt) == value("diou", pred, gt)
    np.testing.assert_array_equal(slopes("ciou", pred, gt), slopes("diou", pred, gt))


def test_alpha_is_0_where_v_is_0():
    """Also where IOU is 1, so that α reads 0 / 0."""
    for gt in (PRED, (1, 0, 9, 4)):
        assert value("ciou", PRED, gt) == value("diou", PRED, gt)
        np.testing.assert_array_equal(slopes("ciou", PRED, gt), slopes("diou", PRED, gt))
    assert value("ciou", PRED, PRED) == 1


def test_alpha_is_constant_for_the_gradient_and_v_is_not():
    """6 × 2 in 2 × 6, one corner: ∂v/∂ŵ = −8/π² (atan(w/h) − atan(ŵ/ĥ)) ĥ / (ŵ² + ĥ²)."""
    pred, gt = (0, 0, 6, 2), (0, 0, 2, 6)
    v = angle(2, 6, 6, 2)
    alpha = v / (1 - 4 / 20 + v)
    d_v = -8 / math.pi**2 * (math.atan(2 / 6) - math.atan(6 / 2)) * 2 / (6**2 + 2**2)
    aspect = slopes("ciou", pred, gt) - slopes("diou", pred, gt)
    assert aspect[2] == pytest.approx(-alpha * d_v, rel=1e-12)
    assert aspect[0] == pytest.approx(alpha * d_v, rel=1e-12)


@on("name", NAMES)
def test_x2_below_x1_counts_as_width_0(name):
    """The same of y2 below y1; the centre of the box stays where it is."""
    gt = (0, 0, 4, 4)
    assert value(name, (3, 0, 1, 4), gt) == value(name, (2, 0, 2, 4), gt)
    assert value(name, (0, 3, 4, 1), gt) == value(name, (0, 2, 4, 2), gt)
    assert value(name, gt, (3, 0, 1, 4)) == value(name, gt, (2, 0, 2, 4))


def test_x2_below_x1_has_no_overlap():
    assert value("iou", (3, 0, 1, 4), (0, 0, 4, 4)) == 0
    assert value("iou", (3, 3, 1, 1), (0, 0, 4, 4)) == 0  # not (−2)·(−2)


@on("name", ["diou", "ciou"])
def test_x2_below_x1_stays_in_the_range(name):
    """Wherever a box of width 0 stands, ρ ≤ c and so DIOU ≥ −1; here ρ = 7½, c² = 1² + 1²."""
    assert value(name, (19, 0, 1, 1), (2, 0, 3, 1)) >= -1


def test_minimum_shares_its_slope_at_a_tie():
    """A common right edge: ∂I = ½·2, ∂U = 2 − 1, so ∂IOU = (∂I·U − I·∂U) / U²."""
    assert slopes("iou", (0, 0, 4, 2), (2, 0, 4, 2))[2] == (1 * 8 - 4 * 1) / 8**2


def test_maximum_shares_its_slope_at_a_tie():
    """A common left edge: the mirror image."""
    assert slopes("iou", (0, 0, 4, 2), (0, 0, 2, 2))[0] == -(1 * 8 - 4 * 1) / 8**2


def test_the_enclosing_box_shares_its_slope_at_a_tie():
    """Common right edges: ∂C = ½·2, so ∂(GIOU − IOU) = ∂(U/C) = (∂U·C − U·∂C) / C²."""
    pred, gt = (0, 0, 4, 2), (3, 0, 4, 6)  # I = 2, U = 8 + 6 − 2, C = 24, ∂C = ½·6
    extra = slopes("giou", pred, gt) - slopes("iou", pred, gt)
    assert extra[2] == pytest.approx((1 * 24 - 12 * 3) / 24**2, rel=1e-14)
    mirrored = slopes("giou", (0, 0, 4, 2), (0, 0, 1, 6)) - slopes(
        "iou", (0, 0, 4, 2), (0, 0, 1, 6)
    )
    assert mirrored[0] == pytest.approx(-(1 * 24 - 12 * 3) / 24**2, rel=1e-14)


def test_an_intersection_of_width_0_has_slope_0():
    """Boxes that touch along an edge or at a corner."""
    assert not slopes("iou", (0, 0, 4, 2), (4, 0, 6, 2)).any()
    assert not slopes("iou", (0, 0, 4, 2), (4, 2, 6, 3)).any()


@on("name", NAMES)
@on("dtype", ["float32", "float64"])
def test_all_gradients_are_finite(name, dtype):
    """Every pair of boxes with edges at 0, 1 and 2: empty, inverted, equal, touching, apart."""
    boxes = np.array(list(itertools.product([0, 1, 2], repeat=4)), dtype)
    got, grad = yl.iou.value_and_grad(name, boxes[:, None], boxes)
    assert np.isfinite(got).all()
    assert np.isfinite(grad).all()


@on("name", NAMES)
@on("side", [1e-20, 1e-22, 1e-25, 1e-40])
def test_gradients_of_boxes_with_a_subnormal_area_are_finite(name, side):
    """In float32 the areas are near 1e-39 and below, or 0; 1e-40 is not a normal number itself."""
    pred, gt = ((np.array(b) * side).astype("float32") for b in (PRED, GT))
    assert np.isfinite(yl.iou.value_and_grad(name, pred, gt)[1]).all()
