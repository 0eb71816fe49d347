"""Non-maximum suppression, and detections from raw outputs."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import BACKENDS, JAX, Torch
from conformance.oracle.suppression import overlap, suppress
from tests.support.cases import PLAIN
from tests.test_bad_input import refuses
from yolo_losses.nms import detections, nms

EVERYWHERE = pytest.mark.parametrize("xp", list(BACKENDS), indirect=True)
NEARLY_EVERYWHERE = pytest.mark.parametrize(
    "xp", [name for name in BACKENDS if name not in ("torch-inductor", "jax-eager")], indirect=True
)
VERSIONS = pytest.mark.parametrize("version", ["v1", "v2", "v3", "v4"])
OPTIONS = pytest.mark.parametrize(
    ("similarity", "beta", "threshold"),
    [("iou", 1.0, 0.45), ("diou", 1.0, 0.45), ("diou", 0.6, 0.25), ("diou", 2.0, 0.0)],
)
LINE = np.array([(k, 0, k + 4, 4) for k in (0, 1, 2, 3)], dtype=float)  # IOU of neighbours 0.6


def crowd(seed, num, clusters=6):
    """Boxes (num, 4) in clusters, scores and labels, such that much overlaps and little touches."""
    rng = np.random.default_rng(seed)
    x, y, w, h = rng.uniform((50, 50, 30, 30), (350, 250, 120, 120), (clusters, 4))[
        rng.integers(clusters, size=num)
    ].T
    x, y = x + rng.normal(0, 12, num), y + rng.normal(0, 12, num)
    w, h = w * rng.uniform(0.6, 1.6, num), h * rng.uniform(0.6, 1.6, num)
    boxes = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=-1)
    return boxes, rng.permutation(num) / num, rng.integers(0, 3, num)


def by_hand(boxes, scores, labels, threshold, similarity="iou", beta=1.0, most=1000):
    power = None if similarity == "iou" else beta
    columns = boxes.tolist(), scores.tolist(), labels.tolist()
    return suppress(*columns, threshold, power, most)


def listed(found):
    """The kept boxes, best first."""
    return found.order[found.keep[found.order]].tolist()


@EVERYWHERE
def test_equals_the_oracle(xp):
    """Two images; the margins of all pairs from the threshold are above what rounding moves."""
    columns = [np.stack(pair) for pair in zip(crowd(0, 60), crowd(1, 60), strict=True)]
    call = partial(nms, threshold=0.45, similarity="diou", beta=0.6, max_candidates=50)
    keep, order = xp.call(lambda b, s, k: call(b, s, labels=k), *columns)
    assert keep.shape == (2, 60)
    assert order.shape == (2, 50)
    for n in (0, 1):
        boxes, scores, labels = (v[n] for v in columns)
        values = [overlap(a, b, 0.6) for a in boxes.tolist() for b in boxes.tolist()]
        assert min(abs(v - 0.45) for v in values) > 1e-6
        want = by_hand(boxes, scores, labels, 0.45, "diou", 0.6, 50)
        assert listed(yl.nms.Kept(keep[n], order[n])) == want
        assert 5 < len(want) < 40


@OPTIONS
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("num", [1, 2, 30, 150])
def test_many_crowds(similarity, beta, threshold, seed, num):
    boxes, scores, labels = crowd(seed, num)
    options = {"threshold": threshold, "similarity": similarity, "beta": beta}
    got = nms(boxes, scores, labels=labels, **options)
    assert listed(got) == by_hand(boxes, scores, labels, **options)
    got = nms(boxes, scores, **options)
    assert listed(got) == by_hand(boxes, scores, np.zeros_like(labels), **options)


def test_a_suppressed_box_suppresses_nobody():
    """A chain: 0 beats 1, which may then not beat 2."""
    found = nms(LINE, np.array([0.9, 0.8, 0.7, 0.6]), threshold=0.5)
    assert found.keep.tolist() == [True, False, True, False]
    assert found.order.tolist() == [0, 1, 2, 3]


def test_the_threshold_is_strict():
    touching = np.array([[0, 0, 4, 4], [0, 0, 4, 2]], dtype=float)  # IOU ½
    assert nms(touching, np.array([1.0, 0.5]), threshold=0.5).keep.all()
    assert nms(touching, np.array([1.0, 0.5]), threshold=0.499).keep.tolist() == [True, False]


def test_of_equal_scores_the_first_wins():
    found = nms(LINE[[1, 0, 1]], np.ones(3), threshold=0.5)
    assert found.keep.tolist() == [True, False, False]
    assert found.order.tolist() == [0, 1, 2]


def test_no_candidates():
    scores = np.array([np.nan, 0.5, -np.inf, -3.0])
    found = nms(LINE, scores, threshold=0.9)
    assert found.keep.tolist() == [False, True, False, True]
    assert found.order.tolist()[:2] == [1, 3]
    assert nms(LINE, np.full(4, np.nan), threshold=0.9).keep.tolist() == [False] * 4


def test_labels_keep_apart():
    same = LINE[[0, 0, 0]]
    labels = np.array([1, 2, 1])
    assert nms(same, np.array([3.0, 2, 1]), threshold=0.5, labels=labels).keep.tolist() == [
        True, True, False,
    ]  # fmt: skip


def test_only_the_best_candidates_take_part():
    found = nms(LINE[[0, 0, 3, 3]], np.array([0.1, 0.2, 0.4, 0.3]), threshold=0.5, max_candidates=3)
    assert found.order.tolist() == [2, 3, 1]
    assert found.keep.tolist() == [False, True, True, False]


def test_empty_boxes():
    """A box without area overlaps nothing, not even itself; its distance is 0 to its like."""
    flat = np.array([[1, 1, 1, 3], [1, 1, 1, 3], [2, 2, 2, 2], [2, 2, 2, 2]], dtype=float)
    for similarity in ("iou", "diou"):
        found = nms(flat, np.array([4.0, 3, 2, 1]), threshold=0.0, similarity=similarity)
        assert found.keep.all()


def test_diou_spares_a_neighbour():
    """IOU 0.6 of two boxes whose centres are apart."""
    pair, scores = LINE[:2], np.array([1.0, 0.5])
    assert nms(pair, scores, threshold=0.59).keep.tolist() == [True, False]
    assert nms(pair, scores, threshold=0.59, similarity="diou").keep.all()  # 0.6 − 1/41
    assert nms(pair, scores, threshold=0.57, similarity="diou").keep.tolist() == [True, False]


@pytest.mark.parametrize("batch", [(), (0,), (2,), (2, 3)])
@pytest.mark.parametrize("num", [0, 4])
def test_shapes(batch, num):
    boxes = np.broadcast_to(LINE[:num], (*batch, num, 4))
    scores = np.broadcast_to(np.arange(num, 0, -1.0), (*batch, num))
    keep, order = nms(boxes, scores, threshold=0.5, max_candidates=3)
    assert keep.shape == (*batch, num)
    assert order.shape == (*batch, min(num, 3))
    assert keep.dtype == bool
    assert keep.sum() == 2 * keep.size / 4


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_half_precision_is_computed_in_float32(dtype):
    torch = pytest.importorskip("torch")
    boxes, scores, _ = (torch.tensor(v) for v in crowd(3, 80))
    boxes, scores = (v.to(getattr(torch, dtype)) for v in (boxes, scores))
    got = nms(boxes, scores, threshold=0.45)
    want = nms(boxes.double(), scores.double(), threshold=0.45)
    assert got.keep.tolist() == want.keep.tolist()
    assert got.order.tolist() == want.order.tolist()


def test_traces_do_not_grow():
    xp = JAX()
    f = partial(nms, threshold=0.5)
    sizes = {len(xp.jax.make_jaxpr(f)(*xp.tree(crowd(0, num)[:2])).jaxpr.eqns) for num in (20, 200)}
    assert len(sizes) == 1


def test_mapped():
    boxes, scores, _ = (np.stack(v) for v in zip(crowd(0, 40), crowd(1, 40), strict=True))
    want = nms(boxes, scores, threshold=0.45)
    f = partial(nms, threshold=0.45)
    for xp, vmap in ((JAX(), JAX().jax.vmap), (Torch(), Torch().torch.func.vmap)):
        got = xp.call(vmap(f), boxes, scores)
        np.testing.assert_array_equal(got.keep, want.keep)
        np.testing.assert_array_equal(got.order, want.order)


class TestDetections:
    @NEARLY_EVERYWHERE
    def test_every_predictor_by_hand(self, xp):
        for version in ("v1", "v2", "v3", "v4"):
            case = PLAIN[version]
            got = xp.call(partial(detections, config=case.config, size=(8, 4)), case.raw)
            decoded = case.module.decode(case.raw, case.config)
            heads = [decoded] if version in ("v1", "v2") else decoded
            want = [said for head in heads for said in predictors(head)]
            for n in range(got.scores.shape[0]):
                boxes, scores, labels = zip(*(said for m, said in want if m == n), strict=True)
                np.testing.assert_allclose(got.boxes[n], boxes, rtol=1e-12)
                np.testing.assert_allclose(got.scores[n], scores, rtol=1e-12)
                assert got.labels[n].tolist() == list(labels)

    @VERSIONS
    def test_no_images(self, version):
        case = PLAIN[version]
        several = isinstance(case.raw, tuple | list)
        raw = tuple(x[:0] for x in case.raw) if several else case.raw[:0]
        found = detections(raw, case.config)
        assert found.boxes.shape == (0, found.scores.shape[1], 4)

    def test_fits_into_nms(self):
        """An encoded object is found where it is, once."""
        config, truth = yl.v2.Config(anchors=((64, 32), (16, 64))), np.array([0.4, 0.3, 0.2, 0.4])
        raw = np.full((1, 4, 8, 2, 5 + 3), -9.0)
        at = (np.array([v]) for v in (1, 3, 1))
        raw[0, 1, 3, 1, :4] = yl.v2.encode(truth[None], *at, config, grid_shape=(4, 8))
        raw[0, 1, 3, 1, [4, 7]] = 9
        found = detections(raw, config, size=(256, 128))
        keep, order = nms(*found[:2], labels=found.labels, threshold=0.5, similarity="diou")
        (best,) = order[0][keep[0][order[0]] & (found.scores[0][order[0]] > 0.5)]
        assert found.labels[0, best] == 2
        box = yl.boxes.cxcywh_to_xyxy(truth[None]) * [256, 128, 256, 128]
        np.testing.assert_allclose(found.boxes[0, best], box[0], rtol=1e-12)


def predictors(head):
    """(image, (corners in 8 × 4, score, label)) of one head, in the order of its slots."""
    for n, row, col, a in np.ndindex(head.obj.shape):
        p = head.cls[n, row, col] if head.cls.ndim == 4 else head.cls[n, row, col, a]
        x, y, w, h = head.boxes[n, row, col, a] * [8, 4, 8, 4]
        box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        yield n, (box, head.obj[n, row, col, a] * p.max(), int(p.argmax()))


def test_scores_fall_along_the_order():
    boxes, scores, _ = crowd(5, 99)
    _, order = nms(boxes, scores, threshold=0.5)
    assert all(a >= b for a, b in pairwise(scores[order]))


SCORES = np.ones(4)
BAD = [
    ("boxes", TypeError, {"boxes": LINE.astype(int)}),
    ("boxes", TypeError, {"boxes": LINE.tolist()}),
    ("boxes", ValueError, {"boxes": LINE[0]}),
    ("boxes", ValueError, {"boxes": LINE[:, :3]}),
    ("scores", ValueError, {"scores": SCORES[:3]}),
    ("scores", ValueError, {"scores": SCORES[None]}),
    ("scores", TypeError, {"scores": SCORES.astype(int)}),
    ("labels", TypeError, {"labels": SCORES}),
    ("labels", TypeError, {"labels": [0, 0, 0, 0]}),
    ("labels", ValueError, {"labels": np.zeros(3, dtype=int)}),
    ("threshold", ValueError, {"threshold": np.nan}),
    ("threshold", ValueError, {"threshold": "0.5"}),
    ("similarity", ValueError, {"similarity": "ciou"}),
    ("beta", ValueError, {"beta": 0}),
    ("max_candidates", ValueError, {"max_candidates": 0}),
    ("max_candidates", ValueError, {"max_candidates": 10.0}),
]


@pytest.mark.parametrize(("argument", "kind", "change"), BAD)
def test_refuses(argument, kind, change):
    call = {"boxes": LINE, "scores": SCORES, "threshold": 0.5} | change
    with refuses(kind, "nms.nms", argument):
        nms(call.pop("boxes"), call.pop("scores"), **call)


def test_refuses_two_libraries():
    torch = pytest.importorskip("torch")
    with refuses(TypeError, "nms.nms", "scores", "numpy"):
        nms(LINE, torch.ones(4), threshold=0.5)


def test_detections_refuse():
    config = yl.v2.Config.voc()
    with refuses(TypeError, "nms.detections", "config"):
        detections(np.zeros((1, 2, 2, 5, 8)), "voc")
    with refuses(ValueError, "nms.detections", "size"):
        detections(np.zeros((1, 2, 2, 5, 8)), config, size=416)
    with refuses(ValueError, "v2.decode", "raw"):
        detections(np.zeros((1, 2, 2, 3, 8)), config)


def test_detections_are_in_fractions_of_the_image():
    raw = np.random.default_rng(0).normal(size=(1, 3, 4, 2, 9))
    config = yl.v2.Config([(8, 8), (16, 24)])
    found, pixels = detections(raw, config), detections(raw, config, size=(40, 30))
    np.testing.assert_allclose(found.boxes * [40, 30, 40, 30], pixels.boxes, rtol=1e-14)


@pytest.mark.parametrize(
    ("boxes", "labels", "kind", "words"),
    [
        (
            np.zeros((3, 5)),
            None,
            ValueError,
            r"boxes must have shape \(..., M, 4\) with x1 y1 x2 y2",
        ),
        (
            np.zeros((3, 4)),
            np.zeros(3),
            TypeError,
            "labels must have an integer dtype, got float64",
        ),
    ],
)
def test_what_is_no_box_or_label(boxes, labels, kind, words):
    with pytest.raises(kind, match=f"^nms.nms: {words}"):
        nms(boxes, np.zeros(3), threshold=0.5, labels=labels)


def test_of_many_equal_scores_the_first_box_comes_first():
    scores = np.arange(200) % 3 / 4.0
    found = nms(np.tile([0.0, 0, 4, 4], (200, 1)), scores, threshold=0.5)
    assert found.order.tolist() == sorted(range(200), key=lambda k: -scores[k])
    assert np.flatnonzero(found.keep).tolist() == [2]
