"""Other values of the options of a config, as slips."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

from ..ignoring import IGNORE
from ..iou import SIMILARITY
from ..matching import ASSIGN
from .problem import Problem
from .setup import Setup, Slip

_THRESHOLDS = (0.2, 0.213, 0.25, 0.3, 0.4, 0.45, 0.5, 0.6, 0.7, 0.9, 1.0)
_OPTIONS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "coord_iou_threshold": ("box", (None, *_THRESHOLDS)),
    "ignore_by": ("ignore", tuple(IGNORE)),
    "ignore_threshold": ("ignore", _THRESHOLDS),
    "offset_eps": ("box", (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12)),
    "assign": ("assignment", tuple(ASSIGN)),
    "assign_iou_threshold": ("assignment", _THRESHOLDS),
    "similarity": ("box", tuple(SIMILARITY)),
    "label_smoothing": ("cls", (0.0, 0.01, 0.05, 0.1, 0.2)),
}


def of_config(problem: Problem) -> Iterator[Slip]:
    """Every other value of every option that is not a weight."""
    names = [field.name for field in fields(problem.config)]
    for name in names:
        stage, values = _OPTIONS.get(name, ("", ()))
        for value in values:
            if value != getattr(problem.config, name):
                text = f"the option {name} is {value!r}, not {getattr(problem.config, name)!r}"
                yield Slip(
                    f"{name}={value}", stage, text, _option(name, value), rank=_rank(name, value)
                )
    if "scale_xy" in names and any(s != 1 for s in problem.config.scale_xy):
        text = "scale_xy is left out: s = 1"
        ones = (1.0,) * len(problem.config.scale_xy)
        yield Slip("scale-xy-left-out", "decode", text, _option("scale_xy", ones))
        turned = problem.config.scale_xy[::-1]
        yield Slip("scale-xy-reversed", "decode", "the heads take s in the reverse order",
                   _option("scale_xy", turned))  # fmt: skip
    if "ignore_by" in names and problem.config.ignore_by is not None:
        yield from _of_rules(problem)


def _of_rules(problem: Problem) -> Iterator[Slip]:
    """Another ignore rule with another threshold: one choice, of one program."""
    for by in ("prior", "prediction", "shape"):
        for value in (0.5, 0.6, 0.7):
            own = problem.config
            if by != own.ignore_by and value != own.ignore_threshold:
                text = f"the options ignore_by and ignore_threshold are {by!r} and {value}"
                options = {"ignore_by": by, "ignore_threshold": value}
                change = lambda s, o=options: s.configured(**o)  # noqa: E731
                yield Slip(f"ignore_by={by},{value}", "ignore", text, change)


def _option(name: str, value: Any) -> Callable[[Setup], Setup]:
    return lambda setup: setup.configured(**{name: value})


def _rank(name: str, value: Any) -> int:
    """How far-fetched a value is: most thresholds are, those of published programs less."""
    if not name.endswith("threshold"):
        return 1
    return 1 if value in (None, 0.5, 0.7) else 2 if value < 0.9 else 4
