"""Programs with a loss against their recorded values, gradients and targets."""

from dataclasses import fields, replace
from functools import cache, partial

import numpy as np
import pytest

from conformance.backends import BACKENDS, tree_map
from tests.support.mutants_losses import MUTANTS
from tests.support.programs import NAMES, aladdin_cells, case
from tests.support.recorded import meta, names, recorded
from yolo_losses import Targets
from yolo_losses.dialects import (
    abeardear_v1,
    aladdinpersson_v1,
    aladdinpersson_v3,
    hunglc007,
    katacv,
    mmdetection,
    tianxiaomo,
    ultralytics,
    uvipen_v2,
)

MODULES = (
    abeardear_v1, aladdinpersson_v1, uvipen_v2, mmdetection, ultralytics, aladdinpersson_v3,
    tianxiaomo, hunglc007, katacv,
)  # fmt: skip
FIRST = {case(name).module: name for name in reversed(NAMES)}  # of each module


def exact(name):
    """What a recorded case allows: float32 ones were computed so."""
    return 1e-5 if meta(name)["dtype"] == "float32" else 1e-9


def grads_of(backend, c, module):
    """The library's own gradient of the total."""
    xp, options = BACKENDS[backend](), c.build(module)
    targets = xp.tree(c.targets)
    raw = tree_map(lambda x: x.astype(np.float64), c.raw)
    return xp.grad(lambda r: module.loss(c.argument(r), targets, options).total, raw)


def far(got, want):
    """The largest error, of the largest entry."""
    return max(np.abs(g - w).max() / np.abs(w).max() for g, w in zip(got, want, strict=True))


def values_of(out):
    """All components as one row, as the records have them."""
    return np.concatenate([np.ravel(v) for v in out.components.values()])


def check_values(c, out, rtol):
    np.testing.assert_allclose(out.total, c.total, rtol=rtol)
    got, want = values_of(out), np.ravel(c.components)
    if want.size:
        np.testing.assert_allclose(got, want[: got.size], rtol=rtol, atol=rtol * abs(c.total))


@pytest.mark.parametrize("name", NAMES)
def test_values_on_numpy(name):
    c = case(name)
    module, raw = c.load(), [x.astype(float) for x in c.raw]
    check_values(c, module.loss(c.argument(raw), c.targets, c.build(module)), exact(name))


@pytest.mark.parametrize("backend", ["torch", "jax"])
@pytest.mark.parametrize("name", NAMES)
def test_gradients(name, backend):
    c = case(name)
    assert far(grads_of(backend, c, c.load()), c.grads) <= exact(name)


@pytest.mark.parametrize("backend", ["numpy-readonly", "array-api-strict", "torch", "jax", "cupy"])
@pytest.mark.parametrize("name", FIRST.values())
def test_values_on_every_library(name, backend):
    c, xp = case(name), BACKENDS[backend]()
    module = c.load()
    options = c.build(module)
    raw = [x.astype(np.float64) for x in c.raw]

    def loss(raw, targets):
        out = module.loss(c.argument(raw), targets, options)
        return (out.total, *out.components.values())

    total, *parts = xp.call(loss, raw, c.targets)
    np.testing.assert_allclose(total, c.total, rtol=exact(name))
    assert parts


@pytest.mark.parametrize("name", FIRST.values())
def test_float32(name):
    c = case(name)
    module, raw = c.load(), [x.astype(np.float32) for x in c.raw]
    targets = c.targets._replace(boxes=c.targets.boxes.astype(np.float32))
    out = module.loss(c.argument(raw), targets, c.build(module))
    assert out.total.dtype == np.float32
    np.testing.assert_allclose(out.total, c.total, rtol=1e-4)


def test_every_recorded_loss_is_used():
    assert set(names("pytorch")) == set(NAMES) | set(names("pytorch", "iou__"))
    assert len(NAMES) == 58


# What is assigned.


def of(prefix):
    return [name for name in NAMES if name.startswith(prefix)]


def planes(z, key, head, a):
    """(N, A, …, H·W) or (N, A, H, W, …) → (N, H, W, A, …)."""
    return np.moveaxis(z[f"{key}{head}"], 1, 3)


