"""Checks of what a caller hands in, and the one form of their messages.

`where` is the public function that was called, as `v3.loss`; a message names it, the argument, what
it must be, and what came.
"""

from collections.abc import Iterable, Sequence
from math import inf
from typing import Any, NoReturn

from ._xp import Array, adapter, is_array, namespace


def wrong_value(where: str, argument: str, expected: str, got: object, hint: str = "") -> NoReturn:
    """Raise the ValueError of this package."""
    msg = f"{where}: {argument} must {expected}, got {got}{hint}"
    raise ValueError(msg)


def wrong_type(where: str, argument: str, expected: str, got: object, hint: str = "") -> NoReturn:
    """Raise the TypeError of this package."""
    msg = f"{where}: {argument} must {expected}, got {got}{hint}"
    raise TypeError(msg)


# Arrays.


def array(where: str, argument: str, x: object) -> None:
    """An array of some library of the standard."""
    if not is_array(x):
        wrong_type(where, argument, "be an array", type(x).__name__)


def floating(where: str, argument: str, x: Array) -> None:
    """A real floating dtype of at most 64 bits."""
    array(where, argument, x)
    if str(x.dtype).rpartition(".")[2] not in ("float64", "float32", "float16", "bfloat16"):
        wrong_type(where, argument, "have a real floating dtype, float16 to float64", x.dtype)


def last_axis(where: str, argument: str, x: Array, size: int, names: str) -> None:
    """Boxes (..., 4) and the like."""
    if x.ndim == 0 or x.shape[-1] != size:
        wrong_value(where, argument, f"have shape (..., {size}) with {names}", tuple(x.shape))


def broadcastable(where: str, first: tuple[str, Array], second: tuple[str, Array]) -> None:
    """Two arrays whose shapes broadcast."""
    (name, x), (argument, y) = first, second
    pairs = zip(reversed(x.shape), reversed(y.shape), strict=False)
    if any(m != n and 1 not in (m, n) for m, n in pairs):
        expected = f"broadcast with {name}, shape {tuple(x.shape)}"
        wrong_value(where, argument, expected, tuple(y.shape))


def together(where: str, arrays: Sequence[tuple[str, Array]]) -> None:
    """All arrays of one library and on one device."""
    (first, x), *others = arrays
    for argument, y in others:
        if adapter(y) is not adapter(x):
            expected = f"be of the same library as {first} ({adapter(x).name})"
            wrong_type(where, argument, expected, adapter(y).name)
        if None not in (adapter(x).device(x), adapter(y).device(y)) and (
            adapter(x).device(x) != adapter(y).device(y)
        ):
            expected = f"be on the device of {first} ({adapter(x).device(x)})"
            wrong_value(where, argument, expected, adapter(y).device(y))


# Raw outputs.


def cells(where: str, argument: str, x: Array, num_boxes: int) -> None:
    """v1: (N, S, S, B·5 + K), K ≥ 1."""
    floating(where, argument, x)
    boxes = 5 * num_boxes
    if x.ndim != 4 or x.shape[-1] <= boxes or 0 in x.shape[1:]:
        hint = ""
        if x.ndim == 4 and x.shape[2] == x.shape[3] != x.shape[1] > boxes:
            hint = "; is it NCHW? see yl.grid.from_nchw(x, None)"
        expected = f"have shape (N, S, S, {boxes} + K) with K ≥ 1"
        wrong_value(where, argument, expected, tuple(x.shape), hint)


def head(where: str, argument: str, x: Array, num_anchors: int) -> None:
    """v2 to v4: (N, H, W, A, 5 + K), K ≥ 1."""
    floating(where, argument, x)
    if x.ndim != 5 or x.shape[3] != num_anchors or x.shape[4] < 6 or 0 in x.shape[1:]:
        expected = f"have shape (N, H, W, {num_anchors}, 5 + K) with K ≥ 1"
        wrong_value(where, argument, expected, tuple(x.shape), _layout_hint(x, num_anchors))


