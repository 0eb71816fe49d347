"""Pieces of wrong formulas: what slips exchange in a version's module.

A piece takes what it replaces, and calls it for all that stays right. `g` is the truth of rows,
`t` their raw outputs, as in the versions.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from .. import grid
from .._xp import namespace, number
from ..boxes import edges
from ..elementwise import (
    bce,
    elementary,
    exp,
    maximum,
    one_hot,
    ratio,
    sigmoid,
    softmax,
    softplus,
    sqrt_sigmoid,
    stop,
)
from ..iou import SIMILARITY
from .variant import Wrap, with_names

Map = Callable[[Any], Any]

# Elementary functions that no formula has.


@elementary(lambda x, n, y: n * x ** (n - 1))
def power(x: Any, n: float) -> Any:
    """x^n, for x > 0."""
    return x**n


def _log_softmax(c: Any) -> Any:
    xp = namespace(c)
    c = c - xp.max(c, axis=-1, keepdims=True)
    return c - xp.log(xp.sum(xp.exp(c), axis=-1, keepdims=True))


@elementary(
    lambda c, p, y: softmax(c) * namespace(c).sum(p, axis=-1, keepdims=True) - p,
)
def cross_entropy(c: Any, p: Any) -> Any:
    """−p log softmax(c) for each class; the slope is that of the sum."""
    return -p * _log_softmax(c)


@elementary(lambda t, y: y * 0 + 1)
def straight_sigmoid(t: Any) -> Any:
    """σ(t), passed by its slope."""
    return sigmoid(t)


@elementary(lambda x, y: 1 / x)
def log(x: Any) -> Any:
    """The natural logarithm, of what is above 0."""
    return namespace(x).log(x)


def absolute(x: Any) -> Any:
    """|x|."""
    return maximum(x, -x)


def above_0(x: Any) -> Any:
    """max(x, 0)."""
    return maximum(x, x * 0)


def square(x: Any) -> Any:
    """x²."""
    return x**2


# Decode.


def decoding(change: Callable[..., tuple[Any, Any, Any, Any]]) -> Wrap:
    """A piece for `_decode` from change(t, at, s, x̂, ŷ, ŵ, ĥ)."""

    def wrap(inner: Any) -> Any:
        return lambda t, at, s: change(t, at, s, *inner(t, at, s))

    return wrap


def shifted(by: float) -> Wrap:
    """The cell's corner moved."""

    def wrap(inner: Any) -> Any:
        return lambda t, at, s: inner(t, at._replace(col=at.col + by, row=at.row + by), s)

    return wrap


def exchanged_cell(inner: Any) -> Any:
    """c_x for c_y."""
    return lambda t, at, s: inner(t, at._replace(col=at.row, row=at.col), s)


no_sigmoid = decoding(lambda t, at, s, x, y, w, h: (t.tx + at.col, t.ty + at.row, w, h))
no_shift = decoding(lambda t, at, s, x, y, w, h: (x + (s - 1) / 2, y + (s - 1) / 2, w, h))
squared_sizes = decoding(
    lambda t, at, s, x, y, w, h: (
        x, y, at.pw * (sigmoid(t.tw) * 2) ** 2, at.ph * (sigmoid(t.th) * 2) ** 2,
    )
)  # fmt: skip
sigmoid_sizes = decoding(
    lambda t, at, s, x, y, w, h: (x, y, at.pw * sigmoid(t.tw), at.ph * sigmoid(t.th))
)
tanh_offsets = decoding(
    lambda t, at, s, x, y, w, h: (
        sigmoid(t.tx * 2) * 2 - 1 + at.col, sigmoid(t.ty * 2) * 2 - 1 + at.row, w, h,
    )
)  # fmt: skip


def probabilities(of: Map) -> Wrap:
    """Class probabilities by another function."""
    return lambda inner: lambda raw, layout, decode, probability: inner(raw, layout, decode, of)


