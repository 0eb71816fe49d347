"""What a table of functions holds."""

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

from yolo_losses.testing import Case, cases

Answer = Callable[[Case, str], Mapping[str, Any]]
"""(case, dtype) → results by name, as `yolo_losses.testing.judge` takes them."""


class OutOfScope(Exception):
    """The function says that it does not answer such a case; the text says why."""


class Function(NamedTuple):
    """One function of a package.

    Attributes
    ----------
    name : str
        Under which its users import it, with the options that were chosen.
    of : tuple of str
        Its cases: what `yolo_losses.testing.cases` takes, or names of conversions.
    answer : callable
    dtype : str
        "float64", or "float32" where the function computes in no other.
    """

    name: str
    of: tuple[str, ...]
    answer: Answer
    dtype: str = "float64"

    def cases(self) -> list[Case]:
        """The cases that it is asked."""
        conversions = [c for c in cases("boxes") if c.inputs["function"] in self.of]
        return conversions or cases(*self.of)


class Library(NamedTuple):
    """A package: its name in the registry, and its functions, imported when they are asked for."""

    name: str
    functions: Callable[[], list[Function]]

    def version(self) -> str:
        """Of what is installed, empty where nothing is."""
        try:
            return version(self.name)
        except PackageNotFoundError:
            return ""


def conversions(convert: Callable[..., Any], **names: str) -> dict[str, Callable[..., Any]]:
    """Conversions of a function (boxes, format, format), from the names that it has for formats.

    `names` holds "cxcywh", "xyxy" and "xywh" (corner and size), or two of them.
    """
    pairs = [(a, b) for a in names for b in names if a != b and "xyxy" in (a, b)]
    return {f"{a}_to_{b}": _between(convert, names[a], names[b]) for a, b in pairs}


def _between(convert: Callable[..., Any], source: str, target: str) -> Callable[..., Any]:
    return lambda boxes: convert(boxes, source, target)
