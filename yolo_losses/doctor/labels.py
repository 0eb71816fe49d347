"""Checks of boxes and classes."""

from collections.abc import Iterator

import numpy as np

from ..targets import SIZE_LIMIT
from .report import Finding
from .scene import Scene

ENOUGH = 8  # objects from which a statistic is an argument
MOST = 0.9  # the share that speaks for a wrong format: not one odd file, but the set
PIXELS = 2.0  # no box that merely sticks out of the image has a coordinate above
TINY = 1 / 200  # of the image: what is left of a fraction that was divided by a size again


def at(rows: np.ndarray, code: str, severity: str, message: str, remedy: str) -> Iterator[Finding]:
    """One finding for the rows (N, T) that are marked, if any is."""
    places = np.argwhere(rows)
    if len(places):
        n, t = places[0].tolist()
        yield Finding(code, severity, f"image {n}, row {t}", message, remedy, len(places))


def not_finite(s: Scene) -> Iterator[Finding]:
    """NaN and infinity in objects and regions."""
    bad = s.valid & ~np.isfinite(s.boxes).all(axis=-1)
    return at(bad, "not-finite", "error", "a coordinate is not finite", "Drop the row.")


def padding(s: Scene) -> Iterator[Finding]:
    """Rows of zeros that are marked valid."""
    bad = s.valid & (s.boxes == 0).all(axis=-1)
    return at(bad, "padding", "error", "four zeros, but valid",
              "Rows that only fill up have valid = False.")  # fmt: skip


def empty(s: Scene) -> Iterator[Finding]:
    """A width or height of 0 or less."""
    bad = s.sane & (s.boxes[..., 2:] <= 0).any(axis=-1)
    return at(bad, "empty", "error", "a width or height is not above 0", "Drop the row.")


def pixels(s: Scene) -> Iterator[Finding]:
    """Most objects have a coordinate that only pixels reach."""
    bad = s.sane & (s.boxes > PIXELS).any(axis=-1)
    if bad.sum() >= MOST * max(s.sane.sum(), 1):
        yield from at(bad, "pixels", "error", f"coordinates above {PIXELS:g}: pixels",
                      "Divide by the width and height of the image.")  # fmt: skip


def outside(s: Scene) -> Iterator[Finding]:
    """A centre outside [0, 1] or a size above 1; not where all boxes are in pixels."""
    centre, side = s.boxes[..., :2], s.boxes[..., 2:]
    bad = ((centre < 0) | (centre > 1) | (side > SIZE_LIMIT)).any(axis=-1)
    if not any(pixels(s)):
        yield from at(s.sane & bad, "outside", "error", "a coordinate outside [0, 1]",
                      "Cut the box at the border of the image, then take its centre.")  # fmt: skip


def corners(s: Scene) -> Iterator[Finding]:
    """Corner form read as centre form.

    x₂ > x₁ and y₂ > y₁ always, and what is read as a box sticks out of the image again and again.
    Of centre boxes within the image few do: x + w/2 ≤ 1. Of xywh from a corner nothing is said.
    """
    x, y, w, h = (v[s.sane] for v in np.moveaxis(s.boxes, -1, 0))
    out = (x + w / 2 > 1.01) | (y + h / 2 > 1.01) | (x - w / 2 < -0.01) | (y - h / 2 < -0.01)
    if len(x) >= ENOUGH and ((w > x) & (h > y)).all() and out.mean() > 0.25 and not any(pixels(s)):
        yield from at(s.sane, "corners", "warning", "x₂ > x₁ and y₂ > y₁ in all boxes: corner form",
                      "Convert to the centre form with yl.boxes.")  # fmt: skip


def divided_twice(s: Scene) -> Iterator[Finding]:
    """All objects lie in one corner and are tiny."""
    if s.sane.sum() >= ENOUGH and (s.boxes[s.sane] < TINY).all():
        yield from at(s.sane, "divided-twice", "warning", "all boxes are specks in one corner",
                      "Fractions must not be divided by the size again.")  # fmt: skip


def classes(s: Scene) -> Iterator[Finding]:
    """A class below 0, or K and above; where 0 never occurs and K does, classes count from 1."""
    labels, k = s.labels, s.num_classes
    bad = s.objects & ((labels < 0) | (labels >= (np.inf if k is None else k)))
    used = labels[s.objects]
    if len(used) and k is not None and used.min() == 1 and used.max() == k:
        message, remedy = f"classes are 1 … K = {k}", "Subtract 1: classes count from 0."
        return at(bad, "classes-from-1", "error", message, remedy)
    message = "a class below 0" if k is None else f"a class outside 0 … K − 1 = {k - 1}"
    return at(bad, "class", "error", message, "Look at the list of names and at K.")


def duplicates(s: Scene) -> Iterator[Finding]:
    """The same box and class twice in an image: one of them holds no predictor, or both do."""
    again = np.zeros_like(s.objects)
    for n, t in np.argwhere(s.sane).tolist():
        same = (s.boxes[n, :t] == s.boxes[n, t]).all(axis=-1) & (s.labels[n, :t] == s.labels[n, t])
        again[n, t] = (same & s.sane[n, :t]).any()
    return at(again, "duplicate", "warning", "a box and class that were there", "Drop one.")


CHECKS = (
    not_finite, padding, empty, pixels, outside, corners, divided_twice, classes, duplicates,
)  # fmt: skip
