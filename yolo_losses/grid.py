"""Heads, lanes and slots: where the numbers of a raw output stand.

A *lane* is one predictor of one head: B a head in v1, one an anchor elsewhere. It has a slot in
each cell, and all lanes of all heads lie behind one another on one slot axis P in the order (head,
anchor, row, col), so that matching and formulas never loop over heads. Only reading, gathering
and scattering do. A *plane* is one field of all slots, (N, P), contiguous along the columns.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from . import _check
from ._xp import Array, adapter, arange, compute_dtype, constant, namespace, number
from .boxes import split
from .elementwise import sigmoid

__all__ = ["Decoded", "from_nchw", "from_nhwc", "to_nchw", "to_nhwc"]

# Layouts of a convolution's output.


def _split(where: str, x: Array, rank: int, axis: int, num_anchors: int | None) -> int:
    """The length of the field axis when the channel axis of x holds the anchors too."""
    _check.array(where, "x", x)
    if x.ndim != rank:
        _check.wrong_value(where, "x", f"have {rank} axes", tuple(x.shape))
    if num_anchors is None:
        return int(x.shape[axis])
    _check.count(where, "num_anchors", num_anchors)
    channels = int(x.shape[axis])
    if channels % num_anchors:
        expected = f"have a channel axis {axis} divisible by num_anchors = {num_anchors}"
        _check.wrong_value(where, "x", expected, tuple(x.shape))
    return channels // num_anchors


def from_nchw(x: Array, num_anchors: int | None) -> Array:
    """(N, A·(5 + K), H, W) → (N, H, W, A, 5 + K), a view where the library has views.

    Parameters
    ----------
    x : array, shape (N, A·(5 + K), H, W)
        A convolution's output, channel = anchor·(5 + K) + field.
    num_anchors : int or None
        A. None, for v1: only the channel axis moves, to (N, H, W, B·5 + K).

    Raises
    ------
    ValueError
        Not four axes, or channels that A does not divide.

    Examples
    --------
    >>> import numpy as np
    >>> from_nchw(np.zeros((2, 255, 13, 13)), num_anchors=3).shape
    (2, 13, 13, 3, 85)
    """
    d = _split("grid.from_nchw", x, 4, 1, num_anchors)
    xp, (n, _, h, w) = namespace(x), x.shape
    if num_anchors is None:
        return xp.permute_dims(x, (0, 2, 3, 1))
    return xp.permute_dims(xp.reshape(x, (n, num_anchors, d, h, w)), (0, 3, 4, 1, 2))


def from_nhwc(x: Array, num_anchors: int | None) -> Array:
    """(N, H, W, A·(5 + K)) → (N, H, W, A, 5 + K); None, for v1, leaves x as it is.

    Parameters and errors as for `from_nchw`, with the channels last.
    """
    d = _split("grid.from_nhwc", x, 4, 3, num_anchors)
    return x if num_anchors is None else namespace(x).reshape(x, (*x.shape[:3], num_anchors, d))


def to_nchw(x: Array) -> Array:
    """The inverse of `from_nchw`: five axes to (N, A·D, H, W), four axes to (N, D, H, W)."""
    _check_raw("grid.to_nchw", x)
    xp = namespace(x)
    if x.ndim == 4:
        return xp.permute_dims(x, (0, 3, 1, 2))
    n, h, w, a, d = x.shape
    return xp.reshape(xp.permute_dims(x, (0, 3, 4, 1, 2)), (n, a * d, h, w))


def to_nhwc(x: Array) -> Array:
    """The inverse of `from_nhwc`: five axes to (N, H, W, A·D), four axes as they are."""
    _check_raw("grid.to_nhwc", x)
    if x.ndim == 4:
        return x
    n, h, w, a, d = x.shape
    return namespace(x).reshape(x, (n, h, w, a * d))


def _check_raw(where: str, x: Array) -> None:
    _check.array(where, "x", x)
    if x.ndim not in (4, 5):
        _check.wrong_value(where, "x", "have 4 or 5 axes", tuple(x.shape))


# Lanes.


class Lane(NamedTuple):
    """One predictor of one head, in plain numbers (constants of a trace)."""

    id: int  # its index among all lanes
    head: int
    anchor: int  # its index in the head
    prior: int  # its index in config.anchors
    pw: float  # size of the prior, fractions of the image
    ph: float
    H: int
    W: int
    start: int  # its first slot


class Layout(NamedTuple):
    """All lanes of a network's output, in the order of the slot axis."""

    lanes: tuple[Lane, ...]
    priors: tuple[tuple[float, float], ...]  # of config.anchors, fractions of the image
    size: int  # P

    def column(self, name: str) -> tuple[Any, ...]:
        """One attribute of all lanes, (L,)."""
        return tuple(getattr(lane, name) for lane in self.lanes)

    def input_size(self, strides: Sequence[float]) -> tuple[float, float]:
        """Width and height of the network input, pixels."""
        lane = self.lanes[0]
        return lane.W * strides[0], lane.H * strides[0]

    def slots(self) -> list[int]:
        """The number of slots of each head."""
        return [len(lanes) * lanes[0].H * lanes[0].W for lanes in self.heads()]

    def heads(self) -> list[tuple[Lane, ...]]:
        """The lanes of each head."""
        num = self.lanes[-1].head + 1
        return [tuple(lane for lane in self.lanes if lane.head == s) for s in range(num)]


