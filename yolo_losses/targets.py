"""Targets: the true boxes of a batch, padded to one length an image."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from . import _check
from ._xp import Array, adapter, compute_dtype, constant, host, namespace, number
from .boxes import FORMATS, convert

_MAX_LABEL = 2**31  # what the smallest integer dtype of a library holds
SIZE_LIMIT = 1 + 1e-6  # a width of exactly 1 may come out of a division a little larger


class _Names:
    """The names of the fields that are there; of the class, all."""

    def __get__(self, targets: Any, kind: Any = None) -> tuple[str, ...]:
        names = ("boxes", "labels", "valid", "ignore")
        return names if targets is None else names[: len(targets)]


class _Fields(tuple[Array, ...]):
    """Between Targets and tuple: what torch.compile takes for a NamedTuple has one length."""

    __slots__ = ()


class Targets(_Fields):
    """The truths of N images, T rows each.

    A named tuple of three arrays, or of four with regions: real sets hold crowds, and objects too
    hard to judge. A region is a valid row that nobody is responsible for; its class is not looked
    at. What of a predictor lies in a region by more than half is not pushed to 0: see `ignoring`.

    Attributes
    ----------
    boxes : array, shape (N, T, 4), real floating
        Centre form x y w h, fractions of the image.
    labels : array, shape (N, T), integer
        Classes 0 … K − 1.
    valid : array, shape (N, T), bool
        False for rows that only fill up.
    ignore : array, shape (N, T), bool, or None
        True for regions; None where there are none, and the tuple has three fields.
    """

    __slots__ = ()
    _fields = _Names()
    _field_defaults: ClassVar[dict[str, None]] = {"ignore": None}

    def __new__(cls, boxes: Array, labels: Array, valid: Array, ignore: Array = None) -> "Targets":
        """Three fields, or four."""
        fields = (boxes, labels, valid) if ignore is None else (boxes, labels, valid, ignore)
        return super().__new__(cls, fields)

    @property
    def boxes(self) -> Array:
        """(N, T, 4)."""
        return self[0]

    @property
    def labels(self) -> Array:
        """(N, T)."""
        return self[1]

    @property
    def valid(self) -> Array:
        """(N, T)."""
        return self[2]

    @property
    def ignore(self) -> Array:
        """(N, T), or None."""
        return self[3] if len(self) > 3 else None

    @property
    def objects(self) -> Array:
        """(N, T), bool: valid rows that are no regions."""
        return self.valid if self.ignore is None else self.valid & ~self.ignore

    @classmethod
    def _make(cls, fields: Iterable[Array]) -> "Targets":
        return cls(*fields)

    def _asdict(self) -> dict[str, Array]:
        return dict(zip(self._fields, self, strict=True))

    def _replace(self, **fields: Array) -> "Targets":
        return type(self)(**{**self._asdict(), **fields})

    def __getnewargs__(self) -> tuple[Array, ...]:
        return tuple(self)

    def __repr__(self) -> str:
        return "Targets(" + ", ".join(f"{k}={v!r}" for k, v in self._asdict().items()) + ")"


def pad_targets(
    boxes_per_image: Sequence[Any],
    labels_per_image: Sequence[Any],
    *,
    ignore_per_image: Sequence[Any] | None = None,
    on_invalid: str = "raise",
    like: Array = None,
    format: str = "yolo",
    size: Sequence[tuple[float, float]] | None = None,
) -> Targets:
    """Lists of boxes and labels, one entry an image, as padded arrays.

    Parameters
    ----------
    boxes_per_image : sequence of N array-likes, shape (M, 4), M ≥ 0
        Centre form x y w h, fractions of the image, if `format` says nothing else.
    labels_per_image : sequence of N array-likes, shape (M,), integers ≥ 0
    ignore_per_image : sequence of N array-likes, shape (M,), bool, optional
        True for regions that nobody is responsible for; their class may be any, and becomes 0
        where it is none.
    on_invalid : "raise" or "drop"
        What to do with a row that cannot be a truth: a value that is not finite, a size ≤ 0, a
        value below 0 or above 1 + 1e-6 (pixels?), a class that is negative or no integer. "drop"
        leaves the row out and names it in a warning. A centre in 1 … 1 + 1e-6 is put on 1.
    like : array, optional
        An array whose library, device and compute dtype the result gets; else NumPy, float64.
    format : a name of `boxes.FORMATS`
        Of the boxes given; those of the result are always fractions in centre form.
    size : sequence of N (width, height), optional
        Of the images; needed where the format is in pixels.

    Returns
    -------
    Targets
        N images of T rows, T the largest M that is left; with `ignore` if that was given.

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
    dtype = np.dtype("f4" if single else "f8")
    if format != "yolo":
        boxes_per_image = _fractions(boxes_per_image, format, size)
    images = _images(boxes_per_image, labels_per_image, ignore_per_image, dtype)
    faults = [fault for n, image in enumerate(images) for fault in _faults(n, image)]
    if faults and on_invalid == "raise":
        msg = f"{where}: {faults[0].text}"
        raise ValueError(msg)
    if faults:
        listed = "; ".join(fault.text for fault in faults)
        warnings.warn(f"{where}: dropped {len(faults)} rows: {listed}", stacklevel=2)
    dropped = {(fault.image, fault.row) for fault in faults}
    rows = [[t for t in range(len(v.boxes)) if (n, t) not in dropped] for n, v in enumerate(images)]
    kept = [Image(*(v[k] for v in image)) for image, k in zip(images, rows, strict=True)]
    return _to(padded(kept, dtype, with_regions=ignore_per_image is not None), like)


