"""The oracle against cases worked out by hand.

Grids are 2 × 2 of 32 pixels, so the image is 64 × 64. log 3 is the output with σ = ¾, and two
class logits 0 and log 3 have the softmax ¼ and ¾.
"""

import math
from types import SimpleNamespace

import pytest

from conformance.oracle import rounding, similarity, v1, v2, v3, v4

LOG2, LOG3 = math.log(2), math.log(3)
NAN = math.nan

V1 = SimpleNamespace(num_boxes=2, lambda_coord=5, lambda_noobj=0.5)
V2 = SimpleNamespace(
    anchors=((16, 16), (32, 16)),
    stride=32,
    lambda_coord=1,
    lambda_obj=5,
    lambda_noobj=1,
    lambda_class=1,
)
V3 = SimpleNamespace(
    anchors=((16, 16), (32, 32)),
    masks=((0, 1),),
    strides=(32,),
    lambda_coord=1,
    lambda_obj=1,
    lambda_class=1,
    coord_iou_threshold=0.5,
    ignore_threshold=0.5,
    ignore_by="prior",
    offset_eps=1e-3,
)
V4 = SimpleNamespace(
    anchors=((16, 16), (32, 32)),
    masks=((0, 1),),
    strides=(32,),
    scale_xy=(1.0,),
    lambda_coord=0.07,
    lambda_obj=1,
    lambda_class=1,
    assign_iou_threshold=0.213,
    assign="union",
    ignore_threshold=0.7,
    ignore_by=None,
    similarity="ciou",
    label_smoothing=0,
)


def having(config, **changes):
    """The config with other values in some fields."""
    return SimpleNamespace(**{**vars(config), **changes})


def cells(fields, size=2):
    """size × size cells of zeros."""
    return [[[0.0] * fields for _ in range(size)] for _ in range(size)]


def head(anchors=2, classes=2, size=2):
    """size × size cells of anchors of zeros."""
    return [
        [[[0.0] * (5 + classes) for _ in range(anchors)] for _ in range(size)] for _ in range(size)
    ]


def close(value, expected):
    return value == pytest.approx(expected, rel=1e-12, abs=1e-14)


def slope(value, expected):
    return value == pytest.approx(expected, rel=1e-8, abs=2e-9)


def places(flags):
    """(row, col, anchor) wherever a flag is up."""
    return {
        (row, col, anchor)
        for row, line in enumerate(flags)
        for col, cell in enumerate(line)
        for anchor, flag in enumerate(cell)
        if flag
    }


# --- v1 ---------------------------------------------------------------------------------------


def v1_case():
    """The object lies in row 0, col 1 at offset (½, ½); predictor 1 stands ¼ cell to its right."""
    raw = cells(12)
    raw[0][1][5:10] = [LOG3, 0.0, 0.0, -LOG3, 0.0]  # x̂ = ¾, ŷ = ½, ŵ = ½, ĥ = ¼, Ĉ = ½
    raw[0][1][11] = LOG3
    return raw, [(0.75, 0.25, 0.5, 0.25, 1, True)]


def test_v1_terms():
    result = v1.evaluate(*v1_case(), V1)
    # predictor 0: [½, 1] × [0, ½] against [½, 1] × [⅛, ⅜]: IOU = ½
    # predictor 1: [⅝, 9/8] × [⅛, ⅜]: I = ⅜·¼ = 3/32, U = 2·⅛ − 3/32 = 5/32, IOU = 3/5
    assert result.heads[0].matches[0][:2] == (0, 1)
    anchor, iou, holds = result.heads[0].matches[0].anchors[0]
    assert (anchor, holds) == (1, True) and close(iou, 0.6)
    box, obj, noobj, cls = result.terms[0]
    assert close(box, 5 * (0.5 - 0.75) ** 2)
    assert close(obj, (0.6 - 0.5) ** 2)
    assert close(noobj, 0.5 * 7 * 0.5**2)
    assert close(cls, (0 - 0.25) ** 2 + (1 - 0.75) ** 2)
    assert close(result.total, 0.3125 + 0.01 + 0.875 + 0.125)


