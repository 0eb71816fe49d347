"""What is looked at, on the host."""

from typing import Any, NamedTuple

import numpy as np

from .._xp import adapter
from ..targets import Targets


class Scene(NamedTuple):
    """A batch on the host."""

    heads: tuple[np.ndarray, ...]  # none where only labels are looked at
    boxes: np.ndarray  # (N, T, 4), float64
    labels: np.ndarray  # (N, T)
    objects: np.ndarray  # (N, T): valid rows that are no regions
    valid: np.ndarray  # (N, T)
    num_classes: int | None
    size: tuple[float, float] | None  # width and height of the network input; None in v1
    matches: tuple[Any, ...]
    config: Any

    @property
    def sane(self) -> np.ndarray:
        """(N, T): objects that have four finite numbers, and not all of them 0."""
        finite = np.isfinite(self.boxes).all(axis=-1)
        sane: np.ndarray = self.objects & finite & (self.boxes != 0).any(axis=-1)
        return sane


def on_host(raw: tuple[Any, ...], targets: Targets, config: Any, matches: tuple[Any, ...]) -> Scene:
    """A batch of any library; without raw outputs what hangs on them is left out."""
    boxes, labels, valid, objects = (
        adapter(v).host(v) for v in (targets.boxes, targets.labels, targets.valid, targets.objects)
    )
    heads = tuple(np.asarray(adapter(x).host(x), dtype=np.float64) for x in raw)
    skip = 5 * getattr(config, "num_boxes", 1)
    num_classes = heads[0].shape[-1] - skip if heads else None
    return Scene(heads, np.asarray(boxes, dtype=np.float64), labels, objects, valid,
                 num_classes, _size(heads, config), matches, config)  # fmt: skip


def _size(heads: tuple[np.ndarray, ...], config: Any) -> tuple[float, float] | None:
    stride = getattr(config, "strides", (getattr(config, "stride", None),))[0]
    if not heads or stride is None:
        return None
    return heads[0].shape[2] * stride, heads[0].shape[1] * stride
