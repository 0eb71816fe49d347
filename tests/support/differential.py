"""How far the terms and gradients of other libraries are from those of NumPy, term by term.

    OMP_NUM_THREADS=1 python -m tests.support.differential --examples 200

prints a table: of each term the distance in units of the last place (ulp) of the term itself, of an
image and head; of a gradient the largest distance in a head, in ulp of the head's largest number.
Libraries that compile nothing are given batches of all options, those that do batches of one config
a version and of one shape. A batch in float32 is held against NumPy in float32.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings

from conformance.backends import BACKENDS, leaves

from .cases import PLAIN, Case
from .laws.law import VERSIONS, evaluated
from .strategies import batches

EAGER = ("array-api-strict", "torch", "torch-lent")
COMPILED = ("jax-eager", "jax", "dask", "torch-compiled")
COLUMNS = ("box", "obj", "noobj", "cls", "gradient")


def ulps(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """|x − y| in units of the last place of y."""
    return abs(x - y) / np.spacing(abs(y))


def distances(library: str, case: Case) -> dict[str, np.ndarray]:
    """By column, of each image and head; of a gradient of each head."""
    terms, grads = _answer(library, case)
    expected, slopes = evaluated(case)
    found = {
        name: ulps(x, y).ravel()
        for name, x, y in zip(expected._fields, terms, expected, strict=True)
    }
    largest = [
        abs(g - h).max() / np.spacing(abs(h).max())
        for g, h in zip(leaves(grads), slopes, strict=True)
    ]
    return found | {"gradient": np.asarray(largest)}


def _answer(library: str, case: Case) -> tuple[Any, Any]:
    backend, arguments = BACKENDS[library](), (case.raw, case.targets)
    if library == "jax":  # which keeps what it has compiled
        return backend.answer(case.module, *arguments, case.config)[:2]
    return backend.call(partial(case.module.loss_and_grad, config=case.config), *arguments)


def drawn(version: str, examples: int, start: int, config: Any = None) -> list[Case]:
    """So many batches, the same for the same seed."""
    found: list[Case] = []

    @seed(start)
    @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(batches(version, config))
    def keep(case: Case) -> None:
        found.append(case)

    keep()
    return found


def rows(library: str, examples: int, start: int) -> Iterator[str]:
    """A line of the table for each version: 99 of 100 are within, and the largest."""
    for version in VERSIONS:
        config = PLAIN[version].config if library in COMPILED else None
        cases = drawn(version, examples, start, config)
        found = [distances(library, case) for case in cases]
        cells = [_cell(np.concatenate([of[name] for of in found])) for name in COLUMNS]
        yield f"| {library} {version} | {len(cases)} | {' | '.join(cells)} |"


def _cell(values: np.ndarray) -> str:
    """As `0.5, 12`."""
    shown = (np.quantile(values, 0.99, method="higher"), values.max())
    return ", ".join(f"{v:.0f}" if v < 1e4 else f"{v:.0e}" for v in shown)


def main() -> None:
    """The table, line by line."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.differential",
                                     description=__doc__)  # fmt: skip
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--compiled", type=int, default=10, help="batches where it is compiled")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--library", action="append", choices=EAGER + COMPILED)
    options = parser.parse_args()
    print(f"| library, version | batches | {' | '.join(COLUMNS)} |")
    print("|---|---|" + "---|" * len(COLUMNS))
    counts = {**dict.fromkeys(EAGER, options.examples), **dict.fromkeys(COMPILED, options.compiled)}
    for library in options.library or counts:
        for line in rows(library, counts[library], options.seed):
            print(line, flush=True)


if __name__ == "__main__":
    main()
