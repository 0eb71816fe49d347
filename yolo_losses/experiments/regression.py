"""The simulation experiment of DIOU: boxes that are moved to a target by a similarity's gradient.

::

    B_t = B_t−1 + η_t (2 − IOU_t−1) ∂similarity/∂B       B = (x, y, w, h), t = 1 … T     (1)
    η_t = 0.1 up to t = 0.8 T, 0.01 up to t = 0.9 T, 0.001 after it                      (2)
    E_t = Σ |x − x'| + |y − y'| + |w − w'| + |h − h'|    over all cases                  (3)

Anchors stand on points that are uniform in a disc of radius 3 around (10, 10), on each of them 7
areas × 7 aspect ratios; targets of area 1 and 7 aspect ratios stand on (10, 10): 343 cases a point,
1,715,000 with the 5000 points of the paper. Steps count from 1: of T = 200 the last with 0.1 is
step 160, the last with 0.01 is step 180. What is taken for the gradient is a rule of
`regression_rules`.

A step may overshoot. The formulas want sizes ≥ 0, so after each step w and h are at least `FLOOR`;
the authors' program lets them become negative. How many cases were ever held there is counted.

Source: Zheng et al. 2020, "Simulation Experiment", algorithm 1, and the program that the authors
published, which settles what the algorithm leaves open: the points, (2), and that E_t is taken
after the step.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np

from .. import _check
from .._xp import Array, constant, namespace
from ..demo.libraries import LIBRARIES, library
from ..iou import SIMILARITY, centred
from .regression_rules import Slopes, slopes

POINTS, STEPS = 5000, 200  # of the paper
CENTRE, RADIUS = 10.0, 3.0
AREAS = (0.5, 0.67, 0.75, 1.0, 1.33, 1.5, 2.0)
ASPECTS = (1 / 4, 1 / 3, 1 / 2, 1.0, 2.0, 3.0, 4.0)
CASES = len(ASPECTS) * len(AREAS) * len(ASPECTS)  # a point
RATES = ((8, 0.1), (9, 0.01), (10, 0.001))  # up to so many tenths of the steps
FLOOR = 1e-3
GOOD = 0.9  # IOU of a box that has arrived
BLOCK = {"numpy": 10, "jax": 10, "torch": 40}  # points at once, found by measurement
BLOCK_ELSEWHERE = 40

IOU = SIMILARITY["iou"]


class Task(NamedTuple):
    """What is done with every point."""

    loss: str
    rule: str
    steps: int = STEPS
    backend: str = "numpy"  # a key of `demo.libraries.LIBRARIES`
    dtype: str = "float32"


class Found(NamedTuple):
    """What became of the cases, by the point of their anchor.

    Attributes
    ----------
    errors : array, shape (T + 1, n), float64
        (3) before the first step and after each, summed over the cases of each point.
    good, apart, floored : array, shape (n,), int64
        Cases with a final IOU > 0.9, cases without overlap in the end, cases that were ever held at
        `FLOOR`.
    """

    errors: np.ndarray
    good: np.ndarray
    apart: np.ndarray
    floored: np.ndarray

    @property
    def curve(self) -> np.ndarray:
        """(3) over all cases, (T + 1,)."""
        return np.asarray(self.errors.sum(axis=1))


def points(seed: int, n: int = POINTS) -> np.ndarray:
    """(n, 2): x y of points that are uniform in the disc."""
    u, v = np.random.default_rng(seed).random((2, n))
    r, turn = RADIUS * np.sqrt(u), 2 * np.pi * v
    return CENTRE + np.stack([r * np.cos(turn), r * np.sin(turn)], axis=1)


def rates(steps: int = STEPS) -> np.ndarray:
    """(2): η of each step, (T,)."""
    tenths, etas = zip(*RATES, strict=True)
    t = np.arange(1, steps + 1)
    return np.select([10 * t <= k * steps for k in tenths], etas)  # (2)


def boxes(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Anchors (4, n, 343) on points (n, 2) and their targets (4, 1, 343), x y w h."""
    aspect_gt, area, aspect = map(np.ravel, np.meshgrid(ASPECTS, AREAS, ASPECTS, indexing="ij"))
    middle = np.full(CASES, CENTRE)
    gt = np.stack([middle, middle, np.sqrt(aspect_gt), np.sqrt(1 / aspect_gt)])
    sizes = np.stack([np.sqrt(area * aspect), np.sqrt(area / aspect)])
    parts = [places.T[..., None], sizes[:, None, :]]
    pred = np.concatenate([np.broadcast_to(v, (2, len(places), CASES)) for v in parts])
    return pred, gt[:, None, :]


def _error(pred: Array, gt: Array) -> Array:
    """(n,) float64: (3) of the cases of each point."""
    xp = namespace(pred)
    each = xp.sum(xp.abs(pred - gt), axis=0)  # (3)
    return xp.sum(each, axis=-1, dtype=xp.float64)


def _overlap(pred: Array, gt: Array) -> Array:
    return IOU(*(centred(*(x[k, ...] for k in range(4))) for x in (pred, gt)))


