"""dask.array, chunked over the images: what it lacks is done by NumPy, chunk by chunk.

Every image is by itself, so that a chunk of images is a batch of its own. Nothing is computed
before the caller asks for it.
"""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import array_api_compat.dask.array
import dask.array as da
import numpy as np

from .generic import Adapter, Array, Arrays, Place
from .numpy import ADAPTER as NUMPY


class _Namespace:
    """array_api_compat's namespace, with the functions that it lacks."""

    def __getattr__(self, name: str) -> Any:
        return getattr(array_api_compat.dask.array, name)

    def take_along_axis(self, x: Array, indices: Array, *, axis: int) -> Array:
        return _by_image(np.take_along_axis, indices.shape, x.dtype, x, indices, axis=axis)

    def argsort(self, x: Array, **options: Any) -> Array:
        return _by_image(NUMPY.xp.argsort, x.shape, np.int64, x, **options)


class Dask(Adapter):
    """dask.array."""

    name = "dask"

    def placement(self, x: Array) -> dict[str, Any]:
        return {}

    def device(self, x: Array) -> object:
        return None

    def host(self, x: Array) -> np.ndarray:
        return np.asarray(x.compute())

    def lookup(self, table: Array, index: Array) -> Array:
        column, lane, axes = -1, -2, tuple(range(index.ndim))
        meta = np.empty((0,) * (index.ndim + 1), dtype=table.dtype)
        return da.blockwise(
            NUMPY.lookup, (column, *axes), table, (column, lane), index, axes,
            concatenate=True, dtype=table.dtype, meta=meta,
        )  # fmt: skip

    def gather(self, x: Array, place: Place, keep: Array) -> Array:
        shape = (*keep.shape, x.shape[-1])

        def gather(x: Array, keep: Array, *place: Array) -> Array:
            return NUMPY.gather(x, place, keep)

        return _by_image(gather, shape, x.dtype, x, keep, *place)

    def mark(self, slot: Array, keep: Array, size: int) -> Array:
        shape = (slot.shape[0], size)
        return _by_image(NUMPY.mark, shape, np.bool_, slot, keep, size=size)

    def spread(self, x: Array, planes: Mapping[int, Array]) -> Array:
        def spread(x: Array, *of_fields: Array) -> Array:
            return NUMPY.spread(x, dict(zip(planes, of_fields, strict=True)))

        return _by_image(spread, x.shape, x.dtype, x, *planes.values())

    def add_rows(self, out: Array, place: Place, rows: Array, keep: Array) -> Array:
        def add_rows(out: Array, rows: Array, keep: Array, *place: Array) -> Array:
            return NUMPY.add_rows(out.copy(), place, rows, keep)

        return _by_image(add_rows, out.shape, out.dtype, out, rows, keep, *place)

    def settle(self, step: Callable[..., Array], x: Array, constants: Arrays, most: int) -> Array:
        def settle(x: Array, *constants: Array) -> Array:
            return NUMPY.settle(step, x, constants, most)

        return _by_image(settle, x.shape, x.dtype, x, *constants)

    def put_rows(self, out: Array, place: Place, rows: Array) -> Array:
        def put_rows(out: Array, rows: Array, *place: Array) -> Array:
            return NUMPY.put_rows(out.copy(), place, rows)

        return _by_image(put_rows, out.shape, out.dtype, out, rows, *place)


def _by_image(
    f: Callable[..., Array], shape: tuple[int, ...], dtype: Any, *arrays: Array, **options: Any
) -> Array:
    """f on the chunks along the first axis; all other axes are whole."""
    axis = count(1)
    pairs: list[Any] = []
    for x in arrays:
        whole = x.rechunk(dict.fromkeys(range(1, x.ndim), -1))
        pairs += [whole, (0, *(next(axis) for _ in range(1, x.ndim)))]
    out = {next(axis): size for size in shape[1:]}
    meta = np.empty((0,) * len(shape), dtype=dtype)
    return da.blockwise(
        f, (0, *out), *pairs, new_axes=out, concatenate=True, dtype=dtype, meta=meta, **options
    )


ADAPTER = Dask(_Namespace())
