"""Numbers that a term is multiplied or divided by: natural ones of a problem, and known weights."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .problem import Problem, summed

LAMBDA = {"box": "lambda_coord", "obj": "lambda_obj", "cls": "lambda_class"}
KNOWN = {
    0.75: "AlexeyAB's default iou_normalizer", 0.07: "the published iou_normalizer of YOLOv4",
    0.05: "a box gain of Ultralytics", 0.5: "½", 2.0: "2", 0.25: "¼, or α of a focal loss",
    4.0: "4", 5.0: "λ_coord or object_scale of v1 and v2", 0.1: "a tenth", 10.0: "ten",
    3.54: "a box gain of WongKinYiu", 64.3: "an objectness gain", 37.4: "a class gain",
    0.4: "an objectness gain of AlexeyAB", 1.5: "1.5", 3.0: "3", 100.0: "a hundred",
}  # fmt: skip


class Factor(NamedTuple):
    """A factor of each image and head, (N, S), and how many decisions it takes."""

    name: str
    text: str
    value: np.ndarray
    cost: int = 1


Counts = dict[str, tuple[Any, str]]


def natural(problem: Problem, positives: np.ndarray) -> list[Factor]:
    """By what losses are commonly divided: counts of the problem; positives are (N, S)."""
    counts = {**_of_objects(problem, positives), **_of_grid(problem, positives)}
    return [
        Factor(f"over-{name}", f"divided by {text}", _inverse(v, positives.shape))
        for name, (v, text) in counts.items()
    ]


def _of_objects(problem: Problem, positives: np.ndarray) -> Counts:
    valid, k = problem.targets.valid, problem.num_classes
    of_head, of_image = positives.sum(0, keepdims=True), positives.sum(1, keepdims=True)
    return {
        "positives": (positives.sum(), "the responsible predictors of the batch"),
        "positives-of-image": (of_image, "those of the image"),
        "positives-of-head": (of_head, "those of the head"),
        "positives-of-image-and-head": (positives, "those of the image and head"),
        "4-positives": (4 * positives.sum(), "4 numbers for each responsible predictor"),
        "2-positives": (2 * positives.sum(), "2 numbers for each responsible predictor"),
        "4-positives-of-head": (4 * of_head, "4 numbers for each of the head"),
        "K-positives": (k * positives.sum(), "K numbers for each responsible predictor"),
        "K-positives-of-head": (k * of_head, "K numbers for each of the head"),
        "truths": (valid.sum(), "the truths of the batch"),
        "truths-of-image": (valid.sum(1, keepdims=True), "the truths of the image"),
        "T": (valid.shape[1], "the padded truths of an image"),
        "K": (k, "the classes"),
    }


def _of_grid(problem: Problem, positives: np.ndarray) -> Counts:
    n, s = positives.shape
    cells = np.array([[x.shape[1] * x.shape[2] for x in problem.raw]])
    lanes = np.array([[problem.num_anchors(k) for k in range(s)]])
    strides = np.array([problem.strides or (1.0,) * s])
    every = cells * lanes
    return {
        "N": (n, "the batch"),
        "S": (s, "the heads"),
        "A": (lanes, "the predictors of a cell"),
        "cells": (cells, "the cells of the head"),
        "predictors": (every, "the predictors of the head"),
        "all-predictors": (every.sum(), "the predictors of all heads"),
        "N-predictors": (n * every, "the predictors of the head in the batch"),
        "negatives": (n * every.sum() - positives.sum(), "predictors without an object"),
        "negatives-of-head": (n * every - positives.sum(0), "those of the head"),
        "stride": (strides, "the stride of the head"),
        "stride²": (strides**2, "the squared stride of the head"),
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
    return [Factor(f"{own}-left-out", f"without {own} = {value:g}", left),
            Factor(f"{own}-twice", f"weighted by {own} = {value:g} twice", twice)]  # fmt: skip


def constants(shape: tuple[int, int]) -> list[Factor]:
    """Known weights."""
    return [
        Factor(f"times-{v:g}", f"× {v:g}: {text}", np.full(shape, v)) for v, text in KNOWN.items()
    ]


def table(problem: Problem, positives: np.ndarray, term: str | None) -> list[Factor]:
    """All single factors of a term, or of the total."""
    shape = (len(problem.raw[0]), len(problem.raw))
    own = of_term(problem, term) if term else []
    ones = [Factor("sign-reversed", "the sign is reversed", np.full(shape, -1.0))]
    return [*own, *natural(problem, positives), *constants(shape), *ones]


def products(singles: Sequence[Factor]) -> list[Factor]:
    """Products of two."""
    return [
        Factor(f"{a.name} and {b.name}", f"{a.text}, and {b.text}", a.value * b.value, 2)
        for k, a in enumerate(singles) for b in singles[k:]
    ]  # fmt: skip


def matching(
    got: np.ndarray, predicted: np.ndarray, choices: Sequence[Factor], tolerance: float
) -> list[Factor]:
    """The factors f with got = Σ f · predicted; predicted is (N, S), got (N, S), (N,) or ()."""
    if not choices:
        return []
    values = np.stack([c.value for c in choices]) * predicted
    if got.ndim < 2:
        values = values.sum(axis=2)
    if got.ndim == 0:
        values = values.sum(axis=1)
    apart = np.abs(values - got) > tolerance * np.maximum(np.abs(values), np.abs(got))
    apart = apart.reshape(len(choices), -1).any(axis=1)
    return [c for c, wrong in zip(choices, apart, strict=True) if not wrong]


def steady(got: np.ndarray, predicted: np.ndarray, tolerance: float) -> list[Factor]:
    """One number for all images and heads, of no known meaning."""
    own = summed(predicted, got.shape)
    square = float((own * own).sum())
    if not square or not np.isfinite(square):
        return []
    r = float((got * own).sum()) / square
    several = np.size(got) > 1
    if not several or not (np.abs(got - r * own) <= tolerance * np.abs(got)).all() or not r:
        return []
    return [
        Factor(
            f"times-{r:.6g}",
            f"× {r:.6g}, a number of no known convention",
            np.full(predicted.shape, r),
            2,
        )
    ]