def test_v1_decode_and_masks():
    found = v1.evaluate(*v1_case(), V1).heads[0]
    assert found.decoded[0][1][1] == pytest.approx((1.75 / 2, 0.5 / 2, 0.5, 0.25, 0.5))
    assert found.decoded[1][0][0] == pytest.approx((0.5 / 2, 1.5 / 2, 0.5, 0.5, 0.5))
    assert found.classes[0][1] == pytest.approx([0.25, 0.75])
    assert places(found.responsible) == {(0, 1, 1)}
    assert places(found.ignored) == set()


def test_v1_gradient():
    g = v1.gradient(*v1_case(), V1)
    assert len(g) == 2 * 2 * 12
    assert slope(g[0, 1, 5], 5 * 2 * (0.75 - 0.5) * 0.75 * 0.25)
    assert slope(g[0, 1, 8], 0.0)
    assert slope(g[0, 1, 9], 2 * (0.5 - 0.6) * 0.5 * 0.5)  # the IOU target is constant
    assert slope(g[0, 1, 4], 0.5 * 2 * 0.5 * 0.5 * 0.5)
    # Σ_c 2 (p̂ − p) ∂p̂/∂c_1: 2·¼·(−¼·¾) + 2·(¾ − 1)·¾·¼
    assert slope(g[0, 1, 11], 2 * 0.25 * (-0.25 * 0.75) + 2 * (0.75 - 1) * 0.75 * 0.25)
    assert g[0, 1, 0] == g[0, 0, 0] == g[0, 0, 10] == 0.0


def test_v1_slope_of_the_root():
    one = having(V1, num_boxes=1)
    g = v1.gradient(cells(6), [(0.75, 0.25, 0.5, 0.25, 0, True)], one, [(0, 1, 3), (0, 1, 2)])
    # √ĥ = √½, its slope ½ √ĥ (1 − ĥ)
    assert slope(g[0, 1, 3], 5 * 2 * (math.sqrt(0.5) - 0.5) * 0.5 * math.sqrt(0.5) * 0.5)
    assert slope(g[0, 1, 2], 0.0)


def test_v1_first_object_keeps_the_cell_and_ties_go_to_predictor_0():
    truths = [(0.75, 0.25, 0.5, 0.5, 0, True), (0.7, 0.3, 0.5, 0.25, 1, True)]
    result = v1.evaluate(cells(12), truths, V1)
    assert [one.anchors[0].holds for one in result.heads[0].matches] == [True, False]
    assert [one.anchors[0].anchor for one in result.heads[0].matches] == [0, 0]
    assert result.counts == ([1], [1], 0, 0)
    assert close(result.terms[0].box, 0.0)


# --- v2 ---------------------------------------------------------------------------------------


def v2_case():
    """The object is in row 0, col 1 at (1¼, ½), ½ × ½; anchors are ¼ × ¼ and ½ × ¼."""
    raw = head()
    raw[0][1][1] = [0.0, 0.0, 0.0, 0.0, LOG3, LOG3, 0.0]
    return raw, [(0.625, 0.25, 0.5, 0.5, 0, True)]


def test_v2_terms():
    result = v2.evaluate(*v2_case(), V2)
    # shapes: anchor 0 has (1/16)/(1/4) = ¼, anchor 1 has (1/8)/(1/4) = ½
    assert result.heads[0].matches == [(0, 1, [(1, 0.5, True)])]
    # pred [½, 1] × [⅛, ⅜], truth [⅜, ⅞] × [0, ½]: I = ⅜·¼ = 3/32, U = ⅛ + ¼ − 3/32 = 9/32
    box, obj, noobj, cls = result.terms[0]
    assert close(box, (2 - 0.25) * ((1.25 - 1.5) ** 2 + (0.5 - 0.25) ** 2))
    assert close(obj, 5 * (1 / 3 - 0.75) ** 2)
    assert close(noobj, 7 * 0.5**2)
    assert close(cls, (1 - 0.75) ** 2 + (0 - 0.25) ** 2)
    assert result.counts == ([1], [0], 0, 0)
    assert result.heads[0].decoded[0][1][1] == pytest.approx((0.75, 0.25, 0.5, 0.25, 0.75))


