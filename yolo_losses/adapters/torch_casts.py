"""PyTorch: a cast to a wider dtype whose gradient keeps within the narrow one's finite values."""

from typing import Any

import torch


class _Widened(torch.autograd.Function):  # type: ignore[misc]
    """What torch.compile can trace."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        return x.to(dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        ctx.narrow, ctx.wide = inputs[0].dtype, inputs[1]

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        largest = torch.finfo(ctx.narrow).max
        return grads[0].clamp(-largest, largest).to(ctx.narrow), None


class _WidenedForwards(_Widened):
    """In forward mode too."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> torch.Tensor:
        return tangents[0].to(ctx.wide)


def widen(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """x in a dtype; its gradient saturates where the dtype of x is narrower."""
    if x.dtype == dtype:
        return x
    function = _Widened if torch.compiler.is_compiling() else _WidenedForwards
    return function.apply(x, dtype)
