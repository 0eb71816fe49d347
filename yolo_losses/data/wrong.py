"""How the readers of labels refuse."""

from typing import NoReturn


def wrong(place: object, expected: str, got: object) -> NoReturn:
    """Refuse what stands at a place: a file, and its line or entry."""
    try:
        shown = repr(got)[:100]
    except (ValueError, RecursionError):  # an integer of thousands of digits
        shown = type(got).__name__
    msg = f"{place} must {expected}, got {shown}"
    raise ValueError(msg)
