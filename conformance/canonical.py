"""The one form of a JSON file: the same data is always the same text.

An object or list that fits on a line stands on one line; else its entries do, one space further in.
Numbers are the shortest that read back as the same float64.
"""

import json
import math
from typing import Any

WIDTH = 100


def dumps(data: Any) -> str:
    """The text of data, with a line feed at its end."""
    return _text(spelled(data), 0) + "\n"


def loads(text: str) -> Any:
    """The data of a text; names of numbers that are not finite stay words."""
    return json.loads(text)


def spelled(x: Any) -> Any:
    """Numbers that are not finite as words, which JSON has no numbers for."""
    if isinstance(x, dict):
        return {key: spelled(v) for key, v in x.items()}
    if isinstance(x, list | tuple):
        return [spelled(v) for v in x]
    if isinstance(x, float) and not math.isfinite(x):
        return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"
    return x


def _text(x: Any, depth: int) -> str:
    line = json.dumps(x, ensure_ascii=False, allow_nan=False)
    if not isinstance(x, dict | list) or not x or len(line) + depth <= WIDTH:
        return line
    pad, end = " " * (depth + 1), " " * depth
    if isinstance(x, dict):
        parts = [f"{pad}{json.dumps(k)}: {_text(v, depth + 1)}" for k, v in x.items()]
        return "{\n" + ",\n".join(parts) + f"\n{end}}}"
    return "[\n" + ",\n".join(pad + _text(v, depth + 1) for v in x) + f"\n{end}]"
