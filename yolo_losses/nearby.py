"""The predictions that can overlap a truth at all, for libraries whose values can be looked at.

::

    (1)  IOU > t  ⟹  |x̂ − x| < w (1 − t) / 2t        and so y and h

The IOU is at most that of the intervals along x, I_x / (w + ŵ − I_x), since an overlap is no higher
than either box. So w > t ŵ, and I_x > (w + ŵ) t / (1 + t) while I_x ≤ (w + ŵ)/2 − |x̂ − x|. A centre
lies in its cell, or as far outside as the decode can bring it: few cells are near enough.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from . import grid
from ._xp import Array, adapter, constant, namespace, number
from .grid import Cell, Decode, Lane, Layout, Raw
from .targets import Truths

FAR = 1e4  # a raw output beyond which no decode moves
SLACK = 1e-3  # cells; far more than any rounding
SPARSE = 12  # a pair by itself costs about as much as this many in a plane

# x̂ ŷ ŵ ĥ of predictions and x y w h of their truths → which overlap
Test = Callable[[tuple[Array, ...], tuple[Array, ...]], Array]


class Window(NamedTuple):
    """The cells near each truth of one head: (N·T,) integers."""

    row: Array  # the first
    col: Array
    height: Array  # how many
    width: Array


def hits(
    raw: Sequence[Array], layout: Layout, truths: Truths, decode: Decode,
    threshold: float, test: Test,
) -> Array | None:  # fmt: skip
    """(N, P): predictions that pass the test with any truth; None if too many are near for it."""
    n, t = truths.ok.shape
    xp, heads = namespace(truths.x), layout.heads()
    windows = [_window(truths, lanes, decode, s, threshold) for s, lanes in enumerate(heads)]
    near = sum(
        len(lanes) * int(xp.sum(window.height * window.width))
        for window, lanes in zip(windows, heads, strict=True)
    )
    if SPARSE * near > n * t * layout.size:
        return None
    out = xp.zeros((n, layout.size), dtype=xp.bool, **adapter(truths.x).placement(truths.x))
    for s, (x, lanes, window) in enumerate(zip(raw, heads, windows, strict=True)):
        planes = [xp.reshape(v, (-1,)) for v in grid.box_planes(x, len(lanes))]
        most = max(1, n * layout.size // (3 * len(lanes)))  # what belongs to them is a few planes
        for cells in _cells(window, most):
            _mark(out, planes, lanes, truths, decode, s, cells, test)
    return out


def _window(
    truths: Truths, lanes: Sequence[Lane], decode: Decode, s: int, threshold: float
) -> Window:
    """Where the centres of a head can be near enough to each truth."""
    far = constant([-FAR, FAR], truths.x)
    x_hat, y_hat, _, _ = decode(Raw(far, far, far, far, None, None), Cell(0.0, 0.0, 1.0, 1.0), s)
    col, width = _span(truths.x, truths.w, lanes[0].W, x_hat, threshold)
    row, height = _span(truths.y, truths.h, lanes[0].H, y_hat, threshold)
    count = number(truths.ok, row.dtype)
    xp, size = namespace(row), (math.prod(row.shape),)
    return Window(*(xp.reshape(v, size) for v in (row, col, height * count, width)))


def _span(x: Array, w: Array, size: int, reach: Array, threshold: float) -> tuple[Array, Array]:
    """The first cell along an axis, and how many."""
    xp = namespace(x)
    near = w * size * ((1 - threshold) / (2 * threshold) if threshold else math.inf) + SLACK  # (1)
    first = xp.ceil(x * size - near - reach[1])
    end = xp.floor(x * size + near - reach[0]) + 1
    first, end = (number(xp.clip(v, min=0, max=size), xp.int64) for v in (first, end))
    return first, xp.maximum(end - first, xp.zeros_like(end))


class Cells(NamedTuple):
    """Cells of windows, one after the other: (M,) integers."""

    owner: Array  # image · T + truth
    row: Array
    col: Array


def _cells(window: Window, most: int) -> Iterator[Cells]:
    """The cells of some windows after the other, so many at once or those of one window."""
    xp, ends = namespace(window.row), window.height * window.width
    ends = xp.cumulative_sum(ends)
    first, num = 0, ends.shape[0]
    while first < num:
        done = int(ends[first - 1]) if first else 0
        last = int(xp.searchsorted(ends, xp.asarray([done + most]), side="right")[0])
        last = max(last, first + 1)
        yield _of_windows(Window(*(v[first:last] for v in window)), first)
        first = last


def _of_windows(window: Window, first: int) -> Cells:
    """The cells of windows, of which the first has that index."""
    xp, count = namespace(window.row), window.height * window.width
    of = xp.repeat(xp.arange(count.shape[0]), count)
    start = xp.cumulative_sum(count) - count
    at, width = xp.arange(of.shape[0]) - start[of], window.width[of]
    row = at // width
    return Cells(of + first, window.row[of] + row, window.col[of] + at - row * width)


def _mark(
    out: Array, planes: Sequence[Array], lanes: Sequence[Lane], truths: Truths, decode: Decode,
    s: int, cells: Cells, test: Test,
) -> None:  # fmt: skip
    """True in `out` where a prediction passes the test with the truth that it is near."""
    owner, row, col = cells
    xp, dtype, t = namespace(owner), planes[0].dtype, truths.ok.shape[1]
    a, H, W, image = len(lanes), lanes[0].H, lanes[0].W, owner // t
    slot = xp.arange(a)[:, None] * (H * W) + (row * W + col)  # (A, M), in the head
    fields = (v[slot + image * (a * H * W)] for v in planes)
    pw, ph = grid.prior_sizes(lanes, planes[0])
    at = Cell(number(col, dtype), number(row, dtype), pw[:, 0, :], ph[:, 0, :])
    x_hat, y_hat, w_hat, h_hat = decode(Raw(*fields, None, None), at, s)  # type: ignore[call-arg]
    gt = tuple(v[image, owner - image * t] for v in truths[:4])
    anchor, pair = xp.nonzero(test((x_hat / W, y_hat / H, w_hat, h_hat), gt))
    out[image[pair], lanes[0].start + slot[anchor, pair]] = True
