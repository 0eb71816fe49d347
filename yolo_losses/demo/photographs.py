"""The labelled photographs: pictures of scikit-image, label files of this package."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data import CLASS_NAMES, read_class_names, read_yolo_txt
from ..targets import Targets, pad_targets

LABELS = Path(__file__).parent / "labels"
PICTURES = ("astronaut", "coffee", "chelsea", "coins")


class Photograph(NamedTuple):
    """One picture and its objects."""

    name: str
    pixels: np.ndarray  # (height, width) or (height, width, 3), uint8
    boxes: np.ndarray  # (M, 4), centre form, fractions of the picture
    labels: np.ndarray  # (M,)
    objects: tuple[str, ...]  # a name of each, "coin 7" where a class occurs more than once


def class_names() -> list[str]:
    """The classes of the label files."""
    return read_class_names(LABELS / CLASS_NAMES)


def photographs() -> list[Photograph]:
    """All four, in the order of `PICTURES`; needs scikit-image."""
    from skimage import data

    return [_photograph(name, getattr(data, name)()) for name in PICTURES]


def _photograph(name: str, pixels: np.ndarray) -> Photograph:
    boxes, labels = read_yolo_txt(LABELS / f"{name}.txt")
    return Photograph(name, pixels, boxes, labels, object_names(labels, class_names()))


def object_names(labels: np.ndarray, classes: Sequence[str]) -> tuple[str, ...]:
    """The class of each object, numbered where it occurs more than once."""
    names = []
    for t, label in enumerate(labels):
        number = f" {(labels[: t + 1] == label).sum()}" if (labels == label).sum() > 1 else ""
        names.append(f"{classes[int(label)]}{number}")
    return tuple(names)


def targets(pictures: list[Photograph]) -> Targets:
    """The truths of a batch of the pictures, float64."""
    return pad_targets([p.boxes for p in pictures], [p.labels for p in pictures])
