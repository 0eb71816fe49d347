"""Checks of raw outputs, and of anchors and heads."""

from collections.abc import Iterator

import numpy as np

from ..elementwise import EXP_LIMIT
from .report import Finding
from .scene import Scene
from .thresholds import (
    ENOUGH,
    EXPLODED,
    FEWER,
    FIELDS,
    HALF,
    NUMBERS,
    SATURATED,
    SOFTMAX,
    UNFIT,
)  # fmt: skip


def _each(
    s: Scene, bad: list[bool], code: str, message: str, remedy: str, severity: str = "error"
) -> Iterator[Finding]:
    """One finding for the heads that are marked, if any is."""
    places = [k for k, wrong in enumerate(bad) if wrong]
    if places:
        name = "raw" if len(s.heads) == 1 else f"heads[{places[0]}]"
        yield Finding(code, severity, name, message, remedy, len(places))


def _objectness(s: Scene) -> list[np.ndarray]:
    """t_o of each head."""
    return [x[..., 4 : 5 * getattr(s.config, "num_boxes", 1) : 5] for x in s.heads]


def _classes(s: Scene) -> list[np.ndarray]:
    """Class logits of each head."""
    return [x[..., 5 * getattr(s.config, "num_boxes", 1) :] for x in s.heads]


def num_classes(s: Scene) -> Iterator[Finding]:
    """Another K than was asked for."""
    if s.heads and s.asked not in (None, s.num_classes):
        message, remedy = f"K = {s.num_classes}, not {s.asked}", "Look at the last layer's filters."
        yield Finding("num-classes", "error", "raw", message, remedy)


def not_finite(s: Scene) -> Iterator[Finding]:
    """NaN and infinity."""
    bad = [not np.isfinite(x).all() for x in s.heads]
    return _each(s, bad, "raw-not-finite", "NaN or infinity", "Look at the step before.")


def constant(s: Scene) -> Iterator[Finding]:
    """All numbers of a head are one."""
    bad = [x.size > 1 and x.flat[0] != 0 and bool((x == x.flat[0]).all()) for x in s.heads]
    return _each(s, bad, "raw-constant", "all numbers are equal", "Is the network connected?")


def zero(s: Scene) -> Iterator[Finding]:
    """All numbers of a head are 0, as a last layer that begins with zeros has it."""
    bad = [x.size > 1 and not x.any() for x in s.heads]
    remedy = "After the first step it must be gone."
    return _each(s, bad, "raw-zero", "all numbers are 0", remedy, "note")


def activated(s: Scene) -> Iterator[Finding]:
    """All objectness or all classes of a head lie in [0, 1]: no logits.

    Logits do so by chance only, if they vary at all; one number outside hides a slip.
    """
    for name, fields in (("objectness", _objectness(s)), ("classes", _classes(s))):
        bad = [
            x.size >= NUMBERS and np.ptp(x) > 0 and x.min() >= 0 and x.max() <= 1 for x in fields
        ]
        sums = [x.sum(axis=-1) for x, wrong in zip(fields, bad, strict=True) if wrong]
        softmaxed = name == "classes" and all((abs(x - 1) < SOFTMAX).all() for x in sums)
        what = "a softmax" if softmaxed else "a sigmoid"
        yield from _each(s, bad, "activated", f"{name} in [0, 1]: what {what} gives",
                         f"Hand in what comes before {what}.")  # fmt: skip


def saturated(s: Scene) -> Iterator[Finding]:
    """Objectness that σ makes 0 or 1 nearly everywhere."""
    bad = [x.size > 0 and (np.abs(x) > SATURATED).mean() > HALF for x in _objectness(s)]
    return _each(s, bad, "saturated", f"most objectness is beyond ±{SATURATED:g}",
                 "Lower the learning rate, or look at the initialisation.")  # fmt: skip