def _layout_hint(x: Array, num_anchors: int) -> str:
    """What a wrong shape may come from."""
    if x.ndim == 4 and x.shape[1] % num_anchors == 0 and x.shape[1] >= 6 * num_anchors:
        return "; is it NCHW? see yl.grid.from_nchw"
    if x.ndim == 4 and x.shape[3] % num_anchors == 0 and x.shape[3] >= 6 * num_anchors:
        return "; is it NHWC? see yl.grid.from_nhwc"
    if x.ndim == 5 and x.shape[1] == num_anchors:
        return "; is it (N, A, H, W, 5 + K)? permute the axes to (0, 2, 3, 1, 4)"
    return ""


def heads(where: str, x: object, masks: Sequence[Sequence[int]], strides: Sequence[float]) -> None:
    """A sequence of heads that fit the masks and one another."""
    if not isinstance(x, list | tuple):
        got = f"one array of shape {tuple(x.shape)}" if is_array(x) else type(x).__name__
        wrong_type(where, "heads", f"be a sequence of {len(masks)} arrays, one a head", got)
    if len(x) != len(masks):
        wrong_value(where, "heads", f"hold {len(masks)} arrays, one for each of masks", len(x))
    for s, (y, mask) in enumerate(zip(x, masks, strict=True)):
        head(where, f"heads[{s}]", y, len(mask))
    together(where, [(f"heads[{s}]", y) for s, y in enumerate(x)])
    for s, y in enumerate(x):
        _like_first(where, f"heads[{s}]", y, x[0])
    input_size(where, x, strides)


def _like_first(where: str, argument: str, x: Array, first: Array) -> None:
    """A head with the dtype, N and K of heads[0]."""
    if x.dtype != first.dtype:
        wrong_type(where, argument, f"have the dtype of heads[0] ({first.dtype})", x.dtype)
    if x.shape[0] != first.shape[0]:
        expected = f"hold N = {first.shape[0]} images, as heads[0] does"
        wrong_value(where, argument, expected, x.shape[0])
    if x.shape[-1] != first.shape[-1]:
        expected = f"have K = {first.shape[-1] - 5} classes, as heads[0] has"
        wrong_value(where, argument, expected, x.shape[-1] - 5)


def input_size(where: str, x: Sequence[Array], strides: Sequence[float]) -> None:
    """All heads see one network input: grid × stride agrees."""
    sizes = [(y.shape[1] * k, y.shape[2] * k) for y, k in zip(x, strides, strict=True)]
    for s, size in enumerate(sizes):
        if size != sizes[0]:
            grids = tuple(x[s].shape[1:3])
            expected = f"have grid × stride {sizes[0]}, as heads[0] has"
            got = f"{grids} × {strides[s]} = {size}"
            wrong_value(where, f"heads[{s}]", expected, got)


def targets(where: str, x: Any, raw: tuple[str, Array]) -> None:
    """Targets that fit the raw outputs `raw` (name, array)."""
    argument, y = raw
    for name in ("boxes", "labels", "valid"):
        if not hasattr(x, name):
            wrong_type(where, "targets", "be a Targets(boxes, labels, valid)", type(x).__name__)
    fields = {"boxes": x.boxes, "labels": x.labels, "valid": x.valid}
    if getattr(x, "ignore", None) is not None:
        fields["ignore"] = x.ignore
    for name, field in fields.items():
        array(where, f"targets.{name}", field)
    floating(where, "targets.boxes", x.boxes)
    n, t = y.shape[0], (x.boxes.shape[1] if x.boxes.ndim == 3 else "T")
    for name, field in fields.items():
        shape, got = (n, t, 4) if name == "boxes" else (n, t), tuple(field.shape)
        if got != shape:
            shown = "(" + ", ".join(map(str, shape)) + ")"
            expected = f"have shape {shown} for the N = {n} images of {argument}"
            wrong_value(where, f"targets.{name}", expected, got)
    together(where, [raw, *((f"targets.{name}", field) for name, field in fields.items())])
    _kinds(where, fields)