def layout(
    raw: Sequence[Array],
    anchors: Sequence[Sequence[float]],
    masks: Sequence[Sequence[int]],
    strides: Sequence[float],
) -> Layout:
    """The lanes of heads (N, H, W, A, 5 + K)."""
    width, height = raw[0].shape[2] * strides[0], raw[0].shape[1] * strides[0]
    priors = tuple((w / width, h / height) for w, h in anchors)
    lanes: list[Lane] = []
    start = 0
    for head, (x, mask) in enumerate(zip(raw, masks, strict=True)):
        H, W = x.shape[1:3]
        for a, k in enumerate(mask):
            lanes.append(Lane(len(lanes), head, a, k, *priors[k], H, W, start))
            start = start + H * W  # not in place: a traced shape is a tensor that others hold
    return Layout(tuple(lanes), priors, start)


def layout_of_cells(raw: Array, num_boxes: int) -> Layout:
    """The lanes of a v1 output (N, S, S, B·5 + K): B, without a prior."""
    H, W = raw.shape[1:3]
    lanes = (Lane(b, 0, b, b, 1.0, 1.0, H, W, b * H * W) for b in range(num_boxes))
    return Layout(tuple(lanes), (), num_boxes * H * W)


def per_row(columns: Sequence[Sequence[float]], lane: Array, dtype: Any) -> list[Array]:
    """Attributes of each row's lane: columns (L,) of numbers at lanes (N, ...)."""
    found = adapter(lane).lookup(constant(columns, lane, dtype), lane)
    return [found[k, ...] for k in range(len(columns))]


# Reading. A raw output has its fields on the last axis: of one box in v2 to v4, rank 5, and of B
# boxes and then the classes in v1, rank 4.


class Raw(NamedTuple):
    """The fields of raw outputs: t_x t_y t_w t_h t_o and the class logits c."""

    tx: Any
    ty: Any
    tw: Any
    th: Any
    to: Any
    c: Any


def fields(rows: Array) -> Raw:
    """The fields of vectors (..., 5 + K)."""
    return Raw(*split(rows), rows[..., 4], rows[..., 5:])


def fields_of_boxes(rows: Array, num_boxes: int) -> Raw:
    """The fields of vectors (..., B·5 + K): (..., B) for the boxes, (..., K) for the classes."""
    n = 5 * num_boxes
    tx, ty, tw, th, to = (rows[..., k:n:5] for k in range(5))
    return Raw(tx, ty, tw, th, to, rows[..., n:])


def _boxes(x: Array, num_boxes: int) -> Array:
    """(N, H, W, A, 5 or more): the fields of single boxes, t_x t_y t_w t_h t_o first."""
    if x.ndim == 5:
        return x
    return namespace(x).reshape(x[..., : 5 * num_boxes], (*x.shape[:3], num_boxes, 5))


def plane(raw: Sequence[Array], layout: Layout, k: int) -> Array:
    """(N, P): field k of all slots, in the compute dtype."""
    xp, parts = namespace(raw[0]), []
    for x, lanes in zip(raw, layout.heads(), strict=True):
        field = xp.permute_dims(_boxes(x, len(lanes))[..., k], (0, 3, 1, 2))
        field = xp.reshape(field, (x.shape[0], math.prod(field.shape[1:])))
        parts.append(adapter(x).widen(field, compute_dtype(x)))
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=1)


def box_planes(x: Array, num_boxes: int) -> list[Array]:
    """t_x t_y t_w t_h of one head, (N, A, H, W), in the compute dtype."""
    boxes = adapter(x).field_planes(_boxes(x, num_boxes)[..., :4])
    boxes = adapter(x).widen(boxes, compute_dtype(x))
    return [boxes[k, ...] for k in range(4)]


def head_planes(plane: Array, layout: Layout) -> list[Array]:
    """(N, P) → (N, A, H, W) for each head."""
    xp, parts = namespace(plane), []
    for lanes in layout.heads():
        first, (n, a, h, w) = lanes[0].start, (plane.shape[0], len(lanes), lanes[0].H, lanes[0].W)
        parts.append(xp.reshape(plane[:, first : first + a * h * w], (n, a, h, w)))
    return parts


def split_planes(plane: Array, layout: Layout) -> list[Array]:
    """The inverse of `plane`: (N, P) → (N, H, W, A) for each head."""
    xp = namespace(plane)
    return [xp.permute_dims(p, (0, 2, 3, 1)) for p in head_planes(plane, layout)]


# Decoding every predictor.


def prior_sizes(lanes: Sequence[Lane], like: Array) -> tuple[Array, Array]:
    """p_w and p_h of lanes, (A, 1, 1), to meet planes (N, A, H, W)."""
    pw = constant([lane.pw for lane in lanes], like)[:, None, None]
    ph = constant([lane.ph for lane in lanes], like)[:, None, None]
    return pw, ph


