"""Files of labels and of raw outputs."""

import pickle
import zipfile

import numpy as np
import pytest

from yolo_losses import data, pad_targets
from yolo_losses.demo.photographs import LABELS, PICTURES


@pytest.fixture
def write(tmp_path):
    """A function that writes a label file and returns its path."""

    def write(text, name="a.txt"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


class TestReadYoloTxt:
    def test_values(self, write):
        boxes, labels = data.read_yolo_txt(write("2 0.5 0.25 0.125 1\n0 1 0 0.5 0.75\n"))
        assert boxes.tolist() == [[0.5, 0.25, 0.125, 1.0], [1.0, 0.0, 0.5, 0.75]]
        assert labels.tolist() == [2, 0]
        assert (boxes.dtype, labels.dtype) == (np.float64, np.int64)

    @pytest.mark.parametrize("text", ["", "\n", "  \n\t\n"])
    def test_no_objects(self, write, text):
        boxes, labels = data.read_yolo_txt(write(text))
        assert boxes.shape == (0, 4)
        assert labels.shape == (0,)
        assert pad_targets([boxes], [labels]).boxes.shape == (1, 0, 4)

    @pytest.mark.parametrize(
        "text",
        [
            "\ufeff3 .5 .5 .1 .2",  # byte order mark
            "3 .5 .5 .1 .2\r\n",
            "\n\n  3\t.5   .5 .1 .2  \n\n",
            "3.0 5e-1 .5 .1 .2",
        ],
    )
    def test_spelling(self, write, text):
        boxes, labels = data.read_yolo_txt(write(text))
        assert boxes.tolist() == [[0.5, 0.5, 0.1, 0.2]]
        assert labels.tolist() == [3]

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("0 .5 .5 .1", "must hold 5 numbers, class x y w h, got 4"),
            ("0 .5 .5 .1 .2 .3 .4 .5 .6", "must hold 5 numbers, class x y w h, got 9"),
            ("cat .5 .5 .1 .1", "must hold 5 numbers, class x y w h, got 'cat .5 .5 .1 .1'"),
            ("0 nan .5 .1 .1", "not finite"),
            ("0 .5 .5 inf .1", "not finite"),
            ("0 -.1 .5 .1 .1", "below 0"),
            ("0 208 208 50 50", "pixels"),
            ("0 .5 .5 0 .1", "width or height is 0"),
            ("-1 .5 .5 .1 .1", "a class must be an integer ≥ 0"),
            ("1.5 .5 .5 .1 .1", "a class must be an integer ≥ 0"),
            ("1e30 .5 .5 .1 .1", "a class must be below 2^31"),
        ],
    )
    def test_bad_line(self, write, line, reason):
        path = write(f"0 .5 .5 .1 .1\n\n1 .5 .5 .2 .2\n{line}\n0 .5 .5 .1 .1\n")
        with pytest.raises(ValueError, match=r"a\.txt, line 4: ") as caught:
            data.read_yolo_txt(path)
        assert str(path) in str(caught.value)
        assert reason in str(caught.value)
        assert "image 0" not in str(caught.value)

    def test_the_first_bad_line_is_named(self, write):
        path = write("0 .5 .5 .1 .1\n0 9 9 9 9\n0 .5 .5 0 0\n")
        with pytest.raises(ValueError, match="line 2: "):
            data.read_yolo_txt(path)

    def test_bytes_that_are_no_text(self, write):
        with pytest.raises(ValueError, match="line 1: must hold 5 numbers"):
            data.read_yolo_txt(write(b"\xff\xfe\x00"))

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            data.read_yolo_txt(tmp_path / "a.txt")


