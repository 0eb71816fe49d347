"""Programs of the YOLO family on PyTorch: similarities, as their losses call them."""

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from conformance.others import decoding
from conformance.others.bare import without_init
from conformance.others.function import Function, Library
from conformance.others.torch_calls import centre_form, conversion, loss, similarity

KINDS: dict[str, dict[str, bool]] = {
    "iou": {}, "giou": {"GIoU": True}, "diou": {"DIoU": True}, "ciou": {"CIoU": True},
}  # fmt: skip


def _of_booleans(name: str, bbox_iou: Callable[..., Any], **corners: bool) -> list[Function]:
    """A `bbox_iou` of the lineage: a boolean for each kind, and one for the format of boxes."""
    return [
        Function(f"{name}({', '.join(options) or 'IoU'})", (of,),
                 similarity(partial(bbox_iou, **corners, **options)))
        for of, options in KINDS.items()
    ]  # fmt: skip


def _first(function: Callable[..., Any]) -> Callable[..., Any]:
    """Of a function that takes one box (4,) and many."""
    return lambda pred, gt, **options: function(pred[0], gt, **options)


def ultralytics() -> list[Function]:
    """Of `ultralytics.utils`; the losses call `bbox_iou(…, xywh=False, CIoU=True)`."""
    from ultralytics.utils import metrics, ops

    converted = {"cxcywh_to_xyxy": ops.xywh2xyxy, "xyxy_to_cxcywh": ops.xyxy2xywh,
                 "xywh_to_xyxy": ops.ltwh2xyxy, "xyxy_to_xywh": ops.xyxy2ltwh}  # fmt: skip
    centre = centre_form(partial(metrics.bbox_iou, xywh=True, CIoU=True))
    return [
        *_of_booleans("utils.metrics.bbox_iou", metrics.bbox_iou, xywh=False),
        Function("utils.metrics.bbox_iou(xywh, CIoU)", ("ciou",), similarity(centre)),
        Function("utils.metrics.box_iou", ("iou",), similarity(metrics.box_iou), "float32"),
        Function("utils.ops.xywh2xyxy", tuple(converted), conversion(converted)),
    ]


def yolov5() -> list[Function]:
    """Of `yolov5.utils`; the loss calls `bbox_iou(…, CIoU=True)` with xywh."""
    from yolov5.utils import general, metrics

    converted = {"cxcywh_to_xyxy": general.xywh2xyxy, "xyxy_to_cxcywh": general.xyxy2xywh}
    centre = centre_form(partial(metrics.bbox_iou, xywh=True, CIoU=True))
    return [
        *_of_booleans("utils.metrics.bbox_iou", metrics.bbox_iou, xywh=False),
        Function("utils.metrics.bbox_iou(xywh, CIoU)", ("ciou",), similarity(centre)),
        Function("utils.metrics.box_iou", ("iou",), similarity(metrics.box_iou)),
        Function("utils.general.xywh2xyxy", tuple(converted), conversion(converted)),
    ]


def yolov7() -> list[Function]:
    """Of `yolov7.utils.general`, in the package yolov7detect."""
    from yolov7.utils import general

    return [
        *_of_booleans("utils.general.bbox_iou", _first(general.bbox_iou), x1y1x2y2=True),
        Function("utils.general.box_iou", ("iou",), similarity(general.box_iou)),
        Function("utils.general.box_giou", ("giou",), similarity(general.box_giou)),
        Function("utils.general.box_diou", ("diou",), similarity(general.box_diou)),
        Function("utils.general.box_ciou", ("ciou",), similarity(general.box_ciou)),
    ]


def pytorchyolo() -> list[Function]:
    """Of `pytorchyolo.utils`: the loss, the evaluation."""
    from pytorchyolo.utils import loss as of_loss
    from pytorchyolo.utils import utils

    converted = {"cxcywh_to_xyxy": utils.xywh2xyxy}
    return [
        *_of_booleans("utils.loss.bbox_iou", _first(of_loss.bbox_iou), x1y1x2y2=True),
        Function("utils.utils.bbox_iou", ("iou",), similarity(utils.bbox_iou)),
        Function("utils.utils.box_iou", ("iou",), similarity(utils.box_iou)),
        Function("utils.utils.xywh2xyxy", tuple(converted), conversion(converted)),
        *decoding.pytorchyolo(),
    ]


