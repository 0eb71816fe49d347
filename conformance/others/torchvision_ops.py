"""torchvision: pairwise similarities, the losses, conversions."""

from conformance.others import torch_calls
from conformance.others.function import Function, Library, conversions


def functions() -> list[Function]:
    """Of `torchvision.ops`."""
    from torchvision import ops

    similarity, loss = torch_calls.similarity, torch_calls.loss
    converted = conversions(ops.box_convert, cxcywh="cxcywh", xyxy="xyxy", xywh="xywh")
    return [
        Function("ops.box_iou", ("iou",), similarity(ops.box_iou)),
        Function("ops.generalized_box_iou", ("giou",), similarity(ops.generalized_box_iou)),
        Function("ops.distance_box_iou", ("diou",), similarity(ops.distance_box_iou)),
        Function("ops.complete_box_iou", ("ciou",), similarity(ops.complete_box_iou)),
        Function("ops.generalized_box_iou_loss", ("giou",), loss(ops.generalized_box_iou_loss)),
        Function("ops.distance_box_iou_loss", ("diou",), loss(ops.distance_box_iou_loss)),
        Function("ops.complete_box_iou_loss", ("ciou",), loss(ops.complete_box_iou_loss)),
        Function("ops.box_convert", tuple(converted), torch_calls.conversion(converted)),
    ]


LIBRARIES = (Library("torchvision", functions),)
