"""How this package answers a case on a library."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

import yolo_losses as yl
from conformance.backends import tree_map
from yolo_losses.testing import Case

ROWS = 4  # where a shape is compiled, images have a multiple of so many truths


def answer(case: Case, xp: Any, dtype: str, package: Any = yl) -> Any:
    """What the package, or a variant of it, says, on the host."""
    with np.errstate(all="ignore"):
        return _OF.get(case.kind, _of_version)(case, xp, dtype, package)


def _of_boxes(case: Case, xp: Any, dtype: str, package: Any) -> Any:
    function, boxes, *size = case.inputs.values()
    return xp.call(_conversion(package, function, *size), np.array(boxes, dtype=dtype))


def _of_similarity(case: Case, xp: Any, dtype: str, package: Any) -> Any:
    pred, gt = (np.array(case.inputs[k], dtype=dtype) for k in ("pred", "gt"))
    return xp.call(_similarity(package, case.inputs["similarity"]), pred, gt)


_CALLED = {"decode": "decode", "assign": "assign", "ignore": "assign"}


def _of_version(case: Case, xp: Any, dtype: str, package: Any) -> Any:
    module = getattr(package, str(case.version))
    config = module.Config(**case.inputs["config"])
    name = _CALLED.get(case.kind, "loss_and_grad")
    raw = tree_map(lambda v: v.astype(dtype), case.raw)
    if name == "decode":
        return xp.call(_function(module, name, config), raw)
    boxes, *rest = map(_padded, case.targets) if xp.traced else case.targets
    targets = package.Targets(boxes.astype(dtype), *rest)
    return xp.call(_function(module, name, config), raw, targets)


def _padded(v: np.ndarray) -> np.ndarray:
    """(N, T, …) with rows that only fill up, valid = False among them."""
    more = -v.shape[1] % ROWS or ROWS * (v.shape[1] == 0)
    return np.pad(v, [(0, 0), (0, more)] + [(0, 0)] * (v.ndim - 2))


# One function object for each config: libraries compile by object.


@cache
def _conversion(package: Any, name: str, *size: float) -> Callable[..., Any]:
    return lambda boxes: getattr(package.boxes, name)(boxes, *size)


@cache
def _similarity(package: Any, name: str) -> Callable[..., Any]:
    return lambda pred, gt: package.iou.value_and_grad(name, pred, gt)


@cache
def _function(module: Any, name: str, config: Any) -> Callable[..., Any]:
    return lambda *args: getattr(module, name)(*args, config)


_OF: dict[str, Callable[..., Any]] = {"boxes": _of_boxes, "similarity": _of_similarity}
