"""The public names, their parameters and their fields: `python -m tests.support.api` stores them.

A name that leaves the list, or a parameter that leaves a name, breaks somebody's program.
"""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import yolo_losses

LIST = Path(__file__).parents[1] / "api.txt"
BESIDE = ("cfg", "crosscheck", "data", "jax", "plot", "testing", "torch")
# Tables that take entries of their users.
TABLES = ("iou.SIMILARITY", "ignoring.IGNORE", "matching.ASSIGN")


def lines() -> list[str]:
    """The list, sorted."""
    modules = [m for m in map(_of_package, yolo_losses.__all__) if isinstance(m, ModuleType)]
    modules += [importlib.import_module(f"yolo_losses.{name}") for name in BESIDE]
    found = [line for module in (yolo_losses, *modules) for line in _of_module(module)]
    for table in TABLES:
        module, _, name = table.partition(".")
        assert isinstance(vars(importlib.import_module(f"yolo_losses.{module}"))[name], dict)
    return sorted({*found, *(f"yolo_losses.{table}" for table in TABLES)})


def _of_package(name: str) -> Any:
    return getattr(yolo_losses, name)


def _of_module(module: ModuleType) -> Iterator[str]:
    listed = getattr(module, "__all__", None)
    names = listed or [k for k, v in vars(module).items() if _is_own(module, k, v)]
    for name in names:
        yield from _of_value(f"{module.__name__}.{name}", getattr(module, name))


def _is_own(module: ModuleType, name: str, value: Any) -> bool:
    """Whether a module defines it, and not only uses it: functions, classes, constants."""
    if name.startswith("_") or isinstance(value, ModuleType):
        return False
    own = getattr(value, "__module__", None)
    return own == module.__name__ if own else name.isupper()


def _of_value(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, ModuleType) or not callable(value):
        yield path
        return
    yield path + _parameters(value)
    if inspect.isclass(value):
        for name in sorted(n for n in _attributes(value) if not n.startswith("_")):
            found = inspect.getattr_static(value, name, None)
            method = found.__func__ if isinstance(found, classmethod | staticmethod) else found
            yield f"{path}.{name}" + (_parameters(method) if inspect.isfunction(method) else "")


def _attributes(kind: type) -> set[str]:
    own = [
        k for base in kind.__mro__ if base.__module__.startswith("yolo_losses") for k in vars(base)
    ]
    return {*own, *getattr(kind, "_fields", ())}


def _parameters(f: Any) -> str:
    """Names and defaults, without annotations."""
    try:
        signature = inspect.signature(f)
    except ValueError:
        return ""
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    text = str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))
    return text.replace("(self, ", "(").replace("(self)", "()").replace("(cls)", "()")


if __name__ == "__main__":
    LIST.write_text("\n".join(lines()) + "\n", encoding="utf-8")
    print(f"{len(lines())} names in {LIST.name}")
