"""The command line: what it prints and saves, and how it fails."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import yolo_losses as yl
from yolo_losses.demo import libraries
from yolo_losses.demo.photographs import LABELS
from yolo_losses.demo.versions import Case, cases, random_raw
from yolo_losses.explain.page import columns

pytest.importorskip("click")
pytest.importorskip("rich")

from click.testing import CliRunner

from yolo_losses.cli import main

CONFIGS = {
    "v1": yl.v1.Config.voc(),
    "v2": yl.v2.Config.coco(),
    "v3": yl.v3.Config.coco(),
    "v4": yl.v4.Config.coco(),
}
SORTED = ["astronaut", "chelsea", "coffee", "coins"]


def call(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args], prog_name="yolo-losses")


def raw_of(version, dtype=np.float32):
    case = Case(version, version, CONFIGS[version])
    return [x.astype(dtype) for x in random_raw(case, 0, 4, 11)]


def save(path, version, raw, **more):
    keys = ["raw"] if version in ("v1", "v2") else [f"head{s}" for s in range(len(raw))]
    np.savez(path, **dict(zip(keys, raw, strict=True)), **more)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Raw outputs of each version, as files."""
    folder = tmp_path_factory.mktemp("raw")
    return {v: save(folder / f"{v}.npz", v, raw_of(v)) for v in CONFIGS}


def loss(version, raw, *args, labels=LABELS):
    return call("loss", "--version", version, "--raw", raw, "--labels", labels, *args)


def expected(version, names, dtype=np.float32, config=None):
    raw = raw_of(version, dtype)
    targets = yl.pad_targets(*yl_labels(names))
    argument = raw[0] if version in ("v1", "v2") else raw
    return getattr(yl, version).loss(argument, targets, config or CONFIGS[version])


def yl_labels(names):
    rows = [np.loadtxt(LABELS / f"{name}.txt", ndmin=2) for name in names]
    return [r[:, 1:] for r in rows], [r[:, 0].astype(int) for r in rows]


def uninstall(monkeypatch, *modules):
    """Make array libraries look as if they were not installed."""

    def import_module(name):
        if name in modules:
            raise ModuleNotFoundError(name)
        return importlib.import_module(name)

    monkeypatch.setattr(libraries, "import_module", import_module)


