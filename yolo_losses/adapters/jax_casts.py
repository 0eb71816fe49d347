"""JAX: a cast to a wider dtype whose gradient keeps within the narrow one's finite values."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp


def widen(x: jax.Array, dtype: Any) -> jax.Array:
    """x in a dtype; its gradient saturates where the dtype of x is narrower.

    What saturates is not linear, so that from half precision only reverse mode leads on.
    """
    return x if x.dtype == dtype else _widened(x, dtype, x.dtype)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _widened(x: jax.Array, wide: Any, narrow: Any) -> jax.Array:
    return x.astype(wide)


def _forward(x: jax.Array, wide: Any, narrow: Any) -> tuple[jax.Array, None]:
    return x.astype(wide), None


def _backward(wide: Any, narrow: Any, _: None, grad: jax.Array) -> tuple[jax.Array]:
    largest = float(jnp.finfo(narrow).max)
    return (jnp.clip(grad, -largest, largest).astype(narrow),)


_widened.defvjp(_forward, _backward)