def straight(inner: Any) -> Any:
    """`_decode` without σ′ in its slopes."""
    return with_names(inner, sigmoid=straight_sigmoid)


# Truths of rows with what slips need beside them.


def wider(inner: Any) -> Any:
    """`_truth` with p_w p_h and the size of a cell."""

    def truth(found: Any, *config: Any) -> Any:
        g, rows = inner(found, *config), found.rows
        lanes, dtype = found.layout, rows.x.dtype
        at = grid.row_cells(lanes, rows.lane, dtype)
        width, height = grid.per_row([lanes.column("W"), lanes.column("H")], rows.lane, dtype)
        extra = {"pw": at.pw, "ph": at.ph, "cell_w": 1 / width, "cell_h": 1 / height,
                 "off_x": rows.x, "off_y": rows.y,
                 "col": number(rows.col, dtype), "row": number(rows.row, dtype)}  # fmt: skip
        extra["ignored"] = number(_at_slots(found.ignored, rows.slot), dtype)
        if g.x.ndim == 3 if hasattr(g, "x") else False:  # v1, where rows have all boxes of a cell
            extra = {name: v[..., None] for name, v in extra.items()}
        have = {**g._asdict(), **extra}
        kind = NamedTuple("Wider", [(name, Any) for name in have])  # type: ignore[misc]
        return kind(**have)

    return truth


def _at_slots(plane: Any, slot: Any) -> Any:
    """(N, P) at the slots of rows, (N, R)."""
    return namespace(plane).take_along_axis(plane, slot, axis=1)


# Coordinates.

Piece = tuple[Any, Any, Any]


def of_rows(change: Callable[..., Piece]) -> Wrap:
    """A piece for `_objects` from change(t, g, config, box, obj, cls)."""

    def wrap(inner: Any) -> Any:
        return lambda t, g, config: change(t, g, config, *inner(t, g, config))

    return wrap


def box(of: Callable[..., Any]) -> Wrap:
    """Another box term."""
    return of_rows(lambda t, g, config, box, obj, cls: (of(t, g, config, box), obj, cls))


def obj(of: Callable[..., Any]) -> Wrap:
    """Another objectness term of responsible predictors."""
    return of_rows(lambda t, g, config, box, obj, cls: (box, of(t, g, config, obj), cls))


def cls(of: Callable[..., Any]) -> Wrap:
    """Another class term."""
    return of_rows(lambda t, g, config, box, obj, cls: (box, obj, of(t, g, config, cls)))


def differences(version: str, t: Any, g: Any) -> tuple[Any, Any, Any, Any]:
    """What the box term of v1, v2 and v3 squares."""
    return _DIFFERENCES[version](t, g)


_DIFFERENCES: dict[str, Callable[[Any, Any], tuple[Any, Any, Any, Any]]] = {
    "v1": lambda t, g: (
        g.x - sigmoid(t.tx), g.y - sigmoid(t.ty),
        g.sqrt_w - sqrt_sigmoid(t.tw), g.sqrt_h - sqrt_sigmoid(t.th),
    ),
    "v2": lambda t, g: (
        g.x - sigmoid(t.tx), g.y - sigmoid(t.ty), g.w - g.pw * exp(t.tw), g.h - g.ph * exp(t.th),
    ),
    "v3": lambda t, g: (g.tx - t.tx, g.ty - t.ty, g.tw - t.tw, g.th - t.th),
}  # fmt: skip


def weight(version: str, g: Any, config: Any) -> Any:
    """What stands before the box term's sum of squares."""
    if version == "v1":
        return config.lambda_coord * g.obj
    held = g.obj * g.gate if version == "v3" else g.obj
    return config.lambda_coord * held * (2 - g.w * g.h)


def errors(version: str, of: Callable[[Any, Any], Any]) -> Wrap:
    """A box term Σ of(t, g), with the weight of the formula."""
    return box(lambda t, g, config, _: weight(version, g, config) * of(t, g))


