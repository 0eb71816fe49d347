"""The batches that most cases start from: configs, and scenes of three sizes."""

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.scenes.scene import Ask, Draw, Row, Scene, Truth, crowd, image, outputs, region

At = Mapping[tuple[int, ...], Sequence[float]]

_LOGISTIC = {"lambda_coord": 1.0, "lambda_obj": 1.0, "lambda_class": 1.0}
_V3 = {**_LOGISTIC, "coord_iou_threshold": 0.5, "ignore_threshold": 0.5, "ignore_by": None,
       "offset_eps": 0.001}  # fmt: skip
_V4 = {
    **_LOGISTIC, "assign_iou_threshold": 0.213, "assign": "union", "ignore_threshold": 0.5,
    "ignore_by": None, "similarity": "ciou", "label_smoothing": 0.0,
}  # fmt: skip
_ONE_HEAD = {"anchors": [[32.0, 16.0]], "masks": [[0]], "strides": [32.0]}
# Listed neither by size nor by head; 96 × 64 pixels are 3 × 2 and 6 × 4 cells.
_TWO_HEADS = {"anchors": [[20.0, 44.0], [10.0, 14.0], [60.0, 28.0], [24.0, 12.0]],
              "masks": [[2, 0], [1, 3]], "strides": [32.0, 16.0]}  # fmt: skip

# 2 × 2 cells, one predictor of 32 × 16 pixels in each; in v1 two of half the image.
SMALL: dict[str, dict[str, Any]] = {
    "v1": {"num_boxes": 2, "lambda_coord": 5.0, "lambda_noobj": 0.5},
    "v2": {"anchors": [[32.0, 16.0]], "stride": 32.0, "lambda_coord": 1.0, "lambda_obj": 5.0,
           "lambda_noobj": 1.0, "lambda_class": 1.0},
    "v3": {**_ONE_HEAD, **_V3},
    "v4": {**_ONE_HEAD, "scale_xy": [1.25], **_V4},
}  # fmt: skip
# Two rows of three cells, several predictors; v3 and v4 have a second head of 4 × 6 cells.
WIDE: dict[str, dict[str, Any]] = {
    "v1": SMALL["v1"],
    "v2": {**SMALL["v2"], "anchors": [[20.0, 44.0], [10.0, 14.0], [60.0, 28.0]]},
    "v3": {**_TWO_HEADS, **_V3},
    "v4": {**_TWO_HEADS, "scale_xy": [1.25, 1.5], **_V4},
}


def scene(
    version: str, config: Mapping[str, Any], grid: tuple[int, int], truths: list[list[Row]], *,
    at: At | None = None, fill: Any = 0.0, classes: int = 2, **options: Any,
) -> Scene:  # fmt: skip
    """A scene of any config; `at` sets the first fields of some predictors, `fill` all others."""
    config = {**config, **options}
    raw = outputs(version, config, grid, images=len(truths), classes=classes, fill=fill, at=at)
    return Scene(version, config, raw, truths)


def small(version: str, *truths: Truth, at: At | None = None, **options: Any) -> Scene:
    """One image of 2 × 2 cells, all raw outputs 0 but those of `at`."""
    return scene(version, SMALL[version], (2, 2), [image(*truths)], at=at, **options)


def wide(version: str, *truths: Truth, at: At | None = None, **options: Any) -> Scene:
    """One image of 2 × 3 cells, all raw outputs 0 but those of `at`."""
    return scene(version, WIDE[version], (2, 3), [image(*truths)], at=at, **options)


def beside(
    version: str, hidden: Row, *truths: Truth, at: At | None = None, **options: Any
) -> Scene:
    """`small` with a region."""
    rows = [*image(*truths), hidden]
    return scene(version, SMALL[version], (2, 2), [rows], at=at, **options)


def batch(version: str, seed: int, *, images: int = 3, length: int = 4, classes: int = 4,
          regions: int = 0, **options: Any) -> Scene:  # fmt: skip
    """Images of 2 × 3 cells with numbers that look random, the last without a truth."""
    draw = Draw(seed)
    truths = crowd(draw, images, length, classes)
    for rows in truths:
        rows += [region(*draw.box()) for _ in range(regions)]
    return scene(version, WIDE[version], (2, 3), truths, fill=draw, classes=classes, **options)


def ask(name: str, why: str, flags: str, inputs: Scene, *, firm: bool = True) -> Ask:
    """A case; `firm` where no decision is at its threshold, border or tie."""
    return Ask(name, why, flags.split(), inputs, firm)


# A truth in cell (0, 1), nearer to its right edge, of the shape 1.5 × 0.5 of the small prior.
PLAIN: Truth = (0.875, 0.125, 0.75, 0.125, 1)
# One that the small prior holds well: IOU of shapes 0.75.
GOOD: Truth = (0.625, 0.3125, 0.375, 0.25, 1)
NAN, INF = float("nan"), float("inf")
# A region that covers the right half of the image, all but its edges.
RIGHT = region(0.75, 0.5, 0.5, 0.9375)
INVALID: list[Row] = [
    (NAN, 0.5, 0.25, 0.25, 0, True), (0.5, 0.5, INF, 0.25, 0, True), (-0.25, 0.5, 0.25, 0.25, 0, True),
    (0.5, 1.25, 0.25, 0.25, 0, True), (0.5, 0.5, 0.0, 0.25, 0, True), (0.5, 0.5, 0.25, -0.25, 0, True),
    (0.5, 0.5, 1.5, 0.25, 0, True), (0.5, 0.5, 0.25, 0.25, -1, True), (0.5, 0.5, 0.25, 0.25, 2, True),
]  # fmt: skip


