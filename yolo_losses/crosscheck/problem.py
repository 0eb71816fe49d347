"""What is compared: the inputs of a loss, and what an implementation makes of them."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .. import v1, v2, v3, v4
from ..grid import Decoded
from ..matching import Matches
from ..targets import Targets
from ..terms import LossTerms

MODULES: dict[str, ModuleType] = {"v1": v1, "v2": v2, "v3": v3, "v4": v4}
TERMS = LossTerms._fields
DENSE = ("boxes", "obj", "cls", "iou", "responsible", "ignored", "grad")


class Problem(NamedTuple):
    """The inputs, on NumPy: raw outputs one array a head, in float64."""

    version: str
    raw: tuple[np.ndarray, ...]
    targets: Targets
    config: Any
    precision: np.dtype[Any]  # of the raw outputs as they were handed in, or of coarser results

    @property
    def compute(self) -> np.dtype[Any]:
        """What an implementation computes in: the precision, at least float32."""
        return np.promote_types(self.precision, np.float32)

    @property
    def argument(self) -> Any:
        """Raw outputs as the functions of the version take them."""
        return self.raw if hasattr(self.config, "masks") else self.raw[0]

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.raw[0].shape[-1] - 5 * self.boxes_per_vector)

    @property
    def boxes_per_vector(self) -> int:
        """B of v1, whose last axis holds all boxes of a cell; else 1."""
        return int(getattr(self.config, "num_boxes", 1))

    @property
    def strides(self) -> tuple[float, ...] | None:
        """Pixels a cell of each head; v1 has none."""
        if hasattr(self.config, "strides"):
            return tuple(self.config.strides)
        return (self.config.stride,) if hasattr(self.config, "stride") else None

    def num_anchors(self, head: int) -> int:
        """Predictors a cell."""
        x = self.raw[head]
        return int(x.shape[3]) if x.ndim == 5 else self.boxes_per_vector


class Results(NamedTuple):
    """What an implementation computes; None for what was not handed in.

    Attributes
    ----------
    boxes, obj, cls : tuple of arrays, one a head
        As `Decoded`: boxes (N, H, W, A, 4), obj (N, H, W, A), cls (N, H, W, A, K).
    iou : tuple of arrays (N, T, A)
        As `Matches.iou`.
    responsible, ignored : tuple of bool arrays (N, H, W, A)
    terms : dict of arrays
        By the names of `LossTerms`: (N, S), (N,) for sums over heads, or () for one number.
    total : array, (N,) or ()
    grad : tuple of arrays, like the raw outputs
    """

    boxes: Sequence[np.ndarray] | None = None
    obj: Sequence[np.ndarray] | None = None
    cls: Sequence[np.ndarray] | None = None
    iou: Sequence[np.ndarray] | None = None
    responsible: Sequence[np.ndarray] | None = None
    ignored: Sequence[np.ndarray] | None = None
    terms: dict[str, np.ndarray] = {}  # noqa: RUF012
    total: np.ndarray | None = None
    grad: Sequence[np.ndarray] | None = None

    @property
    def arrays(self) -> list[np.ndarray]:
        """Everything that was handed in."""
        dense = [x for name in DENSE for x in getattr(self, name) or ()]
        return [*dense, *self.terms.values(), *([] if self.total is None else [self.total])]

    @property
    def given(self) -> list[str]:
        """The names of what was handed in."""
        names = [name for name in (*DENSE, "total") if getattr(self, name) is not None]
        return names + [f"terms.{name}" for name in TERMS if name in self.terms]


def summed(v: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(N, S) by image and head → the form in which a result was handed in."""
    if v.ndim == 2 and len(shape) < 2:
        v = v.sum(axis=1)
    return v.sum() if v.ndim and not shape else v


def by_head(result: Any) -> tuple[Any, ...]:
    """Matches, Decoded or a gradient as one entry a head, whatever the version."""
    alone = isinstance(result, Matches | Decoded) or not isinstance(result, tuple)
    return (result,) if alone else result
