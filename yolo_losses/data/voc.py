"""Pascal VOC: a folder of xml, one file a picture."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from .. import _check
from .files import regular, wrong
from .labels import REGIONS, Labels, Progress, Rows, of_rows, told
from .names import Names, class_names_of, listed

FILE_LIMIT = 2**24  # bytes of one xml file


class _Object(NamedTuple):
    place: str
    name: str
    edges: tuple[float, float, float, float]
    difficult: bool


class _Picture(NamedTuple):
    size: tuple[float, float]
    objects: list[_Object]


def read_voc(
    folder: str | PathLike[str],
    names: Names = None,
    class_names: Sequence[str] | None = None,
    *,
    regions: str = "ignore",
    progress: Progress | None = None,
) -> Labels:
    """The labels of a folder of Pascal VOC xml files.

    Parameters
    ----------
    folder : path of the folder, as `VOC2007/Annotations`
        Edges are pixels counted from 1, the last one inside: the box is xmin − 1 … xmax.
    names : sequence of N str, or path of a list, optional
        Pictures in the order wanted, each `folder/<name>.xml`; a list, as
        `VOC2007/ImageSets/Main/train.txt`, has one a line. None takes all, sorted.
    class_names : sequence of K str, optional
        The classes in order; None takes those of `folder/classes.txt`, else those found, sorted.
    regions : "ignore", "object" or "drop"
        What a `difficult` object becomes: a region to ignore, an object, or nothing.
    progress : callable, optional
        Gets the files done and their number.

    Returns
    -------
    Labels

    Raises
    ------
    ValueError
        No such xml, a document type (it could define entities), an element that is missing or
        wrong, a class that is not in `class_names`; by file and line.
    OSError
        A file cannot be read, or there is no such folder.
    """
    _check.choice("read_voc", "regions", regions, REGIONS)
    if not Path(folder).is_dir():
        msg = f"{folder} is not a folder"
        raise FileNotFoundError(msg)
    names = listed(names, lambda: sorted(path.stem for path in Path(folder).glob("*.xml")))
    paths = [Path(folder) / f"{name}.xml" for name in names]
    pictures = [_picture(path) for path in told(paths, len(paths), progress)]
    if class_names is None:
        found = {x.name for picture in pictures for x in picture.objects}
        class_names = class_names_of(folder) or sorted(found)
    classes, rows, places = {name: k for k, name in enumerate(class_names)}, Rows(), []
    for n, picture in enumerate(pictures):
        for x in picture.objects:
            if x.name not in classes:
                wrong(x.place, f"name one of {', '.join(class_names)[:200]}", x.name)
            rows.add(n, classes[x.name], x.edges, x.difficult)
            places.append(x.place)
    sizes = [picture.size for picture in pictures]
    return of_rows(names, sizes, rows, places.__getitem__, classes, class_names, regions)


def _picture(path: Path) -> _Picture:
    root = _parse(path)
    return _Picture(_image_size(path, root), [_object(path, x) for x in root.iterfind("object")])


def _parse(path: Path) -> Element:
    """The tree of a file, each element with its line; no document type."""
    regular(path)
    if path.stat().st_size > FILE_LIMIT:
        wrong(str(path), f"hold at most {FILE_LIMIT} bytes", path.stat().st_size)
    parser, builder = expat.ParserCreate(), TreeBuilder()

    def refuse(*_: object) -> None:
        msg = f"{path}, line {parser.CurrentLineNumber}: a document type is refused"
        raise ValueError(msg)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda tag, _: builder.start(
        tag, {"line": str(parser.CurrentLineNumber)}
    )
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(path.read_bytes(), True)
    except expat.ExpatError as error:
        msg = f"{path}, line {error.lineno}: {expat.errors.messages[error.code]}"
        raise ValueError(msg) from None
    return builder.close()


def _image_size(path: Path, root: Element) -> tuple[float, float]:
    size = _child(path, root, "size")
    width, height = (_number(path, size, key) for key in ("width", "height"))
    if width < 1 or height < 1:
        wrong(_place(path, size), "hold width and height ≥ 1", (width, height))
    return width, height


def _object(path: Path, element: Element) -> _Object:
    name = (_child(path, element, "name").text or "").strip()
    box = _child(path, element, "bndbox")
    x1, y1, x2, y2 = (_number(path, box, key) for key in ("xmin", "ymin", "xmax", "ymax"))
    difficult = element.find("difficult") is not None and _number(path, element, "difficult")
    if difficult not in (0, 1):
        wrong(_place(path, element), "have difficult 0 or 1", difficult)
    return _Object(_place(path, element), name, (x1 - 1, y1 - 1, x2, y2), bool(difficult))


def _child(path: Path, element: Element, key: str) -> Element:
    child = element.find(key)
    if child is None:
        wrong(_place(path, element), f"hold <{key}>", [x.tag for x in element])
    return child


def _number(path: Path, element: Element, key: str) -> float:
    child = _child(path, element, key)
    try:
        x = float(child.text or "")
    except ValueError:
        x = float("nan")
    if not -1e300 < x < 1e300:
        wrong(_place(path, child), "hold a finite number", child.text)
    return x


def _place(path: Path, element: Element) -> str:
    return f"{path}, line {element.attrib['line']}"
