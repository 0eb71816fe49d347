"""Anchors and scalars of published configurations, as plain numbers.

Anchors are pixels of the network input. Sources: the cfg files published with each version.
"""

from typing import Any

_STRIDE_V2 = 32


def _cells(*sizes: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    """Anchors that v2 publishes in cells of its stride."""
    return tuple((w * _STRIDE_V2, h * _STRIDE_V2) for w, h in sizes)


_TINY = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
_COARSE_TO_FINE = ((6, 7, 8), (3, 4, 5), (0, 1, 2))

V1_VOC: dict[str, Any] = {"num_boxes": 2}

V2_VOC: dict[str, Any] = {
    "anchors": _cells(
        (1.3221, 1.73145), (3.19275, 4.00944), (5.05587, 8.09892), (9.47112, 4.84053),
        (11.2364, 10.0071),
    ),
    "stride": _STRIDE_V2,
}  # fmt: skip

V2_COCO: dict[str, Any] = {
    "anchors": _cells(
        (0.57273, 0.677385), (1.87446, 2.06253), (3.33843, 5.47434), (7.88282, 3.52778),
        (9.77052, 9.16828),
    ),
    "stride": _STRIDE_V2,
}  # fmt: skip

V3_COCO: dict[str, Any] = {
    "anchors": (
        (10, 13), (16, 30), (33, 23), (30, 61), (62, 45), (59, 119),
        (116, 90), (156, 198), (373, 326),
    ),
    "masks": _COARSE_TO_FINE,
    "strides": (32, 16, 8),
}  # fmt: skip

V3_TINY_COCO: dict[str, Any] = {
    "anchors": _TINY,
    "masks": ((3, 4, 5), (0, 1, 2)),
    "strides": (32, 16),
}

V4_COCO: dict[str, Any] = {
    "anchors": (
        (12, 16), (19, 36), (40, 28), (36, 75), (76, 55), (72, 146),
        (142, 110), (192, 243), (459, 401),
    ),
    "masks": _COARSE_TO_FINE,
    "strides": (32, 16, 8),
    "scale_xy": (1.05, 1.1, 1.2),
    "ignore_by": "prediction",
    "ignore_threshold": 0.7,
}  # fmt: skip

V4_TINY_COCO: dict[str, Any] = {
    "anchors": _TINY,
    "masks": ((3, 4, 5), (1, 2, 3)),
    "strides": (32, 16),
    "scale_xy": (1.05, 1.05),
    "assign_iou_threshold": 1.0,
    "ignore_by": "prediction",
    "ignore_threshold": 0.7,
}
