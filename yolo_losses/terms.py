"""LossTerms, and evaluating a formula with and without its gradient."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from . import grid
from ._xp import Array, adapter, borrowing, compute_dtype, constant, namespace, number
from .elementwise import ONE, Dual, stop, value
from .grid import Layout, Raw
from .problems import Place, Problem, Rows, fields_at, head_sums, over_rows, over_slots


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


class Formula(NamedTuple):
    """A loss: its terms of rows, its term of all other predictors, and where their data come from.

    A term is a function of raw outputs, of constants and of the config: single values, (N, R) or
    (N, R, B or K) for rows, (N, P) for the others.
    """

    objects: Callable[[Raw, Any, Any], tuple[Any, Any, Any]]  # fields, truth → box, obj, cls
    noobj: Callable[[Any, Any, Any], Any]  # t_o, 1noobj → noobj
    problem: Callable[[Sequence[Array], Any, Any], Problem]  # raw outputs, targets
    # fields, cell, lane of rows and layout → x̂ ŷ ŵ ĥ; None where the assignment has compared
    # predictions with truths already
    decode: Callable[[Raw, grid.Cell, Array, Layout, Any], tuple[Any, Any, Any, Any]] | None
    probability: Callable[[Array, Array], Array]  # class logits, label → p̂ of the label


def of_each_row(formula: Formula, found: Problem, config: Any) -> tuple[Array, Array, Array]:
    """box, obj and cls of each row before any sum: (N, R, ...), in the dtype of the constants."""
    fields = fields_at(found, range(len(found.raw)), found.rows, found.counts)
    return formula.objects(fields, found.rows.truth, config)


def _sums(single: Sequence[Any], counts: Sequence[int]) -> tuple[Array, ...]:
    """Single values of terms, summed over each head."""
    return tuple(head_sums(value(v), counts) for v in single)


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


class Watch(NamedTuple):
    """What else is summed while a loss is differentiated."""

    of_rows: Callable[[Problem, Raw, Rows, Sequence[int]], tuple[Array, ...]]
    like: tuple[tuple[int, ...], ...]  # axes of these sums behind (N, heads)
    of_slots: Callable[[Problem, slice, Array], tuple[Array, ...]]  # images, their t_o
    answer: Callable[[Problem, Sequence[Array]], Any]  # of all sums


NOBODY = Watch(lambda *_: (), (), lambda *_: (), lambda *_: ())


def _everywhere(
    formula: Formula, found: Problem, config: Any, watch: Watch = NOBODY
) -> tuple[Array, Array, tuple[Array, ...]]:
    """The term of all other predictors, (N, S), its slope, (N, P), and what is watched of them."""

    def of_images(k: slice, to: Array) -> tuple[Array, ...]:
        noobj = Dual(number(found.noobj[k, ...], to.dtype))
        each = formula.noobj(Dual(to, ONE), noobj, config)
        sums = head_sums(each.value, found.layout.slots())
        return sums, each.slope, *watch.of_slots(found, k, to)

    sums, slopes, *watched = over_slots(found, of_images)
    return sums, slopes, tuple(watched)


def _at_rows(
    formula: Formula, t: Raw, rows: Rows, counts: Sequence[int], config: Any
) -> tuple[tuple[Array, ...], Array]:
    """Sums of box, obj and cls, (N, heads), and slopes (N, R, D) in the order of the fields."""
    truth = type(rows.truth)(*map(Dual, rows.truth))
    box, obj, cls = formula.objects(_seeded(t), truth, config)
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
    watch: Watch = NOBODY,
) -> tuple[LossTerms, tuple[Array, ...], Any]:  # fmt: skip
    """The terms, the gradient of their sum, and the answer of what watches."""

    @borrowing
    def on_arrays(raw: Sequence[Array], targets: Any, out: Any, last: Any) -> Any:
        found = formula.problem(tuple(map(stop, raw)), targets, config)
        noobj, slope, others = _everywhere(formula, found, config, watch)
        grads = _with_planes(raw, grid.split_planes(slope, found.layout), out, last)

        def step(heads: Sequence[int], rows: Rows, counts: Sequence[int], grads: Any) -> Any:
            t = fields_at(found, heads, rows, counts)
            sums, slopes = _at_rows(formula, t, rows, counts, config)
            watched = watch.of_rows(found, t, rows, counts)
            return (*sums, *watched), _with_rows(grads, slopes, rows, counts)

        (box, obj, cls, *more), grads = over_rows(found, step, grads, ((), (), (), *watch.like))
        answer = watch.answer(found, (*more, *others))
        return LossTerms(box, obj, noobj, cls), tuple(grads), answer, _by_head(found)

    if work is None:
        each, grads, more, _ = on_arrays(raw, targets, None, None)
        return each, grads, more
    each, _, more, work.last = on_arrays(raw, targets, work.grads, work.last)
    return each, work.grads, more


def _by_head(found: Problem) -> tuple[tuple[Place, Array], ...]:
    """Places and keep of the rows of each head."""
    (place, keep, *_), heads = found.rows, grid.by_head(found.counts)
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
        noobj, slope, _ = _everywhere(formula, found, config)
        t = fields_at(found, range(len(raw)), found.rows, found.counts)
        (box, obj, cls), rows = _at_rows(formula, t, found.rows, found.counts, config)
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
