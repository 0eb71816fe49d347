"""Truth to cell, truth to anchor, collisions."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from . import grid
from ._xp import Array, adapter, arange, constant, namespace, number
from .grid import Lane, Layout
from .targets import Truths


class Matches(NamedTuple):
    """Which predictors of one head are responsible for which truths.

    Attributes
    ----------
    row, col : array, shape (N, T), integer
        The cell of the truth's centre.
    anchor, iou, mask : array, shape (N, T, A)
        The anchor's index in its head, IOU_anchor^truth (v1: of the prediction), and whether the
        truth holds that predictor after collisions. A = 1 in v1, v2 and v3, where a truth has one
        anchor in a head: the best of that head. An invalid truth stands in the middle, mask False.
    responsible, ignored : array, shape (N, H, W, A), bool
    positives, collisions : array, shape (N,), integer
        Responsible predictors of this head, and slots of it lost to another truth.
    invalid, unassigned : array, shape (N,), integer
        Truths of the image with valid = True that break a rule; usable ones that no head takes.
        The same for all heads.
    """

    row: Array
    col: Array
    anchor: Array
    iou: Array
    mask: Array
    responsible: Array
    ignored: Array
    positives: Array
    collisions: Array
    invalid: Array
    unassigned: Array


class Rows(NamedTuple):
    """One row for a truth and a predictor that it may hold: (N, R), by head, candidate, truth."""

    lane: Array
    iou: Array
    wanted: Array  # the truth asks for the predictor
    keep: Array  # and gets it
    row: Array
    col: Array
    slot: Array
    x: Array  # offset of the centre inside its cell, cells
    y: Array
    w: Array  # fractions of the image
    h: Array
    label: Array
    candidates: tuple[int, ...]  # of a truth in each head
    counts: tuple[int, ...]  # rows of each head


class Assignment(NamedTuple):
    """Everything discrete about a batch."""

    layout: Layout
    truths: Truths
    rows: Rows
    occupied: Array  # (N, P): a truth holds the slot
    ignored: Array  # (N, P): none does, and it is ignored


def tile(v: Array, times: int) -> Array:
    """(N, T) → (N, times·T): the truths once for each candidate."""
    xp, (n, t) = namespace(v), v.shape
    return xp.reshape(xp.broadcast_to(v[:, None, :], (n, times, t)), (n, times * t))


# Truth to anchor.


def shape_iou(truths: Truths, priors: Sequence[Sequence[float]]) -> Array:
    """(N, M, T): IOU_anchor^truth of shapes, both boxes on one centre."""
    xp, w, h = namespace(truths.w), truths.w[:, None, :], truths.h[:, None, :]
    size = constant(priors, truths.w)[None, :, None, :]
    pw, ph = size[..., 0], size[..., 1]
    inter = xp.minimum(w, pw) * xp.minimum(h, ph)
    return inter / (w * h + pw * ph - inter)


def best_anchor(truths: Truths, layout: Layout, ious: Array) -> Rows:
    """A row for each head and truth: the head's best lane, wanted where it is the best of all.

    Ties go to the lowest anchor index. An anchor that several heads hold is wanted in each; one
    that none holds leaves its truth unassigned.
    """
    xp = namespace(ious)
    best = number(xp.argmax(ious, axis=1), truths.label.dtype)
    heads = [_best_of_head(ious, best, lanes) for lanes in layout.heads()]
    lane, prior, iou = (xp.stack(parts, axis=1) for parts in zip(*heads, strict=True))
    wanted = (prior == best[:, None, :]) & truths.ok[:, None, :]
    return place(truths, layout, lane, iou, wanted, (1,) * len(heads), last_of_each)


def _best_of_head(ious: Array, best: Array, lanes: Sequence[Lane]) -> tuple[Array, Array, Array]:
    """(N, T): the lane of the highest IOU in a head, its prior, and the IOU.

    Among equals it is the best of all heads, if that is here.
    """
    xp, priors = namespace(ious), [lane.prior for lane in lanes]
    prior = constant(priors, ious, best.dtype)
    here = xp.take(ious, prior, axis=1)
    at = xp.argmax(here + number(prior[:, None] == best[:, None, :], here.dtype), axis=1)
    lane, prior = grid.per_row([[lane.id for lane in lanes], priors], at, best.dtype)
    return lane, prior, xp.max(here, axis=1)


def every_anchor(truths: Truths, layout: Layout, ious: Array, threshold: float, unite: str) -> Rows:
    """A row for each lane and truth: the best anchor, the anchors above the threshold, or both."""
    xp, integer = namespace(ious), truths.label.dtype
    prior = constant(layout.column("prior"), ious, integer)
    best = number(xp.argmax(ious, axis=1), integer)[:, None, :] == prior[:, None]
    here = xp.take(ious, prior, axis=1)
    wanted = ASSIGN[unite](best, here > threshold) & truths.ok[:, None, :]
    lane = xp.broadcast_to(arange(len(layout.lanes), ious, integer)[:, None], here.shape)
    candidates = tuple(map(len, layout.heads()))
    return place(truths, layout, lane, here, wanted, candidates, last_of_each)


def union(best: Array, above: Array) -> Array:
    """The best anchor always, others above the threshold as well."""
    return best | above


def intersection(best: Array, above: Array) -> Array:
    """The best anchor only if it is above the threshold."""
    return best & above


ASSIGN: dict[str, Callable[[Array, Array], Array]] = {"union": union, "intersection": intersection}


def own_cell(truths: Truths, layout: Layout) -> Rows:
    """A row for each truth in lane 0: the first truth of a cell keeps it (v1)."""
    x, ok, lane = (v[:, None, :] for v in (truths.x, truths.ok, truths.label))
    lane = namespace(lane).zeros_like(lane)
    return place(truths, layout, lane, x, ok, (1,), first_of_each)


def best_prediction(rows: Rows, layout: Layout, ious: Array) -> Rows:
    """The predictor of each row's cell with the highest IOU (N, R, B); ties to the lowest."""
    xp, size = namespace(ious), layout.lanes[0].H * layout.lanes[0].W
    lane = number(xp.argmax(ious, axis=-1), rows.lane.dtype)
    return rows._replace(lane=lane, iou=xp.max(ious, axis=-1), slot=rows.slot + lane * size)


