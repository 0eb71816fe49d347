"""Numbers that a term is multiplied or divided by: natural ones of a problem, and known weights."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .problem import Problem, summed

LAMBDA = {"box": "lambda_coord", "obj": "lambda_obj", "cls": "lambda_class"}
PLAIN = {0.5: "½", 2.0: "2", 0.25: "¼, or α of a focal loss"}
KNOWN = {
    0.75: "AlexeyAB's default iou_normalizer", 0.07: "the published iou_normalizer of YOLOv4",
    0.05: "a box gain of Ultralytics", 4.0: "4", 5.0: "λ_coord or object_scale of v1 and v2",
    0.1: "a tenth", 10.0: "ten", 3.54: "a box gain of WongKinYiu", 64.3: "an objectness gain",
    37.4: "a class gain", 0.4: "an objectness gain of AlexeyAB", 1.5: "1.5", 3.0: "3",
    100.0: "a hundred",
}  # fmt: skip
BALANCE = (4.0, 1.0, 0.4)  # by head, fine to coarse, as YOLOv5 weighs objectness


class Factor(NamedTuple):
    """A factor of each image and head, (N, S), and how many decisions it takes.

    `parts` are the names of a product; `slope` is what the gradient is multiplied by where that
    is not the same; `common` ones may stand in a product.
    """

    name: str
    text: str
    value: np.ndarray
    cost: int = 1
    rank: int = 1  # how far-fetched
    common: bool = True
    parts: tuple[str, ...] = ()
    slope: np.ndarray | None = None

    @property
    def on_slopes(self) -> np.ndarray:
        """What the gradient is multiplied by."""
        return self.value if self.slope is None else self.slope

    @property
    def names(self) -> tuple[str, ...]:
        """Its own name, or those of its parts."""
        return self.parts or (self.name,)


Counts = dict[str, tuple[Any, str]]


def natural(problem: Problem, positives: np.ndarray) -> list[Factor]:
    """By what losses are commonly divided: counts of the problem; positives are (N, S)."""
    counts = {**_of_objects(problem, positives), **_of_grid(problem, positives)}
    return [
        Factor(f"over-{name}", f"divided by {text}", _inverse(v, positives.shape), rank=rank)
        for rank, names in enumerate((_FIRST, [k for k in counts if k not in _FIRST]))
        for name, (v, text) in counts.items() if name in names
    ]  # fmt: skip


_FIRST = ("N", "positives", "positives-of-image", "K", "truths")


def _of_objects(problem: Problem, positives: np.ndarray) -> Counts:
    valid, k = problem.targets.valid, problem.num_classes
    of_head, of_image = positives.sum(0, keepdims=True), positives.sum(1, keepdims=True)
    n = len(problem.raw[0])
    return {
        "positives": (positives.sum(), "the responsible predictors of the batch"),
        "positives-of-image": (of_image, "those of the image"),
        "positives-of-head": (of_head, "those of the head"),
        "positives-of-image-and-head": (positives, "those of the image and head"),
        "4-positives": (4 * positives.sum(), "4 numbers for each responsible predictor"),
        "2-positives": (2 * positives.sum(), "2 numbers for each responsible predictor"),
        "4-positives-of-head": (4 * of_head, "4 numbers for each of the head"),
        "4-positives-of-image": (4 * of_image, "4 numbers for each of the image"),
        "K-positives": (k * positives.sum(), "K numbers for each responsible predictor"),
        "K-positives-of-head": (k * of_head, "K numbers for each of the head"),
        "K-positives-of-image": (k * of_image, "K numbers for each of the image"),
        "truths": (valid.sum(), "the truths of the batch"),
        "truths-of-image": (valid.sum(1, keepdims=True), "the truths of the image"),
        "T": (valid.shape[1], "the padded truths of an image"),
        "K": (k, "the classes"),
        "N-K": (n * k, "the classes and the batch"),
    }


def _of_grid(problem: Problem, positives: np.ndarray) -> Counts:
    n, s = positives.shape
    cells = np.array([[x.shape[1] * x.shape[2] for x in problem.raw]])
    lanes = np.array([[problem.num_anchors(k) for k in range(s)]])
    strides = np.array([problem.strides or (1.0,) * s])
    every, k = cells * lanes, problem.num_classes
    return {
        "N": (n, "the batch"),
        "S": (s, "the heads"),
        "A": (lanes, "the predictors of a cell"),
        "cells": (cells, "the cells of the head"),
        "predictors": (every, "the predictors of the head"),
        "all-predictors": (every.sum(), "the predictors of all heads"),
        "N-cells": (n * cells, "the cells of the head in the batch"),
        "N-predictors": (n * every, "the predictors of the head in the batch"),
        "N-all-predictors": (n * every.sum(), "the predictors of all heads in the batch"),
        "4-predictors": (4 * every, "4 numbers for each predictor of the head"),
        "4-N-predictors": (4 * n * every, "4 numbers for each predictor of the batch"),
        "K-predictors": (k * every, "K numbers for each predictor of the head"),
        "K-N-predictors": (k * n * every, "K numbers for each predictor of the batch"),
        "negatives": (n * every.sum() - positives.sum(), "predictors without an object"),
        "negatives-of-head": (n * every - positives.sum(0), "those of the head"),
        "stride": (strides, "the stride of the head"),
        "stride²": (strides**2, "the squared stride of the head"),
        "head-from-1": (np.arange(1, s + 1)[None], "the index of the head, counted from 1"),
    }


def _inverse(v: Any, shape: tuple[int, ...]) -> np.ndarray:
    """1 / v, where v is 0 as if it were 1."""
    v = np.asarray(v, dtype=float)
    return np.broadcast_to(1 / np.where(v == 0, 1.0, v), shape)


def of_term(problem: Problem, term: str) -> list[Factor]:
    """Weights that one term has or may lack."""
    shared = "lambda_noobj" if hasattr(problem.config, "lambda_noobj") else "lambda_obj"
    own = LAMBDA.get(term, shared)
    shape, value = (len(problem.raw[0]), len(problem.raw)), getattr(problem.config, own, 1.0)
    if value in (0.0, 1.0):
        return []
    left, twice = np.full(shape, 1 / value), np.full(shape, value)
    root = np.full(shape, value**-0.5)
    return [Factor(f"{own}-left-out", f"without {own} = {value:g}", left, rank=0),
            Factor(f"{own}-twice", f"weighted by {own} = {value:g} twice", twice, rank=0),
            Factor(f"{own}-square-root", f"weighted by the root of {own} = {value:g}", root,
                   common=False)]  # fmt: skip


def constants(shape: tuple[int, int]) -> list[Factor]:
    """Known weights."""
    named = [(v, text, 0, True) for v, text in PLAIN.items()]
    named += [(v, text, 2, False) for v, text in KNOWN.items()]
    return [
        Factor(f"times-{v:g}", f"× {v:g}: {text}", np.full(shape, v), 1, rank, common)
        for v, text, rank, common in named
    ]


def _others(problem: Problem) -> list[Factor]:
    """Left out, the sign, the batch, weights by head."""
    n, s = shape = (len(problem.raw[0]), len(problem.raw))
    out = [
        Factor("sign-reversed", "the sign is reversed", np.full(shape, -1.0)),
        Factor("left-out", "is left out", np.zeros(shape), rank=0, common=False),
        Factor("times-N", "multiplied by the batch", np.full(shape, float(n))),
        Factor("times-A", "multiplied by the predictors of a cell",
               np.full(shape, float(problem.num_anchors(0)))),
        Factor("last-image-only", "the last image alone counts",
               np.eye(n)[-1:].T * np.ones(shape), common=False),
    ]  # fmt: skip
    if s > 1:
        first, last = (np.ones(shape) * np.eye(s)[k] for k in (0, -1))
        out += [Factor("first-head-only", "the first head alone counts", first, common=False)]
        out += [Factor("last-head-only", "the last head alone counts", last, common=False)]
    if s == len(BALANCE):
        weights = np.ones(shape) * np.array(BALANCE)
        coarse_first = problem.strides is not None and problem.strides[0] > problem.strides[-1]
        value = weights[:, ::-1] if coarse_first else weights
        out.append(Factor("balance", "weighed by head, 4, 1, 0.4, fine to coarse", value))
    return out


def table(problem: Problem, positives: np.ndarray, term: str | None) -> list[Factor]:
    """All single factors of a term, or of the total; none that is 1."""
    shape = (len(problem.raw[0]), len(problem.raw))
    own = of_term(problem, term) if term else []
    every = [*own, *natural(problem, positives), *constants(shape), *_others(problem)]
    return sorted((f for f in every if (f.value != 1).any()), key=lambda f: f.rank)


def products(singles: Sequence[Factor]) -> list[Factor]:
    """Products of two of what is common."""
    common = [f for f in singles if f.common]
    return [
        Factor(f"{a.name} and {b.name}", f"{a.text}, and {b.text}", a.value * b.value, 2,
               a.rank + b.rank, parts=(a.name, b.name))
        for k, a in enumerate(common) for b in common[k:] if (a.value * b.value != 1).any()
    ]  # fmt: skip


def matching(
    got: np.ndarray, predicted: np.ndarray, choices: Sequence[Factor], tolerance: float | np.ndarray
) -> list[Factor]:
    """The factors f with got = Σ f · predicted; predicted is (N, S), got (N, S), (N,) or ().

    An array of tolerances, like got, is absolute.
    """
    if not choices or not np.isfinite(predicted).all() or not np.isfinite(got).all():
        return []
    values = by_choice(predicted, choices, got.ndim)
    limit = tolerance
    if not isinstance(tolerance, np.ndarray):
        limit = tolerance * np.maximum(np.abs(values), np.abs(got))
    apart = ~(np.abs(values - got) <= limit)
    right = np.flatnonzero(~np.any(apart.reshape(len(choices), -1), axis=1))
    return [choices[k] for k in right.tolist()]


def by_choice(predicted: np.ndarray, choices: Sequence[Factor], ndim: int) -> np.ndarray:
    """(F, …): Σ f · predicted for each factor, in the form of a result of that rank."""
    values: np.ndarray = np.stack([c.value for c in choices]) * predicted
    if ndim < 2:
        values = values.sum(axis=2)
    return values.sum(axis=1) if ndim == 0 else values


def over_batch(
    got: np.ndarray, predicted: np.ndarray, tolerance: float | np.ndarray
) -> list[Factor]:
    """The sum or the mean of the batch in the place of each image's own."""
    own, n = summed(predicted, got.shape), len(predicted)
    if got.ndim == 0 or n < 2 or not (own != 0).all():
        return []
    ratio = own.sum(0, keepdims=True) / own
    ratio = ratio if ratio.ndim == 2 else np.repeat(ratio[:, None], predicted.shape[1], axis=1)
    each = np.ones(predicted.shape)
    every = [Factor("batch-sum", "every image has the sum of the batch", ratio, slope=n * each),
             Factor("batch-mean", "every image has the mean of the batch", ratio / n,
                    slope=each)]  # fmt: skip
    return matching(got, predicted, every, tolerance)


def steady(got: np.ndarray, predicted: np.ndarray, tolerance: float) -> list[Factor]:
    """One number for all images and heads, of no known meaning."""
    own = summed(predicted, got.shape)
    square = float((own * own).sum())
    if not square or not np.isfinite(square):
        return []
    r = float((got * own).sum()) / square
    several = int((own != 0).sum()) >= 3
    if not several or not (np.abs(got - r * own) <= tolerance * np.abs(got)).all() or not r:
        return []
    if abs(r - 1) < 1e-3:
        return []
    return [
        Factor(
            f"times-{r:.6g}",
            f"× {r:.6g}, a number of no known convention",
            np.full(predicted.shape, r),
            2,
            rank=9,
        )
    ]
