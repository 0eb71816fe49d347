"""Gradients handed out otherwise."""

# Pieces of formulas are lambdas that hold what they need as defaults.
# mypy: disable-error-code="misc, no-untyped-call"

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..grid import to_nchw
from .of_reading import of_boxes
from .problem import Problem
from .setup import Setup, Slip

Arrays = Sequence[np.ndarray]
Change = Callable[[np.ndarray, np.ndarray], np.ndarray]  # gradient, raw outputs → gradient


def slips(problem: Problem) -> Iterator[Slip]:
    """All of a version."""
    yield from _chains(problem)
    for name, text, change in _OTHERS:
        yield Slip(name, "gradient", text, _handed(change))
    for name, text, layout in _LAYOUTS:
        move = lambda g, x, p=problem, f=layout: f(g, p)
        yield Slip(name, "gradient", text, _handed(move))
    if problem.version != "v1":
        yield Slip("gradient-of-sizes-clipped", "gradient", "slopes of t_w and t_h are clipped to ±1",
                   _handed(_sizes_clipped))  # fmt: skip


def _handed(change: Change) -> Callable[[Setup], Setup]:
    def apply(setup: Setup) -> Setup:
        raw = setup.problem.raw

        def slopes(grads: Arrays) -> list[np.ndarray]:
            return [change(np.asarray(g), x) for g, x in zip(grads, raw, strict=True)]

        return Setup(**{**vars(setup), "slopes": (*setup.slopes, slopes)})

    return apply


# Slopes along outputs of σ and e^t, not along raw outputs.


def _chains(problem: Problem) -> Iterator[Slip]:
    kinds = {
        "xy": ((0, 1), "t_x and t_y"),
        "wh": ((2, 3), "t_w and t_h"),
        "objectness": ((4,), "t_o"),
    }
    chains = [(name, fields, False, text) for name, (fields, text) in kinds.items()]
    classes = problem.version in ("v3", "v4")
    if classes:
        chains.append(("classes", (), True, "the classes"))
    every = (0, 1, 2, 3, 4)
    chains += [("boxes-and-objectness", every, False, "boxes and objectness"),
               ("all", every, classes, "all raw outputs"),
               ("boxes", every[:4], False, "boxes")]  # fmt: skip
    seen: set[tuple[tuple[int, ...], bool]] = set()
    for name, fields, of_classes, text in chains:
        if (fields, of_classes) not in seen:
            seen.add((fields, of_classes))
            yield Slip(f"slope-left-out-of-{name}", "gradient",
                       f"the slopes of {text} are along σ or e^t, without the factor of the raw output",
                       _handed(_without_slope(problem, fields, of_classes)))  # fmt: skip


def _without_slope(problem: Problem, fields: Sequence[int], classes: bool) -> Change:
    num = problem.boxes_per_vector

    def change(g: np.ndarray, x: np.ndarray) -> np.ndarray:
        s = 1 / (1 + np.exp(-x))
        inner = s * (1 - s)
        out = np.array(g, dtype=float)
        for b in range(num):
            for k in fields:
                at = 5 * b + k
                exp = k in (2, 3) and problem.version != "v1"
                out[..., at] /= np.exp(np.clip(x[..., at], -20, 20)) if exp else inner[..., at]
        if classes:
            out[..., 5 * num :] /= inner[..., 5 * num :]
        return out

    return change


# Others.


def _clipped(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(g, -1, 1))


def _sizes_clipped(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.concatenate([g[..., :2], np.clip(g[..., 2:4], -1, 1), g[..., 4:]], axis=-1)


def _as_nchw(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(to_nchw(g)).reshape(g.shape)


def _turned(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(g.swapaxes(1, 2)).reshape(g.shape)


_OTHERS: tuple[tuple[str, str, Change], ...] = (
    ("gradient-clipped-at-1", "slopes are clipped to ±1", _clipped),
    ("gradient-in-nchw", "the gradient is an NCHW buffer", _as_nchw),
    ("gradient-transposed-buffer", "the gradient has rows and columns transposed, by its buffer", _turned),
)  # fmt: skip


def _fields(*order: int) -> Callable[[np.ndarray, Problem], np.ndarray]:
    return of_boxes(lambda x: x[..., [*order, *range(5, x.shape[-1])]])


_LAYOUTS: tuple[tuple[str, str, Callable[[np.ndarray, Problem], np.ndarray]], ...] = (
    ("gradient-x-y-exchanged", "the slopes of t_x and t_y are exchanged", _fields(1, 0, 2, 3, 4)),
    ("gradient-w-h-exchanged", "the slopes of t_w and t_h are exchanged", _fields(0, 1, 3, 2, 4)),
    ("gradient-anchors-reversed", "the slopes of the predictors of a cell stand in the reverse order",
     of_boxes(lambda x: x[:, :, :, ::-1])),
)  # fmt: skip
