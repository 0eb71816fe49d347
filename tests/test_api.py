"""The public names are those of the list; `python -m tests.support.api` stores it anew."""

import importlib.metadata
from pathlib import Path

import yolo_losses
from tests.support import api


def test_public_names_and_their_parameters_are_those_of_the_list():
    """A change of the list is a change for users: see the README on what may change when."""
    stored = api.LIST.read_text(encoding="utf-8").splitlines()
    assert api.lines() == stored


def test_every_version_has_the_same_names():
    named = [set(getattr(yolo_losses, v).__all__) for v in ("v1", "v2", "v3", "v4")]
    assert all(names == named[0] for names in named)
    assert {"Config", "assign", "decode", "encode", "loss", "loss_and_grad"} <= named[0]


def test_the_package_is_typed_and_says_its_version():
    assert (Path(yolo_losses.__file__).parent / "py.typed").is_file()
    assert importlib.metadata.version("yolo-losses") == yolo_losses.__version__
