"""Truth to cell, truth to anchor, collisions, ignore rules."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from . import grid
from ._xp import Array, adapter, arange, constant, namespace, number
from .boxes import edges
from .elementwise import maximum, minimum, positive
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

    @property
    def counts(self) -> tuple[int, ...]:
        """Rows of each head."""
        length = self.keep.shape[1] // sum(self.candidates)
        return tuple(length * num for num in self.candidates)


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


def best_anchor(truths: Truths, layout: Layout) -> Rows:
    """A row for each head and truth: the head's best lane, wanted where it is the best of all.

    Ties go to the lowest anchor index. An anchor that several heads hold is wanted in each; one
    that none holds leaves its truth unassigned.
    """
    xp, ious = namespace(truths.w), shape_iou(truths, layout.priors)
    best = number(xp.argmax(ious, axis=1), truths.label.dtype)
    heads = [_best_of_head(ious, best, lanes) for lanes in layout.heads()]
    lane, prior, iou = (xp.concat(parts, axis=1) for parts in zip(*heads, strict=True))
    num = len(heads)
    wanted = (prior == tile(best, num)) & tile(truths.ok, num)
    return place(truths, layout, lane, iou, wanted, (1,) * num, last_of_each)


def _best_of_head(ious: Array, best: Array, lanes: Sequence[Lane]) -> tuple[Array, Array, Array]:
    """(N, T): the lane of the highest IOU in a head, its prior, and the IOU.

    Among equals it is the best of all heads, if that is here.
    """
    xp, priors = namespace(ious), [lane.prior for lane in lanes]
    prior = constant(priors, ious, best.dtype)
    here = xp.take(ious, prior, axis=1)
    at = xp.argmax(here + number(prior[:, None] == best[:, None, :], here.dtype), axis=1)
    index = grid.per_row([lane.id for lane in lanes], at, best.dtype)
    return index, grid.per_row(priors, at, best.dtype), xp.max(here, axis=1)


def every_anchor(truths: Truths, layout: Layout, threshold: float, unite: str) -> Rows:
    """A row for each lane and truth: the best anchor, the anchors above the threshold, or both."""
    xp, ious = namespace(truths.w), shape_iou(truths, layout.priors)
    (n, _, t), num, integer = ious.shape, len(layout.lanes), truths.label.dtype
    prior = constant(layout.column("prior"), ious, integer)
    best = number(xp.argmax(ious, axis=1), integer)[:, None, :] == prior[:, None]
    here = xp.take(ious, prior, axis=1)
    wanted = ASSIGN[unite](best, here > threshold) & truths.ok[:, None, :]
    lane = xp.broadcast_to(arange(num, ious, integer)[None, :, None], (n, num, t))
    lane, here, wanted = (xp.reshape(v, (n, num * t)) for v in (lane, here, wanted))
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
    lane = namespace(truths.label).zeros_like(truths.label)
    return place(truths, layout, lane, truths.x, truths.ok, (1,), first_of_each)


def best_prediction(rows: Rows, layout: Layout, ious: Array) -> Rows:
    """The predictor of each row's cell with the highest IOU (N, R, B); ties to the lowest."""
    xp, size = namespace(ious), layout.lanes[0].H * layout.lanes[0].W
    lane = number(xp.argmax(ious, axis=-1), rows.lane.dtype)
    return rows._replace(lane=lane, iou=xp.max(ious, axis=-1), slot=rows.slot + lane * size)


# Truth to cell.


def cell(x: Array, size: Array | int) -> tuple[Array, Array]:
    """The cell of a coordinate in fractions, floor(x·W) limited to the last, and the offset in it.

    In the dtype of x, in which x·W is one rounded product.
    """
    xp = namespace(x)
    x = x * size
    index = xp.floor(x)
    index = index - number(index >= size, x.dtype)  # x = 1 belongs to the last cell
    return index, x - index


