"""Damaged files are read or refused by name: `python -m tests.support.fuzz` tries many more."""

import re
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from tests.support.fuzz import Child, outcome, tried
from tests.support.fuzz_readers import ON_PURPOSE, Reader, readers
from yolo_losses import cfg, data
from yolo_losses.cli import main
from yolo_losses.crosscheck import files

READERS = readers()
SLOWEST = 2  # seconds a file
NEVER_REFUSED = ["data.read_yolo, a list"]  # an image that is not there has no labels


@pytest.fixture(scope="module")
def child():
    with Child() as child:
        yield child


def test_every_reader_is_tried():
    public = re.findall(
        r"(?m)^yolo_losses\.(\w+\.(?:read|load|npz_h)\w+)\(",
        Path(__file__).with_name("api.txt").read_text(encoding="utf-8"),
    )
    by_format = [f"data.{read.__name__}" for read in data.READERS.values()]
    assert len(public) > len(by_format) > 2
    assert {*public, *by_format} - {name.partition(",")[0] for name in READERS} == set()


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_read_or_refused(child, name, tmp_path):
    found = list(tried(child, name, READERS[name], tmp_path, examples=200, seed=1))
    assert [(text, o) for text, o in found if not o.allowed] == []
    assert {o.answer for _, o in found} > {"read"} or name in NEVER_REFUSED
    assert max(o.seconds for _, o in found) < SLOWEST


@pytest.mark.parametrize("name", READERS)
def test_files_that_are_not_damaged_are_read(name, tmp_path):
    path = READERS[name].laid_out(tmp_path)
    for valid in READERS[name].valid:
        path.write_bytes(valid)
        assert outcome(READERS[name], path).answer == "read"


@pytest.mark.parametrize(
    ("error", "allowed"),
    [
        (ValueError("a.txt, line 3 must hold numbers"), True),
        (ValueError("a.txt must hold numbers"), False),
        (ValueError("line 3 must hold numbers"), False),
        (OSError("a.txt: permission denied"), True),
        (KeyError("a.txt, line 3"), False),
        (RecursionError("a.txt, line 3"), False),
        (UserWarning("a.txt, line 3"), False),
    ],
    ids=repr,
)
def test_which_errors_are_allowed(error, allowed, tmp_path):
    def read(path):
        raise error

    assert outcome(Reader(read, "a.txt", (b"",), "line 3"), tmp_path / "a.txt").allowed == allowed


@pytest.mark.parametrize(
    ("name", "answer"),
    [*zip(ON_PURPOSE, ["hangs", "MemoryError", "ValueError", "ended with 3"], strict=True)],
)
def test_hangs_and_huge_allocations_are_found(name, answer, tmp_path):
    """By the file, and the next one is read by another child."""
    sound = READERS["data.read_yolo_txt"].laid_out(tmp_path)
    with Child(seconds=1) as child:
        found = child.outcome(name, tmp_path / "a.txt")
        assert (found.answer, found.allowed) == (answer, False)
        assert child.outcome("data.read_yolo_txt", sound).answer == "read"