def no_slope(s: Scene) -> Iterator[Finding]:
    """t_w, t_h at which the exponential is limited; v1 has none."""
    if hasattr(s.config, "anchors"):
        bad = [bool((np.abs(x[..., 2:4]) > EXP_LIMIT).any()) for x in s.heads]
        yield from _each(s, bad, "no-slope", f"t_w or t_h beyond ±{EXP_LIMIT:g}: the slope is 0",
                         "Such a predictor cannot come back: lower the learning rate.")  # fmt: skip


def reshaped(s: Scene) -> Iterator[Finding]:
    """Channels first, reshaped to channels last without a transposition.

    Fields differ, as t_o near −5 does: the variance between fields is found in the other layout.
    """
    bad = []
    for x in s.heads:
        channels = x.reshape(*x.shape[:3], int(np.prod(x.shape[3:])))
        first = channels.reshape(x.shape[0], channels.shape[3], x.shape[1] * x.shape[2])
        given = channels.mean(axis=(0, 1, 2)).var() / x.var() if x.size else 0
        other = first.mean(axis=(0, 2)).var() / x.var() if x.size else 0
        enough = x.shape[0] * x.shape[1] * x.shape[2] >= NUMBERS
        bad.append(bool(enough and other > FIELDS and given < FEWER * other))
    return _each(s, bad, "reshaped", "fields are mixed: channels first, reshaped to channels last",
                 "Move the channels last before the reshape.")  # fmt: skip


def exploded(s: Scene) -> Iterator[Finding]:
    """Numbers whose slope is lost."""
    bad = [bool((np.isfinite(x) & (np.abs(x) > EXPLODED)).any()) for x in s.heads]
    return _each(s, bad, "exploded", f"|t| above {EXPLODED:g}", "Lower the learning rate.")


def anchors(s: Scene) -> Iterator[Finding]:
    """Anchors that are no pixels: fractions or cells are small, others larger than the input."""
    if s.size is None or not hasattr(s.config, "anchors"):
        return
    widths, heights = np.asarray(s.config.anchors, dtype=float).T
    if max(widths.max(), heights.max()) <= 1:
        message, remedy = "all anchors are at most one pixel", "Multiply by the input size."
    elif (widths > 2 * s.size[0]).all() and (heights > 2 * s.size[1]).all():
        message, remedy = "all anchors are larger than two inputs", "Were they scaled twice?"
    else:
        return
    yield Finding("anchor-unit", "error", "config.anchors", message, remedy)


def masks(s: Scene) -> Iterator[Finding]:
    """The coarser a head, the smaller its anchors: masks in the order of other heads."""
    strides = getattr(s.config, "strides", ())
    if len(strides) < 2 or len(set(strides)) < len(strides):
        return
    area = np.asarray(s.config.anchors, dtype=float).prod(axis=-1)
    by_stride = sorted(zip(strides, s.config.masks, strict=True))
    sizes = [area[list(mask)].mean() for _, mask in by_stride]
    if (np.diff(sizes) < 0).all():
        yield Finding("masks", "warning", "config.masks", "coarse heads have the small anchors",
                      "Give masks in the order of strides.")  # fmt: skip


def unfit(s: Scene) -> Iterator[Finding]:
    """Anchors much smaller or larger than the boxes: in cells, or of another input size."""
    if s.size is None or not hasattr(s.config, "anchors") or any(anchors(s)):
        return
    sides = s.boxes[s.usable, 2:] * s.size
    if len(sides) < ENOUGH:
        return
    side = np.median(np.sqrt(sides.prod(axis=-1)))
    ratio = side / np.median(np.sqrt(np.prod(s.config.anchors, axis=-1)))
    if ratio > UNFIT or ratio < 1 / UNFIT:
        message = f"boxes are {ratio:.2g} times as long as anchors, by the median"
        remedy = (
            "Are the anchors in cells? Then multiply by the stride; else fit them to the boxes."
        )
        yield Finding("anchors-unfit", "warning", "config.anchors", message, remedy)


CHECKS = (
    num_classes, not_finite, constant, zero, activated, saturated, no_slope, exploded, reshaped,
    anchors, masks, unfit,
)  # fmt: skip
