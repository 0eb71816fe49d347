"""Cases that are worked on in parts: many rows, many images, predictions far from their truths.

The oracle would take minutes. What they have to give is what array-api-strict says, where nothing
is made for a cache and no value is looked at: all rows, images and predictions at once.
"""

import itertools
import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

import yolo_losses as yl
from conformance.backends import Strict
from tests.support.cases import PLAIN, Case, draw_raw, draw_targets


def _draw(name: str, version: str, config: Any, grid: tuple[int, int], n: int, t: int, k: int):
    """A random case without margins: both sides decide by the same numbers."""
    rng = np.random.default_rng(0)
    raw, targets = draw_raw(rng, version, config, grid, n, k), draw_targets(rng, n, t, k)
    return Case(f"{version}-{name}", version, raw, targets, config)


def many_rows(version: str) -> Case:
    """More rows than memory allows at once, as long as 1000 classes make them."""
    return _draw("many-rows", version, PLAIN[version].config, (6, 7), n=3, t=70, k=1000)


def many_classes(version: str) -> Case:
    """A single row is longer than what is worked on at once, as YOLO9000 has them."""
    return _draw("many-classes", version, PLAIN[version].config, (2, 2), n=2, t=5, k=20_000)


def many_images(version: str, **options: Any) -> Case:
    """More images than a cache holds."""
    grid = (19, 21) if version in ("v1", "v2") else (7, 9)
    name = "-".join(["many-images", *map(str, options.values())])
    return _draw(name, version, replace(PLAIN[version].config, **options), grid, n=170, t=3, k=1)


def farthest(version: str, threshold: float, size: float) -> Case:
    """A truth and a prediction in each image, as far apart as an IOU above the threshold allows.

    The prediction holds the truth and ends with it on one side, along x or y. Its centre is where
    its cell reaches nearest to the truth, so that no nearer cell would do. Its IOU is a millionth
    above the threshold in every first image, below it in every second. Where a truth that is not
    used might stand, in the middle, is a prediction of its size.
    """
    n, s, near = 20, {"v3": 1.0, "v4": 1.5}[version], 1e-6
    scale = {"scale_xy": (s,)} if version == "v4" else {}
    config = getattr(yl, version).Config(
        ((16, 16),), ((0,),), (8,), ignore_by="prediction", ignore_threshold=threshold, **scale
    )
    images = list(itertools.product((0, 1), (1, -1), (1e-6, -1e-6)))
    raw = np.full((len(images), n, n, 1, 6), -19.0)  # elsewhere boxes of no size
    raw[..., 4:] = 0
    raw[:, 10, 10, :, :4] = 0, 0, math.log(n / 4), math.log(n / 4)
    boxes = np.full((len(images), 2, 4), size)
    boxes[..., :2] = 10.5 / n
    for i, (axis, side, above) in enumerate(images):
        place = [10, 10]
        place[axis] += 5 * side
        sigmoid, long = (near if side > 0 else 1 - near), size / threshold * (1 - above)
        centre = (place[axis] + s * sigmoid - (s - 1) / 2) / n
        boxes[i, 0, axis] = centre - side * (long - size) / 2
        t = raw[i, place[1], place[0], 0]
        t[:2], t[axis] = 0, math.log(sigmoid / (1 - sigmoid))
        t[2:4], t[2 + axis] = math.log(size * n / 2), math.log(long * n / 2)
    labels = np.zeros((len(images), 2), dtype=int)
    targets = yl.Targets(boxes, labels, labels == [0, 1])
    return Case(f"{version}-farthest-{threshold}-{size}", version, (raw,), targets, config)


def crowd(version: str) -> Case:
    """Many truths with predictions of their size around them: more near pairs than fit at once."""
    n, t, size = 20, 60, 0.2
    scale = {"scale_xy": (1.1,)} if version == "v4" else {}
    config = getattr(yl, version).Config(
        ((32, 32),), ((0,),), (8,), ignore_by="prediction", ignore_threshold=0.7, **scale
    )
    rng = np.random.default_rng(0)
    centres = rng.uniform(0, 1, (2, t, 2))
    boxes = np.concatenate([centres, np.full((2, t, 2), size)], axis=-1)
    raw = rng.normal(0, 0.05, (2, n, n, 1, 6))
    targets = yl.Targets(boxes, np.zeros((2, t), dtype=int), np.ones((2, t), dtype=bool))
    return Case(f"{version}-crowd", version, (raw,), targets, config)


ROWS: list[Case] = [many_rows(version) for version in PLAIN]
CLASSES: list[Case] = [many_classes(version) for version in PLAIN]
IMAGES: list[Case] = [
    *(many_images(version) for version in ("v1", "v2")),
    *(
        many_images(version, ignore_by=rule, ignore_threshold=0.5)
        for version in ("v3", "v4")
        for rule in ("prior", "shape", "prediction", None)
    ),
]
FARTHEST: list[Case] = [
    farthest(version, threshold, size)
    for version in ("v3", "v4")
    for threshold in (0.3, 0.5, 0.7, 0.9)
    for size in (0.04, 0.1, 0.2)
]
CROWDS: list[Case] = [crowd(version) for version in ("v3", "v4")]
LARGE: list[Case] = [*ROWS, *IMAGES, *FARTHEST, *CROWDS]


_STRICT = cache(Strict)


@cache
def _at_once(name: str) -> tuple[Any, Any]:
    (case,) = (c for c in (*LARGE, *CLASSES) if c.name == name)
    answer = _STRICT().answer(case.module, case.raw, case.targets, case.config)
    return answer.terms, answer.grads


def at_once(case: Case) -> tuple[Any, Any]:
    """Terms and gradient of a large case, computed once."""
    return _at_once(case.name)