def _kinds(where: str, fields: dict[str, Array]) -> None:
    """Integer labels, bools elsewhere."""
    kinds = {"labels": ("integral", "an integer"), "valid": ("bool", "a bool")}
    kinds["ignore"] = kinds["valid"]
    for name in (name for name in fields if name in kinds):
        kind, words = kinds[name]
        if not namespace(fields[name]).isdtype(fields[name].dtype, kind):
            wrong_type(where, f"targets.{name}", f"have {words} dtype", fields[name].dtype)


def in_place(where: str, argument: str, x: Any, rank: int, *, several: bool) -> None:
    """Raw outputs, one array or several, of a library that assigns in place."""
    if several and not (isinstance(x, list | tuple) and x):
        got = f"one array of shape {tuple(x.shape)}" if is_array(x) else repr(x)
        wrong_type(where, argument, "be a sequence of arrays, one a head", got)
    arrays: list[tuple[str, Array]] = _named(argument, x) if several else [(argument, x)]
    for name, y in arrays:
        floating(where, name, y)
        if y.ndim != rank:
            wrong_value(where, name, f"have {rank} axes", tuple(y.shape))
        if not adapter(y).assigns(y):
            expected = "be NumPy, CuPy or eager PyTorch arrays, which are written in place"
            wrong_type(where, name, expected, f"{adapter(y).name}, or a trace of it")
    together(where, _named(argument, x))


def work(where: str, work: Any, argument: str, x: Any) -> None:
    """None, or a workspace that was made for raw outputs like these."""
    if work is None:
        return
    version, raw = where.partition(".")[0], _named(argument, x)
    made_by = f"be a {version}.workspace({argument})"
    if not isinstance(getattr(work, "grads", None), tuple):
        wrong_type(where, "work", made_by, type(work).__name__)
    if len(work.grads) != len(raw):
        wrong_value(where, "work", f"{made_by} of {len(raw)} arrays", len(work.grads))
    for (name, y), grad in zip(raw, work.grads, strict=True):
        if adapter(grad) is not adapter(y) or (grad.dtype, grad.shape) != (y.dtype, y.shape):
            expected = f"{made_by} like {name}: {adapter(y).name}, {y.dtype}, {tuple(y.shape)}"
            got = f"{adapter(grad).name}, {grad.dtype}, {tuple(grad.shape)}"
            wrong_value(where, "work", expected, got)
        together(where, [(name, y), ("work", grad)])


def _named(argument: str, x: Any) -> list[tuple[str, Array]]:
    """One array or several, with the names that messages give them."""
    if isinstance(x, list | tuple):
        return [(f"{argument}[{s}]", y) for s, y in enumerate(x)]
    return [(argument, x)]


def boxes_at_cells(where: str, boxes: Array, **places: Array) -> None:
    """Boxes (..., 4) and the integer places (...) that they are encoded at."""
    floating(where, "boxes", boxes)
    last_axis(where, "boxes", boxes, 4, "x y w h")
    for name, x in places.items():
        array(where, name, x)
        if not namespace(x).isdtype(x.dtype, "integral"):
            wrong_type(where, name, "have an integer dtype", x.dtype)
        if tuple(x.shape) != tuple(boxes.shape[:-1]):
            wrong_value(where, name, f"have shape {tuple(boxes.shape[:-1])}", tuple(x.shape))
    together(where, [("boxes", boxes), *places.items()])


def grid_shape(where: str, x: object) -> tuple[int, int]:
    """(H, W) of a head."""
    if not isinstance(x, tuple | list) or len(x) != 2 or not all(map(_is_count, x)):
        wrong_value(where, "grid_shape", "be (H, W), two whole numbers ≥ 1", repr(x))
    return x[0], x[1]


def index(where: str, argument: str, x: object, num: int) -> None:
    """The index of one of several things."""
    if type(x) is not int or not 0 <= x < num:
        expected = f"be an index 0 … {num - 1}" if num else "be an index, but there is none"
        wrong_value(where, argument, expected, repr(x))


# Options of a Config.


def tuples(x: object) -> Any:
    """Lists as tuples, all the way down, so that a Config is hashable."""
    return tuple(map(tuples, x)) if isinstance(x, list | tuple) else x


