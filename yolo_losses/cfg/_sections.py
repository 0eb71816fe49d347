"""Sections of a cfg file: keys, values, and the lines that they stand in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

LONGEST = 300  # letters of what is said of a line
_BLANKS = str.maketrans("", "", " \t\r")  # the program drops them, within values too
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_ALIASES = {
    "network": "net", "conv": "convolutional", "deconv": "deconvolutional", "conn": "connected",
    "max": "maxpool", "avg": "avgpool", "local_avg": "local_avgpool", "soft": "softmax",
    "lrn": "normalization",
}  # fmt: skip


class Remark(NamedTuple):
    """A plain sentence about a line of the file.

    Attributes
    ----------
    line : int
        From 1.
    key : str
        The key, or the section in brackets.
    text : str
    """

    line: int
    key: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.key}: {self.text}"


class Entry(NamedTuple):
    """A value as the program has it, without blanks."""

    value: str
    line: int


@dataclass(frozen=True)
class Section:
    """One section; `place` names the file in errors.

    A key that is given twice has its first value, the one that darknet's search of a section meets
    first; a remark tells.
    """

    kind: str
    line: int
    place: str
    entries: dict[str, Entry] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def line_of(self, key: str) -> int:
        """Of a key, or of the section where it is not given."""
        return self.entries[key].line if key in self.entries else self.line

    def remark(self, key: str, text: str) -> Remark:
        """A remark at the line of a key."""
        return Remark(self.line_of(key), key, text)

    def fail(self, text: str, key: str = "") -> NoReturn:
        """Raise an error at the line of a key, or of the section."""
        fail(self.place, self.line_of(key), text)

    def text(self, key: str, default: str) -> str:
        """A word."""
        return self.entries[key].value if key in self.entries else default

    def real(self, key: str, default: float) -> float:
        """A number."""
        return self._number(key, self.entries[key].value) if key in self.entries else default

    def whole(self, key: str, default: int) -> int:
        """A whole number."""
        return self._whole(key, self.entries[key].value) if key in self.entries else default

    def count(self, key: str, default: int | None) -> int:
        """A whole number, at least 1; a key without a default must be given."""
        if default is None and key not in self.entries:
            self.fail(f"[{self.kind}] has no {key}")
        value = self.whole(key, default or 0)
        if value < 1:
            self.fail(f"{key} must be a whole number ≥ 1, got {value}", key)
        return value

    def reals(self, key: str) -> tuple[float, ...]:
        """Numbers between commas; none where the key is not given."""
        return tuple(self._number(key, item) for item in self._items(key))

    def wholes(self, key: str) -> tuple[int, ...]:
        """Whole numbers between commas; none where the key is not given."""
        return tuple(self._whole(key, item) for item in self._items(key))

    def _items(self, key: str) -> list[str]:
        return _before_comment(self.text(key, "")).split(",") if key in self.entries else []

    def _number(self, key: str, value: str) -> float:
        value = _before_comment(value)
        if not _NUMBER.fullmatch(value):
            self.fail(f"{key} must be a number, got {value!r}", key)
        number = float(value)
        return int(value) if re.fullmatch(r"[+-]?\d{1,15}", value) else number

    def _whole(self, key: str, value: str) -> int:
        number = self._number(key, value)
        if number != number // 1 or abs(number) >= 2**31:
            self.fail(f"{key} must be a whole number below 2³¹, got {value!r}", key)
        return int(number)


def _before_comment(value: str) -> str:
    """Numbers end there for the program, though it knows no comment behind a value."""
    return re.split("[#;]", value, maxsplit=1)[0]


def fail(place: str, line: int | None, text: str) -> NoReturn:
    """Raise the error of this package, `cfg.load: yolov4.cfg line 12: …`."""
    where = f"{place} line {line}" if line else place.rstrip(":")
    msg = f"{where}: {text[:LONGEST]}"
    raise ValueError(msg)


def sections(text: str, place: str) -> list[Section]:
    """All sections of a file, the network's first."""
    if "\0" in text:
        fail(place, None, "is a binary file, or no UTF-8 text")
    found: list[Section] = []
    for line, content in _lines(text):
        if content.startswith("["):
            found.append(_opened(content, line, place))
        elif not found:
            fail(place, line, f"{content!r} stands before any section")
        else:
            _add(found[-1], content, line)
    if not found:
        fail(place, None, "is empty: no section, no key")
    if found[0].kind != "net":
        found[0].fail(f"the first section must be [net] or [network], got [{found[0].kind}]")
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that hold something, without blanks, by number."""
    for line, content in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        content = content.translate(_BLANKS)
        if content and content[0] not in "#;":
            yield line, content


def _opened(content: str, line: int, place: str) -> Section:
    kind = content[1:-1]
    if not content.endswith("]") or not kind:
        fail(place, line, f"a section must read [name], got {content!r}")
    return Section(_ALIASES.get(kind, kind), line, place)


def _add(section: Section, content: str, line: int) -> None:
    key, equals, value = content.partition("=")
    if not equals:
        fail(section.place, line, f"a key and a value need '=' between them, got {content!r}")
    if not key or not value:
        fail(section.place, line, f"a key and a value are needed, got {content!r}")
    if key in section.entries:
        first = section.entries[key].line
        text = f"is given again; the value of line {first}, the first, is taken"
        section.remarks.append(Remark(line, key, text))
        return
    section.entries[key] = Entry(value, line)
    if _before_comment(value) != value:
        text = f"reads {value!r}: a comment has a line of its own; a number ends before it"
        section.remarks.append(Remark(line, key, text))
