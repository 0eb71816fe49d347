"""Names of classes and of pictures."""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

from .files import numbered_lines, text_of

CLASS_NAMES = "classes.txt"  # beside the label files, one name a line

Names = Sequence[str] | str | PathLike[str] | None  # of pictures, or the path of a list of them


def read_class_names(path: str | PathLike[str]) -> list[str]:
    """The names of the classes, one a line, in the order of their numbers.

    Raises
    ------
    ValueError
        A line is not UTF-8, by file and line.
    OSError
        The file cannot be read.
    """
    return [line.strip() for line in text_of(path).splitlines() if line.strip()]


def class_names_of(folder: str | PathLike[str]) -> list[str] | None:
    """Those of the `classes.txt` of a folder, None where it has none."""
    path = Path(folder) / CLASS_NAMES
    return read_class_names(path) if path.is_file() else None


def listed(names: Names, every: Callable[[], list[str]]) -> list[str]:
    """The names of pictures: as given, of the lines of a list, or all.

    The lists of Pascal VOC for one class say after a name whether it is there, 1, 0 or −1.
    """
    if names is None:
        return every()
    if not isinstance(names, str | PathLike):
        return list(names)
    return [_without_flag(line.strip()) for _, line in numbered_lines(names)]


def _without_flag(line: str) -> str:
    name, *flag = line.rsplit(maxsplit=1)
    return name if flag in (["-1"], ["0"], ["1"]) else line
