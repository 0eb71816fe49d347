"""Formats and units of boxes.

| name   | the four numbers                                 |
|--------|--------------------------------------------------|
| cxcywh | x and y of the centre, width, height             |
| xyxy   | left, top, right and bottom edge                 |
| xywh   | left and top edge, width, height                 |

The unit is the caller's; y grows downwards. All functions take arrays (..., 4) of a real floating
dtype and return the same shape and dtype. `convert` takes the names that other programs use.
"""

from typing import Any, NamedTuple

from . import _check
from ._xp import Array, constant, namespace


class Box(NamedTuple):
    """The edges of boxes, each an array or a Dual of one shape."""

    x1: Any
    y1: Any
    x2: Any
    y2: Any


def edges(x: Any, y: Any, w: Any, h: Any) -> Box:
    """The edges of boxes given by centre and size."""
    half_w, half_h = w / 2, h / 2
    return Box(x - half_w, y - half_h, x + half_w, y + half_h)


def split(boxes: Array) -> tuple[Array, Array, Array, Array]:
    """The four numbers of boxes (..., 4), each (...)."""
    return boxes[..., 0], boxes[..., 1], boxes[..., 2], boxes[..., 3]


def _checked(where: str, boxes: Array, names: str) -> tuple[Array, Array, Array, Array]:
    _check.floating(where, "boxes", boxes)
    _check.last_axis(where, "boxes", boxes, 4, names)
    return split(boxes)


def cxcywh_to_xyxy(boxes: Array) -> Array:
    """Centre form to corner form: x ∓ w/2, y ∓ h/2.

    Examples
    --------
    >>> import numpy as np
    >>> cxcywh_to_xyxy(np.array([3.0, 4.0, 2.0, 6.0])).tolist()
    [2.0, 1.0, 4.0, 7.0]
    """
    x, y, w, h = _checked("boxes.cxcywh_to_xyxy", boxes, "x y w h")
    return namespace(boxes).stack(edges(x, y, w, h), axis=-1)


def xyxy_to_cxcywh(boxes: Array) -> Array:
    """Corner form to centre form: (x1 + x2)/2, (y1 + y2)/2, x2 − x1, y2 − y1."""
    x1, y1, x2, y2 = _checked("boxes.xyxy_to_cxcywh", boxes, "x1 y1 x2 y2")
    return namespace(boxes).stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], axis=-1)


def xywh_to_xyxy(boxes: Array) -> Array:
    """Corner and size to corner form: x2 = x1 + w, y2 = y1 + h."""
    x1, y1, w, h = _checked("boxes.xywh_to_xyxy", boxes, "x1 y1 w h")
    return namespace(boxes).stack([x1, y1, x1 + w, y1 + h], axis=-1)


def xyxy_to_xywh(boxes: Array) -> Array:
    """Corner form to corner and size: w = x2 − x1, h = y2 − y1."""
    x1, y1, x2, y2 = _checked("boxes.xyxy_to_xywh", boxes, "x1 y1 x2 y2")
    return namespace(boxes).stack([x1, y1, x2 - x1, y2 - y1], axis=-1)


def to_pixels(boxes: Array, width: float, height: float) -> Array:
    """Fractions of an image to its pixels; every format."""
    return boxes * _unit("boxes.to_pixels", boxes, width, height)


def to_fractions(boxes: Array, width: float, height: float) -> Array:
    """Pixels of an image to fractions of it; every format."""
    return boxes / _unit("boxes.to_fractions", boxes, width, height)


def _unit(where: str, boxes: Array, width: float, height: float) -> Array:
    _checked(where, boxes, "x and y in turn")
    _check.positive(where, "width", width)
    _check.positive(where, "height", height)
    return constant([width, height, width, height], boxes)


class Format(NamedTuple):
    """What the four numbers of a format are."""

    layout: str  # xyxy, xywh or cxcywh
    y_first: bool
    fractions: bool  # of the image; else pixels


FORMATS = {
    "xyxy": Format("xyxy", False, False),  # torchvision, Keras
    "xywh": Format("xywh", False, False),
    "cxcywh": Format("cxcywh", False, False),
    "pascal_voc": Format("xyxy", False, False),  # albumentations
    "albumentations": Format("xyxy", False, True),
    "coco": Format("xywh", False, False),
    "yolo": Format("cxcywh", False, True),
    "yxyx": Format("xyxy", True, False),  # Keras
    "center_xywh": Format("cxcywh", False, False),
    "center_yxhw": Format("cxcywh", True, False),
    "rel_xyxy": Format("xyxy", False, True),
    "rel_yxyx": Format("xyxy", True, True),  # also the boxes of TensorFlow Datasets
    "rel_xywh": Format("xywh", False, True),
    "rel_center_xywh": Format("cxcywh", False, True),
}
_TO_EDGES = {"xyxy": lambda b: b, "xywh": xywh_to_xyxy, "cxcywh": cxcywh_to_xyxy}
_OF_EDGES = {"xyxy": lambda b: b, "xywh": xyxy_to_xywh, "cxcywh": xyxy_to_cxcywh}


def convert(
    boxes: Array, source: str, target: str, *, size: tuple[float, float] | None = None
) -> Array:
    """Boxes of one format as those of another, by the names of `FORMATS`.

    Parameters
    ----------
    boxes : array, shape (..., 4), real floating
    source, target : str
        Names without a unit mean pixels; between two of them no size is needed.
    size : (width, height), optional
        Of the image in pixels; needed between pixels and fractions.

    Raises
    ------
    ValueError
        An unknown name, or no size where one is needed.

    Examples
    --------
    >>> import numpy as np
    >>> convert(np.array([10.0, 20.0, 20.0, 40.0]), "coco", "yolo", size=(100, 80)).tolist()
    [0.2, 0.5, 0.2, 0.5]
    """
    where = "boxes.convert"
    _checked(where, boxes, "the numbers of the source")
    _check.choice(where, "source", source, tuple(FORMATS))
    _check.choice(where, "target", target, tuple(FORMATS))
    a, b = FORMATS[source], FORMATS[target]
    out = _swapped(boxes) if a.y_first else boxes
    scaled = a.fractions != b.fractions
    width, height = _check.pair_of_sizes(where, "size", size) if scaled else (1, 1)
    if scaled and a.fractions:
        out = to_pixels(out, width, height)
    if a.layout != b.layout:
        out = _OF_EDGES[b.layout](_TO_EDGES[a.layout](out))
    if scaled and b.fractions:
        out = to_fractions(out, width, height)
    return _swapped(out) if b.y_first else out


def _swapped(boxes: Array) -> Array:
    """x and y exchanged, in pairs."""
    first, second, third, fourth = split(boxes)
    return namespace(boxes).stack([second, first, fourth, third], axis=-1)
