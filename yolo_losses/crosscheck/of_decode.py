"""Predictions decoded otherwise."""

# Pieces of formulas are lambdas that hold what they need as defaults.
# mypy: disable-error-code="misc, no-untyped-call"

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..elementwise import exp, minimum, sigmoid
from . import formulas as f
from .problem import Problem
from .setup import Setup, Slip, patching
from .variant import Wrap, with_names

NO_WINDOW: tuple[str, Wrap] = ("ignoring._near", lambda _: lambda *args: None)
Size = tuple[float, float]
Scale = Callable[[float, Size, Size], Size]  # stride, input and grid (width, height) → of p_w, p_h


def slips(problem: Problem) -> Iterator[Slip]:
    """All of a version."""
    yield from _offsets(problem.version)
    yield from _grids(problem.version)
    if problem.version == "v1":
        yield from _of_v1()
    else:
        yield from _sizes(problem)
    if problem.version == "v4":
        yield from _of_v4()


# Offsets.


def _fields(**of: Callable[[Any], Any]) -> Wrap:
    """`_decode` of other raw outputs."""
    return lambda inner: (
        lambda t, at, s: inner(t._replace(**{k: v(t) for k, v in of.items()}), at, s)
    )


def _offsets(version: str) -> Iterator[Slip]:
    twice = _fields(tx=lambda t: sigmoid(t.tx), ty=lambda t: sigmoid(t.ty))
    text = "σ is taken twice of t_x and t_y"
    yield _slip("sigmoid-twice-xy", text, ("_decode", twice), *_also_v1(version, _twice_v1), rank=0)
    if version == "v1":
        bare = f.box_of_v1(lambda t: (t.tx, t.ty), None)
        yield _slip("sigmoid-missing-xy-in-box-too", "σ of t_x and t_y is left out everywhere",
                    ("_decode", f.no_sigmoid), ("_objects", bare), NO_WINDOW, rank=0)  # fmt: skip
        yield _slip("sigmoid-missing-xy-in-box-alone", "σ of t_x and t_y is left out of the box term",
                    ("_objects", bare), stage="box")  # fmt: skip
    if version == "v4":
        yield _slip("sigmoid-missing-xy-scaled", "σ of t_x and t_y is left out, s is not",
                    ("_decode", lambda inner: with_names(inner, sigmoid=f.same)), rank=0)  # fmt: skip
    if version in ("v1", "v3"):
        xy = _fields(tx=lambda t: t.ty, ty=lambda t: t.tx)
        wh = _fields(tw=lambda t: t.th, th=lambda t: t.tw)
        for name, text, wrap in (("tx-ty", "t_x and t_y", xy), ("tw-th", "t_w and t_h", wh)):
            yield _slip(f"{name}-exchanged-in-decode", f"{text} are exchanged in the decode alone",
                        ("_decode", wrap), rank=0)  # fmt: skip
    if version != "v1":
        two = f.decoding(
            lambda t, at, s, x, y, w, h: (
                sigmoid(t.tx) * 2 - 0.5 + at.col, sigmoid(t.ty) * 2 - 0.5 + at.row, w, h,
            )
        )  # fmt: skip
        yield _slip("yolov5-offsets", "offsets are 2σ(t) − ½, as YOLOv5 decodes", ("_decode", two))


def _also_v1(version: str, *patches: tuple[str, Wrap]) -> Sequence[tuple[str, Wrap]]:
    """What v1's box term needs beside its decode."""
    return patches if version == "v1" else ()


_twice_v1 = (
    "_objects",
    f.box_of_v1(lambda t: tuple(sigmoid(sigmoid(v)) for v in (t.tx, t.ty)), None),
)


def _slip(
    name: str, text: str, *patches: tuple[str, Wrap], stage: str = "decode", rank: int = 1
) -> Slip:
    return Slip(name, stage, text, patching(*patches), rank=rank)


# The cell that is added.


def _grids(version: str) -> Iterator[Slip]:
    cases = {
        "row-col-exchanged-everywhere": ("c_x and c_y are exchanged wherever predictions are decoded",
                                         lambda col, row: (row, col), 0),
        "grid-left-out": ("c_x and c_y are left out", lambda col, row: (col * 0, row * 0), 1),
    }  # fmt: skip
    for name, (text, of, rank) in cases.items():
        yield _slip(name, text, *_moved(version, of), NO_WINDOW, rank=rank)
    if version == "v1":
        cases["half-a-cell"] = ("half a cell is added to the cell's corner",
                                lambda col, row: (col + 0.5, row + 0.5), 0)  # fmt: skip
        for name, (text, of, rank) in cases.items():
            yield _slip(f"{name}-in-box-too", f"{text}, in the box term too",
                        *_moved(version, of), ("_truth", _box_moved(of)), NO_WINDOW, rank=rank)  # fmt: skip


