"""darknet's layers, boxes and suppression against what the programs left behind."""

from dataclasses import fields, replace
from functools import partial
from importlib import import_module

import numpy as np
import pytest

from conformance.backends import BACKENDS, MOST
from tests.support.mutants_darknet import MUTANTS
from tests.support.recorded import names, recorded
from yolo_losses.dialects import (
    alexeyab_v2,
    alexeyab_v4,
    darknet_boxes,
    darknet_nms,
    darknet_v1,
    darknet_v2,
    darknet_v3,
)

LAYERS = {
    "v1": "darknet_v1", "v2": "darknet_v2", "v2a": "alexeyab_v2", "v3": "darknet_v3",
    "v4": "alexeyab_v4",
}  # fmt: skip
FILES = [name for layer in LAYERS for name in names("darknet", f"{layer}_")]
SMALL = ["v1_11_softmax_locations", "v2_13_nonsquare", "v2a_01_few", "v3_13_nonsquare"]
SMALL += ["v4_23_thresh_kind_giou"]
MODULES = (darknet_v1, darknet_v2, alexeyab_v2, darknet_v3, alexeyab_v4)


def module_of(name, package="yolo_losses"):
    return import_module(f"{package}.dialects.{LAYERS[name.partition('_')[0]]}")


def options_of(name, module):
    """The options of a recorded case: its `cfg_*` keys."""
    keys = {field.name for field in fields(module.Options)}
    z = recorded("darknet", name)
    given = {k.removeprefix("cfg_"): v for k, v in z.items() if k.startswith("cfg_")}
    assert set(given) - keys == {"layer", "source"}
    return module.Options(**{k: v for k, v in given.items() if k in keys})


def inputs(name, dtype):
    z = recorded("darknet", name)
    raw = z["raw_nhwae"] if "raw_nhwae" in z else z["raw"]
    return raw.astype(dtype), z["gt"].astype(dtype)


def misses(name, out):
    """How far a result is from the record, in units of what is allowed."""
    z = recorded("darknet", name)
    delta, cost, raw_delta = out
    want = [z["delta_nhwae"] if "delta_nhwae" in z else z["delta"]]
    want.append(z.get("raw_delta_nhwae", want[0]))
    far = [
        np.abs(g - w).max() / np.abs(w).max() for g, w in zip((delta, raw_delta), want, strict=True)
    ]
    return max(*far, abs(cost / z["cost"] - 1)) / 1e-5


def check(name, backend, dtype):
    module, xp = module_of(name), BACKENDS[backend]()
    f = partial(module.deltas, options=options_of(name, module))
    with np.errstate(all="ignore"):
        out = xp.call(f, *inputs(name, dtype))
    assert misses(name, out) <= 1
    assert all(np.asarray(v).dtype == dtype for v in out)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("backend", MOST)
@pytest.mark.parametrize("name", FILES)
def test_layer_leaves_the_recorded_slopes_and_cost(name, backend, dtype):
    check(name, backend, dtype)


@pytest.mark.parametrize("backend", sorted({*BACKENDS} - {*MOST, "jax-eager"}))
@pytest.mark.parametrize("name", SMALL)
def test_layer_in_the_other_ways(name, backend):
    check(name, backend, np.float64)


def test_layer_one_operation_after_the_other():
    check("v3_13_nonsquare", "jax-eager", np.float64)


def test_every_recorded_file_is_used():
    others = {"boxes_pairs", *names("darknet", "nms_")}
    assert set(names("darknet")) == set(FILES) | others
    assert len(FILES) == 71


# Boxes.

