"""Classes of YOLOv1 and v2."""

from collections.abc import Sequence


def classes(label: int, p_hat: Sequence[float]) -> float:
    """Σ_c ( p(c) − p̂(c) )²."""
    return sum((float(c == label) - p) ** 2 for c, p in enumerate(p_hat))
