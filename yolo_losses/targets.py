"""Targets: the true boxes of a batch, padded to one length an image."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import _check
from ._xp import Array, adapter, compute_dtype, constant, is_array, namespace, number

_MAX_LABEL = 2**31  # what the smallest integer dtype of a library holds
SIZE_LIMIT = 1 + 1e-6  # a width of exactly 1 may come out of a division a little larger


class Targets(NamedTuple):
    """The truths of N images, T rows each.

    Attributes
    ----------
    boxes : array, shape (N, T, 4), real floating
        Centre form x y w h, fractions of the image.
    labels : array, shape (N, T), integer
        Classes 0 … K − 1.
    valid : array, shape (N, T), bool
        False for rows that only fill up.
    """

    boxes: Array
    labels: Array
    valid: Array


def pad_targets(
    boxes_per_image: Sequence[Any],
    labels_per_image: Sequence[Any],
    *,
    on_invalid: str = "raise",
    like: Array = None,
) -> Targets:
    """Lists of boxes and labels, one entry an image, as padded arrays.

    Parameters
    ----------
    boxes_per_image : sequence of N array-likes, shape (M, 4), M ≥ 0
        Centre form x y w h, fractions of the image.
    labels_per_image : sequence of N array-likes, shape (M,), integers ≥ 0
    on_invalid : "raise" or "drop"
        What to do with a row that cannot be a truth: a value that is not finite, a size ≤ 0, a
        value below 0 or above 1 + 1e-6 (pixels?), a class that is negative or no integer. "drop"
        leaves the row out and names it in a warning. A centre in 1 … 1 + 1e-6 is put on 1.
    like : array, optional
        An array whose library, device and compute dtype the result gets; else NumPy, float64.

    Returns
    -------
    Targets
        N images of T rows, T the largest M that is left.

    Raises
    ------
    ValueError
        Lengths that differ, a wrong shape, or the first invalid row, by image and row.

    Examples
    --------
    >>> targets = pad_targets([[(0.5, 0.5, 0.2, 0.3)], []], [[16], []])
    >>> targets.boxes.shape, targets.labels.tolist(), targets.valid.tolist()
    ((2, 1, 4), [[16], [0]], [[True], [False]])
    """
    where = "pad_targets"
    _check.choice(where, "on_invalid", on_invalid, ("raise", "drop"))
    if like is not None:
        _check.floating(where, "like", like)
    single = like is not None and compute_dtype(like) == namespace(like).float32
    images = _images(boxes_per_image, labels_per_image, np.dtype("f4" if single else "f8"))
    faults = [fault for n, (b, c) in enumerate(images) for fault in _faults(n, b, c)]
    if faults and on_invalid == "raise":
        msg = f"{where}: {faults[0].text}"
        raise ValueError(msg)
    if faults:
        listed = "; ".join(fault.text for fault in faults)
        warnings.warn(f"{where}: dropped {len(faults)} rows: {listed}", stacklevel=2)
    dropped = {(fault.image, fault.row) for fault in faults}
    kept = [[t for t in range(len(b)) if (n, t) not in dropped] for n, (b, _) in enumerate(images)]
    return _to(_pad([(b[k], c[k]) for (b, c), k in zip(images, kept, strict=True)]), like)


class _Fault(NamedTuple):
    image: int
    row: int
    text: str


def _images(boxes: Any, labels: Any, dtype: np.dtype) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each image's boxes (M, 4) and labels (M,) on the host."""
    for argument, x in (("boxes_per_image", boxes), ("labels_per_image", labels)):
        if not hasattr(x, "__len__"):
            expected = "be a sequence with an entry for each image"
            _check.wrong_type("pad_targets", argument, expected, type(x).__name__)
    if len(boxes) != len(labels):
        expected = f"hold one entry for each of the {len(boxes)} images"
        _check.wrong_value("pad_targets", "labels_per_image", expected, len(labels))
    return [_image(n, b, c, dtype) for n, (b, c) in enumerate(zip(boxes, labels, strict=True))]


