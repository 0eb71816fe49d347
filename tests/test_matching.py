"""decode, assign and encode against the oracle, and the shapes that they promise."""

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import MOST, leaves
from tests.support.cases import CASES, PLAIN, ids
from tests.support.expected import expected

EACH = pytest.mark.parametrize("case", CASES, ids=ids)
LIBRARIES = pytest.mark.parametrize("xp", MOST, indirect=True)


def of_heads(case, x):
    """One entry a head, also where a version has one head and no tuple."""
    return x if case.version in ("v3", "v4") else (x,)


@EACH
def test_assign(case, numpy):
    """Cells, anchors, IOUs, masks and counts of every truth; both planes."""
    found = of_heads(
        case, numpy.call(lambda r, t: case.module.assign(r, t, case.config), case.raw, case.targets)
    )
    for n, result in enumerate(expected(case).results):
        for s, (head, got) in enumerate(zip(result.heads, found, strict=True)):
            np.testing.assert_array_equal(got.responsible[n], head.responsible)
            np.testing.assert_array_equal(got.ignored[n], head.ignored)
            assert got.positives[n] == result.counts.positives[s]
            assert got.collisions[n] == result.counts.collisions[s]
            assert got.invalid[n] == result.counts.invalid
            assert got.unassigned[n] == result.counts.unassigned
            for t, match in enumerate(head.matches):
                assert_match(got, n, t, match)


def assert_match(got, n, t, match):
    """One truth in one head: what the oracle's candidates say, and nothing else."""
    held = {int(got.anchor[n, t, k]) for k in np.flatnonzero(got.mask[n, t])}
    if match is None:
        assert not held
        return
    assert (got.row[n, t], got.col[n, t]) == (match.row, match.col)
    assert held == {c.anchor for c in match.anchors if c.holds}
    for c in match.anchors:
        (k,) = np.flatnonzero(got.anchor[n, t] == c.anchor)
        np.testing.assert_allclose(got.iou[n, t, k], c.iou, rtol=1e-12, atol=1e-14)


@EACH
def test_decode(case, numpy):
    got = of_heads(case, numpy.call(lambda r: case.module.decode(r, case.config), case.raw))
    for n, result in enumerate(expected(case).results):
        for head, decoded in zip(result.heads, got, strict=True):
            want = np.array(head.decoded)
            np.testing.assert_allclose(decoded.boxes[n], want[..., :4], rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(decoded.obj[n], want[..., 4], rtol=1e-12)
            np.testing.assert_allclose(decoded.cls[n], head.classes, rtol=1e-12)


@pytest.mark.parametrize("version", list(PLAIN))
@LIBRARIES
def test_assign_and_decode_on_every_library(version, xp, numpy):
    case = PLAIN[version]
    for name, args in {"decode": (case.raw,), "assign": (case.raw, case.targets)}.items():
        f = getattr(case.module, name)
        got = of_heads(case, xp.call(lambda *a, f=f: f(*a, case.config), *args))
        want = of_heads(case, numpy.call(lambda *a, f=f: f(*a, case.config), *args))
        for one, other in zip(got, want, strict=True):
            for field, a, b in zip(one._fields, one, other, strict=True):
                assert a.dtype.kind == b.dtype.kind, field
                np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=field)


@pytest.mark.parametrize("version", list(PLAIN))
def test_shapes_of_matches_and_decoded(version):
    case = PLAIN[version]
    (n, t), k = case.targets.labels.shape, case.num_classes
    found = of_heads(case, case.module.assign(case.raw, case.targets, case.config))
    decoded = of_heads(case, case.module.decode(case.raw, case.config))
    for x, m, d in zip(case.heads, found, decoded, strict=True):
        num = case.config.num_boxes if version == "v1" else x.shape[3]
        plane = (*x.shape[:3], num)
        per_truth = num if version == "v4" else 1
        assert m.row.shape == m.col.shape == (n, t)
        assert m.anchor.shape == m.iou.shape == m.mask.shape == (n, t, per_truth)
        assert m.responsible.shape == m.ignored.shape == plane
        for count in (m.positives, m.collisions, m.invalid, m.unassigned):
            assert count.shape == (n,)
        assert d.boxes.shape == (*plane, 4)
        assert d.obj.shape == plane
        assert d.cls.shape == ((*x.shape[:3], k) if version == "v1" else (*plane, k))