class _Fault(NamedTuple):
    image: int
    row: int
    text: str


class Image(NamedTuple):
    """One image on the host."""

    boxes: np.ndarray  # (M, 4)
    labels: np.ndarray  # (M,)
    ignore: np.ndarray  # (M,), bool


def _fractions(boxes: Sequence[Any], format: str, size: Any) -> list[np.ndarray]:
    """Boxes of another format, image by image, in centre form."""
    where = "pad_targets"
    _check.choice(where, "format", format, tuple(FORMATS))
    if FORMATS[format].fractions:
        size = [(1, 1)] * len(boxes)
    if not hasattr(size, "__len__") or len(size) != len(boxes):
        expected = f"hold (width, height) of each of the {len(boxes)} images, for {format}"
        _check.wrong_value(where, "size", expected, size)
    out = []
    for n, (image, pair) in enumerate(zip(boxes, size, strict=True)):
        b = _box_array(n, image).astype(np.float64)
        pair = _check.pair_of_sizes(where, f"size[{n}]", pair)
        out.append(convert(b, format, "yolo", size=pair))
    return out


def _box_array(n: int, boxes: Any) -> np.ndarray:
    """The boxes of image n, (M, 4)."""
    b = _host(f"boxes_per_image[{n}]", boxes, "have shape (M, 4), of real numbers")
    b = b.reshape(0, 4) if b.shape == (0,) else b
    if b.ndim != 2 or b.shape[1] != 4:
        _check.wrong_value("pad_targets", f"boxes_per_image[{n}]", "have shape (M, 4)", b.shape)
    return b


def _images(boxes: Any, labels: Any, ignore: Any, dtype: np.dtype[Any]) -> list[Image]:
    given = {"boxes_per_image": boxes, "labels_per_image": labels, "ignore_per_image": ignore}
    if ignore is None:
        del given["ignore_per_image"]
    for argument, x in given.items():
        if not hasattr(x, "__len__"):
            expected = "be a sequence with an entry for each image"
            _check.wrong_type("pad_targets", argument, expected, type(x).__name__)
        if len(x) != len(boxes):
            expected = f"hold one entry for each of the {len(boxes)} images"
            _check.wrong_value("pad_targets", argument, expected, len(x))
    ignore = [None] * len(boxes) if ignore is None else ignore
    images = zip(boxes, labels, ignore, strict=True)
    return [_image(n, *image, dtype) for n, image in enumerate(images)]


def _image(n: int, boxes: Any, labels: Any, ignore: Any, dtype: np.dtype[Any]) -> Image:
    b = _box_array(n, boxes)
    c = _host(f"labels_per_image[{n}]", labels, "hold integers")
    _one_each(f"labels_per_image[{n}]", c, len(b), "a class")
    r = np.zeros(len(b), dtype=np.bool_)
    if ignore is not None:
        r = _host(f"ignore_per_image[{n}]", ignore, "hold bools", kinds="b" if len(b) else "biuf")
        _one_each(f"ignore_per_image[{n}]", r, len(b), "True or False")
    with np.errstate(over="ignore"):  # what overflows is named as a fault
        b = b.astype(dtype)
    b[:, :2] = np.where((b[:, :2] > 1) & (b[:, :2] <= SIZE_LIMIT), 1, b[:, :2])
    r = r.astype(np.bool_)
    return Image(b, np.where(r & ~_is_class(c), 0, c), r)


def _one_each(argument: str, x: np.ndarray, num: int, what: str) -> None:
    if x.shape != (num,):
        expected = f"have shape ({num},), {what} for each box"
        _check.wrong_value("pad_targets", argument, expected, x.shape)


def _is_class(labels: np.ndarray) -> Any:
    """Whether labels (M,) are integers ≥ 0."""
    return (labels >= 0) & (labels < _MAX_LABEL) & (labels == np.floor(labels))


