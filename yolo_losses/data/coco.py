"""COCO json of instances.

globox 2.9 reads these files too, and those of VOC and YOLO, as fast. It is not used here: it drops
`iscrowd` and `difficult`, keeps boxes without an area, takes the pixels of VOC, which count from 1,
as they are, and an unknown id is a bare KeyError without file or entry.
"""

import math
from collections.abc import Iterable
from os import PathLike
from typing import Any

from .. import _check
from .files import json_of, wrong
from .labels import REGIONS, Labels, Progress, Rows, of_rows, told


def read_coco(
    path: str | PathLike[str], *, regions: str = "ignore", progress: Progress | None = None
) -> Labels:
    """The labels of a COCO json of instances.

    Parameters
    ----------
    path : path of a json file
        Categories get the classes 0 … K − 1 by rising id. Boxes are x y w h in pixels.
    regions : "ignore", "object" or "drop"
        What a box with `iscrowd` becomes: a region to ignore, an object, or nothing.
    progress : callable, optional
        Gets the annotations done and their number.

    Returns
    -------
    Labels

    Raises
    ------
    ValueError
        No such json, a key that is missing or of the wrong kind, an id twice, an annotation of an
        unknown image or category; by file and entry.
    OSError
        The file cannot be read.
    """
    _check.choice("read_coco", "regions", regions, REGIONS)
    content = _content(path)
    categories = _by_id(path, content, "categories")
    images = _by_id(path, content, "images")
    classes = {key: k for k, key in enumerate(sorted(categories))}
    names = [_text(*categories[key], "name") for key in classes]
    files = [_text(*entry, "file_name") for entry in images.values()]
    sizes = [(_size(*entry, "width"), _size(*entry, "height")) for entry in images.values()]
    index = {key: n for n, key in enumerate(images)}
    rows = Rows()
    total = len(_list(path, content, "annotations"))
    for place, entry in told(_entries(path, content, "annotations"), total, progress):
        _add(rows, place, entry, index, classes)
    del content
    return of_rows(
        files, sizes, rows, lambda k: f"{path}: annotations[{k}]", classes, names, regions
    )


def _content(path: str | PathLike[str]) -> dict[str, Any]:
    content = json_of(path)
    if not isinstance(content, dict):
        wrong(path, "be an object with images, annotations and categories", content)
    return content


def _list(path: object, content: dict[str, Any], key: str) -> list[Any]:
    entries = content.get(key)
    if not isinstance(entries, list):
        wrong(f"{path}: {key}", "be a list", entries)
    return entries


def _entries(path: object, content: dict[str, Any], key: str) -> Iterable[tuple[str, Any]]:
    """The objects of a list, with their places."""
    for k, entry in enumerate(_list(path, content, key)):
        place = f"{path}: {key}[{k}]"
        if not isinstance(entry, dict):
            wrong(place, "be an object", entry)
        yield place, entry


def _by_id(path: object, content: dict[str, Any], key: str) -> dict[int, tuple[str, Any]]:
    found: dict[int, tuple[str, Any]] = {}
    for place, entry in _entries(path, content, key):
        number = entry.get("id")
        if type(number) is not int:
            wrong(f"{place}.id", "be a whole number", number)
        if number in found:
            wrong(f"{place}.id", "be there once", number)
        found[number] = place, entry
    return found


def _add(
    rows: Rows, place: str, entry: Any, images: dict[int, int], classes: dict[int, int]
) -> None:
    image, label = entry.get("image_id"), entry.get("category_id")
    if type(image) is not int or image not in images:
        wrong(f"{place}.image_id", "be the id of an image", image)
    if type(label) is not int or label not in classes:
        wrong(f"{place}.category_id", "be the id of a category", label)
    box, crowd = entry.get("bbox"), entry.get("iscrowd", 0)
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        wrong(f"{place}.bbox", "be 4 finite numbers, x y w h", box)
    if crowd not in (0, 1):
        wrong(f"{place}.iscrowd", "be 0 or 1", crowd)
    x, y, w, h = map(float, box)
    rows.add(images[image], classes[label], (x, y, x + w, y + h), bool(crowd))


def _is_number(x: object) -> bool:
    """Finite, and small enough to add two of them."""
    return type(x) in (int, float) and -1e300 < x < 1e300  # type: ignore[operator]


def _text(place: str, entry: Any, key: str) -> str:
    if not isinstance(entry.get(key), str):
        wrong(f"{place}.{key}", "be a string", entry.get(key))
    return str(entry[key])


def _size(place: str, entry: Any, key: str) -> float:
    x = entry.get(key)
    if not _is_number(x) or x <= 0 or math.isinf(1 / x):
        wrong(f"{place}.{key}", "be a number > 0", x)
    return float(x)
