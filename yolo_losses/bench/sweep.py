"""How the time grows: the problems of a sweep, and the exponents that fit it.

One of three numbers is varied, the others stay where a base has them: A, or the only
configuration of v1 and v2. Times are minima, which other work on the machine disturbs least.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from .problems import CONFIGURATIONS, SMOKE, VOC, Problem, Size, has_heads
from .results import FLOOR, Growth, Measurement

CALL = "loss_and_grad"
NAME, SMOKE_NAME = "sweep", "smoke sweep"  # of the configuration
AXES = ("batch", "size", "truths")
TRUTHS = (1, 3, 10, 30, 100, 300)
_BATCHES = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4)  # times that of the base
_SIZES = (160, 224, 320, 416, 608, 832)
_SIZES_V1 = (192, 256, 320, 448, 640, 832)  # its cells are twice as large


class Point(NamedTuple):
    """A measurement; its axes are its first fields."""

    batch: int
    size: int
    truths: int
    cells: int
    seconds: float
    floor: float


class Grid(NamedTuple):
    """The values of each axis, and the base."""

    base: Size
    batches: Sequence[int]
    sizes: Sequence[int]
    truths: Sequence[int]


def grid(version: str, smoke: bool = False) -> Grid:
    """What is varied for a version."""
    if smoke:
        return Grid(SMOKE, (1, 2, 4), (64, 128, 192), (1, 4, 16))
    base = CONFIGURATIONS["A"] if has_heads(version) else VOC[version]
    batches = [int(base.batch * factor) for factor in _BATCHES]
    return Grid(base, batches, _SIZES_V1 if version == "v1" else _SIZES, TRUTHS)


def problems(
    version: str, rules: Iterable[str], truths: int, *, smoke: bool = False
) -> list[Problem]:
    """All points of all axes, each once; the base is on all of them."""
    (batch, size), batches, sizes, counts = grid(version, smoke)
    points = [
        *((n, size, truths) for n in batches),
        *((batch, side, truths) for side in sizes),
        *((batch, size, t) for t in counts),
    ]
    kept = rules if has_heads(version) else (None,)
    name = SMOKE_NAME if smoke else NAME
    return [Problem(version, name, *p, rule) for rule in kept for p in dict.fromkeys(points)]


class Series(NamedTuple):
    """A version on a way by a rule: points of each axis."""

    way: str
    version: str
    config: str
    ignore_by: str | None
    points: dict[str, list[Point]]


def series(measurements: Iterable[Measurement]) -> list[Series]:
    """The measurements of a sweep, in the order in which they came."""
    groups: dict[tuple[str, str, str, str | None], list[Measurement]] = {}
    for m in measurements:
        if m["config"] in (NAME, SMOKE_NAME) and "time" in m["calls"].get(CALL, {}):
            key = m["way"], m["version"], m["config"], m["ignore_by"]
            groups.setdefault(key, []).append(m)
    return [Series(*key, {a: _along(a, group) for a in AXES}) for key, group in groups.items()]


def _along(axis: str, group: Sequence[Measurement]) -> list[Point]:
    """The points on the longest line in the direction of an axis, in its order."""
    lines: dict[tuple[int, ...], list[Point]] = {}
    for point in map(_point, group):
        fixed = tuple(getattr(point, other) for other in AXES if other != axis)
        lines.setdefault(fixed, []).append(point)
    longest = max(lines.values(), key=len)
    return sorted(longest)


def _point(m: Measurement) -> Point:
    time, floor = m["calls"][CALL].get("time"), m["floors"][FLOOR]
    assert time is not None  # `_swept` leaves out what has none
    return Point(m["batch"], m["size"], m["truths"], m["cells"], time["min"], floor["min"])


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """The p of y ∝ x^p that fits best: least squares of logarithms, two different x at least."""
    slope, _ = np.polyfit(np.log(x), np.log(y), 1)
    return float(slope)


def growth(measurements: Iterable[Measurement]) -> list[Growth]:
    """Exponents of every series: in the batch, in the cells of an image, in the truths."""
    return [
        Growth(
            way=each.way, version=each.version, config=each.config, ignore_by=each.ignore_by,
            batch_exponent=_fit(each.points["batch"], "batch"),
            cells_exponent=_fit(each.points["size"], "cells"),
            truths_exponent=_fit(each.points["truths"], "truths"),
        )
        for each in series(measurements)
    ]  # fmt: skip


def _fit(points: Sequence[Point], by: str) -> float | None:
    if len(points) < 2:
        return None
    return exponent([getattr(p, by) for p in points], [p.seconds for p in points])
