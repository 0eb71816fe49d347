"""Holding results against the answer of a case."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ..crosscheck import candidate, configs
from ..crosscheck.agree import errors
from ..crosscheck.candidate import each_head, named, several
from ..crosscheck.problem import TERMS
from ..crosscheck.stages import FIELDS
from ..matching import Matches
from ..terms import LossTerms
from .vectors import Case

WHERE = "testing.assert_conforms"
COUNTS = ("positives", "collisions", "invalid", "unassigned")
BIT = {"float64": 2.0**-52, "float32": 2.0**-23}


class Judgement(NamedTuple):
    """One result of a case.

    Attributes
    ----------
    part : str
        "boxes", "value", "slopes", "decoded.boxes", "responsible", "terms.box", "total", "grad", …
    ulp : float
        The largest error, in ulp of the number or, where it is smaller, of those that it is made
        of; 0 where decisions agree and infinite where they do not.
    failure : str
        The place, both values and what is allowed; empty where the result conforms.
    """

    part: str
    ulp: float
    failure: str


class Pair(NamedTuple):
    """Results of one part, number by number, and where they stand."""

    part: str
    got: np.ndarray
    want: np.ndarray
    place: Callable[[tuple[int, ...]], str]
    tolerance: str = ""  # a key of the case's tolerance; none: equal


def judge(case: Case, got: object, dtype: str | None = None) -> list[Judgement]:
    """Every result that was handed in and that the case has; see `assert_conforms`.

    Raises
    ------
    ValueError
        Nothing that the case has, or a shape that does not fit.
    """
    given = _named(case, got)
    pairs = list(_PAIRS.get(case.kind, _of_loss)(case, given))
    if not pairs:
        refuse(f"{case.id} has {', '.join(case.expected)}; got {', '.join(given) or 'nothing'}")
    dtype = dtype or _coarsest(pairs)
    return [_judged(case, pair, dtype) for pair in pairs]


def refuse(text: str) -> NoReturn:
    """End with one message."""
    configs.refuse(text, WHERE)


def _named(case: Case, got: object) -> dict[str, Any]:
    """Results by name."""
    if isinstance(got, Matches):
        return _of_matches((got,))
    if isinstance(got, tuple) and got and isinstance(got[0], Matches):
        return _of_matches(got)
    return named(got, simple="value" if case.kind == "similarity" else "boxes")


def _of_matches(heads: Sequence[Matches]) -> dict[str, Any]:
    """What `assign` returns, as rows, masks and counts."""
    found = [Matches(*(candidate.host(k, v) for k, v in m._asdict().items())) for m in heads]
    rows = [
        [[s, n, m.row[n, t], m.col[n, t], m.anchor[n, t, a]], t, m.iou[n, t, a]]
        for s, m in enumerate(found) for n, t, a in np.argwhere(m.mask)
    ]  # fmt: skip
    first, by_head = found[0], {k: np.stack([getattr(m, k) for m in found], axis=1)
                                for k in ("positives", "collisions")}  # fmt: skip
    return {"responsible": rows, "ignored": [m.ignored for m in found], **by_head,
            "invalid": first.invalid, "unassigned": first.unassigned}  # fmt: skip


def _coarsest(pairs: Sequence[Pair]) -> str:
    """float32 if a result is of 32 bits or fewer, else float64."""
    sizes = [pair.got.dtype.itemsize for pair in pairs if pair.got.dtype.kind == "f"]
    return "float32" if min(sizes, default=8) < 8 else "float64"


def _judged(case: Case, pair: Pair, dtype: str) -> Judgement:
    want = np.asarray(pair.want, dtype=float)
    gap = errors(pair.got, want)
    if not pair.tolerance:
        return Judgement(
            pair.part, np.inf if gap.any() else 0.0, _failure(pair, gap, gap > 0, None)
        )
    rel, least = case.tolerance[pair.tolerance][dtype]
    size = np.maximum(np.abs(np.nan_to_num(want)), least / rel)
    ulp = float((gap / (BIT[dtype] * size)).max(initial=0.0))
    allowed = rel * np.abs(np.nan_to_num(want)) + least
    return Judgement(pair.part, ulp, _failure(pair, gap, gap > allowed, allowed))


def _failure(pair: Pair, gap: np.ndarray, bad: np.ndarray, allowed: np.ndarray | None) -> str:
    """The worst number of a part that does not conform."""
    if not bad.any():
        return ""
    at = np.unravel_index(int(np.where(bad, gap, -1.0).argmax()), gap.shape)
    got, want = pair.got[at].item(), np.asarray(pair.want)[at].item()
    place = pair.place(tuple(map(int, at)))
    limit = "" if allowed is None else f", off by {gap[at]:.3g} where {allowed[at]:.2g} is allowed"
    many = f" ({int(bad.sum())} of {bad.size} numbers)" if bad.size > 1 else ""
    return f"{pair.part}{place} is {got!r}, not {want!r}{limit}{many}"


# Places in words.

_AXES = ("head", "image", "row", "col", "anchor")


def _axes(*names: str) -> Callable[[tuple[int, ...]], str]:
    def place(at: tuple[int, ...]) -> str:
        words = [f"{name} {k}" for name, k in zip(names, at, strict=False)]
        return f" at {', '.join(words)}" if words else ""

    return place


def _in_head(case: Case, head: int, last: str = "") -> Callable[[tuple[int, ...]], str]:
    """Of an array of one head: (N, H, W, A) or raw outputs, and what the last axis counts."""
    more = len(case.inputs["raw"]) > 1

    def place(at: tuple[int, ...]) -> str:
        names = (*_AXES[1:], last) if last else _AXES[1:]
        words = [f"{name} {k}" for name, k in zip(names, at, strict=False)]
        words[:1] = [words[0], f"head {head}"] if more else words[:1]
        return f" at {', '.join(words)}"

    return place


# What was handed in, by the kind of the case.


def _array(name: str, x: Any, shape: tuple[int, ...]) -> np.ndarray:
    out: np.ndarray = candidate.host(name, x, WHERE)
    if out.shape != shape:
        refuse(f"{name} must have shape {shape}, got {out.shape}")
    return out


def _of_boxes(case: Case, given: dict[str, Any]) -> Iterator[Pair]:
    want = np.array(case.expected["boxes"])
    if "boxes" in given:
        got = _array("boxes", given["boxes"], want.shape)
        yield Pair("boxes", got, want, _axes("box", "number"), "boxes")


def _of_similarity(case: Case, given: dict[str, Any]) -> Iterator[Pair]:
    for part, names in (("value", ()), ("slopes", ("edge",))):
        if part in given and part in case.expected:
            want = np.array(case.expected[part])
            got = _array(part, given[part], want.shape)
            yield Pair(part, got, want, _axes(*names), part)


def _of_decode(case: Case, given: dict[str, Any]) -> Iterator[Pair]:
    for part, last in (("boxes", "xywh"), ("obj", ""), ("cls", "class")):
        axes = np.ndim(case.expected["decoded"][part][0])
        for s, x in enumerate(_each(case, part, several(part, given), axes)):
            want = np.array(case.expected["decoded"][part][s])
            got = _array(f"{part}[{s}]", x, want.shape)
            yield Pair(f"decoded.{part}", got, want, _in_head(case, s, last), "decoded")


def _each(case: Case, part: str, heads: list[Any] | None, axes: int) -> list[Any]:
    """One array of so many axes a head, none if the part was not handed in."""
    num = len(case.inputs["raw"])
    heads = heads if heads is None else each_head(heads, axes)
    if heads is not None and len(heads) != num:
        refuse(f"{part} must hold {num} arrays, one a head, got {len(heads)}")
    return heads or []


def _of_assign(case: Case, given: dict[str, Any]) -> Iterator[Pair]:
    rows = case.expected["responsible"]
    yield from _marked(case, "responsible", [place for place, _, _ in rows], given)
    if _is_rows(given.get("responsible"), 3):
        found = {tuple(place): (truth, iou) for place, truth, iou in given["responsible"]}
        want = {tuple(place): (truth, iou) for place, truth, iou in rows}
        both = sorted(set(found) & set(want))
        for k, part, tolerance in ((0, "truth", ""), (1, "iou", "responsible")):
            a, b = (np.array([x[p][k] for p in both]) for x in (found, want))
            yield Pair(part, a, b, lambda at: f" of {list(both[at[0]])}", tolerance)
    for part in COUNTS:
        if part in given:
            counts = np.array(case.expected[part])
            got = _array(part, given[part], counts.shape)
            yield Pair(part, got, counts, _axes("image", "head"))


def _of_ignore(case: Case, given: dict[str, Any]) -> Iterator[Pair]:
    yield from _marked(case, "ignored", case.expected["ignored"], given)


def _is_rows(x: Any, length: int) -> bool:
    """Whether something is a list of rows as in the file, and not a list of arrays."""
    return isinstance(x, list) and all(
        isinstance(row, list | tuple) and len(row) == length
        and isinstance(row[0], list | tuple) == (length == 3) and not hasattr(row[0], "dtype")
        and not isinstance(row[1], list | tuple)
        for row in x
    )  # fmt: skip


def _marked(
    case: Case, part: str, places: Sequence[Sequence[int]], given: dict[str, Any]
) -> Iterator[Pair]:
    """Masks, or lists of places, as masks."""
    heads = several(part, given) if part in given or f"{part}.0" in given else None
    if heads is None:
        return
    wide = {"responsible": 3, "ignored": 5}[part]
    if _is_rows(given.get(part), wide):
        rows = [row[0] if wide == 3 else row for row in given[part]]
        heads = [_mask(case, s, rows) for s in range(len(case.inputs["raw"]))]
    for s, x in enumerate(_each(case, part, heads, 4)):
        want = _mask(case, s, places)
        got = _array(f"{part}[{s}]", x, want.shape).astype(bool)
        yield Pair(part, got, want, _in_head(case, s))


def _mask(case: Case, s: int, places: Sequence[Sequence[int]]) -> np.ndarray:
    x = case.heads[s]
    lanes = x.shape[3] if x.ndim == 5 else case.inputs["config"]["num_boxes"]
    mask = np.zeros((*x.shape[:3], lanes), dtype=bool)
    for head, *place in places:
        if head == s:
            mask[tuple(place)] = True
    return mask


def _of_loss(case: Case, given: dict[str, Any]) -> Iterator[Pair]:
    terms = given.get("terms") or {}
    terms = terms._asdict() if isinstance(terms, LossTerms) else terms
    terms = {**terms, **{k: given[f"terms.{k}"] for k in TERMS if f"terms.{k}" in given}}
    for name in TERMS:
        if name in terms and name in case.expected["terms"]:
            want = np.array(case.expected["terms"][name])
            got = _array(f"terms.{name}", terms[name], want.shape)
            yield Pair(f"terms.{name}", got, want, _axes("image", "head"), "terms")
    if "total" in given and "total" in case.expected:
        want = np.array(case.expected["total"])
        got = _array("total", given["total"], want.shape)
        yield Pair("total", got, want, _axes("image"), "total")
    yield from _of_gradient(case, several("grad", given))


def _of_gradient(case: Case, heads: list[Any] | None) -> Iterator[Pair]:
    """All slopes, or those that the case lists."""
    shapes = [x.shape for x in case.heads]
    every = _each(case, "grad", heads, len(shapes[0]))
    grads = [_array(f"grad[{s}]", x, shapes[s]) for s, x in enumerate(every)]
    if not grads:
        return
    if "grad" in case.expected:
        for s, got in enumerate(grads):
            want = np.zeros(shapes[s])
            for (head, *path), slope in case.expected["grad"]:
                if head == s:
                    want[tuple(path)] = slope
            yield Pair("grad", got, want, _in_head(case, s, "field"), "grad")
        return
    yield from _of_term(case, grads)


_OWN = {"box": slice(0, 4), "cls": slice(5, None)}  # fields in which the gradient is one term's


def _of_term(case: Case, grads: list[np.ndarray]) -> Iterator[Pair]:
    """The slopes that a case of one term lists, and 0 along all other fields of that term."""
    listed = {tuple(path): slope for path, slope in case.expected["slopes"]}
    paths = {*listed, *_own(case)}
    order = sorted(paths)
    got = np.array([grads[head][tuple(path)] for head, *path in order])
    want = np.array([listed.get(path, 0.0) for path in order])
    yield Pair("grad", got, want, lambda at: _of_path(case, order[at[0]]), "slopes")


def _own(case: Case) -> Iterator[tuple[int, ...]]:
    """Paths of all fields that belong to the term; t_o belongs to two, by what is responsible."""
    if case.kind not in _OWN:
        return
    num_boxes = case.inputs["config"].get("num_boxes", 1)
    for s, x in enumerate(case.heads):
        fields = np.arange(x.shape[-1])
        own = np.where(fields < 5 * num_boxes, fields % 5, 5)
        for field in fields[np.isin(own, np.arange(6)[_OWN[case.kind]])].tolist():
            yield from ((s, *map(int, at), field) for at in np.ndindex(x.shape[:-1]))


def _of_path(case: Case, path: Sequence[int]) -> str:
    *cell, field = path
    names = [f"{name} {k}" for name, k in zip(_AXES, cell, strict=False)]
    field_name = FIELDS[field] if case.version != "v1" and field < 5 else f"field {field}"
    return f" at {', '.join([*names, field_name])}"


_PAIRS: dict[str, Callable[[Case, dict[str, Any]], Iterator[Pair]]] = {
    "boxes": _of_boxes, "similarity": _of_similarity, "decode": _of_decode, "assign": _of_assign,
    "ignore": _of_ignore,
}  # fmt: skip