def super_gradients() -> list[Function]:
    """Of `super_gradients.training`."""
    from super_gradients.training.losses.functional import bbox_ciou_loss
    from super_gradients.training.losses.ppyolo_loss import GIoULoss
    from super_gradients.training.utils.detection_utils import calculate_bbox_iou_matrix

    where = "training.losses"
    return [
        *_of_booleans("training.utils.calculate_bbox_iou_matrix", calculate_bbox_iou_matrix),
        Function(f"{where}.ppyolo_loss.GIoULoss", ("giou",), loss(GIoULoss())),
        Function(f"{where}.functional.bbox_ciou_loss(eps=1e-10)", ("ciou",),
                 loss(partial(bbox_ciou_loss, eps=1e-10))),
    ]  # fmt: skip


def mmdet() -> list[Function]:
    """Of `mmdet.models.losses`, without mmcv's compiled operators where there are none."""
    try:
        import mmcv.ops  # noqa: F401
    except ImportError:
        for package in ("structures", "structures.bbox", "models", "models.losses"):
            without_init(f"mmdet.{package}")
        overlaps = import_module("mmdet.structures.bbox.bbox_overlaps")
        sys.modules["mmdet.structures.bbox"].bbox_overlaps = overlaps.bbox_overlaps
    losses = import_module("mmdet.models.losses.iou_loss")
    bbox_overlaps = import_module("mmdet.structures.bbox").bbox_overlaps

    linear = partial(losses.iou_loss, mode="linear")
    functions = {"iou": linear, "giou": losses.giou_loss, "diou": losses.diou_loss,
                 "ciou": losses.ciou_loss}  # fmt: skip
    return [
        Function("structures.bbox.bbox_overlaps(iou)", ("iou",), similarity(bbox_overlaps)),
        Function("structures.bbox.bbox_overlaps(giou)", ("giou",),
                 similarity(partial(bbox_overlaps, mode="giou"))),
        *(Function(f"models.losses.{of}_loss", (of,), loss(partial(function, reduction="none")))
          for of, function in functions.items()),
    ]  # fmt: skip


def luxonis_train() -> list[Function]:
    """Of `luxonis_train.utils`."""
    from luxonis_train.utils.boundingbox import bbox_iou

    kinds = {"iou": "none", "giou": "giou", "diou": "diou", "ciou": "ciou"}
    return [
        Function(f"utils.boundingbox.bbox_iou({kind})", (of,),
                 similarity(partial(bbox_iou, iou_type=kind)))
        for of, kind in kinds.items()
    ]  # fmt: skip


def libreyolo() -> list[Function]:
    """Of `libreyolo.models`: the losses of its detectors."""
    from libreyolo.models.picodet.loss import giou_loss
    from libreyolo.models.rtmdet.loss import bbox_giou_aligned
    from libreyolo.models.yolonas.loss import GIoULoss, bbox_ciou_loss
    from libreyolo.models.yolox.loss import IoULoss

    yolox = centre_form(IoULoss(loss_type="giou"))
    return [
        Function("models.yolox.loss.IoULoss(giou)", ("giou",), loss(yolox)),
        Function("models.yolonas.loss.GIoULoss", ("giou",), loss(GIoULoss())),
        Function("models.yolonas.loss.bbox_ciou_loss(eps=1e-10)", ("ciou",),
                 loss(partial(bbox_ciou_loss, eps=1e-10))),
        Function("models.picodet.loss.giou_loss", ("giou",), loss(giou_loss)),
        Function("models.rtmdet.loss.bbox_giou_aligned", ("giou",), similarity(bbox_giou_aligned)),
    ]  # fmt: skip


def yolox() -> list[Function]:
    """Of `yolox`: the loss, and the matching of anchors."""
    from yolox.models.losses import IOUloss
    from yolox.utils.boxes import bboxes_iou

    centre = centre_form(partial(bboxes_iou, xyxy=False))
    giou = centre_form(IOUloss(loss_type="giou"))
    return [
        Function("utils.boxes.bboxes_iou(xyxy)", ("iou",), similarity(bboxes_iou)),
        Function("utils.boxes.bboxes_iou(cxcywh)", ("iou",), similarity(centre)),
        Function("models.losses.IOUloss(giou)", ("giou",), loss(giou)),
    ]


LIBRARIES = (
    Library("ultralytics", ultralytics), Library("yolov5", yolov5),
    Library("yolov7detect", yolov7), Library("pytorchyolo", pytorchyolo),
    Library("super-gradients", super_gradients), Library("mmdet", mmdet),
    Library("yolox", yolox), Library("luxonis-train", luxonis_train),
    Library("libreyolo", libreyolo),
)  # fmt: skip
