"""What is read, and how it is refused."""

import errno
import json
import os
import re
import stat
import sys
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn


def wrong(place: object, expected: str, got: object) -> NoReturn:
    """Refuse what stands at a place: a file, and its line or entry."""
    try:
        shown = repr(got)[:100]
    except (ValueError, RecursionError):  # an integer of thousands of digits
        shown = type(got).__name__
    msg = f"{place} must {expected}, got {shown}"
    raise ValueError(msg)


def regular(path: str | PathLike[str]) -> None:
    """Refuse what is no file to read from: a device, a pipe.

    Raises
    ------
    ValueError
        Such a thing.
    OSError
        Nothing is there, or it is a folder.
    """
    try:
        mode = Path(path).stat().st_mode
    except ValueError:  # a zero byte
        wrong(repr(str(path)), "be the name of a file", "a byte of 0")
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        msg = f"{path} is not a regular file"
        raise ValueError(msg)


def text_of(path: str | PathLike[str]) -> str:
    """The text of a UTF-8 file, without a byte order mark."""
    regular(path)
    content = Path(path).read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        msg = f"{path}, line {line} must be UTF-8: {error.reason}"
        raise ValueError(msg) from None


def json_of(path: str | PathLike[str]) -> Any:
    """What a json file says."""
    text = text_of(path)
    try:
        return json.loads(text)
    except RecursionError:
        msg = f"{path} is no json: it is nested too deep"
    except json.JSONDecodeError as error:
        msg = f"{path}, line {error.lineno} is no json: {error.msg}"
    except ValueError as error:  # an integer of thousands of digits
        long = re.search(rf"\d{{{sys.get_int_max_str_digits() + 1}}}", text)
        line = text.count("\n", 0, long.start() if long else 0) + 1
        msg = f"{path}, line {line} is no json: {error}"
    raise ValueError(msg)


def numbered_lines(path: str | PathLike[str]) -> list[tuple[int, str]]:
    """The lines of a text file that are not blank, with their numbers; what is no UTF-8 stands out
    as such.
    """
    regular(path)
    text = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    return [(k, line) for k, line in enumerate(text.splitlines(), 1) if line.strip()]
