"""LossTerms, and evaluating a formula with and without its gradient."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from . import grid
from ._xp import Array, adapter, borrowing, constant, namespace, number
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
    noobj: Array  # (N, P) bool: no object, and not ignored


def problem(raw: Sequence[Array], found: Assignment, truth: Any) -> Problem:
    """Read the raw outputs at the rows of an assignment."""
    layout, _, rows, occupied, ignored = found
    place: tuple[Array, ...] = (rows.row, rows.col)
    if raw[0].ndim == 5:
        place = (*place, *grid.per_row([layout.column("anchor")], rows.lane, rows.lane.dtype))
    at_rows = grid.gather(raw, place, rows.keep, rows.counts)
    noobj = ~(occupied | ignored)
    return Problem(raw, layout, place, rows.keep, rows.counts, at_rows, truth, noobj)


class Formula(NamedTuple):
    """A loss: its terms of rows, its term of all other predictors, and where their data come from.

    A term is a function of raw outputs, of constants and of the config: single values, (N, R) or
    (N, R, B or K) for rows, (N, P) for the others.
    """

    objects: Callable[[Raw, Any, Any], tuple[Any, Any, Any]]  # fields, truth → box, obj, cls
    noobj: Callable[[Any, Any, Any], Any]  # t_o, 1noobj → noobj
    problem: Callable[[Sequence[Array], Any, Any], Problem]  # raw outputs, targets


def evaluate(formula: Formula, raw: Sequence[Array], targets: Any, config: Any) -> LossTerms:
    """The terms; automatic differentiation of a library goes through."""

    def on_arrays(raw: Sequence[Array], targets: Any) -> LossTerms:
        found = formula.problem(raw, targets, config)
        to, noobj = grid.plane(raw, found.layout, 4), number(found.noobj, found.rows.dtype)
        box, obj, cls = formula.objects(_fields(found), found.truth, config)
        noobj = _sum(formula.noobj(to, noobj, config), found.layout.slots())
        return _terms(box, obj, noobj, cls, found)

    constant = not any(adapter(x).tracked(x) for x in raw)
    return (borrowing(on_arrays) if constant else on_arrays)(raw, targets)


# The gradient, in two steps: the slopes of the rows and of the objectness plane, which are small,
# and arrays like the raw outputs with each of them in its place.


class Slopes(NamedTuple):
    """The slopes of a loss and where they belong: a tuple over the heads each."""

    noobj: tuple[Array, ...]  # (N, H, W, A), v1 (N, S, S, B): of noobj along t_o
    place: tuple[tuple[Array, ...], ...]  # row, col and, but in v1, anchor: (N, R)
    rows: tuple[Array, ...]  # (N, R, D): of box, obj and cls along all fields
    keep: tuple[Array, ...]  # (N, R)


def linearise(
    formula: Formula, raw: Sequence[Array], targets: Any, config: Any
) -> tuple[LossTerms, Slopes]:
    """The terms and their exact slopes: the same formulas on Duals."""

    @borrowing
    def on_arrays(raw: Sequence[Array], targets: Any) -> tuple[LossTerms, Slopes]:
        found = formula.problem(tuple(map(stop, raw)), targets, config)
        truth = type(found.truth)(*map(Dual, found.truth))
        box, obj, cls = formula.objects(_seeded(_fields(found)), truth, config)
        noobj, slope = _everywhere(formula, found, config)
        return _terms(box, obj, noobj, cls, found), _slopes(box, obj, slope, cls, found)

    return on_arrays(raw, targets)


def _everywhere(formula: Formula, found: Problem, config: Any) -> tuple[Array, Array]:
    """The term of all other predictors, (N, S), and its slope, (N, P), some images at a time."""
    xp, sums, slopes = namespace(found.rows), [], []
    for k in adapter(found.rows).images(*found.noobj.shape):
        to = grid.plane([x[k, ...] for x in found.raw], found.layout, 4)
        noobj = Dual(number(found.noobj[k, ...], to.dtype))
        each = formula.noobj(Dual(to, ONE), noobj, config)
        sums.append(_sum(each.value, found.layout.slots()))
        slopes.append(each.slope)
    if len(sums) == 1:
        return sums[0], slopes[0]
    return xp.concat(sums, axis=0), xp.concat(slopes, axis=0)


@borrowing
def pull_back(
    raw: Sequence[Array], slopes: Slopes, cotangent: LossTerms | None = None
) -> tuple[Array, ...]:
    """Arrays like raw: the gradient of the sum of all terms, or of cotangent · terms."""
    written = zip(raw, _written(raw, slopes, cotangent), strict=True)
    return tuple(adapter(x).assemble(x, *what) for x, what in written)


class Workspace:
    """Gradients that stay where they are, for callers who step in a loop.

    What a call returns is valid until the next one and must not be written to: that call clears the
    rows of the last, and writes its own and the objectness fields, no more.
    """

    def __init__(self, raw: Sequence[Array]) -> None:
        self.grads = tuple(adapter(x).blank(x) for x in raw)
        self._last: Slopes | None = None

    def pull_back(self, slopes: Slopes) -> tuple[Array, ...]:
        """The gradient of the sum of all terms, in the same arrays each time."""
        _rewrite(self.grads, slopes, self._last)
        self._last = slopes
        return self.grads


@borrowing
def _rewrite(grads: Sequence[Array], slopes: Slopes, last: Slopes | None) -> None:
    for s, (out, what) in enumerate(zip(grads, _written(grads, slopes, None), strict=True)):
        if last is not None:
            adapter(out).clear(out, last.place[s], last.keep[s])
        adapter(out).fill(out, *what)


def differentiate(
    formula: Formula, raw: Sequence[Array], targets: Any, config: Any, work: Workspace | None
) -> tuple[LossTerms, tuple[Array, ...]]:
    """The terms and the gradient of their sum."""
    each, slopes = linearise(formula, raw, targets, config)
    return each, pull_back(raw, slopes) if work is None else work.pull_back(slopes)


def _written(
    raw: Sequence[Array], slopes: Slopes, cotangent: LossTerms | None
) -> Iterator[tuple[dict[int, Array], tuple[Array, ...], Array, Array]]:
    """Planes by field, places, rows and keep of each head, in the dtype of raw."""
    for s, (x, noobj, place, rows, keep) in enumerate(zip(raw, *slopes, strict=True)):
        num_boxes = noobj.shape[3] if x.ndim == 4 else 1
        if cotangent is not None:
            noobj, rows = _scaled(noobj, rows, num_boxes, LossTerms(*(v[:, s] for v in cotangent)))
        noobj, rows = grid.saturate(noobj, x.dtype), grid.saturate(rows, x.dtype)
        planes = [noobj] if x.ndim == 5 else [noobj[..., b] for b in range(num_boxes)]
        yield {5 * b + 4: plane for b, plane in enumerate(planes)}, place, rows, keep


def _scaled(
    noobj: Array, rows: Array, num_boxes: int, by: LossTerms
) -> tuple[Array, Array]:  # fmt: skip
    """The slopes of a head times cotangents (N,) of its terms."""
    xp, (n, _, d) = namespace(rows), rows.shape
    of_boxes = xp.stack([by.box, by.box, by.box, by.box, by.obj] * num_boxes, axis=1)
    of_classes = xp.broadcast_to(by.cls[:, None], (n, d - 5 * num_boxes))
    of_fields = xp.concat([of_boxes, of_classes], axis=1)
    return noobj * by.noobj[:, None, None, None], rows * of_fields[:, None, :]


def _fields(found: Problem) -> Raw:
    """The fields of the rows; in v1 those of all boxes of a cell."""
    if found.raw[0].ndim == 5:
        return grid.fields(found.rows)
    return grid.fields_of_boxes(found.rows, len(found.layout.lanes))


def _seeded(t: Raw) -> Raw:
    """Fields as Duals: slopes of the box have four entries, t_o and c one each, their own."""
    unit = constant([[float(i == k) for i in range(4)] for k in range(4)], t.tx)
    unit = namespace(unit).reshape(unit, (4, 4) + (1,) * t.tx.ndim)
    tx, ty, tw, th = (Dual(v, unit[k, ...]) for k, v in enumerate(t[:4]))
    return Raw(tx, ty, tw, th, Dual(t.to, ONE), Dual(t.c, ONE))


def _slopes(box: Dual, obj: Dual, noobj: Array, cls: Dual, found: Problem) -> Slopes:
    """The slopes of single values, head by head."""
    rows, heads = _row_slopes(box, obj, cls, found.rows.shape), grid.by_head(found.counts)
    return Slopes(
        noobj=tuple(grid.split_planes(noobj, found.layout)),
        place=tuple(tuple(v[:, k] for v in found.place) for k in heads),
        rows=tuple(rows[:, k, :] for k in heads),
        keep=tuple(found.keep[:, k] for k in heads),
    )


def _row_slopes(box: Dual, obj: Dual, cls: Dual, shape: tuple[int, ...]) -> Array:
    """(N, R, D): the slopes in the order of the fields."""
    xp, of_box = namespace(obj.slope), box.slope
    of_box = xp.permute_dims(of_box, (*range(1, of_box.ndim), 0))
    predictor = xp.concat([of_box, obj.slope[..., None]], axis=-1)
    num_classes = cls.slope.shape[-1]
    predictor = xp.reshape(predictor, (*shape[:2], shape[2] - num_classes))
    return xp.concat([predictor, cls.slope], axis=-1)


def _terms(box: Any, obj: Any, noobj: Array, cls: Any, found: Problem) -> LossTerms:
    """Single values of rows, summed over each head, (N, S), beside the sums of the others."""
    box, obj, cls = (_sum(value(v), found.counts) for v in (box, obj, cls))
    return LossTerms(box, obj, noobj, cls)


def _sum(v: Array, counts: Sequence[int]) -> Array:
    """(N, R, ...) → (N, S)."""
    xp = namespace(v)
    v = xp.sum(v, axis=-1) if v.ndim == 3 else v
    return xp.stack([xp.sum(v[:, k], axis=1) for k in grid.by_head(counts)], axis=-1)