class Cell(NamedTuple):
    """Where predictors stand: c_x c_y in cells, p_w p_h in fractions of the image."""

    col: Any
    row: Any
    pw: Any
    ph: Any


def row_cells(layout: Layout, lane: Array, dtype: Any) -> Cell:
    """The cells of rows. Rows are measured from the corner of their cell: c_x = c_y = 0."""
    pw, ph = per_row([layout.column("pw"), layout.column("ph")], lane, dtype)
    return Cell(0.0, 0.0, pw, ph)


Decode = Callable[[Raw, Cell, int], tuple[Any, Any, Any, Any]]  # t, cell, head → x̂ ŷ ŵ ĥ


class Decoded(NamedTuple):
    """Predictions of one head.

    Attributes
    ----------
    boxes : array, shape (N, H, W, A, 4)
        Centre form x y w h, fractions of the image.
    obj : array, shape (N, H, W, A)
        Confidence or objectness Ĉ, 0 … 1.
    cls : array, shape (N, H, W, A, K); v1: (N, S, S, K)
        Class probabilities p̂(c).
    """

    boxes: Array
    obj: Array
    cls: Array


def predicted(raw: Sequence[Array], layout: Layout, decode: Decode) -> Iterator[tuple[Array, ...]]:
    """x̂ ŷ ŵ ĥ of all predictors, fractions of the image: planes (N, A, H, W), head by head."""
    for s, (x, lanes) in enumerate(zip(raw, layout.heads(), strict=True)):
        yield _predicted(x, lanes, decode, s)


def _predicted(x: Array, lanes: Sequence[Lane], decode: Decode, s: int) -> tuple[Array, ...]:
    tx, ty, tw, th = box_planes(x, len(lanes))
    H, W, (pw, ph) = lanes[0].H, lanes[0].W, prior_sizes(lanes, tx)
    cell = Cell(arange(W, tx)[None, :], arange(H, tx)[:, None], pw, ph)
    x_hat, y_hat, w_hat, h_hat = decode(Raw(tx, ty, tw, th, None, None), cell, s)
    return x_hat / W, y_hat / H, w_hat, h_hat


def decode(
    raw: Sequence[Array], layout: Layout, decode: Decode, probability: Callable[[Array], Array]
) -> tuple[Decoded, ...]:
    """All predictions of each head, in the compute dtype."""
    xp, out = namespace(raw[0]), []
    for x, lanes, planes in zip(raw, layout.heads(), predicted(raw, layout, decode), strict=True):
        x = adapter(x).widen(x, compute_dtype(x))
        boxes = xp.stack([xp.permute_dims(p, (0, 2, 3, 1)) for p in planes], axis=-1)
        t = fields(x) if x.ndim == 5 else fields_of_boxes(x, len(lanes))
        out.append(Decoded(boxes, sigmoid(t.to), probability(t.c)))
    return tuple(out)


# Encoding boxes at given cells.


def in_cell(
    boxes: Array, row: Array, col: Array, grid_shape: tuple[int, int]
) -> tuple[Array, Array, Array, Array]:
    """Offsets of the centre from the corner of a cell, in cells, and w, h as they are."""
    dtype, (H, W) = compute_dtype(boxes), grid_shape
    x, y, w, h = split(namespace(boxes).astype(boxes, dtype, copy=False))
    return x * W - number(col, dtype), y * H - number(row, dtype), w, h


def prior_at(
    anchors: Sequence[Sequence[float]], anchor: Array, input_size: tuple[float, float], like: Array
) -> tuple[Array, Array]:
    """p_w and p_h, fractions of the image, of anchors by index; input_size (height, width)."""
    height, width = input_size
    sizes = [w / width for w, _ in anchors], [h / height for _, h in anchors]
    pw, ph = per_row(sizes, anchor, like.dtype)
    return pw, ph


# Rows: places of single slots, (N, R) each, behind one another by head. `counts` says how many
# rows a head has. A place is (row, col, anchor) in v2 to v4 and (row, col) in v1.


def by_head(counts: Sequence[int]) -> list[slice]:
    """The rows of each head."""
    ends = [sum(counts[: s + 1]) for s in range(len(counts))]
    return [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]


def gather(
    raw: Sequence[Array], place: tuple[Array, ...], keep: Array, counts: Sequence[int]
) -> Array:
    """(N, R, D): the vectors of raw outputs at the kept places, else 0; in the compute dtype."""
    xp, parts = namespace(keep), []
    for x, k in zip(raw, by_head(counts), strict=True):
        rows = adapter(x).gather(x, tuple(p[:, k] for p in place), keep[:, k])
        parts.append(adapter(x).widen(rows, compute_dtype(x)))
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=1)


def saturate(x: Array, dtype: Any) -> Array:
    """x in a dtype, limited to its finite values."""
    xp = namespace(x)
    if x.dtype == dtype:
        return x
    largest = float(xp.finfo(dtype).max)
    return xp.astype(xp.clip(x, min=-largest, max=largest), dtype)
