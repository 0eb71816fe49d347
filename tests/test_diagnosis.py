"""diagnose: counts and means of a batch, on every library, never 0/0."""

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import MOST, leaves, tree_map
from conformance.oracle import diagnosis
from conformance.oracle.rounding import PRECISION
from tests.support.cases import CASES, FEW, PLAIN, ids
from tests.support.expected import expected, image

on = pytest.mark.parametrize
COUNTS = ("positives", "others", "ignored", "collisions", "invalid", "unassigned")
MEANS = ("iou", "recall_50", "recall_75", "obj", "noobj", "cls")
NAN = float("nan")


def wanted(case):
    """The oracle's answer: a dict of (N, S), for invalid and unassigned (N,)."""
    found = [
        diagnosis.diagnose(result, image(case, n)[1], case.num_classes, PRECISION["float64"])
        for n, result in enumerate(expected(case).results)
    ]
    table = {
        k: np.array([[getattr(d, k) for d in heads] for heads in found]) for k in (*COUNTS, *MEANS)
    }
    return {**table, "invalid": table["invalid"][:, 0], "unassigned": table["unassigned"][:, 0]}


def assert_diagnosis(got, want, rtol=1e-10):
    for name in COUNTS:
        np.testing.assert_array_equal(getattr(got, name), want[name], err_msg=name)
    for name in MEANS:
        np.testing.assert_allclose(
            getattr(got, name), want[name], rtol=rtol, atol=1e-14, err_msg=name
        )


@on("case", CASES, ids=ids)
def test_the_oracle_says_the_same(case):
    assert_diagnosis(case.module.diagnose(case.raw, case.targets, case.config), wanted(case))


@on("case", FEW, ids=ids)
@on("xp", [*MOST, "torch-compiled", "dask"], indirect=True)
def test_on_every_library(case, xp):
    got = xp.call(lambda r, t: case.module.diagnose(r, t, case.config), case.raw, case.targets)
    assert_diagnosis(yl.Diagnosis(*got), wanted(case))


@on("xp", ["jax-eager"], indirect=True)
def test_one_operation_after_the_other(xp):
    test_on_every_library(PLAIN["v3"], xp)


@on("case", FEW, ids=ids)
@on("xp", ["numpy", "torch", "torch-lent", "jax"], indirect=True)
def test_in_one_with_the_loss(case, xp, numpy):
    """Bit for bit what the two functions say; where it is compiled, what they say on NumPy."""
    alone, rtol = (numpy, 1e-12) if xp.traced else (xp, 0)

    def call(xp, f):
        return xp.call(lambda r, t: f(r, t, case.config), case.raw, case.targets)

    *answer, found = call(xp, case.module.loss_grad_diagnosis)
    want = call(alone, case.module.loss_and_grad)
    for a, b in zip(leaves(want), leaves(answer), strict=True):
        np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol)
    for a, b in zip(leaves(call(alone, case.module.diagnose)), leaves(found), strict=True):
        np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol)


@on("version", PLAIN)
def test_in_one_with_the_loss_in_a_workspace(version):
    case = PLAIN[version]
    work = case.module.workspace(case.raw)
    for targets in (case.targets, yl.Targets(*(v[::-1] for v in case.targets)), case.targets):
        answer = case.module.loss_grad_diagnosis(case.raw, targets, case.config, work=work)
        alone = case.module.loss_and_grad(case.raw, targets, case.config)
        for a, b in zip(leaves(alone), leaves(answer[:2]), strict=True):
            np.testing.assert_array_equal(a, b)


@on("version", PLAIN)
@on("shape", [(2, 0), (0, 5), (0, 0)], ids=["no truths", "no images", "neither"])
@on("xp", MOST, indirect=True)
def test_nothing_there(version, shape, xp):
    case, (n, t) = PLAIN[version], shape
    raw, targets = (
        tree_map(lambda v: v[:n], case.raw),
        yl.Targets(*(v[:n, :t] for v in case.targets)),
    )
    got = xp.call(lambda r, t: case.module.diagnose(r, t, case.config), raw, targets)
    for name in ("positives", "iou", "recall_50", "recall_75", "obj", "cls"):
        assert not getattr(got, name).any(), name
    assert got.noobj.shape == (n, len(case.heads))
    assert ((got.noobj > 0) & (got.noobj < 1)).all()
    merged = got.merged()
    assert all(v.shape == () and np.isfinite(v) for v in merged)
    assert "nan" not in got.line()