def weights(where: str, config: object) -> None:
    """All λ of a Config are finite numbers ≥ 0."""
    for name, x in vars(config).items():
        if name.startswith("lambda_") and not (x == 0 or _is_positive(x)):
            wrong_value(where, name, "be a finite number ≥ 0", repr(x))


def config(where: str, x: object, kind: type) -> None:
    """The Config of the version that was called."""
    if not isinstance(x, kind):
        expected = f"be a {where.partition('.')[0]}.Config"
        got = x if isinstance(x, type) else type(x)
        name = f"{got.__module__.rpartition('.')[2]}.{got.__qualname__}"
        wrong_type(where, "config", expected, f"the class {name}" if got is x else name)


def fraction(where: str, name: str, x: object) -> None:
    """A number in [0, 1]."""
    if isinstance(x, bool) or not isinstance(x, int | float) or not 0 <= x <= 1:
        wrong_value(where, name, "be a number from 0 to 1", repr(x))


def choice(where: str, name: str, x: object, options: Iterable[object]) -> None:
    """One of the options that exist."""
    if x not in tuple(options):
        wrong_value(where, name, f"be one of {', '.join(map(repr, options))}", repr(x))


def anchors(where: str, x: object) -> None:
    """Pairs (width, height) of positive numbers."""
    if not isinstance(x, tuple) or not x or not all(map(_is_size, x)):
        wrong_value(where, "anchors", "be pairs of a width and a height in pixels, > 0", repr(x))


def _is_size(pair: object) -> bool:
    if not isinstance(pair, tuple) or len(pair) != 2:
        return False
    return all(map(_is_positive, pair))


def masks(where: str, x: object, num_anchors: int) -> None:
    """Indices of anchors, one tuple a head, none twice in a head."""
    good = isinstance(x, tuple) and len(x) > 0 and all(isinstance(m, tuple) and m for m in x)
    if not good or not all(type(k) is int and 0 <= k < num_anchors for m in x for k in m):  # type: ignore[attr-defined]
        expected = f"hold a tuple of anchor indices 0 … {num_anchors - 1} for each head"
        wrong_value(where, "masks", expected, repr(x))
    for s, mask in enumerate(x):  # type: ignore[arg-type, var-annotated]
        if len(set(mask)) < len(mask):
            wrong_value(where, f"masks[{s}]", "name an anchor once", repr(mask))


def per_head(where: str, config: Any, name: str) -> None:
    """One positive number for each of masks; a list becomes a tuple."""
    x, num_heads = tuples(getattr(config, name)), len(config.masks)
    if not isinstance(x, tuple) or len(x) != num_heads or not all(map(_is_positive, x)):
        expected = f"be {num_heads} numbers > 0, one for each of masks"
        wrong_value(where, name, expected, repr(x))
    object.__setattr__(config, name, x)


def pyramid(where: str, config: Any) -> None:
    """anchors, masks and strides of several heads; lists become tuples."""
    for name in ("anchors", "masks"):
        object.__setattr__(config, name, tuples(getattr(config, name)))
    anchors(where, config.anchors)
    masks(where, config.masks, len(config.anchors))
    per_head(where, config, "strides")


def positive(where: str, name: str, x: object) -> None:
    """One positive number."""
    if not _is_positive(x):
        wrong_value(where, name, "be a number > 0", repr(x))


def pair_of_sizes(where: str, name: str, x: object) -> tuple[float, float]:
    """(width, height), two positive numbers."""
    if not isinstance(x, tuple | list) or not _is_size(tuple(x)):
        wrong_value(where, name, "be (width, height), two numbers > 0", repr(x))
    return x[0], x[1]


def real(where: str, name: str, x: object) -> None:
    """One finite number."""
    if isinstance(x, bool) or not isinstance(x, int | float) or not -inf < x < inf:
        wrong_value(where, name, "be a finite number", repr(x))


def count(where: str, name: str, x: object) -> None:
    """A whole number, at least 1."""
    if not _is_count(x):
        wrong_value(where, name, "be a whole number ≥ 1", repr(x))


def _is_count(x: object) -> bool:
    return type(x) is int and x >= 1


def _is_positive(x: object) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and 0 < x < inf
