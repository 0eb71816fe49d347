"""What the comparison is handed: rounding is no difference, and nothing is passed over in silence."""

import json
import os
import struct
import sys
import time
import zipfile
from dataclasses import replace

import numpy as np
import pytest

import yolo_losses as yl
from tests.test_crosscheck import planted, run, saved
from yolo_losses import data, testing
from yolo_losses.crosscheck import compare

COCO = yl.v3.Config.coco()


def batch(seed, n=1, k=2, t=6, dtype="float32", near=0.3):
    """Raw outputs at 416 × 416 and truths anywhere, some of them by the border of a cell."""
    rng = np.random.default_rng(seed)
    raw = [rng.normal(0, 0.8, (n, s, s, 3, 5 + k)).astype(dtype) for s in (13, 26, 52)]
    centres = rng.uniform(0.05, 0.95, (n, t, 2))
    border = np.round(centres * 52) / 52 + rng.normal(0, 3e-7, centres.shape)
    centres = np.where(rng.random(centres.shape) < near, border, centres)
    boxes = np.concatenate([centres, np.exp(rng.uniform(-3.5, -0.7, (n, t, 2)))], -1)
    labels = rng.integers(0, k, (n, t))
    return raw, yl.Targets(boxes.astype(dtype), labels, np.ones((n, t), bool))


def own(raw, targets, config=COCO):
    """The package's own numbers."""
    terms, grad = yl.v3.loss_and_grad(raw, targets, config)
    matches = yl.v3.assign(raw, targets, config)
    masks = {name: [getattr(m, name) for m in matches] for name in ("responsible", "ignored")}
    return {"terms": terms, "total": terms.total, "grad": grad, **masks}


# Rounding.


@pytest.mark.parametrize("block", range(4))
def test_float32_raises_no_alarm_near_borders(block):
    """200 right batches."""
    for seed in range(50 * block, 50 * block + 50):
        raw, targets = batch(seed)
        answer = compare(own(raw, targets), raw, targets, COCO, search=False)
        assert answer.agrees, f"{seed}: {answer}"


def test_another_rounding_of_the_cell_raises_no_alarm():
    """In float64 from inputs of float32: x·W is not rounded to float32."""
    for seed in range(30):
        raw, targets = batch(seed)
        exact = targets._replace(boxes=targets.boxes.astype(float))
        found = own([x.astype(float) for x in raw], exact)
        answer = compare(found, raw, targets, COCO, search=False)
        assert answer.agrees, f"{seed}: {answer}"


def test_an_error_of_1e_4_is_seen_in_float32():
    """Where every number hangs on a centre by a border, that is said at least."""
    seen = []
    for seed in range(40):
        raw, targets = batch(seed, near=0.0)
        found = own(raw, targets)
        terms = found["terms"]._replace(box=found["terms"].box * np.float32(1 + 1e-4))
        answer = compare({"terms": terms}, raw, targets, COCO, search=False)
        seen.append(not answer.agrees)
        assert seen[-1] or "could not" in str(answer), seed
    assert np.mean(seen) >= 0.9


@pytest.mark.parametrize("name", ["assign_iou_threshold", "ignore_threshold"])
def test_a_decision_within_rounding_is_not_judged(name):
    """A threshold between the overlap of float32 and that of float64."""
    raw, targets = batch(3)
    exact = targets._replace(boxes=targets.boxes.astype(float))
    config = replace(yl.v4.Config.coco(), ignore_by="shape", assign_iou_threshold=1.0)
    one = yl.v4.assign(raw, targets, config)[2]
    two = yl.v4.assign([x.astype(float) for x in raw], exact, config)[2]
    apart = np.where(one.mask, 0.0, np.abs(one.iou.astype(float) - two.iou))
    at = np.unravel_index(apart.argmax(), apart.shape)
    config = replace(config, **{name: (float(one.iou[at]) + float(two.iou[at])) / 2})
    terms, grad = yl.v4.loss_and_grad(raw, targets, config)
    matches = yl.v4.assign(raw, targets, config)
    masks = {k: [getattr(m, k) for m in matches] for k in ("responsible", "ignored")}
    found = {"terms": terms, "total": terms.total, "grad": grad, **masks}
    answer = compare(found, raw, targets, config, search=False)
    assert answer.agrees, str(answer)
    assert "could not" in str(answer)
    assert all(s.ulp < 1e4 for s in answer.stages if s.name != "gradient")


