"""Objectness and classes of YOLOv3 and v4.

  λ_obj   Σ_i Σ_j (1 − 1ign_ij) [ −C log Ĉ − (1 − C) log(1 − Ĉ) ]
+ λ_class Σ_i Σ_j 1obj_ij Σ_c [ −p(c) log p̂(c) − (1 − p(c)) log(1 − p̂(c)) ]
"""

from collections.abc import Sequence

from conformance.oracle.heads import Slot
from conformance.oracle.scalar import logistic_loss, sigma


def probabilities(c: Sequence[float]) -> list[float]:
    """p̂(c) = σ(c)."""
    return [sigma(c_k) for c_k in c]


def objectness(C: float, t_o: float, slot: Slot) -> float:
    """(1 − 1ign_ij) [ −C log Ĉ − (1 − C) log(1 − Ĉ) ].

    A product and not a choice, so that a NaN is not hidden where it is ignored.
    """
    return (1 - slot.ignored) * logistic_loss(C, t_o)


def classes(label: int, c: Sequence[float], epsilon: float = 0.0) -> float:
    """Σ_c [ −p(c) log p̂(c) − (1 − p(c)) log(1 − p̂(c)) ], p(c) smoothed to p(c)(1 − ε) + ε/2."""
    p = [float(k == label) * (1.0 - epsilon) + epsilon / 2.0 for k in range(len(c))]
    return sum(logistic_loss(p_k, c_k) for p_k, c_k in zip(p, c, strict=True))
