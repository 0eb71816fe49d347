"""YOLOv3 and v4: one test for each sentence and each reading (a), (b), … of the definition.

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
    BIG,
    CELL,
    CORNER,
    MIDDLE,
    OFF_CENTRE,
    TALL,
    TWO_CELLS,
    V3,
    V4,
    WIDE,
    both,
    found,
    on,
    places,
    terms,
    truths,
    two_heads,
    version,
    zeros,
)

LOG2, LOG3 = math.log(2), math.log(3)
PYRAMIDS = on("base", [V3, V4], ids=["v3", "v4"])
near = pytest.approx


def one_head(base, *anchors, **options):
    """v3 or v4 with all anchors in one head and no ignore rule."""
    masks = (tuple(range(len(anchors))),)
    return replace(base, **{"anchors": anchors, "masks": masks, "ignore_by": None, **options})


# YOLOv3, and what v4 shares with it.


@PYRAMIDS
def test_v3_decode_has_independent_classes(base):
    """As v2, but for the classes; v4 with s = 1 is the same."""
    (raw,) = zeros(base)
    raw[0, 1, 2, 0] = LOG3, -LOG3, LOG2, -LOG2, LOG3, LOG3, LOG3
    (got,) = version(base).decode((raw,), base)
    np.testing.assert_allclose(got.boxes[0, 1, 2, 0], [2.75 / 4, 1.25 / 4, 0.5, 0.125])
    np.testing.assert_allclose(got.obj[0, 1, 2, 0], 0.75)
    np.testing.assert_allclose(got.cls[0, 1, 2, 0], [0.75, 0.75])


def test_v3_coordinates_are_compared_as_raw_outputs():
    """logit(¼) = −log 3, logit(¾) = log 3; w 1½ times the prior's, h the prior's."""
    (raw,) = zeros(V3)
    raw[0, 1, 1, 0, :4] = 1, 2, 3, 4
    got = terms(V3, truths((1.25 / 4, 1.75 / 4, 0.375, 0.25)), (raw,)).box.item()
    errors = (-LOG3 - 1) ** 2 + (LOG3 - 2) ** 2 + (math.log(1.5) - 3) ** 2 + (0 - 4) ** 2
    assert got == near((2 - 0.375 * 0.25) * errors)


@on("side, weight", [(1, 1), (2**-20, 2 - 2**-40)])
def test_v3_weight_lies_in_1_to_2(side, weight):
    config = replace(V3, anchors=((32 * side, 32 * side),))
    (raw,) = zeros(config)
    raw[..., 2] = 1
    assert terms(config, truths((0.625, 0.625, side, side)), (raw,)).box.item() == weight


@PYRAMIDS
def test_v3_objectness_is_a_cross_entropy(base):
    """C = 1 at the one responsible prior, 0 elsewhere."""
    (raw,) = zeros(base)
    raw[..., 4] = LOG3
    got = terms(base, truths(MIDDLE), (raw,))
    assert got.obj.item() == near(-math.log(0.75))
    assert got.noobj.item() == near(-15 * math.log(1 - 0.75))


@PYRAMIDS
def test_v3_classes_are_cross_entropies(base):
    (raw,) = zeros(base)
    raw[..., 5:] = LOG3
    assert terms(base, truths(MIDDLE), (raw,)).cls.item() == near(-math.log(0.75) - math.log(0.25))


def test_v3_defaults():
    assert (V3.lambda_coord, V3.lambda_obj, V3.lambda_class) == (1, 1, 1)
    assert (V3.ignore_by, V3.ignore_threshold) == ("prior", 0.5)
    assert (V3.coord_iou_threshold, V3.offset_eps) == (0.5, 1e-3)


def test_v3_truth_inverts_the_decode():
    t = [0.3, -0.7, 1.1, -0.4]
    (raw,) = zeros(V3)
    raw[0, 2, 3, 0, :4] = t
    boxes = yl.v3.decode((raw,), V3)[0].boxes[0, 2, 3]
    at = np.array([2]), np.array([3]), np.array([0])
    np.testing.assert_allclose(yl.v3.encode(boxes, *at, V3, head=0, grid_shape=(4, 4)), [t])
    assert terms(V3, truths(boxes[0]), (raw,)).box.item() == near(0, abs=1e-25)


@on("truth, head", [(MIDDLE, 1), ((0.375, 0.375, 0.5, 0.5), 0)], ids=["small", "large"])
def test_v3_one_anchor_over_all_heads_and_only_its_head_is_responsible(truth, head):
    config = two_heads(V3)
    raw = zeros(config, grid=(2, 2))
    matches, got = found(config, truths(truth), raw), terms(config, truths(truth), raw)
    cells = [(0, 0, 0), (1, 1, 0)]
    for s in (0, 1):
        assert places(matches[s].responsible) == ([cells[s]] if s == head else [])
        assert got.obj[0, s] == near(LOG2 if s == head else 0)
        assert got.noobj[0, s] == near(((4, 16)[s] - (s == head)) * LOG2)
        assert (got.cls[0, s] > 0) == (s == head)


def test_v3_priors_that_overlap_but_are_not_the_best_are_ignored():
    """8 × 12 overlaps 8 × 8 by ⅔: no objectness loss, no gradient."""
    config = one_head(V3, CELL, (8, 12), ignore_by="prior")
    assert places(found(config, truths(MIDDLE))[0].ignored) == [(1, 1, 1)]
    got, (grad,) = both(config, truths(MIDDLE))
    assert got.noobj.item() == near(30 * LOG2)
    assert grad[0, 1, 1, 1, 4] == 0


@PYRAMIDS
def test_v3_priors_without_an_object_have_no_coordinate_or_class_loss(base):
    _, (grad,) = both(base, truths((0.4, 0.4, 0.3, 0.2)))
    assert grad[0, 1, 1, 0].all()
    grad[0, 1, 1] = 0
    assert not grad[..., :4].any() and not grad[..., 5:].any()
    assert np.count_nonzero(grad[..., 4]) == 15


@on("x, t", [(0.5, math.log(1e-3 / 0.999)), (1, math.log(0.999 / 1e-3))], ids=["left", "right"])
def test_v3_a_offset_is_clipped_by_a_thousandth(x, t):
    got = terms(V3, truths((x, 0.375, 0.25, 0.25)))
    assert got.box.item() == near((2 - 0.25**2) * t**2)


def test_v3_a_epsilon_is_an_option_and_y_is_clipped_too():
    config = replace(V3, offset_eps=0.25)
    assert terms(config, truths((0.5, 0.25, 0.25, 0.25))).box.item() == near(
        (2 - 0.25**2) * (LOG3**2 + LOG3**2)
    )


def test_v3_b_the_gate_gates_the_coordinates_alone():
    """An IOU of ½ is not above it."""
    got = terms(V3, truths(TWO_CELLS))
    assert got.box.item() == 0
    assert got.obj.item() == near(LOG2)
    assert got.cls.item() == near(2 * LOG2)


@on("threshold", [0.49, None])
def test_v3_b_the_gate_is_a_threshold_or_none(threshold):
    """Offset 0 in x, clipped; twice the width."""
    got = terms(replace(V3, coord_iou_threshold=threshold), truths(TWO_CELLS)).box.item()
    assert got == near((2 - 0.5 * 0.25) * (math.log(999) ** 2 + LOG2**2))
    far = truths((0.375, 0.375, 0.001, 0.001))  # an IOU of 1.6e-5
    assert (terms(replace(V3, coord_iou_threshold=threshold), far).box.item() > 0) == (
        threshold is None
    )


@PYRAMIDS
def test_v3_c_a_prior_is_centred_on_its_cell(base):
    """A truth on a corner overlaps the priors of the four cells by 16/112, the best included."""
    truth = truths((*CORNER, 0.25, 0.25))
    config = replace(base, ignore_by="prior", ignore_threshold=0.14)
    assert places(found(config, truth)[0].ignored) == [(0, 0, 0), (0, 1, 0), (1, 0, 0)]
    assert not found(replace(config, ignore_threshold=0.15), truth)[0].ignored.any()


@PYRAMIDS
def test_v3_c_ignore_by_prior_holds_every_prior_of_every_cell_against_every_object(base):
    """The first lies in the coarse prior (0, 0), eight fine ones lie in the others: ¼ each."""
    config = two_heads(base, ignore_by="prior", ignore_threshold=0.2)
    targets = truths(MIDDLE, (0.75, 0.75, 0.5, 0.5), (0.75, 0.25, 0.5, 0.5))
    coarse, fine = found(config, targets, zeros(config, grid=(2, 2)))
    assert places(coarse.ignored) == [(0, 0, 0)]
    assert places(fine.ignored) == [(r, c, 0) for r in (0, 1, 2, 3) for c in (2, 3)]


@PYRAMIDS
def test_v3_c_ignore_by_shape_looks_at_the_objects_cell_alone_on_one_centre(base):
    """Truth 8 × 8 on the corner: 16 × 8 overlaps by ½ there, by 32/160 where it is placed."""
    config = one_head(base, CELL, WIDE, ignore_by="shape", ignore_threshold=0.45)
    if base is V4:
        config = replace(config, assign_iou_threshold=1.0)
    assert places(found(config, truths((*CORNER, 0.25, 0.25)))[0].ignored) == [(1, 1, 1)]


@PYRAMIDS
def test_v3_c_ignore_by_shape_holds_in_every_head(base):
    """Truth 12 × 12: 144/256 with BIG, 64/144 with CELL, which has a cell of its own."""
    config = two_heads(base, ignore_by="shape", ignore_threshold=0.4)
    raw = zeros(config, grid=(2, 2))
    coarse, fine = found(config, truths((*CORNER, 12 / 32, 12 / 32)), raw)
    assert (places(coarse.responsible), places(coarse.ignored)) == ([(0, 0, 0)], [])
    assert (places(fine.responsible), places(fine.ignored)) == ([], [(1, 1, 0)])


@PYRAMIDS
def test_v3_c_ignore_by_prediction_looks_at_decoded_boxes_of_every_cell(base):
    """Cell (1, 2) predicts half a cell into the truth: ½ / (1 + 1 − ½). So does (3, 1), doubled."""
    config = replace(base, ignore_by="prediction", ignore_threshold=0.3)
    (raw,) = zeros(config)
    raw[0, 1, 2, 0, 0] = -1e4
    raw[0, 3, 1, 0, 1], raw[0, 3, 1, 0, 3] = -1e4, math.log(4)  # rows 8 to 40 of the pixels
    assert places(found(config, truths(MIDDLE), (raw,))[0].ignored) == [(1, 2, 0)]
    config = replace(config, ignore_threshold=0.2)  # 64 / 256 for the tall one
    assert places(found(config, truths(MIDDLE), (raw,))[0].ignored) == [(1, 2, 0), (3, 1, 0)]


@PYRAMIDS
def test_v3_c_ignore_by_none_ignores_nothing(base):
    config = one_head(base, CELL, (8, 9), ignore_threshold=0.0)
    if base is V4:
        config = replace(config, assign_iou_threshold=1.0)
    assert not found(config, truths(MIDDLE))[0].ignored.any()
    assert terms(config, truths(MIDDLE)).noobj.item() == near(31 * LOG2)


@PYRAMIDS
@on("by", ["prior", "shape", "prediction"])
def test_v3_d_a_responsible_prior_is_never_ignored(base, by):
    """Not even by another object."""
    config = replace(base, ignore_by=by, ignore_threshold=0.0)
    targets = truths(MIDDLE, (0.625, 0.375, 0.9, 0.9))
    (match,) = found(config, targets)
    assert places(match.responsible) == [(1, 1, 0), (1, 2, 0)]
    assert not (match.responsible & match.ignored).any()
    assert terms(config, targets).obj.item() == near(2 * LOG2)


@PYRAMIDS
def test_v3_e_best_is_decided_by_shape(base):
    config = one_head(base, CELL, (24, 24))
    if base is V4:
        config = replace(config, assign_iou_threshold=1.0)
    assert places(found(config, truths(OFF_CENTRE))[0].responsible) == [(1, 1, 0)]


@PYRAMIDS
def test_v3_e_an_anchor_of_several_heads_is_responsible_in_each(base):
    config = two_heads(base, masks=((0, 1), (0,)))
    coarse, fine = found(config, truths(MIDDLE), zeros(config, grid=(2, 2)))
    assert (places(coarse.responsible), places(fine.responsible)) == ([(0, 0, 0)], [(1, 1, 0)])


@PYRAMIDS
def test_v3_e_an_object_whose_best_anchor_is_in_no_mask_is_unassigned(base):
    """It gets none, is counted, and is not invalid."""
    config = two_heads(base, anchors=(CELL, BIG, TALL), masks=((1,), (2,)))
    raw = zeros(config, grid=(2, 2))
    for match in found(config, truths(MIDDLE, (0.625, 0.375, 0.25, 0.5)), raw):
        assert (match.unassigned.tolist(), match.invalid.tolist()) == ([1], [0])
    got = terms(config, truths(MIDDLE), raw)
    assert not (got.box.any() or got.obj.any() or got.cls.any())
    assert got.noobj.sum() == near(20 * LOG2)


# YOLOv4.


def test_v4_offsets_are_scaled_by_the_s_of_their_head():
    """σ = ¾ and s = 2: 2·¾ − ½ = 1 cell; σ = ½ stays; s = 1 in the other head."""
    config = two_heads(V4, scale_xy=(2.0, 1.0))
    coarse, fine = raw = zeros(config, grid=(2, 2))
    coarse[0, 0, 1, 0, 0] = fine[0, 0, 1, 0, 1] = LOG3
    coarse, fine = yl.v4.decode(raw, config)
    np.testing.assert_allclose(coarse.boxes[0, 0, 1, 0], [2 / 2, 0.5 / 2, 0.5, 0.5])
    np.testing.assert_allclose(fine.boxes[0, 0, 1, 0], [1.5 / 4, 0.75 / 4, 0.25, 0.25])


def test_v4_the_scaled_box_meets_the_truth_and_the_ignore_rule():
    """σ = ¾ and s = 2: half a cell to the right, (1 · ½) / (1 + 1 − ½) with the next cell."""
    config = replace(V4, scale_xy=(2.0,), similarity="iou", lambda_coord=1.0)
    (raw,) = zeros(config)
    raw[0, 1, 1, 0, 0] = LOG3
    assert terms(config, truths(MIDDLE), (raw,)).box.item() == near(1 - 1 / 3)
    config = replace(config, ignore_by="prediction", ignore_threshold=0.3)
    truth = (0.625, 0.375, 0.25, 0.25)
    assert places(found(config, truths(truth), (raw,))[0].ignored) == [(1, 1, 0)]


# Input 32 × 16 pixels, prior 16 × 8 at (12, 4), truth 8 × 8 at (10, 6): I = 8·6, ρ² = 2² + 2²,
# enclosing box 16 × 10.
IOU, RHO2, C2 = 48 / (128 + 64 - 48), 8, 16**2 + 10**2
ASPECT = 4 / math.pi**2 * (math.atan(8 / 8) - math.atan(16 / 8)) ** 2
SIMILARITIES = {
    "iou": IOU,
    "giou": IOU - (160 - 144) / 160,
    "diou": IOU - RHO2 / C2,
    "ciou": IOU - RHO2 / C2 - ASPECT**2 / (1 - IOU + ASPECT),
}


@on("name", SIMILARITIES)
def test_v4_boxes_are_compared_in_pixels(name):
    """2 × 4 cells: fractions of the image would be half as wide for their height."""
    config = replace(V4, anchors=(WIDE,), similarity=name)
    truth = (10 / 32, 6 / 16, 8 / 32, 8 / 16)
    got = terms(config, truths(truth), zeros(config, grid=(2, 4))).box.item()
    assert got == near(0.07 * (1 - SIMILARITIES[name]))


def test_v4_defaults():
    assert (V4.lambda_coord, V4.lambda_obj, V4.lambda_class) == (0.07, 1, 1)
    assert (V4.assign, V4.assign_iou_threshold) == ("union", 0.213)
    assert (V4.ignore_by, V4.ignore_threshold) == (None, 0.7)
    assert (V4.similarity, V4.label_smoothing) == ("ciou", 0)


def test_v4_several_anchors_are_responsible_each_in_the_cell_of_its_own_head():
    """12 × 12 pixels: 144/256 with BIG, 64/144 with CELL; both have every term."""
    config = two_heads(V4, assign_iou_threshold=0.4)
    raw = zeros(config, grid=(2, 2))
    targets = truths((*CORNER, 12 / 32, 12 / 32))
    coarse, fine = found(config, targets, raw)
    assert (places(coarse.responsible), places(fine.responsible)) == ([(0, 0, 0)], [(1, 1, 0)])
    got = terms(config, targets, raw)
    np.testing.assert_allclose(got.obj, [[LOG2, LOG2]])
    assert (got.box > 0).all()


def test_v4_shapes_alone_decide():
    """The truth on the corner of its cell: placed, the prior would overlap by 16/112."""
    config = one_head(V4, (8, 9), CELL)
    assert found(config, truths((*CORNER, 0.25, 0.25)))[0].positives.item() == 2


@on("assign, threshold, held", [
    ("union", 0.49, [(1, 2, 0), (1, 2, 1)]), ("union", 0.51, [(1, 2, 0)]),
    ("intersection", 0.49, [(1, 2, 0)]), ("intersection", 0.51, []),
])  # fmt: skip
def test_v4_a_union_and_intersection(assign, threshold, held):
    """Best or above; best and above. Two anchors of an IOU of ½, the first of equals the best."""
    config = one_head(V4, CELL, (8, 8), assign=assign, assign_iou_threshold=threshold)
    (match,) = found(config, truths(TWO_CELLS))
    assert places(match.responsible) == held
    assert match.unassigned.item() == (not held)


def test_v4_b_nothing_is_ignored_by_default():
    """Not even a prior that fits the object almost as well as the best."""
    config = replace(V4, anchors=(CELL, (8, 9)), masks=((0, 1),), assign_iou_threshold=1.0)
    (match,) = found(config, truths(MIDDLE))
    assert places(match.responsible) == [(1, 1, 0)]
    assert not match.ignored.any()


def test_v4_b_the_presets_ignore_by_prediction():
    for config in (yl.v4.Config.coco(), yl.v4.Config.tiny_coco()):
        assert (config.ignore_by, config.ignore_threshold) == ("prediction", 0.7)


@on("eps, p, q", [(0.0, 1, 0), (0.2, 0.9, 0.1), (1.0, 0.5, 0.5)])
def test_v4_c_label_smoothing(eps, p, q):
    """p(c)(1 − ε) + ε/2, of 1 and of 0, for any number of classes."""
    config = replace(V4, label_smoothing=eps)
    (raw,) = zeros(config, k=4)
    raw[..., 5:] = LOG3
    yes, no = -math.log(0.75), -math.log(0.25)
    got = terms(config, truths(MIDDLE), (raw,)).cls.item()
    assert got == near(p * yes + (1 - p) * no + 3 * (q * yes + (1 - q) * no))


def test_v4_d_the_last_of_several_keeps_each_of_its_priors():
    """Three objects, two of which want both priors; collisions are counted for each prior."""
    config = one_head(V4, CELL, WIDE, assign_iou_threshold=0.4)
    wide, cell, small = (0.375, 0.375, 0.5, 0.25, 0), (*MIDDLE, 1), (0.375, 0.375, 0.1, 0.1, 1)
    (match,) = found(config, truths(wide, cell, small))
    assert match.mask.tolist() == [[[False, False], [False, True], [True, False]]]
    assert (match.positives.item(), match.collisions.item()) == (2, 3)


def test_v4_e_an_object_may_hold_another_anchor_than_its_best():
    """Its best is in no mask, but one above the threshold is: it is not unassigned."""
    config = two_heads(V4, anchors=(CELL, BIG, TALL), masks=((1,), (2,)), assign_iou_threshold=0.4)
    coarse, fine = found(config, truths(MIDDLE), zeros(config, grid=(2, 2)))
    assert (places(coarse.responsible), places(fine.responsible)) == ([], [(1, 1, 0)])
    assert coarse.unassigned.tolist() == fine.unassigned.tolist() == [0]
