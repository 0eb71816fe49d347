"""Damaged files are read or refused by name: `python -m tests.support.fuzz` tries many more."""

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from tests.support.fuzz import Reader, damaged, outcome, readers, tried
from yolo_losses import data
from yolo_losses.cli import main
from yolo_losses.crosscheck import files

SLOWEST = 2  # seconds a file


@pytest.mark.parametrize("name", list(readers()))
def test_damaged_files_are_read_or_refused(name, tmp_path):
    found = list(tried(readers()[name], tmp_path, examples=200, seed=1))
    assert [(text, o) for text, o in found if not o.allowed] == []
    assert {o.answer for _, o in found} > {"read"}
    assert max(o.seconds for _, o in found) < SLOWEST


@pytest.mark.parametrize("name", list(readers()))
def test_files_that_are_not_damaged_are_read(name, tmp_path):
    reader = readers()[name]
    for valid in reader.valid:
        path = tmp_path / f"valid{reader.suffix}"
        path.write_bytes(valid)
        assert outcome(reader, path).answer == "read"


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("no file in it"), RecursionError()])
def test_other_errors_are_not_allowed(error, tmp_path):
    def read(path):
        raise error

    found = tried(Reader(read, ".txt", (b"text",), (damaged,)), tmp_path, examples=3, seed=0)
    assert [o.allowed for _, o in found] == [False] * 3


COMMANDS = {
    "data.read_npz": ["loss", "--version", "v2", "--preset", "voc", "--labels", ".", "--raw"],
    "crosscheck npz": ["compare", "--no-search", "--version", "v2", "--preset", "voc"],
    "crosscheck safetensors": ["compare", "--no-search", "--version", "v2", "--preset", "voc"],
    "cfg.load": ["compare", "{sound}", "--cfg"],
}


@pytest.mark.parametrize("name", list(COMMANDS))
def test_commands_end_in_one_line(name, tmp_path):
    reader, rng, sound = readers()[name], np.random.default_rng(2), tmp_path / "sound.npz"
    sound.write_bytes(readers()["data.read_npz"].valid[0])
    words = [word.format(sound=sound) for word in COMMANDS[name]]
    path = tmp_path / f"damaged{reader.suffix}"
    for k in range(40):
        path.write_bytes(reader.damages[k % len(reader.damages)](reader.valid[0], rng))
        result = CliRunner().invoke(main, [*words, str(path)])
        assert result.exit_code == 2, path.read_bytes()
        assert result.stderr.count("\n") == 1, path.read_bytes()


# What was found so.


def test_class_names_that_are_not_utf8(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_bytes(b"cat\nd\xff\n")
    with pytest.raises(ValueError, match=r"classes\.txt must be UTF-8"):
        data.read_class_names(path)


def test_unknown_names_are_of_a_file(tmp_path):
    save_file({"totel": np.zeros(1)}, tmp_path / "mine.safetensors")
    with pytest.raises(ValueError, match=r"mine\.safetensors: unknown names: 'totel'"):
        files.read(tmp_path / "mine.safetensors")
