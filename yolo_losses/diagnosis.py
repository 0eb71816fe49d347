"""What tells whether training gets on: counts and means over predictors, never 0/0.

::

    (1)  iou       = Σ 1obj_ij IOU_pred^truth / n         n = Σ 1obj_ij
    (2)  recall_50 = Σ 1obj_ij 1[IOU_pred^truth > 0.5] / n        recall_75 likewise
    (3)  obj       = Σ 1obj_ij Ĉ / n                      noobj = Σ (1 − 1obj_ij) Ĉ / (P − n)
    (4)  cls       = Σ 1obj_ij p̂(c) / n                   c the class of the truth

of each image and head, 0 where nothing is there to take the mean of. P are all predictors of a
head, the ignored ones among them. Darknet prints the same of a layer and a batch: Avg IOU, .5R,
.75R, Obj, Class, and No Obj, which there is over all predictors.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from . import grid, matching
from ._xp import Array, adapter, borrowing, constant, namespace, number
from .elementwise import sigmoid
from .grid import Cell, Raw
from .iou import SIMILARITY, centred
from .terms import (
    Formula,
    Problem,
    Rows,
    Workspace,
    differentiate,
    fields_at,
    head_sums,
    over_rows,
)

IOU = SIMILARITY["iou"]


class Diagnosis(NamedTuple):
    """Counts and means of a batch; constants for automatic differentiation.

    Attributes
    ----------
    positives, others : array, shape (N, S), integer
        Responsible predictors, and all that are not.
    ignored, collisions : array, shape (N, S), integer
        Predictors without objectness loss, and predictors lost to another truth.
    invalid, unassigned : array, shape (N,), integer
        Truths that break a rule, and usable ones that no head takes.
    iou, recall_50, recall_75 : array, shape (N, S)
        Equations (1) and (2), of responsible predictors: 0 … 1.
    obj, noobj : array, shape (N, S)
        Equation (3): mean objectness of responsible predictors, and of the others.
    cls : array, shape (N, S)
        Equation (4).
    """

    positives: Array
    others: Array
    ignored: Array
    collisions: Array
    invalid: Array
    unassigned: Array
    iou: Array
    recall_50: Array
    recall_75: Array
    obj: Array
    noobj: Array
    cls: Array

    def merged(self) -> "Diagnosis":
        """The same of all images and heads together: arrays of shape ()."""
        xp, dtype = namespace(self.iou), self.iou.dtype
        counts = [xp.sum(v) for v in self[:6]]

        def mean(v: Array, by: Array) -> Array:
            return _mean(xp.sum(v * number(by, dtype)), xp.sum(number(by, dtype)))

        means = [mean(v, self.positives) for v in self[6:]]
        means[4] = mean(self.noobj, self.others)
        return Diagnosis(*counts, *means)

    def line(self) -> str:
        """The batch in one line, on the host."""
        all_ = {k: float(adapter(v).host(v)) for k, v in self.merged()._asdict().items()}
        return (
            f"IOU {all_['iou']:.4f}, class {all_['cls']:.4f}, obj {all_['obj']:.4f}, "
            f"no obj {all_['noobj']:.4f}, .5R {all_['recall_50']:.4f}, "
            f".75R {all_['recall_75']:.4f}, count {all_['positives']:.0f}"
        )


def _mean(total: Array, count: Array) -> Array:
    """total / count, 0 where the count is."""
    xp = namespace(total)
    return xp.where(count > 0, total / xp.where(count > 0, count, 1.0), 0.0)


def diagnose(formula: Formula, raw: Sequence[Array], targets: Any, config: Any) -> Diagnosis:
    """The diagnosis of raw outputs."""

    @borrowing
    def on_arrays(raw: Sequence[Array], targets: Any) -> Diagnosis:
        raw = tuple(adapter(x).stop(x) for x in raw)
        return _of_problem(formula, formula.problem(raw, targets, config), config)

    return on_arrays(raw, targets)


def with_loss(
    formula: Formula, raw: Sequence[Array], targets: Any, config: Any, work: Workspace | None
) -> tuple[Any, tuple[Array, ...], Diagnosis]:
    """The terms, the gradient of their sum, and the diagnosis: the truths are assigned once."""

    def diagnosis(found: Problem) -> Diagnosis:
        return _of_problem(formula, found, config)

    return differentiate(formula, raw, targets, config, work, diagnosis)


class Seen(NamedTuple):
    """What is looked at of rows, (N, R)."""

    x: Array  # from the corner of the cell, cells
    y: Array
    w: Array  # fractions of the image
    h: Array
    label: Array
    lane: Array


def _of_problem(formula: Formula, found: Problem, config: Any) -> Diagnosis:
    rows = found.assigned.rows
    seen = Seen(rows.x, rows.y, rows.w, rows.h, rows.label, rows.lane)
    found = found._replace(rows=found.rows._replace(truth=seen))

    def step(heads: Sequence[int], rows: Rows, counts: Sequence[int], _: Any) -> Any:
        t, xp = fields_at(found, heads, rows, counts), namespace(rows.keep)
        columns = xp.stack(_of_rows(formula, t, rows, found, config), axis=-1)
        columns = xp.where(rows.keep[..., None], columns, 0.0)
        sums = [xp.sum(columns[:, k, :], axis=1) for k in grid.by_head(counts)]
        return (xp.stack(sums, axis=1),), []

    (sums,), _ = over_rows(found, step, [], [(5,)])
    positives, others, ignored, collisions, invalid, unassigned = _counts(found)
    means = _mean(sums, number(positives, sums.dtype)[..., None])
    iou, recall_50, recall_75, obj, cls = (means[..., k] for k in range(5))
    noobj = _others(found, number(others, sums.dtype))
    return Diagnosis(
        positives, others, ignored, collisions, invalid, unassigned,
        iou, recall_50, recall_75, obj, noobj, cls,
    )  # fmt: skip


def _of_rows(
    formula: Formula, t: Raw, rows: Rows, found: Problem, config: Any
) -> tuple[Array, ...]:
    """(N, R) each: IOU, whether it is above ½ and ¾, objectness, probability of the true class."""
    g, layout, t = rows.truth, found.layout, _own(t, rows.truth.lane)
    columns = [layout.column(k) for k in ("pw", "ph", "W", "H")]
    pw, ph, W, H = grid.per_row(columns, g.lane, t.tx.dtype)
    at = Cell(0.0, 0.0, pw, ph)
    x_hat, y_hat, w_hat, h_hat = formula.decode(t, at, g.lane, layout, config)
    pred = centred(x_hat - g.x, y_hat - g.y, w_hat * W, h_hat * H)  # in cells
    iou = IOU(pred, centred(0.0, 0.0, g.w * W, g.h * H))  # (1)
    above = (number(iou > least, iou.dtype) + (iou - iou) for least in (0.5, 0.75))  # (2) or NaN
    cls = _picked(formula.probability(t.c), g.label)  # (4)
    return iou, *above, sigmoid(t.to), cls  # (3)


def _own(t: Raw, lane: Array) -> Raw:
    """The fields of the predictors that rows are about; in v1 rows hold all boxes of a cell."""
    if t.tx.ndim == lane.ndim:
        return t
    xp = namespace(t.tx)
    picked = _picked(xp.stack(t[:5]), xp.broadcast_to(lane, (5, *lane.shape)))
    tx, ty, tw, th, to = (picked[k, ...] for k in range(5))
    return Raw(tx, ty, tw, th, to, t.c)


def _picked(v: Array, index: Array) -> Array:
    """(..., M) at an index (...)."""
    return namespace(v).take_along_axis(v, index[..., None], axis=-1)[..., 0]


def _others(found: Problem, count: Array) -> Array:
    """(N, S): mean objectness of predictors that are not responsible, some images at a time."""
    xp, occupied, parts = namespace(found.noobj), found.assigned.occupied, []
    for k in adapter(occupied).images(*occupied.shape):
        to = grid.plane([x[k, ...] for x in found.raw], found.layout, 4)
        free = xp.where(occupied[k, ...], 0.0, sigmoid(to))
        parts.append(head_sums(free, found.layout.slots()))
    return _mean(parts[0] if len(parts) == 1 else xp.concat(parts, axis=0), count)


def _counts(found: Problem) -> tuple[Array, ...]:
    """positives, others, ignored, collisions (N, S), invalid, unassigned (N,)."""
    held, lost, unassigned = matching.counts(found.whole)
    slots = constant(found.layout.slots(), held)
    ignored = matching.by_slice(found.whole.ignored, grid.by_head(found.layout.slots()))
    return held, slots - held, ignored, lost, found.whole.truths.invalid, unassigned
