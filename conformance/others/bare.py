"""A module of a package that cannot be imported whole."""

import sys
from importlib import import_module
from types import ModuleType


def without_init(package: str) -> ModuleType:
    """A subpackage whose `__init__` is not run, so that its modules can be imported one by one.

    For packages of which the formulas are plain Python, and other parts need what is not there.
    """
    if package in sys.modules:
        return sys.modules[package]
    above, _, name = package.rpartition(".")
    module = ModuleType(package)
    module.__path__ = [f"{folder}/{name}" for folder in import_module(above).__path__]
    sys.modules[package] = module
    return module