def test_v2_gradient():
    g = v2.gradient(*v2_case(), V2)
    assert slope(g[0, 1, 1, 0], 1.75 * 2 * (1.5 - 1.25) * 0.5 * 0.5)
    assert slope(g[0, 1, 1, 2], 0.0)
    assert slope(g[0, 1, 1, 3], 1.75 * 2 * (0.25 - 0.5) * 0.25)
    assert slope(g[0, 1, 1, 4], 5 * 2 * (0.75 - 1 / 3) * 0.75 * 0.25)
    assert slope(g[1, 1, 0, 4], 2 * 0.5 * 0.5 * 0.5)
    assert slope(g[0, 1, 1, 5], 2 * (0.75 - 1) * 0.75 * 0.25 + 2 * 0.25 * (-0.25 * 0.75))


def test_v2_exponent_is_clipped_and_flat_outside():
    raw, truths = v2_case()
    raw[0][1][1][2] = 1e4
    result = v2.evaluate(raw, truths, V2)
    assert close(result.heads[0].decoded[0][1][1][2], 0.5 * math.exp(20))
    assert v2.gradient(raw, truths, V2, [(0, 1, 1, 2)]) == {(0, 1, 1, 2): 0.0}


def test_v2_last_object_keeps_the_anchor():
    raw, truths = v2_case()
    result = v2.evaluate(raw, truths + [(0.75, 0.25, 0.5, 0.25, 1, True)], V2)
    assert result.heads[0].matches == [(0, 1, [(1, 0.5, False)]), (0, 1, [(1, 1.0, True)])]
    assert result.counts == ([1], [1], 0, 0)
    assert close(result.terms[0].box, 0.0)
    assert close(result.terms[0].obj, 5 * (1 - 0.75) ** 2)


# --- v3 ---------------------------------------------------------------------------------------


def v3_case():
    """Row 0, col 1, offset (¼, ½), ½ × ⅜; anchors are ¼ × ¼ and ½ × ½."""
    raw = head()
    raw[0][1][1] = [1.0, 0.0, 0.0, 0.5, LOG3, LOG3, 0.0]
    return [raw], [(0.625, 0.25, 0.5, 0.375, 1, True)]


def test_v3_terms():
    result = v3.evaluate(*v3_case(), V3)
    # shapes: (1/16)/(3/16) = ⅓ and (3/16)/(1/4) = ¾
    assert result.heads[0].matches == [(0, 1, [(1, 0.75, True)])]
    # t_x = logit ¼ = −log 3, t_y = logit ½ = 0, t_w = log 1, t_h = log ¾
    box, obj, noobj, cls = result.terms[0]
    assert close(box, (2 - 3 / 16) * ((-LOG3 - 1) ** 2 + (math.log(0.75) - 0.5) ** 2))
    assert close(obj, -math.log(0.75))
    assert close(noobj, 7 * LOG2)
    assert close(cls, -math.log(1 - 0.75) - math.log(0.5))
    assert close(result.total, box + obj + noobj + cls)
    assert result.heads[0].classes[0][1][1] == pytest.approx([0.75, 0.5])


def test_v3_gradient():
    g = v3.gradient(*v3_case(), V3)
    assert slope(g[0, 0, 1, 1, 0], (2 - 3 / 16) * 2 * (1 + LOG3))
    assert slope(g[0, 0, 1, 1, 3], (2 - 3 / 16) * 2 * (0.5 - math.log(0.75)))
    assert slope(g[0, 0, 1, 1, 4], 0.75 - 1)
    assert slope(g[0, 1, 0, 0, 4], 0.5)
    assert slope(g[0, 0, 1, 1, 5], 0.75 - 0)
    assert slope(g[0, 0, 1, 1, 6], 0.5 - 1)
    assert g[0, 0, 1, 0, 0] == g[0, 0, 1, 0, 6] == 0.0


