"""What reads files, with valid files and how they are damaged; see `fuzz`."""

import io
import json
import os
import re
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import yaml

from yolo_losses import cfg, data
from yolo_losses.crosscheck import files
from yolo_losses.crosscheck.configs import config_of
from yolo_losses.testing import vectors

CFG = Path(__file__).parent / "cfg"
PIECES = (
    b"", b"\x00", b"\n", b"\xff\xfe", b"-", b"nan", b"inf", b"1e999", b"9" * 5000, b"0", b"-1",
    b"=", b",", b"[", b"]", b"[" * 3000, b"[yolo]\n", b"#", b"{", b"\xe2\x80\xa8", b"1_0", b"0x10",
    b"&a ", b"*a", b": ", b"<", b"..",
)  # fmt: skip

TXT = b"0 0.5 0.5 0.25 0.5\n3 0.1 0.2 0.05 0.0625\n"
POLYGON = b"1 0.25 0.5 0.5 0.5 0.25 0.75\n0 0.5 0.5 0.25 0.5\n"
YAML = b"# a set\npath: set\ntrain: images/a\nval: [list.txt]\nnc: 4\nnames:\n"
NAMES = b"  0: cat\n  1: dog\n  2: ant\n  3: bee\n", b"  [cat, dog, ant, 'b e']\n"
LIST = b"./images/a/x.jpg\nimages/a/y.jpg\n"
SET = {
    "data.yaml": YAML + NAMES[0], "set/list.txt": LIST, "set/labels/a/x.txt": b"",
    "set/images/a/x.jpg": b"", "set/images/a/y.jpg": b"",
}  # fmt: skip
COCO = b"""{"images": [{"id": 7, "file_name": "a.jpg", "width": 100, "height": 50}],
"categories": [{"id": 3, "name": "cat"}],
"annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 30.5, 40], "iscrowd": 1}]}"""
VOC = b"""<annotation><size><width>100</width><height>50</height></size>
<object><name>cat</name><difficult>1</difficult>
<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>"""
NO_OBJECT = VOC[: VOC.index(b"<object>")] + b"</annotation>"
CASES = b"""{"kind": "box", "flags": {"margin": "why"},
"cases": [{"id": "v2/box/1", "why": "a slip", "flags": ["margin"], "tolerance": {"abs": 1e-9},
"inputs": {"raw": [[[1, "NaN"]]]}, "expected": {"terms": {"box": [[0.5]]}}}]}"""
CONFIG = b"""{"anchors": [[30, 40], [100.5, 90]],
"stride": 16, "lambda_coord": 1.5}"""


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


WORDS = (
    b"", b"0", b"-1", b"1", b"2", b"1e-30", b"1e308", b"-1e999", b"nan", b"2147483647",
    b"2147483648", b"99999999999999999999", b"1000000", b"a", b"\xc3\xa9", b"1,2", b"=",
)  # fmt: skip


def in_words(valid: bytes, rng: np.random.Generator) -> bytes:
    """A text of which a few words are others; a word has no blank, comma or equals sign."""
    text = valid
    for _ in range(rng.integers(1, 4)):
        words = list(re.finditer(rb"[^\s=,]+", text))
        if words:
            at, to = words[rng.integers(len(words))].span()
            text = text[:at] + WORDS[rng.integers(len(WORDS))] + text[to:]
    return text


ODD = (
    None, True, -1, 0, 2, 1.5, 1e308, 5e-324, float("nan"), float("inf"), 10**400, "", "a", "..",
    "/", "\0", "x" * 5000, [], {}, [[]], {"id": 7}, [0, 1, 2, 3],
)  # fmt: skip