def tie():
    """A prior in a truth of four times its area: the IOU is ¼, exactly."""
    rng = np.random.default_rng(0)
    raw = [rng.normal(size=(3, s, s, 2, 12)) for s in (4, 8)]
    boxes = np.broadcast_to([3.5 / 8, 3.5 / 8, 0.25, 0.25], (3, 1, 4)).copy()
    targets = yl.Targets(boxes, np.array([[1], [2], [3]]), np.ones((3, 1), bool))
    config = yl.v3.Config(anchors=((16, 16), (8, 64), (32, 32), (64, 16)), masks=((2, 3), (0, 1)),
                          strides=(32, 16), ignore_threshold=0.25)  # fmt: skip
    return raw, targets, config


def test_an_exact_tie_is_decided():
    raw, targets, config = tie()
    assert compare(own(raw, targets, config), raw, targets, config).agrees
    not_strict = replace(config, ignore_threshold=float(np.nextafter(0.25, 0)))
    found = own(raw, targets, not_strict)
    assert sum(m.sum() for m in found["ignored"]) > 0
    for name in ("ignored", "terms", "total", "grad"):
        assert not compare({name: found[name]}, raw, targets, config, search=False).agrees, name


def test_errors_far_below_those_of_known_eps_are_seen_in_float64():
    found, raw, targets, config = planted("v4")
    values = {**found["terms"], "box": found["terms"]["box"] * (1 + 1e-11)}
    assert not compare({"terms": values}, raw, targets, config, search=False).agrees
    grads = [g.copy() for g in found["grad"]]
    rows = np.abs(grads[0][..., :4]).max(axis=-1)
    at = np.unravel_index(np.where(rows > 0, rows, np.inf).argmin(), rows.shape)
    grads[0][(*at, slice(0, 4))] *= 1 + 3e-8
    assert not compare({"grad": grads}, raw, targets, config, search=False).agrees


# NaN.


