"""Asking functions, and holding what they answer against the vectors."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from conformance.others.function import Function, Library, OutOfScope
from yolo_losses.testing import Case, Judgement, judge

NEAR = 2e-6  # relative: what the cases allow values in float32
BIT = {"float64": 2.0**-52, "float32": 2.0**-23}
STATES = ("passed", "near", "failed", "out of scope")
# A case stands under the first of its flags in this order.
ORDER = ("degenerate", "epsilon", "touching", "edges", "apart", "saturated", "constant", "aspect",
         "units", "layout", "axes", "plain")  # fmt: skip
# Raised for a case that is flagged degenerate: the function refuses such boxes.
REFUSALS = (AssertionError, ValueError)


class Outcome(NamedTuple):
    """One case on a function.

    Attributes
    ----------
    case : Case
    state : str
        "passed"; "near": not within the tolerance, but within 2e-6; "failed"; "out of scope".
    judgements : tuple of Judgement
        Empty where something was raised.
    error : float
        The largest error, relative to the number or to those that it is made of, infinite where
        something was raised.
    dtype : str
        In which it was judged: that of the results, if they are coarser than what was asked.
    text : str
        What was raised.
    """

    case: Case
    state: str
    judgements: tuple[Judgement, ...]
    error: float
    dtype: str
    text: str = ""

    @property
    def degenerate(self) -> bool:
        """Whether a box has no area, which many functions exclude."""
        return "degenerate" in self.case.notes

    @property
    def flag(self) -> str:
        """The flag that it is listed under."""
        return next((f for f in ORDER if f in self.case.notes), "plain")

    @property
    def failures(self) -> list[str]:
        """What is wrong, a line each."""
        return [j.failure for j in self.judgements if j.failure] or [self.text]


class Report(NamedTuple):
    """One function on all its cases."""

    library: str
    version: str
    function: str
    dtype: str
    outcomes: tuple[Outcome, ...]

    def of(self, *states: str, degenerate: bool | None = None) -> list[Outcome]:
        """The outcomes of states, of ordinary or of degenerate boxes alone where that is said."""
        wanted = (True, False) if degenerate is None else (degenerate,)
        return [o for o in self.outcomes if o.state in states and o.degenerate in wanted]

    def parts(self) -> dict[str, tuple[int, int]]:
        """part → (within the tolerance, tried)."""
        found: dict[str, tuple[int, int]] = {}
        for judgement in (j for o in self.outcomes for j in o.judgements):
            passed, tried = found.get(judgement.part, (0, 0))
            found[judgement.part] = (passed + (not judgement.failure), tried + 1)
        return found

    def by_flag(self, *states: str) -> dict[str, list[Outcome]]:
        """flag → cases of the states."""
        found = self.of(*states)
        grouped = {flag: [o for o in found if o.flag == flag] for flag in ORDER}
        return {flag: of for flag, of in grouped.items() if of}


def survey(libraries: Sequence[Library], wanted: str = "") -> Iterator[Report | tuple[str, str]]:
    """A report a function with `wanted` in its name, or (package, why it was left out)."""
    for library in libraries:
        version = library.version()
        if not version:
            yield library.name, "not installed"
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                functions = library.functions()
        except Exception as error:  # whatever an import raises is what was found
            yield f"{library.name} {version}", f"cannot be imported: {_line(error)}"
            continue
        for function in functions:
            if wanted in function.name:
                yield report(function, library.name, version)


def report(function: Function, library: str, version: str) -> Report:
    """One function on all its cases."""
    outcomes = tuple(outcome(function, case) for case in function.cases())
    dtype = min(o.dtype for o in outcomes)  # "float32" is before "float64"
    return Report(library, version, function.name, dtype, outcomes)


def outcome(function: Function, case: Case) -> Outcome:
    """One function on one case."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            got = function.answer(case, function.dtype)
    except OutOfScope as error:
        return Outcome(case, "out of scope", (), np.inf, function.dtype, str(error))
    except Exception as error:  # whatever a function raises is a result
        refused = isinstance(error, REFUSALS) and "degenerate" in case.notes
        state = "out of scope" if refused else "failed"
        return Outcome(case, state, (), np.inf, function.dtype, f"raised {_line(error)}")
    dtype = _coarser(function.dtype, got)
    judged = tuple(judge(case, got, dtype))
    error = max(j.ulp for j in judged) * BIT[dtype]
    state = "near" if error <= NEAR else "failed"
    state = state if any(j.failure for j in judged) else "passed"
    return Outcome(case, state, judged, error, dtype)


def _coarser(dtype: str, got: Mapping[str, Any]) -> str:
    """float32 where a function has it, though it was asked in float64."""
    small = any(str(getattr(x, "dtype", "")).endswith(("float32", "float16")) for x in got.values())
    return "float32" if small else dtype


def _line(error: Exception) -> str:
    """An exception in a line."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(error)).split())
    return f"{type(error).__name__}: {text[:200]}".rstrip(": ")