def assert_fails(result, *parts):
    """One line on stderr, exit code 2, nothing else."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("\n")
    assert result.stderr.startswith("yolo-losses: ")
    for part in parts:
        assert str(part) in result.stderr


class TestLoss:
    @pytest.mark.parametrize("version", list(CONFIGS))
    def test_json_holds_the_terms(self, files, version):
        result = loss(version, files[version], "--json", "-")
        assert (result.exit_code, result.stderr) == (0, "")
        read, terms = json.loads(result.stdout), expected(version, SORTED)
        for name in terms._fields:
            np.testing.assert_array_equal(read["terms"][name], getattr(terms, name))
        np.testing.assert_array_equal(read["total"], terms.total)
        assert read["images"] == SORTED
        assert (read["version"], read["backend"], read["dtype"]) == (version, "numpy", "float32")
        assert read["yolo_losses"] == yl.__version__
        if version != "v4":
            assert np.sum(read["positives"]) == 34
        assert read["invalid"] == read["unassigned"] == [0, 0, 0, 0]
        assert np.shape(read["collisions"]) == terms.box.shape

    @pytest.mark.parametrize("version", ["v1", "v3"])
    def test_the_table(self, files, version):
        result = loss(version, files[version])
        assert (result.exit_code, result.stderr) == (0, "")
        lines = [line.split() for line in result.stdout.splitlines()]
        terms = expected(version, SORTED)
        (total,) = (line[1:] for line in lines if line[:1] == ["sum"])
        sums = [*(x.sum() for x in terms), terms.total.sum()]
        np.testing.assert_allclose([float(v) for v in total], sums, rtol=1e-5)
        for n, name in enumerate(SORTED):
            (row,) = (line for line in lines if line[:1] == [name])
            each = [x[n, 0] for x in terms]
            np.testing.assert_allclose([float(v) for v in row[-5:]], [*each, sum(each)], rtol=1e-5)
        whole = [[float(v) for v in line[1:]] for line in lines if line[:1] == ["all"]]
        assert len(whole) == (4 if version == "v3" else 0)
        for n, row in enumerate(whole):
            sums = [*(x[n].sum() for x in terms), terms.total[n]]
            np.testing.assert_allclose(row, sums, rtol=1e-5)

    @pytest.mark.parametrize("width", [80, 120])
    @pytest.mark.parametrize("version", ["v2", "v4"])
    def test_no_line_is_broken(self, files, version, width, monkeypatch):
        monkeypatch.setenv("COLUMNS", str(width))
        result = loss(version, files[version])
        assert max(map(len, result.stdout.splitlines())) <= width
        assert "…" not in result.stdout
        rows = [line for line in result.stdout.splitlines() if line.startswith(tuple(SORTED))]
        assert len(rows) == 4

    def test_names_decide_the_order(self, tmp_path):
        names = ["coins", "astronaut", "coins", "coffee"]
        raw = save(tmp_path / "x.npz", "v2", raw_of("v2"), images=np.array(names))
        read = json.loads(loss("v2", raw, "--json", "-").stdout)
        np.testing.assert_array_equal(read["total"], expected("v2", names).total)
        assert read["images"] == names

    @pytest.mark.parametrize("backend", ["torch", "jax", "array-api-strict"])
    def test_backends(self, tmp_path, backend):
        pytest.importorskip(backend.replace("-", "_"))
        raw = save(tmp_path / "x.npz", "v1", raw_of("v1", np.float64))
        read = json.loads(loss("v1", raw, "--backend", backend, "--json", "-").stdout)
        assert (read["backend"], read["dtype"]) == (backend, "float64")
        terms = expected("v1", SORTED, np.float64)
        np.testing.assert_allclose(read["total"], terms.total, rtol=1e-13)

    def test_json_to_a_file_and_the_table(self, files, tmp_path):
        result = loss("v1", files["v1"], "--json", tmp_path / "x.json")
        assert "sum" in result.stdout
        assert json.loads((tmp_path / "x.json").read_text())["version"] == "v1"

    def test_preset(self, files):
        read = json.loads(loss("v2", files["v2"], "--preset", "voc", "--json", "-").stdout)
        assert read["config"]["anchors"] == [list(a) for a in yl.v2.Config.voc().anchors]

    def test_set(self, files):
        changes = ["coord_iou_threshold=None", "ignore_by=shape", "lambda_obj=2.5"]
        args = [part for change in changes for part in ("--set", change)]
        read = json.loads(loss("v3", files["v3"], *args, "--json", "-").stdout)
        config = yl.v3.Config(
            **yl.presets.V3_COCO, coord_iou_threshold=None, ignore_by="shape", lambda_obj=2.5
        )
        assert read["config"]["coord_iou_threshold"] is None
        np.testing.assert_array_equal(read["total"], expected("v3", SORTED, config=config).total)

    def test_heads_of_another_number(self, tmp_path):
        raw = save(tmp_path / "x.npz", "v3", raw_of("v3")[:1])
        args = ["--set", "masks=((6, 7, 8),)", "--set", "strides=[32]", "--json", "-"]
        assert np.shape(json.loads(loss("v3", raw, *args).stdout)["terms"]["box"]) == (4, 1)

    def test_nan_is_null(self, tmp_path):
        raw = raw_of("v3")
        raw[1][2, 0, 0, 0, 4] = np.nan
        path = save(tmp_path / "x.npz", "v3", raw)
        result = loss("v3", path, "--json", "-")
        assert (result.exit_code, result.stderr) == (0, "")
        read = json.loads(result.stdout)
        assert [total is None for total in read["total"]] == [False, False, True, False]
        assert read["terms"]["noobj"][2][1] is None
        shown = loss("v3", path)
        assert shown.exit_code == 0
        assert "nan" in shown.stdout

    def test_classes_that_do_not_exist_are_counted(self, tmp_path):
        (tmp_path / "a.txt").write_text("0 .5 .5 .2 .2\n99 .1 .1 .2 .2\n")
        raw = save(tmp_path / "x.npz", "v1", [x[:1] for x in raw_of("v1")])
        assert "1 invalid" in loss("v1", raw, labels=tmp_path).stdout

    def test_no_images(self, tmp_path):
        raw = save(tmp_path / "x.npz", "v1", [raw_of("v1")[0][:0]], images=np.array([], "U1"))
        result = loss("v1", raw, "--json", "-")
        assert json.loads(result.stdout)["total"] == []
        assert loss("v1", raw).exit_code == 0


class TestFailures:
    """Every one a line, never a traceback."""

    @pytest.fixture
    def saved(self, tmp_path):
        def saved(**arrays):
            np.savez(tmp_path / "x.npz", **arrays)
            return tmp_path / "x.npz"

        return saved

    @pytest.mark.parametrize("option", ["--version", "--raw", "--labels"])
    def test_missing_options(self, option):
        given = {"--version": "v1", "--raw": "x.npz", "--labels": "x"}
        args = [part for key, value in given.items() if key != option for part in (key, value)]
        assert_fails(call("loss", *args), f"'{option}'", "yolo-losses loss --help")

    @pytest.mark.parametrize(
        ("args", "part"),
        [
            (["frobnicate"], "No such command"),
            (["--frob"], "No such option"),
            (["loss", "--frob"], "No such option"),
            (["loss", "more"], "'--version'"),
            (["demo", "--steps", "-1"], "--steps"),
            (["demo", "--seed", "x"], "--seed"),
        ],
    )
    def test_usage(self, args, part):
        assert_fails(call(*args), part)

    def test_unknown_version(self, files):
        assert_fails(loss("v9", files["v1"]), "'v9'", "'v1', 'v2', 'v3', 'v4'")

    def test_unknown_preset(self, files):
        assert_fails(loss("v1", files["v1"], "--preset", "coco"), "no preset 'coco'", "voc")
        assert_fails(loss("v3", files["v3"], "--preset", "x"), "it has coco, tiny_coco")

    def test_unknown_backend(self, files):
        assert_fails(loss("v1", files["v1"], "--backend", "tf"), "'tf'", "'numpy', 'torch'")

    @pytest.mark.parametrize("backend", ["torch", "jax", "cupy", "array-api-strict"])
    def test_backend_not_installed(self, files, backend, monkeypatch):
        uninstall(monkeypatch, backend.replace("-", "_"))
        result = loss("v1", files["v1"], "--backend", backend)
        assert_fails(result, f"{backend} cannot be used: it is not installed: pip install")

    def test_no_file(self, tmp_path):
        assert_fails(loss("v1", tmp_path / "none.npz"), tmp_path / "none.npz", "No such file")
        assert_fails(loss("v1", tmp_path), tmp_path, "Is a directory")

    def test_not_an_npz(self, tmp_path):
        (tmp_path / "x.npz").write_text("hello")
        np.save(tmp_path / "x.npy", np.zeros(3))
        for name in ("x.npz", "x.npy"):
            assert_fails(loss("v1", tmp_path / name), tmp_path / name, "is not an .npz file")

    def test_object_arrays(self, saved):
        path = saved(raw=np.array([{}], dtype=object))
        assert_fails(loss("v1", path), path, "allow_pickle=False")

    def test_missing_keys(self, files, saved):
        assert_fails(loss("v3", files["v1"]), "must hold head0, head1, head2, it holds raw")
        assert_fails(loss("v1", files["v3"]), "must hold raw, it holds head0, head1, head2")
        assert_fails(loss("v1", saved()), "must hold raw, it holds nothing")
        two = dict(zip(["head0", "head1"], raw_of("v3"), strict=False))
        assert_fails(loss("v3", saved(**two)), "it holds head0, head1")

    @pytest.mark.parametrize(
        ("shape", "part"),
        [
            ((), "got ()"),
            ((4, 7, 7), "(4, 7, 7)"),
            ((4, 21, 7, 7), "NCHW"),
            ((4, 7, 7, 10), "K ≥ 1"),
        ],
    )
    def test_wrong_shape(self, saved, shape, part):
        assert_fails(loss("v1", saved(raw=np.zeros(shape))), "v1.loss: raw must have shape", part)

    @pytest.mark.parametrize("dtype", [int, complex, bool, "U1"])
    def test_wrong_dtype(self, saved, dtype):
        path = saved(raw=np.zeros((4, 7, 7, 21), dtype=dtype))
        assert_fails(loss("v1", path), "v1.loss: raw must have a real floating dtype")

    def test_heads_that_do_not_fit(self, saved):
        raw = raw_of("v3")
        raw[1] = raw[1][:, :25]
        path = saved(**{f"head{s}": x for s, x in enumerate(raw)})
        assert_fails(loss("v3", path), "v3.loss: heads[1] must have grid × stride (416, 416)")

    def test_numbers_of_images_that_differ(self, saved, files, tmp_path):
        path = saved(raw=np.zeros((5, 7, 7, 21)))
        assert_fails(loss("v1", path), LABELS, "labels of 4 images", "hold 5")
        path = saved(raw=np.zeros((5, 7, 7, 21)), images=np.array(["coins"]))
        assert_fails(loss("v1", path), path, "names 1 images", "hold 5")

    @pytest.mark.parametrize("images", [np.arange(4), np.array("coins"), np.array([[b"coins"]])])
    def test_names_that_are_none(self, saved, images):
        path = saved(raw=raw_of("v1")[0], images=images)
        assert_fails(loss("v1", path), "images must be a list of strings")

    @pytest.mark.parametrize("name", ["dog", "a\0b", "[bold]", "two\nlines", "e\ud800"])
    def test_no_such_label_file(self, saved, name):
        path = saved(raw=raw_of("v1")[0][:1], images=np.array([name]))
        assert_fails(loss("v1", path))

    def test_no_label_folder(self, files, tmp_path):
        result = loss("v1", files["v1"], labels=tmp_path / "none")
        assert_fails(result, tmp_path / "none", "is not there")

    @pytest.mark.parametrize(
        "line", ["0 .5 .5 .1", "0 .5 .5 .1 x", "0 208 208 9 9", "-1 .5 .5 .1 .1"]
    )
    def test_bad_label_line(self, files, tmp_path, line):
        for name in SORTED:
            (tmp_path / f"{name}.txt").write_text("0 .5 .5 .1 .1\n")
        (tmp_path / "coffee.txt").write_text(f"0 .5 .5 .1 .1\n{line}\n")
        result = loss("v1", files["v1"], labels=tmp_path)
        assert_fails(result, f"{tmp_path / 'coffee.txt'}, line 2: ")

    @pytest.mark.parametrize("setting", ["lambda=1", "lambda_coord", "=1", ""])
    def test_unknown_settings(self, files, setting):
        result = loss("v1", files["v1"], "--set", setting)
        assert_fails(result, "num_boxes, lambda_coord, lambda_noobj", repr(setting))

    @pytest.mark.parametrize(
        ("setting", "part"),
        [
            ("ignore_by=all", "'prior', 'shape', 'prediction', None, got 'all'"),
            ("lambda_coord=1e999", "lambda_coord must be a finite number"),
            ("lambda_coord=heavy", "got 'heavy'"),
            ("anchors=5", "anchors must be pairs"),
            ("masks=((0, 1),)", "v3.Config: strides must be 1 numbers"),
            ("anchors=" + "(" * 1000, "anchors must be pairs"),
        ],
    )
    def test_bad_settings(self, files, setting, part):
        assert_fails(loss("v3", files["v3"], "--set", setting), "v3.Config: ", part)

    def test_json_that_cannot_be_written(self, files, tmp_path):
        path = tmp_path / "none" / "x.json"
        assert_fails(loss("v1", files["v1"], "--json", path), path)

    def test_no_rich(self, files, monkeypatch):
        monkeypatch.setitem(sys.modules, "rich", None)
        result = loss("v1", files["v1"])
        assert_fails(result, "the table needs rich: pip install 'yolo-losses[cli]'")
        assert loss("v1", files["v1"], "--json", "-").exit_code == 0


class TestHelp:
    @pytest.mark.parametrize("args", [[], ["--help"]])
    def test_of_the_program(self, args):
        result = call(*args)
        assert result.exit_code == 0
        assert "yolo-losses demo" in result.stdout
        assert "yolo-losses loss --version v3 --raw" in result.stdout

    @pytest.mark.parametrize("command", ["demo", "explain", "loss"])
    def test_of_a_command(self, command):
        result = call(command, "--help")
        assert result.exit_code == 0
        assert (
            f"Example{'' if command == 'demo' else 's'}:\n    yolo-losses {command} "
            in result.stdout
        )
        options = main.commands[command].params
        assert all(option.help for option in options)

    def test_version(self):
        result = call("--version")
        assert result.stdout == f"yolo-losses, version {yl.__version__}\n"


class TestExplain:
    """One object, of the demo or of files."""

    @pytest.mark.parametrize("version", list(CONFIGS))
    def test_of_the_demo(self, version):
        result = call("explain", "--version", version, "--image", "coins", "--object", "coin 7")
        assert (result.exit_code, result.stderr) == (0, "")
        title = f"YOLO{version}: image 3, truth 6 (coin 7), coins"
        assert result.stdout.startswith(f"{title}\n")
        assert "Its class is 5 (coin)" in result.stdout
        again = call("explain", "--version", version, "--image", "3", "--object", "6")
        assert again.stdout == result.stdout

    def test_it_is_the_demo_that_is_explained(self):
        """The first object of the first photograph, with the config and the seed of the demo."""
        case = next(case for case in cases() if case.version == "v2")
        raw = random_raw(case, 3, 4, 11)[0].astype(np.float32)
        names = ["astronaut", "coffee", "chelsea", "coins"]
        terms = yl.v2.loss(raw, yl.pad_targets(*yl_labels(names)), case.config)
        text = call("explain", "--version", "v2", "--seed", "3").stdout
        assert "YOLOv2: image 0, truth 0 (person), astronaut" in text
        (total,) = re.findall(r"(?m)^  total [^=]*=.*?(?:\n    .*?)*= (\S+)$", text)
        assert float(total) == pytest.approx(terms.total[0], rel=1e-5)

    def test_fitted(self):
        args = ("explain", "--version", "v1", "--image", "chelsea")
        before, after = call(*args).stdout, call(*args, "--fitted").stdout
        ious = [max(map(float, re.findall(r"IOU_\d = .* = (\S+)", t))) for t in (before, after)]
        assert ious[0] < 0.9 < ious[1]

    def test_of_files(self, files):
        """Images in the order of the file; a folder with classes.txt gives names."""
        args = ("--version", "v3", "--raw", files["v3"], "--labels", LABELS, "--image", "coins")
        result = call("explain", *args, "--object", "coin 2")
        assert (result.exit_code, result.stderr) == (0, "")
        assert "YOLOv3: image 3, truth 1 (coin 2), coins" in result.stdout

    def test_of_files_without_names(self, tmp_path):
        (tmp_path / "a.txt").write_text("1 .5 .5 .2 .2\n0 .1 .1 .2 .2\n")
        raw = save(tmp_path / "x.npz", "v1", [x[:1] for x in raw_of("v1")])
        args = ("explain", "--version", "v1", "--raw", raw, "--labels", tmp_path)
        assert "YOLOv1: image 0, truth 1, a\n" in call(*args, "--object", "1").stdout
        (tmp_path / "classes.txt").write_text("ant\n")  # a class too few
        assert "YOLOv1: image 0, truth 0, a\n" in call(*args).stdout
        assert_fails(call(*args, "--object", "2"), "--object must be one of the 2 objects: 0, 1")

    def test_options_of_the_config(self):
        args = ["explain", "--version", "v4", "--image", "coffee", "--object", "spoon"]
        assert "CIOU = IOU − ρ² / c² − α·v" in re.sub(" +", " ", call(*args).stdout)
        changed = call(*args, "--set", "similarity=giou", "--preset", "tiny_coco").stdout
        assert "GIOU = IOU − (C − U) / C" in re.sub(" +", " ", changed)
        assert "IOU_5" in changed  # of six anchors
        assert "IOU_6" not in changed

    @pytest.mark.parametrize("width", [60, 80, 100, 160])
    def test_width(self, width, monkeypatch):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = call("explain", "--version", "v4").stdout.splitlines()
        widest = max(map(columns, lines))
        assert widest <= min(width, 100)
        assert widest > min(width, 100) - 15

    def test_markdown(self, tmp_path):
        args = ("explain", "--version", "v3")
        text, page = call(*args).stdout, call(*args, "--markdown", "-").stdout
        assert page.startswith("# YOLOv3: image 0, truth 0 (person), astronaut\n")
        both = call(*args, "--markdown", tmp_path / "x.md")
        assert both.stdout == text
        assert (tmp_path / "x.md").read_text(encoding="utf-8") == page

    @pytest.mark.parametrize(
        ("args", "part"),
        [
            (["--image", "dog"], "astronaut, coffee, chelsea, coins; got 'dog'"),
            (["--image", "4"], "--image must be one of the 4 images"),
            (["--object", "coin 7"], "person, flag, helmet, space shuttle model, patch, name tag"),
            (["--object", "-1"], "--object must be one of the 6 objects"),
            (["--raw", "x.npz"], "--raw and --labels belong together"),
            (["--labels", "x"], "--raw and --labels belong together"),
            (["--raw", "x.npz", "--labels", "x", "--fitted"], "leave out --raw and --labels"),
            (["--raw", "none.npz", "--labels", "x"], "none.npz"),
            (["--preset", "x"], "no preset 'x'"),
            (["--set", "lambda=1"], "--set must be KEY=VALUE"),
            (["--set", "ignore_by=all"], "v3.Config: ignore_by"),
            (["--seed", "-1"], "--seed"),
            (["--markdown", "none/x.md"], "none/x.md"),
        ],
    )
    def test_failures(self, args, part):
        assert_fails(call("explain", "--version", "v3", *args), part)

    def test_no_objects(self, tmp_path):
        (tmp_path / "a.txt").write_text("")
        raw = save(tmp_path / "x.npz", "v1", [x[:1] for x in raw_of("v1")])
        args = ("explain", "--version", "v1", "--raw", raw, "--labels", tmp_path)
        assert_fails(call(*args), "a has no objects")

    def test_it_needs_neither_rich_nor_the_photographs(self, monkeypatch):
        for module in ("rich", "skimage", "matplotlib"):
            monkeypatch.setitem(sys.modules, module, None)
        assert call("explain", "--version", "v1").exit_code == 0


class TestDemo:
    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch):
        """Small pictures, and no library that takes seconds to import or compile."""
        pytest.importorskip("skimage")
        pytest.importorskip("matplotlib")
        from yolo_losses.demo import figures

        monkeypatch.setattr(figures, "DPI", 30)
        uninstall(monkeypatch, "torch", "jax", "cupy")

    def test_from_end_to_end(self, tmp_path, monkeypatch):
        image = pytest.importorskip("PIL.Image")
        monkeypatch.setenv("COLUMNS", "80")
        result = call("demo", "--steps", 2, "--out", tmp_path / "deep" / "out")
        assert result.exit_code == 0, result.output
        names = ["v1", "v2", "v3", "v3-no-gate", "v4"]
        written = sorted(path.name for path in (tmp_path / "deep" / "out").iterdir())
        assert written == sorted(f"{name}.png" for name in names)
        for name in written:
            pixels = np.asarray(image.open(tmp_path / "deep" / "out" / name).convert("L"))
            assert pixels.std() > 20
        lines = result.stdout.splitlines()
        for version in ("v1", "v2", "v3", "v4"):
            assert any(line.startswith(f"{version}, sums over the batch") for line in lines)
        assert sum(line.startswith("total ") for line in lines) == 4
        assert "space shuttle model" in result.stdout
        assert "torch cannot be used: it is not installed" in " ".join(result.stdout.split())
        assert "fit v3 no gate" in result.stderr
        assert max(len(line) for line in lines if not line.startswith("wrote ")) <= 80

    def test_the_seed_decides_the_output(self, tmp_path, monkeypatch):
        from yolo_losses.demo import figures

        monkeypatch.setattr(figures, "write", lambda *args: Path("x.png"))
        first, again, other = (
            call("demo", "--steps", 1, "--out", tmp_path, "--seed", seed).stdout
            for seed in (1, 1, 2)
        )
        assert first == again != other

    def test_default_folder(self, tmp_path, monkeypatch):
        from yolo_losses.demo import run

        monkeypatch.chdir(tmp_path)
        seen = []
        monkeypatch.setattr(run, "run", lambda *args: seen.append(args[:3]))
        assert call("demo").exit_code == 0
        assert seen == [(Path("yolo-losses-demo"), 0, 200)]
        assert "/yolo-losses-demo/" in (Path(__file__).parents[1] / ".gitignore").read_text()

    def test_a_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / "x").touch()
        assert_fails(call("demo", "--out", tmp_path / "x"), tmp_path / "x")

    @pytest.mark.parametrize("missing", ["rich", "matplotlib", "skimage"])
    def test_what_is_missing(self, missing, monkeypatch, tmp_path):
        monkeypatch.setitem(sys.modules, missing, None)
        result = call("demo", "--out", tmp_path)
        assert_fails(result, f"the demo needs {missing}: pip install 'yolo-losses[demo]'")


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_package_imports_nothing_heavy():
    code = "import sys, yolo_losses; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = python(code)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert {"numpy", "yolo_losses"} <= loaded
    heavy = {"torch", "jax", "jaxlib", "cupy", "matplotlib", "click", "rich", "skimage", "PIL"}
    assert not heavy & loaded


def test_data_and_plot_import_nothing_heavy():
    code = "import sys, yolo_losses.data, yolo_losses.plot, yolo_losses.demo.versions; " \
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"  # fmt: skip
    loaded = set(python(code).stdout.split())
    assert "yolo_losses" in loaded
    assert not {"torch", "jax", "cupy", "matplotlib", "click", "rich", "skimage"} & loaded


def test_no_click():
    code = "import sys; sys.modules['click'] = None; import yolo_losses.cli"
    done = python(code)
    assert done.returncode != 0
    assert done.stderr == (
        "yolo-losses: the command line needs click: pip install 'yolo-losses[cli]'\n"
    )
