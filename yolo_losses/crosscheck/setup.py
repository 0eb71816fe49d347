"""A convention that an implementation may follow, and the numbers that it then gets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .. import terms
from ..grid import Decoded
from ..matching import Matches
from ..terms import LossTerms, Slopes
from .precision import in_precision
from .problem import MODULES, TERMS, Problem, by_head
from .variant import Wrap, variant

Arrays = Sequence[np.ndarray]


class Reading(NamedTuple):
    """Raw outputs that are read otherwise: there, and back for the gradient."""

    there: Callable[[Arrays], list[np.ndarray]]
    back: Callable[[Arrays], list[np.ndarray]]


@dataclass(frozen=True, eq=False)
class Setup:
    """A problem, with all that slips have changed about computing it."""

    problem: Problem
    patches: tuple[tuple[str, Wrap], ...] = ()
    readings: tuple[Reading, ...] = ()
    handed: tuple[Callable[[Arrays], list[np.ndarray]], ...] = ()  # how boxes are handed out
    slopes: tuple[Callable[[Arrays], list[np.ndarray]], ...] = ()  # and the gradient
    counted: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TERMS, 1.0))  # in total
    seen: dict[Any, Any] = field(default_factory=dict)  # assignments, shared by all that have them

    def patched(self, *patches: tuple[str, Wrap]) -> "Setup":
        """Names of the formula exchanged."""
        return replace(self, patches=self.patches + patches)

    def configured(self, **options: Any) -> "Setup":
        """Another config."""
        config = replace(self.problem.config, **options)
        return replace(self, problem=self.problem._replace(config=config))

    def truths(self, **arrays: Any) -> "Setup":
        """Other targets."""
        targets = self.problem.targets._replace(**arrays)
        return replace(self, problem=self.problem._replace(targets=targets))


@dataclass(frozen=True, eq=False)
class Prediction:
    """The numbers of a setup, each when it is asked for."""

    setup: Setup

    @cached_property
    def module(self) -> Any:
        """The version's module, or a variant of it."""
        problem, patches = self.setup.problem, self.setup.patches
        copy: Any = variant(MODULES[problem.version], (*patches, *in_precision(problem)))
        if not any(_assigns(problem, path) for path, _ in patches):
            copy._match = _remembered(copy._match, self.setup.seen)
        return copy

    @cached_property
    def problem(self) -> Problem:
        """The problem with its raw outputs as they are read."""
        raw: Arrays = self.setup.problem.raw
        for reading in self.setup.readings:
            raw = reading.there(raw)
        return self.setup.problem._replace(raw=tuple(raw))

    def _call(self, name: str, *args: Any) -> Any:
        with np.errstate(all="ignore"):
            return getattr(self.module, name)(self.problem.argument, *args, self.problem.config)

    @cached_property
    def decoded(self) -> tuple[Decoded, ...]:
        """Predictions, one a head."""
        return by_head(self._call("decode"))

    @cached_property
    def boxes(self) -> Arrays:
        """Decoded boxes as they are handed out."""
        boxes: Arrays = [d.boxes for d in self.decoded]
        for change in self.setup.handed:
            boxes = change(boxes)
        return boxes

    @cached_property
    def matches(self) -> tuple[Matches, ...]:
        """Responsible and ignored predictors, one a head."""
        return by_head(self._call("assign", self.problem.targets))

    @cached_property
    def linear(self) -> tuple[LossTerms, Slopes]:
        """The terms, (N, S), and what a gradient is made of."""
        each, slopes = self._call("linearise", self.problem.targets)
        return each, slopes

    @cached_property
    def terms(self) -> LossTerms:
        """The terms, (N, S)."""
        if "linear" in vars(self):
            return self.linear[0]
        each: LossTerms = self._call("loss", self.problem.targets)
        return each

    def grad(self, weights: LossTerms) -> list[np.ndarray]:
        """The gradient of Σ weights · terms, weights (N, S) each."""
        with np.errstate(all="ignore"):
            grads: Arrays = terms.pull_back(self.problem.raw, self.linear[1], weights)
        for reading in reversed(self.setup.readings):
            grads = reading.back(grads)
        for change in self.setup.slopes:
            grads = change(grads)
        return list(grads)


def _assigns(problem: Problem, path: str) -> bool:
    """Whether a name has a part in who is responsible or ignored."""
    if path in ("_objects", "_noobj", "_truth", "_pixels", "grid.decode", "grid.sigmoid"):
        return False
    if problem.version == "v1":
        return True
    by = getattr(problem.config, "ignore_by", None)
    decodes = by == "prediction" or problem.targets.ignore is not None
    return not path.startswith("iou.") and (decodes or path not in ("_decode", "_of_heads"))


def _remembered(match: Any, seen: dict[Any, Any]) -> Any:
    """An assignment once for the same inputs; they are kept, so that no other takes their id."""

    def remembered(raw: Any, targets: Any, config: Any) -> Any:
        heads = raw if isinstance(raw, list | tuple) else (raw,)
        key = (*map(id, heads), *map(id, targets), config)
        if key not in seen:
            seen[key] = match(raw, targets, config), heads, targets
        return seen[key][0]

    return remembered


class Slip(NamedTuple):
    """One convention.

    `stage` is the first that it changes, `text` says what the implementation does, `tell` what
    input would show it by itself, `rank` how far-fetched it is: 0 for what everybody does.
    """

    name: str
    stage: str
    text: str
    change: Callable[[Setup], Setup]
    tell: str = ""
    rank: int = 1


def patching(*patches: tuple[str, Wrap]) -> Callable[[Setup], Setup]:
    """The change of a slip that exchanges names of the formula."""
    return lambda setup: setup.patched(*patches)