def test_v3_gate_is_strict_and_shape_ties_go_to_the_first():
    raw, truths = [head()], [(0.625, 0.25, 0.5, 0.25, 1, True)]
    result = v3.evaluate(raw, truths, V3)  # both shapes have IOU ½
    assert result.heads[0].matches == [(0, 1, [(0, 0.5, True)])]
    assert result.terms[0].box == 0.0 and close(result.terms[0].cls, 2 * LOG2)
    raw[0][0][1][0][2] = 0.5
    expected = (2 - 1 / 8) * (LOG3**2 + (LOG2 - 0.5) ** 2)
    for threshold in (None, 0.499):
        config = having(V3, coord_iou_threshold=threshold)
        assert close(v3.evaluate(raw, truths, config).terms[0].box, expected)


def test_v3_offset_is_clipped():
    config = having(V3, coord_iou_threshold=None)
    result = v3.evaluate([head()], [(1.0, 0.5, 0.5, 0.5, 0, True)], config)
    assert result.heads[0].matches[0][:2] == (1, 1)
    t = math.log(0.999 / 0.001)  # offsets 1 and 0
    assert close(result.terms[0].box, (2 - 1 / 4) * (t**2 + t**2))


IGNORE_CASES = [
    (None, 0.2, set()),
    ("shape", 0.2, set()),
    ("shape", 0.05, {(1, 1, 0)}),
    ("prior", 0.2, {(0, 0, 1), (0, 1, 1), (1, 0, 1)}),
    ("prior", 0.25, set()),
    ("prediction", 0.2, {(0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1)}),
]


@pytest.mark.parametrize(("by", "threshold", "expected"), IGNORE_CASES)
def test_v3_ignore(by, threshold, expected):
    """The object is the whole image, in row 1, col 1; the anchors cover 1/16 and ¼ of it."""
    raw = [head()]
    raw[0][0][0][0][2:4] = [LOG2, LOG2]  # decoded ½ × ½
    config = having(V3, ignore_by=by, ignore_threshold=threshold)
    result = v3.evaluate(raw, [(0.5, 0.5, 1.0, 1.0, 0, True)], config)
    assert places(result.heads[0].responsible) == {(1, 1, 1)}
    assert places(result.heads[0].ignored) == expected
    assert close(result.terms[0].noobj, (7 - len(expected)) * LOG2)


def test_v3_shared_masks_and_unassigned():
    """Two heads of 64 pixels; the third anchor, 64 × 64, is in no mask."""
    config = having(
        V3, anchors=((16, 16), (32, 32), (64, 64)), masks=((1,), (0, 1)), strides=(64, 32)
    )
    raw = [head(1, 2, 1), head(2, 2, 2)]
    truths = [(0.75, 0.25, 0.5, 0.5, 0, True), (0.5, 0.5, 1.0, 1.0, 1, True)]
    result = v3.evaluate(raw, truths, config)
    assert result.heads[0].matches == [(0, 0, [(0, 1.0, True)]), (0, 0, [])]
    assert result.heads[1].matches == [(0, 1, [(1, 1.0, True)]), (1, 1, [])]
    assert result.counts == ([1, 1], [0, 0], 0, 1)
    # The second object still ignores: no prior here, by 0.5; ½ × ½ of it is ¼.
    config.ignore_threshold = 0.2
    assert places(v3.evaluate(raw, truths, config).heads[1].ignored) == {
        (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 0)
    }  # fmt: skip


def test_heads_of_different_inputs_are_refused():
    config = having(V3, masks=((0,), (1,)), strides=(32, 32))
    with pytest.raises(ValueError, match="grid × stride"):
        v3.evaluate([head(1, 2, 1), head(1, 2, 2)], [], config)


# --- v4 ---------------------------------------------------------------------------------------

