"""PyTorch: eager, compiled, and under torch.func."""

from collections.abc import Callable, Mapping
from typing import Any

import array_api_compat.torch
import numpy as np
import torch

from .generic import Adapter, Array, Place


class Torch(Adapter):
    """PyTorch. No write depends on its order: what is dropped adds 0 or goes to a spare slot."""

    name = "torch"
    types = (torch.Tensor, torch.nn.Parameter)

    def placement(self, x: Array) -> dict[str, Any]:
        return {"device": x.device}

    def device(self, x: Array) -> object:
        return x.device

    def host(self, x: Array) -> np.ndarray:
        x = x.detach().cpu()
        return np.asarray(x.float() if x.dtype == torch.bfloat16 else x)

    def stop(self, x: Array) -> Array:
        return x.detach()

    def gather(self, x: Array, place: Place, keep: Array) -> Array:
        rows = x[self._images(x), *place]
        return torch.where(keep[..., None], rows, torch.zeros_like(rows))

    def mark(self, slot: Array, keep: Array, size: int) -> Array:
        spare = torch.where(keep, slot, size)
        out = torch.zeros((slot.shape[0], size + 1), dtype=torch.bool, device=slot.device)
        return out.scatter(1, spare, True)[:, :size]

    def assemble(
        self, x: Array, planes: Mapping[int, Array], place: Place, rows: Array, keep: Array
    ) -> Array:
        out = torch.zeros_like(x)
        for k, plane in planes.items():
            out.select(-1, k).copy_(plane)
        return out.index_put_((self._images(x), *place), rows, accumulate=True)

    def fold(self, condition: Callable[..., Array], per_truth: tuple[Array, ...]) -> Array:
        if torch.compiler.is_compiling():
            return torch.any(condition(*per_truth), dim=1)
        return super().fold(condition, per_truth)

    def _images(self, x: Array) -> Array:
        return torch.arange(x.shape[0], device=x.device)[:, None]


ADAPTER = Torch(array_api_compat.torch)
