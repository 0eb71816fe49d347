"""Non-maximum suppression as darknet does it, by its kinds.

| kind      | by                    | what is compared  | what a suppressed box loses |
|-----------|-----------------------|-------------------|-----------------------------|
| `sort`    | each class' own score | IOU               | the score of that class     |
| `greedy`  | the same              | IOU − (ρ²/c²)^0.6 | the same                    |
| `diou`    | the same              | IOU − (ρ²/c²)^β   | the same                    |
| `corners` | the same              | IOU               | the same                    |
| `obj`     | objectness            | IOU               | objectness and all scores   |

A box with objectness 0 takes part in nothing. `greedy` is `nms_kind=greedynms` of a cfg file: the
program's greedy suppression is DIOU-NMS, and `beta_nms` does nothing there.
"""

from collections.abc import Callable
from functools import partial

from .. import _check
from .._xp import Array, adapter, arange, namespace
from .darknet_boxes import diou, diou_nms, iou

Overlap = Callable[[Array, Array], Array]


def _iou(beta: float) -> Overlap:
    return iou


def _greedy(beta: float) -> Overlap:
    return diou


def _diou(beta: float) -> Overlap:
    return partial(diou_nms, beta=beta)


KIND: dict[str, Callable[[float], Overlap]] = {
    "sort": _iou,
    "greedy": _greedy,
    "diou": _diou,
    "corners": _iou,
    "obj": _iou,
}


def nms(
    boxes: Array, objectness: Array, prob: Array, *,
    kind: str = "sort", thresh: float = 0.45, beta: float = 0.6,
) -> tuple[Array, Array]:  # fmt: skip
    """Objectness and scores, 0 for what is suppressed.

    Parameters
    ----------
    boxes : array, shape (n, 4), real floating
        x y w h in one unit.
    objectness : array, shape (n,)
    prob : array, shape (n, K)
        Objectness times class probability, 0 where the program has cut it off.
    kind : str
        A row of the table above.
    thresh : float
        A box that overlaps a better one above it is suppressed.
    beta : float
        β of "diou".

    Returns
    -------
    objectness, prob : array, shape (n,), (n, K)

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes and libraries that do not fit, and a kind that does not exist.
    """
    _checked(boxes, objectness, prob, kind)
    xp, present = namespace(boxes), objectness != 0
    if boxes.shape[0] == 0:
        return objectness, prob
    scores = objectness[None, :] if kind == "obj" else xp.permute_dims(prob, (1, 0))
    kept = _kept(boxes, scores, present, KIND[kind](beta), thresh)
    kept = xp.permute_dims(kept, (1, 0)) | ~present[:, None]
    if kind == "obj":
        objectness = xp.where(kept[:, 0], objectness, 0.0)
    return objectness, xp.where(kept, prob, 0.0)


def _checked(boxes: Array, objectness: Array, prob: Array, kind: str) -> None:
    where = "darknet_nms.nms"
    _check.choice(where, "kind", kind, KIND)
    named = [("boxes", boxes), ("objectness", objectness), ("prob", prob)]
    for name, x in named:
        _check.floating(where, name, x)
    _check.together(where, named)
    n = boxes.shape[0] if boxes.ndim else 0
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        _check.wrong_value(where, "boxes", "have shape (n, 4) with x y w h", tuple(boxes.shape))
    if tuple(objectness.shape) != (n,):
        _check.wrong_value(where, "objectness", f"have shape ({n},)", tuple(objectness.shape))
    if prob.ndim != 2 or prob.shape[0] != n:
        _check.wrong_value(where, "prob", f"have shape ({n}, K)", tuple(prob.shape))


def _kept(
    boxes: Array, scores: Array, present: Array, overlap: Overlap, thresh: float
) -> Array:  # fmt: skip
    """(L, n) bool: what is left of n boxes in each of L lists of scores (L, n)."""
    xp, (lists, n) = namespace(boxes), scores.shape
    scores = xp.where(present[None, :], scores, 0.0)
    order = xp.argsort(-scores, axis=1, stable=True)
    here = xp.reshape(xp.take(boxes, xp.reshape(order, (lists * n,)), axis=0), (lists, n, 4))
    alive = xp.take_along_axis(scores, order, axis=1) != 0
    place = arange(n, order, order.dtype)

    def step(alive: Array, box: list[Array]) -> Array:
        xywh, own = box
        first = xp.any(alive & (place == own[:, None]), axis=1)[:, None]  # it is still there
        beaten = first & (place > own[:, None]) & (overlap(here, xywh[:, None, :]) > thresh)
        return alive & ~beaten

    turns = xp.zeros_like(order) + place
    alive = adapter(boxes).in_order(step, alive, [here, turns])
    return xp.take_along_axis(alive, xp.argsort(order, axis=1), axis=1)
