"""Layouts of raw outputs, and the box formats."""

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import MOST

LIBRARIES = pytest.mark.parametrize("xp", MOST, indirect=True)
N, H, W, A, D = 2, 3, 4, 5, 7


def raw():
    return np.arange(N * H * W * A * D, dtype=float).reshape(N, H, W, A, D)


@LIBRARIES
def test_channels_are_anchor_times_fields_plus_field(xp):
    nchw = xp.call(yl.grid.to_nchw, raw())
    assert nchw.shape == (N, A * D, H, W)
    for a, field in ((0, 0), (2, 4), (4, 6)):
        np.testing.assert_array_equal(nchw[:, a * D + field], raw()[..., a, field])


def test_fields_that_come_last():
    flat = raw().reshape(N, H, W, A * D)
    np.testing.assert_array_equal(yl.grid.to_nhwc(raw()), flat)
    np.testing.assert_array_equal(yl.grid.from_nhwc(flat, A), raw())
    assert yl.grid.to_nhwc(flat) is flat
    assert yl.grid.from_nhwc(flat, None) is flat


@pytest.mark.parametrize("to", [yl.grid.to_nchw, yl.grid.to_nhwc])
def test_three_axes_are_no_raw_output(to):
    with pytest.raises(ValueError, match=r"x must have 4 or 5 axes, got \(3, 4, 5\)"):
        to(np.zeros((3, 4, 5)))


@LIBRARIES
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("num_anchors", [A, None])
def test_there_and_back(xp, layout, num_anchors):
    x = raw() if num_anchors else raw()[..., 0, :]
    there = getattr(yl.grid, f"to_{layout}")
    back = getattr(yl.grid, f"from_{layout}")
    np.testing.assert_array_equal(xp.call(lambda v: back(there(v), num_anchors), x), x)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("num_anchors", [A, None])
def test_views_share_memory(layout, num_anchors):
    x = raw() if num_anchors else raw()[..., 0, :]
    channels = np.ascontiguousarray(getattr(yl.grid, f"to_{layout}")(x))
    assert np.shares_memory(channels, getattr(yl.grid, f"from_{layout}")(channels, num_anchors))


FORMATS = {
    "cxcywh_to_xyxy": ((3, 4, 2, 6), (2, 1, 4, 7)),
    "xyxy_to_cxcywh": ((2, 1, 4, 7), (3, 4, 2, 6)),
    "xywh_to_xyxy": ((2, 1, 2, 6), (2, 1, 4, 7)),
    "xyxy_to_xywh": ((2, 1, 4, 7), (2, 1, 2, 6)),
}


@LIBRARIES
@pytest.mark.parametrize("name", list(FORMATS))
def test_formats(xp, name):
    given, want = (np.array([v, v], dtype=float) for v in FORMATS[name])
    np.testing.assert_array_equal(xp.call(getattr(yl.boxes, name), given), want)


@LIBRARIES
def test_units(xp):
    fractions = np.array([[0.5, 0.25, 0.125, 1.0]])
    pixels = xp.call(lambda b: yl.boxes.to_pixels(b, 640, 320), fractions)
    np.testing.assert_array_equal(pixels, [[320, 80, 80, 320]])
    back = xp.call(lambda b: yl.boxes.to_fractions(b, 640, 320), pixels)
    np.testing.assert_array_equal(back, fractions)
