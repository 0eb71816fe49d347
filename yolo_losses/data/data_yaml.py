"""The `data.yaml` of ultralytics: label files, and the names of classes."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from .files import numbered_lines, regular, text_of, wrong

SUFFIXES = ".yaml", ".yml"
LIMIT = 2**18  # bytes of a file
DEPTH = 8  # of its lists and mappings
PICTURES = {".bmp", ".dng", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"}


class _Yaml(NamedTuple):
    """The mapping of a file, and the lines of its keys."""

    path: Path
    values: dict[Any, Any]
    lines: dict[Any, int]

    def of(self, key: str) -> tuple[str, Any]:
        """The place and the value of a key, which has to be there."""
        if key not in self.values:
            wrong(self.path, f"hold {key}", sorted(map(str, self.values)))
        return f"{self.path}, line {self.lines[key]}: {key}", self.values[key]


def _read(path: Path) -> _Yaml:
    """The mapping of a file; tags and aliases are refused."""
    try:
        import yaml
    except ImportError:
        msg = "data.yaml needs PyYAML: pip install 'yolo-losses[data]'"
        raise ValueError(msg) from None
    regular(path)
    if path.stat().st_size > LIMIT:
        wrong(path, f"hold at most {LIMIT} bytes", path.stat().st_size)
    text = text_of(path)
    try:
        _refuse(path, yaml.parse(text))
        return _mapping(path, yaml.SafeLoader(text))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        reason = error.problem
    except yaml.reader.ReaderError as error:
        line, reason = text.count("\n", 0, error.position), error.reason
    msg = f"{path}, line {line + 1} is no yaml: {reason}"
    raise ValueError(msg)


def _refuse(path: Path, events: Iterable[Any]) -> None:
    """Aliases, a few of which could stand for billions of entries, and deep nesting."""
    depth = 0
    for event in events:
        kind, place = type(event).__name__, f"{path}, line {event.start_mark.line + 1}"
        depth += kind in ("SequenceStartEvent", "MappingStartEvent")
        depth -= kind in ("SequenceEndEvent", "MappingEndEvent")
        if kind == "AliasEvent":
            wrong(place, "hold no alias", event.anchor)
        if depth > DEPTH:
            wrong(place, f"be nested at most {DEPTH} deep", "more")


def _mapping(path: Path, loader: Any) -> _Yaml:
    found, node = _Yaml(path, {}, {}), loader.get_single_node()
    if node is None or node.id != "mapping":
        wrong(path, "be a mapping with names and paths", node and node.id)
    for pair in node.value:
        line = pair[0].start_mark.line + 1
        try:
            key, value = (loader.construct_object(x, deep=True) for x in pair)
            found.values[key], found.lines[key] = value, line
        except (TypeError, ValueError) as error:  # a list as a key, a day that is none
            msg = f"{path}, line {line} is no yaml: {error}"
            raise ValueError(msg) from None
    return found


def label_files(path: Path, split: str) -> tuple[list[Path], list[str]]:
    """The label files of a split, and the classes."""
    content = _read(path)
    (place, sources), names = content.of(split), _names(*content.of("names"))
    root, images = path.parent, []
    if content.values.get("path"):
        root /= _path(*content.of("path"))
    for source in sources if isinstance(sources, list) else [sources]:
        images += _images(place, root / _path(place, source))
    return [_label_file(image) for image in images], names


def _path(place: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        wrong(place, "be a path", value)
    return value


def _names(place: str, names: object) -> list[str]:
    """The classes, of a list or of a mapping 0 … K − 1."""
    if isinstance(names, dict):
        if any(type(k) is not int for k in names) or sorted(names) != list(range(len(names))):
            wrong(place, f"have the keys 0 … {len(names) - 1}", list(names))
        names = [names[k] for k in range(len(names))]
    if not isinstance(names, list) or not all(isinstance(x, str | int) for x in names):
        wrong(place, "be a list of names, or a mapping of numbers to names", names)
    return [str(name) for name in names]


def _images(place: str, source: Path) -> list[Path]:
    """The images of a folder and those below, sorted, or of a txt list in its order."""
    is_list = source.suffix == ".txt"
    if not (os.path.isfile if is_list else os.path.isdir)(source):
        msg = f"{place}: {source} is not a {'file' if is_list else 'folder'}"
        raise FileNotFoundError(msg)
    if os.path.realpath(source) == os.path.realpath(source / ".."):
        wrong(place, "be a folder of images, not of the whole machine", str(source))
    if not is_list:
        return sorted(path for path in source.rglob("*") if path.suffix.lower() in PICTURES)
    return [_image(source, k, line.strip()) for k, line in numbered_lines(source)]


def _image(source: Path, k: int, line: str) -> Path:
    image = source.parent / line
    if not image.name:
        wrong(f"{source}, line {k}", "be the path of an image", line)
    return image


def _label_file(image: Path) -> Path:
    """The last folder `images` on the way becomes `labels`."""
    parts = list(image.with_suffix(".txt").parts)
    folders = [k for k, part in enumerate(parts[:-1]) if part == "images"]
    if folders:
        parts[folders[-1]] = "labels"
    return Path(*parts)
