"""Damaged files: valid ones, changed byte by byte, for everything that reads files.

`READERS` names each reader with how its files end and one valid file. A reader may answer, or
refuse with a ValueError, OSError or TypeError that names the file; nothing else, and no warning.

    python -m tests.support.fuzz --examples 5000

tries each reader on so many files, the same for the same seed.
"""

import argparse
import io
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from yolo_losses import cfg, data
from yolo_losses.crosscheck import files

REFUSALS = ValueError, OSError, TypeError
CFG = Path(__file__).parent / "cfg"
PIECES = (
    b"", b"\x00", b"\n", b"\xff\xfe", b"-", b"nan", b"inf", b"1e999", b"9" * 400, b"0", b"-1",
    b"=", b",", b"[", b"]", b"[" * 3000, b"[yolo]\n", b"#", b"{", b"\xe2\x80\xa8", b"1_0", b"0x10",
)  # fmt: skip

COCO = b"""{"images": [{"id": 7, "file_name": "a.jpg", "width": 100, "height": 50}],
"categories": [{"id": 3, "name": "cat"}],
"annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 30.5, 40], "iscrowd": 1}]}"""
VOC = b"""<annotation><size><width>100</width><height>50</height></size>
<object><name>cat</name><difficult>1</difficult>
<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>"""


class Reader(NamedTuple):
    """What reads files of one kind."""

    read: Callable[[Path], Any]
    suffix: str
    valid: tuple[bytes, ...]
    damages: tuple[Callable[[bytes, np.random.Generator], bytes], ...]


def _npz() -> bytes:
    file = io.BytesIO()
    raw = np.random.default_rng(0).normal(size=(1, 2, 2, 1, 6))
    np.savez(file, raw=raw, total=np.zeros(1), version=np.array("v2"))
    return file.getvalue()


def in_member(valid: bytes, rng: np.random.Generator) -> bytes:
    """A `.npz` file whose archive is sound, with one array damaged, mostly in its header."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(valid)) as old, zipfile.ZipFile(file, "w") as new:
        names = old.namelist()
        hurt = names[rng.integers(len(names))]
        for name in names:
            member = old.read(name)
            new.writestr(
                name, damaged(member[:140], rng) + member[140:] if name == hurt else member
            )
    return file.getvalue()


def _safetensors() -> bytes:
    from safetensors.numpy import save

    return save({"raw": np.zeros((1, 2, 2, 1, 6)), "total": np.zeros(1)}, {"version": "v2"})


def damaged(valid: bytes, rng: np.random.Generator) -> bytes:
    """A file with one to four changes: bits, pieces put in, parts cut out, doubled or cut off."""
    text = bytearray(valid)
    for _ in range(rng.integers(1, 5)):
        at, to = sorted(rng.integers(0, len(text) + 1, size=2).tolist())
        to = min(to, at + int(rng.integers(1, 40)))
        match rng.integers(0, 6):
            case 0 if at < len(text):
                text[at] ^= 1 << int(rng.integers(0, 8))
            case 1 | 2:
                text[at:to] = PIECES[rng.integers(len(PIECES))]
            case 3:
                text[at:at] = text[at:to]
            case 4:
                del text[at:to]
            case _ if rng.integers(0, 4) == 0:
                del text[at:]
            case _:
                text[at:at] = PIECES[rng.integers(len(PIECES))]
    return bytes(text)


def readers() -> dict[str, Reader]:
    """Every function that reads a file, by name."""
    labels = b"0 0.5 0.5 0.25 0.5\n3 0.1 0.2 0.05 0.0625\n", b""
    networks = tuple(path.read_bytes() for path in sorted(CFG.glob("*.cfg")))
    whole, arrays, npz = (damaged,), (damaged, in_member), (_npz(),)
    return {
        "cfg.load": Reader(cfg.load, ".cfg", networks, whole),
        "data.read_yolo_txt": Reader(data.read_yolo_txt, ".txt", labels, whole),
        "data.read_coco": Reader(data.read_coco, ".json", (COCO,), whole),
        "data.read_voc": Reader(lambda p: data.read_voc(p.parent, [p.stem]), ".xml", (VOC,), whole),
        "data.read_class_names": Reader(data.read_class_names, ".txt", (b"cat\ndog\n",), whole),
        "data.npz_headers": Reader(data.npz_headers, ".npz", npz, arrays),
        "data.read_npz": Reader(data.read_npz, ".npz", npz, arrays),
        "crosscheck npz": Reader(files.read, ".npz", npz, arrays),
        "crosscheck safetensors": Reader(files.read, ".safetensors", (_safetensors(),), whole),
    }


class Outcome(NamedTuple):
    """What a reader made of one file."""

    answer: str  # "read", or the kind of the error
    text: str  # of the error
    allowed: bool
    seconds: float


def outcome(reader: Reader, path: Path) -> Outcome:
    """Read a file. An error that is allowed names it."""
    start = time.perf_counter()
    try:
        reader.read(path)
    except REFUSALS as error:
        kind, text = type(error).__name__, str(error)
        return Outcome(kind, text, path.name in text, time.perf_counter() - start)
    except Exception as error:
        return Outcome(type(error).__name__, str(error), False, time.perf_counter() - start)
    return Outcome("read", "", True, time.perf_counter() - start)


def tried(
    reader: Reader, folder: Path, examples: int, seed: int
) -> Iterator[tuple[bytes, Outcome]]:
    """Damaged files and what came of them."""
    rng, path = np.random.default_rng(seed), folder / f"damaged{reader.suffix}"
    for _ in range(examples):
        damage = reader.damages[rng.integers(len(reader.damages))]
        text = damage(reader.valid[rng.integers(len(reader.valid))], rng)
        path.write_bytes(text)
        yield text, outcome(reader, path)


def main() -> None:
    """A line a reader; exit code 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options, failed = parser.parse_args(), False
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        for name, reader in readers().items():
            found = list(tried(reader, Path(folder), options.examples, options.seed))
            bad = [(text, o) for text, o in found if not o.allowed]
            read = sum(o.answer == "read" for _, o in found)
            slowest = max(o.seconds for _, o in found)
            print(
                f"{name}: {len(found)} files, {read} read, {len(bad)} wrong, {slowest:.2f} s at most"
            )
            for text, o in bad[:3]:
                print(f"    {o.answer}: {o.text[:200]} on {text[:200]!r}")
            failed |= bool(bad)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