WIDE = [(0.75, 0.25, 0.5, 0.25, 0, True)]  # [32, 64] × [8, 24] pixels
V_SQUARE = 4 / math.pi**2 * (math.atan(2) - math.pi / 4) ** 2


def test_v4_terms():
    raw = [head()]
    raw[0][0][1][1][0] = LOG3
    result = v4.evaluate(raw, WIDE, V4)
    # both shapes have IOU ½ > 0.213
    assert result.heads[0].matches == [(0, 1, [(0, 0.5, True), (1, 0.5, True)])]
    # anchor 0, [40, 56] × [8, 24]: IOU ½, same centre
    loss_0 = 0.5 + V_SQUARE / (0.5 + V_SQUARE) * V_SQUARE
    # anchor 1, [40, 72] × [0, 32]: I = 24·16, U = 1024 + 512 − 384; C is [32, 72] × [0, 32]
    loss_1 = 1 - 384 / 1152 + 8**2 / (40**2 + 32**2) + V_SQUARE / (2 / 3 + V_SQUARE) * V_SQUARE
    box, obj, noobj, cls = result.terms[0]
    assert close(box, 0.07 * (loss_0 + loss_1))
    assert close(obj, 2 * LOG2)
    assert close(noobj, 6 * LOG2)
    assert close(cls, 2 * 2 * LOG2)


def test_v4_gradient():
    raw = [head()]
    raw[0][0][1][1][0] = LOG3
    raw[0][0][1][0][2] = LOG2  # 32 × 16 at the very place of the object
    raw[0][0][1][0][3] = 0.5
    g = v4.gradient(raw, WIDE, V4)
    d_iou = 1536 / 1152**2 * (-16)  # I/(1536 − I), dI/dx̂ = −16
    d_rho2_c2 = (16 * 2624 - 64 * 80) / 2624**2  # ρ² = 8², c² = 40² + 32²
    assert slope(g[0, 0, 1, 1, 0], 0.07 * (-d_iou + d_rho2_c2) * 0.75 * 0.25 * 32)
    assert slope(g[0, 0, 1, 0, 4], -0.5) and slope(g[0, 1, 1, 1, 4], 0.5)
    assert slope(g[0, 0, 1, 0, 5], -0.5) and slope(g[0, 0, 1, 0, 6], 0.5)
    assert g[0, 1, 1, 1, 0] == 0.0


def test_v4_alpha_is_constant_for_the_gradient():
    raw = [head()]
    raw[0][0][1][1][2] = -LOG2  # 16 × 32, [40, 56] × [0, 32]: I = 256, U = 768
    g = v4.gradient(raw, WIDE, V4, [(0, 0, 1, 1, 2)])
    angle = math.atan(2) - math.atan(0.5)
    v = 4 / math.pi**2 * angle**2
    d_v = 4 / math.pi**2 * 2 * angle * (-1 / 32 / (1 + 0.5**2))
    d_iou = (16 * 768 - 256 * 16) / 768**2  # dI/dŵ = 16, dU/dŵ = 32 − 16
    expected = 0.07 * 16 * (-d_iou + v / (2 / 3 + v) * d_v)
    assert slope(g[0, 0, 1, 1, 2], expected)


def test_v4_assign():
    for assign, threshold, chosen in (
        ("union", 0.5, [0]),
        ("union", 0.499, [0, 1]),
        ("intersection", 0.499, [0]),
        ("intersection", 0.5, []),
    ):
        config = having(V4, assign=assign, assign_iou_threshold=threshold)
        result = v4.evaluate([head()], WIDE, config)
        assert [one.anchor for one in result.heads[0].matches[0].anchors] == chosen
        assert result.counts == ([len(chosen)], [0], 0, int(not chosen))


def test_v4_collisions_are_per_anchor():
    """Both objects choose both anchors of the cell."""
    result = v4.evaluate([head()], WIDE + [(0.75, 0.25, 0.25, 0.5, 1, True)], V4)
    assert [[c.holds for c in one.anchors] for one in result.heads[0].matches] == [
        [False, False],
        [True, True],
    ]
    assert result.counts == ([2], [2], 0, 0)