PAIRS = ["iou", "giou", "diou", "ciou", "iou_pjreddie", "intersection", "union", "rmse"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("backend", MOST)
def test_functions_of_boxes(backend, dtype):
    z, xp = recorded("darknet", "boxes_pairs"), BACKENDS[backend]()
    a, b = (z[k].astype(dtype) for k in "ab")
    with np.errstate(all="ignore"):
        for name in PAIRS:
            got = xp.call(getattr(darknet_boxes, name), a, b)
            np.testing.assert_allclose(got, z[name], rtol=0, atol=1e-6, err_msg=name)
        got = xp.call(partial(darknet_boxes.diou_nms, beta=float(z["cfg_beta"])), a, b)
    np.testing.assert_allclose(got, z["diounms"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["iou", "giou", "diou", "ciou"])
@pytest.mark.parametrize("backend", MOST)
def test_slopes_of_boxes(backend, kind):
    """To the last digit or two in float32; small boxes lose some in the program."""
    z, xp = recorded("darknet", "boxes_pairs"), BACKENDS[backend]()
    want = z[f"grad_{kind}"]
    largest = np.nanmax(np.abs(want))
    for dtype, least in ((np.float32, 1e-6), (np.float64, 3e-5)):
        with np.errstate(all="ignore"):
            f = partial(darknet_boxes.slopes, kind)
            got = xp.call(f, *(z[k].astype(dtype) for k in "ab"))
        np.testing.assert_allclose(got, want, rtol=0, atol=least * largest)


# Suppression.


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("backend", MOST)
@pytest.mark.parametrize("name", names("darknet", "nms_"))
def test_suppression(name, backend, dtype):
    z = recorded("darknet", name)
    kind, thresh, beta = str(z["cfg_kind"]), float(z["cfg_thresh"]), float(z["cfg_beta"])
    f = partial(darknet_nms.nms, kind=kind, thresh=thresh, beta=beta)
    boxes = (z[k].astype(dtype) for k in ("boxes", "objectness", "prob"))
    objectness, prob = BACKENDS[backend]().call(f, *boxes)
    np.testing.assert_array_equal(objectness, z["objectness_out"].astype(dtype))
    np.testing.assert_array_equal(prob, z["prob_out"].astype(dtype))


def test_suppression_of_nothing():
    nothing = np.zeros((0, 4)), np.zeros(0), np.zeros((0, 3))
    for got, want in zip(darknet_nms.nms(*nothing), nothing[1:], strict=True):
        assert got.shape == want.shape


# Wrong on purpose.


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.file}: {m.why}")
def test_a_broken_rule_is_noticed(mutant, tmp_path):
    package = f"mutant_darknet_{MUTANTS.index(mutant)}"
    mutant.load(tmp_path, package)
    files = [name for name in FILES if name.partition("_")[0] in mutant.versions]
    with np.errstate(all="ignore"):
        assert any(_notices(name, package) for name in files), f"nobody notices: {mutant.why}"


def _notices(name, package):
    module = module_of(name, package)
    return not misses(name, module.deltas(*inputs(name, np.float32), options_of(name, module))) <= 1


# What a caller may get wrong, and what no record holds.

YOLO = {"anchors": ((10, 13), (16, 30), (33, 23)), "mask": (0, 1), "net_w": 64, "net_h": 64}


def yolo_case(module=darknet_v3, classes=3, truths=((0.3, 0.6, 0.2, 0.4, 1),), **options):
    rng = np.random.default_rng(3)
    raw = rng.normal(size=(1, 4, 4, 2, 5 + classes))
    region = {"anchors": ((0.6, 0.8), (1.0, 1.9))}
    given = region if module in (darknet_v2, alexeyab_v2) else YOLO
    return raw, np.array([truths], dtype=float), module.Options(**{**given, **options})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r, t, o: (r[..., 0], t, o), r"darknet_v3.deltas: raw must have shape"),
        (lambda r, t, o: (r, t[..., :4], o), r"truths must have shape \(1, M, 5\)"),
        (lambda r, t, o: (r, t.astype(int), o), r"truths must have a real floating dtype"),
        (lambda r, t, o: (r, t, alexeyab_v4.Options(**YOLO)), "options must be a darknet_v3.Opt"),
    ],
)
def test_bad_calls_are_named(change, message):
    with pytest.raises((ValueError, TypeError), match=message):
        darknet_v3.deltas(*change(*yolo_case()))


def test_options_that_contradict_the_arrays():
    raw, truths, options = yolo_case(classes=3, grid_w=5)
    with pytest.raises(ValueError, match="raw must have the grid_w of its options"):
        darknet_v3.deltas(raw, truths, options)


@pytest.mark.parametrize(
    ("module", "given", "message"),
    [
        (darknet_v1, {"coords": 5}, "coords must be 4"),
        (darknet_v1, {"forced": 1}, "num must be at least 2"),
        (darknet_v2, {"anchors": ((1, 0),)}, "anchors must be pairs"),
        (darknet_v2, {"softmax": 2}, "softmax must be 0 or 1"),
        (alexeyab_v2, {"focal_loss": 7}, "focal_loss must be 0 or 1"),
        (darknet_v3, {**YOLO, "mask": (0, 3)}, "masks must hold"),
        (darknet_v3, {**YOLO, "ignore_thresh": "0.5"}, "ignore_thresh must be a number"),
        (alexeyab_v4, {**YOLO, "iou_loss": "eiou"}, "iou_loss"),
        (alexeyab_v4, {**YOLO, "net_w": 0}, "net_w must be a whole number"),
    ],
)
def test_bad_options_are_named(module, given, message):
    with pytest.raises(ValueError, match=message):
        module.Options(**given)


