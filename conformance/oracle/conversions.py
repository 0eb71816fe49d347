"""Formats of boxes: centre and size x y w h, edges x1 y1 x2 y2, corner and size x1 y1 w h."""

from collections.abc import Callable, Sequence

Box = Sequence[float]


def cxcywh_to_xyxy(box: Box) -> Box:
    """x ∓ w/2, y ∓ h/2."""
    x, y, w, h = box
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def xyxy_to_cxcywh(box: Box) -> Box:
    """The middle of the edges, and their distance."""
    x1, y1, x2, y2 = box
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def xywh_to_xyxy(box: Box) -> Box:
    """x1 + w, y1 + h."""
    x1, y1, w, h = box
    return x1, y1, x1 + w, y1 + h


def xyxy_to_xywh(box: Box) -> Box:
    """x2 − x1, y2 − y1."""
    x1, y1, x2, y2 = box
    return x1, y1, x2 - x1, y2 - y1


def to_pixels(box: Box, width: float, height: float) -> Box:
    """Fractions of an image to its pixels."""
    a, b, c, d = box
    return a * width, b * height, c * width, d * height


def to_fractions(box: Box, width: float, height: float) -> Box:
    """Pixels of an image to fractions of it."""
    a, b, c, d = box
    return a / width, b / height, c / width, d / height


FUNCTIONS: dict[str, Callable[..., Box]] = {
    f.__name__: f
    for f in (cxcywh_to_xyxy, xyxy_to_cxcywh, xywh_to_xyxy, xyxy_to_xywh, to_pixels, to_fractions)
}
