"""Which public functions a law calls, seen while it runs."""

import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

LIST = Path(__file__).parents[2] / "api.txt"
# Each of these has a law: functions of the formulas, of boxes and outputs, and of labels as arrays.
HELD = re.compile(
    r"(v\d|iou|grid|boxes|nms)\.[a-z_]+|pad_targets|data\.(targets_from|rows_from|dicts_from)_\w+"
)
MORE = ("explain", "crosscheck.compare", "cfg.loads")  # others that laws call


def held() -> set[str]:
    """The public functions that need a law."""
    listed = re.findall(r"(?m)^yolo_losses\.([\w.]+)\(", LIST.read_text(encoding="utf-8"))
    return {name for name in listed if HELD.fullmatch(name)}


@contextmanager
def calls() -> Iterator[set[str]]:
    """The public functions called meanwhile, but for calls that they make themselves."""
    called, inside = set[str](), list[str]()
    with ExitStack() as stack:
        for path in (*held(), *MORE):
            module, _, name = path.rpartition(".")
            owner = importlib.import_module(f"yolo_losses.{module}".rstrip("."))
            told = _told(path, getattr(owner, name), called, inside)
            stack.enter_context(patch.object(owner, name, told))
        yield called


def _told(
    path: str, function: Callable[..., Any], called: set[str], inside: list[str]
) -> Callable[..., Any]:
    @wraps(function)
    def told(*args: Any, **options: Any) -> Any:
        if not inside:
            called.add(path)
        inside.append(path)
        try:
            return function(*args, **options)
        finally:
            inside.pop()

    return told