@pytest.mark.parametrize("name", ["boxes", "obj", "cls", "terms", "total", "grad"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_differs(name, value):
    found, raw, targets, config = planted("v3")
    if name == "terms":
        handed = {"terms.noobj": np.where(np.eye(5, 3) > 0, value, found["terms"]["noobj"])}
    elif name == "total":
        handed = {"total": np.where(np.arange(5) == 2, value, found["total"])}
    else:
        heads = [x.copy() for x in found[name]]
        heads[1].flat[7] = value
        handed = {name: heads}
    answer = compare(handed, raw, targets, config)
    assert not answer.agrees
    assert answer.explanations == []
    assert "finite" in str(answer)


# Names.

UNKNOWN = {
    "grads": "did you mean 'grad'", "terms.bbox": "did you mean 'terms.box'",
    "totals": "did you mean 'total'", "targets.box": "did you mean 'targets.boxes'",
    "raw.x": "unknown names", 5: "must be strings",
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_name_is_refused(name):
    found, *rest = planted("v3")
    with pytest.raises(ValueError, match=UNKNOWN[name]):
        compare({"total": found["total"], name: found["total"]}, *rest)


def test_an_unknown_name_in_a_file_is_refused(tmp_path):
    done = run(saved(tmp_path, totals=np.zeros(5))[0])
    assert done.exit_code == 2
    assert "'totals'" in done.stderr


def test_results_twice_are_refused():
    found, *rest = planted("v3")
    with pytest.raises(ValueError, match="grad is handed in twice"):
        compare({"grad": found["grad"], "grad.0": found["grad"][0]}, *rest)
    with pytest.raises(ValueError, match=r"terms\.box is handed in twice"):
        compare({"terms": found["terms"], "terms.box": found["terms"]["box"]}, *rest)


@pytest.mark.parametrize("version", ["v4", "yolo"])
def test_a_version_that_is_not_the_configs_is_refused(version):
    found, *rest = planted("v3")
    with pytest.raises(ValueError, match="version"):
        compare({"total": found["total"]}, *rest, version=version)
    with pytest.raises(ValueError, match="version"):
        compare({"total": found["total"], "version": version}, *rest)


def test_a_version_that_is_not_the_files_is_refused(tmp_path):
    path, _ = saved(tmp_path)
    done = run(path, "--version", "v4", "--preset", "coco")
    assert done.exit_code == 2
    assert "v3" in done.stderr


@pytest.mark.parametrize("top", [2, 255])
def test_masks_are_0_and_1(top):
    found, *rest = planted("v3")
    masks = [x.astype(np.uint8) for x in found["responsible"]]
    assert compare({"responsible": masks}, *rest).agrees
    with pytest.raises(ValueError, match=f"mask of 0 and 1.*{top}"):
        compare({"responsible": [x * np.uint8(top) for x in masks]}, *rest)


@pytest.mark.parametrize("name", ["responsible", "obj", "boxes", "grad"])
@pytest.mark.parametrize("version", ["v1", "v3"])
def test_nested_lists_one_a_head(name, version):
    found, *rest = planted(version)
    assert compare({name: [x.tolist() for x in found[name]]}, *rest, search=False).agrees


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_nested_lists_in_assert_conforms(version):
    module = getattr(yl, version)
    for case in testing.cases(version, "decode")[:5]:
        found = module.decode(case.raw, case.config)
        found = found if isinstance(case.raw, tuple | list) else (found,)
        nested = {k: [getattr(d, k).tolist() for d in found] for k in ("boxes", "obj", "cls")}
        testing.assert_conforms(case, nested)
    for case in testing.cases(version, "assign")[:5]:
        found = module.assign(case.raw, case.targets, case.config)
        found = found if isinstance(case.raw, tuple | list) else (found,)
        testing.assert_conforms(case, {"responsible": [m.responsible.tolist() for m in found]})


def test_the_shape_of_iou_is_that_of_the_version():
    for version in ("v1", "v2", "v3", "v4"):
        _, raw, targets, config = planted(version)
        found = getattr(yl, version).assign(raw, targets, config)
        found = found if version in ("v3", "v4") else (found,)
        iou = [m.iou for m in found]
        assert compare({"iou": iou}, raw, targets, config, search=False).agrees
        with pytest.raises(ValueError, match="must have shape"):
            compare({"iou": [x[:, :-1] for x in iou]}, raw, targets, config)


# Callables.


def test_a_callable_cannot_change_what_is_compared():
    _, raw, targets, config = planted("v3")

    def in_place(heads, truths, config):
        for x in heads:
            x *= 0
        truths.valid[:] = False
        return yl.v3.loss(heads, truths, config)

    assert not compare(in_place, raw, targets, config, search=False).agrees


def test_a_callable_that_returns_nothing_is_told_so():
    _, *rest = planted("v3")
    with pytest.raises(ValueError, match="returned None"):
        compare(lambda *_: None, *rest)
    with pytest.raises(ValueError, match="unknown names: 'loss'"):
        compare(lambda *_: {"loss": 1.0}, *rest)


# Files.


def refused(path, *words, args=()):
    """One line, exit code 2."""
    start = time.monotonic()
    done = run(path, *args)
    assert done.exit_code == 2, done.output
    assert len(done.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in done.stderr
    assert time.monotonic() - start < 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes that have names")
def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    refused(tmp_path / "pipe.npz", "not a regular file")
    refused("/dev/zero", "not a regular file")
    refused(tmp_path, "directory")


DEEP = {
    "list": "[" * 100_000 + "]" * 100_000,
    "anchors": '{"anchors":' + "[" * 5000 + "]" * 5000 + "}",
    "a little": '{"anchors":' + "[" * 600 + "]" * 600 + "}",
}


@pytest.mark.parametrize("name", DEEP)
def test_a_config_that_is_deep_is_refused(tmp_path, name):
    refused(saved(tmp_path, config=np.array(DEEP[name]))[0])


def test_a_config_with_a_key_twice_is_refused(tmp_path):
    _, arrays = saved(tmp_path)
    text = str(arrays["config"])[:-1] + ', "lambda_coord": 99}'
    refused(saved(tmp_path, config=np.array(text))[0], "'lambda_coord' twice")


def member(shape, body=b""):
    """An .npy file that says it has a shape."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


MEMBERS = {
    "80 TB": ([("total.npy", member("(10000000000000,)", b"\0" * 64))], "shape"),
    "a negative size": ([("total.npy", member("(-8,)", b"\0" * 64))], "shape"),
    "more than it says": ([("total.npy", member("(5,)", b"\0" * 64))], "shape"),
    "a name twice": ([("total.npy", member("(5,)", b"\0" * 40))] * 2, "total is there twice"),
    "an unknown name": ([("../x.npy", member("(5,)", b"\0" * 40))], "unknown names"),
    "an unknown format": ([("total.npy", b"\x93NUMPY\x09\x00")], "version"),
    "no array": ([("total.npy", b"hello")], "no array"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", MEMBERS)
def test_members_that_lie_are_refused(tmp_path, name):
    members, word = MEMBERS[name]
    path, _ = saved(tmp_path)
    with zipfile.ZipFile(path, "a") as file:
        for entry in members:
            file.writestr(*entry)
    refused(path, word)


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "much.npz", total=np.zeros(10_000))
    assert (tmp_path / "much.npz").stat().st_size < 1000
    with pytest.raises(ValueError, match="the limit is 1000"):
        data.npz_headers(tmp_path / "much.npz", limit=1000)
    assert data.npz_headers(tmp_path / "much.npz") == {"total": ((10_000,), np.dtype(float))}


def test_results_far_larger_than_the_inputs_are_not_unpacked(tmp_path):
    _, arrays = saved(tmp_path)
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, **{**arrays, "total": np.zeros(2**24)})
    refused(path, "total holds 134217728 bytes")


def test_a_name_twice_in_safetensors_is_refused(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    numpy.save_file({"total": np.zeros(5)}, tmp_path / "x.safetensors")
    stored = (tmp_path / "x.safetensors").read_bytes()
    size = struct.unpack("<Q", stored[:8])[0]
    header = json.loads(stored[8 : 8 + size])
    twice = (json.dumps(header)[:-1] + f', "total": {json.dumps(header["total"])}}}').encode()
    path = tmp_path / "twice.safetensors"
    path.write_bytes(struct.pack("<Q", len(twice)) + twice + stored[8 + size :])
    refused(path, "'total' twice")


def test_libraries_that_are_missing_are_named(tmp_path, monkeypatch):
    (tmp_path / "x.safetensors").write_bytes(b"\0" * 16)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    refused(tmp_path / "x.safetensors", "pip install 'yolo-losses[compare]'")
    path, _ = saved(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = run(path, "--picture", tmp_path / "x.png")
    assert done.exit_code == 2
    assert "the picture needs matplotlib: pip install 'yolo-losses[plot]'" in done.stderr


def test_no_picture_where_nothing_has_a_place(tmp_path):
    path, arrays = saved(tmp_path)
    path, _ = saved(tmp_path, **{"terms.box": arrays["terms.box"] * 0.75})
    done = run(path, "--no-search", "--picture", tmp_path / "errors.png")
    assert done.exit_code == 1
    assert "no picture" in done.stderr
    assert "box        DIFFERS" in done.output


# The text and the time.


def test_the_text_says_what_the_input_hides():
    raw, targets = batch(0, n=2, k=1, dtype="float64")
    found = own(raw, targets)
    text = str(compare({"total": found["total"] / 2}, raw, targets, COCO))
    for words in ("two images", "one class", "all λ = 1", "square grids", "no rows that only fill"):
        assert words in text


def test_the_search_keeps_its_time_at_the_size_of_training():
    """Two images at 416 × 416, 80 classes, 20 truths, and nothing explains the numbers."""
    raw, targets = batch(0, n=2, k=80, t=20)
    found = own(raw, targets)
    rng = np.random.default_rng(1)
    noise = [g * rng.uniform(0.9, 1.1, g.shape).astype(g.dtype) for g in found["grad"]]
    start = time.monotonic()
    answer = compare({**found, "grad": noise}, raw, targets, COCO, seconds=20)
    assert time.monotonic() - start < 60
    assert answer.difference.stage == "gradient"
    assert answer.explanations == []
