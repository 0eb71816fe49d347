"""Whether a convention explains what was handed in, stage by stage, and with what factors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..terms import LossTerms
from . import factors
from .agree import Tolerance, bound, errors, term_limit
from .factors import Factor
from .problem import TERMS, Problem, Results, summed
from .setup import Prediction, Setup
from .slopes import kind_of_field, wrong_slopes
from .totals import TotalOfTerms

STAGES = ("boxes", "obj", "cls", "iou", "responsible", "ignored", *(f"terms.{t}" for t in TERMS),
          "total", "grad")  # fmt: skip


@dataclass
class Fit:
    """How far a setup explains the numbers."""

    depth: int  # of the stages that were handed in, how many agree before the first that does not
    of: int
    used: dict[str, list[Factor]] = field(default_factory=dict)  # stage → factors that fit it
    features: np.ndarray | None = None  # of the first stage that does not agree, as it is predicted

    @property
    def full(self) -> bool:
        """Everything is explained."""
        return self.depth == self.of

    @property
    def cost(self) -> int:
        """How many factors it takes; one for several terms counts once."""
        return sum(choices[0].cost for choices in self._distinct())

    @property
    def rank(self) -> int:
        """How far-fetched they are."""
        return sum(choices[0].rank for choices in self._distinct())

    def _distinct(self) -> list[list[Factor]]:
        chosen: list[list[Factor]] = []
        for choices in self.used.values():
            names = {c.name for c in choices}
            if not any(names & {c.name for c in known} for known in chosen):
                chosen.append(choices)
        return chosen


Weights = dict[str, np.ndarray]  # by term, (N, S)


@dataclass
class State:
    """What is known on the way through the stages."""

    found: Fit
    plain: Weights  # what the setup itself counts a term by
    values: Weights  # with the factors so far, of the values
    slopes: Weights  # and of the gradient
    most: int  # factors that a total may hold

    def take(self, stage: str, terms: Sequence[str], choices: list[Factor]) -> None:
        """Note a factor of some terms."""
        self.found.used[stage] = choices
        for t in terms:
            self.values[t] = self.values[t] * choices[0].value
            self.slopes[t] = self.slopes[t] * choices[0].on_slopes


@dataclass(eq=False)
class Fitter:
    """A candidate, and what is needed to hold setups against it."""

    problem: Problem
    got: Results
    tolerance: Tolerance
    slack: np.ndarray  # (N, S) of noobj: decisions within rounding
    open: Sequence[np.ndarray]  # places of such decisions
    positives: np.ndarray  # (N, S)

    @cached_property
    def tables(self) -> dict[str | None, list[Factor]]:
        """Single factors by term."""
        keys: tuple[str | None, ...] = (*TERMS, None)
        return {t: factors.table(self.problem, self.positives, t) for t in keys}

    @cached_property
    def doubles(self) -> dict[str | None, list[Factor]]:
        """Products of two."""
        return {t: factors.products(singles) for t, singles in self.tables.items()}

    @cached_property
    def given(self) -> list[str]:
        """The stages that were handed in."""
        return [s for s in STAGES if s in self.got.given]

    @cached_property
    def formula(self) -> Prediction:
        """What the formula says, without any slip."""
        return Prediction(Setup(self.problem))

    @cached_property
    def slopes(self) -> list[np.ndarray]:
        """The formula's gradient of all terms."""
        one = np.ones(self.positives.shape)
        return self.formula.grad(LossTerms(one, one, one, one))

    @cached_property
    def evidence(self) -> float:
        """Bits that an explanation has to hit: digits of the numbers that differ."""
        p, t = self.formula, self.tolerance
        count = 0.0
        for stage in self.given:
            if stage == "total" and len(self.got.terms) == len(TERMS):
                continue
            bits = 1.0 if stage in ("responsible", "ignored") else float(np.log2(1 / t.term))
            count += bits * sum(int(np.sum(bad)) for bad in self._wrong(stage, p))
        return count

    def affordable(self, cost: int) -> bool:
        """Whether so many conventions are fewer than the numbers that they have to explain."""
        return cost <= 1 or self.evidence >= 12 + 14 * cost

    def _wrong(self, stage: str, p: Prediction) -> Sequence[np.ndarray]:
        if stage == "grad":
            assert self.got.grad is not None
            pairs = wrong_slopes(
                self.problem, self.got.grad, self.slopes, self.tolerance, self.open
            )
            return [bad for _, bad in pairs]
        if stage == "total" or stage.startswith("terms."):
            names = TERMS if stage == "total" else (stage[6:],)
            got = self.got.total if stage == "total" else self.got.terms[names[0]]
            assert got is not None
            own = sum_of(getattr(p.terms, t) for t in names)
            return [~self._near_each(got, own, self.slack if "noobj" in names else 0 * self.slack)]
        both = zip(getattr(self.got, stage), predicted(p, stage), strict=True)
        return [self._apart(stage, s, a, b) for s, (a, b) in enumerate(both)]

    @cached_property
    def _probes(self) -> list[np.ndarray]:
        """Arrays like the gradient that sums of it are taken with."""
        rng = np.random.default_rng(0)
        return [rng.normal(size=x.shape) for x in self.problem.raw]

    def _sums_of_slopes(self, grads: Sequence[np.ndarray]) -> np.ndarray:
        """(3, N, S): one sum for each kind of field."""
        kind, rows = kind_of_field(self.problem), []
        for g, probe in zip(grads, self._probes, strict=True):
            by_field = np.einsum(
                "nkd,nkd->nd", *(x.reshape(len(g), -1, len(kind)) for x in (g, probe))
            )
            rows.append([by_field[:, kind == k].sum(axis=1) for k in range(3)])
        return np.moveaxis(np.array(rows), 0, -1)

    def target(self, stage: str, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What has to be added to the features of a stage, and how nearly, flat."""
        if stage == "grad":
            assert self.got.grad is not None
            got = self._sums_of_slopes(self.got.grad)
            size = np.abs(got).max(axis=(1, 2), keepdims=True)
            limit = 50 * self.tolerance.grad * np.broadcast_to(size, got.shape)
        else:
            of_stage = self.got.total if stage == "total" else self.got.terms[stage[6:]]
            got = np.asarray(of_stage, dtype=float)
            limit = 4 * self.tolerance.term * (np.abs(got) + np.abs(at))
        return (got - at).ravel(), limit.ravel()

    def within(self, tolerance: Tolerance) -> "Fitter":
        """The same, held less tightly."""
        return replace(self, tolerance=tolerance)

    def fit(self, setup: Setup, most: int = 1) -> Fit:
        """Stage by stage; `most` factors of terms are allowed in a total."""
        prediction, shape = Prediction(setup), self.positives.shape
        plain = {t: np.full(shape, setup.counted[t]) for t in TERMS}
        found = Fit(0, len(self.given))
        state = State(found, plain, dict(plain), dict(plain), most)
        for stage in self.given:
            found.features = None
            if not self._stage(stage, prediction, state):
                break
            found.depth += 1
        return found

    def _stage(self, stage: str, p: Prediction, state: State) -> bool:
        if stage.startswith("terms."):
            return self._term(stage[6:], p, state)
        if stage == "total":
            return self._total(p, state)
        if stage == "grad":
            return self._grad(p, state)
        return self._dense(stage, p)

    def _dense(self, stage: str, p: Prediction) -> bool:
        pairs = zip(getattr(self.got, stage), predicted(p, stage), strict=True)
        return all(
            a.shape == b.shape and not self._apart(stage, s, a, b).any()
            for s, (a, b) in enumerate(pairs)
        )

    def _apart(self, stage: str, s: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if stage in ("responsible", "ignored"):
            return np.asarray((a != b) & ~self.open[s] if stage == "ignored" else a != b)
        if stage == "iou":
            valid = self.problem.targets.valid[..., None]
            return np.asarray(errors(a, b) * valid > self.tolerance.dense)
        return np.asarray(errors(a, b) > bound(b, self.tolerance.dense))

    def _term(self, term: str, p: Prediction, state: State) -> bool:
        got, want = self.got.terms[term], np.asarray(getattr(p.terms, term), dtype=float)
        if self._near(got, want, self.slack if term == "noobj" else 0.0 * self.slack):
            return True
        state.found.features = summed(want, got.shape)
        choices = self._factors(got, want, term) if state.most else []
        if choices:
            state.take(f"terms.{term}", [term], choices)
        return bool(choices)

    def _near_each(self, got: np.ndarray, want: np.ndarray, slack: np.ndarray) -> np.ndarray:
        """Whether each number is what is predicted; what is not finite has to be the same."""
        own = summed(want, got.shape)
        size = np.maximum(np.abs(own), np.abs(summed(np.abs(want), got.shape)))
        limit = term_limit(size, self.tolerance)
        return np.asarray(errors(got, own) <= limit + summed(slack, got.shape))

    def _near(self, got: np.ndarray, want: np.ndarray, slack: np.ndarray) -> bool:
        finite = np.isfinite(want).all() and np.isfinite(got).all()
        return bool(finite and self._near_each(got, want, slack).all())

    def _factors(self, got: np.ndarray, want: np.ndarray, term: str | None) -> list[Factor]:
        t = self.tolerance.term
        if not np.isfinite(want).all() or not np.abs(want).max(initial=0):
            return []
        found = factors.matching(got, want, self._table(term), t)
        found = found or factors.over_batch(got, want, t)
        if found or not self.affordable(2):
            return found
        return factors.matching(got, want, self.doubles[term], t) or factors.steady(got, want, t)

    def _table(self, term: str | None) -> list[Factor]:
        """Single factors: only natural ones where few digits decide."""
        every = self.tables[term]
        return (
            every if self.evidence >= 30 else [f for f in every if f.common or f.name == "left-out"]
        )

    # The total.

    def _total(self, p: Prediction, state: State) -> bool:
        got = self.got.total
        assert got is not None
        each = {t: np.asarray(getattr(p.terms, t), dtype=float) for t in TERMS}
        parts = {t: state.values[t] * each[t] for t in TERMS}
        want = sum_of(parts.values())
        if self._near(got, want, self.slack):
            return True
        state.found.features = summed(want, got.shape)
        if not state.most or not np.isfinite(want).all():
            return False
        plain = {t: state.plain[t] * each[t] for t in TERMS}
        if state.found.used and self._near(got, sum_of(plain.values()), self.slack):
            state.values, state.slopes = dict(state.plain), dict(state.plain)
            return True  # the terms alone are handed out otherwise
        choices = self._factors(got, want, None)
        if choices:
            state.take("total", TERMS, choices)
            return True
        return self._terms_of_total(got, parts, state)

    def _terms_of_total(self, got: np.ndarray, parts: Weights, state: State) -> bool:
        """Factors on terms that were not handed in."""
        sums = TotalOfTerms(got, parts, self.tolerance.term, self._group_table)
        names = [t for t in TERMS if t not in self.got.terms and np.abs(parts[t]).max(initial=0)]
        hit = sums.one(names)
        if not hit and state.most > 1 and self.affordable(2):
            hit = sums.two(names)
        for group, choices in hit:
            for t in group:
                state.take(f"terms.{t}" if t else "total", [t] if t else TERMS, choices)
        return bool(hit)

    def _group_table(self, group: tuple[str, ...]) -> list[Factor]:
        every = self._table(group[0])
        return every if len(group) == 1 else [f for f in every if f.common or f.name == "left-out"]

    # The gradient.

    def _grad(self, p: Prediction, state: State) -> bool:
        if self._same_grad(p, state.slopes):
            return True
        if not state.most:
            return False
        state.found.features = self._sums_of_slopes(p.grad(LossTerms(**state.slopes)))
        if state.found.used and self._same_grad(p, state.plain):
            return True
        missing = [t for t in TERMS if t not in self.got.terms]
        tries = [missing, list(TERMS)] if missing and len(missing) < 4 else [list(TERMS)]
        return any(self._scaled_grad(p, state, names) for names in tries)

    def _same_grad(self, p: Prediction, weights: Weights) -> bool:
        assert self.got.grad is not None
        want = p.grad(LossTerms(**weights))
        return all(np.isfinite(x).all() for x in (*want, *self.got.grad)) and not any(
            bad.any()
            for _, bad in wrong_slopes(self.problem, self.got.grad, want, self.tolerance, self.open)
        )

    def _scaled_grad(self, p: Prediction, state: State, names: list[str]) -> bool:
        """Factors of single terms, from ratios of their slopes; then all is held together."""
        assert self.got.grad is not None
        new, used = dict(state.slopes), {}
        for t in names:
            only = {k: (state.slopes[k] if k == t else 0 * state.slopes[k]) for k in TERMS}
            r = _ratios(self.got.grad, p.grad(LossTerms(**only)))
            choices = self._of_ratio(r, t)
            if choices is None:
                return False
            if choices:
                used[t], new[t] = choices, state.slopes[t] * choices[0].value
        if not used or not self._same_grad(p, new):
            return False
        shared = set.intersection(*({c.name for c in cs} for cs in used.values()))
        if len(used) > 1 and shared:
            used = {t: [c for c in cs if c.name in shared] for t, cs in used.items()}
        state.found.used.update({f"grad.{t}": cs for t, cs in used.items()})
        return True

    def _of_ratio(self, r: np.ndarray, term: str) -> list[Factor] | None:
        """The factors that a ratio (N, S) may be, [] for 1, None for nothing known."""
        have, t = np.isfinite(r), 10 * self.tolerance.grad
        if not have.any() or (np.abs(r[have] - 1) < t).all():
            return []
        one = np.where(have, 1.0, 0.0)
        r = np.where(have, r, 0.0)
        if not np.abs(r).max() > 1e-12:
            r = 0.0 * r
        for choices in (self._table(term), self.doubles[term]):
            found = factors.matching(r, one, choices, t)
            if found:
                return found
        return factors.steady(r, one, t) or None


def sum_of(parts: Iterable[Any]) -> np.ndarray:
    """Σ of arrays (N, S)."""
    return np.asarray(sum(parts), dtype=float)


def _ratios(got: Sequence[np.ndarray], want: Sequence[np.ndarray]) -> np.ndarray:
    """(N, S): got ≈ r · want by least squares where want is not 0, NaN where it is."""
    columns = []
    for a, b in zip(got, want, strict=True):
        a, b = a.reshape(len(a), -1), np.asarray(b, dtype=float).reshape(len(b), -1)
        dot, square = np.einsum("nd,nd->n", a, b), np.einsum("nd,nd->n", b, b)
        columns.append(np.where(square > 0, dot / np.where(square > 0, square, 1), np.nan))
    return np.stack(columns, axis=1)


def predicted(p: Prediction, stage: str) -> Sequence[Any]:
    """A dense stage of a prediction, one array a head."""
    if stage == "boxes":
        return p.boxes
    source = p.decoded if stage in ("obj", "cls") else p.matches
    return [getattr(one, stage) for one in source]
