"""The doctor finds what is planted in good data, and nothing in good data."""

from dataclasses import replace

import numpy as np
import pytest

import yolo_losses as yl
from tests.support.ailments import CONFIGS, PLANTED, PLANTED_IN, K, good, outputs, predicted, put


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


@each_version
def test_what_is_legal_is_no_fault(version):
    """A box as large as the image, a speck, a small region of no class, padding of any content."""
    raw, targets, config = good(version, n=8)
    boxes, labels, valid = (np.copy(v) for v in targets)
    boxes[0, 0], boxes[1, 0, 2:] = (0.5, 0.5, 1, 1), 1e-3
    boxes[2, 0], labels[2, 0], valid[2, 0] = np.nan, -1, False
    ignore = np.zeros_like(valid)
    ignore[3, 0], labels[3, 0], boxes[3, 0, 2:] = True, -7, 0.1
    targets = yl.Targets(boxes, labels, valid, ignore)
    assert {f.code for f in yl.doctor(raw, targets, config)} == {"border"}
    assert yl.doctor(raw, targets, config).ok
    assert yl.doctor(None, targets, config, num_classes=K, size=(96, 96)).ok


@each_version
@pytest.mark.parametrize("code", PLANTED)
def test_what_is_planted_is_found(version, code):
    for seed in range(10):
        batch = PLANTED[code](*good(version, seed, n=8))
        assert code in codes(*batch)


@pytest.mark.parametrize("planted", PLANTED_IN, ids=" ".join)
def test_what_is_planted_in_some_versions_is_found(planted):
    versions, plant = PLANTED_IN[planted]
    for version in versions:
        for seed in range(5):
            assert planted[0] in codes(*plant(*good(version, seed, n=8)))


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
def test_predictions_that_fit_are_no_finding(version):
    for seed in range(10):
        assert "swapped" not in codes(*predicted(*good(version, seed, n=8), False))


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


@pytest.mark.parametrize("library", ["torch", "jax.numpy"])
def test_other_libraries(library):
    xp = pytest.importorskip(library)
    for code in ("outside", "activated"):
        raw, targets, config = PLANTED[code](*good("v3"))
        there = yl.Targets(*map(xp.asarray, targets))
        assert codes(tuple(map(xp.asarray, raw)), there, config) == {code}


def test_libraries_that_differ_are_refused_by_name():
    torch = pytest.importorskip("torch")
    raw, targets, config = good("v2")
    (finding,) = yl.doctor(raw, yl.Targets(*map(torch.asarray, targets)), config)
    assert finding.code == "refused"
    assert "library" in finding.message


@pytest.mark.parametrize("version", ["v2", "v3", "v4"])
def test_channels_first_before_they_are_split(version):
    raw, targets, config = good(version)
    first = outputs(lambda x: np.moveaxis(x.reshape(*x.shape[:3], -1), -1, 1))
    assert codes(*first(raw, targets, config)) == {"nchw"}


@each_version
@pytest.mark.parametrize("raw", ["text", None, 7, (), [[1]], np.zeros(()), np.zeros(3)])
def test_what_is_no_raw_output_is_refused(version, raw):
    _, targets, config = good(version)
    report = yl.doctor(raw, targets, config)
    assert report.ok == (raw is None)


def test_place_and_text():
    report = yl.doctor(*PLANTED["outside"](*good("v3")))
    (finding,) = report
    assert (finding.place, finding.severity, finding.count) == ("image 1, row 2", "error", 1)
    assert not report.ok
    assert finding.message in str(report)
    assert finding.remedy in str(report)
