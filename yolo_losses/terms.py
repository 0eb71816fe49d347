"""LossTerms, and evaluating a formula with and without its gradient."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from . import grid
from ._xp import (
    Array,
    adapter,
    arrays_of,
    borrowing,
    compute_dtype,
    constant,
    namespace,
    number,
    with_arrays,
)
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


# The data of a formula. Rows are places of single predictors, (N, R), head by head.

Place = tuple[Array, ...]  # row, col and, but in v1, anchor


class Rows(NamedTuple):
    """Rows of some heads."""

    place: Place
    keep: Array  # a truth holds the predictor
    truth: Any  # a NamedTuple of constants, (N, R, ...)


class Problem(NamedTuple):
    """Raw outputs, and all that is constant."""

    raw: Sequence[Array]
    layout: Layout
    rows: Rows
    counts: tuple[int, ...]  # rows of each head
    noobj: Array  # (N, P) bool: no object, and not ignored
    assigned: Assignment  # with the rows above
    whole: Assignment  # with those that hold nothing too


def problem(
    raw: Sequence[Array], found: Assignment, truth: Any, whole: Assignment | None = None
) -> Problem:
    """An assignment and the truth of its rows, as a formula needs them.

    `whole` is what `found` was made of by `matching.compact`.
    """
    layout, _, rows, occupied, ignored = found
    place: Place = (rows.row, rows.col)
    if raw[0].ndim == 5:
        place = (*place, *grid.per_row([layout.column("anchor")], rows.lane, rows.lane.dtype))
    kept, noobj = Rows(place, rows.keep, truth), ~(occupied | ignored)
    found, whole = _without(found, UNREAD), _without(whole or found, UNCOUNTED)
    return Problem(raw, layout, kept, rows.counts, noobj, found, whole)


# Columns of rows that nobody reads any more, of those that are kept, and of all: where truths are
# many they are long.
UNREAD = ("iou", "row", "col", "slot")
UNCOUNTED = (*UNREAD, "lane", "x", "y", "w", "h", "label")


def _without(found: Assignment, columns: Sequence[str]) -> Assignment:
    unread: Any = dict.fromkeys(columns)
    return found._replace(rows=found.rows._replace(**unread))


class Formula(NamedTuple):
    """A loss: its terms of rows, its term of all other predictors, and where their data come from.

    A term is a function of raw outputs, of constants and of the config: single values, (N, R) or
    (N, R, B or K) for rows, (N, P) for the others.
    """

    objects: Callable[[Raw, Any, Any], tuple[Any, Any, Any]]  # fields, truth → box, obj, cls
    noobj: Callable[[Any, Any, Any], Any]  # t_o, 1noobj → noobj
    problem: Callable[[Sequence[Array], Any, Any], Problem]  # raw outputs, targets
    # fields, cell, lane of rows and layout → x̂ ŷ ŵ ĥ
    decode: Callable[[Raw, grid.Cell, Array, Layout, Any], tuple[Any, Any, Any, Any]]
    probability: Callable[[Array], Array]  # class logits → p̂


# Over all rows.

Step = Callable[[Sequence[int], Rows, Sequence[int], Any], tuple[tuple[Array, ...], Any]]


def over_rows(
    found: Problem, step: Step, grads: Any, sums_like: Sequence[tuple[int, ...]] = ((), (), ())
) -> tuple[tuple[Array, ...], Any]:
    """step(heads, rows, counts, grads): sums over rows, and the grads so far.

    A sum is (N, heads) and the axes that `sums_like` gives it more.

    One step takes the rows of all heads. Where they are many, so that memory does not grow with
    them, a step takes some of one head.
    """
    most = max(2 * found.layout.size, 2**14) // found.raw[0].shape[-1]  # as large as two planes
    if found.rows.keep.shape[1] <= most:
        return step(range(len(found.raw)), found.rows, found.counts, grads)
    sums, out = [], []
    for s, k in enumerate(grid.by_head(found.counts)):
        of_head, grad = _over_head(found, step, s, k, grads[s : s + 1], most, sums_like)
        sums.append(of_head)
        out += grad
    columns = zip(*sums, strict=True)
    return tuple(namespace(found.rows.keep).concat(v, axis=1) for v in columns), out


def _over_head(
    found: Problem,
    step: Step,
    s: int,
    k: slice,
    grads: Any,
    most: int,
    sums_like: Sequence[tuple[int, ...]],
) -> tuple[tuple[Array, ...], Any]:
    """`over_rows` of one head, some rows at a time."""
    here, arrays = adapter(found.rows.keep), [v[:, k, ...] for v in arrays_of(found.rows)]

    def more(carry: Any, arrays: Sequence[Array]) -> Any:
        before, grads = carry
        rows = with_arrays(found.rows, arrays)
        sums, grads = step((s,), rows, (rows.keep.shape[1],), grads)
        return tuple(b + v for b, v in zip(before, sums, strict=True)), grads

    xp, x = namespace(found.raw[s]), found.raw[s]
    dtype, place = compute_dtype(x), adapter(x).placement(x)
    zeros = tuple(xp.zeros((x.shape[0], 1, *more), dtype=dtype, **place) for more in sums_like)
    start = zeros, list(grads)
    sums, grads = here.scan(more, start, arrays, max(1, 3 * most // 4))
    return sums, grads


def fields_at(found: Problem, heads: Sequence[int], rows: Rows, counts: Sequence[int]) -> Raw:
    """The fields of raw outputs at rows, 0 where not kept; in v1 those of all boxes of a cell."""
    raw = [found.raw[s] for s in heads]
    at_rows = grid.gather(raw, rows.place, rows.keep, counts)
    if raw[0].ndim == 5:
        return grid.fields(at_rows)
    return grid.fields_of_boxes(at_rows, len(found.layout.lanes))


def of_each_row(formula: Formula, found: Problem, config: Any) -> tuple[Array, Array, Array]:
    """box, obj and cls of each row before any sum: (N, R, ...), in the dtype of the constants."""
    fields = fields_at(found, range(len(found.raw)), found.rows, found.counts)
    return formula.objects(fields, found.rows.truth, config)


def _sums(single: Sequence[Any], counts: Sequence[int]) -> tuple[Array, ...]:
    """Single values of terms, summed over each head."""
    return tuple(head_sums(value(v), counts) for v in single)


def head_sums(v: Array, counts: Sequence[int]) -> Array:
    """(N, R, ...) → (N, S)."""
    xp = namespace(v)
    v = xp.sum(v, axis=-1) if v.ndim == 3 else v
    return xp.stack([xp.sum(v[:, k], axis=1) for k in grid.by_head(counts)], axis=-1)


# Values.


def evaluate(formula: Formula, raw: Sequence[Array], targets: Any, config: Any) -> LossTerms:
    """The terms; automatic differentiation of a library goes through."""

    def on_arrays(raw: Sequence[Array], targets: Any) -> LossTerms:
        found = formula.problem(raw, targets, config)

        def step(heads: Sequence[int], rows: Rows, counts: Sequence[int], _: Any) -> Any:
            fields = fields_at(found, heads, rows, counts)
            return _sums(formula.objects(fields, rows.truth, config), counts), []

        (box, obj, cls), _ = over_rows(found, step, [])
        to, noobj = grid.plane(raw, found.layout, 4), number(found.noobj, compute_dtype(raw[0]))
        noobj = head_sums(formula.noobj(to, noobj, config), found.layout.slots())
        return LossTerms(box, obj, noobj, cls)

    constant = not any(adapter(x).tracked(x) for x in raw)
    return (borrowing(on_arrays) if constant else on_arrays)(raw, targets)


# Slopes: the same formulas on Duals.


def _everywhere(formula: Formula, found: Problem, config: Any) -> tuple[Array, Array]:
    """The term of all other predictors, (N, S), and its slope, (N, P), some images at a time."""
    xp, sums, slopes = namespace(found.noobj), [], []
    for k in adapter(found.noobj).images(*found.noobj.shape):
        to = grid.plane([x[k, ...] for x in found.raw], found.layout, 4)
        noobj = Dual(number(found.noobj[k, ...], to.dtype))
        each = formula.noobj(Dual(to, ONE), noobj, config)
        sums.append(head_sums(each.value, found.layout.slots()))
        slopes.append(each.slope)
    if len(sums) == 1:
        return sums[0], slopes[0]
    return xp.concat(sums, axis=0), xp.concat(slopes, axis=0)


def _at_rows(
    formula: Formula, found: Problem, config: Any,
    heads: Sequence[int], rows: Rows, counts: Sequence[int],
) -> tuple[tuple[Array, ...], Array]:  # fmt: skip
    """Sums of box, obj and cls, (N, heads), and slopes (N, R, D) in the order of the fields."""
    t = _seeded(fields_at(found, heads, rows, counts))
    box, obj, cls = formula.objects(t, type(rows.truth)(*map(Dual, rows.truth)), config)
    xp, of_box = namespace(obj.slope), box.slope
    of_box = xp.permute_dims(of_box, (*range(1, of_box.ndim), 0))
    boxes = xp.concat([of_box, obj.slope[..., None]], axis=-1)
    boxes = xp.reshape(boxes, (*rows.keep.shape, math.prod(boxes.shape[2:])))
    return _sums((box, obj, cls), counts), xp.concat([boxes, cls.slope], axis=-1)


def _seeded(t: Raw) -> Raw:
    """Fields as Duals: slopes of the box have four entries, t_o and c one each, their own."""
    unit = constant([[float(i == k) for i in range(4)] for k in range(4)], t.tx)
    unit = namespace(unit).reshape(unit, (4, 4) + (1,) * t.tx.ndim)
    tx, ty, tw, th = (Dual(v, unit[k, ...]) for k, v in enumerate(t[:4]))
    return Raw(tx, ty, tw, th, Dual(t.to, ONE), Dual(t.c, ONE))


# The gradient at once.


class Workspace:
    """Gradients that stay where they are, for callers who step in a loop.

    Made by `workspace` of a version, for raw outputs of one shape and dtype. What a call returns is
    valid until the next one and must not be written to: that call clears the rows of the last, and
    writes its own and the objectness fields, no more.

    Attributes
    ----------
    grads : tuple of arrays
        Like the raw outputs; all zero before the first call.
    """

    def __init__(self, raw: Sequence[Array]) -> None:
        self.grads = tuple(adapter(x).blank(x) for x in raw)
        self.last: Any = None  # places and keep of the last call, head by head


def differentiate(
    formula: Formula, raw: Sequence[Array], targets: Any, config: Any, work: Workspace | None,
    also: Callable[[Problem], Any] = lambda found: (),
) -> tuple[LossTerms, tuple[Array, ...], Any]:  # fmt: skip
    """The terms, the gradient of their sum, and what else is asked of the problem."""

    @borrowing
    def on_arrays(raw: Sequence[Array], targets: Any, out: Any, last: Any) -> Any:
        found = formula.problem(tuple(map(stop, raw)), targets, config)
        noobj, slope = _everywhere(formula, found, config)
        grads = _with_planes(raw, grid.split_planes(slope, found.layout), out, last)

        def step(heads: Sequence[int], rows: Rows, counts: Sequence[int], grads: Any) -> Any:
            sums, slopes = _at_rows(formula, found, config, heads, rows, counts)
            return sums, _with_rows(grads, slopes, rows, counts)

        (box, obj, cls), grads = over_rows(found, step, grads)
        return LossTerms(box, obj, noobj, cls), tuple(grads), also(found), _by_head(found)

    if work is None:
        each, grads, more, _ = on_arrays(raw, targets, None, None)
        return each, grads, more
    each, _, more, work.last = on_arrays(raw, targets, work.grads, work.last)
    return each, work.grads, more


def _by_head(found: Problem) -> tuple[tuple[Place, Array], ...]:
    """Places and keep of the rows of each head."""
    (place, keep, _), heads = found.rows, grid.by_head(found.counts)
    return tuple((tuple(v[:, k] for v in place), keep[:, k]) for k in heads)


def _with_planes(raw: Sequence[Array], noobj: Sequence[Array], out: Any, last: Any) -> list[Array]:
    """Arrays like raw with slopes (N, H, W, A) in the objectness fields: new ones, or `out`."""
    grads: list[Array] = []
    for s, (x, slope) in enumerate(zip(raw, noobj, strict=True)):
        here, slope = adapter(x), grid.saturate(slope, x.dtype)
        planes = {4: slope}
        if x.ndim == 4:
            planes = {5 * b + 4: slope[..., b] for b in range(slope.shape[3])}
        if out is None:
            grads.append(here.spread(x, planes))
            continue
        if last is not None:
            here.clear(out[s], *last[s])
        grads.append(here.fill(out[s], planes))
    return grads


def _with_rows(
    grads: Sequence[Array], slopes: Array, rows: Rows, counts: Sequence[int]
) -> list[Array]:
    """The same with the slopes of rows added at their places."""
    out = []
    for x, k in zip(grads, grid.by_head(counts), strict=True):
        place, keep = tuple(v[:, k] for v in rows.place), rows.keep[:, k]
        out.append(adapter(x).add_rows(x, place, grid.saturate(slopes[:, k, :], x.dtype), keep))
    return out


# The gradient in two steps, for automatic differentiation.


class Slopes(NamedTuple):
    """The slopes of a loss, and where they belong: a tuple over the heads each."""

    noobj: tuple[Array, ...]  # (N, H, W, A), v1 (N, S, S, B): of noobj along t_o
    rows: tuple[Array, ...]  # (N, R, D): of box, obj and cls along all fields
    places: tuple[tuple[Place, Array], ...]  # of the rows, and which are kept


def linearise(
    formula: Formula, raw: Sequence[Array], targets: Any, config: Any
) -> tuple[LossTerms, Slopes]:
    """The terms and their slopes."""

    @borrowing
    def on_arrays(raw: Sequence[Array], targets: Any) -> tuple[LossTerms, Slopes]:
        found = formula.problem(tuple(map(stop, raw)), targets, config)
        noobj, slope = _everywhere(formula, found, config)
        heads = range(len(raw))
        (box, obj, cls), rows = _at_rows(formula, found, config, heads, found.rows, found.counts)
        return LossTerms(box, obj, noobj, cls), Slopes(
            tuple(grid.split_planes(slope, found.layout)),
            tuple(rows[:, k, :] for k in grid.by_head(found.counts)),
            _by_head(found),
        )

    return on_arrays(raw, targets)


@borrowing
def pull_back(raw: Sequence[Array], slopes: Slopes, cotangent: LossTerms) -> tuple[Array, ...]:
    """Arrays like raw: the gradient of cotangent · terms."""
    out = []
    for s, (x, noobj, rows, (place, keep)) in enumerate(zip(raw, *slopes, strict=True)):
        num_boxes = noobj.shape[3] if x.ndim == 4 else 1
        by = LossTerms(*(v[:, s] for v in cotangent))
        (grad,) = _with_planes([x], [noobj * by.noobj[:, None, None, None]], None, None)
        rows = grid.saturate(rows * _of_fields(by, num_boxes, rows.shape[2]), x.dtype)
        out.append(adapter(x).add_rows(grad, place, rows, keep))
    return tuple(out)


def _of_fields(by: LossTerms, num_boxes: int, d: int) -> Array:
    """(N, 1, D): for each field of a row the cotangent (N,) of its term."""
    xp, boxes = namespace(by.box), [by.box, by.box, by.box, by.box, by.obj] * num_boxes
    classes = xp.broadcast_to(by.cls[:, None], (by.cls.shape[0], d - 5 * num_boxes))
    return xp.concat([xp.stack(boxes, axis=1), classes], axis=1)[:, None, :]
