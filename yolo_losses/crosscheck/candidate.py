"""Reading what a user hands in: names, shapes, kinds of arrays."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from .._check import tuples
from .._xp import adapter, is_array
from ..data import read_npz
from ..grid import Decoded
from ..matching import Matches
from ..targets import Targets
from ..terms import LossTerms
from .problem import DENSE, MODULES, TERMS, Problem, Results

WHERE = "crosscheck.compare"


def refuse(text: str, where: str = WHERE) -> NoReturn:
    """End with one message."""
    msg = f"{where}: {text}"
    raise ValueError(msg)


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


# Files.


def read(path: str | PathLike[str]) -> dict[str, Any]:
    """The arrays of an `.npz` or a `.safetensors` file; nothing is unpickled.

    Raises
    ------
    ValueError
        Not such a file, a damaged one, or one that holds Python objects.
    OSError
        The file cannot be read.
    """
    if Path(path).suffix == ".safetensors":
        return _safetensors(path)
    return dict(read_npz(path))


def _safetensors(path: str | PathLike[str]) -> dict[str, Any]:
    try:
        from safetensors import safe_open
    except ImportError:
        refuse("a .safetensors file needs safetensors: pip install 'yolo-losses[compare]'")
    with Path(path).open("rb"):
        pass  # an OSError of its own for a file that is not there
    try:
        with safe_open(str(path), framework="numpy") as stored:
            arrays = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
            return {**arrays, **(stored.metadata() or {})}
    except Exception as error:  # a damaged file raises errors of many kinds
        refuse(f"{path} cannot be read: {error}")


# Inputs.


def problem_of(
    given: Mapping[str, Any], raw: Any, targets: Any, config: Any, version: str | None
) -> Problem:
    """Raw outputs, truths and config: arguments first, then what the candidate holds."""
    config = config_of(_text(given.get("config")) if config is None else config,
                       version or _text(given.get("version")))  # fmt: skip
    version = type(config).__module__.rpartition(".")[2]
    heads = several("raw", given, raw)
    if heads is None:
        refuse("raw outputs are missing: raw=..., or arrays named raw.0, raw.1, … in the file")
    arrays = tuple(host(f"raw[{s}]", x) for s, x in enumerate(heads))
    precision = min((x.dtype for x in arrays), key=lambda d: d.itemsize)
    if any(x.dtype.kind != "f" for x in arrays):
        refuse(f"raw outputs must be real floating, got {[str(x.dtype) for x in arrays]}")
    found = targets if targets is not None else _targets(given)
    boxes, labels, valid = (
        host(f"targets.{k}", v) for k, v in zip(Targets._fields, found, strict=True)
    )
    with np.errstate(over="ignore"):  # what overflows is no truth in either precision
        boxes = boxes.astype(np.promote_types(precision, np.float32)).astype(float)
    truths, heads = Targets(boxes, labels, valid.astype(bool)), [x.astype(float) for x in arrays]
    problem = Problem(version, tuple(heads), truths, config, np.dtype(precision))
    check(problem)
    return problem


def _text(x: Any) -> Any:
    """A string of NumPy as one of Python."""
    return x.item() if isinstance(x, np.ndarray) and x.ndim == 0 and x.dtype.kind == "U" else x


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


def _targets(given: Mapping[str, Any]) -> Targets:
    names = [f"targets.{k}" for k in Targets._fields]
    missing = [k for k in names if k not in given]
    if missing:
        refuse(f"truths are missing: targets=..., or arrays named {', '.join(missing)}")
    return Targets(*(given[k] for k in names))


def config_of(config: Any, version: str | None) -> Any:
    """A Config, the text of one in JSON, or the name of a preset."""
    if any(isinstance(config, m.Config) for m in MODULES.values()):
        return config
    if version not in MODULES:
        refuse(f"version must be one of {', '.join(MODULES)}, got {version!r}")
    kind = MODULES[version].Config
    presets = [name for name, v in vars(kind).items() if isinstance(v, classmethod)]
    if config is None or config in presets:
        return getattr(kind, config or presets[0])()
    if isinstance(config, str):
        try:
            config = json.loads(config)
        except ValueError:
            refuse(f"config must be JSON or one of {', '.join(presets)}, got {config[:60]!r}")
    return _of_fields(kind, config)


def _of_fields(kind: Any, config: Any) -> Any:
    names = {field.name for field in fields(kind)}
    if not isinstance(config, Mapping) or set(config) - names:
        extra = sorted(set(config) - names) if isinstance(config, Mapping) else config
        refuse(f"config must hold fields of {kind.__qualname__}, got {extra!r}")
    try:
        return kind(**{k: tuples(v) if isinstance(v, list) else v for k, v in config.items()})
    except (ValueError, TypeError) as error:
        refuse(str(error))


# Results.


def several(name: str, given: Mapping[str, Any], direct: Any = None) -> list[Any] | None:
    """One array a head: a sequence, one array, or entries name.0, name.1, …."""
    x = given.get(name) if direct is None else direct
    if x is not None:
        return list(x) if isinstance(x, Sequence) and not _numbers(x) else [x]
    numbered = [k for k in given if k.startswith(f"{name}.") and k[len(name) + 1 :].isdigit()]
    if not numbered:
        return None
    wanted = [f"{name}.{s}" for s in range(len(numbered))]
    if set(wanted) != set(numbered):
        refuse(f"{name} must be numbered from 0, got {', '.join(sorted(numbered))}")
    return [given[k] for k in wanted]


def _numbers(x: Sequence[Any]) -> bool:
    """A nested list of numbers, of one head."""
    while isinstance(x, Sequence) and len(x):
        x = x[0]
    return isinstance(x, int | float)


def results_of(given: Mapping[str, Any], problem: Problem) -> Results:
    """The results of a mapping, with shapes that fit."""
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
        refuse(f"nothing to compare: hand in some of {', '.join((*DENSE, 'terms.box', 'total'))}")
    return results


def _terms(given: Mapping[str, Any]) -> dict[str, Any]:
    terms = given.get("terms") or {}
    terms = terms._asdict() if isinstance(terms, LossTerms) else dict(terms)
    unknown = set(terms) - set(TERMS)
    if unknown:
        refuse(f"terms must be named {', '.join(TERMS)}, got {', '.join(sorted(unknown))}")
    terms |= {k: given[f"terms.{k}"] for k in TERMS if f"terms.{k}" in given}
    return terms


def _shaped(name: str, heads: list[Any], problem: Problem) -> tuple[np.ndarray, ...]:
    if len(heads) != len(problem.raw):
        refuse(f"{name} must hold {len(problem.raw)} arrays, one a head, got {len(heads)}")
    out = tuple(host(f"{name}[{s}]", x) for s, x in enumerate(heads))
    for s, x in enumerate(out):
        want = expected_shape(name, problem, s)
        if x.shape != want and name != "iou":
            refuse(f"{name}[{s}] must have shape {want}, got {x.shape}{_hint(x.shape, want)}")
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
    shapes: dict[str, tuple[int, ...]] = {"boxes": (*lanes, 4), "grad": tuple(x.shape)}
    return shapes.get(name, lanes)


def _summed_shape(name: str, x: Any, problem: Problem) -> np.ndarray:
    x, n, s = host(name, x), len(problem.raw[0]), len(problem.raw)
    x = x.reshape(()) if x.size == 1 and (n, s) != (1, 1) else x
    allowed = [(n, s), (n,), ()] if name != "total" else [(n,), ()]
    if x.shape not in allowed:
        refuse(f"{name} must have one of the shapes {', '.join(map(str, allowed))}, got {x.shape}")
    return np.asarray(x)


def called(f: Callable[..., Any], problem: Problem) -> dict[str, Any]:
    """What a callable makes of raw outputs, targets and config."""
    return named(f(problem.argument, problem.targets, problem.config))


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
        return {name: [getattr(x, name) for x in out] for name in out[0]._fields}
    if isinstance(out, tuple) and len(out) == 2:
        slopes = "slopes" if simple == "value" else "grad"
        return {**named(out[0], simple), slopes: out[1]}
    return {simple: out}
