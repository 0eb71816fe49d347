"""Labels of every format, in every command that reads labels."""

import json

import numpy as np
import pytest

import yolo_losses as yl

pytest.importorskip("click")
pytest.importorskip("rich")
pytest.importorskip("yaml")

from click.testing import CliRunner

from yolo_losses.cli import main

SIZE = 400, 200
CLASSES = ["cat", "dog"]
# Class, left, top, right and bottom in pixels, of three images.
SETS = {
    "b": [(1, 40, 20, 200, 120), (0, 200, 100, 400, 200)],
    "a": [(0, 100, 50, 140, 130)],
    "c": [],
}
FORMATS = ["yolo", "yaml", "coco", "voc", "npz"]


def fractions(row):
    _, left, top, right, bottom = row
    corners = np.array([left, top, right, bottom]) / (*SIZE, *SIZE)
    return yl.boxes.convert(corners, "xyxy", "cxcywh").tolist()


def targets(names="abc", **more):
    boxes = [[fractions(row) for row in SETS[name]] for name in names]
    return yl.pad_targets(boxes, [[row[0] for row in SETS[name]] for name in names], **more)


def write_texts(folder):
    folder.mkdir(parents=True)
    for name, rows in SETS.items():
        lines = [" ".join(map(repr, [row[0], *fractions(row)])) for row in rows]
        (folder / f"{name}.txt").write_text("\n".join(lines))


def write_yolo(folder):
    write_texts(folder / "labels")
    (folder / "labels/classes.txt").write_text("\n".join(CLASSES))
    return folder / "labels"


def write_yaml(folder):
    write_texts(folder / "labels/val")
    (folder / "images/val").mkdir(parents=True)
    for name in SETS:
        (folder / f"images/val/{name}.jpg").touch()
    (folder / "data.yaml").write_text(f"train: none\nval: images/val\nnames: {CLASSES}\n")
    return folder / "data.yaml"


def write_coco(folder, **more):
    order, (width, height) = sorted(SETS), SIZE
    content = {
        "images": [
            {"id": n, "file_name": f"val/{name}.jpg", "width": width, "height": height}
            for n, name in enumerate(order)
        ],
        "categories": [{"id": 7 + k, "name": name} for k, name in enumerate(CLASSES)],
        "annotations": [
            {"image_id": n, "category_id": 7 + k, "bbox": [x, y, r - x, b - y], **more}
            for n, name in enumerate(order)
            for k, x, y, r, b in SETS[name]
        ],
    }
    (folder / "set.json").write_text(json.dumps(content))
    return folder / "set.json"


def write_voc(folder):
    (folder / "xml").mkdir()
    for name, rows in SETS.items():
        objects = [
            f"<object><name>{CLASSES[k]}</name><bndbox><xmin>{x + 1}</xmin><ymin>{y + 1}</ymin>"
            f"<xmax>{r}</xmax><ymax>{b}</ymax></bndbox></object>"
            for k, x, y, r, b in rows
        ]
        size = "<size><width>{}</width><height>{}</height></size>".format(*SIZE)
        text = f"<annotation>{size}\n{''.join(objects)}</annotation>"
        (folder / f"xml/{name}.xml").write_text(text)
    return folder / "xml"


def write_npz(folder):
    fields = {f"targets.{k}": x for k, x in targets()._asdict().items()}
    np.savez(folder / "set.npz", images=np.array(sorted(SETS)), **fields)
    return folder / "set.npz"


WRITE = dict(zip(FORMATS, [write_yolo, write_yaml, write_coco, write_voc, write_npz], strict=True))
OPTIONS = {"yaml": ["--split", "val"]}
CONFIG = yl.v2.Config.voc()
RAW = np.random.default_rng(0).normal(size=(3, 5, 7, len(CONFIG.anchors), 7))
MODEL = ["--version", "v2", "--preset", "voc"]


@pytest.fixture(params=FORMATS)
def labels(request, tmp_path):
    """The words that name the set in one of the formats."""
    return [WRITE[request.param](tmp_path), *OPTIONS.get(request.param, [])]


@pytest.fixture
def raw(tmp_path):
    np.savez(tmp_path / "raw.npz", raw=RAW)
    return tmp_path / "raw.npz"