def _moved(version: str, of: Callable[[Any, Any], tuple[Any, Any]]) -> list[tuple[str, Wrap]]:
    """Another corner for the cell's, in planes and in rows."""

    def dense(inner: Any) -> Any:
        def decode(t: Any, at: Any, s: Any) -> Any:
            if isinstance(at.col, float):  # of rows, which are measured from their cell
                return inner(t, at, s)
            col, row = of(at.col, at.row)
            return inner(t, at._replace(col=col, row=row), s)

        return decode

    def rows(inner: Any) -> Any:
        def objects(t: Any, g: Any, c: Any) -> Any:
            col, row = of(g.col, g.row)
            return inner(t, g._replace(x=g.x + g.col - col, y=g.y + g.row - row), c)

        return objects

    if version == "v1":
        return [("_decode", dense), ("_ious", _ious_moved(of))]
    if version == "v3":
        return [("_decode", dense)]
    return [("_decode", dense), ("_truth", f.wider), ("_objects", rows)]


def _box_moved(of: Callable[[Any, Any], tuple[Any, Any]]) -> Wrap:
    """v1's offsets from another corner than the cell's."""

    def wrap(inner: Any) -> Any:
        def truth(found: Any) -> Any:
            g, rows = inner(found), found.rows
            col, row = of(rows.col, rows.row)
            across, along = ((v * 1.0)[..., None] for v in (rows.col - col, rows.row - row))
            return g._replace(x=g.x + across, y=g.y + along)

        return truth

    return wrap


def _ious_moved(of: Callable[[Any, Any], tuple[Any, Any]]) -> Wrap:
    def wrap(inner: Any) -> Any:
        def ious(raw: Any, rows: Any, layout: Any) -> Any:
            col, row = of(rows.col, rows.row)
            moved = rows._replace(x=rows.x + rows.col - col, y=rows.y + rows.row - row)
            return inner(raw, moved, layout)

        return ious

    return wrap


# Sizes.


def _sizes(problem: Problem) -> Iterator[Slip]:
    pieces = {
        "sizes-without-exp": ("sizes are p |t|, without e^t", lambda t: (f.absolute(t.tw), f.absolute(t.th)), 1),
        "sizes-linear-in-t": ("sizes are p t, without e^t", lambda t: (t.tw, t.th), 1),
        "sizes-half": ("sizes are half of p e^t", lambda t: (exp(t.tw) * 0.5, exp(t.th) * 0.5), 2),
        "sizes-clamped-at-e": ("t_w and t_h are clamped at 1", lambda t: (_below(t.tw), _below(t.th)), 3),
    }  # fmt: skip
    for name, (text, of, rank) in pieces.items():
        yield _slip(name, text, ("_decode", _sized(of)), rank=rank)
    for name, (text, scale) in SCALES.items():
        for where, words, change in _PLACES:
            yield Slip(f"{name}-in-{where}", "assignment" if where == "assignment" else "decode",
                       f"{text}, in the {words} alone", change(problem, scale), rank=0)  # fmt: skip


def _below(t: Any) -> Any:
    return exp(minimum(t, t * 0 + 1))


def _sized(of: Callable[[Any], tuple[Any, Any]]) -> Wrap:
    def change(t: Any, at: Any, s: Any, x: Any, y: Any, w: Any, h: Any) -> Any:
        across, along = of(t)
        return x, y, across * at.pw, along * at.ph

    return f.decoding(change)


SCALES: dict[str, tuple[str, Scale]] = {
    "anchors-cells-as-fractions": ("anchors in cells are taken for fractions of the image",
                                   lambda st, size, cells: (size[0] / st, size[1] / st)),
    "anchors-pixels-as-fractions": ("anchors in pixels are taken for fractions of the image",
                                    lambda st, size, cells: size),
    "anchors-times-stride": ("anchors are multiplied by the stride: pixels taken for cells",
                             lambda st, size, cells: (st, st)),
    "anchors-over-stride": ("anchors are divided by the stride twice",
                            lambda st, size, cells: (1 / st, 1 / st)),
    "anchors-of-416": ("anchors are divided by 416, not by the size of the input",
                       lambda st, size, cells: (size[0] / 416, size[1] / 416)),
    "sizes-by-height-and-width-exchanged": (
        "anchor widths are divided by the height of the input, and heights by the width",
        lambda st, size, cells: (size[0] / size[1], size[1] / size[0])),
}  # fmt: skip


def _of_heads(problem: Problem, scale: Scale) -> list[Size]:
    strides = problem.strides or (1.0,)
    x = problem.raw[0]
    size = x.shape[2] * strides[0], x.shape[1] * strides[0]
    return [scale(st, size, x.shape[1:3]) for st, x in zip(strides, problem.raw, strict=True)]


