"""Reading the vectors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import _check
from ..crosscheck.problem import MODULES as VERSIONS
from ..data.files import json_of
from ..targets import Targets

KINDS = ("boxes", "similarity", "decode", "assign", "ignore", "box", "obj", "noobj", "cls", "loss")
SIMILARITIES = ("iou", "giou", "diou", "ciou")
_NOT_FINITE = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


def folder() -> Path:
    """Where the files lie: beside this module where it is installed, in a checkout with their
    generator.
    """
    here = Path(__file__).parent
    installed = here / "files"
    return installed if installed.is_dir() else here.parents[1] / "conformance" / "cases"


def version() -> str:
    """The version of the vectors."""
    return (folder() / "VERSION").read_text(encoding="utf-8").strip()


@dataclass(frozen=True, eq=False)
class Case:
    """One question and its answer.

    Attributes
    ----------
    id : str
        Its name, for ever.
    kind : str
        One of "boxes", "similarity", "decode", "assign", "ignore", "box", "obj", "noobj", "cls",
        "loss".
    why : str
        The mistake that it catches.
    notes : dict
        Its flags, each explained.
    inputs, expected, tolerance : dict
        As in the file, with numbers for the names of those that are not finite.
    """

    id: str
    kind: str
    why: str
    notes: Mapping[str, str]
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]
    tolerance: Mapping[str, Any]

    def __str__(self) -> str:
        """The id."""
        return self.id

    @property
    def version(self) -> str | None:
        """ "v1" … "v4", None for boxes and similarities."""
        first = self.id.partition("/")[0]
        return first if first in VERSIONS else None

    @property
    def heads(self) -> tuple[np.ndarray, ...]:
        """Raw outputs in float64, one array a head."""
        return tuple(np.array(x, dtype=float) for x in self.inputs["raw"])

    @property
    def raw(self) -> Any:
        """Raw outputs as the functions of the version take them: v3 and v4 a tuple."""
        return self.heads if self.version in ("v3", "v4") else self.heads[0]

    @property
    def targets(self) -> Targets:
        """The truths, boxes in float64, and the regions of those cases that have some."""
        of = self.inputs["targets"]
        labels, valid = np.array(of["labels"], dtype=int), np.array(of["valid"], dtype=bool)
        boxes = np.array(of["boxes"], dtype=float).reshape(*labels.shape, 4)
        ignore = np.array(of["ignore"], dtype=bool) if "ignore" in of else None
        return Targets(boxes, labels, valid, ignore)

    @property
    def config(self) -> Any:
        """The `Config` of the version."""
        return VERSIONS[str(self.version)].Config(**self.inputs["config"])


@cache
def _file(name: str) -> tuple[Case, ...]:
    return read(folder() / f"{name}.json")


def read(path: Path) -> tuple[Case, ...]:
    """The cases of one file; ValueError where it is damaged."""
    data = json_of(path)
    try:
        return tuple(_case(data, _numbers(case)) for case in data["cases"])
    except (KeyError, TypeError, RecursionError) as error:
        msg = f"{path} is no file of cases: {error!r}"
        raise ValueError(msg) from None


def _case(data: dict[str, Any], case: dict[str, Any]) -> Case:
    notes = {flag: data["flags"][flag] for flag in case["flags"]}
    return Case(case["id"], data["kind"], case["why"], notes, case["inputs"], case["expected"],
                case["tolerance"])  # fmt: skip


def _numbers(x: Any) -> Any:
    """Names of numbers that are not finite as numbers, but not in words."""
    if isinstance(x, dict):
        return {key: v if key in ("why", "reason") else _numbers(v) for key, v in x.items()}
    if isinstance(x, list):
        return [_numbers(v) for v in x]
    return _NOT_FINITE.get(x, x) if isinstance(x, str) else x


def cases(*of: str, flags: Iterable[str] = ()) -> list[Case]:
    """The cases of versions, kinds and similarities, all of them without an argument.

    Parameters
    ----------
    *of : str
        Versions "v1" … "v4", similarities "iou" … "ciou", "boxes", kinds (see `Case`), or ids. Of
        several versions, or kinds, any; of a version and a kind, both.
    flags : iterable of str
        Flags that a case has to have, all of them.

    Raises
    ------
    ValueError
        A name that is none of these.
    """
    names = sorted(path.stem for path in folder().glob("*.json"))
    every = [case for name in names if name not in ("schema", "ids") for case in _file(name)]
    known = {*VERSIONS, *KINDS, *SIMILARITIES, *(case.id for case in every)}
    for name in of:
        if name not in known:
            _check.wrong_value("testing.cases", "names", "be versions, kinds or ids", repr(name))
    return [case for case in every if _wanted(case, of) and set(flags) <= set(case.notes)]


def _wanted(case: Case, of: tuple[str, ...]) -> bool:
    own = {case.id, case.kind, *case.id.split("/")[:1]}
    groups = [set(of) & set(group) for group in ((*VERSIONS, *SIMILARITIES, "boxes"), KINDS[1:])]
    by_id = set(of) - set().union(*groups)
    if by_id:
        return case.id in by_id
    return all(not group or group & own for group in groups)
