"""The elementary functions of the formulas. A NaN goes through every one of them.

Python's min and max keep their first argument where it is NaN: hence the order in `clip`.
"""

import math
from collections.abc import Sequence

from conformance.oracle.number import functions


def clip(v: float, low: float, high: float) -> float:
    """v limited to [low, high]."""
    return min(max(v, low), high)


def exp_clipped(t: float) -> float:
    """e^t, evaluated at clip(t, −20, 20)."""
    return functions(t).exp(clip(t, -20.0, 20.0))


def sigma(t: float) -> float:
    """σ(t) = 1 / (1 + e^−t) = e^t / (1 + e^t), the one that cannot overflow."""
    e = functions(t).exp(-abs(t))
    return 1.0 / (1.0 + e) if t >= 0.0 else e / (1.0 + e)


def softplus(z: float) -> float:
    """log(1 + e^z) = max(z, 0) + log(1 + e^−|z|)."""
    m = functions(z)
    return max(z, 0.0) + m.log1p(m.exp(-abs(z)))


def sqrt_sigma(t: float) -> float:
    """√σ(t) = exp(−½ softplus(−t))."""
    return functions(t).exp(-0.5 * softplus(-t))


def logit(p: float) -> float:
    """The t of which σ(t) = p."""
    return functions(p).log(p / (1.0 - p))


def softmax(c: Sequence[float]) -> list[float]:
    """e^{c_k} / Σ_c e^c, each exponent less the largest."""
    largest = max(c)
    e = [functions(c_k).exp(c_k - largest) for c_k in c]
    total = sum(e)
    return [e_k / total for e_k in e]


def logistic_loss(p: float, c: float) -> float:
    """−p log σ(c) − (1 − p) log(1 − σ(c)), where −log σ(c) = softplus(−c)."""
    return p * softplus(-c) + (1.0 - p) * softplus(c)


def argmax(values: Sequence[float]) -> int:
    """The first of the largest; the first NaN where there is one."""
    return max(range(len(values)), key=lambda n: (math.isnan(values[n]), values[n]))