def by_coordinate(version: str, f: Map) -> Wrap:
    """A box term Σ f(difference)."""
    return errors(version, lambda t, g: sum(map(f, differences(version, t, g)), start=0.0))


def mixed(version: str, xy: Any = None, wh: Any = None) -> Wrap:
    """A box term with other squares for x and y, or for w and h."""

    def of(t: Any, g: Any) -> Any:
        dx, dy, dw, dh = differences(version, t, g)
        offsets = xy(t, g) if xy else dx**2 + dy**2
        return offsets + (wh(t, g) if wh else dw**2 + dh**2)

    return errors(version, of)


def offsets_after_sigmoid(t: Any, g: Any) -> Any:
    """(σ(t_x) − offset)², v3."""
    return (sigmoid(t.tx) - g.off_x) ** 2 + (sigmoid(t.ty) - g.off_y) ** 2


def offsets_bce(t: Any, g: Any) -> Any:
    """Cross entropy of σ(t_x) and the offset, v3."""
    return bce(t.tx, g.off_x) + bce(t.ty, g.off_y)


def sizes_linear(t: Any, g: Any) -> Any:
    """(w/p_w − e^t_w)², v3."""
    return (exp(g.tw) - exp(t.tw)) ** 2 + (exp(g.th) - exp(t.th)) ** 2


def sizes_of_image(t: Any, g: Any) -> Any:
    """(w − ŵ)² in fractions of the image, v3."""
    return (g.w - g.pw * exp(t.tw)) ** 2 + (g.h - g.ph * exp(t.th)) ** 2


def sizes_in_log(t: Any, g: Any) -> Any:
    """(t_w − log(w / p_w))², v2."""
    return (t.tw - log(ratio(g.w, g.pw))) ** 2 + (t.th - log(ratio(g.h, g.ph))) ** 2


def sizes_by_root(t: Any, g: Any) -> Any:
    """(√w − √ŵ)², v2."""
    dw = power(g.w, 0.5) - power(g.pw * exp(t.tw), 0.5)
    return dw**2 + (power(g.h, 0.5) - power(g.ph * exp(t.th), 0.5)) ** 2


def sizes_in_cells(t: Any, g: Any) -> Any:
    """(w − ŵ)² in cells, v2."""
    dw, dh = g.w - g.pw * exp(t.tw), g.h - g.ph * exp(t.th)
    return ratio(dw, g.cell_w) ** 2 + ratio(dh, g.cell_h) ** 2


# Objectness.


def iou_target(version: str, t: Any, g: Any) -> Any:
    """IOU of a row's prediction and its truth, in fractions of the image; v2, v3, v4."""
    dx, dy, w_hat, h_hat = _OFFSETS[version](t, g)
    pred = edges(dx * g.cell_w, dy * g.cell_h, w_hat, h_hat)
    return SIMILARITY["iou"](pred, edges(0.0, 0.0, g.w, g.h))


_OFFSETS: dict[str, Any] = {
    "v2": lambda t, g: (
        sigmoid(t.tx) - g.x, sigmoid(t.ty) - g.y, g.pw * exp(t.tw), g.ph * exp(t.th),
    ),
    "v3": lambda t, g: (
        sigmoid(t.tx) - g.off_x, sigmoid(t.ty) - g.off_y, g.pw * exp(t.tw), g.ph * exp(t.th),
    ),
    "v4": lambda t, g: (
        g.s * sigmoid(t.tx) - (g.s - 1) / 2 - g.x, g.s * sigmoid(t.ty) - (g.s - 1) / 2 - g.y,
        g.pw * exp(t.tw), g.ph * exp(t.th),
    ),
}  # fmt: skip


def iou_of_v1(t: Any, g: Any, size: tuple[int, int]) -> Any:
    """IOU of the predictions of a row's cell and its truth, v1; the grid has (H, W) cells."""
    dx, dy = (sigmoid(t.tx) - g.x) / size[1], (sigmoid(t.ty) - g.y) / size[0]
    pred = edges(dx, dy, sigmoid(t.tw), sigmoid(t.th))
    return SIMILARITY["iou"](pred, edges(0.0, 0.0, g.sqrt_w**2, g.sqrt_h**2))


