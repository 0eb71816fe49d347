"""What is looked at, on the host."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._xp import adapter
from ..targets import SIZE_LIMIT, Targets


@dataclass(frozen=True, eq=False)
class Scene:
    """A batch on the host."""

    heads: tuple[np.ndarray, ...]  # none where only labels are looked at
    boxes: np.ndarray  # (N, T, 4), float64
    labels: np.ndarray  # (N, T)
    objects: np.ndarray  # (N, T): valid rows that are no regions
    valid: np.ndarray  # (N, T)
    num_classes: int | None  # of the raw outputs, else what was asked for
    asked: int | None
    size: tuple[float, float] | None  # width and height of the network input; None in v1
    grids: tuple[tuple[int, int], ...]  # H and W of each head, where they are known
    matches: tuple[Any, ...]
    decoded: tuple[Any, ...]  # boxes (N, P, 4) and confidence (N, P), where there are raw outputs
    config: Any

    @cached_property
    def sane(self) -> np.ndarray:
        """(N, T): objects that have four finite numbers, and not all of them 0."""
        finite = np.isfinite(self.boxes).all(axis=-1)
        sane: np.ndarray = self.objects & finite & (self.boxes != 0).any(axis=-1)
        return sane

    @cached_property
    def usable(self) -> np.ndarray:
        """(N, T): objects that break no rule of the loss; without K any class from 0 does."""
        centre, side = self.boxes[..., :2], self.boxes[..., 2:]
        inside = (centre >= 0) & (centre <= 1) & (side > 0) & (side <= SIZE_LIMIT)
        k = np.inf if self.num_classes is None else self.num_classes
        known = (self.labels >= 0) & (self.labels < k)
        usable: np.ndarray = self.sane & inside.all(axis=-1) & known
        return usable


def host(targets: Targets) -> Targets:
    """Targets of any library as NumPy's."""
    return Targets(*(adapter(v).host(v) for v in targets))


def strides(config: Any) -> tuple[float, ...]:
    """Pixels a cell, of each head; none in v1, whose config knows no pixels."""
    return tuple(getattr(config, "strides", (config.stride,) if hasattr(config, "stride") else ()))


def input_size(grids: tuple[tuple[int, int], ...], config: Any) -> tuple[float, float] | None:
    """Width and height of the network input that heads of these grids have."""
    if not grids or not strides(config):
        return None
    (height, width), stride = grids[0], strides(config)[0]
    return width * stride, height * stride


def blank(n: int, num_classes: int, size: tuple[float, float], config: Any) -> tuple[Any, ...]:
    """Raw outputs of zeros that take no memory: who is responsible does not hang on them."""
    masks = getattr(config, "masks", (getattr(config, "anchors", ()),))
    return tuple(
        np.broadcast_to(0.0, (n, int(size[1] // s), int(size[0] // s), len(mask), 5 + num_classes))
        for s, mask in zip(strides(config), masks, strict=False)
    )
