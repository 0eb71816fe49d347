"""What became of each object: the predictors that it holds, and what they predict."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..boxes import cxcywh_to_xyxy
from ..grid import Decoded
from ..iou import iou
from ..matching import Matches
from ..targets import Targets
from .fit import Fit
from .photographs import Photograph
from .versions import argument, by_head

GOAL = 0.9  # IOU of a fitted box


class Candidate(NamedTuple):
    """A predictor that an object may hold."""

    head: int
    row: int
    col: int
    anchor: int
    iou_anchor: float  # IOU_anchor^truth; v1: of the prediction
    held: bool


class Prediction(NamedTuple):
    """What a responsible predictor says of its object."""

    box: np.ndarray  # (4,), centre form, fractions of the picture
    iou: float
    label: int  # the most probable class
    right: bool  # it is the object's


class Object(NamedTuple):
    """A truth, its best predictor, and what the predictors that it holds say."""

    picture: str
    name: str
    box: np.ndarray  # (4,), centre form, fractions of the picture
    best: Candidate
    predictions: tuple[Prediction, ...]
    lost_to: str | None  # the object that holds its best predictor instead

    @property
    def iou(self) -> float | None:
        """The lowest IOU of the predictors that it holds; None where it holds none."""
        return min((p.iou for p in self.predictions), default=None)

    @property
    def right(self) -> bool:
        """Whether all predictors that it holds name its class."""
        return all(p.right for p in self.predictions)


def objects(fit: Fit, pictures: Sequence[Photograph], targets: Targets) -> list[Object]:
    """All objects of a batch after a fit, picture by picture."""
    module, config = fit.case.module, fit.case.config
    raw = argument(config, fit.raw)
    matches = by_head(module.assign(raw, targets, config))
    decoded = by_head(module.decode(raw, config))
    return [
        _object(p, t, [_candidates(matches, n, u) for u in range(len(p.objects))], decoded, n)
        for n, p in enumerate(pictures)
        for t in range(len(p.objects))
    ]


def _object(
    picture: Photograph, t: int, candidates: list[list[Candidate]], decoded: Sequence[Decoded],
    n: int,
) -> Object:  # fmt: skip
    """Object t of picture n; `candidates` of all objects of the picture."""
    best = max(candidates[t], key=lambda c: c.iou_anchor)
    shared = 3 if decoded[0].cls.ndim == 4 else 4  # a v1 cell holds one object, else a predictor
    holders = (u for u, others in enumerate(candidates) if _holds(others, best[:shared]))
    holder = next(holders, t)
    predictions = tuple(
        _prediction(
            decoded[c.head], (n, c.row, c.col, c.anchor), picture.boxes[t], picture.labels[t]
        )
        for c in candidates[t]
        if c.held
    )
    lost_to = None if holder == t else picture.objects[holder]
    name, box = picture.objects[t], picture.boxes[t]
    return Object(picture.name, name, box, best, predictions, lost_to)


def _holds(candidates: Sequence[Candidate], wanted: tuple[float, ...]) -> bool:
    return any(c.held and c[: len(wanted)] == wanted for c in candidates)


def _candidates(matches: Sequence[Matches], n: int, t: int) -> list[Candidate]:
    """All predictors that truth t of image n may hold, head by head."""
    return [
        Candidate(head, int(m.row[n, t]), int(m.col[n, t]), int(anchor), float(value), bool(held))
        for head, m in enumerate(matches)
        for anchor, value, held in zip(m.anchor[n, t], m.iou[n, t], m.mask[n, t], strict=True)
    ]


def _prediction(decoded: Decoded, at: tuple[int, ...], truth: np.ndarray, label: int) -> Prediction:
    """One predictor; a v1 cell has one class distribution for all its predictors."""
    box = np.asarray(decoded.boxes[at], dtype=np.float64)
    cls = decoded.cls[at[: decoded.cls.ndim - 1]]
    overlap = float(iou(cxcywh_to_xyxy(box), cxcywh_to_xyxy(truth)))
    said = int(np.argmax(cls))
    return Prediction(box, overlap, said, said == label)