def focal_obj(t: Any, g: Any, config: Any, _: Any) -> Any:
    """λ (1 − Ĉ)² [−log Ĉ]."""
    return config.lambda_obj * g.obj * sigmoid(-t.to) ** 2 * softplus(-t.to)


# Classes.


def classes(of: Callable[[Any, Any], Any]) -> Wrap:
    """A class term λ 1obj Σ of(c, p), p one hot."""
    return smoothed_classes(lambda c, p, eps: of(c, p))


def smoothed_classes(of: Callable[[Any, Any, float], Any]) -> Wrap:
    """A class term λ 1obj Σ of(c, p, ε), p one hot, ε the label smoothing of the config."""

    def term(t: Any, g: Any, config: Any, _: Any) -> Any:
        lam, eps = getattr(config, "lambda_class", 1.0), getattr(config, "label_smoothing", 0.0)
        held = g.obj_c if hasattr(g, "obj_c") else g.obj_i
        return lam * held * of(t.c, one_hot(g.label, t.c), eps)

    return cls(term)


def softened(p: Any, eps: float) -> Any:
    """p (1 − ε) + ε/2."""
    return p * (1 - eps) + eps / 2


def detached(inner: Any) -> Any:
    """A function whose result is constant."""
    return lambda *args: stop(inner(*args))


def same(x: Any) -> Any:
    """x: in the place of `stop`."""
    return x


# v1.


def box_of_v1(xy: Any, wh: Any) -> Wrap:
    """The box term of v1 with other x̂ ŷ of t, or other √ŵ √ĥ."""

    def of(t: Any, g: Any, config: Any, _: Any) -> Any:
        x, y = xy(t) if xy else (sigmoid(t.tx), sigmoid(t.ty))
        w, h = wh(t) if wh else (sqrt_sigmoid(t.tw), sqrt_sigmoid(t.th))
        d2 = (g.x - x) ** 2 + (g.y - y) ** 2 + (g.sqrt_w - w) ** 2 + (g.sqrt_h - h) ** 2
        return config.lambda_coord * g.obj * d2

    return box(of)


# Boxes of v2, v3 and v4.


def pixels(version: str, t: Any, g: Any, size: tuple[float, float]) -> tuple[Any, Any]:
    """Edges of a row's prediction and of its truth in pixels, from the centre of the truth."""
    dx, dy, w_hat, h_hat = _OFFSETS[version](t, g)
    width, height = size
    pred = edges(dx * g.cell_w * width, dy * g.cell_h * height, w_hat * width, h_hat * height)
    return pred, edges(0.0, 0.0, g.w * width, g.h * height)


def places(version: str, t: Any, g: Any, size: tuple[float, float]) -> tuple[Any, Any]:
    """x y w h of a row's prediction and of its truth in the image, in units of `size`."""
    dx, dy, w_hat, h_hat = _OFFSETS[version](t, g)
    x, y = (g.off_x + g.col) * g.cell_w, (g.off_y + g.row) * g.cell_h
    pred = (
        (x + dx * g.cell_w) * size[0],
        (y + dy * g.cell_h) * size[1],
        w_hat * size[0],
        h_hat * size[1],
    )
    return pred, (x * size[0], y * size[1], g.w * size[0], g.h * size[1])


def squares_of_v4(t: Any, g: Any) -> Any:
    """Squares as of a v3 with probabilities: σ(t_x) − offset, t_w − log(w / p_w)."""
    dw, dh = t.tw - log(ratio(g.w, g.pw)), t.th - log(ratio(g.h, g.ph))
    return (sigmoid(t.tx) - g.x) ** 2 + (sigmoid(t.ty) - g.y) ** 2 + dw**2 + dh**2