def test_v4_scale_and_smoothing():
    config = having(V4, scale_xy=(1.2,), label_smoothing=0.1)
    raw = [head(2, 3)]
    raw[0][0][1][0] = [LOG3, 0.0, 0.0, 0.0, 0.0, LOG3, 0.0, 0.0]
    result = v4.evaluate(raw, WIDE, having(config, assign_iou_threshold=1))
    x_hat = 1.2 * 0.75 - 0.1 + 1
    assert result.heads[0].decoded[0][1][0] == pytest.approx((x_hat / 2, 0.25, 0.25, 0.25, 0.5))
    assert close(result.terms[0].cls, -0.95 * math.log(0.75) - 0.05 * math.log(0.25) + 2 * LOG2)


def test_v4_pixels_are_isotropic_where_the_grid_is_not():
    """1 × 2 cells: the image is 64 × 32 pixels, the anchor ¼ × ½ of it is square."""
    raw = [[[[[0.0] * 6], [[0.0] * 6]]]]
    config = having(V4, anchors=((16, 16),), masks=((0,),))
    result = v4.evaluate(raw, [(0.625, 0.5, 0.25, 0.25, 0, True)], config)
    # [40, 56] × [8, 24] against [32, 48] × [12, 20]: I = 8·8, U = 256 + 128 − 64, ρ² = 8²,
    # C is [32, 56] × [8, 24], the ratios are 1 and 2
    loss = 1 - 64 / 320 + 64 / (24**2 + 16**2) + V_SQUARE / (1 - 64 / 320 + V_SQUARE) * V_SQUARE
    assert close(result.terms[0].box, 0.07 * loss)


# --- all versions -----------------------------------------------------------------------------

ALL = [(v1, cells(12), V1), (v2, head(), V2), (v3, [head()], V3), (v4, [head()], V4)]
EACH = pytest.mark.parametrize(("version", "raw", "config"), ALL, ids=["v1", "v2", "v3", "v4"])


@EACH
def test_validity(version, raw, config):
    good = [(0.0, 1.0, 1.0 + 1e-6, 1e-9, 1, True)]
    bad = [
        (-1e-9, 0.5, 0.5, 0.5, 0, True),
        (0.5, 1.0 + 1e-9, 0.5, 0.5, 0, True),
        (0.5, 0.5, 0.0, 0.5, 0, True),
        (0.5, 0.5, 0.5, 1.0 + 2e-6, 0, True),
        (NAN, 0.5, 0.5, 0.5, 0, True),
        (0.5, 0.5, math.inf, 0.5, 0, True),
        (0.5, 0.5, 0.5, 0.5, 2, True),
        (0.5, 0.5, 0.5, 0.5, -1, True),
    ]
    padding = [(NAN, 0.0, 0.0, 0.0, -1, False)]
    alone = version.evaluate(raw, good, config)
    assert alone.heads[0].matches[0][:2] == (1, 0)
    for rows in (good + bad + padding, padding + bad + good):
        result = version.evaluate(raw, rows, config)
        assert result.terms == alone.terms
        assert result.counts == alone.counts._replace(invalid=8)
        assert sum(one is not None for one in result.heads[0].matches) == 1


@EACH
def test_no_objects(version, raw, config):
    result = version.evaluate(raw, [], config)
    per_slot = {v1: 0.5 * 0.25, v2: 0.25, v3: LOG2, v4: LOG2}[version]
    assert close(result.total, 8 * per_slot)
    assert result.counts == ([0], [0], 0, 0)


@EACH
def test_float32_casts_the_truth_first(version, raw, config):
    """x = ½ − 2⁻²⁷ is ½ as float32."""
    rows = [(0.5 - 2.0**-27, 0.25, 0.5, 0.5, 0, True)]
    col = {
        mode: version.evaluate(raw, rows, config, mode).heads[0].matches[0].col
        for mode in ("float64", "float32")
    }
    assert col == {"float64": 0, "float32": 1}