def in_tree(
    loads: Callable[[bytes], Any], dumps: Callable[[Any], str]
) -> Callable[[bytes, np.random.Generator], bytes]:
    """Damages a json or yaml in which one value, or two, are missing, doubled or odd."""

    def damaged(valid: bytes, rng: np.random.Generator) -> bytes:
        tree = [loads(valid)]
        for _ in range(rng.integers(1, 3)):
            places = list(_places(tree))
            holder, key = places[rng.integers(len(places))]
            match rng.integers(0, 4):
                case 0 if holder is not tree:
                    del holder[key]
                case 1 if isinstance(holder, list) and holder is not tree:
                    holder.append(holder[key])
                case _:
                    holder[key] = ODD[rng.integers(len(ODD))]
        return dumps(tree[0]).encode()

    return damaged


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Where values stand: a list or mapping, and an index or key."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _places(tree[key])


def in_element(valid: bytes, rng: np.random.Generator) -> bytes:
    """An xml in which one element, or two, are missing, doubled or odd."""
    root = ElementTree.fromstring(valid)
    for _ in range(rng.integers(1, 3)):
        parents = [x for x in root.iter() if len(x)]
        parent = parents[rng.integers(len(parents))] if parents else root
        child = parent[rng.integers(len(parent))] if len(parent) else root
        match rng.integers(0, 4):
            case 0 if child is not root:
                parent.remove(child)
            case 1 if child is not root:
                parent.append(child)
            case _:
                child.text = str(ODD[rng.integers(len(ODD))]).replace("\0", "")
    return ElementTree.tostring(root)


IN_JSON_TREE = in_tree(json.loads, json.dumps)
IN_YAML_TREE = in_tree(yaml.safe_load, yaml.safe_dump)
TEXT = (damaged, in_words)


class Reader(NamedTuple):
    """What reads files of one kind."""

    read: Callable[[Path], Any]  # gets the path of the damaged file
    name: str  # of that file, with its folders
    valid: tuple[bytes, ...]
    place: str = ""  # what a ValueError has to match: a line, else what is not in one
    damages: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (damaged,)
    beside: Mapping[str, bytes] = {}
    speaks_of: str = ""  # else of the file
    slow: bool = False

    def laid_out(self, folder: Path) -> Path:
        """Write what lies beside the damaged file, and say where that is to be."""
        for name, content in {**self.beside, self.name: self.valid[0]}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder / self.name

    def is_placed(self, error: Exception) -> bool:
        """Whether an error names the file, and the place in it."""
        text, name = str(error), self.speaks_of or Path(self.name).name
        has_place = not isinstance(error, ValueError) or re.search(self.place, text)
        return name in text and bool(has_place)


def _npz() -> bytes:
    file = io.BytesIO()
    raw = np.random.default_rng(0).normal(size=(1, 2, 2, 1, 6))
    np.savez(file, raw=raw, total=np.zeros(1), version=np.array("v2"))
    return file.getvalue()


def _safetensors() -> bytes:
    from safetensors.numpy import save

    return save({"raw": np.zeros((1, 2, 2, 1, 6)), "total": np.zeros(1)}, {"version": "v2"})


