"""The dialects by name, and what their docstrings say about them."""

import re
from importlib import import_module
from inspect import getdoc
from types import ModuleType
from typing import NamedTuple


class Dialect(NamedTuple):
    """One program's loss."""

    name: str  # of the module
    version: str  # of the formula that it departs from
    program: str
    gives: str  # "slopes": deltas(raw, truths, options); "loss": loss(raw, targets, options)
    tests: str  # of tests/test_dialects_….py
    also: tuple[str, ...] = ()  # other versions that it is used for

    @property
    def module(self) -> ModuleType:
        """The module, imported when it is asked for."""
        return import_module(f".{self.name}", __package__)


_ALL = (
    Dialect("darknet_v1", "v1", "pjreddie/darknet, detection layer", "slopes", "darknet"),
    Dialect("abeardear_v1", "v1", "abeardear/pytorch-YOLO-v1", "loss", "losses"),
    Dialect("aladdinpersson_v1", "v1", "aladdinpersson, YOLO", "loss", "losses"),
    Dialect("darknet_v2", "v2", "pjreddie/darknet, region layer", "slopes", "darknet"),
    Dialect("alexeyab_v2", "v2", "AlexeyAB/darknet, region layer", "slopes", "darknet"),
    Dialect("uvipen_v2", "v2", "uvipen/Yolo-v2-pytorch", "loss", "losses"),
    Dialect("darknet_v3", "v3", "pjreddie/darknet, yolo layer", "slopes", "darknet"),
    Dialect("mmdetection", "v3", "mmdetection, YOLOV3Head", "loss", "losses"),
    Dialect(
        "ultralytics",
        "v3",
        "ultralytics/yolov3 and its relatives",
        "loss",
        "losses",
        ("v4",),
    ),
    Dialect("aladdinpersson_v3", "v3", "aladdinpersson, YOLOv3", "loss", "losses"),
    Dialect("alexeyab_v4", "v4", "AlexeyAB/darknet, yolo layer", "slopes", "darknet"),
    Dialect("tianxiaomo", "v4", "Tianxiaomo/pytorch-YOLOv4", "loss", "losses"),
    Dialect("hunglc007", "v4", "hunglc007/tensorflow-yolov4-tflite", "loss", "losses"),
    Dialect("katacv", "v4", "KataCV, YOLOv4 and v5", "loss", "losses"),
)
DIALECTS = {dialect.name: dialect for dialect in _ALL}

TOPICS = (
    "decode", "assignment", "ignore", "coordinates", "objectness", "classes", "collisions",
    "reduction", "eps", "truths", "cost",
)  # fmt: skip


def departures(dialect: Dialect) -> dict[str, str]:
    """Where a dialect departs from its formula, by topic: the list in its docstring."""
    return _items(dialect, f"Departs from the formula of {dialect.version}:")


def faults(dialect: Dialect) -> dict[str, str]:
    """What goes wrong in the program: the list in its docstring, numbered by its first words."""
    return _items(dialect, "Faults:")


def _items(dialect: Dialect, heading: str) -> dict[str, str]:
    """The points `* topic: text` of the list below a heading."""
    _, _, below = (getdoc(dialect.module) or "").partition(heading)
    points = re.match(r"\n\n((?:\*.*\n?(?:  .*\n?)*)+)", below)
    found: dict[str, str] = {}
    for point in re.findall(r"\* (.*(?:\n  .*)*)", points.group(1) if points else ""):
        topic, _, text = " ".join(point.split()).partition(": ")
        found[topic] = text
    return found
