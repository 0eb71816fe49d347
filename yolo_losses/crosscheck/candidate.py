"""Reading what a user hands in: names, shapes, kinds of arrays."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from .._xp import adapter, is_array
from ..grid import Decoded
from ..matching import Matches
from ..targets import Targets
from ..terms import LossTerms
from .configs import WHERE, as_text, config_of, refuse
from .problem import DENSE, MODULES, TERMS, Problem, Results

MOST = 5  # unknown names that a message lists
DEEPEST = 16  # nested lists


def host(name: str, x: Any, where: str = WHERE) -> np.ndarray:
    """An array of any library, a nested list or a number as numbers of NumPy."""
    try:
        x = x.detach() if hasattr(x, "detach") else x
        out = np.asarray(adapter(x).host(x) if is_array(x) and not isinstance(x, np.ndarray) else x)
    except (TypeError, ValueError, RuntimeError) as error:
        refuse(f"{name} cannot be read as numbers: {error}", where)
    if out.dtype.kind not in "biuf":
        refuse(f"{name} must hold numbers, got dtype {out.dtype}", where)
    return out


# Names.

NEEDED = Targets._fields[:3]  # without regions
INPUTS = ("raw", "targets", *(f"targets.{k}" for k in Targets._fields), "version", "config")
SUMS = ("total", "terms", *(f"terms.{t}" for t in TERMS))


def known_only(names: Iterable[object], where: str = WHERE) -> None:
    """Refuse names that nothing is known by: what they hold would not be compared."""
    keys = list(names)
    odd = [k for k in keys if not isinstance(k, str)]
    if odd:
        refuse(f"names must be strings, got {odd[0]!r}", where)
    known = (*INPUTS, *SUMS, *DENSE)
    numbered = ("raw", *DENSE)
    unknown = [str(k) for k in keys
               if k not in known and not any(is_numbered(k, n) for n in numbered)]  # fmt: skip
    if unknown:
        words = [f"{k!r}{_nearest(k, known)}" for k in sorted(unknown)[:MOST]]
        more = f" and {len(unknown) - MOST} more" if unknown[MOST:] else ""
        refuse(f"unknown names: {', '.join(words)}{more}", where)


def _nearest(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""


# Inputs.


def problem_of(
    given: Mapping[str, Any], raw: Any, targets: Any, config: Any, version: str | None
) -> Problem:
    """Raw outputs, truths and config: arguments first, then what the candidate holds."""
    config = _config(given, config, version)
    version = type(config).__module__.rpartition(".")[2]
    known_only(given)
    heads = several("raw", given, raw)
    if heads is None:
        refuse("raw outputs are missing: raw=..., or arrays named raw.0, raw.1, … in the file")
    heads = each_head(heads, 4 if version == "v1" else 5)
    arrays = tuple(host(f"raw[{s}]", x) for s, x in enumerate(heads))
    precision = min((x.dtype for x in arrays), key=lambda d: d.itemsize)
    if any(x.dtype.kind != "f" for x in arrays):
        refuse(f"raw outputs must be real floating, got {[str(x.dtype) for x in arrays]}")
    found = targets if targets is not None else _targets(given)
    if not isinstance(found, Sequence) or len(found) not in (3, 4):
        refuse(f"targets must be Targets of {', '.join(NEEDED)}, got {_kind(found)}")
    boxes, labels, *flags = (
        host(f"targets.{k}", v) for k, v in zip(Targets._fields, found, strict=False)
    )
    with np.errstate(over="ignore"):  # what overflows is no truth in either precision
        boxes = boxes.astype(np.promote_types(precision, np.float32)).astype(float)
    truths = Targets(boxes, labels, *(flag.astype(bool) for flag in flags))
    heads = [x.astype(float) for x in arrays]
    problem = Problem(version, tuple(heads), truths, config, np.dtype(precision))
    check(problem)
    return problem


def _kind(x: object) -> str:
    return f"{type(x).__name__} of {len(x)}" if isinstance(x, Sequence) else type(x).__name__


def _config(given: Mapping[str, Any], config: Any, version: str | None) -> Any:
    """The argument, or what the candidate holds, where the versions do not contradict."""
    stored = as_text(given.get("version"))
    if version is not None and stored is not None and version != stored:
        refuse(f"version is {version!r}, but the candidate says {stored!r}")
    wanted = stored if version is None else version
    return config_of(as_text(given.get("config")) if config is None else config, wanted)


def check(problem: Problem) -> None:
    """What the loss itself would refuse."""
    if not all(np.isfinite(x).all() for x in problem.raw):
        refuse("raw outputs hold NaN or infinity: no stage can be compared")
    try:
        with np.errstate(all="ignore"):
            MODULES[problem.version].decode(problem.argument, problem.config)
            MODULES[problem.version].assign(problem.argument, problem.targets, problem.config)
    except (ValueError, TypeError) as error:
        refuse(str(error))


def _targets(given: Mapping[str, Any]) -> Any:
    if given.get("targets") is not None:
        return given["targets"]
    fields = {k: given.get(f"targets.{k}") for k in Targets._fields}
    missing = [f"targets.{k}" for k in NEEDED if fields[k] is None]
    if missing:
        refuse(f"truths are missing: targets=..., or arrays named {', '.join(missing)}")
    return Targets(**fields)


# Results.


def several(name: str, given: Mapping[str, Any], direct: Any = None) -> list[Any] | None:
    """One array a head: a sequence, one array, or entries name.0, name.1, …."""
    x = given.get(name) if direct is None else direct
    numbered = [k for k in given if is_numbered(k, name)]
    if x is not None:
        if numbered and direct is None:
            refuse(f"{name} is handed in twice: as {name} and as {', '.join(sorted(numbered))}")
        return list(x) if isinstance(x, Sequence) and not depth(x) else [x]
    if not numbered:
        return None
    wanted = [f"{name}.{s}" for s in range(len(numbered))]
    if set(wanted) != set(numbered):
        refuse(f"{name} must be numbered from 0, got {', '.join(sorted(numbered))}")
    return [given[k] for k in wanted]


def is_numbered(key: object, name: str) -> bool:
    """Whether a key is name.0, name.1, …."""
    return isinstance(key, str) and key.startswith(f"{name}.") and key[len(name) + 1 :].isdigit()


def depth(x: Any) -> int:
    """How deep a nested list of numbers is; 0 for what is none, a list of arrays say."""
    levels = 0
    while isinstance(x, list | tuple) and len(x) and levels < DEEPEST:
        x, levels = x[0], levels + 1
    return levels if isinstance(x, bool | int | float) else 0


def each_head(heads: list[Any], axes: int) -> list[Any]:
    """Arrays of so many axes, where a nested list may hold those of all heads."""
    alone = heads[0] if len(heads) == 1 else None
    return list(alone) if isinstance(alone, list | tuple) and depth(alone) == axes + 1 else heads


def results_of(given: Mapping[str, Any], problem: Problem) -> Results:
    """The results of a mapping, with shapes that fit."""
    known_only(given)
    found: dict[str, Any] = {}
    for name in DENSE:
        heads = several(name, given)
        if heads is not None:
            found[name] = _shaped(name, heads, problem)
    terms = _terms(given)
    found["terms"] = {k: _summed_shape(f"terms.{k}", v, problem) for k, v in terms.items()}
    if given.get("total") is not None:
        found["total"] = _summed_shape("total", given["total"], problem)
    results = Results(**found)
    if not results.given:
        got = ", ".join(sorted(given)) or "nothing"
        names = ", ".join((*DENSE, "terms.box", "total"))
        refuse(f"nothing to compare: hand in some of {names}; got {got}")
    return results


def _terms(given: Mapping[str, Any]) -> dict[str, Any]:
    terms = given.get("terms")
    terms = terms._asdict() if isinstance(terms, LossTerms) else {} if terms is None else terms
    if not isinstance(terms, Mapping):
        refuse(f"terms must be LossTerms or a mapping, got {type(terms).__name__}")
    terms = dict(terms)
    if set(terms) - set(TERMS):
        unknown = ", ".join(sorted(map(str, set(terms) - set(TERMS))))
        refuse(f"terms must be named {', '.join(TERMS)}, got {unknown}")
    twice = [k for k in TERMS if k in terms and f"terms.{k}" in given]
    if twice:
        refuse(f"terms.{twice[0]} is handed in twice: in terms and by itself")
    terms |= {k: given[f"terms.{k}"] for k in TERMS if f"terms.{k}" in given}
    return terms


def _shaped(name: str, heads: list[Any], problem: Problem) -> tuple[np.ndarray, ...]:
    heads = each_head(heads, len(expected_shape(name, problem, 0)))
    if len(heads) != len(problem.raw):
        refuse(f"{name} must hold {len(problem.raw)} arrays, one a head, got {len(heads)}")
    out = tuple(host(f"{name}[{s}]", x) for s, x in enumerate(heads))
    for s, x in enumerate(out):
        want = expected_shape(name, problem, s)
        if x.shape != want:
            refuse(f"{name}[{s}] must have shape {want}, got {x.shape}{_hint(x.shape, want)}")
        if name in ("responsible", "ignored") and not np.isin(x, (0, 1)).all():
            other = x[~np.isin(x, (0, 1))].flat[0]
            refuse(f"{name}[{s}] must be a mask of 0 and 1 (or False and True), got {other}")
    return tuple(x.astype(bool) for x in out) if name in ("responsible", "ignored") else out


def _hint(got: tuple[int, ...], want: tuple[int, ...]) -> str:
    """NCHW is the usual reason."""
    same = len(got) == 4 and int(np.prod(got)) == int(np.prod(want))
    return "; is it NCHW? see yl.grid.from_nchw" if same else ""


def expected_shape(name: str, problem: Problem, s: int) -> tuple[int, ...]:
    """The shape of a dense result of a head."""
    x = problem.raw[s]
    lanes = (*x.shape[:3], problem.num_anchors(s))
    if name == "cls":
        return (*(lanes if x.ndim == 5 else lanes[:3]), problem.num_classes)
    every = lanes[3] if problem.version == "v4" else 1  # else one anchor a truth is chosen
    rows = (*problem.targets.labels.shape, every)
    shapes: dict[str, tuple[int, ...]] = {
        "boxes": (*lanes, 4), "grad": tuple(x.shape), "iou": rows,
    }  # fmt: skip
    return shapes.get(name, lanes)


def _summed_shape(name: str, x: Any, problem: Problem) -> np.ndarray:
    x, n, s = host(name, x), len(problem.raw[0]), len(problem.raw)
    x = x.reshape(()) if x.size == 1 and (n, s) != (1, 1) else x
    allowed = [(n, s), (n,), ()] if name != "total" else [(n,), ()]
    if x.shape not in allowed:
        refuse(f"{name} must have one of the shapes {', '.join(map(str, allowed))}, got {x.shape}")
    return np.asarray(x)


def called(f: Callable[..., Any], problem: Problem) -> dict[str, Any]:
    """What a callable makes of copies of raw outputs, targets and config."""
    raw = problem._replace(raw=tuple(x.copy() for x in problem.raw)).argument
    out = f(raw, Targets(*(x.copy() for x in problem.targets)), problem.config)
    if out is None:
        refuse("the callable returned None: return a total, LossTerms, (terms, gradient) or a "
               "mapping of results")  # fmt: skip
    return named(out)


def named(out: Any, simple: str = "total") -> dict[str, Any]:
    """Results by name: of a mapping, of what `loss`, `loss_and_grad`, `decode` or `assign` return,
    or of one array, which is `simple`.
    """
    if isinstance(out, Mapping):
        return dict(out)
    if isinstance(out, LossTerms):
        return {"terms": out._asdict(), "total": out.total}
    if isinstance(out, Decoded | Matches):
        out = (out,)
    if isinstance(out, tuple) and out and all(isinstance(x, Decoded | Matches) for x in out):
        names = [name for name in out[0]._fields if name in DENSE]
        return {name: [getattr(x, name) for x in out] for name in names}
    if isinstance(out, tuple) and len(out) == 2:
        slopes = "slopes" if simple == "value" else "grad"
        return {**named(out[0], simple), slopes: out[1]}
    return {simple: out}