@pytest.mark.parametrize("name", [n for n in NAMES if case(n).module == "ultralytics"])
def test_rows_of_the_family(name):
    """In the program's order: neighbour, anchor, truth."""
    c, z = case(name), recorded("pytorch", name)
    options = c.build(ultralytics)
    for s, x in enumerate(c.raw):
        found = ultralytics.assign(x, c.targets, options, s)
        n, r = found.keep.shape
        image = np.broadcast_to(np.arange(n)[:, None], (n, r))
        rows = np.stack([image, found.anchor, found.row, found.col], axis=-1)
        for k in range(n):
            own = z[f"idx{s}"][:, 0] == k
            np.testing.assert_array_equal(rows[k][found.keep[k]], z[f"idx{s}"][own])
            np.testing.assert_allclose(found.box[k][found.keep[k]], z[f"tbox{s}"][own], atol=1e-9)
            np.testing.assert_array_equal(found.label[k][found.keep[k]], z[f"tcls{s}"][own])


@pytest.mark.parametrize("name", of("mmdet"))
def test_targets_of_mmdetection(name):
    c, z = case(name), recorded("pytorch", name)
    for s, found in enumerate(mmdetection.assign(c.raw, c.targets, c.build(mmdetection))):
        target, negative = (
            v.reshape(z[f"{k}{s}"].shape) for k, v in zip(("target", "neg"), found, strict=True)
        )
        np.testing.assert_allclose(target, z[f"target{s}"], atol=1e-12)
        np.testing.assert_array_equal(negative, z[f"neg{s}"] > 0)


@pytest.mark.parametrize("name", of("tianxiaomo"))
def test_targets_of_tianxiaomo(name):
    c, z = case(name), recorded("pytorch", name)
    for s, x in enumerate(c.raw):
        found = tianxiaomo.assign(x, c.targets, c.build(tianxiaomo), s)
        for key in ("obj_mask", "pos_mask"):
            np.testing.assert_array_equal(found[key], np.moveaxis(z[f"{key}{s}"], 1, 3) > 0)
        want = np.moveaxis(z[f"target{s}"], 1, 3) * found["pos_mask"][..., None]
        np.testing.assert_allclose(found["target"], want, atol=1e-12)


@pytest.mark.parametrize("name", of("uvipen"))
def test_targets_of_uvipen(name):
    c, z = case(name), recorded("pytorch", name)
    n, h, w, a, _ = c.raw[0].shape
    for key, got in uvipen_v2.assign(c.raw[0], c.targets, c.build(uvipen_v2)).items():
        want = np.moveaxis(z[key].reshape(n, a, -1, h, w), (1, 2), (3, 4)).reshape(got.shape)
        np.testing.assert_allclose(got, want, atol=1e-12, err_msg=key)


@pytest.mark.parametrize("name", [*of("abeardear"), *of("aladdin_yolov1")])
def test_cells_of_v1(name):
    c = case(name)
    module, want = c.load(), recorded("pytorch", name)["target"]
    if module is aladdinpersson_v1:
        want = aladdin_cells(want)
    found = module.encode(c.raw[0], c.targets, c.build(module))
    np.testing.assert_allclose(found.box[..., 0, :], want[..., :4], atol=1e-12)
    np.testing.assert_array_equal(found.obj[..., 0], want[..., 4])
    np.testing.assert_array_equal(found.cls, want[..., 10:])


@pytest.mark.parametrize("name", of("aladdin_yolov3"))
def test_targets_of_aladdinpersson_v3(name):
    c = case(name)
    found = aladdinpersson_v3.assign(c.raw[0], c.targets, c.build(aladdinpersson_v3), 0)
    want = np.moveaxis(recorded("pytorch", name)["target"], 1, 3)
    np.testing.assert_allclose(found, want, atol=1e-12)


