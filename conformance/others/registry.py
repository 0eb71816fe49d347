"""All packages of the survey."""

from conformance.others import (
    decoding,
    keras_boxes,
    numpy_boxes,
    paddle_boxes,
    tensorflow_boxes,
    torch_boxes,
    torchvision_ops,
    yolo_torch,
)

_TABLES = (torchvision_ops, torch_boxes, yolo_torch, decoding, keras_boxes, tensorflow_boxes,
           paddle_boxes, numpy_boxes)  # fmt: skip
LIBRARIES = {library.name: library for table in _TABLES for library in table.LIBRARIES}
