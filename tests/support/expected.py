"""What the oracle says of a case."""

from dataclasses import asdict
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from conformance import oracle
from tests.support.cases import Case

TERMS = ("box", "obj", "noobj", "cls")


class Expected(NamedTuple):
    """Terms (N, S) each, and the gradient like the raw outputs, a list of heads."""

    terms: dict[str, np.ndarray]
    grads: list[np.ndarray]
    results: list[Any]


def image(case: Case, n: int) -> tuple[Any, list[tuple], SimpleNamespace]:
    """Raw outputs, truths and config of one image as the oracle takes them."""
    heads = [head[n].tolist() for head in case.heads]
    raw = heads if case.version in ("v3", "v4") else heads[0]
    rows = zip(*(v[n].tolist() for v in case.targets), strict=True)
    truths = [(*box, *rest) for box, *rest in rows]
    return raw, truths, SimpleNamespace(**asdict(case.config))


@cache
def _expected(name: str, precision: str, case: "_ByName") -> Expected:
    version = getattr(oracle, case.case.version)
    results, grads = [], [np.zeros_like(h) for h in case.case.heads]
    for n in range(len(grads[0])):
        args = image(case.case, n)
        results.append(version.evaluate(*args, precision=precision))
        for path, slope in version.gradient(*args, precision=precision).items():
            head, where = (
                (path[0], path[1:]) if len(grads) > 1 or case.case.version > "v2" else (0, path)
            )
            grads[head][(n, *where)] = slope
    terms = {k: np.array([[getattr(t, k) for t in r.terms] for r in results]) for k in TERMS}
    return Expected(terms, grads, results)


class _ByName(NamedTuple):
    """A case that hashes by its name."""

    case: Case

    def __hash__(self) -> int:
        return hash(self.case.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByName) and self.case.name == other.case.name


def expected(case: Case, precision: str = "float64") -> Expected:
    """Terms and gradient of a case, computed once."""
    return _expected(case.name, precision, _ByName(case))
