"""The call itself: the version's own functions, and why they refuse."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .. import v1, v2
from .._xp import adapter
from ..matching import Matches
from ..targets import Targets
from .report import Finding
from .scene import host


def as_heads(raw: Any, module: Any) -> tuple[Any, ...]:
    """Raw outputs, one a head, whatever the version."""
    return (raw,) if module in (v1, v2) else tuple(raw)


def assigned(module: Any, heads: Any, targets: Targets, config: Any) -> tuple[Any, Any]:
    """Matches of each head, and boxes (N, P, 4) and confidence (N, P) of all, of host arrays."""
    single = module in (v1, v2)
    raw = heads[0] if single else heads
    found, decoded = module.assign(raw, targets, config), module.decode(raw, config)
    found, decoded = ((found,), (decoded,)) if single else (found, decoded)
    n = len(targets.boxes)
    boxes = [d.boxes.reshape(n, int(np.prod(d.boxes.shape[1:-1])), 4) for d in decoded]
    sure = [d.obj.reshape(n, int(np.prod(d.obj.shape[1:]))) for d in decoded]
    return found, (np.concatenate(boxes, axis=1), np.concatenate(sure, axis=1))


def assigned_blank(module: Any, zeros: Any, targets: Targets, config: Any) -> tuple[Matches, ...]:
    """Matches without predictions; nothing is ignored, which changes no responsibility."""
    if not zeros:
        return ()
    if module is v2:
        return (module.assign(zeros[0], targets, config),)
    found: tuple[Matches, ...] = module.assign(zeros, targets, replace(config, ignore_by=None))
    return found


Call = tuple[list[np.ndarray], Targets]


def finding(module: Any, raw: Any, targets: Any, config: Any, error: Exception) -> Finding:
    """Why a call is refused: the change with which it is not, or the words of the error."""
    causes = {} if _works(module, raw, targets, config, _unchanged) else CAUSES
    for code, (place, message, remedy, change) in causes.items():
        if _works(module, raw, targets, config, change):
            return Finding(code, "error", place, message, remedy)
    remedy = "Hand in what the message asks for."
    return Finding("refused", "error", "the call", str(error), remedy)


def _works(module: Any, raw: Any, targets: Any, config: Any, change: Callable[..., Call]) -> bool:
    """Whether a changed call is taken, on the host; a guess that fails says nothing."""
    try:
        heads = [adapter(x).host(x) for x in as_heads(raw, module)]
        heads, there = change(heads, host(targets), config)
        module.assign(heads[0] if module in (v1, v2) else heads, there, config)
    except Exception:
        return False
    return True


def _unchanged(heads: list[np.ndarray], targets: Targets, config: Any) -> Call:
    return heads, targets


def _reversed(heads: list[np.ndarray], targets: Targets, config: Any) -> Call:
    return heads[::-1], targets


def _integers(heads: list[np.ndarray], targets: Targets, config: Any) -> Call:
    return heads, targets._replace(labels=targets.labels.astype(np.int64))


def _channels_last(heads: list[np.ndarray], targets: Targets, config: Any) -> Call:
    """Of four axes the channels are A·(5 + K), but in v1, which has no anchors."""
    moved = [np.moveaxis(x, 1, -1) for x in heads]
    if hasattr(config, "anchors"):
        masks = getattr(config, "masks", (config.anchors,))
        pairs = zip(moved, masks, strict=True)
        moved = [x.reshape(*x.shape[:3], len(m), -1) if x.ndim == 4 else x for x, m in pairs]
    return moved, targets


CAUSES: dict[str, tuple[str, str, str, Callable[..., Call]]] = {
    "heads-order": (
        "raw",
        "heads are in the reverse order of config.masks and config.strides",
        "Reverse the heads, or the config.", _reversed,
    ),
    "nchw": (
        "raw", "channels come second: N, C, H, W",
        "Move them last, and split C into A and 5 + K.", _channels_last,
    ),
    "labels-float": (
        "targets.labels", "classes are no integers",
        "Convert the labels to an integer dtype.", _integers,
    ),
}  # fmt: skip
