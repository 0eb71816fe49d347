"""Stage by stage: what was handed in against the formula, up to the first that differs."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..terms import LossTerms
from .agree import bound, errors, slope_limits, term_limit
from .fit import Fitter, predicted
from .problem import TERMS, Problem, summed
from .setup import Prediction
from .slack import Slack
from .slopes import kind_of_field

# The stages as a reader sees them, and what belongs to each.
PARTS = {
    "decode": ("boxes", "obj", "cls"), "iou": ("iou",), "assignment": ("responsible",),
    "ignore": ("ignored",), "box": ("terms.box",), "obj": ("terms.obj",),
    "noobj": ("terms.noobj",), "cls": ("terms.cls",), "total": ("total",), "gradient": ("grad",),
}  # fmt: skip
FIELDS = ("t_x", "t_y", "t_w", "t_h", "t_o")
QUANTILES = (0.5, 0.9, 0.99, 1.0)


class Difference(NamedTuple):
    """The worst number of the first stage that differs.

    `errors` are all absolute errors of that part, one array a head, for a picture.
    """

    stage: str
    part: str
    place: str
    got: float
    want: float
    absolute: float
    relative: float
    ulp: float  # of the precision of the inputs
    wrong: int
    of: int
    quantiles: tuple[float, ...]  # of the absolute errors: 0.5, 0.9, 0.99, 1
    errors: Sequence[np.ndarray]

    @property
    def has_places(self) -> bool:
        """Whether the errors have places on the grid, (N, H, W, ...)."""
        return self.errors[0].ndim >= 4


class Stage(NamedTuple):
    """One stage: whether it agrees, None for nothing handed in, and its largest error in ulp.

    `excused` numbers differ by what rounding of centres and thresholds explains; `ulp` is without
    them.
    """

    name: str
    agrees: bool | None
    ulp: float = 0.0
    excused: int = 0


def walk(fitter: Fitter, slack: Slack) -> tuple[list[Stage], Difference | None]:
    """All stages up to the first difference."""
    out: list[Stage] = []
    for stage, parts in PARTS.items():
        given = [p for p in parts if p in fitter.got.given]
        if not given:
            out.append(Stage(stage, None))
            continue
        held = {part: _held(fitter, slack, part) for part in given}
        found = [_worst(fitter.problem, slack.base, stage, part, h) for part, h in held.items()]
        wrong = next((d for d in found if d.wrong), None)
        excused = sum(h.excused for h in held.values())
        out.append(Stage(stage, wrong is None, max(d.ulp for d in found), excused))
        if wrong is not None:
            return out, wrong
    return out, None


def _worst(problem: Problem, p: Prediction, stage: str, part: str, held: "Held") -> Difference:
    got, want, gaps, bad = held
    weighed = [np.where(b, g, -1.0) if any(x.any() for x in bad) else g
               for g, b in zip(gaps, bad, strict=True)]  # fmt: skip
    head = max(range(len(got)), key=lambda k: weighed[k].max(initial=-1.0))
    every = np.concatenate([g.ravel() for g in gaps]) if gaps else np.zeros(0)
    every = every[np.isfinite(every)]
    wrong, count = sum(int(b.sum()) for b in bad), sum(b.size for b in bad)
    quantiles = tuple(float(np.quantile(every, q)) if every.size else 0.0 for q in QUANTILES)
    if not got[head].size:
        return Difference(stage, part, "", 0, 0, 0, 0, 0, wrong, count, quantiles, gaps)
    at = np.unravel_index(int(weighed[head].argmax()), np.shape(weighed[head]))
    a, b = float(got[head][at]), float(want[head][at])
    gap = float(gaps[head][at])
    eps = float(np.finfo(problem.precision).eps)
    relative = gap / abs(b) if b else (0.0 if not gap else float("inf"))
    place = _place(problem, p, part, head, tuple(map(int, at)))
    return Difference(stage, part, place, a, b, gap, relative, relative / eps, wrong, count,
                      quantiles, gaps)  # fmt: skip


class Held(NamedTuple):
    """One array a head each; errors are 0 where rounding of the inputs explains them."""

    got: Sequence[np.ndarray]
    want: Sequence[np.ndarray]
    gaps: Sequence[np.ndarray]
    bad: Sequence[np.ndarray]

    @property
    def excused(self) -> int:
        """How many numbers rounding of the inputs explains."""
        hidden = [errors(a, b) > g for a, b, g in zip(self.got, self.want, self.gaps, strict=True)]
        return sum(int(v.sum()) for v in hidden)


def _held(fitter: Fitter, slack: Slack, part: str) -> Held:
    """What was handed in and what the formula says."""
    if part.startswith("terms.") or part == "total":
        return _sums(fitter, slack, part)
    if part == "grad":
        return _slopes(fitter, slack)
    got = [v.astype(float) for v in getattr(fitter.got, part)]
    want = [np.asarray(v).astype(float) for v in predicted(slack.base, part)]
    gaps = [errors(a, b) for a, b in zip(got, want, strict=True)]
    if part in ("responsible", "ignored"):
        return _excusing(Held(got, want, gaps, [g > 0 for g in gaps]), lambda: slack.open(part))
    if part == "iou":
        valid = fitter.problem.targets.valid[..., None]
        gaps = [np.where(valid, g, 0.0) for g in gaps]
        return Held(got, want, gaps, [g > fitter.tolerance.dense for g in gaps])
    limits = [bound(b, fitter.tolerance.dense) for b in want]
    return Held(got, want, gaps, [g > v for g, v in zip(gaps, limits, strict=True)])


def _excusing(held: Held, within: Callable[[], Sequence[np.ndarray]]) -> Held:
    """Without the errors that rounding explains; what it explains is dear to find."""
    if not any(b.any() for b in held.bad):
        return held
    excused = [b & w for b, w in zip(held.bad, within(), strict=True)]
    return held._replace(
        gaps=[np.where(e, 0.0, g) for e, g in zip(excused, held.gaps, strict=True)],
        bad=[b & ~e for e, b in zip(excused, held.bad, strict=True)],
    )


def _sums(fitter: Fitter, slack: Slack, part: str) -> Held:
    names = TERMS if part == "total" else (part.removeprefix("terms."),)
    given = fitter.got.total if part == "total" else fitter.got.terms[names[0]]
    got = np.asarray(given, dtype=float)
    each = slack.base.terms
    want = summed(np.asarray(sum(getattr(each, t) for t in names), dtype=float), got.shape)
    gap, limit = errors(got, want), term_limit(want, fitter.tolerance)

    def within() -> list[np.ndarray]:
        moves = np.asarray(sum(slack.terms[t] for t in names))
        return [np.asarray(gap <= limit + summed(moves, got.shape))]

    return _excusing(Held([got], [want], [gap], [np.asarray(gap > limit)]), within)


def _slopes(fitter: Fitter, slack: Slack) -> Held:
    got, one = fitter.got.grad or (), np.ones(fitter.positives.shape)
    want = slack.base.grad(LossTerms(one, one, one, one))
    limits = slope_limits(want, kind_of_field(fitter.problem), fitter.tolerance.grad)
    gaps = [errors(a, b) for a, b in zip(got, want, strict=True)]
    bad = [np.asarray(g > v) for g, v in zip(gaps, limits, strict=True)]

    def within() -> list[np.ndarray]:
        every = zip(gaps, limits, slack.grad, strict=True)
        return [np.asarray(g <= v + s) for g, v, s in every]

    return _excusing(Held(got, want, gaps, bad), within)


# Places.


def _place(problem: Problem, p: Prediction, part: str, head: int, at: tuple[int, ...]) -> str:
    """Where a number stands, in words."""
    if part.startswith("terms.") or part == "total":
        names = ("image", "head")
        words = [f"{name} {k}" for name, k in zip(names, at, strict=False)]
        return ", ".join(words) or "the sum of all images"
    strides = problem.strides
    stride = f" (stride {strides[head]:g})" if strides else ""
    image = f"image {at[0]}, head {head}{stride}"
    if part == "iou":
        return f"{image}, truth {at[1]}, anchor {at[2]}"
    where = f"{image}, row {at[1]}, col {at[2]}"
    lane, field = _lane_and_field(problem, part, at)
    words = [where, *([f"anchor {lane}"] if lane is not None else []), *_truth(p, head, at, lane)]
    return ", ".join([*words, *([field] if field else [])])


def _lane_and_field(problem: Problem, part: str, at: tuple[int, ...]) -> tuple[int | None, str]:
    alone = problem.raw[0].ndim == 4
    if part == "grad":
        k, b = at[-1], problem.boxes_per_vector
        if alone and k >= 5 * b:
            return None, f"class {k - 5 * b}"
        lane, k = (k // 5, k % 5) if alone else (at[3], k)
        return lane, FIELDS[k] if k < 5 else f"class {k - 5}"
    if part == "boxes":
        return at[3], "xywh"[at[4]]
    if part == "cls":
        return (None if alone else at[3]), f"class {at[-1]}"
    return at[3], ""


def _truth(p: Prediction, head: int, at: tuple[int, ...], lane: int | None) -> list[str]:
    """The truth that holds the predictor, if one does."""
    m: Any = p.matches[head]
    held = m.mask[at[0]] & (m.row[at[0]] == at[1])[:, None] & (m.col[at[0]] == at[2])[:, None]
    if lane is not None:
        held = held & (m.anchor[at[0]] == lane)
    rows = np.flatnonzero(held.any(axis=1))
    return [f"truth {rows[-1]}"] if rows.size else []
