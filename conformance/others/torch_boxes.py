"""Libraries of PyTorch with similarities of boxes: metrics, losses, detectors by transformer."""

from functools import partial
from typing import Any

from conformance.others.function import Function, Library, conversions
from conformance.others.torch_calls import centre_form, conversion, loss, similarity


def torchmetrics() -> list[Function]:
    """Of `torchmetrics.functional.detection`, each as a matrix."""
    from torchmetrics.functional import detection

    names = {"iou": "intersection_over_union", "giou": "generalized_intersection_over_union",
             "diou": "distance_intersection_over_union",
             "ciou": "complete_intersection_over_union"}  # fmt: skip
    return [
        Function(f"functional.detection.{name}", (of,),
                 similarity(partial(getattr(detection, name), aggregate=False)))
        for of, name in names.items()
    ]  # fmt: skip


def monai() -> list[Function]:
    """Of `monai.data.box_utils`, which computes in float32, and the loss."""
    from monai.data import box_utils
    from monai.losses import BoxGIoULoss

    giou = BoxGIoULoss(reduction="none")
    box_iou, box_giou, pair = box_utils.box_iou, box_utils.box_giou, box_utils.box_pair_giou
    converted = conversions(box_utils.convert_box_mode, cxcywh="ccwh", xyxy="xyxy", xywh="xywh")
    return [
        Function("data.box_utils.box_iou", ("iou",), similarity(box_iou), "float32"),
        Function("data.box_utils.box_giou", ("giou",), similarity(box_giou), "float32"),
        Function("data.box_utils.box_pair_giou", ("giou",), similarity(pair), "float32"),
        Function("losses.BoxGIoULoss", ("giou",), loss(giou), "float32"),
        Function("data.box_utils.convert_box_mode", tuple(converted), conversion(converted),
                 "float32"),
    ]  # fmt: skip


def fvcore() -> list[Function]:
    """Of `fvcore.nn`."""
    from fvcore.nn import giou_loss

    return [Function("nn.giou_loss", ("giou",), loss(giou_loss))]


def transformers() -> list[Function]:
    """Of `transformers`: what its detectors are trained and matched with."""
    from transformers import image_transforms as images
    from transformers.loss import loss_for_object_detection as losses

    box_iou, giou = losses.box_iou, losses.generalized_box_iou
    converted = {"cxcywh_to_xyxy": images.center_to_corners_format,
                 "xyxy_to_cxcywh": images.corners_to_center_format}  # fmt: skip
    where = "loss.loss_for_object_detection"
    return [
        Function(f"{where}.box_iou", ("iou",), similarity(lambda a, b: box_iou(a, b)[0])),
        Function(f"{where}.generalized_box_iou", ("giou",), similarity(giou)),
        Function("image_transforms.center_to_corners_format", tuple(converted),
                 conversion(converted)),
    ]  # fmt: skip


def kornia() -> list[Function]:
    """Of `kornia.metrics`."""
    from kornia.metrics import mean_iou_bbox

    centre = centre_form(partial(mean_iou_bbox, box_format="cxcywh"))
    return [
        Function("metrics.mean_iou_bbox(xyxy)", ("iou",), similarity(mean_iou_bbox)),
        Function("metrics.mean_iou_bbox(cxcywh)", ("iou",), similarity(centre)),
    ]


def effdet() -> list[Function]:
    """Of `effdet`: NMS, and the matching of anchors, whose boxes are y before x."""
    from effdet.object_detection.box_list import BoxList
    from effdet.object_detection.region_similarity_calculator import IouSimilarity
    from effdet.soft_nms import pairwise_iou

    def matching(pred: Any, gt: Any) -> Any:
        turned = [BoxList(x[:, [1, 0, 3, 2]]) for x in (pred, gt)]
        return IouSimilarity().compare(*turned)

    return [
        Function("soft_nms.pairwise_iou", ("iou",), similarity(pairwise_iou)),
        Function("object_detection.IouSimilarity", ("iou",), similarity(matching), "float32"),
    ]


def rfdetr() -> list[Function]:
    """Of `rfdetr.utilities.box_ops`."""
    from rfdetr.utilities import box_ops as ops

    converted = {"cxcywh_to_xyxy": ops.box_cxcywh_to_xyxy, "xyxy_to_cxcywh": ops.box_xyxy_to_cxcywh}
    where, paired = "utilities.box_ops", ops.elementwise_generalized_box_iou
    return [
        Function(f"{where}.box_iou", ("iou",), similarity(lambda a, b: ops.box_iou(a, b)[0])),
        Function(f"{where}.generalized_box_iou", ("giou",), similarity(ops.generalized_box_iou)),
        Function(f"{where}.elementwise_generalized_box_iou", ("giou",), similarity(paired)),
        Function(f"{where}.box_cxcywh_to_xyxy", tuple(converted), conversion(converted)),
    ]  # fmt: skip


LIBRARIES = (
    Library("torchmetrics", torchmetrics), Library("monai", monai), Library("fvcore", fvcore),
    Library("transformers", transformers), Library("kornia", kornia), Library("effdet", effdet),
    Library("rfdetr", rfdetr),
)  # fmt: skip