def _host(argument: str, x: Any, expected: str, kinds: str = "iuf") -> np.ndarray:
    """An array-like as numbers of NumPy, of some kinds of dtype."""
    try:
        out = host(x)
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        msg = f"pad_targets: {argument} must {expected}, got what NumPy cannot read: {error}"
        raise TypeError(msg) from error
    if out.dtype.kind not in kinds:
        _check.wrong_type("pad_targets", argument, expected, f"dtype {out.dtype}")
    return out


_BOX_RULES: tuple[tuple[Callable[[np.ndarray], Any], str], ...] = (
    (lambda b: ~np.isfinite(b).all(axis=1), "a value is not finite"),
    (lambda b: (b < 0).any(axis=1), "a value is below 0: corner form, or pixels?"),
    (lambda b: (b > SIZE_LIMIT).any(axis=1), "a value is above 1: pixels? Boxes are fractions"),
    (lambda b: (b[:, 2:] <= 0).any(axis=1), "a width or height is 0"),
)


def _faults(n: int, image: Image) -> Iterator[_Fault]:
    """What is wrong in one image, the first fault of each row."""
    boxes, labels, _ = image
    broken = [(rule(boxes), text) for rule, text in _BOX_RULES]
    wrong = ~_is_class(labels)
    for t in np.flatnonzero(np.any([wrong, *(bad for bad, _ in broken)], axis=0)).tolist():
        found = [text for bad, text in broken if bad[t]]
        got = f"{found[0]}, got x y w h = {boxes[t].tolist()}" if found else ""
        got = got or f"a class must be an integer ≥ 0, got {labels[t].item()!r}"
        yield _Fault(n, t, f"image {n}, row {t}: {got}")


def padded(images: list[Image], dtype: np.dtype[Any], with_regions: bool) -> Targets:
    """Images as they stand, whatever their rows hold; T is the largest M."""
    n, t = len(images), max((len(v.boxes) for v in images), default=0)
    boxes, labels = np.zeros((n, t, 4), dtype=dtype), np.zeros((n, t), dtype=np.int64)
    valid, ignore = np.zeros((2, n, t), dtype=np.bool_)
    for i, image in enumerate(images):
        m = len(image.boxes)
        boxes[i, :m], labels[i, :m], ignore[i, :m] = image
        valid[i, :m] = True
    return Targets(boxes, labels, valid, ignore if with_regions else None)


def _to(targets: Targets, like: Array) -> Targets:
    """NumPy targets beside an array of any library."""
    if like is None:
        return targets
    flag = namespace(like).bool
    dtypes = compute_dtype(like), adapter(like).integer, flag, flag
    return Targets(*(constant(v, like, d) for v, d in zip(targets, dtypes, strict=False)))


class Truths(NamedTuple):
    """Targets made safe: in the compute dtype, unusable rows replaced by a box in the middle."""

    x: Array  # fractions of the image, (N, T) all
    y: Array
    w: Array
    h: Array
    label: Array
    ok: Array  # a truth that takes part
    invalid: Array  # (N,): rows with valid = True that break a rule
    region: Array  # a region that takes part; None where targets have none

    def images(self, k: slice) -> "Truths":
        """Those of some images."""
        return Truths(*(None if v is None else v[k, ...] for v in self))


def usable(targets: Targets, num_classes: int, raw: Array) -> Truths:
    """Cast the truths to the compute dtype of `raw` and drop the invalid ones.

    A centre outside [0, 1], a size outside (0, 1 + 1e-6], a value that is not finite or a class
    outside 0 … K − 1 makes a truth invalid: it takes part in nothing, and is counted. The class of
    a region may be any.
    """
    xp, integer = namespace(raw), adapter(raw).integer
    boxes = adapter(raw).stop(targets.boxes)
    sane = (boxes >= -1) & (boxes <= 2)  # False for NaN; what is not sane would overflow the cast
    boxes = xp.astype(xp.where(sane, boxes, 2.0), compute_dtype(raw))
    label = xp.astype(targets.labels, integer)
    centre, size = boxes[..., :2], boxes[..., 2:]
    inside = (centre >= 0) & (centre <= 1) & (size > 0) & (size <= SIZE_LIMIT)
    fits = xp.astype(label, targets.labels.dtype) == targets.labels  # no other class by wrapping
    box = targets.valid & xp.all(inside, axis=-1)
    ok, region = box & fits & (label >= 0) & (label < num_classes), None
    if targets.ignore is not None:
        ok, region = ok & ~targets.ignore, box & targets.ignore
    used = ok if region is None else ok | region
    boxes = xp.where(used[..., None], boxes, 0.5)
    invalid = xp.sum(number(targets.valid & ~used, integer), axis=1)
    x, y, w, h = (boxes[..., k] for k in range(4))
    return Truths(x, y, w, h, xp.where(ok, label, 0), ok, invalid, region)
