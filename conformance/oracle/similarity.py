"""Similarities of two boxes.

I intersection, U union, C area of the smallest enclosing box, c its diagonal, ρ the distance
of the centres.

    IOU  = I / U                          0 where U = 0
    GIOU = IOU − (C − U) / C              second part 0 where C = 0
    DIOU = IOU − ρ² / c²                  second part 0 where c = 0
    CIOU = DIOU − α v                     v = 4/π² (atan(w/h) − atan(ŵ/ĥ))²
                                          α = v / ((1 − IOU) + v)

v = 0 where either box has a zero width or height; α = 0 where v = 0. Boxes are corners
(x1, y1, x2, y2); one with x2 < x1 counts as width 0 at its centre, (x1 + x2) / 2.

α is a constant for the gradient, v is not, and an intersection of width 0 has slope 0: every
similarity takes what is held, None for what the two boxes have.
"""

from typing import NamedTuple

from conformance.oracle.difference import KINKED, moved, slope
from conformance.oracle.number import functions

Box = tuple[float, float, float, float]


class Held(NamedTuple):
    """What is constant for the gradient: α, and whether the boxes are apart or only touch."""

    alpha: float
    apart: bool


def corners(x: float, y: float, w: float, h: float) -> Box:
    """The corners of a box in centre form."""
    return (x - w / 2, y - h / 2, x + w / 2, y + h / 2)


def size(box: Box) -> tuple[float, float]:
    """(w, h), 0 for a side that is turned round. (max keeps a NaN in its first argument.)"""
    x1, y1, x2, y2 = box
    return max(x2 - x1, 0.0), max(y2 - y1, 0.0)


def area(box: Box) -> float:
    """w h."""
    w, h = size(box)
    return w * h


def upright(box: Box) -> Box:
    """A box that is turned round, as one of width (height) 0 on the same centre."""
    x1, y1, x2, y2 = box
    if x2 < x1:
        x1 = x2 = (x1 + x2) / 2
    if y2 < y1:
        y1 = y2 = (y1 + y2) / 2
    return x1, y1, x2, y2


def common(pred: Box, gt: Box) -> Box:
    """The box that both cover; turned round where they are apart."""
    pred, gt = upright(pred), upright(gt)
    low = [max(a, b) for a, b in zip(pred[:2], gt[:2], strict=True)]
    high = [min(a, b) for a, b in zip(pred[2:], gt[2:], strict=True)]
    return (*low, *high)


def enclosing(pred: Box, gt: Box) -> Box:
    """The smallest box around both."""
    pred, gt = upright(pred), upright(gt)
    low = [min(a, b) for a, b in zip(pred[:2], gt[:2], strict=True)]
    high = [max(a, b) for a, b in zip(pred[2:], gt[2:], strict=True)]
    return (*low, *high)


def intersection(pred: Box, gt: Box, held: Held | None = None) -> float:
    """I."""
    return 0.0 if held and held.apart else area(common(pred, gt))


def union(pred: Box, gt: Box, held: Held | None = None) -> float:
    """U = w h + ŵ ĥ − I."""
    return area(pred) + area(gt) - intersection(pred, gt, held)


def rho2(pred: Box, gt: Box) -> float:
    """ρ², of the centres (x1 + x2) / 2, (y1 + y2) / 2."""
    dx = (pred[0] + pred[2]) / 2 - (gt[0] + gt[2]) / 2
    dy = (pred[1] + pred[3]) / 2 - (gt[1] + gt[3]) / 2
    return dx**2 + dy**2


def diagonal2(pred: Box, gt: Box) -> float:
    """c² = the squared sides of the enclosing box, added."""
    w, h = size(enclosing(pred, gt))
    return w**2 + h**2


def aspect(pred: Box, gt: Box) -> float:
    """v = 4/π² (atan(w/h) − atan(ŵ/ĥ))², 0 where either box has a zero width or height."""
    w_hat, h_hat = size(pred)
    w, h = size(gt)
    if 0.0 in (w, h, w_hat, h_hat):
        return 0.0
    m = functions(w_hat)
    return 4 / m.pi**2 * (m.atan(w / h) - m.atan(w_hat / h_hat)) ** 2


def aspect_weight(pred: Box, gt: Box) -> float:
    """α = v / ((1 − IOU) + v), 0 where v = 0."""
    v = aspect(pred, gt)
    return 0.0 if v == 0.0 else v / ((1.0 - iou(pred, gt)) + v)


def hold(pred: Box, gt: Box) -> Held:
    """What two boxes hold constant."""
    return Held(aspect_weight(pred, gt), 0.0 in size(common(pred, gt)))


def iou(pred: Box, gt: Box, held: Held | None = None) -> float:
    """IOU = I / U, 0 where U = 0."""
    U = union(pred, gt, held)
    return 0.0 if U == 0.0 else intersection(pred, gt, held) / U


def giou(pred: Box, gt: Box, held: Held | None = None) -> float:
    """GIOU = IOU − (C − U) / C, second part 0 where C = 0."""
    C = area(enclosing(pred, gt))
    U = union(pred, gt, held)
    return iou(pred, gt, held) - (0.0 if C == 0.0 else (C - U) / C)


def diou(pred: Box, gt: Box, held: Held | None = None) -> float:
    """DIOU = IOU − ρ² / c², second part 0 where c = 0."""
    c2 = diagonal2(pred, gt)
    return iou(pred, gt, held) - (0.0 if c2 == 0.0 else rho2(pred, gt) / c2)


def ciou(pred: Box, gt: Box, held: Held | None = None) -> float:
    """CIOU = DIOU − α v."""
    alpha = held.alpha if held else aspect_weight(pred, gt)
    return diou(pred, gt, held) - alpha * aspect(pred, gt)


SIMILARITY = {"iou": iou, "giou": giou, "diou": diou, "ciou": ciou}


def gradient(name: str, pred: Box, gt: Box, step: float = KINKED) -> list[float]:
    """∂ similarity / ∂ each corner of pred, with what is held as it is at pred.

    `step` is a fraction of the enclosing box's longer side. Central differences share a tie of
    minimum or maximum ½–½, as is asked for, but only to the order of the step, and give nothing of
    use where a box has no width or height.
    """
    held = hold(pred, gt)
    h = step * (max(size(enclosing(pred, gt))) or 1.0)

    def changed(field: int, value: float) -> list[float]:
        return [SIMILARITY[name](tuple(moved(pred, field, value)), gt, held)]

    return [slope(lambda v, n=n: changed(n, v), pred[n], h) for n in range(4)]
