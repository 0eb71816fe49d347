"""A picture in a mirror, and with its axes exchanged: nothing of a loss is left or right, up or
down.

Of truths only those whose centre is not nearer than INSIDE to a border of its cell: of a border
the cell to its right is chosen.
"""

from dataclasses import replace

import numpy as np

from ..cases import Case
from ..strategies import with_heads
from .law import evaluated, gap, law

INSIDE = 1e-3  # cells


def well_inside(case: Case) -> Case:
    """Without the truths whose centre is nearer to a border."""
    valid, centre = case.targets.valid.copy(), case.targets.boxes[..., :2]
    for head in case.heads:
        at = centre * (head.shape[2], head.shape[1])
        valid &= (abs(at - np.round(at)) >= INSIDE).all(axis=-1)
    return replace(case, targets=case.targets._replace(valid=valid))


def _num_boxes(case: Case) -> int:
    """Of the field axis."""
    return case.config.num_boxes if case.version == "v1" else 1


@law("vN.loss_and_grad")
def pictures_mirror(case: Case) -> float:
    """Columns in another order, x → 1 − x and t_x → −t_x: σ(−t) = 1 − σ(t)."""
    case = well_inside(case)

    def mirrored(x: np.ndarray) -> np.ndarray:
        x = x[:, :, ::-1].copy()
        x[..., 0 : 5 * _num_boxes(case) : 5] *= -1
        return x

    boxes = case.targets.boxes.copy()
    boxes[..., 0] = 1 - boxes[..., 0]
    terms, grads = evaluated(case)
    other = with_heads(replace(case, targets=case.targets._replace(boxes=boxes)),
                       map(mirrored, case.heads))  # fmt: skip
    return gap(evaluated(other), (terms, tuple(map(mirrored, grads))))


@law("vN.loss_and_grad")
def pictures_transpose(case: Case) -> float:
    """Rows and columns exchanged, x and y, w and h, and so of every anchor."""
    num = _num_boxes(case)
    fields = np.arange(case.heads[0].shape[-1])
    fields[: 5 * num] = (5 * np.arange(num)[:, None] + [1, 0, 3, 2, 4]).ravel()

    def turned(x: np.ndarray) -> np.ndarray:
        return x.swapaxes(1, 2)[..., fields]

    targets = case.targets._replace(boxes=case.targets.boxes[..., [1, 0, 3, 2]])
    config = case.config
    if case.version != "v1":
        config = replace(config, anchors=tuple((h, w) for w, h in config.anchors))
    terms, grads = evaluated(case)
    other = with_heads(replace(case, targets=targets, config=config), map(turned, case.heads))
    return gap(evaluated(other), (terms, tuple(map(turned, grads))))
