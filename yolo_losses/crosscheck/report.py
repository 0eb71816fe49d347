"""What a comparison answers, as an object, as text and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .dialects import Program
from .facts import facts
from .problem import Problem
from .search import Explanation, Search
from .stages import Difference, Stage

MOST = 6  # explanations that the text lists


@dataclass(frozen=True)
class Report:
    """The answer of `compare`.

    Attributes
    ----------
    stages : list of Stage
        Up to the first that differs.
    difference : Difference or None
        The first stage that differs, its worst number and the distribution of its errors.
    search : Search or None
        Explanations, best first, none of which this input tells from another.
    programs : list of Program
        Well-known programs that compute what was handed in.
    undecided : int
        Places whose ignore rule lies within rounding of its threshold; they are not judged.
    """

    problem: Problem
    stages: Sequence[Stage]
    difference: Difference | None
    search: Search | None = None
    programs: Sequence[Program] = ()
    undecided: int = 0

    @property
    def agrees(self) -> bool:
        """Whether nothing that was handed in differs."""
        return self.difference is None

    @property
    def explanations(self) -> list[Explanation]:
        """What explains the numbers, best first."""
        return [e for e in self.search.found if e.names] if self.search else []

    def __str__(self) -> str:
        """The text."""
        return "\n".join([*self._stages(), *self._place(), *self._reasons()])

    def _stages(self) -> list[str]:
        lines = [f"{self.problem.version}, {len(self.problem.raw[0])} images, "
                 f"{self.problem.precision}:"]  # fmt: skip
        for stage in self.stages:
            word = {None: "not handed in", True: "agrees", False: "DIFFERS"}[stage.agrees]
            worst = f", worst error {stage.ulp:.3g} ulp" if stage.agrees else ""
            left = f", {stage.excused} numbers not judged" if stage.excused else ""
            lines.append(f"  {stage.name:<11}{word}{worst}{left}")
        if self.undecided:
            lines.append(f"  {self.undecided} ignore decisions not judged: their overlap lies "
                         "within rounding of the threshold")  # fmt: skip
        if any(s.excused for s in self.stages):
            lines.append("  Numbers not judged depend on how a centre's place in its cell, or an "
                         "overlap near a threshold, is rounded.")  # fmt: skip
        return lines

    @property
    def _verdict(self) -> str:
        left = [f"{self.undecided} ignore decisions"] if self.undecided else []
        excused = sum(s.excused for s in self.stages)
        left += [f"{excused} numbers"] if excused else []
        if not left:
            return "Everything that was handed in agrees."
        return f"What could be judged agrees; {' and '.join(left)} within rounding could not."

    def _place(self) -> list[str]:
        d = self.difference
        if d is None:
            return [self._verdict]
        quantiles = ", ".join(f"{q:.3g}" for q in d.quantiles)
        return [
            f"First difference: {d.stage} ({d.part}), {d.wrong} of {d.of} numbers.",
            f"  worst at {d.place}",
            f"  yours {d.got!r}, the formula {d.want!r}",
            f"  error {d.absolute:.3g} absolute, {d.relative:.3g} relative, {d.ulp:.3g} ulp",
            f"  absolute errors, median, 90 %, 99 %, largest: {quantiles}",
        ]

    def _reasons(self) -> list[str]:
        if self.agrees or self.search is None:
            return []
        lines = [f"  {p.text} ({p.name})" for p in self.programs]
        lines = ["Known programs:", *lines] if lines else []
        if not np.isfinite(self._got):
            return [*lines, "Every known convention gives finite numbers here: look for a division "
                            "by 0, a logarithm of 0, or an overflow."]  # fmt: skip
        if not self.explanations:
            more = "" if self.search.complete else " before the time was up"
            return [*lines, f"No known convention explains it{more} ({self.search.tried} tried)."]
        full = self.explanations[0].fit.full
        reach = "all that was handed in" if full else f"the stages up to {self._reach()}"
        lines.append(f"Explained, {reach}, by:")
        return lines + self._explained()

    def _explained(self) -> list[str]:
        found = self.explanations
        lines = [f"  {'or ' if k else ''}{'; and '.join(e.texts)}  [{_name(e)}]"
                 for k, e in enumerate(found[:MOST])]  # fmt: skip
        if found[MOST:]:
            lines.append(f"  or {len(found) - MOST} more")
        if len(found) > 1 or any(len(n) > 1 for e in found for n in e.names):
            lines.append(f"  This input does not tell them apart: {self._apart()}.")
        return lines

    @property
    def _got(self) -> float:
        return self.difference.got if self.difference else 0.0

    def _reach(self) -> str:
        return self.difference.stage if self.difference else ""

    def _apart(self) -> str:
        """An input that would."""
        tells = {s.tell for e in self.explanations for s in e.slips if s.tell}
        general = ("use counts that all differ (images, heads, classes, responsible predictors, "
                   "cells, weights; none of them 1 or 2), truths that share cells, and hand in "
                   "more stages")  # fmt: skip
        own = [f"it has {', '.join(facts(self.problem))}"] if facts(self.problem) else []
        return "; ".join([*own, *sorted(tells), general])

    def as_dict(self) -> dict[str, Any]:
        """In the types of JSON."""
        d = self.difference
        return {
            "agrees": self.agrees,
            "version": self.problem.version,
            "precision": str(self.problem.precision),
            "stages": [{**s._asdict(), "ulp": _finite(s.ulp)} for s in self.stages],
            "difference": None if d is None else _plain(d),
            "programs": [p._asdict() for p in self.programs],
            "explanations": [
                {"names": e.names, "texts": e.texts, "explains_all": e.fit.full, "cost": e.cost}
                for e in self.explanations
            ],
            "search_complete": None if self.search is None else self.search.complete,
            "undecided": self.undecided,
        }


def _name(e: Explanation) -> str:
    return " + ".join("|".join(names[:4]) for names in e.names)


def _finite(x: float) -> float | None:
    return x if np.isfinite(x) else None


def _plain(d: Difference) -> dict[str, Any]:
    kept = {k: v for k, v in d._asdict().items() if k != "errors"}
    return {k: _finite(v) if isinstance(v, float) else v for k, v in kept.items()}
