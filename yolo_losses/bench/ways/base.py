"""What a way has to say: arrays, calls, when a call is done, memory, its floor."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...demo.versions import MODULES, argument
from ...targets import Targets
from .. import floor
from ..problems import Problem, gradient_bytes, objectness, raw_outputs, settings, targets
from ..results import FLOOR, ZERO_FILL


class Absent(Exception):
    """Why there is nothing to measure."""


class Data(NamedTuple):
    """A problem in the arrays of a library."""

    module: Any  # vN
    config: Any
    raw: Any  # as the functions of vN take it
    targets: Targets
    others: Targets  # the same truths in other images
    problem: Problem


class Outcome(NamedTuple):
    """What a call computed, on the host."""

    total: np.ndarray  # (N,)
    grads: list[np.ndarray] | None  # one a head


class Call(NamedTuple):
    """Something to time."""

    run: Callable[[], Any]
    read: Callable[[Any], Outcome]
    reset: Callable[[], None] = lambda: None  # before each run, untimed


def heads_of(raw: Any) -> list[Any]:
    """One array a head, whatever the version."""
    return list(raw) if isinstance(raw, tuple | list) else [raw]


class Way:
    """NumPy-like and eager; libraries override what they do otherwise."""

    name = ""
    device = "cpu"  # in words

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def array(self, x: np.ndarray) -> Any:
        """An array of the library on its device."""
        return x

    def host(self, x: Any) -> np.ndarray:
        """A NumPy array."""
        return np.asarray(x)

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of raw outputs and targets, as it is to be timed."""
        return function

    def finish(self, result: Any) -> None:
        """Wait for the device."""

    def data(self, problem: Problem) -> Data:
        """A problem's arrays."""
        config, truths = settings(problem), targets(problem)
        raw = argument(config, [self.array(x) for x in raw_outputs(problem)])
        here = Targets(*map(self.array, truths))
        others = Targets(*(self.array(np.roll(x, 1, axis=0)) for x in truths))
        return Data(MODULES[problem.version], config, raw, here, others, problem)

    # Calls: each by its name in results.CALLS.

    def loss(self, data: Data) -> Call:
        """The terms alone."""
        run = self.compiled(lambda raw, truths: data.module.loss(raw, truths, data.config))
        return Call(lambda: run(data.raw, data.targets), lambda terms: self._outcome((terms, None)))

    def loss_and_grad(self, data: Data) -> Call:
        """Terms and gradient in closed form."""
        run = self.compiled(
            lambda raw, truths: data.module.loss_and_grad(raw, truths, data.config)
        )  # fmt: skip
        return Call(lambda: run(data.raw, data.targets), self._outcome)

    def autograd(self, data: Data) -> Call:
        """The library's own gradient of the loss."""
        msg = "the library has no automatic gradient"
        raise Absent(msg)

    def module(self, data: Data) -> Call:
        """The library's own gradient of what `yolo_losses` has for the library."""
        msg = "the package has no module for the library"
        raise Absent(msg)

    def workspace(self, data: Data) -> Call:
        """Terms and gradient in closed form, the gradient written into kept buffers."""
        module, config = data.module, data.config
        work = module.workspace(data.raw)
        module.loss_and_grad(data.raw, data.others, config, work=work)  # rows that must go again
        run = module.loss_and_grad
        return Call(lambda: run(data.raw, data.targets, config, work=work), self._outcome)

    def _outcome(self, result: Any) -> Outcome:
        terms, grads = result
        on_host = None if grads is None else [self.host(x) for x in heads_of(grads)]
        return Outcome(self.host(terms.total), on_host)

    # The floor.

    def floors(self, problem: Problem) -> dict[str, Callable[[], object]]:
        """What is timed beside the calls, by name."""
        raw, fields = raw_outputs(problem), objectness(problem)
        return {FLOOR: floor.floor(raw, fields), ZERO_FILL: floor.zero_fill(raw)}

    # Memory and compilation.

    def peak(self, run: Callable[[], Any]) -> int:
        """The most bytes alive at once during a call, without those alive before."""
        raise NotImplementedError

    def memory(self, data: Data, ready: Mapping[str, Call]) -> int:
        """Peak bytes of loss and gradient beyond inputs and gradient.

        Before the gradient exists the call does what `loss` does: the larger of both. `ready`
        holds the calls that ran before.
        """
        alone, both = (
            ready[name].run if name in ready else getattr(self, name)(data).run
            for name in ("loss", "loss_and_grad")
        )
        for run in (alone, both):
            self.finish(run())
        return max(self.peak(alone), self.peak(both) - gradient_bytes(data.problem))

    def compile_seconds(self, data: Data) -> float:
        """Of loss and gradient, from nothing."""
        msg = "nothing is compiled"
        raise Absent(msg)
