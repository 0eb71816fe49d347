"""The losses as an `nn.Module`: one call, and a backward pass by the closed form."""

from typing import Any

import torch

from . import terms
from ._versions import of_config
from .adapters.torch import traced
from .targets import Targets
from .terms import LossTerms


class YOLOLoss(torch.nn.Module):  # type: ignore[misc]
    """The loss of a config, whose class says which version.

    ::

        loss = YOLOLoss(v3.Config.coco())
        loss(heads, targets).total.mean().backward()

    In eager mode the backward pass writes each gradient once, from slopes that the forward pass
    has computed by the closed form; it cannot be differentiated again (create_graph=True). Under
    torch.compile, in transforms of torch.func and in forward mode the terms are differentiated by
    torch. The numbers are the same.

    Parameters
    ----------
    config : v1.Config, v2.Config, v3.Config or v4.Config

    Raises
    ------
    TypeError
        Another config.
    """

    def __init__(self, config: Any) -> None:
        super().__init__()
        of_config("YOLOLoss", config)
        self.config = config

    def forward(self, raw: Any, targets: Targets) -> LossTerms:
        """The terms, (N, S) each; add them up, weigh them, reduce them as you like.

        Parameters
        ----------
        raw : tensor, or sequence of tensors for v3 and v4
            As for `loss` of the version. float16 and bfloat16, as under autocast, are computed in
            float32; their gradients come back in their dtype.
        targets : Targets

        Raises
        ------
        ValueError, TypeError
            As `loss` of the version.
        """
        version = of_config("YOLOLoss", self.config)
        heads = tuple(raw) if isinstance(raw, list | tuple) else (raw,)
        if traced() or not any(getattr(x, "requires_grad", False) for x in heads):
            each: LossTerms = version.loss(raw, targets, self.config)
            return each
        return LossTerms(*_ClosedForm.apply(version, raw, targets, self.config, *heads))

    def extra_repr(self) -> str:
        """The config, and of which version."""
        version = of_config("YOLOLoss", self.config)
        return f"{version.__name__.rpartition('.')[2]}.{self.config!r}"


class _ClosedForm(torch.autograd.Function):  # type: ignore[misc]
    """Terms whose gradient is put together from their slopes."""

    @staticmethod
    def forward(
        ctx: Any, version: Any, raw: Any, targets: Targets, config: Any, *heads: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        each, ctx.slopes = version.linearise(raw, targets, config)
        ctx.heads = tuple(x.detach() for x in heads)  # for their shapes and strides
        return tuple(each)

    @staticmethod
    def backward(ctx: Any, *cotangent: torch.Tensor) -> tuple[Any, ...]:
        if torch.is_grad_enabled():  # create_graph=True
            msg = "YOLOLoss: its gradient cannot be differentiated; that of vN.loss can"
            raise RuntimeError(msg)
        grads = terms.pull_back(ctx.heads, ctx.slopes, LossTerms(*cotangent))
        return None, None, None, None, *grads
