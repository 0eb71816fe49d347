"""From a config to the version that it belongs to."""

from types import ModuleType
from typing import Any

from . import _check, v1, v2, v3, v4

_OF_CONFIG: dict[type, ModuleType] = {v.Config: v for v in (v1, v2, v3, v4)}


def of_config(where: str, config: object) -> Any:
    """The module whose Config it is."""
    found = [version for kind, version in _OF_CONFIG.items() if isinstance(config, kind)]
    if not found:
        _check.wrong_type(where, "config", "be a v1, v2, v3 or v4.Config", type(config).__name__)
    return found[0]
