"""Whether a convention explains what was handed in, stage by stage, and with what factors."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..terms import LossTerms
from . import factors
from .agree import Tolerance, bound, errors, slope_limits
from .factors import Factor
from .problem import TERMS, Problem, Results, summed
from .setup import Prediction, Setup

STAGES = ("boxes", "obj", "cls", "iou", "responsible", "ignored", *(f"terms.{t}" for t in TERMS),
          "total", "grad")  # fmt: skip


@dataclass
class Fit:
    """How far a setup explains the numbers."""

    depth: int  # of the stages that were handed in, how many agree before the first that does not
    of: int
    used: dict[str, list[Factor]] = field(default_factory=dict)  # stage → factors that fit it

    @property
    def full(self) -> bool:
        """Everything is explained."""
        return self.depth == self.of

    @property
    def cost(self) -> int:
        """How many factors it takes; one for several terms counts once."""
        chosen: dict[str, int] = {}
        for choices in self.used.values():
            names = {c.name for c in choices}
            if not names & set(chosen):
                chosen[choices[0].name] = choices[0].cost
        return sum(chosen.values())


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

    def within(self, tolerance: Tolerance) -> "Fitter":
        """The same, held less tightly."""
        return replace(self, tolerance=tolerance)

    def fit(self, setup: Setup, scaled: bool = True) -> Fit:
        """Stage by stage; `scaled` allows factors."""
        prediction = Prediction(setup)
        given = [s for s in STAGES if s in self.got.given]
        found = Fit(0, len(given))
        weights = {t: np.full(self.positives.shape, setup.counted[t]) for t in TERMS}
        for stage in given:
            if not self._stage(stage, prediction, found, weights, scaled):
                break
            found.depth += 1
        return found

    def _stage(
        self, stage: str, p: Prediction, found: Fit, weights: dict[str, np.ndarray], scaled: bool
    ) -> bool:
        if stage.startswith("terms."):
            return self._term(stage[6:], p, found, weights, scaled)
        if stage == "total":
            return self._total(p, found, weights, scaled)
        if stage == "grad":
            return self._grad(p, found, weights, scaled)
        return self._dense(stage, p)

    def _dense(self, stage: str, p: Prediction) -> bool:
        got = getattr(self.got, stage)
        for s, (a, b) in enumerate(zip(got, predicted(p, stage), strict=True)):
            if a.shape != b.shape:
                return False
            if stage in ("responsible", "ignored"):
                apart = a != b
                if (apart & ~self.open[s] if stage == "ignored" else apart).any():
                    return False
            elif stage == "iou":
                if (self._iou_errors(a, b) > self.tolerance.dense).any():
                    return False
            elif (errors(a, b) > bound(b, self.tolerance.dense)).any():
                return False
        return True

    def _iou_errors(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """0 at truths that are not there."""
        out: np.ndarray = errors(a, b) * self.problem.targets.valid[..., None]
        return out

    def _term(
        self, term: str, p: Prediction, found: Fit, weights: dict[str, np.ndarray], scaled: bool
    ) -> bool:
        got, want = self.got.terms[term], np.asarray(getattr(p.terms, term), dtype=float)
        slack = self.slack if term == "noobj" else 0.0 * self.slack
        if self._near(got, want, slack):
            return True
        choices = self._factors(got, want, term) if scaled else []
        if choices:
            found.used[f"terms.{term}"] = choices
            weights[term] = weights[term] * choices[0].value
        return bool(choices)

    def _near(self, got: np.ndarray, want: np.ndarray, slack: np.ndarray) -> bool:
        own = summed(want, got.shape)
        limit = self.tolerance.term * np.maximum(
            np.abs(own), np.abs(summed(np.abs(want), got.shape))
        )
        limit = limit + summed(slack, got.shape) + 1e-300
        return bool((errors(got, own) <= limit).all())

    def _factors(self, got: np.ndarray, want: np.ndarray, term: str | None) -> list[Factor]:
        t = self.tolerance.term
        if not np.isfinite(want).all() or not np.abs(want).max(initial=0):
            return []
        singles = factors.matching(got, want, self.tables[term], t)
        if singles:
            return singles
        return factors.matching(got, want, self.doubles[term], t) or factors.steady(got, want, t)

    def _total(
        self, p: Prediction, found: Fit, weights: dict[str, np.ndarray], scaled: bool
    ) -> bool:
        got, parts = self.got.total, {t: weights[t] * getattr(p.terms, t) for t in TERMS}
        assert got is not None
        want = np.asarray(sum(parts.values()), dtype=float)
        if self._near(got, want, self.slack):
            return True
        if not scaled:
            return False
        choices = self._factors(got, want, None)
        if choices:
            found.used["total"] = choices
            for t in TERMS:
                weights[t] = weights[t] * choices[0].value
            return True
        return self._one_term_of_total(got, parts, p, found, weights)

    def _one_term_of_total(
        self, got: np.ndarray, parts: dict[str, np.ndarray], p: Prediction, found: Fit,
        weights: dict[str, np.ndarray],
    ) -> bool:  # fmt: skip
        """A factor on one term that was not handed in."""
        for t in TERMS:
            if t in self.got.terms or not np.abs(parts[t]).max(initial=0):
                continue
            rest = summed(np.asarray(sum(v for k, v in parts.items() if k != t)), got.shape)
            near = self.tolerance.term * np.abs(got).max(initial=0) / max(
                np.abs(got - rest).max(initial=0), 1e-300
            )  # fmt: skip
            choices = factors.matching(got - rest, parts[t], self.tables[t], min(near * 4, 0.01))
            if choices:
                found.used[f"terms.{t}"] = choices
                weights[t] = weights[t] * choices[0].value
                return True
        return False

    # The gradient.

    def _grad(
        self, p: Prediction, found: Fit, weights: dict[str, np.ndarray], scaled: bool
    ) -> bool:
        if self._same_grad(p, weights):
            return True
        if not scaled:
            return False
        missing = [t for t in TERMS if t not in self.got.terms]
        tries = [missing, list(TERMS)] if missing and len(missing) < 4 else [list(TERMS)]
        return any(self._scaled_grad(p, found, weights, names) for names in tries)

    def _same_grad(self, p: Prediction, weights: dict[str, np.ndarray]) -> bool:
        assert self.got.grad is not None
        want = p.grad(LossTerms(**weights))
        return not any(
            bad.any()
            for _, bad in wrong_slopes(self.problem, self.got.grad, want, self.tolerance, self.open)
        )

    def _scaled_grad(
        self, p: Prediction, found: Fit, weights: dict[str, np.ndarray], names: list[str]
    ) -> bool:
        """Factors of single terms, from ratios of their slopes; then all is held together."""
        assert self.got.grad is not None
        new, used = dict(weights), {}
        for t in names:
            only = {k: (weights[k] if k == t else 0 * weights[k]) for k in TERMS}
            r = _ratios(self.got.grad, p.grad(LossTerms(**only)))
            choices = self._of_ratio(r, t)
            if choices is None:
                return False
            if choices:
                used[t], new[t] = choices, weights[t] * choices[0].value
        if not used or not self._same_grad(p, new):
            return False
        shared = set.intersection(*({c.name for c in cs} for cs in used.values()))
        if len(used) > 1 and shared:
            used = {t: [c for c in cs if c.name in shared] for t, cs in used.items()}
        found.used.update({f"grad.{t}": cs for t, cs in used.items()})
        return True

    def _of_ratio(self, r: np.ndarray, term: str) -> list[Factor] | None:
        """The factors that a ratio (N, S) may be, [] for 1, None for nothing known."""
        have, t = np.isfinite(r), 10 * self.tolerance.grad
        if not have.any() or (np.abs(r[have] - 1) < t).all():
            return []
        one = np.where(have, 1.0, 0.0)
        r = np.where(have, r, 0.0)
        for choices in (self.tables[term], self.doubles[term]):
            found = factors.matching(r, one, choices, t)
            if found:
                return found
        return factors.steady(r, one, t) or None


def _ratios(got: Sequence[np.ndarray], want: Sequence[np.ndarray]) -> np.ndarray:
    """(N, S): got ≈ r · want by least squares where want is not 0, NaN where it is."""
    columns = []
    for a, b in zip(got, want, strict=True):
        a, b = a.reshape(len(a), -1), np.asarray(b, dtype=float).reshape(len(b), -1)
        dot, square = (a * b * (b != 0)).sum(1), (b * b).sum(1)
        columns.append(np.where(square > 0, dot / np.where(square > 0, square, 1), np.nan))
    return np.stack(columns, axis=1)


def predicted(p: Prediction, stage: str) -> Sequence[Any]:
    """A dense stage of a prediction, one array a head."""
    if stage == "boxes":
        return p.boxes
    source = p.decoded if stage in ("obj", "cls") else p.matches
    return [getattr(one, stage) for one in source]


KINDS = ("coordinates", "objectness", "classes")


def kind_of_field(problem: Problem) -> np.ndarray:
    """(D,): an index into KINDS for each field of a raw output."""
    out = np.full(problem.raw[0].shape[-1], 2)
    for k in range(problem.boxes_per_vector):
        out[5 * k : 5 * k + 4], out[5 * k + 4] = 0, 1
    return out


def wrong_slopes(
    problem: Problem, got: Sequence[np.ndarray], want: Sequence[np.ndarray], tolerance: Tolerance,
    open_places: Sequence[np.ndarray],
) -> list[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """For each head the errors and where they are too large, by `slope_limits`."""
    kind = kind_of_field(problem)
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    gaps = [errors(a, b) for a, b in zip(got, want, strict=True)]
    limits = slope_limits(want, kind, tolerance.grad)
    for gap, limit, undecided in zip(gaps, limits, open_places, strict=True):
        bad = np.asarray(gap > limit)
        if undecided.any():
            bad = np.asarray(bad & ~_at_fields(undecided, bad.shape))
        pairs.append((gap, bad))
    return pairs


def _at_fields(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Places (N, H, W, A) as fields of raw outputs."""
    lanes = places if len(shape) == 5 else np.any(places, axis=-1)
    return np.broadcast_to(np.asarray(lanes)[..., None], shape)
