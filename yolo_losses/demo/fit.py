"""Fitting raw outputs: gradient descent on the loss, with no network between.

Adam with a short memory of squared slopes (β₂ = 0.9): the slopes of a squared error of sizes fall
by orders of magnitude on the way, and a long memory of the first ones would stall it.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ..targets import Targets
from ..terms import LossTerms
from .versions import Case, argument, by_head

STEPS = 200
RATE = 0.2  # of the first step, in logits; falls to 0 along a cosine
BETA = 0.9  # of both memories


class Fit(NamedTuple):
    """Raw outputs after a fit, and the terms on both ends of it."""

    case: Case
    raw: list[np.ndarray]
    before: LossTerms
    after: LossTerms


def _nothing() -> None:
    """The tick of a fit that nobody watches."""


def fit(
    case: Case, raw: Sequence[np.ndarray], targets: Targets, steps: int = STEPS,
    tick: Callable[[], None] = _nothing,
) -> Fit:  # fmt: skip
    """Fit a copy of raw outputs (one array a head) to targets; `tick` is called after each step."""
    heads = [x.copy() for x in raw]
    memories = [(np.zeros_like(x), np.zeros_like(x)) for x in heads]
    before = case.module.loss(argument(case.config, heads), targets, case.config)
    for step in range(steps):
        _, grads = case.module.loss_and_grad(argument(case.config, heads), targets, case.config)
        rate = RATE * (1 + math.cos(math.pi * step / steps)) / 2
        for x, grad, memory in zip(heads, by_head(grads), memories, strict=True):
            _adam(x, grad, memory, rate, 1 - BETA ** (step + 1))
        tick()
    after = case.module.loss(argument(case.config, heads), targets, case.config)
    return Fit(case, heads, before, after)


def _adam(
    x: np.ndarray, grad: np.ndarray, memory: tuple[np.ndarray, np.ndarray], rate: float,
    filled: float,
) -> None:  # fmt: skip
    """One step in place; `filled` is the weight that the memories hold so far, 1 − β^k."""
    mean, square = memory
    mean += (1 - BETA) * (grad - mean)
    square += (1 - BETA) * (grad * grad - square)
    x -= rate * (mean / filled) / (np.sqrt(square / filled) + 1e-12)
