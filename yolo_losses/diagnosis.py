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
from .elementwise import at, sigmoid
from .grid import Cell, Raw
from .iou import SIMILARITY, centred
from .problems import Held, Problem, Rows, fields_at, head_sums, over_rows, over_slots
from .terms import Formula, Watch, Workspace, differentiate

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
    watch = _watch(formula, config)

    @borrowing
    def on_arrays(raw: Sequence[Array], targets: Any) -> Diagnosis:
        found = formula.problem(tuple(adapter(x).stop(x) for x in raw), targets, config)

        def step(heads: Sequence[int], rows: Rows, counts: Sequence[int], _: Any) -> Any:
            return watch.of_rows(found, fields_at(found, heads, rows, counts), rows, counts), []

        of_rows, _ = over_rows(found, step, [], watch.like)
        others = over_slots(found, lambda k, to: watch.of_slots(found, k, to))
        answer: Diagnosis = watch.answer(found, (*of_rows, *others))
        return answer

    return on_arrays(raw, targets)


def with_loss(
    formula: Formula, raw: Sequence[Array], targets: Any, config: Any, work: Workspace | None
) -> tuple[Any, tuple[Array, ...], Diagnosis]:
    """The terms, the gradient of their sum, and the diagnosis, which share what they read."""
    return differentiate(formula, raw, targets, config, work, _watch(formula, config))


def _watch(formula: Formula, config: Any) -> Watch:
    """The sums of equations (1) to (4), and the diagnosis of them."""

    def of_rows(found: Problem, t: Raw, rows: Rows, counts: Sequence[int]) -> tuple[Array]:
        xp, columns = namespace(rows.keep), _of_rows(formula, t, rows, found, config)
        v = xp.where(rows.keep[..., None], xp.stack(columns, axis=-1), 0.0)
        return (xp.stack([xp.sum(v[:, k, :], axis=1) for k in grid.by_head(counts)], axis=1),)

    return Watch(of_rows, ((5,),), _of_others, _answer)


def _answer(found: Problem, sums: Sequence[Array]) -> Diagnosis:
    """Counts, and the means of sums."""
    of_rows, of_others = sums
    held, lost, unassigned = matching.counts(found.whole)
    slots = constant(found.layout.slots(), held)
    ignored = matching.by_slice(found.whole.ignored, grid.by_head(found.layout.slots()))
    means = _mean(of_rows, number(held, of_rows.dtype)[..., None])
    iou, recall_50, recall_75, obj, cls = (means[..., k] for k in range(5))
    noobj = _mean(of_others, number(slots - held, of_others.dtype))
    return Diagnosis(
        held, slots - held, ignored, lost, found.whole.truths.invalid, unassigned,
        iou, recall_50, recall_75, obj, noobj, cls,
    )  # fmt: skip


def _of_others(found: Problem, images: slice, to: Array) -> tuple[Array]:
    """(N, S): objectness of predictors that are not responsible."""
    free = namespace(to).where(found.whole.occupied[images, ...], 0.0, sigmoid(to))
    return (head_sums(free, found.layout.slots()),)


def _of_rows(
    formula: Formula, t: Raw, rows: Rows, found: Problem, config: Any
) -> tuple[Array, ...]:
    """(N, R) each: IOU, whether it is above ½ and ¾, objectness, probability of the true class."""
    held = rows.held
    iou = _overlap(formula, t, held, found, config)  # (1)
    nan = 0 * iou  # where it is NaN
    above = (number(iou > least, iou.dtype) + nan for least in (0.5, 0.75))  # (2)
    to = t.to if t.to.ndim == held.lane.ndim else at(t.to, held.lane)  # v1: of all boxes of a cell
    return iou, *above, sigmoid(to), formula.probability(t.c, held.label)  # (3) (4)


def _overlap(formula: Formula, t: Raw, held: Held, found: Problem, config: Any) -> Array:
    """(N, R): IOU_pred^truth."""
    if formula.decode is None:
        return held.iou
    columns = [found.layout.column(k) for k in ("pw", "ph", "W", "H")]
    pw, ph, W, H = grid.per_row(columns, held.lane, t.tx.dtype)
    cell = Cell(0.0, 0.0, pw, ph)
    x_hat, y_hat, w_hat, h_hat = formula.decode(t, cell, held.lane, found.layout, config)
    pred = centred(x_hat - held.x, y_hat - held.y, w_hat * W, h_hat * H)  # in cells
    return IOU(pred, centred(0.0, 0.0, held.w * W, held.h * H))
