"""The YOLOv1, v2, v3 and v4 losses on every array library of the array API standard."""

from . import boxes, elementwise, grid, iou, nms, presets, v1, v2, v3, v4
from .diagnosis import Diagnosis
from .doctor import doctor
from .explain import explain
from .grid import Decoded
from .matching import Matches
from .targets import Targets, pad_targets
from .terms import LossTerms

__version__ = "0.1.0"

__all__ = [
    "Decoded",
    "Diagnosis",
    "LossTerms",
    "Matches",
    "Targets",
    "__version__",
    "boxes",
    "doctor",
    "elementwise",
    "explain",
    "grid",
    "iou",
    "nms",
    "pad_targets",
    "presets",
    "v1",
    "v2",
    "v3",
    "v4",
]