COMMANDS = {
    "data.read_npz": ["loss", "--version", "v2", "--preset", "voc", "--labels", ".", "--raw"],
    "crosscheck npz": ["compare", "--no-search", "--version", "v2", "--preset", "voc"],
    "crosscheck safetensors": ["compare", "--no-search", "--version", "v2", "--preset", "voc"],
    "cfg.load": ["compare", "{sound}", "--cfg"],
    "data.read_coco": ["labels"],
    "data.read_yolo, data.yaml": ["doctor", "--version", "v3"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_end_in_one_line(name, tmp_path):
    reader, rng, sound = READERS[name], np.random.default_rng(2), tmp_path / "sound.npz"
    sound.write_bytes(READERS["data.read_npz"].valid[0])
    words = [word.format(sound=sound) for word in COMMANDS[name]]
    path = reader.laid_out(tmp_path)
    for k in range(40):
        path.write_bytes(reader.damages[k % len(reader.damages)](reader.valid[0], rng))
        result = CliRunner().invoke(main, [*words, str(path)])
        assert result.exit_code in ((0, 1, 2) if words[0] in ("labels", "doctor") else (2,))
        assert result.stderr.count("\n") == (result.exit_code == 2), path.read_bytes()


YAML = "path: .\ntrain: images\nnames: [a]\n"
JSON = '{"images": [],\n"categories": [],\n"annotations": []}'


@pytest.mark.parametrize(
    ("read", "name", "text", "line"),
    [
        (cfg.load, "a.cfg", "[net]\nwidth=32\nheight=32\nchannels\n", 4),
        (data.read_coco, "a.json", JSON.replace("[]}", "[}"), 3),
        (data.read_coco, "a.json", JSON.replace('"cat', '\udcff"cat'), 2),
        (data.read_coco, "a.json", JSON.replace('[],\n"a', "9" * 5000 + ',\n"a'), 2),
        (data.read_yolo, "a.yaml", YAML.replace("[a]", "[a"), 4),
        (data.read_yolo, "a.yaml", YAML.replace("images", "im\tages: x"), 2),
        (data.read_yolo, "a.yaml", YAML.replace("images", "\x07"), 2),
        (data.read_yolo, "a.yaml", YAML.replace("images", "\udcff"), 2),
        (data.read_yolo, "a.yaml", YAML.replace("images", "2000-99-99"), 2),
        (data.read_yolo, "a.yaml", YAML.replace("images", "!!python/tuple []"), 2),
        (data.read_yolo, "a.yaml", YAML.replace("train", "[train]"), 2),
        (data.read_yolo, "a.yaml", YAML.replace("train", "nc: 3\ntrain"), 3),
        (data.read_yolo, "a.yaml", YAML.replace("[a]", "{1: a}"), 3),
        (data.read_yolo_txt, "a.txt", "0 .5 .5 .1 .1\n\n0 .5 .5 .1\n", 3),
        (data.read_class_names, "a.txt", "cat\n\n\udcff\n", 3),
        (lambda p: data.read_voc(p.parent), "a.xml", "<a>\n<b>\n</a>", 3),
    ],
)
def test_the_line_is_that_of_the_damage(read, name, text, line, tmp_path):
    (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises((ValueError, FileNotFoundError), match=rf"{name},? line {line}\b"):
        read(tmp_path / name)


# What was found so.


def test_class_names_that_are_not_utf8(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_bytes(b"cat\nd\xff\n")
    with pytest.raises(ValueError, match=r"classes\.txt, line 2 must be UTF-8"):
        data.read_class_names(path)


def test_unknown_names_are_of_a_file(tmp_path):
    save_file({"totel": np.zeros(1)}, tmp_path / "mine.safetensors")
    with pytest.raises(ValueError, match=r"mine\.safetensors: unknown names: 'totel'"):
        files.read(tmp_path / "mine.safetensors")


@pytest.mark.parametrize("train", ["/", "/tmp/.."])
def test_the_images_are_not_the_whole_machine(train, tmp_path):
    (tmp_path / "data.yaml").write_text(f"names: [cat]\n\ntrain: {train}\n")
    with pytest.raises(ValueError, match=r"data\.yaml, line 3: train must be a folder of images"):
        data.read_yolo(tmp_path / "data.yaml")


@pytest.mark.parametrize("value", ["9" * 200_000 + "x", "." + "9" * 200_000 + "e", "1," * 100_000])
def test_a_number_of_many_digits_is_refused_at_once(value):
    start = time.process_time()
    with pytest.raises(ValueError, match="width must be a number") as caught:
        cfg.loads(f"[net]\nwidth={value}\nheight=32\nchannels=3\n")
    assert time.process_time() - start < 1
    assert len(str(caught.value)) < 400


def test_classes_without_names_have_a_limit(tmp_path):
    """Each gets a name: 2³¹ of them took all memory."""
    for label, fits in (("65535", True), ("65536", False), ("2147483647", False)):
        (tmp_path / "a.txt").write_text(f"0 .5 .5 .1 .1\n{label} .5 .5 .1 .1\n")
        if fits:
            assert len(data.read_yolo(tmp_path).class_names) == 65536
        else:
            with pytest.raises(ValueError, match=r"a\.txt, line 2 must have a class 0 … 65535"):
                data.read_yolo(tmp_path)


@pytest.mark.parametrize("image", ["/", "x" * 5000, "a\0b"])
def test_images_that_no_file_can_be(image, tmp_path):
    (tmp_path / "data.yaml").write_text("names: [cat]\ntrain: list.txt\n")
    (tmp_path / "list.txt").write_text(f"a.jpg\n{image}\n")
    if image == "/":
        with pytest.raises(ValueError, match=r"list\.txt, line 2 must be the path of an image"):
            data.read_yolo(tmp_path / "data.yaml")
    else:
        assert data.read_yolo(tmp_path / "data.yaml").counts["without a label file"] == 2


@pytest.mark.parametrize("read", [cfg.load, data.read_class_names, data.read_yolo_txt])
def test_a_device_is_no_file(read):
    with pytest.raises(ValueError, match="/dev/zero is not a regular file"):
        read("/dev/zero")