def call(*words):
    return CliRunner().invoke(main, [str(word) for word in words], env={"COLUMNS": "200"})


def loss(raw, *labels):
    result = call("loss", *MODEL, "--raw", raw, "--json", "-", "--labels", *labels)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def fails(result, *parts):
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    for part in parts:
        assert part in result.stderr


class TestEveryFormat:
    def test_loss(self, labels, raw):
        got = loss(raw, *labels)
        expected = yl.v2.loss(RAW, targets(), CONFIG).total
        np.testing.assert_allclose(got["total"], expected, rtol=1e-13)
        assert got["positives"] == [[1], [2], [0]]

    def test_loss_of_images_by_name(self, labels, tmp_path):
        np.savez(tmp_path / "two.npz", raw=RAW[:2], images=np.array(["c", "b.png"]))
        got = loss(tmp_path / "two.npz", *labels)
        assert got["images"] == ["c", "b.png"]
        expected = yl.v2.loss(RAW[:2], targets("cb"), CONFIG).total
        np.testing.assert_allclose(got["total"], expected, rtol=1e-13)

    def test_no_such_image(self, labels, tmp_path):
        np.savez(tmp_path / "two.npz", raw=RAW[:1], images=np.array(["d"]))
        words = [*MODEL, "--raw", tmp_path / "two.npz", "--labels", *labels]
        fails(call("loss", *words), f"{labels[0]} holds labels of 0 images 'd'")

    def test_explain(self, labels, raw):
        words = [*MODEL, "--raw", raw, "--image", "1", "--labels", *labels]
        result = call("explain", *words, "--object", "0")
        assert result.exit_code == 0, result.stderr
        named = "dog" in result.stdout
        assert named == (labels[0].suffix != ".npz")  # arrays have no names
        assert not named or call("explain", *words, "--object", "dog").stdout == result.stdout

    def test_explain_difference(self, labels, raw):
        words = ["v2", "darknet_v2", "--preset", "voc", "--raw", raw, "--labels", *labels]
        result = call("explain-difference", *words)
        assert result.exit_code == 0, result.stderr
        assert "Predictors with an object: 3 in both" in result.stdout

    def test_doctor(self, labels, raw):
        words = ["doctor", *labels, "--version", "v3"]
        result = call(*words)
        assert result.exit_code == 0, result.output
        result = call("doctor", *labels, *MODEL, "--raw", raw, "--classes", "3")
        assert "num-classes" in result.stdout

    def test_anchors(self, labels):
        result = call("anchors", *labels, "--k", "3", "--size", "400x200")
        assert result.exit_code == 0, result.stderr
        assert f"3 boxes of {labels[0]}." in result.stdout
        assert "anchors = 40,80, 160,100, 200,100" in result.stdout

    def test_labels(self, labels):
        result = call("labels", *labels)
        if labels[0].suffix == ".npz":
            fails(result, "set.npz must be a folder, or end in")
            return
        assert result.exit_code == 0, result.stderr
        assert "most in an image      2" in result.stdout


def test_images_of_a_folder_below(tmp_path):
    """By their path; the file of the same name in the folder itself is another one."""
    write_texts(tmp_path / "labels/sub")
    (tmp_path / "labels/a.txt").write_text("")
    for name, positives in (("sub/a", 1), ("a", 0), ("sub/b", 2)):
        np.savez(tmp_path / "raw.npz", raw=RAW[:1], images=np.array([name]))
        assert loss(tmp_path / "raw.npz", tmp_path / "labels")["positives"] == [[positives]]


