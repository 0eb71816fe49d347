"""Checks of boxes and classes."""

from collections.abc import Iterator

import numpy as np

from ..targets import SIZE_LIMIT
from .report import Finding
from .scene import Scene
from .thresholds import COVERED, ENOUGH, MOST, OFTEN, PIXELS, STICKS_OUT, TINY


def at(rows: np.ndarray, code: str, severity: str, message: str, remedy: str) -> Iterator[Finding]:
    """One finding for the rows (N, T) that are marked, if any is."""
    places = np.argwhere(rows)
    if len(places):
        n, t = places[0].tolist()
        where = f"image {n}, row {t}"
        yield Finding(code, severity, where, message, remedy, len(places), n, t)


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
    Of centre boxes within the image none does: x + w/2 ≤ 1.
    """
    x, y, w, h = (v[s.sane] for v in np.moveaxis(s.boxes, -1, 0))
    below, above = sticks_out(s)
    often = len(x) >= ENOUGH and (below | above).mean() > OFTEN
    if often and ((w > x) & (h > y)).all() and not any(pixels(s)):
        yield from at(s.sane, "corners", "warning", "x₂ > x₁ and y₂ > y₁ in all boxes: corner form",
                      "Convert to the centre form with yl.boxes.")  # fmt: skip


def from_corner(s: Scene) -> Iterator[Finding]:
    """x y w h from a corner, as COCO has it, read as centre form.

    x + w ≤ 1 and y + h ≤ 1 always, and boxes stick out at the left or top again and again.
    """
    x, y, w, h = (v[s.sane] for v in np.moveaxis(s.boxes, -1, 0))
    below, _ = sticks_out(s)
    within = ((x + w <= 1 + STICKS_OUT) & (y + h <= 1 + STICKS_OUT)).all()
    if len(x) >= ENOUGH and within and below.mean() > OFTEN and not any(corners(s)):
        yield from at(s.sane, "from-corner", "warning", "x + w ≤ 1 always, and many stick out",
                      "x and y are the left top corner: add half of w and h.")  # fmt: skip


def sticks_out(s: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Which of the objects stick out at the left or top, and at the right or bottom."""
    centre, half = s.boxes[s.sane, :2], s.boxes[s.sane, 2:] / 2
    below, above = centre - half < -STICKS_OUT, centre + half > 1 + STICKS_OUT
    return np.any(below, axis=-1), np.any(above, axis=-1)


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
    if len(used) and k is not None and used.min() >= 1 and used.max() == k:
        message, remedy = f"classes are 1 … K = {k}", "Subtract 1: classes count from 0."
        return at(bad, "classes-from-1", "error", message, remedy)
    message = "a class below 0" if k is None else f"a class outside 0 … K − 1 = {k - 1}"
    return at(bad, "class", "error", message, "Look at the list of names and at K.")


def duplicates(s: Scene) -> Iterator[Finding]:
    """The same box and class twice in an image: one of them holds no predictor, or both do."""
    again = np.zeros_like(s.objects)
    for n in np.flatnonzero(s.sane.any(axis=-1)):
        t = np.flatnonzero(s.sane[n])
        rows = np.column_stack([s.boxes[n, t], s.labels[n, t]])
        first = np.unique(rows, axis=0, return_index=True)[1]
        again[n, np.delete(t, first)] = True
    return at(again, "duplicate", "warning", "a box and class that were there", "Drop one.")


def no_truth_left(s: Scene) -> Iterator[Finding]:
    """Images all of whose objects are invalid: they train the background alone."""
    left = s.usable.any(axis=-1)
    bad = np.zeros_like(s.objects)
    if s.objects.shape[1]:
        bad[np.arange(len(bad)), s.objects.argmax(axis=-1)] = s.objects.any(axis=-1) & ~left
    return at(bad, "no-truth-left", "warning", "all objects of the image are invalid",
              "The image trains the background alone: see the other findings.")  # fmt: skip


def covered(s: Scene) -> Iterator[Finding]:
    """Images that regions cover, on a raster of 32 × 32 points."""
    bad = s.valid & ~s.objects
    points = (np.arange(32) + 0.5) / 32
    for n in np.flatnonzero(bad.any(axis=-1)):
        x, y, w, h = s.boxes[n, bad[n]].T[..., None]
        wide, high = np.abs(points - x) * 2 <= w, np.abs(points - y) * 2 <= h
        bad[n, bad[n].argmax() + 1 :] = False
        bad[n] &= (high[:, :, None] & wide[:, None, :]).any(axis=0).mean() > COVERED
    return at(bad, "covered", "warning", "regions cover most of the image",
              "Leave the image out, or look at what was made a region.")  # fmt: skip


CHECKS = (
    not_finite, padding, empty, pixels, outside, corners, from_corner, divided_twice, classes,
    duplicates, no_truth_left, covered,
)  # fmt: skip
