"""PaddleDetection: its losses, with slopes by Paddle's autograd."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from conformance.others.function import Answer, Function, Library
from yolo_losses.testing import Case


def _similarity(function: Callable[[Any, Any], Any]) -> Answer:
    """Of (pred (1, 4), gt (1, 4)) → one number, in any shape."""

    def answer(case: Case, dtype: str) -> Mapping[str, Any]:
        import paddle

        pred, gt = (paddle.to_tensor([case.inputs[k]], dtype=dtype) for k in ("pred", "gt"))
        pred.stop_gradient = False
        value = function(pred, gt).reshape([])
        value.backward()
        return {"value": value.numpy(), "slopes": pred.grad[0].numpy()}

    return answer


def _loss(function: Callable[[Any, Any], Any]) -> Answer:
    return _similarity(lambda pred, gt: 1 - function(pred, gt))


def functions() -> list[Function]:
    """Of `ppdet.modeling`."""
    from ppdet.modeling.bbox_utils import bbox_iou
    from ppdet.modeling.losses import iou_loss as losses

    def of_edges(pred: Any, gt: Any, **options: bool) -> Any:
        edges = [[x[:, k : k + 1] for k in range(4)] for x in (pred, gt)]
        return bbox_iou(*edges, **options)

    diou, ciou = (losses.DIouLoss(use_complete_iou_loss=of) for of in (False, True))
    where = "modeling.losses"
    return [
        Function("modeling.bbox_utils.bbox_iou(iou)", ("iou",), _similarity(of_edges)),
        *(Function(f"modeling.bbox_utils.bbox_iou({of})", (of,),
                   _similarity(partial(of_edges, **{of: True})))
          for of in ("giou", "diou", "ciou")),
        Function(f"{where}.GIoULoss", ("giou",), _loss(losses.GIoULoss())),
        Function(f"{where}.DIouLoss(use_complete_iou_loss=False)", ("diou",), _loss(diou)),
        Function(f"{where}.DIouLoss", ("ciou",), _loss(ciou)),
    ]  # fmt: skip


LIBRARIES = (Library("paddledet", functions),)