@pytest.mark.parametrize("version", list(PLAIN))
@LIBRARIES
def test_encode_inverts_decode(version, xp):
    """Raw outputs of moderate size come back from the boxes that they decode to."""
    case = PLAIN[version]
    decoded = of_heads(case, case.module.decode(case.raw, case.config))
    for s, (x, d) in enumerate(zip(case.heads, decoded, strict=True)):
        h, w = x.shape[1:3]
        _, row, col, anchor = np.indices(d.boxes.shape[:-1])
        places = (row, col) if version == "v1" else (row, col, anchor)
        head = {"head": s} if version in ("v3", "v4") else {}
        got = xp.call(
            lambda b, *p, head=head, shape=(h, w): case.module.encode(b, *p, case.config, grid_shape=shape, **head),
            d.boxes, *places,
        )  # fmt: skip
        want = (
            x[..., : 5 * d.boxes.shape[3]].reshape(*d.boxes.shape[:-1], 5) if version == "v1" else x
        )
        inside = np.abs(want[..., :4]).max(axis=-1) < 3
        np.testing.assert_allclose(got[inside], want[..., :4][inside], rtol=1e-9, atol=1e-9)


def test_v3_encode_clips_the_offset():
    config = PLAIN["v3"].config
    zero = np.zeros(1, dtype=int)
    box = np.array([[0.0, 0.5, 0.1, 0.1]])
    t = yl.v3.encode(box, zero, zero, zero, config, head=0, grid_shape=(1, 1))
    np.testing.assert_allclose(t[0, 0], np.log(config.offset_eps / (1 - config.offset_eps)))


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_head_without_the_best_anchor_holds_nothing(version):
    """A v3 truth is responsible in the heads that own its best anchor, and in no other."""
    case = PLAIN[version]
    found = case.module.assign(case.raw, case.targets, case.config)
    held = sum(m.mask.sum(axis=-1) for m in found)
    usable = case.targets.valid & (found[0].mask.any(-1) | found[1].mask.any(-1))
    assert (held[usable] >= 1).all()
    if version == "v3":
        assert (held <= 1).all()


ONE_ANCHOR = ((16, 16),), ((0,),), (8,)
FULL = {
    "v1": yl.v1.Config(),
    "v2": yl.v2.Config(((16, 16),), stride=8),
    "v3": yl.v3.Config(*ONE_ANCHOR, coord_iou_threshold=None),
    "v4": yl.v4.Config(*ONE_ANCHOR, (1.0,)),
}


@pytest.mark.parametrize("version", list(FULL))
def test_a_collision_beside_an_image_that_keeps_all(version):
    """Who lost the place costs nothing, also where another image needs every row."""
    module, config, rng = getattr(yl, version), FULL[version], np.random.default_rng(0)
    raw = rng.normal(size=(2, 4, 4, 12) if version == "v1" else (2, 4, 4, 1, 7))
    raw = (raw,) if version in ("v3", "v4") else raw
    apart, together = [(0.3, 0.3, 0.5, 0.5), (0.7, 0.7, 0.4, 0.4)], [(0.3, 0.3, 0.5, 0.5)] * 2
    targets = yl.pad_targets([apart, together], [[0, 1], [0, 1]])
    valid = targets.valid.copy()
    valid[1, 1 if version == "v1" else 0] = False
    terms, grads = module.loss_and_grad(raw, targets, config)
    want, slopes = module.loss_and_grad(raw, targets._replace(valid=valid), config)
    for a, b in zip((*terms, *leaves(grads)), (*want, *leaves(slopes)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
