"""The `data.yaml` of ultralytics, each key with its line."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from .files import regular, text_of, wrong

LIMIT = 2**18  # bytes of a file
DEPTH = 8  # of its lists and mappings


class Yaml(NamedTuple):
    """The mapping of a file, and the lines of its keys."""

    path: Path
    values: dict[Any, Any]
    lines: dict[Any, int]

    def of(self, key: str) -> tuple[str, Any]:
        """The place and the value of a key, which has to be there."""
        if key not in self.values:
            wrong(self.path, f"hold {key}", sorted(map(str, self.values)))
        return f"{self.path}, line {self.lines[key]}: {key}", self.values[key]


def read_yaml(path: Path) -> Yaml:
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
        line, reason = error.problem_mark.line, error.problem
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


def _mapping(path: Path, loader: Any) -> Yaml:
    found, node = Yaml(path, {}, {}), loader.get_single_node()
    if node is None or node.id != "mapping":
        wrong(path, "be a mapping with names and paths", node and node.value)
    for pair in node.value:
        line = pair[0].start_mark.line + 1
        try:
            key, value = (loader.construct_object(x, deep=True) for x in pair)
            found.values[key], found.lines[key] = value, line
        except (TypeError, ValueError) as error:  # a list as a key, a day that is none
            msg = f"{path}, line {line} is no yaml: {error}"
            raise ValueError(msg) from None
    return found
