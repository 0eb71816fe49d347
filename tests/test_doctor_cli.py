"""`yolo-losses doctor` on files."""

import json

import numpy as np
import pytest

import yolo_losses as yl
from tests.support.ailments import PLANTED, good

pytest.importorskip("click")
pytest.importorskip("rich")

from click.testing import CliRunner

from yolo_losses.cli import doctor as command
from yolo_losses.cli import main
from yolo_losses.data import read_yolo_rows
from yolo_losses.doctor import Finding, join

CFG = """[net]
width=96
height=96
channels=3
[convolutional]
filters=24
size=3
stride=16
pad=1
activation=linear
[yolo]
mask=0,1,2
anchors=11,22, 26,17, 44,31
classes=3
num=3
"""


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")


def call(*args):
    return CliRunner().invoke(main, ["doctor", *map(str, args)], prog_name="yolo-losses")


def write(folder, targets):
    """A folder of text files, one image a file, a blank line first."""
    folder.mkdir()
    for n, (boxes, labels, valid) in enumerate(zip(*targets, strict=True)):
        rows = zip(labels[valid], boxes[valid].tolist(), strict=True)
        lines = [" ".join(map(str, [label, *box])) for label, box in rows]
        (folder / f"{n:03}.txt").write_text("\n" + "\n".join(lines))
    return folder


@pytest.fixture
def cfg_file(tmp_path):
    path = tmp_path / "small.cfg"
    path.write_text(CFG)
    return path


def test_good_labels(tmp_path, cfg_file, wide):
    folder = write(tmp_path / "labels", good("v3", n=20)[1])
    for options in (["--cfg", cfg_file], ["--version", "v1"], ["--version", "v4", "--size", "480"]):
        done = call(folder, *options)
        assert (done.exit_code, done.output) == (0, "Nothing found.\n")


@pytest.mark.parametrize("code", ["not-finite", "empty", "outside", "pixels", "corners", "class"])
def test_planted_labels_have_file_and_line(tmp_path, cfg_file, wide, code):
    targets = PLANTED[code](*good("v3", n=8))[1]
    done = call(write(tmp_path / "labels", targets), "--cfg", cfg_file)
    assert done.exit_code == 1
    line = next(line for line in done.output.splitlines() if f" {code} " in line)
    row = "001.txt, line 4" if code in ("not-finite", "empty", "outside") else "000.txt, line 2"
    assert row in line


def test_batches_are_counted_together(tmp_path, cfg_file, wide, monkeypatch):
    """The numbers of a set do not hang on how many images are looked at at a time."""
    targets = good("v3", n=30)[1]
    targets.boxes[::3, 1, 0] = 1.5
    folder, outputs = write(tmp_path / "labels", targets), []
    for size in (256, 10, 7):
        monkeypatch.setattr(command, "BATCH", size)
        outputs.append(call(folder, "--cfg", cfg_file).output)
    assert outputs[0] == outputs[1] == outputs[2]
    assert outputs[0].split("\n")[3].split()[-1] == "10"


def test_most_places_decide_the_severity():
    many, few = (Finding("lost", s, "p", "m", "r", c) for s, c in (("note", 9), ("warning", 1)))
    report = join([few, many])
    assert (report.ok, len(report), report.findings[0].count) == (True, 1, 10)


def test_notes_alone_are_no_failure(tmp_path, cfg_file):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.4 0.2 0.2\n")
    done = call(tmp_path / "labels", "--cfg", cfg_file)
    assert done.exit_code == 0
    assert "border" in done.output


def test_raw_outputs(tmp_path, wide):
    raw, targets, _ = good("v2")
    config = yl.v2.Config.coco()
    raw = np.random.default_rng(0).normal(size=(4, 13, 13, len(config.anchors), 8))
    folder = write(tmp_path / "labels", targets)
    np.savez(tmp_path / "raw.npz", raw=raw)
    np.savez(tmp_path / "sigmoid.npz", raw=1 / (1 + np.exp(-raw)))
    options = ("--version", "v2", "--raw")
    assert call(folder, *options, tmp_path / "raw.npz").exit_code == 0
    done = call(folder, *options, tmp_path / "sigmoid.npz")
    assert done.exit_code == 1
    assert "activated" in done.output
    assert "num-classes" in call(folder, *options, tmp_path / "raw.npz", "--classes", "4").output


def test_a_coco_json(tmp_path, wide):
    boxes = [[10, 10, 30, 40], [50, 50, 0, 10]]
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],
        "categories": [{"id": 7, "name": "thing"}],
        "annotations": [
            {"id": k, "image_id": 1, "category_id": 7, "bbox": box} for k, box in enumerate(boxes)
        ],
    }
    path = tmp_path / "set.json"
    path.write_text(json.dumps(content))
    done = call(path, "--version", "v3")
    assert done.exit_code == 1
    assert "annotations[1]" in done.output


def test_what_cannot_be_read(tmp_path, cfg_file):
    folder = tmp_path / "labels"
    folder.mkdir()
    for arguments in (
        (tmp_path / "none", "--cfg", cfg_file), (folder, "--cfg", cfg_file), (folder,),
        (folder, "--cfg", cfg_file, "--version", "v3"),
    ):  # fmt: skip
        assert call(*arguments).exit_code == 2
    for line in ("0 0.5 0.5 0.1", "1.5 0.5 0.5 0.1 0.1", "nan 0.5 0.5 0.1 0.1"):
        (folder / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n" + line)
        done = call(folder, "--cfg", cfg_file)
        assert done.exit_code == 2
        assert "line 2" in done.output


def test_rows_stand_as_they_are(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n-1 7 0 inf 0.5\n\n2 0 0 0 0\n")
    rows, lines = read_yolo_rows(path)
    assert lines == [2, 4]
    assert rows.tolist() == [[-1, 7, 0, np.inf, 0.5], [2, 0, 0, 0, 0]]


def test_rows_of_polygons_are_those_of_their_boxes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("1 0.5 0.25 0.75 -1 0.25 0.5 0.5 4\n")
    assert read_yolo_rows(path)[0].tolist() == [[1, 0.5, 1.5, 0.5, 5.0]]
    path.write_text("1 0.5 0.25 0.75 0.5 0.25 x\n")
    with pytest.raises(ValueError, match=r"a\.txt, line 1: must hold numbers, got '1 0\.5"):
        read_yolo_rows(path)


def test_a_data_yaml(tmp_path, cfg_file, wide):
    """Its rows are looked at as they stand; polygons and pictures without a file are ordinary."""
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for name in "abc":
        (tmp_path / f"images/{name}.jpg").touch()
    (tmp_path / "labels/a.txt").write_text("0 0.1 0.1 0.3 0.1 0.3 0.3\n")
    (tmp_path / "labels/c.txt").write_text("1 0.5 0.5 0.2 0.2\n\n3 31 17 20 40\n")
    path = tmp_path / "data.yaml"
    path.write_text("train: none\nval: images\nnames: [x, y, z]\n")
    done = call(path, "--split", "val", "--cfg", cfg_file)
    assert done.exit_code == 1
    for words in ("c.txt, line 3", "fractions", "class"):
        assert words in done.output
    assert "a.txt" not in done.output
    assert "train" in call(path, "--cfg", cfg_file).stderr
    assert "--names" in call(path, "--split", "val", "--names", path, "--cfg", cfg_file).stderr
