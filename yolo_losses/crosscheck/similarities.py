"""CIOU with something else in it."""

import math
from collections.abc import Callable
from typing import Any

from .._xp import number
from ..elementwise import nonzero, parts, ratio, stop
from .formulas import absolute
from .variant import Wrap

# CIOU with another α or v: functions of IOU and v, and of the two angles.


class Namespace:
    """Names in the place of a module."""

    def __init__(self, **names: Any) -> None:
        self.__dict__.update(names)


def v_of_angles(a: Any, b: Any) -> Any:
    """4/π² (a − b)²."""
    return (a - b) ** 2 * (4 / math.pi**2)


def alpha_with(eps: float) -> Callable[[Any, Any], Any]:
    """v / (1 − IOU + v + ε), constant."""
    return lambda iou, v: ratio(stop(v), 1 - stop(iou) + stop(v) + eps)


def ciou_with(alpha: Callable[[Any, Any], Any], v_of: Callable[[Any, Any], Any]) -> Wrap:
    """`ciou` of another α and v."""

    def wrap(inner: Any) -> Any:
        names = inner.__globals__

        def ciou(pred: Any, gt: Any) -> Any:
            (w_hat, h_hat), (w, h) = parts(names["_size"](pred)), parts(names["_size"](gt))
            iou = ratio(*names["_inter_union"](pred, gt))
            oblong = nonzero(w) * nonzero(h) * nonzero(w_hat) * nonzero(h_hat)
            angles = names["atan_ratio"](w, h), names["atan_ratio"](w_hat, h_hat)
            v = oblong * v_of(*angles)
            return iou - names["distance"](pred, gt) - alpha(iou, v) * v

        return ciou

    return wrap


def _gated(iou: Any, v: Any) -> Any:
    above = number(getattr(iou, "value", iou) >= 0.5, getattr(iou, "value", iou).dtype)
    return alpha_with(0.0)(iou, v) * (type(iou)(above) if hasattr(iou, "value") else above)


CIOU: dict[str, tuple[str, Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    "alpha-one": ("α of CIOU is 1: IOU − ρ²/c² − v", lambda iou, v: 1.0, v_of_angles),
    "alpha-without-iou": ("α of CIOU is v / (1 + v)",
                          lambda iou, v: ratio(stop(v), stop(v) + 1), v_of_angles),
    "alpha-above-half": ("α of CIOU is 0 where IOU < ½", _gated, v_of_angles),
    "v-not-squared": ("v of CIOU is 4/π² |a − b|", alpha_with(0.0),
                      lambda a, b: absolute(a - b) * (4 / math.pi**2)),
}  # fmt: skip
