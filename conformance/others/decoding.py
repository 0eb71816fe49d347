"""Programs that decode raw outputs as YOLOv3 and YOLOv4 do, one head at a time."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from conformance.others.function import Answer, Function, Library, OutOfScope
from yolo_losses.testing import Case


class Head(NamedTuple):
    """A raw output (N, A·(5 + K), H, W) as a tensor, and what its layer is made with."""

    raw: Any
    anchors: list[tuple[float, float]]
    num_classes: int
    size: tuple[float, float]  # of the network input, (width, height) in pixels
    scale_xy: float


def _answer(rows: Callable[[Head], Any]) -> Answer:
    """Of (head) → (N, H, W, A, 5 + K): x y w h in pixels, objectness, classes."""

    def answer(case: Case, dtype: str) -> Mapping[str, Any]:
        heads = [_head(case, s, dtype) for s in range(len(case.heads))]
        found = [(np.asarray(rows(head)), head.size) for head in heads]
        return {
            "boxes": [x[..., :4] / np.array([*size, *size], dtype=dtype) for x, size in found],
            "obj": [x[..., 4] for x, _ in found],
            "cls": [x[..., 5:] for x, _ in found],
        }

    return answer


def _head(case: Case, s: int, dtype: str) -> Head:
    import torch

    raw, config = case.heads[s], case.config
    n, h, w, a, fields = raw.shape
    channels = np.moveaxis(raw.reshape(n, h, w, a * fields), -1, 1).astype(dtype)
    stride, scales = config.strides[s], getattr(config, "scale_xy", (1.0,) * len(case.heads))
    anchors = [tuple(config.anchors[k]) for k in config.masks[s]]
    tensor = torch.from_numpy(np.ascontiguousarray(channels))
    return Head(tensor, anchors, fields - 5, (w * stride, h * stride), scales[s])


def pytorchyolo() -> list[Function]:
    """Of `pytorchyolo.models.YOLOLayer`, for square and oblong inputs of version 3."""
    import torch
    from pytorchyolo.models import YOLOLayer

    def rows(head: Head) -> Any:
        n, _, h, w = head.raw.shape
        layer = YOLOLayer(head.anchors, head.num_classes, new_coords=False).eval()
        with torch.no_grad():
            out = layer(head.raw, int(head.size[1]))
        return out.reshape(n, len(head.anchors), h, w, -1).permute(0, 2, 3, 1, 4).numpy()

    return [Function("models.YOLOLayer", ("v3", "decode"), _answer(rows))]


def lightning_bolts() -> list[Function]:
    """Of `pl_bolts.models.detection.yolo`, which returns corners."""
    import torch
    from pl_bolts.models.detection.yolo.layers import DetectionLayer

    def rows(head: Head) -> Any:
        n, _, h, w = head.raw.shape
        if max(abs(head.raw.max()), abs(head.raw.min())) > 20:
            msg = "corners of a box of e^20 anchors do not hold its centre"
            raise OutOfScope(msg)
        layer = DetectionLayer(head.num_classes, head.anchors, None, None, head.scale_xy)
        with torch.no_grad():
            out, _ = layer(head.raw, torch.tensor(head.size))
        corners = out.numpy().reshape(n, h, w, len(head.anchors), -1)
        low, high = corners[..., :2], corners[..., 2:4]
        return np.concatenate([(low + high) / 2, high - low, corners[..., 4:]], axis=-1)

    name = "models.detection.yolo.layers.DetectionLayer"
    return [
        Function(f"{name}({version})", (version, "decode"), _answer(rows))
        for version in ("v3", "v4")
    ]


LIBRARIES = (Library("lightning-bolts", lightning_bolts),)
