"""Label files of whole sets, and collated labels."""

import json

import numpy as np
import pytest
import torch

from yolo_losses import data

COCO = {
    "images": [
        {"id": 9, "file_name": "b.jpg", "width": 100, "height": 50},
        {"id": 4, "file_name": "a.jpg", "width": 200, "height": 100},
        {"id": 5, "file_name": "c.jpg", "width": 10, "height": 10},
    ],
    "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}],
    "annotations": [
        {"id": 1, "image_id": 4, "category_id": 18, "bbox": [20, 10, 40, 20]},
        {"id": 2, "image_id": 9, "category_id": 3, "bbox": [90, 0, 20, 50], "iscrowd": 1},
        {"id": 3, "image_id": 9, "category_id": 3, "bbox": [10, 10, 0, 5]},
        {"id": 4, "image_id": 4, "category_id": 18, "bbox": [20, 10, 40, 20]},
    ],
}
OBJECT = "<object><name>{}</name>{}<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
VOC = "<annotation>\n<size><width>100</width><height>50</height></size>\n{}\n</annotation>"


def changed(key, k, field, value):
    """COCO with one field of one entry changed; None takes it out."""
    out = json.loads(json.dumps(COCO))
    out[key][k][field] = value
    return out


@pytest.fixture
def coco(tmp_path):
    def read(content, **options):
        path = tmp_path / "set.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return data.read_coco(path, **options)

    return read


@pytest.fixture
def voc(tmp_path):
    def read(text, **options):
        (tmp_path / "a.xml").write_text(text)
        return data.read_voc(tmp_path, **options)

    return read


class TestReadCoco:
    def test_values(self, coco):
        got = coco(COCO)
        assert got.images == ("b.jpg", "a.jpg", "c.jpg")
        assert got.class_names == ("car", "dog")
        assert got.categories == {3: 0, 18: 1}
        assert got.image.tolist() == [0, 1, 1]
        assert got.labels.tolist() == [0, 1, 1]
        assert got.ignore.tolist() == [True, False, False]
        assert np.allclose(
            got.boxes, [[0.95, 0.5, 0.1, 1]] + 2 * [[0.2, 0.2, 0.2, 0.2]], atol=1e-15
        )
        assert got.left_out[0].endswith("set.json: annotations[2]")
        assert got.counts == {
            "images": 3, "boxes": 4, "used": 3, "images without boxes": 1, "regions": 1,
            "without area": 1, "clipped": 1, "twice": 1,
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("regions", "num", "ignored"), [("object", 3, 0), ("drop", 2, 0), ("ignore", 3, 1)]
    )
    def test_regions(self, coco, regions, num, ignored):
        got = coco(COCO, regions=regions)
        assert (len(got.boxes), got.ignore.sum(), got.counts["regions"]) == (num, ignored, 1)

    def test_batches(self, coco):
        first, last = coco(COCO).batches(2, order=[1, 2, 0], like=torch.zeros(1))
        assert first.boxes.dtype == torch.float32
        assert first.valid.tolist() == [[True, True], [False, False]]
        assert last.ignore.tolist() == [[True]]

    def test_no_such_image(self, coco):
        with pytest.raises(IndexError, match="must be 0 … 2, got 3"):
            coco(COCO).targets([3])

    def test_nothing(self, coco):
        got = coco({"images": [], "annotations": [], "categories": []})
        assert got.targets([]).boxes.shape == (0, 0, 4)

    @pytest.mark.parametrize(
        ("key", "k", "field", "value", "reason"),
        [
            ("annotations", 1, "image_id", 77, r"annotations\[1\].image_id must be the id of an image, got 77"),
            ("annotations", 1, "image_id", [1], "the id of an image"),
            ("annotations", 0, "category_id", None, r"annotations\[0\].category_id must be the id of a category"),
            ("annotations", 0, "bbox", [1, 2, 3], "4 finite numbers"),
            ("annotations", 0, "bbox", [1, 2, 3, True], "4 finite numbers"),
            ("annotations", 0, "bbox", [1, 2, 3, float("nan")], "4 finite numbers"),
            ("annotations", 0, "bbox", [1, 2, 3, 10**400], "4 finite numbers"),
            ("annotations", 0, "iscrowd", 2, "0 or 1"),
            ("images", 1, "id", 9, r"images\[1\].id must be there once, got 9"),
            ("images", 1, "width", 0, "a number > 0"),
            ("images", 1, "file_name", None, "a string"),
            ("categories", 0, "id", 1.5, "a whole number"),
        ],
    )  # fmt: skip
    def test_a_wrong_entry(self, coco, key, k, field, value, reason):
        with pytest.raises(ValueError, match=f"set.json: .*{reason}"):
            coco(changed(key, k, field, value))

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", "3", "[" * 200_000, "{}", '{"images": [3]}', "\udcff"]
    )
    def test_no_json(self, tmp_path, text):
        path = tmp_path / "set.json"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(ValueError, match=r"set\.json"):
            data.read_coco(path)

    def test_folder(self, tmp_path):
        with pytest.raises(IsADirectoryError):
            data.read_coco(tmp_path)


