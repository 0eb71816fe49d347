"""Options of dialects: plain, hashable numbers, whatever they came as."""

from dataclasses import fields
from typing import Any

from .. import _check


def plain(value: Any) -> Any:
    """Arrays and lists as nested tuples, scalars of array libraries as Python numbers."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return tuple(map(plain, value)) if isinstance(value, tuple | list) else value


def settle(options: Any) -> None:
    """Make every field of a frozen dataclass plain; called by its `__post_init__`."""
    for field in fields(options):
        object.__setattr__(options, field.name, plain(getattr(options, field.name)))


def flags(where: str, options: Any, *names: str) -> None:
    """Fields that are 0 or 1."""
    for name in names:
        if getattr(options, name) not in (0, 1):
            _check.wrong_value(where, name, "be 0 or 1", repr(getattr(options, name)))


def numbers(where: str, options: Any, *names: str) -> None:
    """Fields that are real numbers and not NaN."""
    for name in names:
        value = getattr(options, name)
        if not isinstance(value, int | float) or value != value:
            _check.wrong_value(where, name, "be a number", repr(value))


def counts(where: str, options: Any, *names: str) -> None:
    """Fields that are whole numbers, at least 1, or None where they follow from the arrays."""
    for name in names:
        if getattr(options, name) is not None:
            _check.count(where, name, getattr(options, name))
