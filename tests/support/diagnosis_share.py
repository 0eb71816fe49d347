"""What a diagnosis costs beside the loss: `python -m tests.support.diagnosis_share [RUNS]`.

Processor time, least of the runs, as parts of `loss_and_grad`: `diagnose` by itself, and
`loss_grad_diagnosis`. The problems are configuration A of the benchmark, float32.
"""

import sys
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import torch

import yolo_losses as yl
from conformance.backends import tree_map
from yolo_losses.bench import problems
from yolo_losses.demo.versions import MODULES

CALLS = ("loss_and_grad", "diagnose", "loss_grad_diagnosis")
READ = {"numpy": lambda v: v, "torch": torch.from_numpy, "jax": jnp.asarray}


def calls(problem: problems.Problem, library: str) -> dict[str, Callable[[], object]]:
    """The calls of a problem, jitted on JAX."""
    module, config, read = MODULES[problem.version], problems.settings(problem), READ[library]
    raw = tuple(map(read, problems.raw_outputs(problem)))
    raw = raw if problems.has_heads(problem.version) else raw[0]
    targets = yl.Targets(*tree_map(read, tuple(problems.targets(problem))))

    def call(name: str) -> Callable[[], object]:
        def of_arrays(raw: object, targets: yl.Targets) -> object:
            return getattr(module, name)(raw, targets, config)

        run = jax.jit(of_arrays) if library == "jax" else of_arrays
        return lambda: jax.block_until_ready(run(raw, targets))

    return {name: call(name) for name in CALLS}


def least(ready: dict[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Seconds of each call, all of them in turn, after one run that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in ready}
    for _ in range(runs + 1):
        for name, run in ready.items():
            start = time.process_time()
            run()
            times[name].append(time.process_time() - start)
    return {name: min(v[1:]) for name, v in times.items()}


def main(runs: int) -> None:
    """Print a line a version, ignore rule and library."""
    torch.set_num_threads(1)
    for version in MODULES:
        for problem in problems.of_version(version, ["A"], problems.RULES, problems.TRUTHS):
            for library in READ:
                loss, alone, both = least(calls(problem, library), runs).values()
                print(
                    f"{version} {problem.ignore_by or '-':10} {library:5}  loss_and_grad "
                    f"{1e3 * loss:6.2f} ms  alone {alone / loss:.2f}  in one {both / loss:.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