IN_CFG = r"line \d+|is empty|is a binary file|has no \[detection\]"
IN_JSON = r", line \d+|nested too deep"
IN_COCO = IN_JSON + r"|\w+\[\d+\]|: \w+ must be a list|must be an object"
LINE = r", line \d+"
IN_YAML = r"line \d+|must be a mapping|must hold (train|path|names)"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def readers() -> dict[str, Reader]:
    """Every function that reads a file, by name; what follows a comma is the damaged file."""
    networks = tuple(path.read_bytes() for path in sorted(CFG.glob("*.cfg")))
    a_cfg: Any = {"name": "a.cfg", "valid": networks, "place": IN_CFG, "damages": TEXT}
    npz: Any = {"name": "a.npz", "valid": (_npz(),), "damages": (damaged, in_member)}
    a_json: Any = {"name": "a.json", "damages": (damaged, IN_JSON_TREE)}
    a_coco = {**a_json, "valid": (COCO,), "place": IN_COCO, "slow": True}
    a_yaml: Any = {
        "name": "data.yaml", "valid": tuple(YAML + names for names in NAMES), "place": IN_YAML,
        "damages": (damaged, IN_YAML_TREE), "beside": SET,
    }  # fmt: skip
    a_txt: Any = {"name": "a.txt", "valid": (TXT, b""), "place": LINE, "damages": TEXT}
    names: Any = {"name": "classes.txt", "valid": (b"cat\ndog\n",), "place": LINE}
    return {
        "cfg.load": Reader(cfg.load, **a_cfg),
        "cfg.loads": Reader(lambda p: cfg.loads(_text(p)), **a_cfg, speaks_of="cfg.loads"),
        "data.read_class_names": Reader(data.read_class_names, **names),
        "data.read_coco": Reader(data.read_coco, **a_coco),
        "data.read_labels": Reader(data.read_labels, **a_coco),
        "data.read_labels, data.yaml": Reader(data.read_labels, **a_yaml),
        "data.read_npz": Reader(data.read_npz, **npz),
        "data.npz_headers": Reader(data.npz_headers, **npz),
        "data.read_voc": Reader(
            lambda p: data.read_voc(p.parent), "a.xml", (VOC,), LINE, (damaged, in_element),
            slow=True,
        ),
        "data.read_voc, a list": Reader(
            lambda p: data.read_voc(p.parent / "all", p), "train.txt", (b"a\nb\n", b"b -1\na  1\n"),
            beside={"all/a.xml": VOC, "all/b.xml": VOC}, speaks_of=".xml",
        ),
        "data.read_voc, classes.txt": Reader(
            lambda p: data.read_voc(p.parent), **names, beside={"a.xml": NO_OBJECT}
        ),
        "data.read_yolo": Reader(
            lambda p: data.read_yolo(p.parent), "a.txt", (TXT, POLYGON, b""), LINE, TEXT
        ),
        "data.read_yolo, classes.txt": Reader(
            lambda p: data.read_yolo(p.parent), **names, beside={"a.txt": b""}
        ),
        "data.read_yolo, data.yaml": Reader(data.read_yolo, **a_yaml),
        "data.read_yolo, a label file": Reader(
            lambda p: data.read_yolo(p.parents[3] / "data.yaml"), "set/labels/a/x.txt",
            (TXT, POLYGON), LINE, TEXT, beside=SET,
        ),
        "data.read_yolo, a list": Reader(
            lambda p: data.read_yolo(p.parents[1] / "data.yaml", "val"), "set/list.txt", (LIST,),
            LINE, beside=SET,
        ),
        "data.read_yolo_folder": Reader(lambda p: data.read_yolo_folder(p.parent), **a_txt),
        "data.read_yolo_rows": Reader(data.read_yolo_rows, **a_txt),
        "data.read_yolo_txt": Reader(data.read_yolo_txt, **a_txt),
        "crosscheck npz": Reader(files.read, **npz),
        "crosscheck safetensors": Reader(files.read, "a.safetensors", (_safetensors(),)),
        "crosscheck config": Reader(
            lambda p: config_of(_text(p), "v2"), "config", (CONFIG,),
            damages=(damaged, IN_JSON_TREE), speaks_of="crosscheck.compare",
        ),
        "testing vectors": Reader(
            vectors.read, valid=(CASES,), place=IN_JSON + "|no file of cases", **a_json
        ),
    }  # fmt: skip


def _hog(path: Path) -> None:
    try:
        np.empty(2**40)
    except MemoryError:
        msg = f"{path} cannot be read"
        raise ValueError(msg) from None


ON_PURPOSE = {  # what must be found out
    "hangs": Reader(lambda _: time.sleep(3600), "a.txt", (TXT,)),
    "takes much memory": Reader(lambda _: bytearray(2**40), "a.txt", (TXT,)),
    "takes much memory and hides it": Reader(_hog, "a.txt", (TXT,)),
    "ends": Reader(lambda _: os._exit(3), "a.txt", (TXT,)),
}
