"""How near an implementation has to come, and why that is near enough.

|got − want| ≤ rel·|want| + abs, number by number. Expected values are exact to their last digit, so
what is allowed is the rounding of a sound implementation alone: some ulp of the numbers that are
added or subtracted on the way.
"""

import math
from collections.abc import Iterable
from typing import Any

ULP = {"float64": 2.0**-52, "float32": 2.0**-23}
REASON = {
    "boxes": "two roundings; a difference is right to an ulp of the larger number",
    "value": "sums and quotients of numbers up to 1, from edges that are exact",
    "slopes": "some slopes are differences: right to ulp of the largest of the case",
    "decoded": "one exponential and a few roundings; offsets are right to ulp of a cell",
    "responsible": "decisions are exact; IOU is a quotient of sums up to 1",
    "ignored": "decisions are exact",
    "terms": "a sum of addends of one sign; each compares numbers of the size of its abs",
    "loss": "terms: sums of addends of one sign; slopes: ulp of the largest of the case",
}


def _pair(ulps: float, size: float) -> dict[str, list[float]]:
    """[rel, abs] of each dtype."""
    return {dtype: [_up(ulps * u), _up(ulps * u * size)] for dtype, u in ULP.items()}


def _up(x: float) -> float:
    """The next number of two digits."""
    if x == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(x)) - 1)
    return float(f"{math.ceil(x / unit) * unit:.1e}")


def largest(x: Any) -> float:
    """The largest finite magnitude in nested lists of numbers."""
    return max((abs(v) for v in _numbers(x) if math.isfinite(v)), default=0.0)


def _numbers(x: Any) -> Iterable[float]:
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, list | tuple):
        for v in x:
            yield from _numbers(v)
    elif isinstance(x, float):
        yield x


def of_conversion(boxes: Any) -> dict[str, Any]:
    """Of converted boxes."""
    return {"boxes": _pair(2, largest(boxes)), "reason": REASON["boxes"]}


def of_similarity(expected: dict[str, Any], edges: list[float]) -> dict[str, Any]:
    """Of a similarity and its slopes."""
    out: dict[str, Any] = {"value": _pair(16, 1.0)}
    if "slopes" not in expected:
        return {**out, "reason": REASON["value"]}
    size = max(largest(expected["slopes"]), 1 / max(largest(edges), 1.0))
    return {**out, "slopes": _pair(64, size), "reason": f"{REASON['value']}; {REASON['slopes']}"}


def of_stage(stage: str, expected: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Of a stage of a loss."""
    if stage == "decode":
        return {"decoded": _pair(16, 1.0), "reason": REASON["decoded"]}
    if stage == "assign":
        return {"responsible": _pair(16, 1.0), "reason": REASON["responsible"]}
    if stage == "ignore":
        return {"reason": REASON["ignored"]}
    weight = max(v for k, v in config.items() if k.startswith("lambda_"))
    out: dict[str, Any] = {"terms": _pair(64, 0.25 * max(weight, 1.0))}
    if stage == "loss":
        out["total"] = _pair(64, max(weight, 1.0))
    slopes = expected.get("grad") or expected.get("slopes")
    name = "grad" if stage == "loss" else "slopes"
    out[name] = _pair(64, max(largest([s for _, s in slopes or []]), max(weight, 1.0) / 16))
    reason = REASON["loss"] if stage == "loss" else f"{REASON['terms']}; {REASON['slopes']}"
    return {**out, "reason": reason}