def place(
    truths: Truths, layout: Layout, lane: Array, iou: Array, wanted: Array,
    candidates: tuple[int, ...], winner: "Winner",
) -> Rows:  # fmt: skip
    """Rows of given lanes in the cells of their truths, collisions settled."""
    dtype, integer = truths.x.dtype, truths.label.dtype
    W, H = (grid.per_row(layout.column(k), lane, dtype) for k in "WH")
    start = grid.per_row(layout.column("start"), lane, integer)
    x, y, w, h, label = (tile(v, sum(candidates)) for v in truths[:5])
    (col, x), (row, y) = cell(x, W), cell(y, H)
    row, col = number(row, integer), number(col, integer)
    slot = start + row * number(W, integer) + col
    keep = winner(slot, wanted, layout.size) if slot.shape[1] else wanted
    return Rows(lane, iou, wanted, keep, row, col, slot, x, y, w, h, label, candidates)


# Collisions. Settled before any scatter, so that no result depends on the order of writes.

Winner = Callable[[Array, Array, int], Array]  # slot, wanted (N, R), number of slots → keep


def _sorted(slot: Array, wanted: Array, size: int) -> tuple[Array, Array]:
    """Whether each sorted slot differs from the one before (N, R − 1), and the way back (N, R)."""
    xp = namespace(slot)
    free = arange(slot.shape[1], slot) + size  # rows that want nothing meet nobody
    key = xp.where(wanted, slot, free)
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


# Ignore rules. IOU > t ⟺ I·(1 + t) > t·(area + area'): exact where the numbers are exact in
# binary, so that an IOU of t is not above t.


class Scene(NamedTuple):
    """What an ignore rule may look at; `raw` is constant for the gradient."""

    raw: Sequence[Array]
    layout: Layout
    truths: Truths
    decode: grid.Decode


def by_shape(scene: Scene, threshold: float) -> Array:
    """(N, P): priors of an object's own cell whose shape overlaps it above the threshold."""
    _, layout, truths, _ = scene
    rows = every_anchor(truths, layout, threshold, "union")
    above = (rows.iou > threshold) & tile(truths.ok, len(layout.lanes))
    return adapter(rows.slot).mark(rows.slot, above, layout.size)


def by_prior(scene: Scene, threshold: float) -> Array:
    """(N, P): priors, centred on their cells, that overlap an object above the threshold."""
    xp = namespace(scene.truths.x)
    hits = [_prior_hits(scene.truths, lanes, threshold) for lanes in scene.layout.heads()]
    return xp.concat(hits, axis=1)


def _prior_hits(truths: Truths, lanes: Sequence[Lane], threshold: float) -> Array:
    """(N, A·H·W). The overlap is an x part of (truth, anchor, col) times a y part."""
    xp, n, like = namespace(truths.x), truths.x.shape[0], truths.x
    a, h, w = len(lanes), lanes[0].H, lanes[0].W
    pw, ph = grid.prior_sizes(lanes, like)
    prior = edges((arange(w, like) + 0.5) / w, (arange(h, like)[:, None] + 0.5) / h, pw, ph)
    x, y, gw, gh, ok = (v[:, :, None, None, None] for v in (*truths[:4], truths.ok))
    gt = edges(x, y, gw, gh)
    across = positive(minimum(prior.x2, gt.x2) - maximum(prior.x1, gt.x1))  # (N, T, A, 1, W)
    along = positive(minimum(prior.y2, gt.y2) - maximum(prior.y1, gt.y1))  # (N, T, A, H, 1)
    least = xp.where(ok, threshold * (pw * ph + gw * gh) / (1 + threshold), float("inf"))
    hit = adapter(like).fold(lambda x, y, t: x * y > t, (across, along, least))
    return xp.reshape(hit, (n, a * h * w))


