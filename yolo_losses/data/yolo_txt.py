"""YOLO txt, one file a picture.

One object a line, `class x y w h`; the class counts from 0, centre and size are fractions of the
picture. Errors name the file and the line.
"""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from ..targets import pad_targets
from .files import numbered_lines
from .names import CLASS_NAMES, Names, listed

CLASS_LIMIT = 2**31  # some libraries count in 32 bits


def read_yolo_txt(path: str | PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and labels of one file.

    Parameters
    ----------
    path : path of a text file
        Blank lines are skipped; a file without objects is ordinary.

    Returns
    -------
    boxes : array, shape (M, 4), float64
        Centre form x y w h, fractions of the picture.
    labels : array, shape (M,), int64

    Raises
    ------
    ValueError
        A line that is not five numbers, or that `pad_targets` would refuse, by file and line.
    OSError
        The file cannot be read.
    """
    rows, lines = _rows(path, _numbers)
    if _fault(rows):
        bad = next(k for k, row in enumerate(rows) if _fault([row]))
        msg = f"{path}, line {lines[bad]}: {_fault([rows[bad]])}"
        raise ValueError(msg)
    table = np.asarray(rows, dtype=np.float64).reshape(-1, 5)
    return table[:, 1:].copy(), table[:, 0].astype(np.int64)


def read_yolo_rows(path: str | PathLike[str]) -> tuple[np.ndarray, list[int]]:
    """The numbers of one file as they stand, which need be no truths; for those who look at them.

    Parameters
    ----------
    path : path of a text file
        Blank lines are skipped.

    Returns
    -------
    rows : array, shape (M, 5), float64
        class x y w h, of a polygon that of its bounding box.
    lines : list of M int
        Their lines, from 1.

    Raises
    ------
    ValueError
        A line that is neither five numbers nor a polygon, `class x1 y1 x2 y2 x3 y3 …`, or whose
        class is no whole number, by file and line.
    OSError
        The file cannot be read.
    """
    rows, lines = _rows(path, _bounded)
    for k, row in zip(lines, rows, strict=True):
        if not row[0].is_integer() or row[0] <= -CLASS_LIMIT:
            msg = f"{path}, line {k}: a class must be a whole number, got {row[0]:g}"
            raise ValueError(msg)
    return np.asarray(rows, dtype=np.float64).reshape(-1, 5), lines


def _rows(
    path: str | PathLike[str], read: Callable[[str, str], list[float]]
) -> tuple[list[list[float]], list[int]]:
    """The five numbers of each line that is not blank, and which lines these are."""
    lines = numbered_lines(path)
    return [read(f"{path}, line {k}", line) for k, line in lines], [k for k, _ in lines]


def is_polygon(numbers: Sequence[object]) -> bool:
    """Whether what stands behind a class is x y of 3 points or more."""
    return len(numbers) >= 6 and len(numbers) % 2 == 0


def bounds(points: Sequence[float]) -> tuple[float, float, float, float]:
    """The bounding box x1 y1 x2 y2 of a polygon x1 y1 x2 y2 x3 y3 …"""
    xs, ys = points[::2], points[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def _bounded(place: str, line: str) -> list[float]:
    """The five numbers of a line, of a polygon those of its bounding box."""
    fields = line.split()
    if not is_polygon(fields[1:]):
        return _numbers(place, line)
    label, *points = _floats(place, line, fields)
    x1, y1, x2, y2 = bounds(points)
    return [label, (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]


def _numbers(place: str, line: str) -> list[float]:
    """The five numbers of a line."""
    fields = line.split()
    if len(fields) != 5:
        msg = f"{place}: must hold 5 numbers, class x y w h, got {len(fields)}"
        raise ValueError(msg)
    return _floats(place, line, fields)


def _floats(place: str, line: str, fields: Sequence[str]) -> list[float]:
    """The fields of a line as numbers."""
    try:
        numbers = [float(field) for field in fields]
    except ValueError:
        expected = "5 numbers, class x y w h" if len(fields) == 5 else "numbers"
        msg = f"{place}: must hold {expected}, got {line.strip()!r}"
        raise ValueError(msg) from None
    if numbers[0] >= CLASS_LIMIT:
        msg = f"{place}: a class must be below 2^31, got {fields[0]}"
        raise ValueError(msg)
    return numbers


def _fault(rows: Sequence[Sequence[float]]) -> str:
    """What `pad_targets` says of rows, empty where they are fine."""
    try:
        pad_targets([[row[1:] for row in rows]], [[row[0] for row in rows]])
    except ValueError as error:
        return str(error).rpartition("row 0: ")[2]
    return ""


def yolo_names(folder: str | PathLike[str]) -> list[str]:
    """The pictures of a folder of YOLO txt files: file names without `.txt`, sorted.

    `classes.txt` is no picture. Raises FileNotFoundError where there is no such folder.
    """
    if not Path(folder).is_dir():
        msg = f"{folder} is not a folder"
        raise FileNotFoundError(msg)
    return sorted(path.stem for path in Path(folder).glob("*.txt") if path.name != CLASS_NAMES)


def read_yolo_folder(
    folder: str | PathLike[str], names: Names = None
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Boxes and labels of several pictures, ready for `pad_targets`.

    Parameters
    ----------
    folder : path of a folder of YOLO txt files
    names : sequence of N str, or path of a list, optional
        Pictures in the order wanted, each `folder/<name>.txt`; a list has one a line. None takes
        all of `yolo_names`.

    Returns
    -------
    boxes_per_image : list of N arrays, shape (M, 4), float64
    labels_per_image : list of N arrays, shape (M,), int64

    Raises
    ------
    ValueError
        A line that is no object, by file and line.
    OSError
        No such folder, or a file that cannot be read.
    """
    names = listed(names, lambda: yolo_names(folder))
    read = [read_yolo_txt(Path(folder) / f"{name}.txt") for name in names]
    return [boxes for boxes, _ in read], [labels for _, labels in read]