class TestReadVoc:
    def test_values(self, voc):
        hard = OBJECT.format("cat", "<difficult>1</difficult>", 51, 1, 100, 25)
        got = voc(VOC.format(OBJECT.format("dog", "", 1, 1, 50, 50) + hard))
        assert got.images == ("a",)
        assert got.categories == {"cat": 0, "dog": 1}
        assert got.boxes.tolist() == [[0.25, 0.5, 0.5, 1.0], [0.75, 0.25, 0.5, 0.5]]
        assert got.labels.tolist() == [1, 0]
        assert got.ignore.tolist() == [False, True]

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("<a>\n<b></a>", "line 2: mismatched tag"),
            ("<annotation/>", "line 1 must hold <size>"),
            (VOC.format("<object/>"), "line 3 must hold <name>"),
            (
                VOC.format(OBJECT.format("dog", "", "nan", 1, 2, 2)),
                "line 3 must hold a finite number",
            ),
            (
                VOC.format(OBJECT.format("dog", "<difficult>3</difficult>", 1, 1, 2, 2)),
                "difficult 0 or 1",
            ),
            ('<!DOCTYPE a [<!ENTITY b "c">]>\n<a>&b;</a>', "line 1: a document type is refused"),
            (
                '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>',
                "a document type",
            ),
        ],
    )
    def test_a_wrong_file(self, voc, text, reason):
        with pytest.raises(ValueError, match=f"a.xml, {reason}|a.xml, .*{reason}"):
            voc(text)

    def test_unknown_class(self, voc):
        with pytest.raises(ValueError, match="line 3 must name one of cat, got 'dog'"):
            voc(VOC.format(OBJECT.format("dog", "", 1, 1, 2, 2)), class_names=["cat"])


class TestNames:
    """Pictures by a list file, classes by `classes.txt`."""

    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "Annotations").mkdir()
        for name, dog in (("a", "dog"), ("b", "cat"), ("c d", "dog")):
            text = VOC.format(OBJECT.format(dog, "", 1, 1, 50, 50))
            (tmp_path / "Annotations" / f"{name}.xml").write_text(text)
            (tmp_path / "Annotations" / f"{name}.txt").write_text("0 .5 .5 .5 .5")
        (tmp_path / "train.txt").write_text("c d\n\na \n")
        (tmp_path / "dog_train.txt").write_text("c d  1\na -1\nb  0\n")
        return tmp_path

    @pytest.mark.parametrize(
        ("names", "images"),
        [
            (None, ["a", "b", "c d"]), (["b", "a"], ["b", "a"]), ([], []),
            ("train.txt", ["c d", "a"]), ("dog_train.txt", ["c d", "a", "b"]),
        ],
    )  # fmt: skip
    def test_pictures(self, folder, names, images):
        names = folder / names if isinstance(names, str) else names
        assert data.read_voc(folder / "Annotations", names).images == tuple(images)
        assert len(data.read_yolo_folder(folder / "Annotations", names)[0]) == len(images)

    def test_a_picture_that_is_not_there(self, folder):
        (folder / "train.txt").write_text("a\ne\n")
        with pytest.raises(FileNotFoundError, match=r"e\.xml"):
            data.read_voc(folder / "Annotations", folder / "train.txt")

    def test_classes(self, folder):
        assert data.read_voc(folder / "Annotations").class_names == ("cat", "dog")
        (folder / "Annotations/classes.txt").write_text("dog\ncat\nant\n")
        got = data.read_voc(folder / "Annotations")
        assert (got.class_names, got.labels.tolist()) == (("dog", "cat", "ant"), [0, 1, 0])
        assert data.read_voc(folder / "Annotations", class_names=["cat", "dog"]).labels[0] == 1