# Truth to cell.


def cell(x: Array, size: Array) -> tuple[Array, Array]:
    """The cell of a coordinate in fractions, floor(x·W) limited to the last, and the offset in it.

    In the dtype of x, in which x·W is one rounded product.
    """
    xp = namespace(x)
    x = x * size
    index = xp.floor(x)
    index = index - number(index >= size, x.dtype)  # x = 1 belongs to the last cell
    return index, x - index


class Cells(NamedTuple):
    """The cells of all truths in the grids of C candidates, (N, C, T)."""

    row: Array
    col: Array
    index: Array  # row·W + col
    x: Array  # offset of the centre inside the cell, cells
    y: Array


def cells(truths: Truths, layout: Layout, candidates: Sequence[int]) -> Cells:
    """Where the centres of truths fall in the grids of C candidates, so many of each head."""
    like, integer = truths.x, truths.label.dtype
    heads = zip(layout.heads(), candidates, strict=True)
    W, H = zip(*((lanes[0].W, lanes[0].H) for lanes, num in heads for _ in range(num)), strict=True)
    col, x = cell(truths.x[:, None, :], constant([W], like)[..., None])
    row, y = cell(truths.y[:, None, :], constant([H], like)[..., None])
    col, row = number(col, integer), number(row, integer)
    return Cells(row, col, row * constant([W], like, integer)[..., None] + col, x, y)


def place(
    truths: Truths, layout: Layout, lane: Array, iou: Array, wanted: Array,
    candidates: tuple[int, ...], winner: "Winner",
) -> Rows:  # fmt: skip
    """Rows of candidate lanes (N, C, T) in the cells of their truths, collisions settled."""
    xp, integer, (n, c, t) = namespace(iou), truths.label.dtype, lane.shape
    at = cells(truths, layout, candidates)
    (start,) = grid.per_row([layout.column("start")], lane, integer)
    slot = start + at.index
    columns = (lane, iou, wanted, at.row, at.col, slot, at.x, at.y)
    lane, iou, wanted, row, col, slot, x, y = (xp.reshape(v, (n, c * t)) for v in columns)
    w, h, label = (tile(v, c) for v in (truths.w, truths.h, truths.label))
    keep = winner(slot, wanted, layout.size) if t else wanted
    counts = tuple(num * t for num in candidates)
    return Rows(lane, iou, wanted, keep, row, col, slot, x, y, w, h, label, candidates, counts)


# Collisions. Settled before any scatter, so that no result depends on the order of writes.

Winner = Callable[[Array, Array, int], Array]  # slot, wanted (N, R), number of slots → keep


def _sorted(slot: Array, wanted: Array, size: int) -> tuple[Array, Array]:
    """Whether each sorted slot differs from the one before (N, R − 1), and the way back (N, R)."""
    xp = namespace(slot)
    key = xp.where(wanted, slot, size)  # rows that want nothing come last
    order = xp.argsort(key, axis=1, stable=True)
    key = xp.take_along_axis(key, order, axis=1)
    return key[:, 1:] != key[:, :-1], xp.argsort(order, axis=1)


def last_of_each(slot: Array, wanted: Array, size: int) -> Array:
    """Of the rows that want one slot, the last in the list keeps it."""
    xp = namespace(slot)
    differs, back = _sorted(slot, wanted, size)
    last = xp.concat([differs, xp.ones_like(wanted[:, :1])], axis=1)
    return wanted & xp.take_along_axis(last, back, axis=1)


