"""Regions of targets: nobody is responsible for them, and what lies in them is left alone."""

import copy
import importlib
import pickle
from dataclasses import replace

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import MOST, leaves
from tests.support.cases import ANCHORS, MASKS, PLAIN, RANDOM, V1, V2, V3, V4
from yolo_losses import ignoring
from yolo_losses.crosscheck import compare

on = pytest.mark.parametrize
VERSIONS = {"v1": V1, "v2": V2, "v3": V3, "v4": V4}
CASES = [case for case in RANDOM if case.targets.ignore is not None]
NAN = float("nan")


def without(targets):
    """The truths of targets, their regions rows that only fill up."""
    return yl.Targets(targets.boxes, targets.labels, targets.valid & ~targets.ignore)


def heads_of(found):
    return (found,) if hasattr(found, "row") else found


# A grid of 4 × 4 cells of 8 pixels; raw outputs of 0 predict the prior on its cell, 8 × 8 pixels.

ANCHOR = (8, 8)
FLAT = {
    "v2": yl.v2.Config([ANCHOR], stride=8),
    "v3": yl.v3.Config([ANCHOR], [(0,)], [8]),
    "v4": yl.v4.Config([ANCHOR], [(0,)], [8], [1.0]),
}


def ignored(version, boxes, ignore, **options):
    """(4, 4): what is ignored with these boxes, of raw outputs 0."""
    raw = np.zeros((1, 4, 4, 1, 6))
    n = len(boxes)
    targets = yl.Targets(
        np.array([boxes]), np.zeros((1, n), int), np.ones((1, n), bool), np.array([ignore])
    )
    heads = raw if version == "v2" else (raw,)
    found = getattr(yl, version).assign(heads, targets, replace(FLAT[version], **options))
    return heads_of(found)[0].ignored[0, ..., 0], heads_of(found)[0]


@on("version", FLAT)
def test_half_in_a_region_is_not_in_it(version):
    """The region ends in the middle of the third column and of the second row."""
    found, _ = ignored(version, [(0.3125, 0.1875, 0.625, 0.375)], [True])
    np.testing.assert_array_equal(found, [[1, 1, 0, 0], [0, 0, 0, 0], [0] * 4, [0] * 4])
    found, _ = ignored(version, [(0.3125, 0.1875, 0.626, 0.376)], [True])
    np.testing.assert_array_equal(found, [[1, 1, 1, 0], [1, 1, 0, 0], [0] * 4, [0] * 4])


@on("version", FLAT)
def test_a_large_region_hides_small_predictors(version):
    """Their IOU with it is 1/16."""
    found, head = ignored(version, [(0.5, 0.5, 1.0, 1.0)], [True])
    assert found.all()
    assert (head.positives, head.unassigned, head.invalid, head.collisions) == (0, 0, 0, 0)
    assert not head.mask.any()


@on("version", FLAT)
def test_who_holds_a_truth_in_a_region_is_not_ignored(version):
    found, head = ignored(version, [(0.5, 0.5, 1, 1), (0.375, 0.375, 0.25, 0.25)], [True, False])
    assert found.sum() == 15
    assert head.responsible[0, 1, 1, 0]
    assert head.positives == 1


@on("version", ["v3", "v4"])
@on("by", ["prior", "shape", "prediction", None])
def test_what_is_compared(version, by):
    """Predictions of the lower half are moved out of the image's left half, priors stay."""
    raw = np.zeros((1, 4, 4, 1, 6))
    raw[0, 2:, :, :, 2:4] = 8.0  # e⁸ times as large: hardly any of it lies in a region
    targets = yl.pad_targets([[(0.25, 0.5, 0.5, 1.0)]], [[0]], ignore_per_image=[[True]])
    config = replace(FLAT[version], ignore_by=by)
    (found,) = getattr(yl, version).assign((raw,), targets, config)
    want = np.zeros((4, 4), bool)
    want[: 4 if by in ("prior", "shape") else 2, :2] = True
    np.testing.assert_array_equal(found.ignored[0, ..., 0], want)


