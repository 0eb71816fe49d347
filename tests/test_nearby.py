"""Ignored predictions are the same whether all are tried or those near a truth alone.

NumPy looks at values and tries the near ones where they are few; array-api-strict tries all.
"""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import NumPy, Strict, leaves
from tests.support.cases import CASES, PLAIN, float32, ids
from tests.support.expected import TERMS, expected
from tests.support.large import FARTHEST
from yolo_losses import nearby

on = pytest.mark.parametrize
strict = cache(Strict)
PREDICTION = [c for c in CASES if getattr(c.config, "ignore_by", None) == "prediction"]
PYRAMIDS = on("version", ["v3", "v4"])
THRESHOLDS = on("threshold", [0.0, 0.05, 0.3, 0.5, 0.7, 0.95, 1.0])


@pytest.fixture
def found(monkeypatch):
    """What `nearby.hits` says; it is used however many predictions are near."""
    answers, original = [], nearby.hits

    def hits(*args):
        answers.append(original(*args))
        return answers[-1]

    monkeypatch.setattr(nearby, "hits", hits)
    monkeypatch.setattr(nearby, "SPARSE", 0)
    return answers


@on("case", PREDICTION, ids=ids)
@on("sparse", [0, math.inf], ids=["near ones", "all"])
def test_both_ways_against_the_oracle(case, sparse, monkeypatch):
    monkeypatch.setattr(nearby, "SPARSE", sparse)
    terms, grads = NumPy().call(
        lambda r, t: case.module.loss_and_grad(r, t, case.config), case.raw, case.targets
    )
    want = expected(case)
    for name in TERMS:
        np.testing.assert_allclose(getattr(terms, name), want.terms[name], rtol=1e-10, atol=1e-13)
    for got, slope in zip(leaves(grads), want.grads, strict=True):
        np.testing.assert_allclose(got, slope, rtol=0, atol=1e-8)


def ignored(xp, version, raw, targets, config):
    """(P,) of each image."""
    module = getattr(yl, version)
    planes = xp.call(lambda r, t: [m.ignored for m in module.assign(r, t, config)], raw, targets)
    return np.concatenate([p.reshape(len(p), -1) for p in planes], axis=1)


def agree(version, raw, targets, config, found):
    got = ignored(NumPy(), version, raw, targets, config)
    assert all(answer is not None for answer in found)
    np.testing.assert_array_equal(got, ignored(strict(), version, raw, targets, config))
    return got


def scene(version, threshold, dtype="float64", t=6, seed=0):
    """Predictions of all shapes, some centres on the edge of their reach; truths, two invalid."""
    rng = np.random.default_rng(seed)
    config = replace(PLAIN[version].config, ignore_by="prediction", ignore_threshold=threshold)
    if version == "v4":
        config = replace(config, scale_xy=(1.1, 2.5))
    raw = [rng.normal(size=(3, h, w, 3, 6)) for h, w in ((4, 6), (8, 12))]
    for x in raw:
        x[..., :2] *= rng.choice([1.0, 1e5], size=x.shape[:-1])[..., None]
    wh = np.exp(rng.uniform(np.log(0.02), 0, size=(3, t, 2)))
    boxes = np.concatenate([rng.choice([0.0, 0.25, 0.37, 0.8, 1.0], size=(3, t, 2)), wh], axis=-1)
    targets = yl.Targets(float32(boxes), np.zeros((3, t), dtype=int), np.ones((3, t), dtype=bool))
    targets.boxes[0, 0, 0], targets.valid[1, :2], targets.valid[2] = np.nan, False, False
    return tuple(float32(x).astype(dtype) for x in raw), targets, config


@PYRAMIDS
@THRESHOLDS
@on("dtype", ["float64", "float32"])
def test_scenes(version, threshold, dtype, found):
    some = agree(version, *scene(version, threshold, dtype), found)
    assert found
    assert some.any() == (threshold <= 0.5)
    assert not some[2].any()


@PYRAMIDS
@on("t", [0, 1])
def test_few_truths(version, t, found):
    raw, targets, config = scene(version, 0.3, t=2)
    agree(version, raw, yl.Targets(*(v[:, :t] for v in targets)), config, found)


@PYRAMIDS
def test_nan_is_near_nothing(version, found):
    raw, targets, config = scene(version, 0.3)
    for x in raw:
        x[:, ::2, ..., :4] = np.nan
    got = agree(version, raw, targets, config, found)
    assert got.any()


@on("case", FARTHEST, ids=ids)
def test_the_farthest_predictions_are_found(case, found):
    """In every first image one above the threshold, in every second one below."""
    got = agree(case.version, case.raw, case.targets, case.config, found)
    np.testing.assert_array_equal(got.any(axis=1), [True, False] * 4)


@on("case", [c for c in FARTHEST if c.config.ignore_threshold >= 0.5], ids=ids)
def test_few_predictions_are_near_a_small_truth(case, monkeypatch):
    """So that those are tried alone, if nothing is changed."""
    tried, original = [], nearby.hits
    monkeypatch.setattr(nearby, "hits", lambda *args: tried.append(original(*args)) or tried[-1])
    case.module.loss(case.raw, case.targets, case.config)
    assert [hits is not None for hits in tried] == [True]


@on("by", ["prior", "shape", "prediction"])
@on("sparse", [0, math.inf], ids=["near ones", "all"])
def test_an_overlap_of_the_threshold_is_not_above_it(by, sparse, monkeypatch):
    """A prior of 8 × 8 pixels on the centre of a truth of 8 × 16, which takes the one like it."""
    monkeypatch.setattr(nearby, "SPARSE", sparse)
    raw = [np.zeros((1, 4, 4, 2, 6))]
    targets = yl.pad_targets([[(0.375, 0.375, 0.25, 0.5)]], [[0]])
    for threshold, ignored in ((0.5, []), (0.499, [[0, 1, 1, 1]])):
        config = yl.v3.Config(
            ((8, 16), (8, 8)), ((0, 1),), (8,), ignore_threshold=threshold, ignore_by=by
        )
        (found,) = yl.v3.assign(raw, targets, config)
        assert np.argwhere(found.ignored).tolist() == ignored
        assert np.argwhere(found.responsible).tolist() == [[0, 1, 1, 0]]