def _step(of: Slopes, pred: Array, gt: Array, eta: Array) -> tuple[Array, Array]:
    """(1), and which cases are held at the floor."""
    xp = namespace(pred)
    moved = pred + eta * (2 - _overlap(pred, gt)) * of(pred, gt)  # (1)
    least = constant([[[-np.inf]], [[-np.inf]], [[FLOOR]], [[FLOOR]]], pred)
    return xp.maximum(moved, least), xp.any(moved < least, axis=0)


State = tuple[Array, Array]  # boxes, and which cases were ever held at the floor
Step = Callable[[State, Array], tuple[State, Array]]


def _in_turn(step: Step, state: State, etas: Array) -> tuple[State, Array]:
    errors = []
    for k in range(etas.shape[0]):
        state, error = step(state, etas[k, ...])
        errors.append(error)
    return state, namespace(etas).stack(errors)


def _scanned(step: Step, state: State, etas: Array) -> tuple[State, Array]:
    from jax.lax import scan

    end: tuple[State, Array] = scan(step, state, etas)
    return end


LOOP: dict[str, Callable[[Step, State, Array], tuple[State, Array]]] = {"jax": _scanned}


def _regress(of: Slopes, loop: Any, pred: Array, gt: Array, etas: Array) -> tuple[Any, ...]:
    """The parts of `Found` in the arrays of a library."""
    xp = namespace(pred)

    def step(state: State, eta: Array) -> tuple[State, Array]:
        moved, held = _step(of, state[0], gt, eta)
        return (moved, state[1] | held), _error(moved, gt)

    first = _error(pred, gt)
    (pred, floored), errors = loop(step, (pred, pred[0, ...] < -np.inf), etas)
    overlap = _overlap(pred, gt)
    counted = (overlap > GOOD, overlap == 0, floored)
    return first, errors, *(xp.sum(xp.astype(v, xp.int64), axis=-1) for v in counted)


@cache
def _program(task: Task) -> Callable[[np.ndarray], Found]:
    """A task as a function of points (n, 2), compiled where the library compiles."""
    lib, of = library(task.backend), slopes(task.loss, task.rule)
    loop = LOOP.get(task.backend, _in_turn)
    compiled = lib.compiled(lambda *arrays: _regress(of, loop, *arrays))

    def program(places: np.ndarray) -> Found:
        arrays = (*boxes(places), rates(task.steps))
        with lib.float64(), np.errstate(all="ignore"):
            first, errors, *counts = compiled(*(lib.asarray(x.astype(task.dtype)) for x in arrays))
            before, after = lib.to_numpy(first), lib.to_numpy(errors)
            return Found(np.concatenate([before[None], after]), *map(lib.to_numpy, counts))

    return program


def _block(task: Task, places: np.ndarray) -> Found:
    """Runs in a process of its own: the compiled program stays there."""
    return _program(task)(places)


# Blocks of points, one process a core.


class Alone:
    """An executor that does in this process what it is given."""

    def submit(self, f: Callable[..., Any], *args: Any) -> "Future[Any]":
        """f(*args), done."""
        done: Future[Any] = Future()
        done.set_result(f(*args))
        return done


@contextmanager
def pool(workers: int) -> Iterator[Any]:
    """So many processes, started afresh; for one, this process itself."""
    if workers == 1:
        yield Alone()
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as processes:
        yield processes


def simulate(
    task: Task, places: np.ndarray, workers: Any = None, *, block: int | None = None,
    tick: Callable[[int], object] = lambda done: None,
) -> Found:  # fmt: skip
    """Every case of some points.

    Parameters
    ----------
    task : Task
    places : array, shape (n, 2), real
        `points`, or others; distances are in units of the target's √area.
    workers : what `pool` gives, optional
        Else this process.
    block : int, optional
        Points that are worked on at once. No result depends on it or on the workers.
    tick : callable, optional
        Called with the number of points that are done, after each block.

    Returns
    -------
    Found

    Raises
    ------
    ValueError
        Points that are not (n, 2), steps below 1, a loss, rule or backend that does not exist.
    demo.libraries.Missing
        A library that is not installed.
    """
    where = "regression.simulate"
    if places.ndim != 2 or places.shape[1] != 2 or not len(places):
        _check.wrong_value(where, "places", "have shape (n, 2), n > 0", places.shape)
    _check.choice(where, "task.backend", task.backend, LIBRARIES)
    _check.count(where, "task.steps", task.steps)
    slopes(task.loss, task.rule)  # refuses what does not exist, before any process does
    size = block or BLOCK.get(task.backend, BLOCK_ELSEWHERE)
    parts = [places[k : k + size] for k in range(0, len(places), size)]
    submit = (workers or Alone()).submit
    futures = {submit(_block, task, part): k for k, part in enumerate(parts)}
    for future in as_completed(futures):
        tick(len(parts[futures[future]]))
    found = [future.result() for future in futures]
    return Found(*(np.concatenate(v, axis=-1) for v in zip(*found, strict=True)))