@on("version", ["v3", "v4"])
def test_beside_a_rule_of_your_own_predictions_are_compared(version, monkeypatch):
    monkeypatch.setitem(ignoring.IGNORE, "mine", ignoring.nothing)
    box = (0.3125, 0.1875, 0.625, 0.375)
    mine, none = (ignored(version, [box], [True], ignore_by=by)[0] for by in ("mine", None))
    assert mine.any()
    np.testing.assert_array_equal(mine, none)


def test_v1_compares_predictions():
    raw = np.zeros((1, 4, 4, 11))  # boxes of half the image, on the middle of their cells
    targets = yl.pad_targets([[(0.25, 0.25, 0.5, 0.5)]], [[0]], ignore_per_image=[[True]])
    found = yl.v1.assign(raw, targets, V1).ignored
    share = np.array([3, 3, 1, 0]) / 4  # of a side: the third box starts at 1.5 cells of 2
    want = np.outer(share, share) > 0.5
    np.testing.assert_array_equal(found[0], np.stack([want, want], axis=-1))
    assert want.sum() == 4


# Laws.


@on("case", CASES, ids=lambda c: c.name)
def test_a_region_takes_nothing_from_truths(case):
    """Cells, anchors, and all terms but noobj are those without it; noobj is no higher."""
    there = case.module.loss(case.raw, case.targets, case.config)
    alone = case.module.loss(case.raw, without(case.targets), case.config)
    for name in ("box", "obj", "cls"):
        np.testing.assert_array_equal(getattr(there, name), getattr(alone, name))
    assert (there.noobj <= alone.noobj).all()
    assert (there.noobj < alone.noobj).any()
    found, plain = (
        heads_of(case.module.assign(case.raw, targets, case.config))
        for targets in (case.targets, without(case.targets))
    )
    for f, p in zip(found, plain, strict=True):
        for name in ("mask", "responsible", "positives", "collisions", "invalid", "unassigned"):
            np.testing.assert_array_equal(getattr(f, name), getattr(p, name), err_msg=name)
        assert not (f.responsible & f.ignored).any()
        assert (p.ignored <= f.ignored).all()


@on("version", PLAIN)
def test_no_row_a_region_is_as_no_regions(version):
    case = PLAIN[version]
    four = yl.Targets(*case.targets, np.zeros_like(case.targets.valid))
    answers = [case.module.loss_and_grad(case.raw, t, case.config) for t in (case.targets, four)]
    for a, b in zip(*map(leaves, answers), strict=True):
        np.testing.assert_array_equal(a, b)


@on("version", PLAIN)
def test_the_class_of_a_region_is_not_looked_at_but_its_box_is(version):
    case = PLAIN[version]
    boxes = np.tile([0.5, 0.5, 0.9, 0.9], (2, 5, 1))
    boxes[1, 2, 0], boxes[1, 3, 2] = NAN, 0.0
    labels = np.array([[-1, 0, 10**9, 2, 1]] * 2)
    targets = yl.Targets(boxes, labels, np.ones((2, 5), bool), np.ones((2, 5), bool))
    found = heads_of(case.module.assign(case.raw, targets, case.config))[0]
    np.testing.assert_array_equal(found.invalid, [0, 2])
    np.testing.assert_array_equal(found.positives, [0, 0])
    one = yl.Targets(*(v[:, :1] for v in targets))
    np.testing.assert_array_equal(
        found.ignored, heads_of(case.module.assign(case.raw, one, case.config))[0].ignored
    )


@on("version", PLAIN)
def test_a_nan_objectness_in_a_region_shows(version):
    case = PLAIN[version]
    field = (0, 0, 0, 4) if version == "v1" else (0, 0, 0, 0, 4)
    heads = [head.copy() for head in case.heads]
    heads[-1][field] = NAN
    raw = tuple(heads) if isinstance(case.raw, tuple) else heads[0]
    targets = yl.pad_targets([[(0.5, 0.5, 1, 1)]] * 2, [[0]] * 2, ignore_per_image=[[True]] * 2)
    total = case.module.loss(raw, targets, case.config).total
    assert np.isnan(total[0])
    assert np.isfinite(total[1])