def _in_decode(problem: Problem, scale: Scale) -> Callable[[Setup], Setup]:
    """Anchors that only the decode scales."""
    of = _of_heads(problem, scale)

    def by(at: Any, head: int) -> Any:
        return at._replace(pw=at.pw * of[head][0], ph=at.ph * of[head][1])

    if problem.version in ("v2", "v3"):
        return patching(("_decode", lambda inner: lambda t, at, s: inner(t, by(at, s), s)))

    def rows(inner: Any) -> Any:
        def objects(t: Any, g: Any, c: Any) -> Any:
            kx, ky = (_by_stride(g.stride, problem, [v[k] for v in of]) for k in (0, 1))
            return inner(t, g._replace(pw=g.pw * kx, ph=g.ph * ky), c)

        return objects

    def dense(inner: Any) -> Any:
        return lambda config: lambda t, at, head: inner(config)(t, by(at, head), head)

    return patching(("_of_heads", dense), ("_objects", rows))


def _by_stride(stride: Any, problem: Problem, values: Sequence[float]) -> Any:
    """A number of each head at rows, by their strides."""
    found = np.asarray(getattr(stride, "value", stride))
    out = np.zeros_like(found)
    for st, v in zip(problem.strides or (), values, strict=True):
        out = np.where(found == st, v, out)
    return type(stride)(out) if hasattr(stride, "value") else out


def _in_assignment(problem: Problem, scale: Scale) -> Callable[[Setup], Setup]:
    """Anchors that only IOU_anchor^truth scales."""
    of, config = _of_heads(problem, scale), problem.config
    masks = getattr(config, "masks", (range(len(config.anchors)),))
    factor = {k: v for mask, v in zip(masks, of, strict=True) for k in mask}

    def wrap(inner: Any) -> Any:
        def shapes(truths: Any, priors: Any) -> Any:
            scaled = [(w * factor.get(k, (1, 1))[0], h * factor.get(k, (1, 1))[1])
                      for k, (w, h) in enumerate(priors)]  # fmt: skip
            return inner(truths, scaled)

        return shapes

    return patching(("matching.shape_iou", wrap))


def _in_targets(problem: Problem, scale: Scale) -> Callable[[Setup], Setup]:
    """Anchors that decode and encode scale, but not the assignment."""
    of = _of_heads(problem, scale)

    def wrap(inner: Any) -> Any:
        def layout(*args: Any) -> Any:
            found = inner(*args)
            lanes = [
                x._replace(pw=x.pw * of[x.head][0], ph=x.ph * of[x.head][1]) for x in found.lanes
            ]
            return found._replace(lanes=tuple(lanes))

        return layout

    return patching(("grid.layout", wrap))


_PLACES = (("decode", "decode", _in_decode), ("assignment", "assignment", _in_assignment),
           ("boxes", "decode and its inverse", _in_targets))  # fmt: skip


# Versions.


def _of_v1() -> Iterator[Slip]:
    bare = _fields_after(lambda t, x, y, w, h: (x, y, f.absolute(t.tw), f.absolute(t.th)))
    yield _slip("sigmoid-missing-wh", "sizes are |t|, without σ", ("_decode", bare), (
        "_objects", f.box_of_v1(None, lambda t: (f.power(f.absolute(t.tw), 0.5), f.power(f.absolute(t.th), 0.5)))))  # fmt: skip
    squared = _fields_after(lambda t, x, y, w, h: (x, y, w**2, h**2))
    yield _slip("sizes-are-squares", "the outputs are square roots of sizes", ("_decode", squared),
                ("_objects", f.box_of_v1(None, lambda t: (sigmoid(t.tw), sigmoid(t.th)))))  # fmt: skip
    linear = _fields_after(
        lambda t, x, y, w, h: (t.tx * 1 + x - sigmoid(t.tx), y - sigmoid(t.ty) + t.ty, t.tw, t.th)
    )
    yield _slip(
        "no-activation-of-boxes", "boxes are linear outputs, without σ", ("_decode", linear)
    )


def _fields_after(change: Callable[..., Any]) -> Wrap:
    return f.decoding(lambda t, at, s, x, y, w, h: change(t, x, y, w, h))


def _of_v4() -> Iterator[Slip]:
    full = f.decoding(lambda t, at, s, x, y, w, h: (x - (s - 1) / 2, y - (s - 1) / 2, w, h))
    plus = f.decoding(lambda t, at, s, x, y, w, h: (x + (s - 1), y + (s - 1), w, h))
    yield _slip(
        "scale-xy-whole-shift", "s·σ(t) − (s − 1) for s·σ(t) − (s − 1)/2", ("_decode", full)
    )
    yield _slip(
        "scale-xy-shift-added", "s·σ(t) + (s − 1)/2: the sign of the shift", ("_decode", plus)
    )
