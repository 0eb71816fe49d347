"""Targets of what other programs' loaders hand to a loss."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import _check
from .._xp import Array, adapter, constant, host
from ..boxes import convert
from ..targets import Targets, pad_targets


def targets_from_rows(
    rows: Array,
    num_images: int,
    *,
    format: str = "yolo",
    size: Sequence[tuple[float, float]] | None = None,
) -> Targets:
    """Targets of flat rows, as ultralytics collates a batch.

    Parameters
    ----------
    rows : array, shape (M, 6), real floating
        image class x y w h: the image counts from 0 in the batch, centre and size are fractions.
    num_images : int
        N; images without a row have no truth.
    format, size : optional
        Of the boxes and the images, as in `pad_targets`.

    Returns
    -------
    Targets
        On the library and device of `rows`, the rows of an image in their order.

    Raises
    ------
    ValueError
        A wrong shape, an image outside 0 … N − 1, or a box or class that `pad_targets` refuses.

    Examples
    --------
    >>> rows = np.array([[1, 16, 0.5, 0.5, 0.2, 0.3]])
    >>> targets_from_rows(rows, 2).valid.tolist()
    [[False], [True]]
    """
    where = "targets_from_rows"
    _check.floating(where, "rows", rows)
    _check.count(where, "num_images", num_images)
    table = host(rows)
    if table.ndim != 2 or table.shape[1] != 6:
        _check.wrong_value(where, "rows", "have shape (M, 6), image class x y w h", table.shape)
    image = table[:, 0]
    wrong = np.flatnonzero(~np.isin(image, np.arange(num_images)))
    if wrong.size:
        expected = f"name an image 0 … {num_images - 1}"
        _check.wrong_value(where, f"rows[{wrong[0]}, 0]", expected, image[wrong[0]])
    each = [table[image == n] for n in range(num_images)]
    return pad_targets(
        [x[:, 2:] for x in each], [x[:, 1] for x in each], like=rows, format=format, size=size
    )


def targets_from_dicts(
    entries: Sequence[Mapping[str, Any]],
    sizes: Sequence[tuple[float, float]],
    *,
    format: str = "xyxy",
    first_label: int = 1,
    like: Array = None,
) -> Targets:
    """Targets of one dict an image, as torchvision's detectors and torchmetrics take them.

    Parameters
    ----------
    entries : sequence of N dicts
        `boxes` (M, 4) and `labels` (M,); `iscrowd` (M,) of 0 and 1, optional, makes regions.
    sizes : sequence of N (width, height)
        Of the images, pixels.
    format : a name of `boxes.FORMATS`
    first_label : int
        The number of class 0: torchvision counts from 1, 0 is its background.
    like : array, optional
        As in `pad_targets`.

    Raises
    ------
    ValueError
        A key that is missing, lengths that differ, or a box or class that `pad_targets` refuses.
    """
    where = "targets_from_dicts"
    if len(sizes) != len(entries):
        _check.wrong_value(
            where, "sizes", f"hold one for each of {len(entries)} images", len(sizes)
        )
    for n, entry in enumerate(entries):
        for key in ("boxes", "labels"):
            if key not in entry:
                _check.wrong_value(where, f"entries[{n}]", f"hold {key}", sorted(entry))
    boxes = [host(entry["boxes"]) for entry in entries]
    labels = [host(entry["labels"]) - first_label for entry in entries]
    crowds = [
        host(entry["iscrowd"]) != 0 if "iscrowd" in entry else np.zeros(len(b), dtype=np.bool_)
        for entry, b in zip(entries, boxes, strict=True)
    ]
    ignore = crowds if any("iscrowd" in entry for entry in entries) else None
    return pad_targets(boxes, labels, ignore_per_image=ignore, like=like, format=format, size=sizes)


def rows_from_targets(targets: Targets) -> Array:
    """Flat rows image class x y w h, (M, 6), of the objects; regions have no place in them.

    On the library and device of the boxes, in their dtype, by image.

    Examples
    --------
    >>> rows_from_targets(pad_targets([[], [(0.5, 0.5, 0.2, 0.3)]], [[], [16]])).tolist()
    [[1.0, 16.0, 0.5, 0.5, 0.2, 0.3]]
    """
    boxes, labels, keep = map(host, (targets.boxes, targets.labels, targets.objects))
    image = np.nonzero(keep)[0]
    rows = np.column_stack([image, labels[keep], boxes[keep]])
    return constant(rows, targets.boxes)


def dicts_from_targets(
    targets: Targets,
    sizes: Sequence[tuple[float, float]],
    *,
    format: str = "xyxy",
    first_label: int = 1,
) -> list[dict[str, Array]]:
    """One dict an image, `boxes`, `labels` and `iscrowd`, as `targets_from_dicts` takes them.

    Raises ValueError where `sizes` does not hold one (width, height) for each image.
    """
    num = targets.boxes.shape[0]
    if len(sizes) != num:
        _check.wrong_value(
            "dicts_from_targets", "sizes", f"hold one for each of {num} images", len(sizes)
        )
    boxes, labels, valid = map(host, targets[:3])
    crowd = valid & ~host(targets.objects)
    integer = adapter(targets.boxes).integer
    return [
        {
            "boxes": constant(convert(boxes[n][k], "yolo", format, size=size), targets.boxes),
            "labels": constant(labels[n][k] + first_label, targets.boxes, integer),
            "iscrowd": constant(crowd[n][k].astype(np.int64), targets.boxes, integer),
        }
        for n, (k, size) in enumerate(zip(valid, sizes, strict=True))
    ]