def by_prediction(scene: Scene, threshold: float) -> Array:
    """(N, P): decoded boxes that overlap an object above the threshold."""
    raw, layout, truths, decode = scene
    xp = namespace(truths.x)
    hits = [_prediction_hits(truths, box, threshold) for box in grid.predicted(raw, layout, decode)]
    return xp.concat(hits, axis=1)


def _prediction_hits(truths: Truths, box: tuple[Array, ...], threshold: float) -> Array:
    """(N, A·H·W)."""
    xp, (n, a, h, w) = namespace(truths.x), box[0].shape
    pred = edges(*(v[:, None, ...] for v in box))
    reach = threshold * (box[2] * box[3])[:, None, ...]
    x, y, gw, gh, ok = (v[:, :, None, None, None] for v in (*truths[:4], truths.ok))
    area = xp.where(ok, threshold * (gw * gh), float("inf"))

    def hits(x1: Array, y1: Array, x2: Array, y2: Array, area: Array) -> Array:
        across = positive(minimum(pred.x2, x2) - maximum(pred.x1, x1))
        along = minimum(pred.y2, y2) - maximum(pred.y1, y1)  # < 0: no hit, as across ≥ 0
        return across * along * (1 + threshold) > reach + area

    hit = adapter(x).fold(hits, (*edges(x, y, gw, gh), area))
    return xp.reshape(hit, (n, a * h * w))


def nothing(scene: Scene, threshold: float) -> Array:
    """(N, P): no prior is ignored."""
    return _empty(scene.layout, scene.truths)


def _empty(layout: Layout, truths: Truths) -> Array:
    """(N, P): False."""
    xp, x = namespace(truths.x), truths.x
    return xp.zeros((x.shape[0], layout.size), dtype=xp.bool, **adapter(x).placement(x))


IGNORE: dict[str | None, Callable[[Scene, float], Array]] = {
    "prior": by_prior,
    "shape": by_shape,
    "prediction": by_prediction,
    None: nothing,
}


# The whole.


def settle(layout: Layout, truths: Truths, rows: Rows) -> Assignment:
    """Mark the slots that rows hold; nothing is ignored."""
    occupied = adapter(rows.slot).mark(rows.slot, rows.keep, layout.size)
    return Assignment(layout, truths, rows, occupied, _empty(layout, truths))


def ignore(
    found: Assignment, raw: Sequence[Array], decode: grid.Decode, by: str | None, threshold: float
) -> Assignment:
    """Ignore what a rule says, but never a slot that a truth holds."""
    if found.truths.ok.shape[1] == 0:
        return found
    raw = tuple(adapter(x).stop(x) for x in raw)
    ignored = IGNORE[by](Scene(raw, found.layout, found.truths, decode), threshold)
    return found._replace(ignored=ignored & ~found.occupied)


def matches(assignment: Assignment) -> tuple[Matches, ...]:
    """An assignment as the caller sees it, one a head."""
    layout, truths, rows, occupied, ignored = assignment
    anchor = grid.per_row(layout.column("anchor"), rows.lane, rows.lane.dtype)
    lost = rows.wanted & ~rows.keep
    columns = (_by_truth(v, rows) for v in (rows.row, rows.col, anchor, rows.iou, rows.keep, lost))
    planes = (grid.split_planes(v, layout) for v in (occupied, ignored))
    unassigned = _count(truths.ok & ~_wanted(rows))
    return tuple(
        Matches(
            row[..., 0], col[..., 0], anchor, iou, mask, responsible, ignored,
            _count(mask), _count(lost), truths.invalid, unassigned,
        )
        for row, col, anchor, iou, mask, lost, responsible, ignored in zip(
            *columns, *planes, strict=True
        )
    )  # fmt: skip


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


def _count(mask: Array) -> Array:
    """(N, ...) → (N,): how many."""
    xp, integer = namespace(mask), adapter(mask).integer
    return xp.sum(number(mask, integer), axis=tuple(range(1, mask.ndim)), dtype=integer)
