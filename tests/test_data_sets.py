"""Sets of YOLO txt files, the reader that a path asks for, progress, `labels`, size and time."""

import json
import resource
import subprocess
import sys

import numpy as np
import pytest

from tests.support import coco_size
from yolo_losses import data

pytest.importorskip("yaml")
pytest.importorskip("click")

from click.testing import CliRunner

from yolo_losses.cli import main

YAML = "path: set\ntrain: images/train\nval: [val.txt]\nnames: {0: cat, 1: dog}\n"


@pytest.fixture
def folder(tmp_path):
    """Three pictures to train, one of them without a label file, and a list of one."""
    for part in ("images", "labels"):
        (tmp_path / "set" / part / "train").mkdir(parents=True)
    for name in ("a.jpg", "b.PNG", "c.jpg", "notes.md"):
        (tmp_path / "set/images/train" / name).touch()
    labels = tmp_path / "set/labels/train"
    labels.joinpath("a.txt").write_text("1 0.5 0.5 0.5 0.25\n\n0 0.25 0.5 0.5 0.5 0.25 0.75\n")
    labels.joinpath("c.txt").write_text("0 0.5 0.5 0 0.1\n0 0.75 0.5 1 0.5\n0 0.75 0.5 1 0.5\n")
    (tmp_path / "set/val.txt").write_text("./images/train/c.jpg\n")
    (tmp_path / "data.yaml").write_text(YAML)
    return tmp_path


class TestReadYolo:
    def test_train(self, folder):
        got = data.read_yolo(folder / "data.yaml")
        assert [name.rpartition("/")[2] for name in got.images] == ["a.txt", "b.txt", "c.txt"]
        assert got.class_names == ("cat", "dog")
        assert got.image.tolist() == [0, 0, 2, 2]
        assert got.labels.tolist() == [1, 0, 0, 0]
        clipped = [0.625, 0.5, 0.75, 0.5]
        assert got.boxes.tolist() == [
            [0.5, 0.5, 0.5, 0.25], [0.375, 0.625, 0.25, 0.25], clipped, clipped,
        ]  # fmt: skip
        assert np.isnan(got.sizes).all()
        assert got.left_out == (f"{folder}/set/labels/train/c.txt, line 1",)
        assert got.counts == {
            "images": 3, "boxes": 5, "used": 4, "images without boxes": 1, "regions": 0,
            "without area": 1, "clipped": 2, "twice": 1, "polygons": 1, "without a label file": 1,
        }  # fmt: skip

    def test_list_of_images(self, folder):
        got = data.read_yolo(folder / "data.yaml", "val")
        assert (len(got.images), len(got.boxes)) == (1, 2)

    def test_names_as_a_list(self, folder):
        (folder / "data.yaml").write_text(YAML.replace("{0: cat, 1: dog}", "[cat, dog]"))
        assert data.read_yolo(folder / "data.yaml").class_names == ("cat", "dog")

    def test_folder(self, folder):
        got = data.read_yolo(folder / "set/labels/train")
        assert (got.images, got.class_names) == (("a", "c"), ("0", "1"))

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("0 0.5 0.5 0.1", "class x y w h, or a class and 3 points"),
            ("0 0.5 0.5 0.1 0.1 0.1", "class x y w h, or a class and 3 points"),
            ("x 0.5 0.5 0.1 0.1", "hold numbers"),
            ("2 0.5 0.5 0.1 0.1", "have a class 0 … 1, got 2"),
            ("0.5 0.5 0.5 0.1 0.1", "have a class 0 … 1, got 0.5"),
            ("nan 0.5 0.5 0.1 0.1", "have a class 0 … 1, got nan"),
            ("0 0.5 nan 0.1 0.1", "fractions of the image"),
            ("0 320 240 10 10", "fractions of the image"),
        ],
    )
    def test_a_wrong_line(self, folder, line, reason):
        (folder / "set/labels/train/c.txt").write_text("\n" + line)
        with pytest.raises(ValueError, match=f"c.txt, line 2 must .*{reason}"):
            data.read_yolo(folder / "data.yaml")

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "must be a mapping"),
            ("[1, 2]", "must be a mapping"),
            ("train: [", "is no yaml"),
            ("[" * 10_000, "nested at most 8 deep"),
            ("names: " + "9" * 5000, "is no yaml"),
            ("a: !!python/object/apply:os.getcwd []", "is no yaml"),
            ("a: &x [1]\nb: [*x, *x]", "line 2 must hold no alias"),
            ("# " + "x" * 2**18, "at most 262144 bytes"),
            ("names: [a]", r"must hold train, got \['names'\]"),
            (YAML.replace("images/train", "3"), "train must be a path"),
            (YAML.replace("path: set", "path: [a]"), "path must be a path"),
            (YAML.replace("1: dog", "2: dog"), "names must have the keys 0 … 1"),
            (YAML.replace("{0: cat, 1: dog}", "cat"), "names must be a list"),
        ],
        ids=lambda x: x[:20],
    )
    def test_a_wrong_yaml(self, folder, text, reason):
        (folder / "data.yaml").write_text(text)
        with pytest.raises(ValueError, match=rf"data\.yaml.*{reason}"):
            data.read_yolo(folder / "data.yaml")

    def test_no_such_folder(self, folder):
        (folder / "data.yaml").write_text(YAML.replace("images/train", "images/no"))
        with pytest.raises(FileNotFoundError, match="images/no is not a folder"):
            data.read_yolo(folder / "data.yaml")


