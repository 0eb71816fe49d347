"""Pairs of corner boxes for IOU, GIOU, DIOU and CIOU: pred, gt.

Oblong boxes, unless a case is about squares: with squares alone the aspect term is 0, and wrong
ones pass.
"""

from typing import NamedTuple

from conformance.scenes.scene import Ask

Box = tuple[float, float, float, float]
ALL = ("iou", "giou", "diou", "ciou")
CENTRES = ("diou", "ciou")


class Pair(NamedTuple):
    """Two boxes, and whether slopes are asked for."""

    pred: Box
    gt: Box
    slopes: bool = True


TINY = 2.0**-10
_TABLE: list[tuple[str, str, str, Box, Box, tuple[str, ...]]] = [
    ("overlap", "any: I = 4, U = 12, C = 16, ρ² = 2, c² = 32", "plain aspect",
     (0, 0, 4, 2), (2, 0, 4, 4), ALL),
    ("corner-overlap", "x and y exchanged, areas of one box for the other", "plain axes",
     (1, 2, 5, 9), (3, 1, 10, 6), ALL),
    ("corner-overlap-exchanged", "pred and gt exchanged in the slopes", "axes constant",
     (3, 1, 10, 6), (1, 2, 5, 9), ALL),
    ("pred-inside", "U taken for the outer box plus the inner; the enclosing box of pred alone",
     "plain aspect", (2, 3, 4, 4), (0, 0, 10, 7), ALL),
    ("pred-outside", "slopes of the inner box that is the truth", "plain aspect",
     (0, 0, 10, 7), (2, 3, 4, 4), ALL),
    ("equal-oblong", "0 / 0 in α where IOU = 1 and v = 0; slopes at four ties", "edges epsilon",
     (1, 2, 5, 9), (1, 2, 5, 9), ALL),
    ("equal-square", "the same of squares", "edges epsilon", (1, 1, 4, 4), (1, 1, 4, 4), ALL),
    ("apart-in-x", "a side below 0 makes an intersection below 0", "apart",
     (0, 0, 2, 5), (6, 1, 9, 3), ALL),
    ("apart-in-y", "the same along y", "apart", (0, 0, 5, 2), (1, 6, 3, 9), ALL),
    ("apart-in-both", "two sides below 0 have a product above 0", "apart",
     (0, 0, 2, 5), (6, 8, 9, 10), ALL),
    ("far-apart", "GIOU below −1, or its part (C − U)/C clipped", "apart",
     (0, 0, 1, 2), (90, 70, 92, 71), ALL),
    ("touching-in-x", "half a slope of the intersection where it is 0", "touching edges",
     (0, 0, 3, 4), (3, 1, 7, 3), ALL),
    ("touching-in-y", "the same along y", "touching edges", (0, 0, 4, 3), (1, 3, 3, 7), ALL),
    ("touching-at-a-corner", "both sides 0", "touching edges", (0, 0, 3, 4), (3, 4, 9, 6), ALL),
    ("left-edges-equal", "a tie of maximum given to one side", "edges", (1, 2, 5, 9), (1, 3, 8, 7),
     ALL),
    ("far-edges-equal", "ties of minimum given to one side", "edges", (1, 2, 5, 9), (3, 4, 5, 9),
     ALL),
    ("bottom-edge-inside", "the inner box ends with the outer one", "edges",
     (2, 3, 4, 7), (0, 0, 10, 7), ALL),
    ("one-centre", "only v tells: equal areas, one centre, 2:1 and 1:2", "aspect",
     (0, 2, 8, 6), (2, 0, 6, 8), ALL),
    ("one-shape", "v = 0, α = 0: CIOU is DIOU for oblong boxes of one shape", "aspect",
     (0, 0, 4, 2), (2, 1, 10, 5), CENTRES),
    ("squares", "v = 0 as well: what a wrong aspect term hides behind", "aspect",
     (0, 0, 4, 4), (2, 1, 8, 7), CENTRES),
    ("extreme-aspects", "4/π for 4/π²; tan for atan; 16:1 and 1:16", "aspect",
     (0, 7, 16, 8), (7, 0, 8, 16), ("ciou",)),
    ("aspect-upside-down", "h/w for w/h in one of the two angles", "aspect",
     (0, 0, 6, 2), (1, 0, 5, 4), ("ciou",)),
    ("aspect-below-half", "α set to 0 where IOU < 0.5", "aspect", (0, 0, 6, 2), (4, 0, 8, 4),
     ("ciou",)),
    ("aspect-above-half", "α = v without 1 − IOU", "aspect constant", (0, 0, 6, 4), (0.5, 0, 5, 4.5),
     ("ciou",)),
    ("aspect-apart", "v left out where boxes do not overlap", "aspect apart",
     (0, 0, 6, 2), (10, 10, 11, 14), ("ciou",)),
    ("wide-prediction", "slopes of v along w multiplied by w² + h²", "aspect constant",
     (10, 10, 74, 18), (20, 6, 50, 30), ("ciou",)),
    ("shift-in-x", "ρ taken for corners, or not squared", "plain", (0, 0, 6, 3), (2, 0, 8, 3),
     CENTRES),
    ("shift-in-y", "the same along y", "plain axes", (0, 0, 6, 3), (0, 1, 6, 4), CENTRES),
    ("shift-by-size", "a distance of left edges for centres: the sizes differ", "plain",
     (0, 0, 4, 2), (0, 0, 12, 10), CENTRES),
    ("in-pixels", "nothing: the pair of the next case in pixels of 96 × 64", "units",
     (24, 16, 72, 32), (36, 8, 60, 48), ALL),
    ("in-fractions", "IOU and GIOU are those of the pixels, DIOU and CIOU are not: the unit is the "
     "caller's", "units", (0.25, 0.25, 0.75, 0.5), (0.375, 0.125, 0.625, 0.75), ALL),
    ("below-zero", "coordinates clipped at 0", "plain", (-6, -3, -1, 2), (-4, -5, 3, 1), ALL),
    ("tiny", "an ε of 1e-7 in the union or a diagonal", "epsilon",
     (0.5, 0.5, 0.5 + 2 * TINY, 0.5 + TINY), (0.5 + TINY, 0.5, 0.5 + 4 * TINY, 0.5 + 3 * TINY), ALL),
    ("tiny-equal", "an ε that takes IOU of equal boxes below 1", "epsilon edges",
     (0.25, 0.5, 0.25 + TINY, 0.5 + 2 * TINY), (0.25, 0.5, 0.25 + TINY, 0.5 + 2 * TINY), ALL),
    ("large", "products that leave float16, or 32-bit integers", "saturated",
     (1000, 2000, 60000, 50000), (9000, 4000, 70000, 30000), ALL),
    ("nearly-equal", "1 − IOU as a difference of sums that cancel", "epsilon",
     (0, 0, 4096, 8192), (0, 0, 4097, 8191), ALL),
]  # fmt: skip
_WITHOUT: list[tuple[str, str, str, Box, Box, tuple[str, ...]]] = [
    ("no-width", "v of a box without width is 0, not (π/2)²", "degenerate",
     (2, 1, 2, 5), (1, 0, 5, 3), ALL),
    ("no-height", "an aspect w / 0", "degenerate", (1, 2, 5, 2), (0, 1, 4, 4), ALL),
    ("truth-without-area", "v of an empty truth", "degenerate", (0, 0, 4, 3), (1, 1, 1, 1), ALL),
    ("points-apart", "0 / 0: IOU is 0 where U is 0, GIOU's C is not", "degenerate apart",
     (0, 0, 0, 0), (3, 4, 3, 4), ALL),
    ("one-point", "0 / 0 in every part: all are 0", "degenerate", (2, 3, 2, 3), (2, 3, 2, 3), ALL),
    ("lines-on-one-line", "C = 0 where U = 0: GIOU is 0", "degenerate", (0, 1, 4, 1), (2, 1, 8, 1),
     ALL),
    ("lines-that-cross", "no area though they meet", "degenerate", (0, 2, 4, 2), (2, 0, 2, 4), ALL),
    ("turned-in-x", "x2 < x1 counts as width 0, at the middle of both", "degenerate",
     (9, 1, 5, 4), (2, 0, 6, 3), ALL),
    ("turned-in-both", "two sides below 0 make an area above 0", "degenerate",
     (5, 4, 1, 1), (2, 0, 6, 3), ALL),
]  # fmt: skip


def asks(name: str) -> list[Ask]:
    """The cases of one similarity."""
    found = [(row, True) for row in _TABLE] + [(row, False) for row in _WITHOUT]
    return [
        Ask(slug, why, flags.split(), Pair(_floats(pred), _floats(gt), slopes))
        for (slug, why, flags, pred, gt, names), slopes in found
        if name in names
    ]


def _floats(box: Box) -> Box:
    x1, y1, x2, y2 = map(float, box)
    return x1, y1, x2, y2