class TestCollated:
    def test_rows(self):
        rows = torch.tensor([[1, 2, 0.5, 0.5, 0.25, 0.25], [0, 1, 0.5, 0.5, 0.5, 0.5]])
        got = data.targets_from_rows(rows, 3)
        assert isinstance(got.boxes, torch.Tensor)
        assert got.labels.tolist() == [[1], [2], [0]]
        assert got.valid.tolist() == [[True], [True], [False]]

    def test_rows_of_no_image(self):
        with pytest.raises(ValueError, match=r"rows\[0, 0\] must name an image 0 … 0, got 1.0"):
            data.targets_from_rows(np.array([[1, 0, 0.5, 0.5, 0.5, 0.5]]), 1)

    def test_rows_in_pixels(self):
        rows = np.array([[1, 2, 10, 20, 30, 30]], dtype=float)
        got = data.targets_from_rows(rows, 2, format="xyxy", size=[(5, 5), (100, 50)])
        assert np.allclose(got.boxes[1, 0], [0.2, 0.5, 0.2, 0.2], rtol=1e-14)

    def test_dicts(self):
        entry = {
            "boxes": torch.tensor([[10, 20, 30, 40]]),
            "labels": torch.tensor([1]),
            "iscrowd": torch.tensor([1]),
        }
        got = data.targets_from_dicts([entry, {"boxes": [], "labels": []}], [(100, 80), (10, 10)])
        assert np.allclose(got.boxes[0], [[0.2, 0.375, 0.2, 0.25]])
        assert got.labels[0].tolist() == [0]
        assert got.ignore.tolist() == [[True], [False]]

    def test_background_is_no_class(self):
        with pytest.raises(ValueError, match="a class must be an integer ≥ 0, got -1"):
            data.targets_from_dicts([{"boxes": [[1, 1, 2, 2]], "labels": [0]}], [(4, 4)])

    def test_rows_and_back(self):
        rows = torch.tensor([[0, 1, 0.5, 0.5, 0.5, 0.5], [2, 7, 0.5, 0.25, 0.25, 0.125]])
        got = data.rows_from_targets(data.targets_from_rows(rows, 3))
        assert got.dtype == torch.float32
        assert torch.equal(got, rows)

    def test_dicts_and_back(self):
        entry = {"boxes": [[10, 20, 30, 40], [0, 0, 50, 80]], "labels": [3, 1], "iscrowd": [1, 0]}
        sizes = [(10, 10), (100, 80)]
        targets = data.targets_from_dicts(
            [{"boxes": [], "labels": []}, entry], sizes, like=torch.zeros(1)
        )
        nothing, got = data.dicts_from_targets(targets, sizes)
        assert nothing["boxes"].shape == (0, 4)
        assert {key: x.tolist() for key, x in got.items()} == {
            "boxes": [pytest.approx(row, abs=1e-5) for row in entry["boxes"]],
            "labels": [3, 1], "iscrowd": [1, 0],
        }  # fmt: skip
