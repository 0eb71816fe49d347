"""What commands read: a config of presets and changes, raw outputs, label files."""

import ast
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from ..data import read_npz, read_yolo_folder, yolo_names
from ..demo.versions import MODULES, argument, num_heads
from ..targets import Targets, pad_targets
from .group import fail


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


class Batch(NamedTuple):
    """A caller's arrays and label files."""

    images: list[str]
    heads: list[np.ndarray]
    targets: Targets


def batch_of(version: str, config: Any, raw: str, labels: str) -> Batch:
    """Read the raw outputs of FILE.npz and the label files of their images."""
    arrays = read_npz(raw)
    heads = heads_of(raw, arrays, config)
    num_images = heads[0].shape[0] if heads[0].ndim else 0
    nothing = pad_targets([[]] * num_images, [[]] * num_images)
    with np.errstate(all="ignore"):
        MODULES[version].loss(argument(config, heads), nothing, config)  # checks the shapes
    images = images_of(raw, arrays, labels, num_images)
    return Batch(images, heads, pad_targets(*read_yolo_folder(labels, images)))


def heads_of(raw: str, arrays: dict[str, np.ndarray], config: Any) -> list[np.ndarray]:
    """The raw outputs that a config asks for."""
    num = num_heads(config)
    wanted = ["raw"] if num is None else [f"head{s}" for s in range(num)]
    got = [key for key in arrays if key != "images"]
    if set(got) != set(wanted):
        fail(f"{raw} must hold {', '.join(wanted)}, it holds {', '.join(got) or 'nothing'}")
    return [arrays[key] for key in wanted]


def images_of(raw: str, arrays: dict[str, np.ndarray], labels: str, num_images: int) -> list[str]:
    """The names of the images: of the file, or of all label files."""
    stored = arrays.get("images")
    if stored is None:
        names, source = yolo_names(labels), f"{labels} holds label files of"
    elif stored.ndim != 1 or stored.dtype.kind != "U":
        fail(f"{raw}: images must be a list of strings, got {stored.dtype} {stored.shape}")
    else:
        names, source = stored.tolist(), f"{raw}: images names"
    if len(names) != num_images:
        fail(f"{source} {len(names)} images, the raw outputs hold {num_images}")
    return names
