"""A version of the loss with names of its modules exchanged: the same formula, one thing wrong.

The functions of a module are bound again to a copy of its globals, in which some names mean
something else. So no formula is written a second time to be wrong in one place.
"""

from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any

from .. import grid, ignoring, iou, matching, problems

Wrap = Callable[[Any], Any]  # what a name stands for → what it stands for instead
PARTS = {"grid": grid, "ignoring": ignoring, "iou": iou, "matching": matching, "problems": problems}


def rebound(f: Any, names: dict[str, Any]) -> Any:
    """A function that looks up its globals elsewhere."""
    copy = FunctionType(f.__code__, names, f.__name__, f.__defaults__, f.__closure__)
    copy.__kwdefaults__ = f.__kwdefaults__
    return copy


def with_names(f: Any, **names: Any) -> Any:
    """A function in which some global names stand for something else."""
    return rebound(f, {**f.__globals__, **names})


def _copy(module: ModuleType) -> ModuleType:
    """A module whose functions see its own names."""
    copy = ModuleType(module.__name__)
    names = copy.__dict__
    names.update(vars(module))
    for name, f in vars(module).items():
        if isinstance(f, FunctionType) and f.__module__ == module.__name__:
            names[name] = rebound(getattr(f, "__wrapped__", f), names)
    return copy


def _similarities(copy: ModuleType) -> dict[str, Any]:
    """The table of similarities, of a copy of the module `iou`."""

    def of_edges(formula: Any) -> Any:
        return lambda pred, gt: formula(iou._corners(pred), iou._corners(gt))

    own = {name: of_edges(getattr(copy, name)) for name in iou.SIMILARITY if hasattr(copy, name)}
    return {**iou.SIMILARITY, **own}


def similarity(name: str, patches: Iterable[tuple[str, Wrap]]) -> Any:
    """A similarity of `iou`, of `Corners`, with names of that module exchanged in turn."""
    copy = _copy(iou)
    for key, wrap in patches:
        setattr(copy, key, wrap(getattr(copy, key)))
    return getattr(copy, name)


def variant(module: ModuleType, patches: Iterable[tuple[str, Wrap]]) -> ModuleType:
    """A copy of a version's module with names exchanged, `name` or `part.name`, in turn."""
    copy = _copy(module)
    parts: dict[str, ModuleType] = {}
    for path, wrap in patches:
        part, _, name = path.rpartition(".")
        if part and part not in parts:
            parts[part] = _part(part)
        names = parts[part].__dict__ if part else copy.__dict__
        if name not in names:  # a slip that is out of date, which no search may pass over
            msg = f"{module.__name__} has no {path} to exchange"
            raise NameError(msg)
        names[name] = wrap(names[name])
    copy.__dict__.update(parts)
    if "iou" in parts:
        copy.SIMILARITY = _similarities(parts["iou"])  # type: ignore[attr-defined]
        if "IOU" in vars(module):
            copy.IOU = copy.SIMILARITY["iou"]  # type: ignore[attr-defined]
    own = {name: vars(copy)[f"_{name}"] for name in ("objects", "noobj", "problem")}
    copy.FORMULA = copy.FORMULA._replace(**own)  # type: ignore[attr-defined]
    return copy


def _part(name: str) -> ModuleType:
    """A copy of a part; what is decorated stays, but in `iou`."""
    if name == "iou":
        return _copy(PARTS[name])
    module = PARTS[name]
    copy = ModuleType(module.__name__)
    copy.__dict__.update(vars(module))
    for key, f in vars(module).items():
        plain = isinstance(f, FunctionType) and not hasattr(f, "__wrapped__")
        if plain and f.__module__ == module.__name__:
            copy.__dict__[key] = rebound(f, copy.__dict__)
    return copy
