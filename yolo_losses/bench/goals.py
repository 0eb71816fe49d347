"""The goals, in one table, and how a result meets them. All ratios are of medians."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from .results import FLOOR, FLOOR_A, ZERO_FILL, value

Row = Mapping[str, Any]  # a Measurement or a Growth


class Goal(NamedTuple):
    """A largest value, for every row that has what is named; None: whatever it has."""

    what: str  # a key of VALUES
    limit: float
    way: str | None = None
    versions: tuple[str, ...] = ("v1", "v2", "v3", "v4")
    configs: tuple[str, ...] = ("A", "B", "C", "voc")
    ignore_by: str | None = None


class Verdict(NamedTuple):
    """A goal on a row."""

    what: str
    way: str
    version: str
    config: str
    ignore_by: str | None
    value: float
    limit: float
    met: bool


GRADIENT = "loss + gradient, × floor"
GRADIENT_A = "loss + gradient, × floor of A"
WORKSPACE = "workspace, × zero fill"
MEMORY = "memory, × objectness planes"
COMPILE = "compile time, T = 300 to T = 8"
IN_BATCH, IN_CELLS, IN_TRUTHS = "growth in batch", "growth in cells", "growth in truths"


def _compile(row: Row) -> float | None:
    seconds = row.get("compile", {})
    return seconds["300"] / seconds["8"] if {"8", "300"} <= set(seconds) else None


VALUES: dict[str, Callable[[Row], float | None]] = {
    GRADIENT: lambda row: value(row, "loss_and_grad", FLOOR),
    GRADIENT_A: lambda row: value(row, "loss_and_grad", FLOOR_A),
    WORKSPACE: lambda row: value(row, "workspace", ZERO_FILL),
    MEMORY: lambda row: row["memory"]["planes"] if "memory" in row else None,
    COMPILE: _compile,
    IN_BATCH: lambda row: row.get("batch_exponent"),
    IN_CELLS: lambda row: row.get("cells_exponent"),
    IN_TRUTHS: lambda row: row.get("truths_exponent"),
}

_HEADS = ("v3", "v4")
_RATIOS = {  # by shape, by prior, by prediction
    ("numpy", "A"): (4, 5, 10),
    ("numpy", "B"): (2.5, 3, 6),
    ("torch", "A"): (5, 6, 10),
    ("torch", "B"): (2.5, 3, 6),
    ("jax", "A"): (3, 3.5, 6),
    ("jax", "B"): (3, 3.5, 5),
}

GOALS = (
    *(
        Goal(GRADIENT, limit, way, _HEADS, (config,), rule)
        for (way, config), limits in _RATIOS.items()
        for rule, limit in zip(("shape", "prior", "prediction"), limits, strict=True)
    ),
    Goal(GRADIENT_A, 2, "numpy", ("v1",)),
    Goal(GRADIENT_A, 3, "numpy", ("v2",)),
    Goal(WORKSPACE, 1, "numpy", _HEADS, ("B",), "shape"),
    Goal(MEMORY, 16, versions=_HEADS),
    Goal(COMPILE, 2),
    Goal(IN_BATCH, 1.1, configs=("sweep",)),
    Goal(IN_CELLS, 1.1, configs=("sweep",)),
    Goal(IN_TRUTHS, 0.2, configs=("sweep",), ignore_by="shape"),
)


def judge(rows: Iterable[Row], goals: Iterable[Goal] = GOALS) -> list[Verdict]:
    """Every goal on every row that it is for and that has its value."""
    goals = list(goals)
    return [
        Verdict(
            goal.what, row["way"], row["version"], row["config"], row["ignore_by"],
            number, goal.limit, number <= goal.limit,
        )
        for row in rows
        for goal in goals
        if _is_for(goal, row) and (number := VALUES[goal.what](row)) is not None
    ]  # fmt: skip


def _is_for(goal: Goal, row: Row) -> bool:
    return (
        goal.way in (None, row["way"])
        and row["version"] in goal.versions
        and row["config"] in goal.configs
        and goal.ignore_by in (None, row["ignore_by"])
    )
