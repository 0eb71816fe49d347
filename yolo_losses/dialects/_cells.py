"""What the YOLOv1 programs share: B boxes and one set of classes in each cell."""

from typing import Any, NamedTuple

from .. import _check
from .._xp import Array, compute_dtype, namespace
from ..targets import Targets
from . import _dense, _options


class Cells(NamedTuple):
    """The fields of cells: boxes (N, S, S, B, 4), confidences (N, S, S, B), classes (..., K)."""

    box: Array
    conf: Array
    cls: Array


class Target(NamedTuple):
    """What cells should hold, 0 where no object is."""

    box: Array  # (N, S, S, 1, 4): x y in the cell, w h in the program's unit
    obj: Array  # (N, S, S, 1)
    cls: Array  # (N, S, S, K)


def check(where: str, raw: Array, targets: Targets, options: Any, kind: type) -> None:
    """Raw outputs (N, S, S, B·5 + K), targets and options of a call."""
    _options.of_kind(where, options, kind)
    _check.cells(where, "raw", raw, options.B)
    _check.targets(where, targets, ("raw", raw))


def split_cells(raw: Array, num_boxes: int) -> Cells:
    """The fields of raw outputs (N, S, S, B·5 + K), in the compute dtype."""
    xp = namespace(raw)
    x = xp.astype(raw, compute_dtype(raw), copy=False)
    boxes = xp.reshape(x[..., : 5 * num_boxes], (*x.shape[:3], num_boxes, 5))
    return Cells(boxes[..., :4], boxes[..., 4], x[..., 5 * num_boxes :])


def written(raw: Array, rows: _dense.Rows, box: Array, classes: Array) -> Target:
    """Boxes (N, T, 4) and classes (N, T, K) of rows that each have a cell, in planes."""
    xp = namespace(raw)
    values = xp.concat([box, xp.ones_like(box[..., :1]), classes], axis=-1)
    plane = _dense.put(raw[:, :, :, None, :], rows, values)
    return Target(plane[..., :4], plane[..., 4], plane[..., 0, 5:])


def squares(pred: Array, target: Any, weight: Array) -> Array:
    """Σ weight (pred − target)²."""
    return _dense.total((pred - target) ** 2, weight)
