"""Whether the vectors tell a variant of the oracle from the right one."""

from collections.abc import Iterator
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


Asked = tuple[str, Ask, Case]  # the group of a case, how it is asked, the case


def asked() -> list[Asked]:
    """All cases, with their questions."""
    return [
        (name.partition("-")[0], ask, cases(f"{name.replace('-', '/')}/{ask.name}")[0])
        for name in vectors.names()
        for ask in vectors.asks(name)
    ]


class Tally:
    """Which cases have noticed a variant, and whether every variant was noticed."""

    def __init__(self, every: list[Asked]) -> None:
        self.every = every
        self.idle = {case.id for _, _, case in every}

    def unnoticed(self, formulas: ModuleType, groups: tuple[str, ...]) -> list[str]:
        """The groups in which no case notices a variant; a case is asked if it matters."""
        open_groups = set(groups)
        for group, ask, case in self.every:
            matters = group in open_groups or (group in groups and case.id in self.idle)
            if matters and notices(case, ask, formulas):
                self.idle.discard(case.id)
                open_groups.discard(group)
        return sorted(open_groups)


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