def first_of_each(slot: Array, wanted: Array, size: int) -> Array:
    """Of the rows that want one slot, the first in the list keeps it."""
    xp = namespace(slot)
    differs, back = _sorted(slot, wanted, size)
    first = xp.concat([xp.ones_like(wanted[:, :1]), differs], axis=1)
    return wanted & xp.take_along_axis(first, back, axis=1)


# The whole.


def settle(layout: Layout, truths: Truths, rows: Rows) -> Assignment:
    """Mark the slots that rows hold; nothing is ignored."""
    occupied = adapter(rows.slot).mark(rows.slot, rows.keep, layout.size)
    return Assignment(layout, truths, rows, occupied, namespace(occupied).zeros_like(occupied))


def compact(found: Assignment) -> Assignment:
    """Only as many rows of each head as one image keeps, those first, where that can be seen."""
    rows = found.rows
    xp, keep, heads = namespace(rows.keep), rows.keep, grid.by_head(rows.counts)
    counts = tuple(adapter(keep).fullest(keep[:, k]) for k in heads)
    if counts == rows.counts:
        return found
    order = [
        xp.argsort(number(~keep[:, k], rows.slot.dtype), axis=1, stable=True)[:, :count] + k.start
        for k, count in zip(heads, counts, strict=True)
    ]
    index = xp.concat(order, axis=1)
    return found._replace(rows=_take(rows, index)._replace(counts=counts))


def _take(rows: Rows, index: Array) -> Rows:
    """Some rows of each image, by index (N, R'), the columns of one dtype at once."""
    xp, taken = namespace(index), {}
    for names in (("lane", "row", "col", "slot", "label"), ("iou", "x", "y", "w", "h"), ("keep",)):
        columns = xp.stack([getattr(rows, name) for name in names])
        columns = xp.take_along_axis(columns, index[None, ...], axis=2)
        taken.update({name: columns[k, ...] for k, name in enumerate(names)})
    return rows._replace(wanted=taken["keep"], **taken)


def matches(assignment: Assignment) -> tuple[Matches, ...]:
    """An assignment as the caller sees it, one a head."""
    layout, truths, rows, occupied, ignored = assignment
    (anchor,) = grid.per_row([layout.column("anchor")], rows.lane, rows.lane.dtype)
    columns = (_by_truth(v, rows) for v in (rows.row, rows.col, anchor, rows.iou, rows.keep))
    planes = (grid.split_planes(v, layout) for v in (occupied, ignored))
    held, lost, unassigned = counts(assignment)
    return tuple(
        Matches(
            row[..., 0], col[..., 0], anchor, iou, mask, responsible, ignored,
            held[:, s], lost[:, s], truths.invalid, unassigned,
        )
        for s, (row, col, anchor, iou, mask, responsible, ignored) in enumerate(
            zip(*columns, *planes, strict=True)
        )
    )  # fmt: skip


def counts(found: Assignment) -> tuple[Array, Array, Array]:
    """Slots that are held, and slots that are lost to another truth, (N, S); truths that ask for
    none (N,).
    """
    rows, heads = found.rows, grid.by_head(found.rows.counts)
    held, lost = by_slice(rows.keep, heads), by_slice(rows.wanted & ~rows.keep, heads)
    return held, lost, count(found.truths.ok & ~_wanted(rows))


def by_slice(mask: Array, parts: Sequence[slice]) -> Array:
    """(N, M) → (N, parts): how many in each part."""
    return namespace(mask).stack([count(mask[:, k]) for k in parts], axis=-1)


def _by_truth(v: Array, rows: Rows) -> list[Array]:
    """Rows (N, R) → (N, T, A) for each head, A candidates."""
    xp, n, out = namespace(v), v.shape[0], []
    for k, num in zip(grid.by_head(rows.counts), rows.candidates, strict=True):
        part = xp.reshape(v[:, k], (n, num, (k.stop - k.start) // num))
        out.append(xp.permute_dims(part, (0, 2, 1)))
    return out


def _wanted(rows: Rows) -> Array:
    """(N, T): whether a truth asks for any predictor."""
    xp, num = namespace(rows.wanted), sum(rows.candidates)
    n, r = rows.wanted.shape
    return xp.any(xp.reshape(rows.wanted, (n, num, r // num)), axis=1)


def count(mask: Array) -> Array:
    """(N, ...) → (N,): how many."""
    xp, axes = namespace(mask), tuple(range(1, mask.ndim))
    num = xp.sum(number(mask, xp.int32), axis=axes, dtype=xp.int32)  # fits: quicker than int64
    return number(num, adapter(mask).integer)
