"""Files `.npz` of raw outputs; nothing in them is trusted."""

import math
import zipfile
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .files import regular

LIMIT = 2**32  # bytes that the arrays of a file may hold unpacked
Header = tuple[tuple[int, ...], np.dtype[Any]]  # shape and dtype


def npz_headers(path: str | PathLike[str], limit: int = LIMIT) -> dict[str, Header]:
    """What a `.npz` file says that it holds, before anything is unpacked.

    Raises
    ------
    ValueError
        Not a `.npz` file, a damaged one, one that holds Python objects, a name twice, or more
        than `limit` bytes of arrays.
    OSError
        The file cannot be read.
    """
    regular(path)
    with Path(path).open("rb") as file:
        if not zipfile.is_zipfile(file):
            msg = f"{path} is not an .npz file"
            raise ValueError(msg)
    try:
        with zipfile.ZipFile(path) as stored:
            entries = stored.infolist()
            _check_entries(entries, limit)
            return {e.filename.removesuffix(".npy"): _header(stored, e) for e in entries}
    except Exception as error:  # a damaged archive raises errors of many kinds
        msg = f"{path} cannot be read: {str(error)[:200]}"
        raise ValueError(msg) from None


def _check_entries(entries: Sequence[zipfile.ZipInfo], limit: int) -> None:
    names = [e.filename.removesuffix(".npy") for e in entries]
    if len(set(names)) < len(names):
        twice = next(name for k, name in enumerate(names) if name in names[:k])
        msg = f"{twice} is there twice"
        raise ValueError(msg)
    total = sum(e.file_size for e in entries)
    if total > limit:
        msg = f"it holds {total} bytes unpacked, the limit is {limit}"
        raise ValueError(msg)


def _header(stored: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Header:
    """The header of one array, whose size has to be that of its member."""
    name = entry.filename.removesuffix(".npy")
    with stored.open(entry) as member:
        if member.read(6) != np.lib.format.MAGIC_PREFIX:
            msg = f"{name} is no array"
            raise ValueError(msg)
        member.seek(0)
        version = np.lib.format.read_magic(member)
        reading = {(1, 0): np.lib.format.read_array_header_1_0,
                   (2, 0): np.lib.format.read_array_header_2_0}.get(version)  # fmt: skip
        if reading is None:
            msg = f"{name} has the unknown format version {version}"
            raise ValueError(msg)
        shape, _, dtype = reading(member)
        held = entry.file_size - member.tell()
    if dtype.hasobject:
        msg = f"{name} holds Python objects, and allow_pickle=False"
        raise ValueError(msg)
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != held:
        msg = f"{name} says shape {shape} of {dtype}, but holds {held} bytes"
        raise ValueError(msg)
    return shape, dtype


def read_npz(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """All arrays of a `.npz` file, in the byte order of this machine; nothing is unpickled.

    Raises
    ------
    ValueError
        As `npz_headers`, or a damaged array.
    OSError
        The file cannot be read.
    """
    npz_headers(path)
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except Exception as error:  # a damaged archive raises errors of many kinds
        msg = f"{path} cannot be read: {error}"
        raise ValueError(msg) from None
    return {key: _native(path, key, x) for key, x in arrays.items()}


def _native(path: str | PathLike[str], key: str, x: object) -> np.ndarray:
    if not isinstance(x, np.ndarray):
        msg = f"{path}: {key} is no array"
        raise ValueError(msg)
    return x.astype(x.dtype.newbyteorder("="), copy=False)
