"""The problem of a batch: raw outputs, what is constant beside them, and how sums run over them.

Rows are places of single predictors, (N, R), head by head; slots are all places, (N, P).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from . import grid
from ._xp import Array, adapter, arrays_of, compute_dtype, namespace, with_arrays
from .grid import Layout, Raw
from .matching import Assignment

Place = tuple[Array, ...]  # row, col and, but in v1, anchor


class Held(NamedTuple):
    """The truths of rows, and the predictors that they hold, (N, R)."""

    x: Array  # from the corner of the cell, cells
    y: Array
    w: Array  # fractions of the image
    h: Array
    label: Array
    lane: Array
    iou: Array  # by which the predictor was chosen


class Rows(NamedTuple):
    """Rows of some heads."""

    place: Place
    keep: Array  # a truth holds the predictor
    truth: Any  # a NamedTuple of constants, (N, R, ...)
    held: Held


class Problem(NamedTuple):
    """Raw outputs, and all that is constant."""

    raw: Sequence[Array]
    layout: Layout
    rows: Rows
    counts: tuple[int, ...]  # rows of each head
    noobj: Array  # (N, P) bool: no object, and not ignored
    whole: Assignment  # with rows that hold nothing too


def pose(
    raw: Sequence[Array], found: Assignment, truth: Any, whole: Assignment | None = None
) -> Problem:
    """An assignment and the truth of its rows, as a formula needs them.

    `whole` is what `found` was made of by `matching.compact`.
    """
    layout, _, rows, occupied, ignored = found
    place: Place = (rows.row, rows.col)
    if raw[0].ndim == 5:
        place = (*place, *grid.per_row([layout.column("anchor")], rows.lane, rows.lane.dtype))
    held = Held(rows.x, rows.y, rows.w, rows.h, rows.label, rows.lane, rows.iou)
    kept, noobj = Rows(place, rows.keep, truth, held), ~(occupied | ignored)
    return Problem(raw, layout, kept, rows.counts, noobj, _counted(whole or found))


# Columns of all rows that nobody reads any more: where truths are many they are long.
UNCOUNTED = "lane", "iou", "row", "col", "slot", "x", "y", "w", "h", "label"


def _counted(found: Assignment) -> Assignment:
    unread: Any = dict.fromkeys(UNCOUNTED)
    return found._replace(rows=found.rows._replace(**unread))


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


def over_slots(
    found: Problem, of_images: Callable[[slice, Array], tuple[Array, ...]]
) -> tuple[Array, ...]:
    """of_images(images, t_o) of all slots, (N, P), some images at a time: (N, ...) each."""
    parts = [
        of_images(k, grid.plane([x[k, ...] for x in found.raw], found.layout, 4))
        for k in adapter(found.noobj).images(*found.noobj.shape)
    ]
    if len(parts) == 1:
        return parts[0]
    return tuple(namespace(v[0]).concat(v, axis=0) for v in zip(*parts, strict=True))


def fields_at(found: Problem, heads: Sequence[int], rows: Rows, counts: Sequence[int]) -> Raw:
    """The fields of raw outputs at rows, 0 where not kept; in v1 those of all boxes of a cell."""
    raw = [found.raw[s] for s in heads]
    at_rows = grid.gather(raw, rows.place, rows.keep, counts)
    if raw[0].ndim == 5:
        return grid.fields(at_rows)
    return grid.fields_of_boxes(at_rows, len(found.layout.lanes))


def head_sums(v: Array, counts: Sequence[int]) -> Array:
    """(N, R, ...) → (N, S)."""
    xp = namespace(v)
    v = xp.sum(v, axis=-1) if v.ndim == 3 else v
    return xp.stack([xp.sum(v[:, k], axis=1) for k in grid.by_head(counts)], axis=-1)
