"""What commands read: a config of presets and changes, labels, raw outputs."""

import ast
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from .. import _check
from ..data import (
    READERS,
    Labels,
    format_of,
    read_npz,
    read_yolo_folder,
    read_yolo_rows,
    yolo_names,
)
from ..data.data_yaml import SUFFIXES
from ..data.names import class_names_of, listed
from ..demo.versions import MODULES, argument, num_heads
from ..targets import Targets, pad_targets
from .group import fail

Command = Callable[..., Any]


def config_of(version: str, preset: str | None, settings: Sequence[str]) -> Any:
    """A preset with changes."""
    kind = MODULES[version].Config
    presets = [name for name, value in vars(kind).items() if isinstance(value, classmethod)]
    name = preset or ("coco" if "coco" in presets else presets[0])
    if name not in presets:
        fail(f"{version} has no preset {name!r}; it has {', '.join(presets)}")
    return replace(getattr(kind, name)(), **dict(setting(text, kind) for text in settings))


def setting(text: str, kind: type, flag: str = "--set") -> tuple[str, Any]:
    """One KEY=VALUE."""
    key, equals, value = text.partition("=")
    names = [field.name for field in fields(kind)]
    if not equals or key not in names:
        fail(f"{flag} must be KEY=VALUE with KEY one of {', '.join(names)}, got {text!r}")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return key, value


def size_of(text: str) -> np.ndarray:
    """Width and height of `--size`, pixels."""
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) > 2 or not all(side.isascii() and side.isdigit() and int(side) for side in sides):
        fail(f"--size must be a number of pixels or WIDTHxHEIGHT, got {text!r}")
    return np.array([int(sides[0]), int(sides[-1])], dtype=np.float64)


# Labels.


@dataclass(frozen=True)
class TextFiles:
    """YOLO txt files, like `data.Labels`; boxes stay as they stand in the files."""

    folder: str  # "" where pictures have whole paths; these need no label file
    images: list[str]
    class_names: Sequence[str]  # none where nobody says
    left_out = ()

    def look_for(self, names: Iterable[str]) -> None:
        """Take in images of the folders below; only who asks by name gets these."""
        new = {name for name in names if os.path.isfile(f"{self.folder}/{name}.txt")}
        self.images.extend(sorted(new - set(self.images)) if self.folder else ())

    def rows(self, image: str) -> tuple[np.ndarray, list[int]]:
        """What stands in the file of an image, and in which lines."""
        file = Path(self.folder) / f"{image}.txt"
        if not self.folder and not file.exists():
            return np.zeros((0, 5)), []
        return read_yolo_rows(file)

    def targets(self, indices: Sequence[int]) -> Targets:
        """Some images as padded targets."""
        return pad_targets(*read_yolo_folder(self.folder, [self.images[n] for n in indices]))


@dataclass(frozen=True)
class Arrays:
    """Targets of an `.npz` file, like `data.Labels`."""

    images: tuple[str, ...]
    every: Targets
    class_names = left_out = ()

    def targets(self, indices: Sequence[int]) -> Targets:
        """Those of some images."""
        return Targets(*(x[list(indices)] for x in self.every))


LabelSet = Labels | TextFiles | Arrays


def of_labels(command: Command) -> Command:
    """The options of a command that reads labels."""
    split = click.option("--split", metavar="KEY", help="Of a data.yaml.  [default: train]")
    names = click.option("--names", metavar="FILE", help="List of images of a folder, one a line.")
    return split(names(command))


def labels_of(path: str, split: str | None = None, names: str | None = None) -> LabelSet:
    """Labels of any format."""
    options = options_of(path, split, names)
    if Path(path).suffix == ".npz":
        return _arrays(path)
    kind = format_of(path)
    if kind == "yolo" and Path(path).is_dir():
        images = listed(names, lambda: yolo_names(path))
        return TextFiles(path, images, class_names_of(path) or ())
    return READERS[kind](path, **options)


def options_of(path: str, split: str | None, names: str | None) -> dict[str, str]:
    """What the reader of a path is told."""
    if split is not None and Path(path).suffix not in SUFFIXES:
        fail(f"--split is for a data.yaml, {path} is none")
    if names is not None and not Path(path).is_dir():
        fail(f"--names is for a folder of label files, {path} is none")
    given = {"split": split, "names": names}
    return {key: value for key, value in given.items() if value is not None}


