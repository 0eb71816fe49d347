"""The losses with their closed-form gradient as a custom_vjp."""

from typing import Any

from . import v1, v2, v3, v4
from .targets import Targets
from .terms import LossTerms

_OF_CONFIG = {module.Config: module for module in (v1, v2, v3, v4)}


def loss(raw: Any, targets: Targets, config: Any) -> LossTerms:
    """The loss of a config, whose class names the version."""
    return _OF_CONFIG[type(config)].loss(raw, targets, config)
