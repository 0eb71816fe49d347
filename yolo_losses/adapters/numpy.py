"""NumPy: assignment in place, kept rows alone are touched."""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import array_api_compat.numpy
from numpy import clip

from .generic import Adapter, Array, Place
from .loops import blocks, in_turn

LINES = 10_000  # of the cache, which holds them


class NumPy(Adapter):
    """NumPy, and every library with its in-place semantics."""

    name = "numpy"
    looks = True
    block: int | None = 100_000  # a dozen planes of this size fit a cache

    def placement(self, x: Array) -> dict[str, Any]:
        return {}

    def field_planes(self, x: Array) -> Array:
        n, h, w, a, f = x.shape
        out = self.xp.empty((f, n, a, h, w), dtype=x.dtype, **self.placement(x))
        for image in range(n):  # what one image brings into the cache serves all its fields
            out[:, image, ...] = self.xp.permute_dims(x[image, ...], (3, 2, 0, 1))
        return out

    def lookup(self, table: Array, index: Array) -> Array:
        return table[:, index]

    def gather(self, x: Array, place: Place, keep: Array) -> Array:
        rows = self.xp.zeros((*keep.shape, x.shape[-1]), dtype=x.dtype, **self.placement(x))
        rows[keep] = x[self._kept(place, keep)]
        return rows

    def mark(self, slot: Array, keep: Array, size: int) -> Array:
        out = self.xp.zeros((slot.shape[0], size), dtype=self.xp.bool, **self.placement(slot))
        out[self._kept((slot,), keep)] = True
        return out

    def spread(self, x: Array, planes: Mapping[int, Array]) -> Array:
        return self.fill(self.blank(x), planes)

    def add_rows(self, out: Array, place: Place, rows: Array, keep: Array) -> Array:
        out[self._kept(place, keep)] += rows[keep]
        return out

    def put_rows(self, out: Array, place: Place, rows: Array) -> Array:
        image = self.xp.arange(out.shape[0], **self.placement(out))[:, None]
        out[(image, *place)] = rows
        return out

    def scan(
        self, step: Callable[[Any, list[Array]], Any], carry: Any, rows: list[Array], size: int
    ) -> Any:
        return in_turn(step, carry, rows, size)

    def assigns(self, x: Array) -> bool:
        return True

    def fill(self, out: Array, planes: Mapping[int, Array]) -> Array:
        for k, plane in planes.items():
            n, h, w, *anchors = plane.shape
            for images, *anchor in product(blocks(n, h * w, LINES), *map(range, anchors)):
                field = out[(images, ..., *anchor, k)]  # of one stride, which is quicker
                field.copy()  # lines arrive quicker for reading, and are then there to write to
                field[...] = plane[(images, ..., *anchor)]
        return out

    def clear(self, out: Array, place: Place, keep: Array) -> None:
        out[self._kept(place, keep)] = 0

    def blank(self, x: Array) -> Array:
        """Zeros with the shape, dtype and stride order of x.

        `zeros` takes memory that is cleared already, or clears it by memset: half the traffic of
        `zeros_like`, which fetches every line before it writes to it.
        """
        order = sorted(range(x.ndim), key=lambda k: -abs(x.strides[k]))
        out = self.xp.zeros([x.shape[k] for k in order], dtype=x.dtype, **self.placement(x))
        return self.xp.permute_dims(out, [order.index(k) for k in range(x.ndim)])

    def limit(self, x: Array, low: Array, high: Array) -> Array:
        return clip(x, low, high)  # one pass

    def fullest(self, mask: Array) -> int:
        return int(mask.sum(axis=1).max(initial=0))

    def _kept(self, place: Place, keep: Array) -> Place:
        """Image and place of the kept rows."""
        return (keep.nonzero()[0], *(p[keep] for p in place))


ADAPTER = NumPy(array_api_compat.numpy)