class TestOptions:
    def test_every_command_that_reads_labels_has_them(self):
        found = {name: {p.name for p in command.params} for name, command in main.commands.items()}
        readers = [name for name, params in found.items() if params & {"labels", "path"}]
        assert len(readers) == 6
        assert [name for name in readers if not {"split", "names"} <= found[name]] == []

    def test_names(self, tmp_path):
        """The images of a folder, of any command that reads a whole set."""
        (tmp_path / "train.txt").write_text("b\nc\n")
        for write in (write_yolo, write_voc):
            folder, names = write(tmp_path), ["--names", tmp_path / "train.txt"]
            assert "2 boxes of" in call("anchors", folder, "--k", "1", *names).stdout
            assert "images                2\n" in call("labels", folder, *names).stdout
            assert call("doctor", folder, "--version", "v3", *names).exit_code == 0
            np.savez(tmp_path / "raw.npz", raw=RAW[:2])
            assert loss(tmp_path / "raw.npz", folder, *names)["images"] == ["b", "c"]

    def test_a_list_that_is_not_there(self, tmp_path):
        names = ["--names", tmp_path / "none.txt"]
        fails(call("labels", write_voc(tmp_path), *names), "none.txt: No such file")

    @pytest.mark.parametrize("command", ["labels", "anchors", "doctor"])
    @pytest.mark.parametrize("kind", FORMATS)
    @pytest.mark.parametrize(
        ("option", "takers"), [("split", ["yaml"]), ("names", ["yolo", "voc"])]
    )
    def test_where_an_option_does_not_belong(self, command, kind, option, takers, tmp_path):
        more = ["--version", "v3"] if command == "doctor" else []
        path = WRITE[kind](tmp_path)
        if kind not in takers and (command, kind) != ("labels", "npz"):
            fails(call(command, path, f"--{option}", "x", *more), f"--{option} is for a ")


class TestSets:
    def test_regions_are_ignored(self, tmp_path, raw):
        path = write_coco(tmp_path, iscrowd=1)
        regions = targets(ignore_per_image=[[True], [True] * 2, []])
        expected = yl.v2.loss(RAW, regions, CONFIG).total
        np.testing.assert_allclose(loss(raw, path)["total"], expected, rtol=1e-13)
        fails(call("anchors", path), "holds no labelled box")
        words = ["darknet_v2", "--preset", "voc", "--raw", raw, "--labels", path]
        assert "an object: 0 in both" in call("explain-difference", "v2", *words).stdout
        shown = call("explain", *MODEL, "--raw", raw, "--labels", path).stdout
        assert "It is a region" in shown

    def test_boxes_without_an_area_are_told(self, tmp_path, raw):
        path = write_coco(tmp_path, bbox=[10, 10, 0, 5])
        result = call("loss", *MODEL, "--raw", raw, "--labels", path)
        assert result.exit_code == 0
        assert "3 boxes without an area in their image are left out, the first at" in result.stderr
        assert "set.json: annotations[0]" in result.stderr
        assert "no-area" in call("doctor", path, "--version", "v3").stdout

    def test_a_name_of_two_images(self, tmp_path, raw):
        path = write_coco(tmp_path)
        path.write_text(path.read_text().replace("val/b.jpg", "train/a.jpg"))
        np.savez(raw, raw=RAW[:1], images=np.array(["a"]))
        result = call("loss", *MODEL, "--raw", raw, "--labels", path)
        fails(result, "holds labels of 2 images 'a'")
        np.savez(raw, raw=RAW[:1], images=np.array(["train/a.jpg"]))
        assert loss(raw, path)["positives"] == [[2]]

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"targets.valid": None}, "must hold targets.valid, it holds images, targets.boxes"),
            ({"targets.boxes": np.zeros(())}, "targets.boxes must have shape (N, T, 4), got ()"),
            ({"targets.labels": np.zeros((3, 1), int)}, "targets.labels must have shape (3, 2)"),
            ({"targets.valid": np.ones((3, 2))}, "targets.valid must have a bool dtype"),
            ({"images": np.array(["a"])}, "images names 1 images, the arrays hold 3"),
            ({"images": np.zeros(3)}, "images must be a list of strings"),
        ],
    )
    def test_arrays_that_do_not_fit(self, tmp_path, raw, changes, reason):
        path = write_npz(tmp_path)
        with np.load(path) as stored:
            arrays = {**stored, **changes}
        np.savez(path, **{key: x for key, x in arrays.items() if x is not None})
        fails(call("loss", *MODEL, "--raw", raw, "--labels", path), "set.npz", reason)

    def test_arrays_without_names_are_numbered(self, tmp_path, raw):
        path = write_npz(tmp_path)
        with np.load(path) as stored:
            np.savez(path, **{key: x for key, x in stored.items() if key != "images"})
        assert loss(raw, path)["images"] == ["0", "1", "2"]
