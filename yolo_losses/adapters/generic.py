"""Any namespace of the array API standard, with nothing but the standard.

The other adapters override what their library does better or has besides. None is imported
before an array of its library is seen. Shapes: x (N, ..., D), rows (N, R, D), keep (N, R); a place
is one index array (N, R) for each axis of x between the first and the last.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import array_api_compat
import numpy as np

from . import loops

Array = Any
Arrays = tuple[Array, ...]
Place = Arrays


class Adapter:
    """The standard alone: no automatic differentiation, no assignment, no compiler."""

    name = ""
    types: tuple[type, ...] = ()  # array types that are known beforehand
    looks = False  # whether looking at values is cheap, so that work may depend on them
    block: int | None = None  # slots that are worked on at once; None: all

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.name = self.name or str(getattr(xp, "__name__", type(xp).__name__))
        self.integer = xp.int64

    def placement(self, x: Array) -> dict[str, Any]:
        """Keywords that make a creation function put a new array beside x."""
        return {"device": array_api_compat.device(x)}

    def device(self, x: Array) -> object:
        """What has to be equal for two arrays to meet, None where the library decides itself."""
        return array_api_compat.device(x)

    def host(self, x: Array) -> np.ndarray:
        """x as a NumPy array."""
        return np.asarray(x)

    def number(self, x: Array, dtype: Any) -> Array:
        """A mask or integers as numbers, such that 0 · NaN is NaN."""
        return self.xp.astype(x, dtype)

    def stop(self, x: Array) -> Array:
        """x, constant for automatic differentiation."""
        return x

    def widen(self, x: Array, dtype: Any) -> Array:
        """x in a dtype; what automatic differentiation brings back saturates in that of x."""
        return self.xp.astype(x, dtype, copy=False)

    def tracked(self, x: Array) -> bool:
        """Whether automatic differentiation follows x, outside of traces."""
        return False

    def lends(self, arrays: list[Array]) -> bool:
        """Whether a quicker library may work on the memory of these arrays, as constants."""
        return False

    def lend(self, x: Array) -> Array:
        """The same memory as an array of that library."""
        return x

    def take_back(self, x: Array) -> Array:
        """An array of that library as one of this."""
        return x

    def field_planes(self, x: Array) -> Array:
        """(N, H, W, A, F) → (F, N, A, H, W), with the columns side by side in memory."""
        n, h, w, a, f = x.shape
        planes = self.xp.permute_dims(x, (4, 0, 3, 1, 2))
        return self.xp.reshape(self.xp.reshape(planes, (f * n * a * h * w,)), (f, n, a, h, w))

    def lookup(self, table: Array, index: Array) -> Array:
        """(k, ...): the entries of a table (k, L) at an index (...)."""
        flat = self.xp.reshape(index, (math.prod(index.shape),))
        return self.xp.reshape(self.xp.take(table, flat, axis=1), (table.shape[0], *index.shape))

    def gather(self, x: Array, place: Place, keep: Array) -> Array:
        """(N, R, D): the vectors of x at the places, 0 where keep is False."""
        xp, (n, r), d = self.xp, keep.shape, x.shape[-1]
        slots = math.prod(x.shape[1:-1])
        index = xp.broadcast_to(self._slot(x, place)[..., None], (n, r, d))
        rows = xp.take_along_axis(xp.reshape(x, (n, slots, d)), index, axis=1)
        return xp.where(keep[..., None], rows, xp.zeros_like(rows))

    def mark(self, slot: Array, keep: Array, size: int) -> Array:
        """(N, size) bool: the slots (N, R) that some kept row names."""
        return self._owner(slot, keep, size) < slot.shape[1]

    def spread(self, x: Array, planes: Mapping[int, Array]) -> Array:
        """Like x: each plane (N, ...) in its field, 0 elsewhere."""
        field = self.xp.arange(x.shape[-1], **self.placement(x))
        out = self.xp.zeros_like(x)
        for k, plane in planes.items():
            out = self.xp.where(field == k, plane[..., None], out)
        return out

    def add_rows(self, out: Array, place: Place, rows: Array, keep: Array) -> Array:
        """`out` with rows added at their places, in place where the library can.

        Kept rows have places of their own; the others are 0 and add nothing.
        """
        xp, (n, _, d), slots = self.xp, rows.shape, math.prod(out.shape[1:-1])
        owner = self._owner(self._slot(out, place), keep, slots)
        nothing = xp.zeros((n, 1, d), dtype=rows.dtype, **self.placement(out))
        rows = xp.concat([rows, nothing], axis=1)
        rows = xp.take_along_axis(rows, xp.broadcast_to(owner[..., None], (n, slots, d)), axis=1)
        return out + xp.reshape(rows, out.shape)

    def put_rows(self, out: Array, place: Place, rows: Array) -> Array:
        """`out` with rows set at their places, all different in an image; in place where possible.

        At least one row.
        """
        xp, (n, r, d), slots = self.xp, rows.shape, math.prod(out.shape[1:-1])
        owner = self._owner(self._slot(out, place), place[0] == place[0], slots)[..., None]
        new = xp.take_along_axis(rows, xp.broadcast_to(owner % r, (n, slots, d)), axis=1)
        return xp.reshape(xp.where(owner < r, new, xp.reshape(out, new.shape)), out.shape)

    def in_order(
        self, step: Callable[[Any, list[Array]], Any], carry: Any, rows: list[Array]
    ) -> Any:
        """step(carry, row) on arrays (N, ...) of rows (N, R, ...), one after the other.

        For rules in which an order counts. A trace grows with R where the library has no loop.
        """
        for r in range(rows[0].shape[1]):
            carry = step(carry, [v[:, r, ...] for v in rows])
        return carry

    def settle(self, step: Callable[..., Array], x: Array, constants: Arrays, most: int) -> Array:
        """x = step(x, *constants) until nothing changes, which takes at most so many steps.

        All of them are taken where values cannot be looked at. All arrays (N, ...).
        """
        return loops.settle(self.xp, step, x, constants, most)

    def scan(
        self, step: Callable[[Any, list[Array]], Any], carry: Any, rows: list[Array], size: int
    ) -> Any:
        """step(carry, rows) on arrays (N, R, ...), `size` rows at a time where it saves memory."""
        return step(carry, rows)

    # A gradient that is written again needs a library with assignment: `blank` makes it, `fill`
    # writes planes, `add_rows` rows, and `clear` sets rows back to 0.

    def assigns(self, x: Array) -> bool:
        """Whether x can be written to."""
        return False

    def blank(self, x: Array) -> Array:
        """Zeros with the shape, dtype and stride order of x."""
        raise NotImplementedError

    def fill(self, out: Array, planes: Mapping[int, Array]) -> Array:
        """`out` with each plane in its field."""
        for k, plane in planes.items():
            out[..., k] = plane
        return out

    def clear(self, out: Array, place: Place, keep: Array) -> None:
        """0 in the vectors at the kept places."""
        raise NotImplementedError

    def limit(self, x: Array, low: Array, high: Array) -> Array:
        """x limited to low … high, arrays that broadcast; not for gradients."""
        return self.xp.minimum(self.xp.maximum(x, low), high)

    def images(self, n: int, slots: int) -> list[slice]:
        """Blocks of n images, of so many slots each, small enough for what works on them to fit a
        cache; one where calls cost more than memory, as in a trace.
        """
        return loops.blocks(n, slots, self.block)

    def fold(
        self, condition: Callable[..., Array], per_truth: Arrays, per_slot: Arrays = ()
    ) -> Array:
        """Whether condition(*per_truth, *per_slot) holds for any truth; at least one truth.

        `per_truth` are arrays (N, T, ...), `per_slot` (N, 1, ...), and the condition keeps axis 1.
        Eager code goes truth by truth, so that no temporary is longer than one truth; a traced
        graph does not grow with T.
        """
        hit = condition(*(v[:, :1, ...] for v in per_truth), *per_slot)
        for t in range(1, per_truth[0].shape[1]):
            hit = hit | condition(*(v[:, t : t + 1, ...] for v in per_truth), *per_slot)
        return hit[:, 0, ...]

    def fullest(self, mask: Array) -> int:
        """The most True in a row of a mask (N, R); R where values cannot be looked at."""
        return int(mask.shape[1])

    def _slot(self, x: Array, place: Place) -> Array:
        """The places as one index into the axes of x between the first and the last."""
        slot = place[0]
        for index, size in zip(place[1:], x.shape[2:-1], strict=True):
            slot = slot * size + index
        return slot

    def _owner(self, slot: Array, keep: Array, size: int) -> Array:
        """(N, size): the kept row that names each slot, R where there is none."""
        xp, (n, r) = self.xp, slot.shape
        here = self.placement(slot)
        nobody = xp.full((n, size), r, dtype=slot.dtype, **here)
        if n * r * size == 0:
            return nobody
        first = xp.arange(n, dtype=slot.dtype, **here)[:, None] * size
        key = xp.reshape(xp.where(keep, slot + first, n * size), (n * r,))
        order = xp.argsort(key)
        key = xp.take(key, order)
        ids = xp.arange(n * size, dtype=slot.dtype, **here)
        at = xp.minimum(xp.searchsorted(key, ids), xp.full_like(ids, n * r - 1))
        row = xp.astype(xp.take(order, at), slot.dtype) % r
        return xp.where(xp.reshape(xp.take(key, at) == ids, (n, size)),
                        xp.reshape(row, (n, size)), nobody)  # fmt: skip