@on("case", [c for c in CASES if c.few], ids=lambda c: c.name)
@on("xp", [*MOST, "torch-compiled", "jax-eager", "dask"], indirect=True)
def test_every_library_ignores_the_same(case, xp):
    got = xp.call(lambda r, t: case.module.assign(r, t, case.config), case.raw, case.targets)
    want = case.module.assign(case.raw, case.targets, case.config)
    for g, w in zip(leaves(got), leaves(want), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-12)


@on("version", ["v3", "v4"])
@on("by", ["prior", "prediction"])
def test_a_few_small_regions_on_a_large_grid(version, by, monkeypatch):
    """Only what is near them is looked at; the same as when everything is."""
    rng = np.random.default_rng(3)
    heads = tuple(rng.normal(size=(2, s, s, 3, 6)) for s in (20, 40))
    boxes = np.concatenate([rng.uniform(size=(2, 3, 2)), rng.uniform(0.02, 0.1, (2, 3, 2))], -1)
    targets = yl.Targets(boxes, np.zeros((2, 3), int), *np.ones((2, 2, 3), bool))
    config, module = replace(VERSIONS[version], ignore_by=by), getattr(yl, version)
    near = module.assign(heads, targets, config)
    monkeypatch.setattr("yolo_losses.ignoring._near", lambda *_: None)
    assert sum(m.ignored.sum() for m in near) > 0
    for a, b in zip(near, module.assign(heads, targets, config), strict=True):
        np.testing.assert_array_equal(a.ignored, b.ignored)


# The tuple of three or four.


TARGETS = yl.pad_targets([[(0.5, 0.5, 0.2, 0.3)]], [[3]])
REGIONS = yl.pad_targets([[(0.5, 0.5, 0.2, 0.3)]], [[-3]], ignore_per_image=[[True]])


def test_three_fields_or_four():
    boxes, labels, valid = TARGETS
    assert TARGETS.ignore is None
    assert (boxes is TARGETS.boxes) and (labels is TARGETS.labels) and (valid is TARGETS.valid)
    assert (len(TARGETS), len(REGIONS)) == (3, 4)
    assert REGIONS._fields == ("boxes", "labels", "valid", "ignore") == yl.Targets._fields
    assert list(TARGETS._asdict()) == ["boxes", "labels", "valid"]
    assert REGIONS._replace(ignore=None)._fields == TARGETS._fields
    assert TARGETS._replace(ignore=valid).ignore is valid
    assert yl.Targets._field_defaults == {"ignore": None}
    assert repr(yl.Targets(1, 2, 3)) == "Targets(boxes=1, labels=2, valid=3)"
    assert repr(yl.Targets(1, 2, 3, 4)) == "Targets(boxes=1, labels=2, valid=3, ignore=4)"


def test_objects_are_valid_rows_that_are_no_regions():
    valid, ignore = np.array([[True, True, False, False]]), np.array([[True, False, True, False]])
    boxes, labels = np.zeros((1, 4, 4)), np.zeros((1, 4), int)
    assert yl.Targets(boxes, labels, valid).objects is valid
    objects = yl.Targets(boxes, labels, valid, ignore).objects
    np.testing.assert_array_equal(objects, [[False, True, False, False]])


@on("targets", [TARGETS, REGIONS], ids=["three", "four"])
@on(
    "there_and_back",
    [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t)), lambda t: t._make(t)],
    ids=["copy", "deepcopy", "pickle", "make"],
)
def test_copies(targets, there_and_back):
    again = there_and_back(targets)
    assert type(again) is yl.Targets
    assert len(again) == len(targets)
    for a, b in zip(again, targets, strict=True):
        np.testing.assert_array_equal(a, b)


