"""Answers of functions that take arrays of NumPy, lists or numbers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from conformance.others.function import Answer
from yolo_losses.testing import Case


def similarity(function: Callable[[Any, Any], Any]) -> Answer:
    """Of (pred (1, 4), gt (1, 4)) → one number, in any shape."""

    def answer(case: Case, dtype: str) -> Mapping[str, Any]:
        pred, gt = (np.array([case.inputs[k]], dtype=dtype) for k in ("pred", "gt"))
        return {"value": np.asarray(function(pred, gt)).reshape(())}

    return answer


def of_lists(function: Callable[[list[float], list[float]], float]) -> Answer:
    """Of (pred, gt), each four numbers of Python."""

    def answer(case: Case, dtype: str) -> Mapping[str, Any]:
        return {"value": np.array(function(list(case.inputs["pred"]), list(case.inputs["gt"])))}

    return answer


def conversion(functions: Mapping[str, Callable[..., Any]]) -> Answer:
    """Of conversions, each under the name that it has here; it takes boxes, and a size if any."""

    def answer(case: Case, dtype: str) -> Mapping[str, Any]:
        name, boxes, *size = case.inputs.values()
        return {"boxes": np.asarray(functions[name](np.array(boxes, dtype=dtype), *size))}

    return answer