def test_float32_rounds_the_product_before_the_floor():
    """0.7 as float32 is 0.7 − 1.2e-8; ten times that lies nearer to 7 than to the float32 below."""
    assert 10 * rounding.float32(0.7) < 7 == rounding.float32(10 * rounding.float32(0.7))
    raw = [[[0.0] * 12 for _ in range(10)]]
    rows = [(0.7, 0.5, 0.5, 0.5, 0, True)]
    assert v1.evaluate(raw, rows, V1, "float32").heads[0].matches[0].col == 7
    # The offset is 0, √½ on both sides: (0 − ½)² is all there is.
    assert close(v1.evaluate(raw, rows, V1, "float32").terms[0].box, 5 * 0.5**2)


def test_float32_validity_and_constants():
    rows = [(1.0 + 1e-9, 0.5, 0.5, 1e-60, 0, True), (1.0 + 1e-9, 0.5, 0.5, 0.5, 0, True)]
    config = having(V3, coord_iou_threshold=None)
    result = v3.evaluate([head()], rows, config, "float32")
    assert [one is None for one in result.heads[0].matches] == [True, False]
    low, high = rounding.float32(1e-3), rounding.float32(1 - 1e-3)
    assert low != 1e-3 and high != 0.999
    expected = (2 - 0.25) * (math.log(high / (1 - high)) ** 2 + math.log(low / (1 - low)) ** 2)
    assert close(result.terms[0].box, expected)


def test_rounding():
    assert rounding.float32(0.1) == 0.10000000149011612
    assert rounding.float32(1e39) == math.inf and rounding.float32(-1e39) == -math.inf
    assert math.isnan(rounding.float32(NAN)) and rounding.float64(0.1) == 0.1


@EACH
def test_extreme_outputs_are_finite(version, raw, config):
    rows = [(0.75, 0.25, 0.5, 0.5, 0, True)]
    for value in (1e4, -1e4):
        filled = filled_with(raw, value)
        assert math.isfinite(version.evaluate(filled, rows, config).total)
        assert all(map(math.isfinite, version.gradient(filled, rows, config).values()))


def filled_with(nested, value):
    if isinstance(nested, float):
        return value
    return [filled_with(item, value) for item in nested]


def changed(nested, path, value):
    """A copy with one number replaced."""
    if not path:
        return value
    n, *rest = path
    return [changed(item, rest, value) if k == n else item for k, item in enumerate(nested)]


def test_nan_objectness_is_not_hidden_by_an_ignore_rule():
    config = having(V3, ignore_threshold=0.2)
    rows = [(0.5, 0.5, 1.0, 1.0, 0, True)]
    result = v3.evaluate(changed([head()], (0, 0, 0, 1, 4), NAN), rows, config)
    assert result.heads[0].ignored[0][0][1] is True
    assert math.isnan(result.terms[0].noobj) and math.isnan(result.total)


@EACH
def test_nan_of_the_responsible_reaches_the_loss(version, raw, config):
    rows = [(0.75, 0.25, 0.5, 0.25, 1, True)]
    places = {v1: (0, 1), v2: (0, 1, 1), v3: (0, 0, 1, 0), v4: (0, 0, 1, 0)}[version]
    ungated = having(config, coord_iou_threshold=None)
    for field in (0, 2, 4, 11 if version is v1 else 6):
        result = version.evaluate(changed(raw, (*places, field), NAN), rows, ungated)
        assert math.isnan(result.total), field


@EACH
def test_gradient_is_that_of_the_frozen_total(version, raw, config):
    """Differences of the whole loss with everything constant held, against the slot by slot."""
    raw = scrambled(raw)
    rows = [(0.7, 0.3, 0.4, 0.3, 1, True), (0.2, 0.8, 0.3, 0.6, 0, True)]
    base = version.evaluate(raw, rows, config)
    g = version.gradient(raw, rows, config)
    assert any(value != 0.0 for value in g.values())
    h = 1e-5
    for path, value in g.items():
        ends = [changed(raw, path, at(raw, path) + d) for d in (h, -h)]
        up, down = (version.evaluate(end, rows, config, frozen=base.frozen) for end in ends)
        assert value == pytest.approx((up.total - down.total) / (2 * h), abs=2e-8)
        assert up.counts == base.counts and up.heads[0].matches == base.heads[0].matches