@on("targets", [TARGETS, REGIONS], ids=["three", "four"])
def test_trees_of_jax_and_torch(targets):
    jax, torch = pytest.importorskip("jax"), pytest.importorskip("torch")
    again = jax.tree.map(lambda v: v, targets)
    assert (type(again), len(again)) == (yl.Targets, len(targets))
    again = torch.utils._pytree.tree_map(lambda v: v, targets)
    assert (type(again), len(again)) == (yl.Targets, len(targets))
    collated = torch.utils.data.default_collate([yl.Targets(*map(torch.tensor, targets))] * 2)
    assert (type(collated), collated.boxes.shape) == (yl.Targets, (2, 1, 1, 4))


@on(
    "case",
    [c for c in CASES if c.name in ("v1-regions", "v3-regions-prediction")],
    ids=lambda c: c.name,
)
def test_closed_forms_of_torch_and_jax(case):
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    from yolo_losses.jax import loss
    from yolo_losses.torch import YOLOLoss

    terms, grads = case.module.loss_and_grad(case.raw, case.targets, case.config)
    raw = [torch.tensor(x, requires_grad=True) for x in case.heads]
    one = raw if isinstance(case.raw, tuple) else raw[0]
    got = YOLOLoss(case.config)(one, yl.Targets(*map(torch.tensor, case.targets)))
    got.total.sum().backward()
    for x, want in zip(raw, leaves(grads), strict=True):
        np.testing.assert_allclose(x.grad, want, atol=1e-12)
    raw = jax.tree.map(lambda v: jax.numpy.asarray(v, dtype="float32"), case.raw)
    there = yl.Targets(*map(jax.numpy.asarray, case.targets))
    each = jax.jit(lambda r, t: loss(r, t, case.config))(raw, there)
    np.testing.assert_allclose(each.noobj, terms.noobj, rtol=1e-5)


# pad_targets.


def test_pad_targets_with_regions():
    box = (0.5, 0.5, 0.2, 0.3)
    targets = yl.pad_targets(
        [[box, box, box], [], [box]],
        [[2, -1, 0.5], [], [1]],
        ignore_per_image=[[False, True, True], [], [False]],
    )
    np.testing.assert_array_equal(targets.labels, [[2, 0, 0], [0] * 3, [1, 0, 0]])
    np.testing.assert_array_equal(targets.valid.sum(axis=1), [3, 0, 1])
    np.testing.assert_array_equal(targets.ignore, [[0, 1, 1], [0] * 3, [0] * 3])
    assert targets.ignore.dtype == bool


def test_pad_targets_drops_a_bad_region_too():
    with pytest.warns(UserWarning, match="dropped 1 rows: image 0, row 1: a width or height is 0"):
        targets = yl.pad_targets(
            [[(0.5, 0.5, 0.2, 0.3), (0.5, 0.5, 0.0, 0.3), (0.5, 0.5, 0.1, 0.3)]], [[1, 1, 1]],
            ignore_per_image=[[False, True, True]], on_invalid="drop",
        )  # fmt: skip
    np.testing.assert_array_equal(targets.ignore, [[False, True]])


@on(
    ("bad", "kind", "words"),
    [
        (7, TypeError, "ignore_per_image must be a sequence"),
        ([[True], []], ValueError, "ignore_per_image must hold one entry for each of the 1 images"),
        (
            [[True, False]],
            ValueError,
            r"ignore_per_image\[0\] must have shape \(1,\), True or False",
        ),
        ([[1]], TypeError, r"ignore_per_image\[0\] must hold bools, got dtype int64"),
        ([[None]], TypeError, r"ignore_per_image\[0\] must hold bools"),
    ],
)
def test_pad_targets_refuses(bad, kind, words):
    with pytest.raises(kind, match=f"^pad_targets: {words}"):
        yl.pad_targets([[(0.5, 0.5, 0.2, 0.3)]], [[1]], ignore_per_image=bad)


