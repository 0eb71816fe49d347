"""Reading a config: an object, a mapping, JSON, or the name of a preset."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NoReturn

import numpy as np

from .._check import tuples
from .problem import MODULES

WHERE = "crosscheck.compare"


def refuse(text: str, where: str = WHERE) -> NoReturn:
    """End with one message."""
    msg = f"{where}: {text}"
    raise ValueError(msg)


def as_text(x: Any) -> Any:
    """A string of NumPy as one of Python."""
    return x.item() if isinstance(x, np.ndarray) and x.ndim == 0 and x.dtype.kind == "U" else x


def config_of(config: Any, version: str | None) -> Any:
    """A Config, the text of one in JSON, or the name of a preset.

    Raises
    ------
    ValueError
        A version that is none or is not the config's, what is no config, a field that is there
        twice.
    """
    own = next((v for v, m in MODULES.items() if isinstance(config, m.Config)), None)
    if (version is not None and version not in MODULES) or (version is None and own is None):
        refuse(f"version must be one of {', '.join(MODULES)}, got {version!r}")
    if own is not None:
        if version not in (None, own):
            refuse(f"version is {version!r}, but config is a {own}.Config")
        return config
    kind = MODULES[str(version)].Config
    presets = [name for name, v in vars(kind).items() if isinstance(v, classmethod)]
    if config is None or (isinstance(config, str) and config in presets):
        return getattr(kind, config or presets[0])()
    try:
        return _of_fields(kind, _parsed(config, presets))
    except RecursionError:
        refuse("config is nested too deeply")


def _parsed(config: Any, presets: list[str]) -> Any:
    """JSON as what it says."""
    if not isinstance(config, str):
        return config
    try:
        return json.loads(config, object_pairs_hook=once)
    except KeyError as error:
        refuse(f"config holds {error.args[0]!r} twice")
    except ValueError:
        refuse(f"config must be JSON or one of {', '.join(presets)}, got {config[:60]!r}")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; KeyError for a key that it holds twice."""
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise KeyError(key)
        out[key] = value
    return out


def _of_fields(kind: Any, config: Any) -> Any:
    names = {field.name for field in fields(kind)}
    if not isinstance(config, Mapping) or set(config) - names:
        extra = sorted(map(str, set(config) - names)) if isinstance(config, Mapping) else config
        refuse(f"config must hold fields of {kind.__qualname__}, got {repr(extra)[:80]}")
    try:
        return kind(**{k: tuples(v) if isinstance(v, list) else v for k, v in config.items()})
    except (ValueError, TypeError) as error:
        refuse(str(error))
