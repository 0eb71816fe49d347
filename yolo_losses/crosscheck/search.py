"""Which conventions explain the numbers: single ones, factors, and combinations of two."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .factors import Factor
from .fit import Fit, Fitter
from .rounding import coarser
from .setup import Setup, Slip
from .slips import slips

STAGES = ("decode", "assignment", "ignore", "box", "obj", "noobj", "cls", "total", "gradient")
PART = {"boxes": "decode", "obj": "decode", "cls": "decode", "iou": "assignment",
        "responsible": "assignment", "ignored": "ignore", "grad": "gradient"}  # fmt: skip


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
    def rank(self) -> int:
        """How far-fetched they are."""
        return sum(s.rank for s in self.slips) + self.fit.rank

    @property
    def names(self) -> list[list[str]]:
        """Each convention as the list of names that cannot be told apart."""
        out = [[s.name] for s in self.slips]
        for stages, choices in _distinct(self.fit):
            columns = zip(*(c.names for c in choices), strict=False)
            out += [[_prefixed(stages, name) for name in names] for names in columns]
        return out

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
    """Factors that several stages share count once; choices of one cost."""
    out: list[tuple[list[str], list[Factor]]] = []
    for stage, every in fit.used.items():
        choices = [c for c in every if c.cost == every[0].cost]
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
    base = Explanation((), fitter.fit(start, most=2))
    able = _able(fitter, slips(fitter.problem), base)
    singles = [_with(fitter, start, s) for s in able if time.monotonic() < end]
    full = _full(fitter, [base, *singles])
    if full and full[0].cost <= 1:
        return Search(_least(full), True, len(singles) + 1)
    rounded = coarser(fitter)
    if rounded:
        return Search([Explanation((rounded,), Fit(1, 1))], True, len(singles) + 2)
    if full and full[0].cost <= 2:
        return Search(_least(full), True, len(singles) + 1)
    pairs, complete = _pairs(fitter, start, base, singles, end)
    tried = len(singles) + len(pairs) + 1
    full = _full(fitter, [*full, *pairs])
    if full:
        return Search(_least(full), complete, tried)
    best = max((e.fit.depth for e in (base, *singles)), default=0)
    least = base.fit.depth if not base.cost else 0
    reach = [e for e in (base, *singles) if e.fit.depth == best > least and e.cost == 1]
    return Search(sorted(reach, key=lambda e: e.rank), complete, tried)


def _able(fitter: Fitter, every: Sequence[Slip], base: Explanation) -> list[Slip]:
    """Slips that act where the first difference is, or before."""
    if base.fit.full:
        return list(every)
    last = STAGES.index(_failing(fitter, base))
    return [s for s in every if STAGES.index(s.stage) <= last]


def _failing(fitter: Fitter, e: Explanation) -> str:
    """The stage that an explanation does not explain."""
    part = fitter.given[min(e.fit.depth, len(fitter.given) - 1)]
    return PART.get(part, part.removeprefix("terms."))


def _full(fitter: Fitter, every: Sequence[Explanation]) -> list[Explanation]:
    """Those that explain everything, by what they take, as far as the numbers can support it."""
    full = [e for e in every if e.fit.full and e.cost and fitter.affordable(e.cost)]
    return sorted(full, key=lambda e: (e.cost, e.rank))


def _least(full: list[Explanation]) -> list[Explanation]:
    return [e for e in full if e.cost == full[0].cost]


def _with(fitter: Fitter, setup: Setup, *changes: Slip) -> Explanation:
    """Some slips together; those that no config may hold explain nothing."""
    try:
        for slip in changes:
            setup = slip.change(setup)
        return Explanation(changes, fitter.fit(setup))
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, ArithmeticError):
        return Explanation(changes, Fit(-1, 0))


# Combinations of two.


def _pairs(
    fitter: Fitter, start: Setup, base: Explanation, singles: list[Explanation], end: float
) -> tuple[list[Explanation], bool]:
    """Pairs whose effects add up to the difference, then pairs of which one reaches further.

    They end with the first that explain everything.
    """
    out: list[Explanation] = []
    if not fitter.affordable(2):
        return out, True
    for a, b in _adding(fitter, base, singles):
        out.append(_with(fitter, start, a, b))
    if any(e.fit.full and e.cost == 2 for e in out):
        return out, True
    for a, b in _ordered(fitter, base, singles):
        if time.monotonic() > end:
            return out, False
        out.append(_with(fitter, start, a, b))
        if out[-1].fit.full and out[-1].cost == 2:
            break
    return out, True


def _pair(a: Slip, b: Slip) -> tuple[Slip, Slip]:
    return (a, b) if STAGES.index(a.stage) <= STAGES.index(b.stage) else (b, a)


def _adding(
    fitter: Fitter, base: Explanation, singles: list[Explanation]
) -> Iterator[tuple[Slip, Slip]]:
    """Pairs of slips whose changes of a sum add up to what was handed in."""
    at = base.fit.features
    if at is None or base.fit.full:
        return
    here = [e for e in singles if e.fit.depth == base.fit.depth and e.fit.features is not None]
    if not here:
        return
    target, limit = fitter.target(fitter.given[base.fit.depth], at)
    deltas = np.array([e.fit.features - at for e in here]).reshape(len(here), -1)
    use = np.isfinite(deltas).all(axis=1) & (np.abs(deltas) > limit).any(axis=1)
    here, deltas = [here[k] for k in np.flatnonzero(use).tolist()], deltas[use]
    found = []
    for k in range(len(here)):
        apart = np.abs(deltas[k] + deltas[k + 1 :] - target) > limit
        found += [(here[k], here[k + 1 + m]) for m in np.flatnonzero(~apart.any(axis=1))]
    for a, b in sorted(found, key=lambda ab: ab[0].rank + ab[1].rank)[:100]:
        yield _pair(a.slips[0], b.slips[0])


def _ordered(
    fitter: Fitter, base: Explanation, singles: list[Explanation]
) -> Iterator[tuple[Slip, Slip]]:
    """The plainest first: with those that reach further, else of all."""
    further = sorted((e for e in singles if e.fit.depth > base.fit.depth and not e.fit.full),
                     key=lambda e: (-e.fit.depth, e.cost, e.rank))  # fmt: skip
    seen: set[frozenset[str]] = set()
    every = sorted(slips(fitter.problem), key=lambda s: s.rank)
    pairs = _beside(fitter, further[:12], every) if further else _all(singles)
    for a, b in pairs:
        names = frozenset((a.name, b.name))
        option = a.name.partition("=")[0] == b.name.partition("=")[0]
        if not option and names not in seen:
            seen.add(names)
            yield _pair(a, b)


def _beside(
    fitter: Fitter, further: list[Explanation], every: list[Slip]
) -> Iterator[tuple[Slip, Slip]]:
    """Each that reaches further with what may act on the stage that it does not explain."""
    for first in further:
        last = STAGES.index(_failing(fitter, first))
        able = [s for s in every if STAGES.index(s.stage) <= last]
        for b in sorted(able, key=lambda s: (last - STAGES.index(s.stage), s.rank)):
            yield first.slips[0], b


def _all(singles: list[Explanation]) -> Iterator[tuple[Slip, Slip]]:
    """All pairs, by how far-fetched both are."""
    ranks = sorted({e.slips[0].rank for e in singles})
    of_rank = {r: [e.slips[0] for e in singles if e.slips[0].rank == r] for r in ranks}
    sums = sorted((p + q, p, q) for k, p in enumerate(ranks) for q in ranks[k:])
    for _, p, q in sums:
        for k, a in enumerate(of_rank[p]):
            yield from ((a, b) for b in of_rank[q][k + 1 if p == q else 0 :])
