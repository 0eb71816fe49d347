"""LossTerms, and evaluating a formula with and without its gradient."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from . import grid
from ._xp import Array, constant, namespace
from .elementwise import ONE, Dual, stop, value
from .grid import Layout, Raw
from .matching import Assignment


class LossTerms(NamedTuple):
    """The terms of a loss, already weighted by their λ: (N, S), S the number of heads.

    Attributes
    ----------
    box : array, shape (N, S)
        Coordinates of responsible predictors.
    obj, noobj : array, shape (N, S)
        Confidence or objectness of responsible predictors, and of all others. Together they are
        the formula's objectness terms.
    cls : array, shape (N, S)
        Classes.
    """

    box: Any
    obj: Any
    noobj: Any
    cls: Any

    @property
    def total(self) -> Array:
        """The loss of each image, (N,): a sum, divided by nothing."""
        return namespace(self.box).sum(self.box + self.obj + self.noobj + self.cls, axis=-1)


class Problem(NamedTuple):
    """A formula's data: raw outputs, where its rows stand, and all that is constant."""

    raw: Sequence[Array]
    layout: Layout
    place: tuple[Array, ...]  # of each row (N, R)
    keep: Array  # (N, R)
    counts: tuple[int, ...]  # rows of each head
    rows: Array  # (N, R, D): the raw outputs there, 0 where not kept
    truth: Any  # a NamedTuple of arrays


def problem(raw: Sequence[Array], assignment: Assignment, truth: Any) -> Problem:
    """Read the raw outputs at the rows of an assignment."""
    layout, _, rows, _, _ = assignment
    place: tuple[Array, ...] = (rows.row, rows.col)
    if raw[0].ndim == 5:
        place = (*place, grid.per_row(layout.column("anchor"), rows.lane, rows.lane.dtype))
    at_rows = grid.gather(raw, place, rows.keep, rows.counts)
    return Problem(raw, layout, place, rows.keep, rows.counts, at_rows, truth)


# A formula maps the fields of the rows, the plane of all t_o, the truth and the config to
# LossTerms of single values: (N, R) or (N, R, B or K) for rows, (N, P) for the plane.
Formula = Callable[[Raw, Any, Any, Any], LossTerms]


def evaluate(formula: Formula, problem: Problem, config: Any) -> LossTerms:
    """The terms; automatic differentiation of a library goes through."""
    to = grid.plane(problem.raw, problem.layout, 4)
    return _reduce(formula(_fields(problem), to, problem.truth, config), problem)


def differentiate(
    formula: Formula, problem: Problem, config: Any
) -> tuple[LossTerms, tuple[Array, ...]]:
    """The terms and the exact gradient of their sum: the same formula on Duals."""
    raw, layout, place, keep, counts, rows, truth = problem
    raw, rows, truth = tuple(map(stop, raw)), stop(rows), type(truth)(*map(stop, truth))
    to = Dual(grid.plane(raw, layout, 4), ONE)
    fields = _seeded(_fields(problem._replace(rows=rows)))
    each = formula(fields, to, type(truth)(*map(Dual, truth)), config)
    slopes = _row_slopes(each, rows.shape)
    return _reduce(each, problem), grid.scatter(
        raw, layout, each.noobj.slope, place, keep, counts, slopes
    )


def _fields(problem: Problem) -> Raw:
    """The fields of the rows; in v1 those of all boxes of a cell."""
    if problem.raw[0].ndim == 5:
        return grid.fields(problem.rows)
    return grid.fields_of_boxes(problem.rows, len(problem.layout.lanes))


def _seeded(t: Raw) -> Raw:
    """Fields as Duals: slopes of the box have four entries, t_o and c one each, their own."""
    unit = constant([[float(i == k) for i in range(4)] for k in range(4)], t.tx)
    unit = namespace(unit).reshape(unit, (4, 4) + (1,) * t.tx.ndim)
    tx, ty, tw, th = (Dual(v, unit[k, ...]) for k, v in enumerate(t[:4]))
    return Raw(tx, ty, tw, th, Dual(t.to, ONE), Dual(t.c, ONE))


def _row_slopes(each: LossTerms, shape: tuple[int, ...]) -> Array:
    """(N, R, D): the slopes in the order of the fields."""
    xp, box = namespace(each.obj.slope), each.box.slope
    box = xp.permute_dims(box, (*range(1, box.ndim), 0))
    predictor = xp.concat([box, each.obj.slope[..., None]], axis=-1)
    num_classes = each.cls.slope.shape[-1]
    predictor = xp.reshape(predictor, (*shape[:2], shape[2] - num_classes))
    return xp.concat([predictor, each.cls.slope], axis=-1)


def _reduce(each: LossTerms, problem: Problem) -> LossTerms:
    """Sum single values over each head: (N, S)."""
    sizes = [len(lanes) * lanes[0].H * lanes[0].W for lanes in problem.layout.heads()]
    box, obj, cls = (_sums(value(v), problem.counts) for v in (each.box, each.obj, each.cls))
    return LossTerms(box, obj, _sums(value(each.noobj), sizes), cls)


def _sums(v: Array, counts: Sequence[int]) -> Array:
    """(N, R, ...) → (N, S)."""
    xp = namespace(v)
    v = xp.sum(v, axis=-1) if v.ndim == 3 else v
    return xp.stack([xp.sum(v[:, k], axis=1) for k in grid.by_head(counts)], axis=-1)
