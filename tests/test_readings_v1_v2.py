"""YOLOv1 and v2: one test for each sentence and each reading (a), (b), … of the definition.

Grids and anchors as in `test_readings_common`. At raw 0 a centre lies in the middle of its cell, a
size is that of the prior (v1: half the image), an objectness or logistic class is ½, and so is a
softmax over two classes; log 3 makes ¾ of each.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

import yolo_losses as yl
from tests.test_readings_common import (
    CELL,
    CORNER,
    MIDDLE,
    OFF_CENTRE,
    TALL,
    TWO_CELLS,
    V1,
    V2,
    V3,
    V4,
    WIDE,
    both,
    found,
    on,
    places,
    terms,
    truths,
    zeros,
)

LOG2, LOG3 = math.log(2), math.log(3)
near = pytest.approx


# YOLOv1.


def test_v1_decode():
    raw = zeros(V1)
    raw[0, 1, 2, [5, 7, 9, 10]] = LOG3
    got = yl.v1.decode(raw, V1)
    np.testing.assert_allclose(
        got.boxes[0, 1, 2], [[0.625, 0.375, 0.5, 0.5], [0.6875, 0.375, 0.75, 0.5]]
    )
    np.testing.assert_allclose(got.obj[0, 1, 2], [0.5, 0.75])
    np.testing.assert_allclose(got.cls[0, 1, 2], [0.75, 0.25])


def test_v1_coordinates_are_offsets_in_the_cell_and_roots_of_sizes():
    """Offsets ¼ and ¾; w = 1/4, h = 1/16."""
    got = terms(V1, truths((1.25 / 4, 1.75 / 4, 1 / 4, 1 / 16))).box.item()
    root = math.sqrt(0.5)
    assert got == near(5 * (0.25**2 + 0.25**2 + (0.5 - root) ** 2 + (0.25 - root) ** 2))


def test_v1_confidence_of_the_responsible_predictor_is_the_iou():
    raw = zeros(V1)
    raw[0, 1, 1, 4] = LOG3
    assert terms(V1, truths(MIDDLE), raw).obj.item() == near((0.25 - 0.75) ** 2)


def test_v1_iou_is_of_whole_boxes_in_image_units():
    """A box of the truth's size half a cell to the right: (1 · ½) / (1 + 1 − ½)."""
    raw = zeros(V1)
    raw[..., [0, 5]], raw[..., [2, 3, 7, 8]] = 1e4, -LOG3
    assert found(V1, truths(MIDDLE), raw)[0].iou.item() == near(1 / 3)
    assert terms(V1, truths(MIDDLE), raw).obj.item() == near((1 / 3 - 0.5) ** 2)


def test_v1_confidence_of_the_others_is_0():
    raw = zeros(V1)
    raw[..., [4, 9]] = LOG3
    assert terms(V1, truths(), raw).noobj.item() == near(0.5 * 4 * 4 * 2 * 0.75**2)


def test_v1_classes_are_a_softmax_in_cells_that_hold_an_object():
    raw = zeros(V1)
    raw[..., 10] = LOG3
    got, (grad,) = both(V1, truths(MIDDLE), raw)
    assert got.cls.item() == near((1 - 0.75) ** 2 + (0 - 0.25) ** 2)
    assert {at[:2] for at in places(grad[..., 10:])} == {(1, 1)}


def test_v1_weights():
    assert (V1.num_boxes, V1.lambda_coord, V1.lambda_noobj) == (2, 5, 0.5)


@on("better", [0, 1])
def test_v1_the_predictor_whose_current_box_overlaps_most_is_responsible(better):
    raw = zeros(V1)
    raw[0, 1, 1, [5 * better + 2, 5 * better + 3]] = -LOG3
    assert places(found(V1, truths(MIDDLE), raw)[0].responsible) == [(1, 1, better)]


def test_v1_a_other_predictors_of_an_objects_cell_are_pushed_to_0():
    """32 predictors, one of them responsible."""
    got, (grad,) = both(V1, truths(MIDDLE))
    assert got.noobj.item() == near(0.5 * 31 * 0.25)
    assert grad[0, 1, 1, 9] == near(0.5 * 2 * 0.5 * 0.25)


@on("labels", [(0, 1), (1, 0)])
def test_v1_b_the_first_of_two_centres_keeps_the_cell(labels):
    """Also where the second would have had the other predictor."""
    raw = zeros(V1)
    raw[0, 1, 1, [7, 8]], raw[0, 1, 1, 10] = -LOG3, LOG3
    large = (0.375, 0.375, 0.5, 0.5)
    targets = truths((*large, labels[0]), (*MIDDLE, labels[1]))
    (match,) = found(V1, targets, raw)
    assert places(match.responsible) == [(1, 1, 0)]
    assert match.mask.tolist() == [[[True], [False]]]
    assert (match.positives.item(), match.collisions.item()) == (1, 1)
    got = terms(V1, targets, raw)
    assert got.cls.item() == near(2 * (0.25 if labels[0] == 0 else 0.75) ** 2)
    assert got.box.item() == near(0, abs=1e-15)


def test_v1_c_ties_go_to_the_lowest_predictor():
    """Two equal boxes; and two that miss the object, all IOUs 0."""
    assert places(found(V1, truths(MIDDLE))[0].responsible) == [(1, 1, 0)]
    raw = zeros(V1)
    raw[..., [2, 3, 7, 8]] = -30
    (match,) = found(V1, truths((*CORNER, 0.1, 0.1)), raw)
    assert match.iou.item() == 0
    assert places(match.responsible) == [(1, 1, 0)]


# YOLOv2.


