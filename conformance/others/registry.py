"""All packages of the survey."""

from conformance.others import (
    keras_boxes,
    numpy_boxes,
    torch_boxes,
    torchvision_ops,
    yolo_torch,
)

_TABLES = (torchvision_ops, torch_boxes, yolo_torch, keras_boxes, numpy_boxes)
LIBRARIES = {library.name: library for table in _TABLES for library in table.LIBRARIES}