def _arrays(path: str) -> Arrays:
    """The targets of a file, named as for `yolo-losses compare`."""
    stored = read_npz(path)
    fields = {k: stored.get(f"targets.{k}") for k in Targets._fields}
    missing = [f"targets.{k}" for k in ("boxes", "labels", "valid") if fields[k] is None]
    if missing:
        fail(f"{path} must hold {', '.join(missing)}, it holds {', '.join(stored) or 'nothing'}")
    every = Targets(**fields)
    if not every.boxes.ndim:
        fail(f"{path}: targets.boxes must have shape (N, T, 4), got ()")
    _check.targets(path, every, ("targets.boxes", every.boxes))
    images = stored.get("images", np.arange(len(every.boxes)).astype(str))
    return Arrays(tuple(_names(path, images, len(every.boxes))), every)


# Raw outputs.


class Batch(NamedTuple):
    """A caller's arrays and the labels of their images."""

    images: list[str]
    heads: list[np.ndarray]
    targets: Targets
    class_names: Sequence[str]  # none where the labels do not say


def batch_of(version: str, config: Any, raw: str, labels: str, **options: str | None) -> Batch:
    """Read the raw outputs of FILE.npz and the labels of their images."""
    arrays = read_npz(raw)
    heads = heads_of(raw, arrays, config)
    num_images = heads[0].shape[0] if heads[0].ndim else 0
    nothing = pad_targets([[]] * num_images, [[]] * num_images)
    with np.errstate(all="ignore"):
        MODULES[version].loss(argument(config, heads), nothing, config)  # checks the shapes
    found = labels_of(labels, **options)
    images, indices = images_of(raw, arrays, labels, found, num_images)
    if found.left_out:
        click.echo(f"yolo-losses: {len(found.left_out)} boxes without an area in their image are "
                   f"left out, the first at {found.left_out[0]}", err=True)  # fmt: skip
    return Batch(images, heads, found.targets(indices), found.class_names)


def heads_of(raw: str, arrays: dict[str, np.ndarray], config: Any) -> list[np.ndarray]:
    """The raw outputs that a config asks for."""
    num = num_heads(config)
    wanted = ["raw"] if num is None else [f"head{s}" for s in range(num)]
    got = [key for key in arrays if key != "images"]
    if set(got) != set(wanted):
        fail(f"{raw} must hold {', '.join(wanted)}, it holds {', '.join(got) or 'nothing'}")
    return [arrays[key] for key in wanted]


def images_of(
    raw: str, arrays: dict[str, np.ndarray], labels: str, found: LabelSet, num_images: int
) -> tuple[list[str], list[int]]:
    """The images of raw outputs, by name and index among the labels; all labels if unnamed."""
    if "images" in arrays:
        names = _names(raw, arrays["images"], num_images)
        if isinstance(found, TextFiles):
            found.look_for(names)
        return names, _indices(names, labels, found.images)
    if len(found.images) != num_images:
        fail(f"{labels} holds labels of {len(found.images)} images, the raw outputs hold "
             f"{num_images}")  # fmt: skip
    return list(found.images), list(range(num_images))


def _names(path: str, images: np.ndarray, num_images: int) -> list[str]:
    if images.ndim != 1 or images.dtype.kind != "U":
        fail(f"{path}: images must be a list of strings, got {images.dtype} {images.shape}")
    if len(images) != num_images:
        fail(f"{path}: images names {len(images)} images, the arrays hold {num_images}")
    names: list[str] = images.tolist()
    return names


def _indices(names: Sequence[str], labels: str, images: Sequence[str]) -> list[int]:
    """Of images among the labels: by the name, else by that without folders and ending."""
    whole, stems = defaultdict(list), defaultdict(list)
    for n, image in enumerate(images):
        whole[image].append(n)
        stems[Path(image).stem].append(n)
    found = [whole.get(name) or stems.get(name) or stems.get(Path(name).stem, []) for name in names]
    for name, those in zip(names, found, strict=True):
        if len(those) != 1:
            fail(f"{labels} holds labels of {len(those)} images {name!r}")
    return [those[0] for those in found]