@on("version", PLAIN)
def test_a_batch_merged_is_the_mean_over_its_predictors(version):
    case = PLAIN[version]
    found = case.module.diagnose(case.raw, case.targets, case.config)
    merged = found.merged()
    for name in ("positives", "others", "ignored", "collisions", "invalid", "unassigned"):
        assert getattr(merged, name) == getattr(found, name).sum()
    for name in MEANS:
        by = found.others if name == "noobj" else found.positives
        want = np.average(getattr(found, name), weights=by)
        np.testing.assert_allclose(getattr(merged, name), want, rtol=1e-14)
    parts = [
        case.module.diagnose(
            tree_map(lambda v, n=n: v[n : n + 1], case.raw),
            yl.Targets(*(v[n : n + 1] for v in case.targets)),
            case.config,
        )
        for n in range(2)
    ]
    for name in found._fields:
        both = np.concatenate([getattr(p, name) for p in parts])
        np.testing.assert_allclose(both, getattr(found, name), rtol=1e-14)


@on("version", PLAIN)
def test_one_line(version):
    """As darknet prints it: words, four digits, the count."""
    case = PLAIN[version]
    found = case.module.diagnose(case.raw, case.targets, case.config)
    merged = found.merged()
    line = found.line()
    assert line.startswith(f"IOU {float(merged.iou):.4f}, class {float(merged.cls):.4f}, obj ")
    assert line.endswith(f"count {int(merged.positives)}")


def test_perfect_predictions():
    """v2, a box that meets its truth: everything is 1."""
    config = yl.v2.Config(anchors=[(16, 16)], stride=16)
    raw = np.full((1, 2, 2, 1, 7), -40.0)
    raw[0, 0, 1, 0] = [0, 0, 0, 0, 40, 40, -40]  # the prior, on the middle of its cell
    targets = yl.pad_targets([[(0.75, 0.25, 0.5, 0.5)]], [[0]])
    found = yl.v2.diagnose(raw, targets, config)
    for name in ("positives", "iou", "recall_50", "recall_75", "obj", "cls"):
        np.testing.assert_array_equal(getattr(found, name), [[1]], err_msg=name)
    assert found.noobj < 1e-15
    assert found.others == 3


def test_recall_is_strict():
    """A box of half the truth: an IOU of exactly ½ is not above it."""
    config = yl.v2.Config(anchors=[(16, 8)], stride=16)
    raw = np.zeros((1, 2, 2, 1, 7))
    targets = yl.pad_targets([[(0.75, 0.25, 0.5, 0.5)]], [[0]])
    found = yl.v2.diagnose(raw, targets, config)
    assert (found.iou, found.recall_50, found.recall_75) == (0.5, 0, 0)
    assert found.obj == 0.5
    assert found.noobj == 0.5
    assert found.cls == 0.5


@on("version", PLAIN)
def test_a_nan_stays_in_its_image(version):
    case = PLAIN[version]
    raw = tree_map(np.copy, case.raw)
    for head in raw if isinstance(raw, tuple) else (raw,):
        head[0] = NAN
    found = case.module.diagnose(raw, case.targets, case.config)
    alone = case.module.diagnose(case.raw, case.targets, case.config)
    assert np.isnan(found.noobj[0]).all()
    held = found.positives[0] > 0
    assert held.any()
    for name in MEANS:
        assert np.isnan(getattr(found, name)[0][held]).all(), name
    for name in MEANS:
        np.testing.assert_array_equal(getattr(found, name)[1:], getattr(alone, name)[1:])


