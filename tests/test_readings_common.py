"""What all versions share: one test for each point of the definition.

Grids have 4 × 4 cells of 8 pixels and the anchors are one or two cells large, so that with raw
outputs of 0 a predicted box is the prior on its cell (in v1 half the image) and every number is
exact in binary. The gradient, NaN and sums are in `test_readings_sums`.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

import yolo_losses as yl

CELL, WIDE, TALL, BIG = (8, 8), (16, 8), (8, 16), (16, 16)
V1 = yl.v1.Config()
V2 = yl.v2.Config((CELL,), stride=8)
V3 = yl.v3.Config((CELL,), ((0,),), (8,))
V4 = yl.v4.Config((CELL,), ((0,),), (8,), (1.0,))
on = pytest.mark.parametrize
EACH = on("config", [V1, V2, V3, V4], ids=["v1", "v2", "v3", "v4"])

MIDDLE = (0.375, 0.375, 0.25, 0.25)  # fills cell (1, 1)
CORNER = (0.25, 0.25)  # a centre on the upper left corner of cell (1, 1)
# 12 × 12 pixels: by shape 64/144 with 8 × 8 and 144/576 with 24 × 24; placed on the corner of the
# cell 36/172 with the one and still ¼ with the other.
OFF_CENTRE = (*CORNER, 12 / 32, 12 / 32)
TWO_CELLS = (0.5, 0.375, 0.5, 0.25)  # fills cells (1, 1) and (1, 2), its centre in the latter
ODD = (0.4, 0.35, 0.3, 0.2, 1)  # nothing is 0 by accident


def version(config):
    """The module of a config."""
    return getattr(yl, type(config).__module__.rpartition(".")[2])


def zeros(config, n=1, grid=(4, 4), k=2, dtype="float64"):
    """Raw outputs 0; `grid` is that of the first head."""
    h, w = grid
    if isinstance(config, yl.v1.Config):
        return np.zeros((n, h, w, 5 * config.num_boxes + k), dtype)
    if isinstance(config, yl.v2.Config):
        return np.zeros((n, h, w, len(config.anchors), 5 + k), dtype)
    fine = [config.strides[0] // s for s in config.strides]
    masks = zip(fine, config.masks, strict=True)
    return tuple(np.zeros((n, h * f, w * f, len(m), 5 + k), dtype) for f, m in masks)


def two_heads(base, **options):
    """BIG on 2 × 2 cells of 16 pixels, then CELL on 4 × 4 of 8."""
    if isinstance(base, yl.v4.Config):
        options = {"scale_xy": (1.0, 1.0), "assign_iou_threshold": 1.0, **options}
    pyramid = {"anchors": (CELL, BIG), "masks": ((1,), (0,)), "strides": (16, 8)}
    return replace(base, **{**pyramid, "ignore_by": None, **options})


def of_heads(x):
    """The arrays of raw outputs or gradients, the matches of each head."""
    return x if type(x) is tuple else (x,)


def truths(*rows, n=1):
    """Images with the same rows (x, y, w, h), class 0, or (x, y, w, h, class)."""
    rows = [(*row, 0)[:5] for row in rows]
    boxes = np.array([row[:4] for row in rows], dtype=float).reshape(1, -1, 4)
    labels = np.array([[row[4] for row in rows]], dtype=int)
    valid = np.ones(labels.shape, dtype=bool)
    return yl.Targets(*(np.repeat(v, n, axis=0) for v in (boxes, labels, valid)))


def both(config, targets, raw=None):
    """Terms, and the gradient of each head."""
    raw = zeros(config) if raw is None else raw
    terms, grads = version(config).loss_and_grad(raw, targets, config)
    return terms, of_heads(grads)


def terms(config, targets, raw=None):
    return both(config, targets, raw)[0]


def found(config, targets, raw=None):
    """The matches of each head."""
    raw = zeros(config) if raw is None else raw
    return of_heads(version(config).assign(raw, targets, config))


def places(mask):
    """(row, col, anchor) of all True, of the first image."""
    return [tuple(map(int, at)) for at in np.argwhere(mask[0])]


def assert_same(got, want):
    """Two LossTerms, to the last bit."""
    for name, a, b in zip(got._fields, got, want, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


# Truths.


def test_truths_are_padded_to_one_length_with_a_mask():
    padded = yl.pad_targets([[MIDDLE, TWO_CELLS], []], [[1, 0], []])
    assert padded.boxes.shape == (2, 2, 4)
    np.testing.assert_array_equal(padded.boxes[0], [MIDDLE, TWO_CELLS])
    np.testing.assert_array_equal(padded.labels[0], [1, 0])
    np.testing.assert_array_equal(padded.valid, [[True, True], [False, False]])


@EACH
def test_rows_come_first(config):
    """A grid is rows × columns: y gives the row, x the column."""
    (match,) = found(config, truths((0.875, 0.125, 0.25, 0.25)))
    assert (match.row.item(), match.col.item()) == (0, 3)
    assert match.responsible[0, 0, 3].any()


@EACH
def test_a_masked_row_takes_part_in_nothing_and_is_not_counted(config):
    masked = truths(MIDDLE, (math.nan, 0, 0, 0, 9))._replace(valid=np.zeros((1, 2), dtype=bool))
    assert_same(terms(config, masked), terms(config, truths()))
    (match,) = found(config, masked)
    assert not (match.responsible.any() or match.ignored.any() or match.invalid.any())


@EACH
@on("dtype, compute", [("float16", "float32"), ("float32", "float32"), ("float64", "float64")])
def test_compute_dtype_is_that_of_the_raw_outputs_at_least_float32(config, dtype, compute):
    got, grads = both(config, truths(MIDDLE), zeros(config, dtype=dtype))
    assert {v.dtype for v in got} == {np.dtype(compute)}
    assert {g.dtype for g in grads} == {np.dtype(dtype)}


@EACH
def test_half_precision_is_computed_in_float32(config):
    """0.1 rounded to half; in half precision the sums would be other ones."""
    half = [np.full_like(x, 0.1) for x in of_heads(zeros(config, dtype="float16"))]
    half, single = tuple(half), tuple(x.astype("float32") for x in half)
    if not isinstance(zeros(config), tuple):
        half, single = half[0], single[0]
    assert_same(terms(config, truths(ODD), half), terms(config, truths(ODD), single))


@EACH
@on("dtype, col", [("float32", 2), ("float64", 1)])
def test_truths_are_cast_before_geometry(config, dtype, col):
    """A centre below a border that float32 rounds onto it belongs to the cell beyond."""
    (match,) = found(config, truths((0.5 - 2**-40, 0.375, 0.25, 0.25)), zeros(config, dtype=dtype))
    assert match.col.item() == col
    assert match.responsible[0, 1, col].any()


@EACH
@on("dtype, col", [("float32", 5), ("float64", 4)])
def test_cell_is_one_rounded_product(config, dtype, col):
    """5/12 in float32 lies below it: 12 times that rounds to 5 in float32, not in float64."""
    x = float(np.float32(5 / 12))
    assert x * 12 < 5 == np.float32(x) * np.float32(12)
    raw = zeros(config, grid=(12, 12), dtype=dtype)
    assert found(config, truths((x, 0.375, 0.25, 0.25)), raw)[0].col.item() == col


@EACH
def test_common_centre_is_in_the_cell_of_its_floor_and_on_a_border_in_the_next(config):
    """0 is in the first cell, ¼ and ½ begin the second and third; 2¾ cells are the third."""
    (match,) = found(
        config, truths((0.5, 0.25, 0.1, 0.1), (0, 0, 0.1, 0.1), (2.75 / 4, 1.75 / 4, 0.1, 0.1))
    )
    assert match.col.tolist() == [[2, 0, 2]]
    assert match.row.tolist() == [[1, 0, 1]]


@EACH
def test_common_centre_on_the_last_edge_belongs_to_the_last_cell(config):
    (match,) = found(config, truths((1, 0.375, 0.25, 0.25), (0.375, 1, 0.25, 0.25)))
    assert match.col.tolist() == [[3, 1]]
    assert match.row.tolist() == [[1, 3]]
    assert match.responsible[0, 1, 3].any() and match.responsible[0, 3, 1].any()


@on("config", [V1, V2], ids=["v1", "v2"])
def test_common_centre_on_the_last_edge_has_offset_1(config):
    """σ(1e4) = 1: the prediction is met, and only sizes (v1: √¼ against √½) cost."""
    raw = zeros(config)
    raw[0, 3, 3, ..., :2] = 1e4
    got = terms(config, truths((1, 1, 0.25, 0.25)), raw).box.item()
    assert got == pytest.approx(5 * 2 * (0.5 - 0.5**0.5) ** 2 if config is V1 else 0, abs=1e-15)


NAN, INF = math.nan, math.inf
INVALID = {
    "x below 0": (-(2**-20), 0.375, 0.25, 0.25),
    "x above 1": (1 + 2**-20, 0.375, 0.25, 0.25),
    "y below 0": (0.375, -(2**-20), 0.25, 0.25),
    "y above 1": (0.375, 1 + 2**-20, 0.25, 0.25),
    "w = 0": (0.375, 0.375, 0, 0.25),
    "h = 0": (0.375, 0.375, 0.25, 0),
    "w below 0": (0.375, 0.375, -0.25, 0.25),
    "h below 0": (0.375, 0.375, 0.25, -0.25),
    "w above 1 + 1e-6": (0.375, 0.375, 1 + 2e-6, 0.25),
    "h above 1 + 1e-6": (0.375, 0.375, 0.25, 1 + 2e-6),
    "class −1": (*MIDDLE, -1),
    "class K": (*MIDDLE, 2),
    **{f"x{k} not finite": (*MIDDLE[:k], NAN, *MIDDLE[k + 1 :]) for k in range(4)},
    **{f"x{k} infinite": (*MIDDLE[:k], INF, *MIDDLE[k + 1 :]) for k in range(4)},
    **{f"x{k} minus infinite": (*MIDDLE[:k], -INF, *MIDDLE[k + 1 :]) for k in range(4)},
}


@EACH
@on("row", INVALID.values(), ids=INVALID.keys())
@on("dtype", ["float32", "float64"])
def test_an_invalid_truth_takes_part_in_nothing_and_is_counted(config, row, dtype):
    raw = zeros(config, dtype=dtype)
    assert_same(terms(config, truths(row), raw), terms(config, truths(), raw))
    (match,) = found(config, truths(row), raw)
    assert match.invalid.tolist() == [1]
    assert not (match.responsible.any() or match.ignored.any() or match.mask.any())
    assert not (match.positives.any() or match.collisions.any() or match.unassigned.any())


@EACH
def test_the_limits_of_a_valid_truth_belong_to_it(config):
    """0 and 1 for a centre, 1 + 1e-6 for a size, class K − 1; a size has no lower limit but 0."""
    least, most = (0, 1, 1e-9, 1e-9, 1), (1, 0, 1 + 1e-6, 1 + 1e-6, 1)
    (match,) = found(config, truths(least, most))
    assert match.invalid.tolist() == [0]
    assert match.positives.tolist() == [2]


@on("base", [V3, V4], ids=["v3", "v4"])
@on("by", ["prior", "shape", "prediction"])
@on("bad", ["class K", "x above 1", "w = 0", "x0 not finite"])
def test_an_invalid_truth_ignores_nothing(base, by, bad):
    """Not by what it says, nor by a box that stands in for it."""
    config = replace(base, ignore_by=by, ignore_threshold=0.0)
    assert not found(config, truths(INVALID[bad]))[0].ignored.any()


@EACH
def test_an_invalid_truth_takes_no_place_from_another(config):
    """Neither as the first of a cell (v1) nor as the last of a prior (v2 to v4)."""
    bad = INVALID["class K"]
    (match,) = found(config, truths(bad, MIDDLE, bad))
    assert match.mask[0, :, 0].tolist() == [False, True, False]
    assert match.collisions.tolist() == [0]
    assert match.invalid.tolist() == [2]


# Decisions.


def test_iou_against_predictions_uses_decoded_boxes():
    """t = log 2 doubles both sides of the prior, so the IOU with the truth is ¼."""
    raw = zeros(V2)
    raw[0, 1, 1, 0, 2:4] = math.log(2)
    assert terms(V2, truths(MIDDLE), raw).obj.item() == pytest.approx(5 * (0.25 - 0.5) ** 2)


@on("base", [V3, V4], ids=["v3", "v4"])
@on(
    "by, anchors",
    [("prior", (CELL,)), ("prediction", (CELL,)), ("shape", (CELL, WIDE))],
    ids=["prior", "prediction", "shape"],
)
def test_ignore_thresholds_are_strict(base, by, anchors):
    """8 × 8 against 16 × 8 is an IOU of ½: not above ½, above 0.49."""
    masks = (tuple(range(len(anchors))),)
    config = replace(base, anchors=anchors, masks=masks, ignore_by=by, ignore_threshold=0.5)
    if base is V4:
        config = replace(config, assign_iou_threshold=1.0)
    assert found(config, truths(TWO_CELLS))[0].ignored.sum() == 0
    assert found(replace(config, ignore_threshold=0.49), truths(TWO_CELLS))[0].ignored.sum() == 1


def test_the_gate_is_strict():
    """An IOU of ½ costs no coordinates at a threshold of ½, and does at 0.49."""
    assert terms(V3, truths(TWO_CELLS)).box.item() == 0
    assert terms(replace(V3, coord_iou_threshold=0.49), truths(TWO_CELLS)).box.item() > 1


@on("assign, anchors, at, below", [("union", (CELL, WIDE), 1, 2), ("intersection", (CELL,), 0, 1)])
def test_the_threshold_of_the_assignment_is_strict(assign, anchors, at, below):
    masks = (tuple(range(len(anchors))),)
    config = replace(V4, anchors=anchors, masks=masks, assign=assign, assign_iou_threshold=0.5)
    assert found(config, truths(TWO_CELLS))[0].positives.item() == at
    config = replace(config, assign_iou_threshold=0.49)
    assert found(config, truths(TWO_CELLS))[0].positives.item() == below


@on("config", [V2, V3, replace(V4, assign_iou_threshold=1.0)], ids=["v2", "v3", "v4"])
@on("anchors", [(WIDE, TALL), (TALL, WIDE)], ids=["wide first", "tall first"])
@on("mask", [(0, 1), (1, 0)])
def test_argmax_takes_the_first_of_equals(config, anchors, mask):
    """Both overlap by ½: the lower index in the list of anchors, wherever a mask puts it."""
    if config is V2:
        config, mask = replace(V2, anchors=anchors), (0, 1)
    else:
        config = replace(config, anchors=anchors, masks=(mask,), ignore_by=None)
    held = found(config, truths(MIDDLE))[0].responsible[0, 1, 1]
    assert held.tolist() == [k == 0 for k in mask]


# Departures from the equations.


@on("t, limited", [(19.99, 19.99), (20.01, 20), (-19.99, -19.99), (-20.01, -20)])
def test_e_to_the_t_is_limited_to_20_with_slope_0_outside(t, limited):
    raw = zeros(V2)
    raw[0, 1, 1, 0, 2:4] = t
    size = 0.25 * math.exp(limited)
    boxes = yl.v2.decode(raw, V2).boxes[0, 1, 1, 0, 2:]
    np.testing.assert_allclose(boxes, size, rtol=1e-15)
    slope = (2 - 0.25**2) * 2 * (size - 0.25) * size if t == limited else 0
    np.testing.assert_allclose(both(V2, truths(MIDDLE), raw)[1][0][0, 1, 1, 0, 2:4], slope)


def test_root_of_sigma_keeps_its_precision():
    """√σ(−100) = e^−50, where σ(−100) itself is next to nothing in float32."""
    raw = zeros(V1, dtype="float32")
    raw[0, 1, 1, 2] = -100
    slope = 5 * 2 * (0 - math.sqrt(0.25)) * 0.5 * math.exp(-50)
    grad = both(replace(V1, num_boxes=1), truths(MIDDLE), raw[..., :7])[1][0][0, 1, 1, 2]
    assert grad == pytest.approx(slope, rel=1e-5, abs=0)


@on("config", [V1, V2, replace(V3, ignore_by="prediction"), replace(V4, scale_xy=(1.2,))])
@on("signs", [(1, 1), (-1, -1), (1, -1)], ids=["plus", "minus", "alternating"])
def test_raw_outputs_of_1e4_are_finite_in_float32(config, signs):
    raw = zeros(config, dtype="float32")
    for x in of_heads(raw):
        x.flat[:] = np.resize(np.multiply(1e4, signs), x.size)
    got, grads = both(config, truths(MIDDLE, ODD, (1, 1, 1, 1)), raw)
    assert all(np.isfinite(v).all() for v in (*got, *grads))
    assert got.total.item() > 1


def test_nothing_else_is_limited_or_padded():
    """No ε in a logarithm or in an IOU: −log σ(−1000) = 1000, and equal boxes have exactly 1."""
    (x,) = raw = zeros(V3)
    x[..., 4:] = -1000.0
    got = terms(V3, truths(MIDDLE), raw)
    assert (got.obj.item(), got.cls.item(), got.noobj.item()) == (1000, 1000, 0)
    x[..., 4:] = 1000.0
    assert terms(V3, truths(MIDDLE), raw).noobj.item() == 15 * 1000
    assert terms(V2, truths(MIDDLE)).obj.item() == 5 * (1 - 0.5) ** 2
    assert terms(V4, truths(MIDDLE)).box.item() == 0
