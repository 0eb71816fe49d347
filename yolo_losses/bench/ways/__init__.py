"""The ways to compute: a library on a device, eager or compiled."""

from importlib import import_module
from typing import NamedTuple

from .base import Absent, Way


class Place(NamedTuple):
    """Where the class of a way is; nothing is imported before it is opened."""

    module: str
    kind: str
    gpu: bool = False
    compiles: bool = False
    slow: bool = False  # to compile: measured when asked for alone


WAYS = {
    "numpy": Place("numpy", "NumPy"),
    "torch": Place("torch", "Torch"),
    "torch-compiled": Place("torch", "Compiled", compiles=True, slow=True),
    "jax": Place("jax", "JAX", compiles=True),
    "cupy": Place("cupy", "CuPy", gpu=True),
    "torch-cuda": Place("torch", "Cuda", gpu=True),
    "jax-gpu": Place("jax", "GPU", gpu=True, compiles=True),
}


def open_way(name: str, threads: int) -> Way:
    """A way by name; raises `Absent` where it cannot be measured, with the reason."""
    place = WAYS[name]
    try:
        kind = getattr(import_module(f".{place.module}", __name__), place.kind)
    except (ImportError, OSError) as error:  # OSError: a shared object that cannot be loaded
        missing = isinstance(error, ModuleNotFoundError) and error.name == place.module
        hint = f"it is not installed: pip install 'yolo-losses[{place.module}]'"
        raise Absent(hint if missing else str(error)) from None
    way: Way = kind(threads)
    way.name = name
    return way