class TestReadLabels:
    def test_formats(self, folder):
        (folder / "voc").mkdir()
        (folder / "voc/a.xml").touch()
        (folder / "set.json").write_text('{"images": [], "annotations": [], "categories": []}')
        names = ["data.yaml", "set/labels/train", "voc", "set.json"]
        assert [data.format_of(folder / name) for name in names] == ["yolo", "yolo", "voc", "coco"]
        assert data.read_labels(folder / "set.json").images == ()

    def test_another_file(self, folder):
        with pytest.raises(ValueError, match=r"val.txt must be a folder, or end in .json"):
            data.read_labels(folder / "set/val.txt")

    def test_nothing(self, folder):
        with pytest.raises(FileNotFoundError, match=r"none\.json is not there"):
            data.read_labels(folder / "none.json")

    def test_progress(self, tmp_path):
        coco_size.write(tmp_path / "set.json", 1000)
        heard = []
        data.read_labels(tmp_path / "set.json", progress=lambda *k: heard.append(k))
        assert heard == [(256, 860), (512, 860), (768, 860), (860, 860)]


def command(*args):
    return CliRunner().invoke(main, ["labels", *map(str, args)], prog_name="yolo-losses")


class TestCommand:
    def test_faults(self, folder):
        got = command(folder / "data.yaml")
        assert got.exit_code == 1
        lines = [line.split() for line in got.stdout.splitlines()]
        for line in (["format", "yolo"], ["used", "4"], ["most", "in", "an", "image", "2"],
                     ["width", "0.2500", "0.6250", "0.7500"], ["1", "1", "1", "dog"]):  # fmt: skip
            assert line in lines
        assert got.stdout.splitlines()[-1].endswith("c.txt, line 1")

    def test_sound(self, folder):
        (folder / "set/labels/train/c.txt").unlink()
        assert command(folder / "data.yaml", "--split", "train").exit_code == 0

    def test_refused(self, folder):
        (folder / "set/labels/train/c.txt").write_text("0 1")
        got = command(folder / "data.yaml")
        assert got.exit_code == 2
        assert got.stderr.startswith("yolo-losses: ")
        assert "c.txt, line 1 must hold" in got.stderr

    def test_split_of_another_format(self, tmp_path):
        (tmp_path / "set.json").write_text("{}")
        assert command(tmp_path / "set.json", "--split", "val").exit_code == 2


def test_a_fiftieth_of_coco(tmp_path):
    """In a fresh process: the whole set has 60 s and 4 GB; here a library's start weighs in."""
    path = tmp_path / "set.json"
    coco_size.write(path, 50)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.coco_size", "read", path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = json.loads(done.stdout)
    assert (found["images"], found["boxes"]) == (2360, 17_200)
    assert after.ru_utime - before.ru_utime < 10
    assert found["GB"] < 0.5
