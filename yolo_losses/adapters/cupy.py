"""CuPy: NumPy's code on the device of the arrays."""

from typing import Any

import array_api_compat.cupy
import numpy as np

from .generic import Adapter, Array
from .numpy import NumPy


class CuPy(NumPy):
    """CuPy."""

    name = "cupy"
    looks = False  # a look waits for the device
    block = None
    field_planes = Adapter.field_planes
    limit = Adapter.limit
    fill = Adapter.fill

    def placement(self, x: Array) -> dict[str, Any]:
        return {"device": x.device}

    def host(self, x: Array) -> np.ndarray:
        return np.asarray(x.get())


ADAPTER = CuPy(array_api_compat.cupy)
