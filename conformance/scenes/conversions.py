"""Conversions of boxes: (function, boxes, width and height for those that take them)."""

from typing import Any, NamedTuple

from conformance.scenes.scene import Ask


class Conversion(NamedTuple):
    """A call of one function of boxes."""

    function: str
    boxes: list[tuple[float, float, float, float]]
    width: float | None = None
    height: float | None = None


def _ask(name: str, why: str, flags: str, function: str, boxes: Any, *size: float) -> Ask:
    return Ask(name, why, flags.split(), Conversion(function, boxes, *size))


OBLONG = [(0.5, 0.25, 0.25, 0.125)]
CORNERS = [(0.125, 0.25, 0.5, 0.375)]
MANY = [(0.5, 0.25, 0.25, 0.125), (0.0, 1.0, 0.75, 0.5), (-0.25, 0.5, 0.0625, 1.0)]
EMPTY = [(0.5, 0.25, 0.0, 0.0)]

ASKS = [
    _ask("centre-to-corners", "w and h halved in the wrong places, or not halved", "plain axes",
         "cxcywh_to_xyxy", OBLONG),
    _ask("centre-to-corners-many", "boxes outside the image clipped, rows mixed", "layout",
         "cxcywh_to_xyxy", MANY),
    _ask("centre-to-corners-empty", "an ε added to a size of 0", "degenerate epsilon",
         "cxcywh_to_xyxy", EMPTY),
    _ask("corners-to-centre", "x2 taken for w, or the middle not halved", "plain axes",
         "xyxy_to_cxcywh", CORNERS),
    _ask("corners-to-centre-inclusive", "w = x2 − x1 + 1, as for whole pixels", "units",
         "xyxy_to_cxcywh", [(10.0, 20.0, 42.0, 28.0)]),
    _ask("corners-to-centre-turned", "edges sorted or sizes clamped: conversions keep the sign",
         "degenerate", "xyxy_to_cxcywh", [(0.5, 0.25, 0.25, 0.75)]),
    _ask("corner-size-to-corners", "x1 y1 taken for a centre", "plain axes", "xywh_to_xyxy",
         CORNERS),
    _ask("corner-size-to-corners-many", "rows mixed", "layout", "xywh_to_xyxy", MANY),
    _ask("corners-to-corner-size", "the corner moved to the centre", "plain axes", "xyxy_to_xywh",
         CORNERS),
    _ask("corners-to-corner-size-inclusive", "w = x2 − x1 + 1", "units", "xyxy_to_xywh",
         [(10.0, 20.0, 42.0, 28.0)]),
    _ask("to-pixels-oblong", "height for width: an input of 96 × 64 pixels", "axes units",
         "to_pixels", OBLONG, 96.0, 64.0),
    _ask("to-pixels-many", "sizes left as fractions, or pixels rounded", "units layout",
         "to_pixels", MANY, 416.0, 320.0),
    _ask("to-fractions-oblong", "height for width", "axes units", "to_fractions",
         [(48.0, 16.0, 24.0, 8.0)], 96.0, 64.0),
    _ask("to-fractions-many", "divided by size − 1", "units layout", "to_fractions",
         [(0.0, 320.0, 416.0, 80.0), (13.0, 10.0, 26.0, 20.0)], 416.0, 320.0),
]  # fmt: skip
