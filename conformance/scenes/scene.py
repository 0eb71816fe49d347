"""Inputs of the vectors: raw outputs, truths and a config, in plain numbers.

All numbers are short in binary, so that every dtype reads the same input: raw outputs are sixteenths,
coordinates 256ths, but where a case is about numbers that are not.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Truth = tuple[float, float, float, float, int]
# x, y, w, h, class, whether it is valid, and of a region that it is one.
Row = tuple[float, float, float, float, int, *tuple[bool, ...]]


class Scene(NamedTuple):
    """One batch. `raw` is [head][image][row][col][anchor][field], in v1 without the anchor."""

    version: str
    config: Mapping[str, Any]
    raw: list[Any]
    truths: list[list[Row]]


class Ask(NamedTuple):
    """A case before it is answered."""

    name: str
    why: str
    flags: Sequence[str]
    inputs: Any  # a Scene, a pair of boxes, …
    firm: bool = True  # no decision is at its threshold, border or tie


class Draw:
    """Numbers that look random and are the same everywhere."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def below(self, n: int) -> int:
        """0 … n − 1."""
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n

    def logit(self, size: float = 3.0) -> float:
        """A sixteenth within ±size."""
        return self.below(round(32 * size) + 1) / 16 - size

    def box(self) -> tuple[float, float, float, float]:
        """A centre anywhere and sides of all sizes, 256ths."""
        x, y = (1 + self.below(255)) / 256, (1 + self.below(255)) / 256
        w, h = (math.floor(8 * 1.2 ** self.below(17)) / 256 for _ in range(2))
        return x, y, w, h


# Truths.


def image(*truths: Truth, fill: int = 0, length: int | None = None) -> list[Row]:
    """The truths of one image, with rows that only fill up."""
    rows: list[Row] = [(*truth, True) for truth in truths]
    count = fill if length is None else length - len(rows)
    return [*rows, *[(0.5, 0.5, 0.25, 0.25, 0, False)] * count]


def region(x: float, y: float, w: float, h: float, label: int = 0) -> Row:
    """A row that nobody is responsible for."""
    return (x, y, w, h, label, True, True)


def crowd(draw: Draw, images: int, length: int, classes: int) -> list[list[Row]]:
    """Images with ever fewer truths, the last one without any if there are several."""
    counts = [length - n for n in range(images)]
    counts[-1] = 0 if images > 1 else length
    return [
        image(*((*draw.box(), draw.below(classes)) for _ in range(count)), length=length)
        for count in counts
    ]


# Raw outputs.


def shapes(version: str, config: Mapping[str, Any], grid: tuple[int, int]) -> list[tuple[int, ...]]:
    """(H, W) or (H, W, A) of each head; `grid` is the coarsest."""
    h, w = grid
    if version == "v1":
        return [(h, w)]
    if version == "v2":
        return [(h, w, len(config["anchors"]))]
    factors = [round(config["strides"][0] / s) for s in config["strides"]]
    return [(h * f, w * f, len(m)) for f, m in zip(factors, config["masks"], strict=True)]


def outputs(
    version: str, config: Mapping[str, Any], grid: tuple[int, int], *, images: int, classes: int,
    fill: Any = 0.0, at: Mapping[tuple[int, ...], Sequence[float]] | None = None,
) -> list[Any]:  # fmt: skip
    """Raw outputs: `fill` everywhere, a number or a Draw, but the first fields at some places.

    A place is (head, image, row, col, anchor); in v1 (0, image, row, col, box), and box B for the
    classes.
    """
    boxes = config.get("num_boxes", 1)
    raw = [
        _nested((images, *shape, 5 * boxes + classes), fill)
        for shape in shapes(version, config, grid)
    ]
    for place, values in (at or {}).items():
        *cell, last = place
        vector = _reach(raw, cell if version == "v1" else place)
        start = 5 * last if version == "v1" else 0
        vector[start : start + len(values)] = values
    return raw


def _nested(shape: tuple[int, ...], fill: Any) -> Any:
    if not shape:
        return fill.logit() if isinstance(fill, Draw) else fill
    return [_nested(shape[1:], fill) for _ in range(shape[0])]


def _reach(nested: Any, place: Sequence[int]) -> Any:
    for n in place:
        nested = nested[n]
    return nested
