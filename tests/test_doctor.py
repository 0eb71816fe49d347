"""The doctor finds what is planted in good data, and nothing in good data."""

from dataclasses import replace

import numpy as np
import pytest

import yolo_losses as yl
from tests.support.cases import V1, V2, V3, V4, draw_raw

CONFIGS = {"v1": V1, "v2": V2, "v3": V3, "v4": V4}
K = 3


def good(version, seed=0, n=4, t=3):
    """Objects within their image, each in a column of cells of its own."""
    rng = np.random.default_rng(seed)
    config = CONFIGS[version]
    raw = draw_raw(rng, version, config, (6, 6), n, K)
    x = (np.arange(t) * 2 + 1 + rng.uniform(0.1, 0.9, size=(n, t))) / 8 if t else np.zeros((n, 0))
    y = rng.uniform(0.2, 0.8, size=(n, t))
    w, h = rng.uniform(0.1, 1, size=(2, n, t)) * 2 * np.minimum([x, y], [1 - x, 1 - y])
    labels = rng.integers(0, K, size=(n, t))
    valid = np.ones((n, t), dtype=bool)
    return raw, yl.Targets(np.stack([x, y, w, h], axis=-1), labels, valid), config


def codes(*batch):
    return {finding.code for finding in yl.doctor(*batch)}


each_version = pytest.mark.parametrize("version", CONFIGS)


@each_version
@pytest.mark.parametrize("shape", [(4, 3), (1, 1), (2, 0), (0, 3), (16, 3)])
def test_good_batches_have_no_finding(version, shape):
    for seed in range(20):
        batch = good(version, seed, *shape)
        assert not len(yl.doctor(*batch)), str(yl.doctor(*batch))
        for more in ({}, {"num_classes": K}, {"size": (96, 96)}):
            assert not len(yl.doctor(None, *batch[1:], **more))


def boxes(change):
    return lambda raw, targets, config: (raw, targets._replace(boxes=change(targets.boxes)), config)


def put(row):
    def change(b):
        b = b.copy()
        b[1, 2] = row
        return b

    return boxes(change)


def label(change):
    return lambda raw, targets, config: (raw, targets._replace(labels=change(targets)), config)


def outputs(change):
    def planted(raw, targets, config):
        return (tuple(map(change, raw)) if isinstance(raw, tuple) else change(raw)), targets, config

    return planted


def xyxy(b):
    half = b[..., 2:] / 2
    return np.concatenate([b[..., :2] - half, b[..., :2] + half], axis=-1)


def again(b):
    return np.concatenate([b[:, :1], b[:, :1], b[:, 2:]], axis=1)


def mixed(x):
    """Realistic fields, channels first, reshaped instead of moved."""
    fields = x.copy()
    fields[..., 4] -= 5
    if fields.ndim == 4:
        fields[..., 9] -= 5
    first = np.moveaxis(fields.reshape(*x.shape[:3], -1), -1, 1)
    return np.ascontiguousarray(first).reshape(x.shape)


ONE_REGION = np.zeros((8, 3), dtype=bool)
ONE_REGION[1, 2] = True

PLANTED = {
    "not-finite": put((0.5, np.nan, 0.1, 0.1)),
    "padding": put((0, 0, 0, 0)),
    "empty": put((0.5, 0.5, 0, 0.1)),
    "outside": put((1.2, 0.5, 0.1, 0.1)),
    "pixels": boxes(lambda b: b * 416),
    "corners": boxes(xyxy),
    "divided-twice": boxes(lambda b: b / 416),
    "class": label(lambda t: np.where(t.labels == t.labels[0, 0], -1, t.labels)),
    "classes-from-1": label(lambda t: 1 + np.arange(t.labels.size).reshape(t.labels.shape) % K),
    "duplicate": lambda raw, t, config: (
        raw, t._replace(boxes=again(t.boxes), labels=np.zeros_like(t.labels)), config
    ),
    "raw-not-finite": outputs(lambda x: np.where(x > 2, np.nan, x)),
    "from-corner": boxes(lambda b: np.concatenate([b[..., :2] - b[..., 2:] / 2, b[..., 2:]], -1)),
    "border": put((0.5, 0.47, 0.1, 0.1)),
    "no-truth-left": boxes(lambda b: b * np.where(np.arange(len(b)) == 1, -1, 1)[:, None, None]),
    "covered": lambda raw, t, config: (
        raw,
        yl.Targets(put((0.5, 0.5, 0.9, 0.9))(raw, t, config)[1].boxes, t.labels, t.valid, ONE_REGION),
        config,
    ),
    "raw-constant": outputs(lambda x: np.full_like(x, 0.3)),
    "raw-zero": outputs(np.zeros_like),
    "saturated": outputs(lambda x: x * 40),
    "reshaped": outputs(mixed),
    "activated": outputs(lambda x: 1 / (1 + np.exp(-x))),
    "exploded": outputs(lambda x: x * 1000),
    "nchw": outputs(lambda x: np.moveaxis(x, -1, 1)),
    "labels-float": label(lambda t: t.labels.astype(float)),
    "refused": boxes(lambda b: b[1:]),
}  # fmt: skip


