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
        assert yl.doctor(*batch).ok, str(yl.doctor(*batch))
        assert yl.doctor(None, *batch[1:]).ok


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
    "raw-constant": outputs(np.zeros_like),
    "activated": outputs(lambda x: 1 / (1 + np.exp(-x))),
    "exploded": outputs(lambda x: x * 1000),
    "refused": outputs(lambda x: np.moveaxis(x, -1, 1)),
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


def test_a_truth_that_no_head_takes():
    raw, targets, config = good("v3")
    other = replace(config, masks=((5,), (4,)))
    raw = tuple(x[..., :1, :] for x in raw)
    assert "lost" in codes(raw, put((0.4, 0.4, 0.05, 0.05))(raw, targets, other)[1], other)


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_heads_and_masks_in_the_wrong_order(version):
    raw, targets, config = good(version)
    assert "masks" in codes(raw, targets, replace(config, masks=config.masks[::-1]))
    assert codes(raw[::-1], targets, config) == {"refused"}


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