def at(nested, path):
    for n in path:
        nested = nested[n]
    return nested


def scrambled(nested, seed=1.0):
    """Numbers in −1.5…1.5 without a pattern."""
    if isinstance(nested, float):
        return 1.5 * math.sin(1e3 * seed)
    return [scrambled(item, seed * 1.37 + n * 0.71) for n, item in enumerate(nested)]


# --- similarities -----------------------------------------------------------------------------

PRED, GT = (0.0, 0.0, 4.0, 2.0), (2.0, 1.0, 4.0, 5.0)
# I = 2·1, U = 8 + 8 − 2, C = 4·5, ρ² = 1² + 2², c² = 4² + 5²
V = 4 / math.pi**2 * (math.atan(2 / 4) - math.atan(4 / 2)) ** 2


def test_similarities():
    assert close(similarity.iou(PRED, GT), 2 / 14)
    assert close(similarity.giou(PRED, GT), 2 / 14 - (20 - 14) / 20)
    assert close(similarity.diou(PRED, GT), 2 / 14 - 5 / 41)
    assert close(similarity.ciou(PRED, GT), 2 / 14 - 5 / 41 - V / (1 - 2 / 14 + V) * V)
    assert close(
        similarity.ciou(PRED, GT, similarity.Held(alpha=0.5, apart=False)),
        2 / 14 - 5 / 41 - 0.5 * V,
    )


def test_similarities_of_degenerate_boxes():
    point, turned = (1.0, 1.0, 1.0, 1.0), (3.0, 0.0, 1.0, 2.0)
    for name in ("iou", "giou", "diou", "ciou"):
        assert getattr(similarity, name)(point, point) == 0.0
        assert getattr(similarity, name)(PRED, PRED) == 1.0
    assert similarity.iou(PRED, turned) == similarity.iou(turned, PRED) == 0.0
    assert close(similarity.ciou(point, PRED), -(1**2 + 0) / (4**2 + 2**2))


def test_similarity_gradients():
    # pred (0, 0, 4, 2): only y2 moves the intersection, I = 2 (y2 − 1), U = 4 y2 + 8 − I
    d_iou = (2 * 14 - 2 * 2) / 14**2
    assert slope(similarity.gradient("iou", PRED, GT)[3], d_iou)
    # C = 20 whatever y2 does: (C − U)/C has the slope −(4 − 2)/20
    assert slope(similarity.gradient("giou", PRED, GT)[3], d_iou + 2 / 20)
    # ρ = (1, 2), the centre moves by ½: dρ²/dy2 = −2
    assert slope(similarity.gradient("diou", PRED, GT)[3], d_iou + 2 / 41)
    # ŵ/ĥ = 4/y2: its angle has the slope −4/y2² / (1 + (4/y2)²) = −1/5; α is held
    angle = math.atan(2 / 4) - math.atan(4 / 2)
    d_v = 4 / math.pi**2 * 2 * angle * (1 / 5)
    alpha = V / (1 - 2 / 14 + V)
    assert slope(similarity.gradient("ciou", PRED, GT)[3], d_iou + 2 / 41 - alpha * d_v)


def test_similarity_gradient_shares_a_tie():
    # x2 = 4 of both: growing adds 2 to U alone, shrinking takes 1 of I and 2 − 1 of U
    grow, shrink = -2 * 2 / 14**2, (1 * 14 - 2 * 1) / 14**2
    # The step's own length shows: the second derivatives of the two sides differ.
    tie = similarity.gradient("iou", PRED, GT)[2]
    assert tie == pytest.approx((grow + shrink) / 2, abs=1e-7)
