"""Options of dialects: plain, hashable numbers, whatever they came as."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from .. import _check
from .._xp import Array
from ..targets import Targets


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


def heads(where: str, options: Any) -> None:
    """`anchors`, pairs in pixels for each head, and as many `strides`."""
    if not isinstance(options.anchors, tuple) or not options.anchors:
        _check.wrong_value(where, "anchors", "hold pairs for each head", repr(options.anchors))
    for pairs in options.anchors:
        _check.anchors(where, pairs)
    one_a_head(where, options, "strides")


def one_a_head(where: str, options: Any, name: str) -> None:
    """A positive number for each head."""
    values = getattr(options, name)
    if not isinstance(values, tuple) or len(values) != len(options.anchors):
        expected = f"hold one number for each of {len(options.anchors)} heads"
        _check.wrong_value(where, name, expected, repr(values))
    for value in values:
        _check.positive(where, name, value)


def check_call(
    where: str, raw: Sequence[Array], targets: Targets, options: Any, kind: type
) -> None:
    """Heads that fit the anchors of their options, and targets that fit the heads."""
    of_kind(where, options, kind)
    masks = [range(len(pairs)) for pairs in options.anchors]
    _check.heads(where, raw, masks, options.strides)
    _check.targets(where, targets, ("heads[0]", raw[0]))


def of_kind(where: str, options: Any, kind: type) -> None:
    """The Options of the dialect that was called."""
    if not isinstance(options, kind):
        expected = f"be a {where.partition('.')[0]}.Options"
        _check.wrong_type(where, "options", expected, type(options).__name__)
