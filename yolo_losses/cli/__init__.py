"""The command line, `yolo-losses`: a file a command.

Whatever a caller gets wrong is one line on stderr and exit code 2.
"""

try:
    import click  # noqa: F401
except ImportError:
    msg = "yolo-losses: the command line needs click: pip install 'yolo-losses[cli]'"
    raise SystemExit(msg) from None

from . import (
    anchors,
    bench,
    compare,
    demo,
    dialects,
    doctor,
    explain,
    initialisation,
    labels,
    loss,
    regression,
)
from .group import main

__all__ = [
    "anchors", "bench", "compare", "demo", "dialects", "doctor", "explain", "initialisation",
    "labels", "loss", "main", "regression",
]  # fmt: skip
