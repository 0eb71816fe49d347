"""What programs computed, as kept in conformance/recorded."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parents[2] / "conformance" / "recorded"


def names(kind: str, prefix: str = "") -> list[str]:
    """The recorded cases of a kind, "darknet" or "pytorch", by their file names."""
    return sorted(path.stem for path in (FOLDER / kind).glob(f"{prefix}*.npz"))


@cache
def recorded(kind: str, name: str) -> dict[str, np.ndarray]:
    """The arrays of one case."""
    with np.load(FOLDER / kind / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def meta(name: str) -> dict[str, Any]:
    """The description of a case of a PyTorch program."""
    return json.loads(str(recorded("pytorch", name)["meta"]))
