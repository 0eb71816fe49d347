"""Checks of raw outputs, and of what the truths become."""

from collections.abc import Iterator

import numpy as np

from .labels import at
from .report import Finding
from .scene import Scene

EXPLODED = 50.0  # e⁵⁰ anchors, and a σ whose slope is below every float32 next to 1


def _each(s: Scene, bad: list[bool], code: str, message: str, remedy: str) -> Iterator[Finding]:
    """One finding for the heads that are marked, if any is."""
    places = [k for k, wrong in enumerate(bad) if wrong]
    if places:
        name = "raw" if len(s.heads) == 1 else f"heads[{places[0]}]"
        yield Finding(code, "error", name, message, remedy, len(places))


def not_finite(s: Scene) -> Iterator[Finding]:
    """NaN and infinity."""
    bad = [not np.isfinite(x).all() for x in s.heads]
    return _each(s, bad, "raw-not-finite", "NaN or infinity", "Look at the step before.")


def constant(s: Scene) -> Iterator[Finding]:
    """All numbers of a head are one."""
    bad = [x.size > 1 and bool((x == x.flat[0]).all()) for x in s.heads]
    return _each(s, bad, "raw-constant", "all numbers are equal", "Is the network connected?")


def activated(s: Scene) -> Iterator[Finding]:
    """All objectness and classes of a head lie in [0, 1]: no logits.

    Logits do so by chance only, if they vary at all; one number outside hides a slip.
    """
    fields = [x[..., 5 * getattr(s.config, "num_boxes", 1) - 1 :] for x in s.heads]
    bad = [x.size >= 100 and np.ptp(x) > 0 and x.min() >= 0 and x.max() <= 1 for x in fields]
    return _each(s, bad, "activated", "objectness and classes lie in [0, 1]: probabilities",
                 "Hand in what comes before the sigmoid or softmax.")  # fmt: skip


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


def lost(s: Scene) -> Iterator[Finding]:
    """Usable objects that hold no predictor: no head takes them, or others hold theirs."""
    if not s.matches:
        return
    held = np.any([m.mask.any(axis=-1) for m in s.matches], axis=0)
    side, k = s.boxes[..., 2:], s.num_classes or 0
    usable = s.sane & (side > 0).all(axis=-1) & (s.labels >= 0) & (s.labels < k)
    inside = ((s.boxes[..., :2] >= 0) & (s.boxes[..., :2] <= 1)).all(axis=-1)
    untaken = int(s.matches[0].unassigned.sum())
    yield from at(usable & inside & ~held, "lost", "warning",
                  f"objects hold no predictor; of the batch, {untaken} suit no head",
                  "Look at anchors and masks, and at objects in one cell.")  # fmt: skip


CHECKS = (not_finite, constant, activated, exploded, anchors, masks, lost)
