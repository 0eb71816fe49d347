"""What is measured: configurations, and the seeded data of one."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..demo.versions import MODULES
from ..targets import Targets


class Size(NamedTuple):
    """A batch."""

    batch: int
    size: int  # pixels of the network input, both ways


class Problem(NamedTuple):
    """A loss to measure, plain values."""

    version: str
    config: str  # a key of CONFIGURATIONS, or another name
    batch: int
    size: int
    truths: int  # of each image
    ignore_by: str | None  # v3, v4


CONFIGURATIONS = {"A": Size(8, 416), "B": Size(16, 608), "C": Size(64, 608)}  # of v3 and v4
VOC = {"v1": Size(64, 448), "v2": Size(64, 416)}  # the only one of v1 and v2
SMOKE = Size(2, 64)
RULES = ("shape", "prior", "prediction")
TRUTHS = 20

_CLASSES = {"v1": 20, "v2": 20, "v3": 80, "v4": 80}
_PRESET = {"v1": "voc", "v2": "voc", "v3": "coco", "v4": "coco"}
_STRIDE_V1 = 64  # pixels a cell: 7 × 7 cells at 448
_EMPTY = 4.0  # how far below 0 the objectness logits lie: most cells hold nothing


def has_heads(version: str) -> bool:
    """Whether a version has several heads and an ignore rule."""
    return version not in VOC


def of_version(
    version: str, configs: Iterable[str], rules: Iterable[str], truths: int
) -> list[Problem]:
    """The problems of a version in given configurations."""
    if not has_heads(version):
        return [Problem(version, "voc", *VOC[version], truths, None)]
    return [
        Problem(version, name, *CONFIGURATIONS[name], truths, rule)
        for name in configs
        for rule in rules
    ]


def settings(problem: Problem) -> Any:
    """The config of the loss: the preset of the version, with the ignore rule of the problem."""
    preset = getattr(MODULES[problem.version].Config, _PRESET[problem.version])()
    return replace(preset, ignore_by=problem.ignore_by) if has_heads(problem.version) else preset


def shapes(problem: Problem) -> list[tuple[int, ...]]:
    """Of the raw outputs, one a head."""
    version, _, n, size, _, _ = problem
    config, num_classes = settings(problem), _CLASSES[version]
    if version == "v1":
        side = size // _STRIDE_V1
        return [(n, side, side, 5 * config.num_boxes + num_classes)]
    if version == "v2":
        side = size // int(config.stride)
        return [(n, side, side, len(config.anchors), 5 + num_classes)]
    sides = [size // int(stride) for stride in config.strides]
    pairs = zip(sides, config.masks, strict=True)
    return [(n, side, side, len(mask), 5 + num_classes) for side, mask in pairs]


def objectness(problem: Problem) -> tuple[int, ...]:
    """The fields of the last axis that hold objectness."""
    num_boxes = settings(problem).num_boxes if problem.version == "v1" else 1
    return tuple(5 * b + 4 for b in range(num_boxes))


def predictors(problem: Problem) -> int:
    """How many objectness values the batch has."""
    fields = len(objectness(problem))
    return sum(int(np.prod(shape[:-1])) * fields for shape in shapes(problem))


def gradient_bytes(problem: Problem) -> int:
    """Of the gradient of the batch, and of its raw outputs."""
    itemsize = np.dtype(np.float32).itemsize
    return sum(int(np.prod(shape)) for shape in shapes(problem)) * itemsize


def cells(problem: Problem) -> int:
    """How many cells the batch has, over all heads."""
    return sum(int(np.prod(shape[:3])) for shape in shapes(problem))


def raw_outputs(problem: Problem) -> list[np.ndarray]:
    """Seeded float32 raw outputs, standard normal but for objectness, which is mostly low."""
    rng = np.random.default_rng(0)
    out = [rng.standard_normal(shape, dtype=np.float32) for shape in shapes(problem)]
    for x in out:
        for k in objectness(problem):
            x[..., k] -= _EMPTY
    return out


def targets(problem: Problem) -> Targets:
    """Seeded truths: sizes log-uniform from a fiftieth to most of the picture, all inside it."""
    rng = np.random.default_rng(1)
    shape = problem.batch, problem.truths
    side, aspect = np.exp(rng.uniform(np.log(0.02), np.log(0.6), shape)), rng.normal(0, 0.4, shape)
    wh = np.stack([side * np.exp(aspect / 2), side * np.exp(-aspect / 2)], axis=-1).clip(max=0.95)
    xy = wh / 2 + rng.uniform(size=wh.shape) * (1 - wh)
    boxes = np.concatenate([xy, wh], axis=-1).astype(np.float32)
    labels = rng.integers(_CLASSES[problem.version], size=shape)
    return Targets(boxes, labels, np.ones(shape, dtype=bool))
