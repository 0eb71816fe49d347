"""What became of each truth of an image, from its matches."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import _check
from .._versions import of_config
from .._xp import host
from ..matching import Matches
from ..targets import Targets


class Fates(NamedTuple):
    """The truths of one image."""

    boxes: np.ndarray  # (T, 4), centre form, fractions of the image
    lost: np.ndarray  # (T, heads) bool: another truth holds a predictor of the head it asks for
    invalid: np.ndarray  # (T,) bool: breaks a rule
    unassigned: np.ndarray  # (T,) bool: usable, but no head takes it
    usable: np.ndarray  # (T,) bool: takes part
    regions: np.ndarray  # (T,) bool: a region that takes part


def fates(
    where: str, matches: Sequence[Matches], config: Any, targets: Targets, image: int,
    num_classes: int | None,
) -> Fates:  # fmt: skip
    """What became of the truths of one image.

    Each truth is assigned once more, alone in an image of its own: what it holds there and not
    among the others, it has lost to one of them.
    """
    targets = Targets(*(host(v) for v in targets))
    boxes, labels = targets.boxes, targets.labels
    _check_rows(where, boxes, matches)
    alone = Targets(*(v[image][:, None] for v in targets))
    classes = num_classes or int(max(labels[image].max(initial=0), 0)) + 1
    raw = [_nothing(found, config, len(alone.boxes), classes) for found in matches]
    version, several = of_config(where, config), hasattr(config, "masks")
    found = version.assign(tuple(raw) if several else raw[0], alone, config)
    by_head = found if several else (found,)
    pairs = zip(by_head, matches, strict=True)
    lost = [(wanted.mask[:, 0] & ~host(held.mask)[image]).any(axis=-1) for wanted, held in pairs]
    invalid, unassigned = by_head[0].invalid > 0, by_head[0].unassigned > 0
    takes_part = alone.valid[:, 0] & ~invalid
    region = takes_part & (False if alone.ignore is None else alone.ignore[:, 0])
    usable = takes_part & ~region
    return Fates(boxes[image], np.stack(lost, axis=-1), invalid, unassigned, usable, region)


def _nothing(found: Matches, config: Any, num_images: int, num_classes: int) -> np.ndarray:
    """Raw outputs that are 0 everywhere, without memory, as large as those of a head."""
    _, H, W, A = found.responsible.shape
    fields = (A, 5 + num_classes) if hasattr(config, "anchors") else (5 * A + num_classes,)
    zero = np.zeros((), dtype=host(found.iou).dtype)
    return np.broadcast_to(zero, (num_images, H, W, *fields))


def _check_rows(where: str, boxes: np.ndarray, matches: Sequence[Matches]) -> None:
    """The targets that the matches are of."""
    n, t = matches[0].row.shape
    if boxes.shape != (n, t, 4):
        expected = f"have shape {(n, t, 4)}, as the matches have"
        _check.wrong_value(where, "targets.boxes", expected, boxes.shape)
