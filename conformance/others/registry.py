"""All packages of the survey."""

from conformance.others import torchvision_ops

LIBRARIES = {library.name: library for library in torchvision_ops.LIBRARIES}
