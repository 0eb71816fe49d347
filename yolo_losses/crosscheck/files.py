"""Reading the files that a user hands in; nothing in them is executed."""

import json
import math
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from ..data import Header, npz_headers, read_npz, regular
from .candidate import is_numbered, known_only
from .configs import once, refuse

SMALL = 2**26  # bytes that any array may hold
WIDER = 4  # float64 for float16


def read(path: str | PathLike[str]) -> dict[str, Any]:
    """The arrays of an `.npz` or a `.safetensors` file; nothing is unpickled.

    Raises
    ------
    ValueError
        Not such a file, a damaged one, one that holds Python objects, unknown names, a name
        twice, or more than `data.LIMIT` bytes.
    OSError
        The file cannot be read.
    """
    regular(path)
    if Path(path).suffix == ".safetensors":
        return _safetensors(path)
    headers = npz_headers(path)
    known_only(headers, str(path))
    _no_more_than_raw(path, headers)
    return dict(read_npz(path))


def _no_more_than_raw(path: str | PathLike[str], headers: Mapping[str, Header]) -> None:
    """Refuse, before it is unpacked, what is larger than any result of these raw outputs."""
    size = {k: math.prod(shape) * dtype.itemsize for k, (shape, dtype) in headers.items()}
    raw = sum(v for k, v in size.items() if k == "raw" or is_numbered(k, "raw"))
    for name, v in size.items():
        if raw and v > max(SMALL, WIDER * raw):
            refuse(f"{name} holds {v} bytes, the raw outputs only {raw}", str(path))


def _safetensors(path: str | PathLike[str]) -> dict[str, Any]:
    try:
        from safetensors import safe_open
    except ImportError:
        refuse("a .safetensors file needs safetensors: pip install 'yolo-losses[compare]'")
    try:
        with safe_open(str(path), framework="numpy") as stored:
            _no_name_twice(path)
            known_only(stored.keys(), str(path))
            arrays = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
            words = stored.metadata() or {}
            return {**arrays, **{k: words[k] for k in ("version", "config") if k in words}}
    except ValueError:
        raise
    except Exception as error:  # a damaged file raises errors of many kinds
        refuse(f"{path} cannot be read: {error}")


def _no_name_twice(path: str | PathLike[str]) -> None:
    """The library takes the last of two entries of one name."""
    with Path(path).open("rb") as file:
        header = file.read(int.from_bytes(file.read(8), "little"))
    try:
        json.loads(header, object_pairs_hook=once)
    except KeyError as error:
        refuse(f"{path} holds {error.args[0]!r} twice")
