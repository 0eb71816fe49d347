"""JAX: eager, jitted, vmapped; reads and writes are batched over the images."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from .generic import Adapter, Array, Arrays, Place
from .jax_casts import widen
from .loops import in_turn


class JAX(Adapter):
    """JAX. Batched reads and writes keep an array that is sharded over the images so."""

    name = "jax"

    def __init__(self, xp: Any) -> None:
        super().__init__(xp)
        self.integer = xp.int32  # 64-bit integers need x64 mode; a slot fits 32 bits

    def placement(self, x: Array) -> dict[str, Any]:
        return {}

    def device(self, x: Array) -> object:
        return None if isinstance(x, Tracer) or not x.committed else frozenset(x.devices())

    def host(self, x: Array) -> np.ndarray:
        return np.asarray(x.astype(jnp.float32) if x.dtype == jnp.bfloat16 else x)

    def number(self, x: Array, dtype: Any) -> Array:
        if x.dtype != bool:
            return x.astype(dtype)
        # XLA makes of a converted mask times x a choice, which hides a NaN
        return jnp.where(x, jnp.ones((), dtype), jnp.zeros((), dtype))

    def stop(self, x: Array) -> Array:
        return jax.lax.stop_gradient(x)

    def widen(self, x: Array, dtype: Any) -> Array:
        return widen(x, dtype)

    def lookup(self, table: Array, index: Array) -> Array:
        return table[:, index]

    def gather(self, x: Array, place: Place, keep: Array) -> Array:
        rows = jax.vmap(lambda x, *place: x[place])(x, *place)
        return jnp.where(keep[..., None], rows, 0)

    def mark(self, slot: Array, keep: Array, size: int) -> Array:
        blank = jnp.zeros((slot.shape[0], size), dtype=bool)
        spare = jnp.where(keep, slot, size)
        return jax.vmap(lambda out, s: out.at[s].set(True, mode="drop"))(blank, spare)

    def spread(self, x: Array, planes: Mapping[int, Array]) -> Array:
        out = jnp.zeros_like(x)
        for k, plane in planes.items():
            out = out.at[..., k].set(plane)
        return out

    def add_rows(self, out: Array, place: Place, rows: Array, keep: Array) -> Array:
        return jax.vmap(lambda out, rows, *place: out.at[place].add(rows))(out, rows, *place)

    def put_rows(self, out: Array, place: Place, rows: Array) -> Array:
        return jax.vmap(lambda out, rows, *place: out.at[place].set(rows))(out, rows, *place)

    def in_order(
        self, step: Callable[[Any, list[Array]], Any], carry: Any, rows: list[Array]
    ) -> Any:
        if not _traced(rows):
            return super().in_order(step, carry, rows)
        rows = [jnp.moveaxis(v, 1, 0) for v in rows]
        return jax.lax.scan(lambda carry, row: (step(carry, row), None), carry, rows)[0]

    def settle(self, step: Callable[..., Array], x: Array, constants: Arrays, most: int) -> Array:
        if not _traced([x, *constants]):
            return super().settle(step, x, constants, most)

        def again(state: tuple[Array, Array]) -> tuple[Array, Array]:
            new = step(state[0], *constants)
            return new, jnp.any(new != state[0])

        return jax.lax.while_loop(lambda state: state[1], again, (x, jnp.asarray(True)))[0]

    def scan(
        self, step: Callable[[Any, list[Array]], Any], carry: Any, rows: list[Array], size: int
    ) -> Any:
        n, r = rows[0].shape[:2]
        if r <= size or not _traced(rows):
            return in_turn(step, carry, rows, size)
        num = math.ceil(r / size)
        size, blocks = math.ceil(r / num), []
        for v in rows:  # what is filled up is not kept
            v = jnp.pad(v, [(0, 0), (0, num * size - r)] + [(0, 0)] * (v.ndim - 2))
            blocks.append(jnp.moveaxis(v.reshape(n, num, size, *v.shape[2:]), 1, 0))
        return jax.lax.scan(lambda carry, some: (step(carry, some), None), carry, blocks)[0]

    def fold(
        self, condition: Callable[..., Array], per_truth: Arrays, per_slot: Arrays = ()
    ) -> Array:
        if not _traced([*per_truth, *per_slot]):
            return super().fold(condition, per_truth, per_slot)

        def step(hit: Array, truth: Arrays) -> tuple[Array, None]:
            return hit | condition(*truth, *per_slot), None

        truths = tuple(jnp.moveaxis(v[:, :, None, ...], 1, 0) for v in per_truth)
        first, others = (tuple(v[k] for v in truths) for k in (0, slice(1, None)))
        hit, _ = jax.lax.scan(step, condition(*first, *per_slot), others)
        return hit[:, 0, ...]


def _traced(arrays: list[Array]) -> bool:
    return any(isinstance(v, Tracer) for v in arrays)


ADAPTER = JAX(jnp)
