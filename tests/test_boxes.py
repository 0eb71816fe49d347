"""Formats of boxes, by the names of other programs, in `convert` and in `pad_targets`."""

import numpy as np
import pytest

import yolo_losses as yl

on = pytest.mark.parametrize

SAME_BOX = {  # in an image of 100 by 50
    "xyxy": [10, 20, 30, 30], "xywh": [10, 20, 20, 10], "cxcywh": [20, 25, 20, 10],
    "pascal_voc": [10, 20, 30, 30], "albumentations": [0.1, 0.4, 0.3, 0.6],
    "coco": [10, 20, 20, 10], "yolo": [0.2, 0.5, 0.2, 0.2], "yxyx": [20, 10, 30, 30],
    "center_xywh": [20, 25, 20, 10], "center_yxhw": [25, 20, 10, 20],
    "rel_xyxy": [0.1, 0.4, 0.3, 0.6], "rel_yxyx": [0.4, 0.1, 0.6, 0.3],
    "rel_xywh": [0.1, 0.4, 0.2, 0.2], "rel_center_xywh": [0.2, 0.5, 0.2, 0.2],
}  # fmt: skip


def test_every_name_is_here():
    assert list(SAME_BOX) == list(yl.boxes.FORMATS)


@on("source", SAME_BOX)
@on("target", SAME_BOX)
def test_from_every_format_to_every_other(source, target):
    got = yl.boxes.convert(
        np.asarray(SAME_BOX[source], dtype=float), source, target, size=(100, 50)
    )
    assert np.allclose(got, SAME_BOX[target], rtol=1e-14)


def test_between_pixels_and_fractions_a_size_is_needed():
    with pytest.raises(ValueError, match="size must be"):
        yl.boxes.convert(np.ones(4), "xyxy", "yolo")


def test_a_name_that_is_none():
    with pytest.raises(ValueError, match=r"source must be .*xyxy.*center_yxhw.*xxyy"):
        yl.boxes.convert(np.ones(4), "xxyy", "xyxy")


@on("name", SAME_BOX)
def test_pad_targets_takes_every_name(name):
    got = yl.pad_targets([[], [SAME_BOX[name]]], [[], [3]], format=name, size=[(9, 9), (100, 50)])
    assert np.allclose(got.boxes[1, 0], SAME_BOX["yolo"], rtol=1e-14)


@on(
    ("options", "reason"),
    [
        ({"format": "xxyy"}, "format must be .*xyxy.*xxyy"),
        ({"format": "xyxy"}, r"size must hold \(width, height\) of each of the 1 images"),
        (
            {"format": "xyxy", "size": 7},
            r"size must hold \(width, height\) of each of the 1 images",
        ),
        ({"format": "xyxy", "size": [(0, 5)]}, r"size\[0\] must be"),
    ],
)
def test_pad_targets_refuses_a_format_or_a_size(options, reason):
    with pytest.raises(ValueError, match=f"pad_targets: {reason}"):
        yl.pad_targets([[(1, 2, 3, 4)]], [[0]], **options)


def test_pad_targets_needs_no_size_of_fractions():
    got = yl.pad_targets([[SAME_BOX["rel_yxyx"]]], [[3]], format="rel_yxyx")
    assert np.allclose(got.boxes[0, 0], SAME_BOX["yolo"], rtol=1e-14)


def test_between_formats_in_pixels_no_size_is_needed():
    got = yl.boxes.convert(np.array([SAME_BOX["xyxy"]] * 3, dtype=float), "xyxy", "coco")
    np.testing.assert_array_equal(got, [SAME_BOX["coco"]] * 3)


def test_a_target_that_is_none():
    with pytest.raises(ValueError, match=r"^boxes.convert: target must be .*'xyxy'.*, got 'xxyy'"):
        yl.boxes.convert(np.ones(4), "xyxy", "xxyy")


@on(
    ("name", "numbers", "more"),
    [
        ("cxcywh_to_xyxy", "x y w h", ()),
        ("xyxy_to_cxcywh", "x1 y1 x2 y2", ()),
        ("xywh_to_xyxy", "x1 y1 w h", ()),
        ("xyxy_to_xywh", "x1 y1 x2 y2", ()),
        ("to_pixels", "x and y in turn", (100, 50)),
        ("convert", "the numbers of the source", ("xyxy", "coco")),
    ],
)
def test_what_the_numbers_are_is_said(name, numbers, more):
    with pytest.raises(ValueError, match=rf"^boxes\.{name}: boxes must .*\b{numbers}\b"):
        getattr(yl.boxes, name)(np.ones(5), *more)
