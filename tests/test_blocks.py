"""What is worked on some images, or some rows, at a time is the same as all at once."""

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import leaves
from tests.support.cases import ids
from tests.support.large import CLASSES, CROWDS, IMAGES, ROWS, at_once
from yolo_losses import nearby
from yolo_losses._xp import adapter

on = pytest.mark.parametrize
EACH_CROWD = on("case", CROWDS, ids=ids)
EACH_ROWS, EACH_IMAGES = on("case", ROWS, ids=ids), on("case", IMAGES, ids=ids)


def assert_at_once(answer, case):
    """Terms, alone too, and both gradients."""
    terms, grads = at_once(case)
    for each in (answer.terms, answer.alone):
        for got, want in zip(each, terms, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    for found in filter(lambda x: x is not None, (answer.grads, answer.automatic)):
        for got, want in zip(leaves(found), leaves(grads), strict=True):
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-12 * np.abs(want).max())


@EACH_ROWS
@on("xp", ["numpy", "torch", "torch-lent", "jax"], indirect=True)
def test_rows(case, xp):
    """The automatic gradient of torch and JAX goes through the loop."""
    assert_at_once(xp.answer(case.module, case.raw, case.targets, case.config), case)


@on("case", CLASSES, ids=ids)
@on("xp", ["numpy", "torch"], indirect=True)
def test_rows_of_many_classes(case, xp):
    assert_at_once(xp.answer(case.module, case.raw, case.targets, case.config), case)


@EACH_IMAGES
@on("xp", ["numpy", "torch-lent"], indirect=True)
def test_images(case, xp):
    assert_at_once(xp.answer(case.module, case.raw, case.targets, case.config), case)


@on("case", [c for c in IMAGES if c.version in ("v1", "v2")], ids=ids)
def test_a_diagnosis_of_images(case):
    """As of one image by itself, which is one block."""
    whole = case.module.diagnose(case.raw, case.targets, case.config)
    for n in (0, len(case.raw) - 1):
        image = yl.Targets(*(v[n : n + 1] for v in case.targets))
        alone = case.module.diagnose(case.raw[n : n + 1], image, case.config)
        for got, want in zip(whole, alone, strict=True):
            np.testing.assert_allclose(got[n : n + 1], want, rtol=1e-12)


@on("case", [c for c in IMAGES if c.version == "v2"], ids=ids)
def test_regions_of_images(case):
    """As in an image by itself, which is one block."""
    n, everywhere = len(case.raw), [(0.5, 0.5, 0.6, 0.6)]
    region = np.full((n, 1), True)
    targets = yl.Targets(np.array([everywhere] * n), np.zeros((n, 1), int), region, region)
    whole = case.module.assign(case.raw, targets, case.config).ignored
    assert whole[-1].any()
    for k in (slice(1), slice(n - 1, n)):
        image = yl.Targets(*(v[k] for v in targets))
        alone = case.module.assign(case.raw[k], image, case.config).ignored
        np.testing.assert_array_equal(whole[k], alone)


def test_few_rows_of_two_heads_that_have_many_classes():
    """A block holds four rows: those of one head after the other."""
    rng = np.random.default_rng(0)
    config = yl.v3.Config([(8, 8), (16, 16)], [(0,), (1,)], [8, 16])
    raw = [rng.normal(size=(2, n, n, 1, 4005)) for n in (4, 2)]
    boxes = np.concatenate([rng.uniform(size=(2, 6, 2)), rng.uniform(0.2, 0.6, (2, 6, 2))], axis=-1)
    targets = yl.Targets(boxes, np.arange(12).reshape(2, 6), np.full((2, 6), True))
    terms, grads = yl.v3.loss_and_grad(raw, targets, config)
    few = [x[..., :20] for x in raw]  # their boxes do not know of classes
    want, slopes = yl.v3.loss_and_grad(few, targets, config)
    for name in ("box", "obj", "noobj"):
        np.testing.assert_allclose(getattr(terms, name), getattr(want, name), rtol=1e-12)
    for got, slope in zip(grads, slopes, strict=True):
        np.testing.assert_allclose(got[..., :20], slope, rtol=0, atol=1e-12)


@EACH_ROWS
def test_the_rows_make_more_than_two_blocks(case, monkeypatch):
    here, seen = type(adapter(case.heads[0])), []
    original = here.scan

    def scan(self, step, carry, rows, size):
        seen.append(rows[0].shape[1] / size)
        return original(self, step, carry, rows, size)

    monkeypatch.setattr(here, "scan", scan)
    case.module.loss_and_grad(case.raw, case.targets, case.config)
    assert len(seen) == len(case.heads)
    assert max(seen) > 2
    assert any(blocks % 1 for blocks in seen)  # the last one is shorter


@EACH_IMAGES
def test_the_images_make_more_than_one_block(case):
    num = case.config.num_boxes if case.version == "v1" else 1
    slots, n = sum(num * x[0, ..., 0].size for x in case.heads), len(case.heads[0])
    assert len(adapter(case.heads[0]).images(n, slots)) > 1


@on("n", range(6))
@on("slots", [0, 1, 7, 30_000, 10**6])
def test_blocks_hold_every_image_once(n, slots):
    blocks = adapter(np.zeros(0)).images(n, slots)
    assert [k for block in blocks for k in range(n)[block]] == list(range(n))


@EACH_CROWD
@on("xp", ["numpy", "torch-lent"], indirect=True)
def test_crowds(case, xp):
    assert_at_once(xp.answer(case.module, case.raw, case.targets, case.config), case)


@EACH_CROWD
def test_the_crowd_makes_more_than_two_parts(case, monkeypatch):
    seen, original = [], nearby._of_windows

    def of_windows(window, first):
        seen.append(first)
        return original(window, first)

    monkeypatch.setattr(nearby, "_of_windows", of_windows)
    case.module.loss_and_grad(case.raw, case.targets, case.config)
    assert len(seen) > 2
