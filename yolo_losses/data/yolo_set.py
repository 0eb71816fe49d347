"""A set of YOLO txt files: a folder of them, or the `data.yaml` of ultralytics."""

import os
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from .. import _check
from ..targets import SIZE_LIMIT
from .data_yaml import label_files
from .files import numbered_lines, wrong
from .labels import Labels, Progress, Rows, of_rows, told
from .names import Names, class_names_of, listed
from .yolo_txt import bounds, is_polygon, yolo_names

NAMELESS = 2**16  # classes of a folder without classes.txt, each of which gets a name


def read_yolo(
    path: str | PathLike[str],
    split: str = "train",
    *,
    names: Names = None,
    progress: Progress | None = None,
) -> Labels:
    """The labels of a set of YOLO txt files; the sizes of its images stay unknown, NaN.

    A line may hold a polygon, `class x1 y1 x2 y2 x3 y3 …`: it becomes its bounding box, and is
    counted. A picture without a label file has no boxes, and is counted.

    Parameters
    ----------
    path : path of a folder of label files, or of a data.yaml
        `path`, `train` … `names` as ultralytics has them: a split is a folder of images, a txt
        list of images, or a list of those, relative to `path`, and that to the file. The label
        file of `images/a.jpg` is `labels/a.txt`. Needs PyYAML: pip install 'yolo-losses[data]'.
    split : str
        The key of data.yaml to read.
    names : sequence of N str, or path of a list, optional
        Of a folder, as in `read_yolo_folder`.
    progress : callable, optional
        Gets the files done and their number.

    Raises
    ------
    ValueError
        A line that is no object, a class without a name, or a data.yaml that is wrong; by file
        and line or key.
    OSError
        A file cannot be read, or is not there.
    """
    path = Path(path)
    if path.is_dir():
        images = listed(names, lambda: yolo_names(path))
        files, known = [path / f"{name}.txt" for name in images], class_names_of(path)
    elif names is not None:
        _check.wrong_value("read_yolo", "names", "be None where path is no folder", names)
    else:
        files, known = label_files(path, split)
        images = [str(file) for file in files]
    rows, places, polygons, missing = Rows(), [], 0, 0
    for n, file in told(enumerate(files), len(files), progress):
        there = os.path.exists(file)  # False, too, for a name that no file can have
        missing += not there
        for place, line in _lines(file) if there else ():
            found = _object(place, line, known)
            rows.add(n, found.label, found.edges, False)
            places.append(place)
            polygons += found.polygon
    if known is None:
        known = [str(k) for k in range(max(rows.label, default=-1) + 1)]
    sizes, classes = [(float("nan"), float("nan"))] * len(files), {k: k for k in range(len(known))}
    labels = of_rows(images, sizes, rows, places.__getitem__, classes, known, "object")
    labels.counts.update({"polygons": polygons, "without a label file": missing})
    return labels


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    for k, line in numbered_lines(file):
        yield f"{file}, line {k}", line


class _Object(NamedTuple):
    label: int
    edges: tuple[float, float, float, float]
    polygon: bool


def _object(place: str, line: str, names: list[str] | None) -> _Object:
    try:
        label, *numbers = map(float, line.split())
    except ValueError:
        wrong(place, "hold numbers, class x y w h", line.strip())
    if len(numbers) != 4 and not is_polygon(numbers):
        wrong(place, "hold class x y w h, or a class and 3 points or more", line.strip())
    num = NAMELESS if names is None else len(names)
    if not 0 <= label < num or label % 1:
        wrong(place, f"have a class 0 … {num - 1}", label)
    if not all(0 <= x <= SIZE_LIMIT for x in numbers):
        wrong(place, "hold fractions of the image, 0 … 1", line.strip())
    if len(numbers) == 4:
        x, y, w, h = numbers
        return _Object(int(label), (x - w / 2, y - h / 2, x + w / 2, y + h / 2), False)
    return _Object(int(label), bounds(numbers), True)
