"""The boxes that can overlap a truth at all, for libraries whose values can be looked at.

::

    (1)  IOU > t  ⟹  |x̂ − x| < w (1 − t) / 2t        and so y and h

The IOU is at most that of the intervals along x, I_x / (w + ŵ − I_x), since an overlap is no higher
than either box. So w > t ŵ, and I_x > (w + ŵ) t / (1 + t) while I_x ≤ (w + ŵ)/2 − |x̂ − x|. The
centre of a box lies in its cell, or as far outside as a decode can bring it: few cells are near.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ._xp import Array, adapter, namespace, number
from .grid import Lane, Layout
from .targets import Truths

SLACK = 1e-3  # cells; far more than any rounding
SPARSE = 12  # a prediction by itself costs about as much as this many in a plane


class Boxes(NamedTuple):
    """The boxes of one head, each in a cell."""

    reach_x: Array  # (2,): the least and the most of a centre, from the corner of its cell, cells
    reach_y: Array
    # image, row, col (M,) and slot in the head (A, M) → x y w h, fractions, that meet (A, M)
    at: Callable[[Array, Array, Array, Array], Sequence[Array]]


# x y w h of boxes and of truths → which overlap
Test = Callable[[Sequence[Array], Sequence[Array]], Array]


class Window(NamedTuple):
    """The cells near each truth of one head: (N·T,) integers."""

    row: Array  # the first
    col: Array
    height: Array  # how many
    width: Array


def far(threshold: float) -> float:
    """How far apart the centres of boxes may be whose IOU is above a threshold, sizes of one."""
    return (1 - threshold) / (2 * threshold) if threshold else math.inf  # (1)


def hits(
    layout: Layout, truths: Truths, boxes: Sequence[Boxes], far: float, test: Test,
    sparse: float,
) -> Array | None:  # fmt: skip
    """(N, P): boxes that pass the test with any truth; None if more than 1 in `sparse` are near.

    No box passes whose centre is more than `far` sizes of a truth from its centre.
    """
    n, t = truths.ok.shape
    xp, heads = namespace(truths.x), layout.heads()
    windows = [_window(truths, *pair, far) for pair in zip(heads, boxes, strict=True)]
    near = sum(
        len(lanes) * int(xp.sum(window.height * window.width))
        for window, lanes in zip(windows, heads, strict=True)
    )
    if sparse * near > n * t * layout.size:
        return None
    out = xp.zeros((n, layout.size), dtype=xp.bool, **adapter(truths.x).placement(truths.x))
    for lanes, of_head, window in zip(heads, boxes, windows, strict=True):
        most = max(1, n * layout.size // (3 * len(lanes)))  # what belongs to them is a few planes
        for cells in _cells(window, most):
            _mark(out, lanes, truths, of_head, cells, test)
    return out


def _window(truths: Truths, lanes: Sequence[Lane], boxes: Boxes, far: float) -> Window:
    """Where the centres of a head can be near enough to each truth."""
    col, width = _span(truths.x, truths.w, lanes[0].W, boxes.reach_x, far)
    row, height = _span(truths.y, truths.h, lanes[0].H, boxes.reach_y, far)
    count = number(truths.ok, row.dtype)
    xp, size = namespace(row), (math.prod(row.shape),)
    return Window(*(xp.reshape(v, size) for v in (row, col, height * count, width)))


def _span(x: Array, w: Array, size: int, reach: Array, far: float) -> tuple[Array, Array]:
    """The first cell along an axis, and how many."""
    xp = namespace(x)
    near = w * size * far + SLACK
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
    out: Array, lanes: Sequence[Lane], truths: Truths, boxes: Boxes, cells: Cells, test: Test
) -> None:
    """True in `out` where a box passes the test with the truth that it is near."""
    owner, row, col = cells
    xp, t, W = namespace(owner), truths.ok.shape[1], lanes[0].W
    image = owner // t
    slot = xp.arange(len(lanes))[:, None] * (lanes[0].H * W) + (row * W + col)  # (A, M)
    gt = [v[image, owner - image * t] for v in truths[:4]]
    anchor, pair = xp.nonzero(test(boxes.at(image, row, col, slot), gt))
    out[image[pair], lanes[0].start + slot[anchor, pair]] = True