class TestFolder:
    @pytest.fixture
    def folder(self, write):
        write("1 .5 .5 .1 .1\n", "b.txt")
        write("", "a.txt")
        write("0 .5 .5 .1 .1\n2 .5 .5 .1 .1\n", "c.txt")
        write("cat\nspace shuttle model\n\n", "classes.txt")
        return write("no label file", "README.md").parent

    def test_names(self, folder):
        assert data.yolo_names(folder) == ["a", "b", "c"]

    def test_all(self, folder):
        boxes, labels = data.read_yolo_folder(folder)
        assert [label.tolist() for label in labels] == [[], [1], [0, 2]]
        assert pad_targets(boxes, labels).valid.tolist() == [
            [False, False],
            [True, False],
            [True, True],
        ]

    def test_in_an_order(self, folder):
        _, labels = data.read_yolo_folder(folder, ["c", "a", "c"])
        assert [label.tolist() for label in labels] == [[0, 2], [], [0, 2]]

    def test_no_names_is_no_picture(self, folder):
        assert data.read_yolo_folder(folder, []) == ([], [])

    def test_missing(self, folder):
        with pytest.raises(FileNotFoundError, match=r"d\.txt"):
            data.read_yolo_folder(folder, ["a", "d"])
        with pytest.raises(FileNotFoundError, match="is not a folder"):
            data.read_yolo_folder(folder / "nowhere")
        with pytest.raises(FileNotFoundError, match="is not a folder"):
            data.yolo_names(folder / "a.txt")

    def test_class_names(self, folder):
        assert data.read_class_names(folder / "classes.txt") == ["cat", "space shuttle model"]

    def test_the_demo_labels(self):
        names, classes = data.yolo_names(LABELS), data.read_class_names(LABELS / "classes.txt")
        assert sorted(PICTURES) == names
        _, labels = data.read_yolo_folder(LABELS)
        assert sum(map(len, labels)) == 34
        assert set(np.concatenate(labels)) == set(range(len(classes)))


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


class TestReadNpz:
    def test_arrays(self, tmp_path):
        x = np.arange(6, dtype=np.float32).reshape(2, 3)
        np.savez_compressed(tmp_path / "x.npz", raw=x, images=np.array(["a", "b"]))
        read = data.read_npz(tmp_path / "x.npz")
        np.testing.assert_array_equal(read["raw"], x)
        assert read["raw"].dtype == np.float32
        assert read["images"].tolist() == ["a", "b"]

    def test_byte_order(self, tmp_path):
        np.savez(tmp_path / "x.npz", raw=np.array([1.5, 2.0], dtype=">f8"))
        read = data.read_npz(tmp_path / "x.npz")["raw"]
        assert read.dtype.isnative
        assert read.tolist() == [1.5, 2.0]

    def test_nothing_is_unpickled(self, tmp_path):
        bomb = Bomb(str(tmp_path / "made"))
        np.savez(tmp_path / "x.npz", raw=np.array([bomb], dtype=object))
        with pytest.raises(ValueError, match=r"x\.npz cannot be read: .*allow_pickle"):
            data.read_npz(tmp_path / "x.npz")
        (tmp_path / "y.npz").write_bytes(pickle.dumps(bomb))
        with pytest.raises(ValueError, match=r"y\.npz is not an \.npz file"):
            data.read_npz(tmp_path / "y.npz")
        assert not (tmp_path / "made").exists()

    def test_other_files(self, tmp_path):
        np.save(tmp_path / "x.npy", np.zeros(3))
        (tmp_path / "empty.npz").touch()
        for name in ("x.npy", "empty.npz"):
            with pytest.raises(ValueError, match=r"is not an \.npz file"):
                data.read_npz(tmp_path / name)
        with pytest.raises(FileNotFoundError):
            data.read_npz(tmp_path / "none.npz")

    def test_damaged(self, tmp_path):
        path = tmp_path / "x.npz"
        np.savez(path, raw=np.zeros(1000))
        content = bytearray(path.read_bytes())
        content[400:420] = b"x" * 20
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"x\.npz cannot be read"):
            data.read_npz(path)

    @pytest.mark.parametrize("member", ["raw", "raw.npy"])
    def test_a_member_that_is_no_array(self, tmp_path, member):
        with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
            archive.writestr(member, "hello")
        with pytest.raises(ValueError, match="raw"):
            data.read_npz(tmp_path / "x.npz")
