"""The versions of the loss, one way to call them all."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .. import v1, v2, v3, v4
from ..grid import Decoded
from ..matching import Matches

MODULES: dict[str, ModuleType] = {"v1": v1, "v2": v2, "v3": v3, "v4": v4}

INPUT_SIZE = 416  # pixels of the network input, both ways
CELLS_V1 = 7  # S of v1


class Case(NamedTuple):
    """A version with a config."""

    name: str
    version: str  # a key of MODULES
    config: Any

    @property
    def module(self) -> Any:
        """The module of the version."""
        return MODULES[self.version]


def cases() -> list[Case]:
    """What the demo fits: the four versions, and v3 once more without its gate."""
    coco = v3.Config.coco()
    return [
        Case("v1", "v1", v1.Config.voc()),
        Case("v2", "v2", v2.Config.voc()),
        Case("v3", "v3", coco),
        Case("v3 no gate", "v3", replace(coco, coord_iou_threshold=None)),
        Case("v4", "v4", v4.Config.coco()),
    ]


# Raw outputs: the demo holds them as a list, one array a head.


def num_heads(config: Any) -> int | None:
    """How many heads a config asks for; None where its version takes one array."""
    return len(config.masks) if hasattr(config, "masks") else None


def argument(config: Any, raw: Sequence[Any]) -> Any:
    """Raw outputs as the functions of the config's version take them."""
    return raw[0] if num_heads(config) is None else tuple(raw)


def by_head(result: Any) -> tuple[Any, ...]:
    """Matches, Decoded or a gradient as one entry a head, whatever the version."""
    alone = isinstance(result, Matches | Decoded) or not isinstance(result, tuple)
    return (result,) if alone else result


def random_raw(case: Case, seed: int, num_images: int, num_classes: int) -> list[np.ndarray]:
    """Seeded raw outputs, standard normal, float64; the same for all configs of a version."""
    rng = np.random.default_rng([seed, *case.version.encode()])
    shapes = _SHAPES[case.version](case.config, num_classes)
    return [rng.standard_normal((num_images, *shape)) for shape in shapes]


Shapes = list[tuple[int, ...]]


def _of_cells(config: Any, num_classes: int) -> Shapes:
    return [(CELLS_V1, CELLS_V1, 5 * config.num_boxes + num_classes)]


def _of_head(config: Any, num_classes: int) -> Shapes:
    side = INPUT_SIZE // config.stride
    return [(side, side, len(config.anchors), 5 + num_classes)]


def _of_heads(config: Any, num_classes: int) -> Shapes:
    sides = [INPUT_SIZE // stride for stride in config.strides]
    pairs = zip(sides, config.masks, strict=True)
    return [(side, side, len(mask), 5 + num_classes) for side, mask in pairs]


_SHAPES: dict[str, Callable[[Any, int], Shapes]] = {
    "v1": _of_cells,
    "v2": _of_head,
    "v3": _of_heads,
    "v4": _of_heads,
}
