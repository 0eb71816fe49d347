"""The losses as an `nn.Module`."""

from typing import Any

import torch

from . import v1, v2, v3, v4
from .targets import Targets
from .terms import LossTerms

_OF_CONFIG = {module.Config: module for module in (v1, v2, v3, v4)}


class YOLOLoss(torch.nn.Module):  # type: ignore[misc]
    """The loss of a config, whose class names the version."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config

    def forward(self, raw: Any, targets: Targets) -> LossTerms:
        """The terms of raw outputs."""
        return _OF_CONFIG[type(self.config)].loss(raw, targets, self.config)