def test_v2_decode():
    """Class and objectness stand for each anchor."""
    config = replace(V2, anchors=(CELL, WIDE))
    raw = zeros(config)
    raw[0, 1, 2, 1, :6] = LOG3, -LOG3, LOG2, -LOG2, LOG3, LOG3
    got = yl.v2.decode(raw, config)
    np.testing.assert_allclose(got.boxes[0, 1, 2, 0], [2.5 / 4, 1.5 / 4, 0.25, 0.25])
    np.testing.assert_allclose(got.boxes[0, 1, 2, 1], [2.75 / 4, 1.25 / 4, 1, 0.125])
    np.testing.assert_allclose(got.obj[0, 1, 2], [0.5, 0.75])
    np.testing.assert_allclose(got.cls[0, 1, 2], [[0.5, 0.5], [0.75, 0.25]])


def test_v2_coordinates():
    """Offsets ¼ and ¾ against ½, w as the prior, h twice that; weight 2 − w·h."""
    got = terms(V2, truths((1.25 / 4, 1.75 / 4, 0.25, 0.5))).box.item()
    assert got == near((2 - 0.25 * 0.5) * (0.25**2 + 0.25**2 + (0.5 - 0.25) ** 2))


def test_v2_an_error_of_one_cell_costs_1():
    """A centre on the left border of its cell, predicted on the right one."""
    raw = zeros(V2)
    raw[0, 1, 1, 0, 0] = 1e4
    assert terms(V2, truths((0.25, 0.375, 0.25, 0.25)), raw).box.item() == 2 - 0.25**2


@on("side, weight", [(1, 1), (2**-20, 2 - 2**-40)])
def test_v2_weight_lies_in_1_to_2(side, weight):
    """The anchor fits the truth: what is left is half a cell in x and in y."""
    config = replace(V2, anchors=((32 * side, 32 * side),))
    assert terms(config, truths((0.5, 0.5, side, side))).box.item() == weight * 0.5


def test_v2_objectness_of_the_responsible_anchor_is_the_iou():
    raw = zeros(V2)
    raw[..., 4] = -LOG3
    got = terms(V2, truths(TWO_CELLS), raw).obj.item()
    iou = 1 / 2  # the prior of cell (1, 2) is the right half of the truth
    assert got == near(5 * (iou - 0.25) ** 2)


def test_v2_objectness_of_the_others_is_0():
    raw = zeros(V2)
    raw[..., 4] = LOG3
    assert terms(V2, truths(), raw).noobj.item() == near(4 * 4 * 0.75**2)
    assert terms(V2, truths(MIDDLE), raw).noobj.item() == near(15 * 0.75**2)


def test_v2_classes_are_a_softmax_of_the_responsible_anchor():
    raw = zeros(V2)
    raw[..., 5] = LOG3
    got, (grad,) = both(V2, truths((*MIDDLE, 1)), raw)
    assert got.cls.item() == near((0 - 0.75) ** 2 + (1 - 0.25) ** 2)
    assert {at[:3] for at in places(grad[..., 5:])} == {(1, 1, 0)}


def test_v2_the_best_anchor_of_the_objects_cell_is_responsible():
    config = replace(V2, anchors=(CELL, WIDE, TALL))
    (match,) = found(config, truths((0.375, 0.625, 0.2, 0.5)))
    assert places(match.responsible) == [(2, 1, 2)]
    assert match.iou.item() == near(0.2 / 0.25)


def test_v2_weights():
    values = (V2.lambda_coord, V2.lambda_obj, V2.lambda_noobj, V2.lambda_class)
    assert values == (1, 5, 1, 1)
    assert yl.v2.Config((CELL,)).stride == 32


def test_v2_a_anchors_are_compared_by_shape_on_one_centre():
    (match,) = found(replace(V2, anchors=(CELL, (24, 24))), truths(OFF_CENTRE))
    assert places(match.responsible) == [(1, 1, 0)]
    assert match.iou.item() == near(64 / 144)


def test_v2_a_ties_go_to_the_lower_anchor():
    for anchors in ((WIDE, TALL), (TALL, WIDE)):
        (match,) = found(replace(V2, anchors=anchors), truths(MIDDLE))
        assert places(match.responsible) == [(1, 1, 0)]


def test_v2_b_sizes_are_fractions_of_the_image():
    """2 × 4 cells: the prior is ¼ of the width and ½ of the height."""
    raw = zeros(V2, grid=(2, 4))
    np.testing.assert_array_equal(yl.v2.decode(raw, V2).boxes[0, 0, 1, 0], [0.375, 0.25, 0.25, 0.5])
    got = terms(V2, truths((0.375, 0.25, 0.5, 0.75)), raw).box.item()
    assert got == (2 - 0.5 * 0.75) * ((0.5 - 0.25) ** 2 + (0.75 - 0.5) ** 2)


@on("config", [V2, replace(V3, coord_iou_threshold=None), V4], ids=["v2-c", "v3-f", "v4-d"])
def test_v2_c_the_last_of_two_objects_keeps_the_prior_and_the_collision_is_counted(config):
    """Every term is that of the last alone."""
    first, last = (0.3, 0.45, 0.25, 0.1, 0), (*MIDDLE, 1)
    (match,) = found(config, truths(first, last))
    assert match.mask.tolist() == [[[False], [True]]]
    assert (match.positives.item(), match.collisions.item()) == (1, 1)
    got, want = terms(config, truths(first, last)), terms(config, truths(last))
    other = terms(config, truths(first))
    assert [v.item() for v in got] == [v.item() for v in want] != [v.item() for v in other]


def test_v2_d_there_is_no_ignore_rule():
    """A second anchor that fits the object almost as well is pushed to 0."""
    config = replace(V2, anchors=(CELL, (8, 9)))
    assert not found(config, truths(MIDDLE))[0].ignored.any()
    assert terms(config, truths(MIDDLE)).noobj.item() == 31 * 0.25