@on(
    ("bad", "kind", "words"),
    [
        (np.zeros((2, 5), int), TypeError, "targets.ignore must have a bool dtype, got int64"),
        (np.zeros((2, 4), bool), ValueError, r"targets.ignore must have shape \(2, 5\)"),
        ([[False] * 5] * 2, TypeError, "targets.ignore must be an array"),
    ],
)
@on("version", PLAIN)
def test_a_loss_refuses(version, bad, kind, words):
    case = PLAIN[version]
    with pytest.raises(kind, match=f"{version}.loss: {words}"):
        case.module.loss(case.raw, yl.Targets(*case.targets, bad), case.config)


# Beside the losses.


@on("slip", ["regions-lost", "regions-as-truths"])
@on("case", CASES, ids=lambda c: c.name)
def test_a_comparison_names_what_became_of_regions(case, slip):
    other = without(case.targets) if slip == "regions-lost" else case.targets._replace(ignore=None)
    labels = np.maximum(case.targets.labels, 0)
    mine = case.module.loss(case.raw, other._replace(labels=labels), case.config)
    targets = case.targets._replace(labels=labels)
    found = compare({"terms": mine}, case.raw, targets, case.config)
    assert slip in str(found)
    right = case.module.loss(case.raw, targets, case.config)
    assert "Everything that was handed in agrees" in str(
        compare({"terms": right}, case.raw, targets, case.config)
    )


def test_a_comparison_reads_regions_from_a_file(tmp_path):
    case = next(c for c in CASES if c.name == "v3-regions-prior")
    terms = case.module.loss(case.raw, case.targets, case.config)
    arrays = {f"raw.{s}": x for s, x in enumerate(case.raw)}
    arrays |= {f"targets.{k}": v for k, v in case.targets._asdict().items()}
    np.savez(tmp_path / "mine.npz", **arrays, **{"terms.noobj": terms.noobj})
    assert compare(tmp_path / "mine.npz", config=case.config).agrees


@on("case", [c for c in CASES if c.few], ids=lambda c: c.name)
def test_an_explanation_says_that_it_is_a_region(case):
    text = str(yl.explain(case.raw, case.targets, case.config, image=0, truth=0))
    alone = case.targets._replace(valid=np.eye(*case.targets.valid.shape, dtype=bool))
    hidden = heads_of(case.module.assign(case.raw, alone, case.config))
    there = heads_of(case.module.assign(case.raw, case.targets, case.config))
    count = sum((a.ignored[0] & b.ignored[0]).sum() for a, b in zip(hidden, there, strict=True))
    assert "It is a region (ignore is True)" in text
    assert f"have no objectness loss: {count}." in " ".join(text.split())


def test_a_picture_hatches_regions():
    from matplotlib import pyplot

    from yolo_losses import plot

    case = next(c for c in CASES if c.name == "v3-regions-prior")
    found = case.module.assign(case.raw, case.targets, case.config)
    figure, ax = pyplot.subplots()
    plot.assignment(found, case.config, 0, ax, targets=case.targets, num_classes=3)
    hatched = [patch for patch in ax.patches if patch.get_hatch()]
    assert len(hatched) == (case.targets.valid & case.targets.ignore)[0].sum()
    shown = plot.legend(figure, case.config, ("truth", "region"))
    assert [t.get_text().strip() for t in shown.get_texts()][:2] == [
        "truth",
        "region: nobody is responsible",
    ]
    pyplot.close(figure)


@on("program", ["ultralytics", "mmdetection", "tianxiaomo"])
def test_programs_that_know_no_regions_get_none(program):
    torch = pytest.importorskip("torch")
    module = importlib.import_module(f"yolo_losses.dialects.{program}")
    case = next(c for c in CASES if c.name == "v3-regions-prior")
    heads = [torch.tensor(x) for x in case.raw]
    anchors = tuple(tuple(ANCHORS[k] for k in mask) for mask in MASKS)
    options = module.Options(anchors, (16, 8))
    labels = np.maximum(case.targets.labels, 0)
    there, alone = (
        module.loss(heads, yl.Targets(*map(torch.tensor, t._replace(labels=labels))), options)
        for t in (case.targets, without(case.targets))
    )
    assert float(there.total) == float(alone.total)