@pytest.mark.parametrize("name", of("hunglc007"))
def test_targets_of_hunglc007(name):
    c, z = case(name), recorded("pytorch", name)
    for s, found in enumerate(hunglc007.assign(c.raw, c.targets, c.build(hunglc007))):
        np.testing.assert_allclose(found["label"], z[f"label{s}"], rtol=1e-6, atol=1e-6)
        got, want = (
            np.sort(v.sum(axis=-1), axis=1)[:, ::-1] for v in (found["bboxes"], z[f"bboxes{s}"])
        )
        np.testing.assert_allclose(got, want[:, : got.shape[1]], rtol=1e-6)


def test_autobalance_moves_the_weights():
    """Towards what makes all heads weigh alike, with stride 16 at 1."""
    c = case("ultralytics_yolov3__base_101")
    options = c.build(ultralytics)
    moved = ultralytics.balanced(options, [0.5, 1.0, 2.0])
    want = np.array([4 * 0.9999 + 0.0002, 0.9999 + 0.0001, 0.4 * 0.9999 + 0.00005])
    np.testing.assert_allclose(moved.balance, want / want[1])
    assert options.balance == (4.0, 1.0, 0.4)


# Wrong on purpose.


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.file}: {m.why}")
def test_a_broken_rule_is_noticed(mutant, tmp_path):
    package = f"mutant_losses_{MUTANTS.index(mutant)}"
    mutant.load(tmp_path, package)
    cases = [case(name) for name in NAMES if case(name).module in mutant.versions]
    with np.errstate(all="ignore"):
        assert any(_notices(c, package) for c in cases), f"nobody notices: {mutant.why}"


def _notices(c, package):
    module, limit = c.load(package), exact(c.name)
    raw = [x.astype(float) for x in c.raw]
    total = module.loss(c.argument(raw), c.targets, c.build(module)).total
    if not abs(total / c.total - 1) <= limit:
        return True
    return not far(grads_of("torch", c, module), c.grads) <= limit


# What a caller may get wrong.


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.rpartition(".")[2])
def test_calls_that_do_not_fit(module):
    name = module.__name__.rpartition(".")[2]
    c = case(FIRST[name])
    options, raw = c.build(module), c.argument(c.raw)
    with pytest.raises(TypeError, match=f"{name}.loss: options must be a {name}.Options"):
        module.loss(raw, c.targets, "yolo")
    with pytest.raises((ValueError, TypeError), match=f"{name}.loss: "):
        module.loss(c.argument([x[..., :5] for x in c.raw]), c.targets, options)
    with pytest.raises(ValueError, match=r"targets.labels must have shape"):
        module.loss(raw, c.targets._replace(labels=c.targets.labels[:, :-1]), options)
    assert hash(options) == hash(replace(options))
    assert all(isinstance(getattr(options, f.name), object) for f in fields(options))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(ultralytics.Options, [[(1, 0)]], [8]), "anchors must be pairs"),
        (partial(ultralytics.Options, [[(1, 2)]], [8, 16]), "strides must hold one number"),
        (partial(ultralytics.Options, [[(1, 2)]], [8], "yolox"), "program"),
        (partial(katacv.Options, [[(1, 2)]], [8], "yolov6"), "version"),
        (partial(mmdetection.Options, [[(1, 2)]], [8], pos_iou_thr="x"), "pos_iou_thr must be a"),
        (partial(uvipen_v2.Options, ((0, 1),)), "anchors must be pairs"),
        (partial(abeardear_v1.Options, 0), "B must be a whole number"),
    ],
)
def test_bad_options_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@cache
def nothing(n):
    return Targets(np.zeros((n, 0, 4)), np.zeros((n, 0), int), np.zeros((n, 0), bool))


@pytest.mark.parametrize("name", [n for k, n in FIRST.items() if k != "aladdinpersson_v3"])
def test_no_truths(name):
    c = case(name)
    module, n = c.load(), len(c.raw[0])
    out = module.loss(c.argument([x.astype(float) for x in c.raw]), nothing(n), c.build(module))
    assert np.isfinite(out.total)
    got = module.loss(
        c.argument([x.astype(float) for x in c.raw]),
        c.targets._replace(valid=np.zeros_like(c.targets.valid)), c.build(module),
    )  # fmt: skip
    np.testing.assert_allclose(got.total, out.total, rtol=1e-12)
