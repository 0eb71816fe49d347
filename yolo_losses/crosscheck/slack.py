"""What rounding alone may do: numbers and decisions of the formula at inputs within an ulp.

x·W − col cancels for a centre near the border of its cell, and logit amplifies what is left; an
overlap within rounding of a threshold falls either way. Neither is an error of an implementation.
What is exact in binary is no matter of rounding: a tie is decided, by a strict >.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ..matching import Matches
from ..terms import LossTerms
from .problem import MODULES, TERMS, Problem, by_head
from .setup import Prediction, Setup

ULPS = 16  # of an overlap: a few roundings of each of its parts
SIGNS = 2  # random directions in which all centres move at once, each there and back
# Sums of random signs may cancel, and some implementations round a coordinate twice.
MARGIN = 1.5
GRAIN = 2048.0  # geometry of multiples of its inverse is exact, in any order of computing

DECISIONS: dict[str, Callable[[Matches, float], Any]] = {
    "ignore_threshold": lambda m, t: m.ignored,
    "assign_iou_threshold": lambda m, t: m.responsible,
    "coord_iou_threshold": lambda m, t: m.mask & (m.iou > t),
}
Masks = list[np.ndarray]


class Slack:
    """How far each number of a problem moves within rounding; all of it when it is asked for."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.base = Prediction(Setup(problem))

    @cached_property
    def ignored(self) -> Masks:
        """Places (N, H, W, A) whose ignore rule lies within rounding of its threshold."""
        if _threshold(self.problem.config, "ignore_threshold") is None:
            return [np.zeros_like(m.ignored) for m in self.base.matches]
        return _undecided(self.problem, "ignore_threshold")[0]

    def undecided(self, given: Sequence[str]) -> int:
        """How many ignore decisions are not judged in what was handed in."""
        seen = {"ignored", "terms.noobj", "total", "grad"} & set(given)
        return sum(int(p.sum()) for p in self.ignored) if seen else 0

    @cached_property
    def positives(self) -> np.ndarray:
        """(N, S): responsible predictors."""
        return np.stack([m.positives for m in self.base.matches], axis=1)

    @cached_property
    def moves(self) -> list[Prediction]:
        """The formula with all centres moved by rounding."""
        step, rng = _step(self.problem), np.random.default_rng(0)
        signs = [rng.choice([-1.0, 1.0], size=step.shape) for _ in range(SIGNS)]
        if not step.any():
            return []
        return [_moved(self.problem, s * sign * step) for sign in signs for s in (-1, 1)]

    @cached_property
    def thresholds(self) -> list[tuple[Prediction, Prediction]]:
        """The formula with decisions made either way, pairs of one threshold."""
        pairs: list[tuple[Prediction, Prediction]] = []
        for name in DECISIONS:
            t = _threshold(self.problem.config, name)
            if t is not None:
                pairs += _sides(self.problem, name, t)
        return pairs

    @cached_property
    def noobj(self) -> np.ndarray:
        """(N, S): what the ignore rule leaves open, of that term."""
        out = np.zeros(np.shape(self.base.terms.noobj))
        t = _threshold(self.problem.config, "ignore_threshold")
        for a, b in [] if t is None else _sides(self.problem, "ignore_threshold", t):
            out = out + _gap(np.asarray(a.terms.noobj), np.asarray(b.terms.noobj))
        return out

    def _slack(self, of: Callable[[Prediction], Any]) -> Any:
        """How far a result moves, in the shape of the result."""
        base = of(self.base)
        far = [_gap(of(p), base) for p in self.moves]
        near = [_gap(of(a), of(b)) for a, b in self.thresholds]
        return MARGIN * np.max(far, axis=0, initial=0.0) + np.sum(near, axis=0) + 0.0 * base

    @cached_property
    def terms(self) -> dict[str, np.ndarray]:
        """How far the terms move, (N, S) each."""
        every = self._slack(lambda p: np.stack([np.asarray(v) for v in p.terms]))
        return dict(zip(TERMS, every, strict=True))

    @cached_property
    def grad(self) -> Masks:
        """How far each slope moves."""
        one = np.ones(np.shape(self.base.terms.box))

        def flat(p: Prediction) -> np.ndarray:
            return np.concatenate([g.ravel() for g in p.grad(LossTerms(one, one, one, one))])

        ends = np.cumsum([x.size for x in self.problem.raw])[:-1]
        parts = np.split(self._slack(flat), ends)
        return [v.reshape(x.shape) for v, x in zip(parts, self.problem.raw, strict=True)]

    def open(self, name: str) -> Masks:
        """Places of masks that fall either way, "responsible" or "ignored"."""
        return self._open[name]

    @cached_property
    def _open(self) -> dict[str, Masks]:
        return {name: self._either(name) for name in ("responsible", "ignored")}

    def _either(self, name: str) -> Masks:
        out = [np.zeros(getattr(m, name).shape, bool) for m in self.base.matches]
        pairs = [(p, self.base) for p in self.moves] + self.thresholds
        for a, b in pairs:
            for place, m, n in zip(out, a.matches, b.matches, strict=True):
                place |= getattr(m, name) != getattr(n, name)
        return out


