"""Floats, and numbers of more digits that bring their own functions along, as mpmath's do."""

import math
from typing import Any


def functions(x: Any) -> Any:
    """What has exp, log, log1p, sqrt, atan and pi for a number of this kind."""
    return getattr(x, "context", math)
