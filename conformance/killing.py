"""Whether the vectors tell a variant of the oracle from the right one."""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from conformance import oracle, vectors
from conformance.exact import Answer
from conformance.scenes.conversions import Conversion
from conformance.scenes.pairs import Pair
from conformance.scenes.scene import Ask, Scene
from yolo_losses.testing import Case, cases, judge

VALUE = 1e4  # ulp: a variant is computed in float64
SLOPE = 1e-5 / 2.0**-52  # and differenced


def killer(formulas: ModuleType, groups: Mapping[str, Any] | tuple[str, ...]) -> str:
    """The first case that notices a variant, empty if none does."""
    for name in vectors.names():
        if name.partition("-")[0] in groups:
            for ask in vectors.asks(name):
                case = cases(f"{name.replace('-', '/')}/{ask.name}")[0]
                if notices(case, ask, formulas):
                    return case.id
    return ""


def notices(case: Case, ask: Ask, formulas: ModuleType = oracle) -> bool:
    """Whether a variant's answer is another; one that cannot answer is noticed too."""
    try:
        return any(_differs(case, given) for given in _answers(case, ask, formulas))
    except (ArithmeticError, ValueError, IndexError, KeyError, TypeError):
        return True


def _differs(case: Case, given: dict[str, Any]) -> bool:
    with np.errstate(all="ignore"):
        judged = judge(case, given, "float64")
    return any(j.ulp > (SLOPE if j.part in ("grad", "slopes") else VALUE) for j in judged)


def _answers(case: Case, ask: Ask, formulas: ModuleType) -> Iterator[dict[str, Any]]:
    """Values first, slopes where they do not tell."""
    x = ask.inputs
    if isinstance(x, Conversion):
        size = [v for v in (x.width, x.height) if v is not None]
        yield {"boxes": [formulas.conversions.FUNCTIONS[x.function](b, *size) for b in x.boxes]}
    elif isinstance(x, Pair):
        yield vectors.of_pair(case.inputs["similarity"], x, formulas)
    else:
        yield from _of_scene(case, x, formulas)


def _of_scene(case: Case, scene: Scene, formulas: ModuleType) -> Iterator[dict[str, Any]]:
    tie = "edges" in case.notes  # where a difference is right to its step alone
    answer = Answer(scene, formulas, exact=tie)
    if case.kind == "decode":
        yield {part: [np.array(x) for x in heads] for part, heads in answer.decoded().items()}
    elif case.kind == "assign":
        yield {"responsible": answer.responsible(), **answer.counts()}
    elif case.kind == "ignore":
        yield {"ignored": answer.ignored()}
    else:
        yield {"terms": answer.terms(), "total": answer.total()}
        yield {"grad": _dense(case, answer.gradient())}


def _dense(case: Case, entries: list[list[Any]]) -> list[np.ndarray]:
    grads = [np.zeros(x.shape) for x in case.heads]
    for (head, *path), slope in entries:
        grads[head][tuple(path)] = slope
    return grads
