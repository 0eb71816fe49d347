"""The machine and the libraries of a result."""

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .environment import processors

_LIBRARIES = (
    "numpy", "array-api-compat", "torch", "jax", "jaxlib", "cupy-cuda12x", "cupy-cuda13x",
)  # fmt: skip
_NOISE = r"\((?:R|TM|tm)\)|\b(?:CPU|Processor|processor)\b|@.*"


def describe() -> dict[str, Any]:
    """Processor, memory in bytes, system, Python, versions."""
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "cores_usable": len(processors()) or os.cpu_count(),
        "memory": _memory(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
    }


def cpu() -> str:
    """The model of the processor."""
    return _linux_cpu() or platform.processor() or platform.machine() or "unknown"


def _linux_cpu() -> str:
    """The model that Linux names."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(r"(?m)^model name\s*:\s*(.+)$", text)
    return found[1].strip() if found else ""


def slug(cpu: str) -> str:
    """A model as part of a file name."""
    plain = re.sub(_NOISE, " ", cpu)
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "unknown"


def _memory() -> int | None:
    if sys.platform == "win32":
        return None
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
