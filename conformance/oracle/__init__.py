"""The YOLOv1–v4 losses of one image, transcribed from the formulas for one number at a time."""

from conformance.oracle import conversions, rounding, similarity, v1, v2, v3, v4

__all__ = ["conversions", "rounding", "similarity", "v1", "v2", "v3", "v4"]
