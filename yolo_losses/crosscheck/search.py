"""Which conventions explain the numbers: single ones, factors, and combinations of two."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .agree import OF
from .factors import Factor
from .fit import Fit, Fitter
from .problem import Results
from .setup import Setup, Slip
from .slips import slips

STAGES = ("decode", "assignment", "ignore", "box", "obj", "noobj", "cls", "total", "gradient")


@dataclass(frozen=True)
class Explanation:
    """Slips and factors, and how far they explain what was handed in."""

    slips: tuple[Slip, ...]
    fit: Fit

    @property
    def cost(self) -> int:
        """How many conventions it takes."""
        return len(self.slips) + self.fit.cost

    @property
    def names(self) -> list[list[str]]:
        """Each convention as the list of names that cannot be told apart."""
        return [[s.name] for s in self.slips] + [[_prefixed(k, c.name) for c in choices]
                                                 for k, choices in _distinct(self.fit)]  # fmt: skip

    @property
    def texts(self) -> list[str]:
        """Each convention in words."""
        words = [s.text for s in self.slips]
        for stage, choices in _distinct(self.fit):
            also = f" (or {'; or '.join(c.text for c in choices[1:6])})" if choices[1:] else ""
            words.append(f"{_subject(stage)}: {choices[0].text}{also}")
        return words


def _prefixed(stages: list[str], name: str) -> str:
    return f"{'+'.join(_short(stages))}-{name}"


def _short(stages: list[str]) -> list[str]:
    """`gradient` for those of all terms."""
    of_grad = [s for s in stages if s.startswith("grad.")]
    names = [s.removeprefix("terms.") for s in stages if s not in of_grad]
    return [*names, *(["gradient"] if len(of_grad) == 4 else of_grad)]


def _subject(stages: list[str]) -> str:
    return f"your {' and '.join(s.replace('grad.', 'gradient of ') for s in _short(stages))}"


def _distinct(fit: Fit) -> list[tuple[list[str], list[Factor]]]:
    """Factors that several stages share count once."""
    out: list[tuple[list[str], list[Factor]]] = []
    for stage, choices in fit.used.items():
        names = {c.name for c in choices}
        for stages, known in out:
            if names & {c.name for c in known}:
                stages.append(stage)
                known[:] = [c for c in known if c.name in names]
                break
        else:
            out.append(([stage], list(choices)))
    return out


@dataclass
class Search:
    """All explanations, best first; `complete` unless time ran out."""

    found: list[Explanation]
    complete: bool
    tried: int


def search(fitter: Fitter, seconds: float = 45.0) -> Search:
    """Explanations of what differs: those that explain everything, by how little they take.

    Where none does, those that reach furthest through the stages.
    """
    end, start = time.monotonic() + seconds, Setup(fitter.problem)
    base = Explanation((), fitter.fit(start))
    singles = [_with(fitter, start, s) for s in slips(fitter.problem)
               if time.monotonic() < end]  # fmt: skip
    full = [e for e in (base, *singles) if e.fit.full]
    tried, complete = len(singles) + 1, True
    if not full:
        full = _coarse(fitter, start)
    if not full:
        pairs, complete = _pairs(fitter, start, base, singles, end)
        tried += len(pairs)
        full = [e for e in pairs if e.fit.full]
        singles += pairs
    if full:
        least = min(e.cost for e in full)
        return Search([e for e in full if e.cost == least], complete, tried)
    best = max((e.fit.depth for e in singles), default=0)
    reach = [e for e in (base, *singles) if e.fit.depth == best > base.fit.depth]
    least = min((e.cost for e in reach), default=0)
    return Search([e for e in reach if e.cost == least], complete, tried)


def _coarse(fitter: Fitter, start: Setup) -> list[Explanation]:
    """The formula itself, by the precision of a smaller type.

    What float16 allows, other slips do as well, so its numbers have to be numbers of float16.
    """
    own = np.finfo(fitter.problem.precision).eps
    kinds: list[type[np.floating[Any]]]
    kinds = [np.float32, np.float16] if _is_half(fitter.got) else [np.float32]
    for kind in kinds:
        if np.finfo(kind).eps > own and fitter.within(OF[np.dtype(kind)]).fit(start, False).full:
            name = np.dtype(kind).name
            text = f"the numbers have no more than the precision of {name}, in computing or storing"
            slip = Slip(f"{name}-inside", "decode", text, lambda setup: setup)
            return [Explanation((slip,), Fit(1, 1))]
    return []


def _is_half(got: Results) -> bool:
    """Whether every result is a number of float16."""
    parts = [
        *got.terms.values(),
        *(x for k in ("boxes", "obj", "grad") for x in getattr(got, k) or ()),
    ]
    with np.errstate(over="ignore"):
        return all(bool((x == x.astype(np.float16)).all()) for x in parts)


def _with(fitter: Fitter, setup: Setup, *changes: Slip) -> Explanation:
    """Some slips together; those that no config may hold explain nothing."""
    try:
        for slip in changes:
            setup = slip.change(setup)
        return Explanation(changes, fitter.fit(setup))
    except ValueError:
        return Explanation(changes, Fit(-1, 0))


def _pairs(
    fitter: Fitter, start: Setup, base: Explanation, singles: list[Explanation], end: float
) -> tuple[list[Explanation], bool]:
    """Pairs of which one reaches further than nothing does, then all pairs of the first stages."""
    out: list[Explanation] = []
    for a, b in _ordered(base, singles):
        if time.monotonic() > end:
            return out, False
        pair = _with(fitter, start, a, b)
        if pair.fit.depth > base.fit.depth:
            out.append(pair)
    return out, True


def _ordered(base: Explanation, singles: list[Explanation]) -> Iterator[tuple[Slip, Slip]]:
    further = sorted((e for e in singles if e.fit.depth > base.fit.depth),
                     key=lambda e: (-e.fit.depth, e.cost))  # fmt: skip
    seen: set[frozenset[str]] = set()
    firsts = [e.slips[0] for e in further[:10]] or _early(base, singles)
    for a in firsts:
        for e in singles:
            b = e.slips[0]
            names = frozenset((a.name, b.name))
            option = a.name.partition("=")[0] == b.name.partition("=")[0]
            if not option and names not in seen:
                seen.add(names)
                yield (a, b) if STAGES.index(a.stage) <= STAGES.index(b.stage) else (b, a)


def _early(base: Explanation, singles: list[Explanation]) -> list[Slip]:
    """Slips that reach as far as nothing does: two of them may act on the same stage."""
    return [e.slips[0] for e in singles if e.fit.depth == base.fit.depth or e.fit.depth == 0]
