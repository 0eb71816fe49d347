"""Raw outputs and truths of random images, for the examples."""

from typing import Any

import numpy as np

import yolo_losses as yl

CLASSES = 5
CORNER = np.array([0.1, 0.1, 0.05, 0.05])


def draw_truths(rng: np.random.Generator, images: int, classes: int = CLASSES) -> yl.Targets:
    """Up to six objects an image."""
    boxes = CORNER + rng.uniform(0, 0.8, size=(images, 6, 4))
    labels = rng.integers(classes, size=(images, 6))
    return yl.Targets(boxes, labels, rng.uniform(size=labels.shape) < 0.7)


def draw_heads(rng: np.random.Generator, images: int, config: Any) -> tuple[np.ndarray, ...]:
    """Raw outputs (N, H, W, A, 5 + K) of a v3 or v4 config, the coarsest grid 2 × 2."""
    sizes = (int(2 * max(config.strides) // stride) for stride in config.strides)
    shapes = zip(sizes, map(len, config.masks), strict=True)
    return tuple(rng.normal(size=(images, s, s, anchors, 5 + CLASSES)) for s, anchors in shapes)
