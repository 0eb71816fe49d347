"""Raw outputs read in another layout."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .problem import Problem
from .setup import Reading, Setup, Slip

Layout = Callable[[np.ndarray, Problem], np.ndarray]


def permuted(layout: Layout) -> Callable[[Setup], Setup]:
    """Each head by a layout: a permutation of its numbers."""

    def apply(setup: Setup) -> Setup:
        p = setup.problem
        orders = [layout(np.arange(x.size).reshape(x.shape), p).reshape(-1) for x in p.raw]

        def there(heads: Sequence[np.ndarray]) -> list[np.ndarray]:
            pairs = zip(heads, orders, strict=True)
            return [np.ascontiguousarray(x).reshape(-1)[k].reshape(x.shape) for x, k in pairs]

        def back(grads: Sequence[np.ndarray]) -> list[np.ndarray]:
            out = [np.empty(g.size) for g in grads]
            for g, k, v in zip(grads, orders, out, strict=True):
                v[k] = np.asarray(g).reshape(-1)
            return [v.reshape(g.shape) for v, g in zip(out, grads, strict=True)]

        return Setup(**{**vars(setup), "readings": (*setup.readings, Reading(there, back))})

    return apply


def of_boxes(change: Callable[[np.ndarray], np.ndarray]) -> Layout:
    """A layout of the part of boxes: (N, H, W, A, field); v1 has five fields and classes apart."""

    def layout(x: np.ndarray, p: Problem) -> np.ndarray:
        if x.ndim == 5:
            return change(x)
        end = 5 * p.boxes_per_vector
        boxes = change(x[..., :end].reshape(*x.shape[:3], -1, 5))
        return np.concatenate([boxes.reshape(*x.shape[:3], end), x[..., end:]], axis=-1)

    return layout


def _order(*first: int) -> Layout:
    return of_boxes(lambda x: x[..., [*first, *range(5, x.shape[-1])]])


def _field_major(x: np.ndarray) -> np.ndarray:
    return x.reshape(*x.shape[:3], x.shape[4], x.shape[3]).swapaxes(3, 4)


def _classes_first(x: np.ndarray, p: Problem) -> np.ndarray:
    return np.concatenate([x[..., p.num_classes :], x[..., : p.num_classes]], axis=-1)


def _confidences_last(x: np.ndarray, p: Problem) -> np.ndarray:
    end, lead = 5 * p.boxes_per_vector, x.shape[:3]
    boxes = x[..., : 4 * p.boxes_per_vector].reshape(*lead, -1, 4)
    boxes = np.concatenate([boxes, x[..., 4 * p.boxes_per_vector : end, None]], axis=-1)
    return np.concatenate([boxes.reshape(*lead, end), x[..., end:]], axis=-1)


def _columns_first(x: np.ndarray, p: Problem) -> np.ndarray:
    n, h, w = x.shape[:3]
    return x.reshape(n, w, h, *x.shape[3:]).swapaxes(1, 2)


LAYOUTS: tuple[tuple[str, str, Layout, int], ...] = (
    ("channels-field-major", "channels are field·A + anchor, not anchor·(5 + K) + field",
     of_boxes(_field_major), 1),
    ("objectness-first", "t_o stands before t_x t_y t_w t_h", _order(1, 2, 3, 4, 0), 1),
    ("y-x-h-w-order", "fields are read as t_y t_x t_h t_w: x and y, w and h exchanged",
     _order(1, 0, 3, 2, 4), 1),
    ("size-first-order", "t_w t_h stand before t_x t_y", _order(2, 3, 0, 1, 4), 2),
    ("classes-first", "class logits stand before the box", _classes_first, 1),
    ("anchors-reversed-in-outputs", "the predictors of a cell are read in the reverse order",
     of_boxes(lambda x: x[:, :, :, ::-1]), 1),
    ("grid-transposed-buffer", "the buffer is read as (W, H): rows and columns transposed",
     _columns_first, 1),
)  # fmt: skip


def slips(problem: Problem) -> Iterator[Slip]:
    """Layouts."""
    for name, text, layout, rank in LAYOUTS:
        yield Slip(name, "decode", text, permuted(layout), rank=rank)
    if problem.version == "v1":
        text = "all boxes stand before all confidences: 4·B, B, K"
        yield Slip("boxes-first-then-confidences", "decode", text, permuted(_confidences_last))
