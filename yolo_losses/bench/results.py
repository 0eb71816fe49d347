"""The data of a result: what a worker sends, what a JSON file holds. All times are seconds."""

import math
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

FORMAT = 1

CALLS = ("loss", "loss_and_grad", "autograd", "module", "workspace")
FLOOR, ZERO_FILL, FLOOR_A = "floor", "zero fill", "floor of A"


class Summary(TypedDict):
    """Samples of a time."""

    n: int
    min: float
    median: float


class Ratio(TypedDict):
    """A time in multiples of a floor: of the minima, and of the medians."""

    min: float
    median: float


class Entry(TypedDict):
    """A call: its time, or why there is none."""

    absent: NotRequired[str]
    failed: NotRequired[str]
    time: NotRequired[Summary]
    ratio: NotRequired[dict[str, Ratio]]  # to each floor
    right: NotRequired[bool]
    difference: NotRequired[float]  # to NumPy in float64, relative; missing: not finite


class Memory(TypedDict):
    """Peak of one loss and gradient beyond inputs and gradient."""

    bytes: int
    planes: float  # in objectness planes of the compute dtype


class Measurement(TypedDict):
    """A problem on a way."""

    way: str
    device: str
    version: str
    config: str
    batch: int
    size: int
    truths: int
    ignore_by: str | None
    cells: int
    floors: dict[str, Summary]
    calls: dict[str, Entry]
    memory: NotRequired[Memory]
    memory_failed: NotRequired[str]
    compile: NotRequired[dict[str, float]]  # by the number of truths
    compile_failed: NotRequired[str]


class Growth(TypedDict):
    """Exponents of the time of one version, way and rule: time ∝ x^exponent."""

    way: str
    version: str
    config: str
    ignore_by: str | None
    batch_exponent: float | None
    cells_exponent: float | None
    truths_exponent: float | None


class Result(TypedDict):
    """A run."""

    format: int
    yolo_losses: str
    date: str
    machine: dict[str, Any]
    allocator: str
    threads: int
    runs: int
    ways: dict[str, dict[str, str]]  # device, or why it is absent
    measurements: list[Measurement]
    growth: list[Growth]
    goals: list[dict[str, Any]]


def value(measurement: Mapping[str, Any], call: str, against: str) -> float | None:
    """The ratio of the medians of a call to a floor, None where it was not measured."""
    ratios = measurement.get("calls", {}).get(call, {}).get("ratio", {})
    return ratios[against]["median"] if against in ratios else None


def problems_of(result: Result) -> list[str]:
    """What makes a result worthless: wrong totals and failures, a line each."""
    return [
        f"{name(m)}, {call}: {text}"
        for m in result["measurements"]
        for call, text in _troubles(m)
    ]  # fmt: skip


def _troubles(m: Measurement) -> list[tuple[str, str]]:
    found = [
        (call, f"WRONG, off by {entry.get('difference', math.inf):.1e}")
        for call, entry in m["calls"].items()
        if not entry.get("right", True)
    ]
    found += [(c, f"failed: {e['failed']}") for c, e in m["calls"].items() if "failed" in e]
    for what in ("memory", "compile"):
        if text := m.get(f"{what}_failed"):
            found.append((what, f"failed: {text}"))
    return found


def name(row: Mapping[str, Any]) -> str:
    """A measurement in words."""
    parts = (row["way"], row["version"], row["config"], row["ignore_by"])
    return " ".join(part for part in parts if part)
