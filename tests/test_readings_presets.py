"""The presets, number by number, as the published configurations have them."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest

import yolo_losses as yl

COARSE_TO_FINE = ((6, 7, 8), (3, 4, 5), (0, 1, 2))
TINY = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
PRESETS = [yl.v1.Config.voc, yl.v2.Config.voc, yl.v2.Config.coco, yl.v3.Config.coco,
           yl.v3.Config.tiny_coco, yl.v4.Config.coco, yl.v4.Config.tiny_coco]  # fmt: skip


def is_exactly(config, **values):
    """Every field of a config is named, and has this value."""
    assert {f.name for f in fields(config)} == set(values)
    assert vars(config) == values


def cells(*sizes):
    """Anchors given in cells of 32 pixels."""
    return tuple((w * 32, h * 32) for w, h in sizes)


def test_v1_voc():
    """S = 7, B = 2, K = 20."""
    config = yl.v1.Config.voc()
    is_exactly(config, num_boxes=2, lambda_coord=5, lambda_noobj=0.5)
    got = yl.v1.decode(np.zeros((1, 7, 7, 30)), config)
    assert (got.boxes.shape, got.cls.shape) == ((1, 7, 7, 2, 4), (1, 7, 7, 20))


V2_WEIGHTS = {"lambda_coord": 1, "lambda_obj": 5, "lambda_noobj": 1, "lambda_class": 1}


def test_v2_voc():
    anchors = cells((1.3221, 1.73145), (3.19275, 4.00944), (5.05587, 8.09892), (9.47112, 4.84053), (11.2364, 10.0071))  # fmt: skip
    is_exactly(yl.v2.Config.voc(), anchors=anchors, stride=32, **V2_WEIGHTS)


def test_v2_coco():
    anchors = cells((0.57273, 0.677385), (1.87446, 2.06253), (3.33843, 5.47434), (7.88282, 3.52778), (9.77052, 9.16828))  # fmt: skip
    is_exactly(yl.v2.Config.coco(), anchors=anchors, stride=32, **V2_WEIGHTS)


V3 = {"lambda_coord": 1, "lambda_obj": 1, "lambda_class": 1, "coord_iou_threshold": 0.5,
      "ignore_threshold": 0.5, "ignore_by": "prior", "offset_eps": 1e-3}  # fmt: skip


def test_v3_coco():
    anchors = ((10, 13), (16, 30), (33, 23), (30, 61), (62, 45), (59, 119), (116, 90), (156, 198), (373, 326))  # fmt: skip
    config = yl.v3.Config.coco()
    is_exactly(config, anchors=anchors, masks=COARSE_TO_FINE, strides=(32, 16, 8), **V3)


def test_v3_tiny_coco():
    masks = ((3, 4, 5), (0, 1, 2))
    is_exactly(yl.v3.Config.tiny_coco(), anchors=TINY, masks=masks, strides=(32, 16), **V3)


V4 = {"lambda_coord": 0.07, "lambda_obj": 1, "lambda_class": 1, "assign": "union",
      "similarity": "ciou", "label_smoothing": 0, "ignore_by": "prediction", "ignore_threshold": 0.7}  # fmt: skip


def test_v4_coco():
    """s by stride: 1.05, 1.1, 1.2 for 32, 16, 8."""
    anchors = ((12, 16), (19, 36), (40, 28), (36, 75), (76, 55), (72, 146), (142, 110), (192, 243), (459, 401))  # fmt: skip
    is_exactly(
        yl.v4.Config.coco(), anchors=anchors, masks=COARSE_TO_FINE, strides=(32, 16, 8),
        scale_xy=(1.05, 1.1, 1.2), assign_iou_threshold=0.213, **V4,
    )  # fmt: skip


def test_v4_tiny_coco():
    is_exactly(
        yl.v4.Config.tiny_coco(), anchors=TINY, masks=((3, 4, 5), (1, 2, 3)), strides=(32, 16),
        scale_xy=(1.05, 1.05), assign_iou_threshold=1, **V4,
    )  # fmt: skip


@pytest.mark.parametrize(("version", "times"), [(yl.v3, [1] * 6), (yl.v4, [0, 1, 1, 2, 1, 1])])
def test_tiny_presets_take_an_object_of_every_anchor_but_one_left_out(version, times):
    """The masks of v4 leave out anchor 0 and share anchor 3; those of v3 hold each once."""
    config = version.Config.tiny_coco()
    boxes = [[(0.1 + 0.15 * k, 0.5, w / 416, h / 416)] for k, (w, h) in enumerate(TINY)]
    raw = tuple(np.zeros((6, 416 // s, 416 // s, 3, 6)) for s in config.strides)
    targets = yl.pad_targets(boxes, [[0]] * 6)
    matches = version.assign(raw, targets, config)
    assert sum(m.positives for m in matches).tolist() == times
    assert matches[0].unassigned.tolist() == [int(n == 0) for n in times]


@pytest.mark.parametrize("preset", PRESETS)
def test_no_number_of_a_config_may_be_nan(preset):
    config = preset()
    numbers = [f.name for f in fields(config) if isinstance(getattr(config, f.name), int | float)]
    for name in numbers:
        with pytest.raises(ValueError, match=name):
            replace(config, **{name: math.nan})
    pairs = [f.name for f in fields(config) if isinstance(getattr(config, f.name), tuple)]
    for name in pairs:
        bad = np.full(np.shape(getattr(config, name)), math.nan).tolist()
        with pytest.raises(ValueError, match=name):
            replace(config, **{name: bad})
    assert len(numbers) >= 3
