"""Libraries on NumPy or on plain numbers: evaluation, tracking, conversion of label files."""

from typing import Any

import numpy as np

from conformance.others.function import Function, Library, OutOfScope, conversions
from conformance.others.numpy_calls import conversion, of_lists, similarity


def _corner_size(xyxy: Any) -> Any:
    """Corners as corner and size."""
    return np.concatenate([xyxy[..., :2], xyxy[..., 2:] - xyxy[..., :2]], axis=-1)


def supervision() -> list[Function]:
    """Of `supervision`; the batch returns float32."""
    import supervision as sv
    from supervision.detection.utils.iou_and_nms import box_iou_batch_with_jaccard

    def jaccard(pred: Any, gt: Any) -> Any:
        return box_iou_batch_with_jaccard(_corner_size(gt), _corner_size(pred), [False])

    converted = {"cxcywh_to_xyxy": sv.xcycwh_to_xyxy, "xywh_to_xyxy": sv.xywh_to_xyxy,
                 "xyxy_to_xywh": sv.xyxy_to_xywh}  # fmt: skip
    return [
        Function("box_iou", ("iou",), of_lists(lambda pred, gt: sv.box_iou(gt, pred))),
        Function("box_iou_batch", ("iou",), similarity(lambda a, b: sv.box_iou_batch(b, a)),
                 "float32"),
        Function("box_iou_batch_with_jaccard", ("iou",), similarity(jaccard)),
        Function("xcycwh_to_xyxy", tuple(converted), conversion(converted)),
    ]  # fmt: skip


def globox() -> list[Function]:
    """Of `globox.BoundingBox`."""
    from globox import BoundingBox

    def iou(pred: list[float], gt: list[float]) -> float:
        return _box(pred).iou(_box(gt))

    def _box(xyxy: list[float]) -> Any:
        return BoundingBox(label="", xmin=xyxy[0], ymin=xyxy[1], xmax=xyxy[2], ymax=xyxy[3])

    return [Function("BoundingBox.iou", ("iou",), of_lists(iou))]


def pybboxes() -> list[Function]:
    """Of `pybboxes`: boxes of whole pixels."""
    from pybboxes.functional import compute_iou

    def iou(pred: list[float], gt: list[float]) -> float:
        if any(x % 1 for x in (*pred, *gt)):
            msg = "boxes are of whole pixels"
            raise OutOfScope(msg)
        return float(compute_iou(pred, gt, bbox_type="voc"))

    return [Function("functional.compute_iou(voc)", ("iou",), of_lists(iou))]


def norfair() -> list[Function]:
    """Of `norfair.distances`: 1 − IOU."""
    from norfair.distances import iou

    return [Function("distances.iou", ("iou",), similarity(lambda a, b: 1 - iou(a, b)))]


def pycocotools() -> list[Function]:
    """Of `pycocotools.mask`, whose boxes are corner and size."""
    from pycocotools import mask

    def iou(pred: Any, gt: Any) -> Any:
        return mask.iou(_corner_size(pred), _corner_size(gt), [0])

    return [Function("mask.iou", ("iou",), similarity(iou))]


def cython_bbox() -> list[Function]:
    """Of `cython_bbox`."""
    from cython_bbox import bbox_overlaps

    return [Function("bbox_overlaps", ("iou",), similarity(bbox_overlaps))]


def motmetrics() -> list[Function]:
    """Of `motmetrics.distances`, whose boxes are corner and size: 1 − IOU."""
    from motmetrics import distances

    def iou(pred: Any, gt: Any) -> Any:
        return distances.boxiou(_corner_size(pred), _corner_size(gt))

    def matrix(pred: Any, gt: Any) -> Any:
        return 1 - distances.iou_matrix(_corner_size(pred), _corner_size(gt))

    return [
        Function("distances.boxiou", ("iou",), similarity(iou)),
        Function("distances.iou_matrix", ("iou",), similarity(matrix)),
    ]


def imgaug() -> list[Function]:
    """Of `imgaug`, which sorts the edges of a box."""
    from imgaug.augmentables.bbs import BoundingBox

    def iou(pred: list[float], gt: list[float]) -> float:
        return float(BoundingBox(*pred).iou(BoundingBox(*gt)))

    return [Function("augmentables.bbs.BoundingBox.iou", ("iou",), of_lists(iou))]


def albumentations() -> list[Function]:
    """Of `albumentations.core.bbox_utils`: formats of pixels, on an image of 512 × 256."""
    from albumentations.core import bbox_utils as utils

    shape = {"height": 256, "width": 512, "depth": 1}

    def convert(boxes: Any, source: str, target: str) -> Any:
        inner = utils.convert_bboxes_to_albumentations(boxes, source, shape, check_validity=False)
        return utils.convert_bboxes_from_albumentations(inner, target, shape, check_validity=False)

    converted = conversions(convert, xyxy="pascal_voc", xywh="coco")
    return [Function("core.bbox_utils(coco ↔ pascal_voc)", tuple(converted), conversion(converted))]


LIBRARIES = (
    Library("supervision", supervision), Library("globox", globox), Library("pybboxes", pybboxes),
    Library("norfair", norfair), Library("pycocotools", pycocotools),
    Library("cython-bbox", cython_bbox), Library("motmetrics", motmetrics),
    Library("imgaug", imgaug), Library("albumentations", albumentations),
)  # fmt: skip