def _image(n: int, boxes: Any, labels: Any, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    b = _host(f"boxes_per_image[{n}]", boxes, "have shape (M, 4), of real numbers")
    c = _host(f"labels_per_image[{n}]", labels, "hold integers")
    b = b.reshape(0, 4) if b.shape == (0,) else b
    if b.ndim != 2 or b.shape[1] != 4:
        _check.wrong_value("pad_targets", f"boxes_per_image[{n}]", "have shape (M, 4)", b.shape)
    if c.shape != b.shape[:1]:
        expected = f"have shape ({len(b)},), a class for each box"
        _check.wrong_value("pad_targets", f"labels_per_image[{n}]", expected, c.shape)
    with np.errstate(over="ignore"):  # what overflows is named as a fault
        b = b.astype(dtype)
    b[:, :2] = np.where((b[:, :2] > 1) & (b[:, :2] <= SIZE_LIMIT), 1, b[:, :2])
    return b, c


def _host(argument: str, x: Any, expected: str) -> np.ndarray:
    """An array-like as real numbers of NumPy."""
    try:
        out = adapter(x).host(x) if is_array(x) else np.asarray(x)
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        msg = f"pad_targets: {argument} must {expected}, got what NumPy cannot read: {error}"
        raise TypeError(msg) from error
    if out.dtype.kind not in "iuf":
        _check.wrong_type("pad_targets", argument, expected, f"dtype {out.dtype}")
    return out


_BOX_RULES: tuple[tuple[Callable[[np.ndarray], Any], str], ...] = (
    (lambda b: ~np.isfinite(b).all(axis=1), "a value is not finite"),
    (lambda b: (b < 0).any(axis=1), "a value is below 0: corner form, or pixels?"),
    (lambda b: (b > SIZE_LIMIT).any(axis=1), "a value is above 1: pixels? Boxes are fractions"),
    (lambda b: (b[:, 2:] <= 0).any(axis=1), "a width or height is 0"),
)


def _faults(n: int, boxes: np.ndarray, labels: np.ndarray) -> Iterator[_Fault]:
    """What is wrong in one image, the first fault of each row."""
    broken = [(rule(boxes), text) for rule, text in _BOX_RULES]
    for t, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        place = f"image {n}, row {t}: "
        found = [text for bad, text in broken if bad[t]]
        if found:
            yield _Fault(n, t, f"{place}{found[0]}, got x y w h = {box.tolist()}")
        elif not (0 <= label < _MAX_LABEL and float(label).is_integer()):
            yield _Fault(n, t, f"{place}a class must be an integer ≥ 0, got {label.item()!r}")


def _pad(images: list[tuple[np.ndarray, np.ndarray]]) -> Targets:
    n, t = len(images), max((len(b) for b, _ in images), default=0)
    dtype = images[0][0].dtype if images else np.float64
    boxes, labels = np.zeros((n, t, 4), dtype=dtype), np.zeros((n, t), dtype=np.int64)
    valid = np.zeros((n, t), dtype=np.bool_)
    for i, (b, c) in enumerate(images):
        boxes[i, : len(b)], labels[i, : len(b)], valid[i, : len(b)] = b, c, True
    return Targets(boxes, labels, valid)


def _to(targets: Targets, like: Array) -> Targets:
    """NumPy targets beside an array of any library."""
    if like is None:
        return targets
    dtypes = compute_dtype(like), adapter(like).integer, namespace(like).bool
    return Targets(*(constant(v, like, d) for v, d in zip(targets, dtypes, strict=True)))


class Truths(NamedTuple):
    """Targets made safe: in the compute dtype, unusable rows replaced by a box in the middle."""

    x: Array  # fractions of the image, (N, T) all
    y: Array
    w: Array
    h: Array
    label: Array
    ok: Array
    invalid: Array  # (N,): rows with valid = True that break a rule


def usable(targets: Targets, num_classes: int, raw: Array) -> Truths:
    """Cast the truths to the compute dtype of `raw` and drop the invalid ones.

    A centre outside [0, 1], a size outside (0, 1 + 1e-6], a value that is not finite or a class
    outside 0 … K − 1 makes a truth invalid: it takes part in nothing, and is counted.
    """
    xp, integer = namespace(raw), adapter(raw).integer
    boxes = adapter(raw).stop(targets.boxes)
    sane = (boxes >= -1) & (boxes <= 2)  # False for NaN; what is not sane would overflow the cast
    boxes = xp.astype(xp.where(sane, boxes, 2.0), compute_dtype(raw))
    label = xp.astype(targets.labels, integer)
    centre, size = boxes[..., :2], boxes[..., 2:]
    inside = (centre >= 0) & (centre <= 1) & (size > 0) & (size <= SIZE_LIMIT)
    fits = xp.astype(label, targets.labels.dtype) == targets.labels  # no other class by wrapping
    ok = targets.valid & xp.all(inside, axis=-1) & fits & (label >= 0) & (label < num_classes)
    boxes = xp.where(ok[..., None], boxes, 0.5)
    invalid = xp.sum(number(targets.valid & ~ok, integer), axis=1)
    x, y, w, h = (boxes[..., k] for k in range(4))
    return Truths(x, y, w, h, xp.where(ok, label, 0), ok, invalid)