@each_version
@pytest.mark.parametrize("code", PLANTED)
def test_what_is_planted_is_found(version, code):
    for seed in range(10):
        batch = PLANTED[code](*good(version, seed, n=8))
        assert code in codes(*batch)


@pytest.mark.parametrize("version", ["v2", "v3", "v4"])
@pytest.mark.parametrize("scale", [1 / 416, 416])
def test_anchors_in_another_unit(version, scale):
    raw, targets, config = good(version)
    anchors = tuple((w * scale, h * scale) for w, h in config.anchors)
    assert "anchor-unit" in codes(raw, targets, replace(config, anchors=anchors))


@pytest.mark.parametrize("version", ["v2", "v3", "v4"])
def test_anchors_in_cells(version):
    raw, targets, config = good(version)
    anchors = tuple((w / 8, h / 8) for w, h in config.anchors)
    assert "anchors-unfit" in codes(raw, targets, replace(config, anchors=anchors))


@pytest.mark.parametrize("version", ["v2", "v3", "v4"])
def test_sizes_without_slope(version):
    raw, targets, config = good(version)
    planted = outputs(lambda x: np.where(np.arange(x.shape[-1]) == 2, 25, x))
    assert "no-slope" in codes(*planted(raw, targets, config))


def test_softmax_is_told_from_sigmoid():
    raw, targets, config = good("v2")
    classes = np.exp(raw[..., 5:])
    classes /= classes.sum(axis=-1, keepdims=True)
    (finding,) = yl.doctor(np.concatenate([raw[..., :5], classes], axis=-1), targets, config)
    assert "softmax" in finding.message
    (finding, other) = yl.doctor(*PLANTED["activated"](raw, targets, config))
    assert "sigmoid" in finding.message
    assert "sigmoid" in other.message


@each_version
@pytest.mark.parametrize("exchanged", [False, True])
def test_x_and_y_exchanged_where_predictions_fit(version, exchanged):
    """The truths are predictions, which are made confident; or those with x and y exchanged."""
    raw, targets, config = good(version, n=8)
    boxes, labels, valid = (np.copy(v) for v in targets)
    heads = raw if isinstance(raw, tuple) else (raw,)
    found = getattr(yl, version).decode(raw, config)
    first = found[0] if isinstance(raw, tuple) else found
    for n, t in np.ndindex(valid.shape):
        row, col = (n % 5, 5 - t) if n % 5 < 3 - t else (t, 4)
        heads[0].reshape(*heads[0].shape[:3], -1)[n, row, col, 4] = 9
        boxes[n, t] = first.boxes[n, row, col, 0]
    boxes[..., 2:] = np.clip(boxes[..., 2:], 0, 1)
    order = [1, 0, 3, 2] if exchanged else [0, 1, 2, 3]
    truths = yl.Targets(boxes[..., order], labels, valid)
    assert ("swapped" in codes(raw, truths, config)) == exchanged


def test_most_objects_without_coordinate_loss():
    raw, targets, config = good("v3", n=8)
    assert "gated" in codes(raw, targets, replace(config, coord_iou_threshold=0.9))


def test_an_intersection_that_leaves_objects_out():
    raw, targets, config = good("v4")
    strict = replace(config, assign="intersection", assign_iou_threshold=0.9)
    assert "untaken" in codes(raw, targets, strict)
    assert "untaken" in codes_of_labels(targets, strict)


def codes_of_labels(targets, config):
    return {f.code for f in yl.doctor(None, targets, config, num_classes=K, size=(96, 96))}


@each_version
def test_few_lost_objects_are_a_note(version):
    """One of 24 is, two of 4 are much."""
    for n, severity in ((8, "note"), (1, "warning")):
        raw, targets, config = good(version, n=n)
        targets.boxes[0, 1] = targets.boxes[0, 0] * (1 + 1e-6)
        targets.labels[0, :2] = 0, 1
        found = [f for f in yl.doctor(raw, targets, config) if f.code == "lost"]
        assert [f.severity for f in found] == [severity]


def test_a_truth_that_no_head_takes():
    raw, targets, config = good("v3")
    other = replace(config, masks=((5,), (4,)))
    raw = tuple(x[..., :1, :] for x in raw)
    assert "untaken" in codes(raw, put((0.4, 0.4, 0.05, 0.05))(raw, targets, other)[1], other)


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_heads_and_masks_in_the_wrong_order(version):
    raw, targets, config = good(version)
    assert "masks" in codes(raw, targets, replace(config, masks=config.masks[::-1]))
    assert codes(raw[::-1], targets, config) == {"heads-order"}


@pytest.mark.parametrize("library", ["torch", "jax.numpy"])
def test_other_libraries(library):
    xp = pytest.importorskip(library)
    for code in ("outside", "activated"):
        raw, targets, config = PLANTED[code](*good("v3"))
        there = yl.Targets(*map(xp.asarray, targets))
        assert codes(tuple(map(xp.asarray, raw)), there, config) == {code}


def test_place_and_text():
    report = yl.doctor(*PLANTED["outside"](*good("v3")))
    (finding,) = report
    assert (finding.place, finding.severity, finding.count) == ("image 1, row 2", "error", 1)
    assert not report.ok
    assert finding.message in str(report)
    assert finding.remedy in str(report)
