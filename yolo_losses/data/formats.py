"""The readers of labels by name, and the one that a path asks for."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from .coco import read_coco
from .data_yaml import SUFFIXES
from .labels import Labels, Progress
from .voc import read_voc
from .yolo_set import read_yolo

READERS: dict[str, Callable[..., Labels]] = {
    "coco": read_coco,
    "voc": read_voc,
    "yolo": read_yolo,
}


def format_of(path: str | PathLike[str]) -> str:
    """The name in `READERS` of what a path holds.

    A `.json` file is COCO, a `.yaml` YOLO; a folder with an `.xml` file is VOC, any other YOLO.

    Raises
    ------
    ValueError
        Another kind of file.
    FileNotFoundError
        There is nothing.
    """
    path = Path(path)
    if path.is_dir():
        return "voc" if next(path.glob("*.xml"), None) else "yolo"
    if not path.exists():
        msg = f"{path} is not there"
        raise FileNotFoundError(msg)
    names = {".json": "coco", **dict.fromkeys(SUFFIXES, "yolo")}
    if path.suffix.lower() not in names:
        msg = f"{path} must be a folder, or end in {', '.join(names)}"
        raise ValueError(msg)
    return names[path.suffix.lower()]


def read_labels(path: str | PathLike[str], *, progress: Progress | None = None) -> Labels:
    """The labels of a set of any format; see `format_of` and `READERS`."""
    return READERS[format_of(path)](path, progress=progress)
