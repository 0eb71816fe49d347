"""What an input cannot show: counts that coincide, and cases that it lacks."""

from collections.abc import Iterator

import numpy as np

from .problem import Problem
from .setup import Prediction, Setup

Fact = tuple[bool, str]  # whether it holds, and in words


def facts(problem: Problem) -> list[str]:
    """What holds of this input, and what it hides."""
    return [text for holds, text in (*_counts(problem), *_cases(problem)) if holds]


def _counts(p: Problem) -> Iterator[Fact]:
    n, s, k = len(p.raw[0]), len(p.raw), p.num_classes
    weights = [v for name, v in vars(p.config).items() if name.startswith("lambda_")]
    pyramid = hasattr(p.config, "masks")
    yield n == 1, "one image, so that ÷ batch changes nothing"
    yield n == 2, "two images, so that ÷ 2 and ÷ batch are the same"
    yield pyramid and s == 1, "one head (S = 1), so that sums and means over heads are the same"
    yield s == 2, "two heads, so that ÷ 2 and ÷ heads are the same"
    yield k == 1, "one class (K = 1), so that ÷ K changes nothing"
    yield k == 2, "two classes, so that ÷ 2 and ÷ K are the same"
    yield all(p.num_anchors(h) == 1 for h in range(s)), "one predictor a cell"
    yield all(v == 1 for v in weights), "all λ = 1, so that weights left out do not show"
    square = all(x.shape[1] == x.shape[2] for x in p.raw)
    yield square, "square grids (H = W), so that rows for columns show less"


def _cases(p: Problem) -> Iterator[Fact]:
    matches = Prediction(Setup(p)).matches
    held = np.stack([m.positives for m in matches], axis=1)
    yield not held.sum(), "no responsible predictor"
    images = held.sum(axis=1)
    same = len(images) > 1 and images.any() and (images == images[0]).all()
    yield bool(same), "as many responsible predictors in every image"
    yield not sum(int(m.collisions.sum()) for m in matches), "no two truths on one predictor"
    yield bool(p.targets.valid.all()), "no rows that only fill up (all of valid is True)"