@on("version", PLAIN)
def test_one_image_after_the_other_of_a_mapped_batch(version):
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    case = PLAIN[version]
    want = case.module.diagnose(case.raw, case.targets, case.config)

    def one(raw, targets):
        raw, targets = tree_map(lambda v: v[None], (raw, tuple(targets)))
        return case.module.diagnose(raw, yl.Targets(*targets), case.config)

    raw, targets = tree_map(torch.tensor, case.raw), yl.Targets(*map(torch.tensor, case.targets))
    for got, w in zip(torch.func.vmap(one)(raw, targets), want, strict=True):
        np.testing.assert_allclose(got[:, 0], w, rtol=1e-12)
    jax.config.update("jax_enable_x64", True)
    raw, targets = tree_map(jax.numpy.asarray, (case.raw, case.targets))
    for got, w in zip(jax.jit(jax.vmap(one))(raw, targets), want, strict=True):
        np.testing.assert_allclose(got[:, 0], w, rtol=1e-12)


@on("version", PLAIN)
@on("dtype", ["float16", "float32"])
def test_precision(version, dtype):
    """Half precision is computed in float32, as in the loss."""
    case = PLAIN[version]
    low = tree_map(lambda v: v.astype(dtype), case.raw)
    found = case.module.diagnose(low, case.targets, case.config)
    same = case.module.diagnose(
        tree_map(lambda v: v.astype("float32"), low), case.targets, case.config
    )
    for a, b in zip(found, same, strict=True):
        np.testing.assert_array_equal(a, b)
    assert {getattr(found, name).dtype for name in MEANS} == {np.dtype("float32")}


@on("version", PLAIN)
def test_constants_for_automatic_differentiation(version):
    torch = pytest.importorskip("torch")
    case = PLAIN[version]
    raw = tree_map(lambda v: torch.tensor(v, requires_grad=True), case.raw)
    targets = yl.Targets(*map(torch.tensor, case.targets))
    assert not any(v.requires_grad for v in case.module.diagnose(raw, targets, case.config))
    found = case.module.loss_grad_diagnosis(raw, targets, case.config)[2]
    assert not any(v.requires_grad for v in found)


@on("version", PLAIN)
@on("name", ["diagnose", "loss_grad_diagnosis"])
def test_errors_speak_of_the_call(version, name):
    case = PLAIN[version]
    with pytest.raises(TypeError, match=f"^{version}.{name}: config must be"):
        getattr(case.module, name)(case.raw, case.targets, None)
    bad = case.targets._replace(labels=case.targets.labels[:, :-1])
    with pytest.raises(ValueError, match=f"^{version}.{name}: targets.labels must have shape"):
        getattr(case.module, name)(case.raw, bad, case.config)


@on("version", ["v3", "v4"])
def test_many_truths_some_rows_at_a_time(version):
    """More rows than a step takes: the same as of every half of the classes' truths."""
    rng = np.random.default_rng(0)
    config = getattr(yl, version).Config(
        ((8, 8),), ((0,),), (8,), *(((1.0,),) if version == "v4" else ())
    )
    raw = (rng.normal(size=(1, 64, 64, 1, 35)),)
    rows, cols = np.mgrid[:64, :64]
    xy = np.stack([cols + 0.3, rows + 0.6], axis=-1).reshape(1, -1, 2) / 64
    boxes = np.concatenate([xy, np.full_like(xy, 1 / 64)], axis=-1)
    labels = rng.integers(0, 30, size=(1, 4096))
    found = getattr(yl, version).diagnose(raw, yl.Targets(boxes, labels, labels >= 0), config)
    obj = 1 / (1 + np.exp(-raw[0][..., 4]))
    p = 1 / (1 + np.exp(-raw[0][..., 5:]))
    own = np.take_along_axis(p.reshape(1, 4096, 30), labels[..., None], axis=-1)
    assert found.positives == 4096
    np.testing.assert_allclose(found.obj, [[obj.mean()]], rtol=1e-12)
    np.testing.assert_allclose(found.cls, [[own.mean()]], rtol=1e-12)
    assert found.noobj == 0