def _gap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nan_to_num(np.abs(a - b), posinf=0.0))


# Centres.


def _step(problem: Problem) -> np.ndarray:
    """(N, T, 2): by how much a centre may be off, 0 where x·W is exact in binary."""
    x, dtype = problem.targets.boxes[..., :2], problem.compute
    with np.errstate(invalid="ignore", over="ignore"):
        own = x.astype(dtype)
        sizes = [np.array(r.shape[2:0:-1]) for r in problem.raw]
        exact = np.all([_exact(own, size.astype(dtype)) for size in sizes], axis=0) & (own == x)
        step = np.where(exact, 0.0, np.finfo(dtype).eps * np.abs(x))
    return np.where((x > 0) & (x < 1), step, 0.0)


def _exact(x: np.ndarray, size: np.ndarray) -> np.ndarray:
    wide = np.longdouble
    return np.asarray(wide(x) * wide(size) == wide(x * size))


def _moved(problem: Problem, by: np.ndarray) -> Prediction:
    boxes = problem.targets.boxes.copy()
    near = np.clip(boxes[..., :2] + by, 0.0, 1.0)
    boxes[..., :2] = np.where(by != 0, near, boxes[..., :2])
    return Prediction(Setup(problem._replace(targets=problem.targets._replace(boxes=boxes))))


# Thresholds.


def _threshold(config: Any, name: str) -> float | None:
    """A threshold that acts."""
    if name == "ignore_threshold" and getattr(config, "ignore_by", None) is None:
        return None
    t: float | None = getattr(config, name, None)
    return t


def _with(problem: Problem, name: str, t: float) -> Prediction:
    config = replace(problem.config, **{name: min(max(t, 0.0), 1.0)})
    return Prediction(Setup(problem._replace(config=config)))


def _around(problem: Problem, t: float) -> tuple[float, float]:
    far = ULPS * float(np.finfo(problem.compute).eps)
    return t * (1 - far), t * (1 + far)


def _undecided(problem: Problem, name: str) -> tuple[Masks, bool]:
    """Decisions within rounding of a threshold, and whether ties are left out as exact ones."""
    t, seen = getattr(problem.config, name), DECISIONS[name]
    low, high = ([seen(m, v) for m in _with(problem, name, v).matches] for v in _around(problem, t))
    apart = [np.asarray(a != b) for a, b in zip(low, high, strict=True)]
    if not any(v.any() for v in apart):
        return apart, True
    ties = _ties(problem, name, np.float64)
    also = (
        _ties(problem, name, np.float32),
        _ties(_of_round_numbers(problem, name), name, np.float64),
    )
    exact = [np.asarray(a & b & c) for a, b, c in zip(ties, *also, strict=True)]
    decided = all((a == b).all() for a, b in zip(ties, exact, strict=True))
    return [a & ~e for a, e in zip(apart, exact, strict=True)], decided


def _of_round_numbers(problem: Problem, name: str) -> Problem:
    """Without truths whose geometry is rounded; where shapes are held, by their sizes alone."""
    boxes, _, valid = problem.targets
    placed = name == "ignore_threshold" and problem.config.ignore_by != "shape"
    part = boxes if placed else boxes[..., 2:]
    exact = (part * GRAIN == np.floor(part * GRAIN)).all(axis=-1)
    return problem._replace(targets=problem.targets._replace(valid=valid & exact))


def _ties(problem: Problem, name: str, dtype: type) -> Masks:
    """Where the overlap is the threshold itself, computed in a dtype."""
    config, t = problem.config, dtype(getattr(problem.config, name))
    raw: tuple[np.ndarray, ...] = tuple(x.astype(dtype) for x in problem.raw)
    gt = problem.targets._replace(boxes=problem.targets.boxes.astype(dtype))
    below = float(np.nextafter(t, dtype(-1)))
    masks = []
    for v in (below, float(t)):
        there = problem._replace(raw=raw, config=replace(config, **{name: max(v, 0.0)}))
        found = by_head(MODULES[problem.version].assign(there.argument, gt, there.config))
        masks.append([np.asarray(DECISIONS[name](m, v)) for m in found])
    return [np.asarray(a != b) for a, b in zip(*masks, strict=True)]


def _sides(problem: Problem, name: str, t: float) -> Sequence[tuple[Prediction, Prediction]]:
    """Just below and above a threshold, without the exact ties on it."""
    places, exact = _undecided(problem, name)
    if not any(p.any() for p in places):
        return []
    low, high = (_with(problem, name, v) for v in _around(problem, t))
    if not exact:
        return [(low, high)]
    before = _with(problem, name, float(np.nextafter(t, -1)))
    return [(low, before), (_with(problem, name, t), high)]
