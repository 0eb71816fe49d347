"""The formula in float64, but what it defines in the compute dtype: the cell of a centre."""

from typing import Any

import numpy as np

from .problem import Problem
from .variant import Wrap


def in_precision(problem: Problem) -> tuple[tuple[str, Wrap], ...]:
    """What exchanges x·W and x·W − col for one rounded product in the compute dtype."""
    if problem.compute == np.float64:
        return ()

    def wrap(inner: Any) -> Any:
        def cell(x: Any, size: Any) -> Any:
            found = inner(x.astype(problem.compute), size.astype(problem.compute))
            return tuple(v.astype(x.dtype) for v in found)

        return cell

    return (("matching.cell", wrap),)