# What every version is asked about assignment, alike.


def places(version: str) -> list[Ask]:
    """Cells of centres, borders, rows that are no truths, several images."""
    v = version
    one: dict[str, Any] = {"num_boxes": 1} if v == "v1" else {}  # no ties between two alike
    return [
        ask("cell", "x gives the row and y the column", "plain axes assignment", small(v, GOOD, **one)),
        ask("cell-oblong", "x·H for x·W on a grid of 2 × 3 cells", "axes assignment",
            wide(v, (0.875, 0.375, 0.375, 0.5, 1), **one)),
        ask("cell-rounded", "round(x·W) or ceil(x·W) for floor(x·W)", "rounding assignment",
            small(v, (0.4375, 0.9375, 0.375, 0.25, 0), **one)),
        ask("border-inside", "a centre on a border goes to the cell before it", "border assignment",
            small(v, (0.5, 0.5, 0.375, 0.25, 0), **one), firm=False),
        ask("border-first", "a centre on the first edge, 0, is left out as if it were padding",
            "border assignment", small(v, (0.0, 0.0, 0.375, 0.25, 0), **one), firm=False),
        ask("border-last", "a centre on the last edge, 1, has no cell, or the first by wrapping",
            "border rounding assignment", small(v, (1.0, 1.0, 0.375, 0.25, 0), **one), firm=False),
        ask("border-last-row", "the same along y alone", "border rounding axes assignment",
            wide(v, (0.375, 1.0, 0.375, 0.5, 0), **one), firm=False),
        ask("whole-image", "a size of exactly 1 is refused", "invalid border assignment",
            small(v, (0.25, 0.75, 1.0, 1.0, 0), **one), firm=False),
        ask("invalid-rows", "NaN, infinity, a centre outside, a size of 0, below 0 or above 1, a "
            "class of −1 or K: none takes part, all are counted", "invalid assignment",
            scene(v, SMALL[v], (2, 2), [[*INVALID, *image(GOOD)]], **one), firm=False),
        ask("padded-rows", "rows with valid = false hold predictors, or count as invalid",
            "padding assignment", scene(v, SMALL[v], (2, 2), [image(GOOD, fill=2)], **one)),
        ask("padding-first", "the first rows of an image are taken for its truths",
            "padding assignment", scene(v, SMALL[v], (2, 2), [image(fill=2) + image(GOOD)], **one)),
        ask("no-truths", "an empty list of truths", "empty assignment", small(v, **one)),
        ask("one-image-empty", "an image without truths takes those of its neighbour",
            "empty layout assignment", scene(v, SMALL[v], (2, 2), [image(length=1), image(GOOD)], **one)),
        ask("region", "a region, which nobody is responsible for, is a truth, or is counted as invalid",
            "region assignment", beside(v, RIGHT, (0.375, 0.3125, 0.375, 0.25, 0), **one)),
        ask("region-invalid", "a region whose box breaks a rule is not counted", "region invalid",
            beside(v, region(0.75, 0.5, 0.0, 1.0), (0.375, 0.3125, 0.375, 0.25, 0), **one), firm=False),
        ask("batch", "anything that ordinary numbers show; images mixed", "random assignment",
            batch(v, 11)),
    ]  # fmt: skip


def hidden(version: str) -> list[Ask]:
    """What every version is asked about predictors in regions, alike: they do not pay."""
    v, right = version, {(0, 0, 1, 1, 0): (0.0, 0.0, 0.5, 0.5, 1.5)}
    left = (0.375, 0.3125, 0.375, 0.25, 0)
    one: dict[str, Any] = {"num_boxes": 1} if v == "v1" else {}  # no ties between two alike
    half = region(0.875, 0.5, 0.25, 1.0)  # of what lies in the middle of the right cells
    return [
        ask("region", "what lies in a region is pushed to 0", "region", beside(v, RIGHT, left, at=right, **one)),
        ask("region-iou", "IOU with the region above ½: a small prediction in a large region", "region",
            beside(v, RIGHT, at={(0, 0, 1, 1, 0): (0.0, 0.0, -2.0, -2.0, 1.5)}, **one)),
        ask("region-half", "≥ for >: half of a prediction lies in it, exactly", "region strict",
            beside(v, half, at={(0, 0, 1, 1, 0): (0.0, 0.0, 0.0, 0.0, 1.5)}, **one), firm=False),
        ask("region-part", "the part of the region for that of the prediction", "region",
            beside(v, region(0.8671875, 0.5, 0.265625, 0.9375), at={(0, 0, 1, 1, 0): (0.0, 0.0, -1.0, -1.0, 1.5)}, **one)),
        ask("region-of-any-class", "a region needs a class of the set", "region classes",
            beside(v, region(0.75, 0.5, 0.5, 0.9375, label=-1), at=right, **one)),
        ask("region-padding", "a row that only fills up is a region", "region padding",
            beside(v, (*RIGHT[:5], False, True), at=right, **one)),
        ask("region-invalid", "a region whose box breaks a rule hides what lies in it", "region invalid",
            beside(v, region(0.75, 0.5, 1.5, 1.0), at=right, **one), firm=False),
        ask("region-batch", "anything that ordinary numbers show", "region random", batch(v, 131, images=2, regions=2)),
    ]  # fmt: skip
