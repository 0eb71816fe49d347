"""The labels of a whole set, in one form for all files."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from .. import _check
from .._xp import Array
from ..boxes import convert
from ..targets import Targets, pad_targets

REGIONS = ("ignore", "object", "drop")
Progress = Callable[[int, int], object]  # entries done, and all
_Entry = TypeVar("_Entry")


def told(entries: Iterable[_Entry], total: int, progress: Progress | None) -> Iterator[_Entry]:
    """The entries, with word of every 256th and the last."""
    for k, entry in enumerate(entries, 1):
        yield entry
        if progress is not None and (k % 256 == 0 or k == total):
            progress(k, total)


class Rows:
    """The boxes as files have them, column by column: a set has a million."""

    def __init__(self) -> None:
        self.image, self.label, self.region = array("q"), array("q"), array("b")
        # Left, top, right and bottom in turn, pixels; fractions where the size is NaN.
        self.edges = array("d")

    def add(
        self, image: int, label: int, edges: tuple[float, float, float, float], region: bool
    ) -> None:
        """One box; a region is a crowd, or difficult."""
        self.image.append(image)
        self.label.append(label)
        self.region.append(region)
        self.edges.extend(edges)

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True)
class Labels:
    """The labels of N images with M boxes, sorted by image.

    Attributes
    ----------
    images : tuple of N str
        File names.
    sizes : array, shape (N, 2), float64
        Width and height, pixels; NaN where the files do not say.
    boxes : array, shape (M, 4), float64
        Centre form x y w h, fractions of the image.
    labels : array, shape (M,), int64
        Classes 0 … K − 1.
    image : array, shape (M,), int64
        Indices into `images`.
    ignore : array, shape (M,), bool
        True for regions that nobody is responsible for.
    class_names : tuple of K str
    categories : dict
        The name or number of a category in the file, to its class.
    counts : dict of str to int
        What was met; see `of_rows`.
    left_out : tuple of str
        The places of boxes without an area inside their image; none of them can be a truth.
    """

    images: tuple[str, ...]
    sizes: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    image: np.ndarray
    ignore: np.ndarray
    class_names: tuple[str, ...]
    categories: dict[Any, int]
    counts: dict[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @cached_property
    def _has_regions(self) -> bool:
        return bool(self.ignore.any())

    @cached_property
    def _starts(self) -> np.ndarray:
        """(N + 1,): where the boxes of each image begin."""
        return np.searchsorted(self.image, np.arange(len(self.images) + 1))

    def targets(self, indices: Sequence[int], like: Array = None) -> Targets:
        """Some images as padded targets; with regions where any image of the set has one.

        Raises IndexError where there is no such image.
        """
        num, starts = len(self.images), self._starts
        for n in indices:
            if not 0 <= n < num:
                msg = f"Labels.targets: an image must be 0 … {num - 1}, got {n}"
                raise IndexError(msg)
        rows = [slice(starts[n], starts[n + 1]) for n in indices]
        ignore = [self.ignore[k] for k in rows] if self._has_regions else None
        boxes, labels = [self.boxes[k] for k in rows], [self.labels[k] for k in rows]
        return pad_targets(boxes, labels, ignore_per_image=ignore, like=like)

    def batches(
        self, batch_size: int, order: Sequence[int] | None = None, like: Array = None
    ) -> Iterator[Targets]:
        """Targets of `batch_size` images in turn, the last of what is left.

        `order` gives the images, None all as they stand. `like` is that of `pad_targets`.
        """
        _check.count("Labels.batches", "batch_size", batch_size)
        order = range(len(self.images)) if order is None else order
        for k in range(0, len(order), batch_size):
            yield self.targets(order[k : k + batch_size], like)


def of_rows(
    images: Sequence[str],
    sizes: Sequence[tuple[float, float]],
    rows: Rows,
    place: Callable[[int], str],
    categories: dict[Any, int],
    class_names: Sequence[str],
    regions: str,
) -> Labels:
    """Labels of what a reader found; `place` says where row k stands in the files.

    A box that sticks out of its image is clipped to it, and counted. One without an area inside is
    left out: zero or negative size, wholly outside, or smaller than float32 can say.
    """
    corners, region = np.array(rows.edges).reshape(-1, 4), np.array(rows.region) != 0
    label, image = np.array(rows.label), np.array(rows.image)
    size = np.asarray(sizes, dtype=np.float64).reshape(-1, 2)
    unit = np.tile(np.where(np.isnan(size), 1, size)[image], 2)
    inside = np.clip(corners, 0, unit)
    boxes = convert(inside / unit, "xyxy", "cxcywh")
    empty = (boxes[:, 2:].astype(np.float32) <= 0).any(axis=1)
    keep = ~empty & ~region if regions == "drop" else ~empty
    counts = {
        "images": len(images),
        "boxes": len(rows),
        "used": int(keep.sum()),
        "images without boxes": len(images) - len(np.unique(image[keep])),
        "regions": int(region.sum()),
        "without area": int(empty.sum()),
        "clipped": int(((inside != corners).any(axis=1) & ~empty).sum()),
        "twice": _twice(image, label, *corners.T),
    }
    order = np.flatnonzero(keep)[np.argsort(image[keep], kind="stable")]
    return Labels(
        tuple(images), size, boxes[order], label[order], image[order],
        region[order] & (regions == "ignore"), tuple(class_names), categories, counts,
        tuple(map(place, np.flatnonzero(empty).tolist())),
    )  # fmt: skip


def _twice(*columns: np.ndarray) -> int:
    """The number of rows that an equal one precedes."""
    order = np.lexsort(columns)
    same = np.ones(max(len(order) - 1, 0), dtype=np.bool_)
    for column in columns:
        same &= np.diff(column[order]) == 0
    return int(same.sum())
