"""The oracle's answers to the last digit: computed with 250 digits, rounded once.

Where float64 is asked to round (the product x·W whose floor is a cell), it does; all else is exact.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import mpmath

from conformance import oracle
from conformance.oracle.difference import Path
from conformance.oracle.result import Result
from conformance.scenes.scene import Scene

DIGITS = 250
STEP = 2.0**-400  # differences are right to 2^-430, at a tie to 2^-400
NOTHING = 2.0**-350  # what a tie leaves of a slope that is 0
STAGES = ("box", "obj", "noobj", "cls")


def digits(x: Any) -> Any:
    """Numbers of nested data as numbers of many digits; flags, labels and words as they are."""
    if isinstance(x, Mapping):
        return {key: digits(v) for key, v in x.items()}
    if isinstance(x, list | tuple):
        return type(x)(map(digits, x))
    return mpmath.mpf(x) if isinstance(x, float) else x


def slope(x: Any) -> float:
    """The nearest float64 of a difference."""
    return 0.0 if abs(x) < NOTHING else float(x)


def rounded(x: Any) -> Any:
    """The nearest float64 of every number of nested data."""
    if isinstance(x, list | tuple):
        return [rounded(v) for v in x]
    return float(x) if isinstance(x, mpmath.mpf) else x


class Answer:
    """What the formula says of a batch.

    `formulas` is the oracle, or a variant of it. Without `exact` all is computed in float64, a
    hundred times quicker.
    """

    def __init__(self, scene: Scene, formulas: ModuleType = oracle, *, exact: bool = True) -> None:
        self.scene, self.exact = scene, exact
        self.version = getattr(formulas, scene.version)
        self.precision = "exact" if exact else "float64"
        numbers = digits if exact else (lambda x: x)
        with mpmath.workdps(DIGITS):
            config = SimpleNamespace(**numbers(_floats(scene.config)))
            raw = numbers([_image(scene, n) for n in range(len(scene.truths))])
            rows = numbers(scene.truths)
            self.inputs = list(zip(raw, rows, [config] * len(raw), strict=True))
            self.results: list[Result] = [
                self.version.evaluate(*args, precision=self.precision) for args in self.inputs
            ]

    def decoded(self) -> dict[str, Any]:
        """boxes, obj and cls, a list over the heads each."""
        heads = range(len(self.scene.raw))
        found = [[r.heads[s] for r in self.results] for s in heads]
        of_boxes = [_deep([h.decoded for h in head], lambda b: rounded(b[:4])) for head in found]
        of_obj = [_deep([h.decoded for h in head], lambda b: rounded(b[4])) for head in found]
        return {"boxes": of_boxes, "obj": of_obj,
                "cls": [rounded([h.classes for h in head]) for head in found]}  # fmt: skip

    def responsible(self) -> list[list[Any]]:
        """[[head, image, row, col, anchor], truth, IOU], in this order."""
        found = []
        for n, result in enumerate(self.results):
            for s, head in enumerate(result.heads):
                for t, match in enumerate(head.matches):
                    for one in match.anchors if match else []:
                        if one.holds:
                            place = [s, n, match.row, match.col, one.anchor]
                            found.append([place, t, rounded(one.iou)])
        return sorted(found)

    def counts(self) -> dict[str, list[Any]]:
        """positives and collisions by image and head, invalid and unassigned by image."""
        return {name: [getattr(r.counts, name) for r in self.results]
                for name in ("positives", "collisions", "invalid", "unassigned")}  # fmt: skip

    def ignored(self) -> list[list[int]]:
        """[head, image, row, col, anchor]."""
        return sorted(
            [s, n, row, col, a]
            for n, result in enumerate(self.results)
            for s, head in enumerate(result.heads)
            for row, cells in enumerate(head.ignored)
            for col, anchors in enumerate(cells)
            for a, flag in enumerate(anchors)
            if flag
        )

    def terms(self, *names: str) -> dict[str, list[list[float]]]:
        """By image and head."""
        return {k: [[rounded(getattr(t, k)) for t in r.terms] for r in self.results]
                for k in names or STAGES}  # fmt: skip

    def total(self) -> list[float]:
        """By image."""
        with mpmath.workdps(DIGITS):
            return [rounded(r.total) for r in self.results]

    def gradient(self) -> list[list[Any]]:
        """[path into raw, slope of the total], of all slopes that are not 0."""
        found, names = [], ("step",) if self.scene.version == "v1" else ("step", "smooth")
        steps = dict.fromkeys(names, STEP) if self.exact else {}
        with mpmath.workdps(DIGITS):
            for n, args in enumerate(self.inputs):
                slopes = self.version.gradient(*args, precision=self.precision, **steps)
                found += [[_path(self.scene.version, n, path), slope(x)]
                          for path, x in slopes.items() if slope(x) != 0.0]  # fmt: skip
        return sorted(found, key=lambda entry: entry[0])

    def slopes(self, term: str) -> list[list[Any]]:
        """The part of the gradient that belongs to one term."""
        held = {tuple(place) for place, _, _ in self.responsible()}
        return [[path, x] for path, x in self.gradient()
                if self.term_of(path, held) == term]  # fmt: skip

    def term_of(self, path: Sequence[int], held: set[tuple[int, ...]]) -> str:
        """The only term that moves with a raw output."""
        *cell, field = path
        if self.scene.version == "v1":
            box, field = divmod(field, 5)
            if box >= self.scene.config["num_boxes"]:
                return "cls"
            cell.append(box)
        kind = ("box", "box", "box", "box", "obj", "cls")[min(field, 5)]
        return "noobj" if kind == "obj" and tuple(cell) not in held else kind

    def decisions(self) -> list[Any]:
        """Everything discrete."""
        held = [[place, truth] for place, truth, _ in self.responsible()]
        return [held, self.ignored(), self.counts(), self._gates()]

    def _gates(self) -> list[Any]:
        slots = [_flat(r.frozen.slots) for r in self.results]
        return [[getattr(s.owner, "gate", None) for s in image] for image in slots]


def _floats(config: Mapping[str, Any]) -> dict[str, Any]:
    """Whole numbers of a config as floats, but counts and indices."""

    def number(name: str, x: Any) -> Any:
        if isinstance(x, list | tuple):
            return tuple(number(name, v) for v in x)
        whole = isinstance(x, int) and not isinstance(x, bool)
        return float(x) if whole and name not in ("masks", "num_boxes") else x

    return {name: number(name, x) for name, x in config.items()}


def _image(scene: Scene, n: int) -> Any:
    """Raw outputs of one image as the oracle takes them."""
    heads = [head[n] for head in scene.raw]
    return heads if scene.version in ("v3", "v4") else heads[0]


def _path(version: str, image: int, path: Path) -> list[int]:
    """A path of the oracle, of one image, as one into raw."""
    head, *rest = path if version in ("v3", "v4") else (0, *path)
    return [head, image, *rest]


def _deep(x: Any, of: Any) -> Any:
    """`of` at the tuples of nested lists."""
    return [_deep(v, of) for v in x] if isinstance(x, list) else of(x)


def _flat(x: Any) -> Iterator[Any]:
    if not isinstance(x, list):
        yield x
        return
    for v in x:
        yield from _flat(v)
