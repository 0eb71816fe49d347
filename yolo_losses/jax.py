"""The losses for JAX: with their closed-form gradient as a `custom_vjp`."""

from functools import partial
from typing import Any

import jax

from . import terms
from ._versions import of_config
from .targets import Targets
from .terms import LossTerms, Slopes


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def loss(raw: Any, targets: Targets, config: Any) -> LossTerms:
    """The loss of a config, whose class says which version.

    ::

        step = jax.jit(jax.grad(lambda heads: loss(heads, targets, config).total.mean()))

    The terms of `vN.loss`. Reverse-mode differentiation puts the gradient together from slopes by
    the closed form, under jit, vmap and on sharded arrays too. It gives the same numbers as
    differentiating `vN.loss`, which can be differentiated forwards and twice as well; from half
    precision, where gradients saturate, in reverse mode alone.

    Parameters
    ----------
    raw : array, or sequence of arrays for v3 and v4
    targets : Targets
    config : v1.Config, v2.Config, v3.Config or v4.Config
        Hashable: a static argument of jit.

    Raises
    ------
    ValueError, TypeError
        As `loss` of the version, and for another config.
    """
    each: LossTerms = of_config("jax.loss", config).loss(raw, targets, config)
    return each


def _forward(raw: Any, targets: Targets, config: Any) -> tuple[LossTerms, tuple[Any, Slopes]]:
    each, slopes = of_config("jax.loss", config).linearise(raw, targets, config)
    return each, (raw, slopes)


def _backward(config: Any, residuals: tuple[Any, Slopes], cotangent: LossTerms) -> tuple[Any, None]:
    raw, slopes = residuals  # of raw the shapes alone
    heads, structure = jax.tree.flatten(raw)
    grads = terms.pull_back(tuple(map(_only_once, heads)), slopes, cotangent)
    return jax.tree.unflatten(structure, grads), None


@jax.custom_jvp  # type: ignore[untyped-decorator]
def _only_once(x: Any) -> Any:
    """x, where a second derivative asks for an error instead of a wrong 0."""
    return x


@_only_once.defjvp  # type: ignore[untyped-decorator]
def _refuse(primals: Any, tangents: Any) -> Any:
    msg = "jax.loss: its gradient cannot be differentiated; that of vN.loss can"
    raise TypeError(msg)


loss.defvjp(_forward, _backward)
