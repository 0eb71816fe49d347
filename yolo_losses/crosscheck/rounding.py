"""Whether results are those of the formula in a smaller type."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..terms import LossTerms
from .agree import OF, errors
from .fit import Fitter, predicted, sum_of
from .problem import TERMS, summed
from .setup import Prediction, Setup, Slip

KINDS = (np.float32, np.float16)
Pair = tuple[np.ndarray, np.ndarray]


def coarser(fitter: Fitter) -> Slip | None:
    """The precision of a smaller type, if the formula holds within it and the errors are like it.

    Numbers of that type are. Others have to look like rounding: most numbers are touched, up and
    down, none much more than the others. A constant in a wrong place touches few, or all one way.
    """
    own = np.finfo(fitter.problem.precision).eps
    for kind in KINDS:
        eps, wide = float(np.finfo(kind).eps), OF[np.dtype(kind)]
        if eps <= own or not fitter.within(wide).fit(Setup(fitter.problem), 0).full:
            continue
        if all(_rounded(a, b, kind) or _noise(a, b, eps) for a, b in _numbers(fitter)):
            name = np.dtype(kind).name
            text = f"the numbers have no more than the precision of {name}, in computing or storing"
            return Slip(f"{name}-inside", "decode", text, lambda setup: setup)
    return None


def _numbers(fitter: Fitter) -> Iterator[Pair]:
    """What was handed in, and what the formula says, stage by stage where they differ."""
    p, one = Prediction(Setup(fitter.problem)), np.ones(fitter.positives.shape)
    for stage in fitter.given:
        if stage in ("responsible", "ignored") or (stage == "total" and fitter.got.terms):
            continue
        if stage == "total" or stage.startswith("terms."):
            names = TERMS if stage == "total" else (stage[6:],)
            got = fitter.got.total if stage == "total" else fitter.got.terms[names[0]]
            assert got is not None
            pair = (
                _flat([got]),
                _flat([summed(sum_of(getattr(p.terms, t) for t in names), got.shape)]),
            )
        else:
            want = p.grad(LossTerms(one, one, one, one)) if stage == "grad" else predicted(p, stage)
            pair = _flat(getattr(fitter.got, stage)), _flat(want)
        if (errors(*pair) > fitter.tolerance.dense * np.abs(pair[1])).any():
            yield pair


def _flat(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.asarray(x, dtype=float).ravel() for x in arrays])


def _rounded(got: np.ndarray, want: np.ndarray, kind: type) -> bool:
    """Whether all are numbers of a type."""
    with np.errstate(over="ignore"):
        return bool((got == got.astype(kind)).all())


def _noise(got: np.ndarray, want: np.ndarray, eps: float) -> bool:
    """Whether errors look like rounding."""
    live = want != 0
    relative = (got[live] - want[live]) / want[live]
    touched = relative[np.abs(relative) > 1e-3 * eps]
    if eps > 1e-4 or touched.size < max(6, 0.5 * relative.size):
        return False
    up = float((touched > 0).mean())
    return 0.1 < up < 0.9 and bool(np.quantile(np.abs(touched), 0.9) < 100 * eps)
