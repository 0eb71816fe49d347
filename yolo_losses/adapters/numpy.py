"""NumPy: assignment in place, kept rows alone are touched."""

from collections.abc import Mapping
from typing import Any

import array_api_compat.numpy

from .generic import Adapter, Array, Place


class NumPy(Adapter):
    """NumPy, and every library with its in-place semantics."""

    name = "numpy"

    def placement(self, x: Array) -> dict[str, Any]:
        return {}

    def gather(self, x: Array, place: Place, keep: Array) -> Array:
        rows = self.xp.zeros((*keep.shape, x.shape[-1]), dtype=x.dtype, **self.placement(x))
        rows[keep] = x[self._kept(place, keep)]
        return rows

    def mark(self, slot: Array, keep: Array, size: int) -> Array:
        out = self.xp.zeros((slot.shape[0], size), dtype=self.xp.bool, **self.placement(slot))
        out[self._kept((slot,), keep)] = True
        return out

    def assemble(
        self, x: Array, planes: Mapping[int, Array], place: Place, rows: Array, keep: Array
    ) -> Array:
        out = self.xp.zeros_like(x)
        for k, plane in planes.items():
            out[..., k] = plane
        out[self._kept(place, keep)] += rows[keep]
        return out

    def _kept(self, place: Place, keep: Array) -> Place:
        """Image and place of the kept rows."""
        return (keep.nonzero()[0], *(p[keep] for p in place))


ADAPTER = NumPy(array_api_compat.numpy)