@pytest.mark.parametrize("module", MODULES)
def test_options_are_plain_and_hashable(module):
    given = {"anchors": np.array([[1, 2.5]]), "mask": [0], "net_w": np.int64(32), "net_h": 32}
    names = {field.name for field in fields(module.Options)}
    options = module.Options(**{k: v for k, v in given.items() if k in names})
    assert hash(options) == hash(module.Options(**vars(options)))
    if "anchors" in names:
        assert options.anchors == ((1.0, 2.5),)


@pytest.mark.parametrize("backend", MOST)
@pytest.mark.parametrize("module", [darknet_v3, alexeyab_v4])
def test_no_truths(module, backend):
    raw, _, options = yolo_case(module)
    f = partial(module.deltas, options=options)
    delta, cost, _ = BACKENDS[backend]().call(f, raw, np.zeros((1, 0, 5)))
    sigma = 1 / (1 + np.exp(-raw[..., 4]))
    np.testing.assert_allclose(delta[..., 4], -sigma)
    np.testing.assert_allclose(cost, (sigma**2).sum())


def test_a_centre_on_the_right_edge_falls_into_the_next_row():
    """And one on the lower edge into the next anchor; behind the last one it is left out."""
    size = {"w": 16 / 64, "h": 30 / 64}  # of anchor 1
    for x, y, slot in ((1.0, 0.3, (2, 0, 1)), (0.3, 1.0, None)):
        raw, truths, options = yolo_case(truths=[(x, y, *size.values(), 0)])
        delta = darknet_v3.deltas(raw, truths, options).delta
        written = [tuple(map(int, k[1:])) for k in np.argwhere((delta[..., 5:] != 0).any(axis=-1))]
        assert written == ([slot] if slot else [])
    first = {"w": 10 / 64, "h": 13 / 64}  # of anchor 0
    raw, truths, options = yolo_case(truths=[(0.3, 1.0, *first.values(), 0)])
    delta = darknet_v3.deltas(raw, truths, options).delta
    assert np.argwhere((delta[..., 5:] != 0).any(axis=-1)).tolist() == [[0, 0, 1, 1]]


def test_a_class_that_does_not_exist():
    """AlexeyAB's layer skips the truth and reads on."""
    good = (0.3, 0.6, 0.2, 0.4, 1)
    raw, truths, options = yolo_case(alexeyab_v4, truths=[(0.6, 0.2, 0.2, 0.4, 9), good])
    alone = alexeyab_v4.deltas(raw, truths[:, 1:], options)
    np.testing.assert_array_equal(alexeyab_v4.deltas(raw, truths, options).delta, alone.delta)


@pytest.mark.parametrize("module", [darknet_v2, alexeyab_v2, darknet_v3, alexeyab_v4])
def test_so_many_truths_are_read_at_most(module):
    truths = [(0.1 * k, 0.6, 0.2, 0.4, 1) for k in (3, 5, 8)]
    raw, truths, options = yolo_case(module, truths=truths, max_boxes=2)
    two = module.deltas(raw, truths[:, :2], options)
    np.testing.assert_array_equal(module.deltas(raw, truths, options).delta, two.delta)
    three = module.deltas(raw, truths, replace(options, max_boxes=3))
    assert not np.array_equal(three.delta, two.delta)


def test_new_coords_take_probabilities():
    """A perfect prediction of probabilities has no slope but by objectness and classes."""
    raw = np.zeros((1, 4, 4, 2, 8))
    pw, ph = np.array([16, 30]) / 64
    raw[0, 2, 1, 1] = [0.2, 0.4, 0.5, 0.5, 1, 0, 1, 0]  # (2v)² = 1 anchor
    truths = np.array([[(1.2 / 4, 2.4 / 4, pw, ph, 1)]])
    options = alexeyab_v4.Options(**YOLO, new_coords=1, iou_loss="mse")
    assert np.abs(alexeyab_v4.deltas(raw, truths, options).delta[0, 2, 1, 1]).max() < 1e-12


def test_half_precision_is_computed_in_float32():
    raw, truths, options = yolo_case()
    out = darknet_v3.deltas(raw.astype(np.float16), truths.astype(np.float16), options)
    assert out.delta.dtype == np.float32
