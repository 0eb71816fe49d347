"""Answers of functions that take tensors of PyTorch, with slopes by its autograd."""

from collections.abc import Callable, Mapping
from typing import Any

from conformance.others.function import Answer
from yolo_losses.testing import Case

Pairs = Callable[[Any, Any], Any]
"""(pred (1, 4), gt (1, 4)) → one number, in any shape."""


def similarity(function: Pairs) -> Answer:
    """Of a function that returns similarities, by pair or as a matrix of all pairs."""

    def answer(case: Case, dtype: str) -> Mapping[str, Any]:
        import torch

        pred, gt = (torch.tensor([case.inputs[k]], dtype=getattr(torch, dtype))
                    for k in ("pred", "gt"))  # fmt: skip
        pred.requires_grad_()
        value = function(pred, gt).reshape(())
        found = {"value": value.detach().numpy()}
        if value.requires_grad:
            value.backward()
            found["slopes"] = pred.grad[0].numpy()
        return found

    return answer


def loss(function: Pairs) -> Answer:
    """Of a function that returns 1 − similarity."""
    return similarity(lambda pred, gt: 1 - function(pred, gt))


def centre_form(function: Pairs) -> Pairs:
    """A function of boxes x y w h (centre and size), fed with corners."""
    return lambda pred, gt: function(_centre(pred), _centre(gt))


def _centre(xyxy: Any) -> Any:
    import torch

    low, high = xyxy[..., :2], xyxy[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def conversion(functions: Mapping[str, Callable[..., Any]]) -> Answer:
    """Of conversions, each under the name that it has here; it takes boxes, and a size if any."""

    def answer(case: Case, dtype: str) -> Mapping[str, Any]:
        import torch

        name, boxes, *size = case.inputs.values()
        found = functions[name](torch.tensor(boxes, dtype=getattr(torch, dtype)), *size)
        return {"boxes": found.numpy()}

    return answer
