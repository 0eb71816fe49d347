"""Keras: `keras.utils.bounding_boxes`, on whatever back end it is configured for."""

from typing import Any

import numpy as np

from conformance.others import numpy_calls, torch_calls
from conformance.others.function import Answer, Function, Library, conversions


def functions() -> list[Function]:
    """Similarities in float32, in which they convert their boxes first."""
    import keras
    from keras.utils import bounding_boxes as boxes

    def iou(pred: Any, gt: Any) -> Any:
        return boxes.compute_iou(pred, gt, "xyxy")

    def ciou(pred: Any, gt: Any) -> Any:
        return boxes.compute_ciou(pred, gt, "xyxy")

    def convert(x: Any, source: str, target: str) -> Any:
        return keras.ops.convert_to_numpy(
            boxes.convert_format(x, source, target, dtype=str(x.dtype))
        )

    backend = keras.backend.backend()
    converted = conversions(convert, cxcywh="center_xywh", xyxy="xyxy", xywh="xywh")
    answers: dict[str, Any] = {"compute_iou": (iou, "iou"), "compute_ciou": (ciou, "ciou")}
    return [
        *(Function(f"utils.bounding_boxes.{name} ({backend})", (of,),
                   _similarity(function, backend), "float32")
          for name, (function, of) in answers.items()),
        Function("utils.bounding_boxes.convert_format", tuple(converted),
                 numpy_calls.conversion(converted)),
    ]  # fmt: skip


def _similarity(function: Any, backend: str) -> Answer:
    """With slopes where the back end is PyTorch."""
    if backend == "torch":
        return torch_calls.similarity(function)
    import keras

    to_numpy = keras.ops.convert_to_numpy
    return numpy_calls.similarity(lambda a, b: np.asarray(to_numpy(function(a, b))))


LIBRARIES = (Library("keras", functions),)
