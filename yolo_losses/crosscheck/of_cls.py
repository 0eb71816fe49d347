"""Class terms of another formula."""

# Pieces of formulas are lambdas that hold what they need as defaults.
# mypy: disable-error-code="misc, no-untyped-call"

from collections.abc import Callable, Iterator
from typing import Any

from .._xp import namespace
from ..elementwise import bce, elementary, sigmoid, softmax
from . import formulas as f
from .problem import Problem
from .setup import Slip, patching

Of = Callable[[Any, Any], Any]  # logits, one hot → a number of each class


def slips(problem: Problem) -> Iterator[Slip]:
    """All of a version."""
    squared = problem.version in ("v1", "v2")
    yield from _of_softmax() if squared else _of_logistic(problem)
    yield from _smoothed(problem, squared)


def _slip(name: str, text: str, of: Of, rank: int = 1) -> Slip:
    return Slip(name, "cls", text, patching(("_objects", f.classes(of))), rank=rank)


# Functions of a softmax: the slope is that of the sum, back through it.


def _back(q: Any, d: Any) -> Any:
    """The slope along the logits of q = softmax(c) from that along q."""
    return q * (d - namespace(q).sum(q * d, axis=-1, keepdims=True))


def of_probability(value: Of, slope: Of, times: int = 1) -> Any:
    """value(q, p) of the softmax q of logits, taken some times; slope along q."""

    def chain(c: Any) -> list[Any]:
        out = [softmax(c)]
        for _ in range(times - 1):
            out.append(softmax(out[-1]))
        return out

    def partial(c: Any, p: Any, y: Any) -> Any:
        qs = chain(c)
        d = slope(qs[-1], p)
        for q in reversed(qs):
            d = _back(q, d)
        return d

    @elementary(partial)
    def of(c: Any, p: Any) -> Any:
        return value(chain(c)[-1], p)

    return of


def _square(q: Any, p: Any) -> Any:
    return (p - q) ** 2


def _d_square(q: Any, p: Any) -> Any:
    return 2 * (q - p)


def _logs(q: Any, p: Any) -> Any:
    xp = namespace(q)
    return -p * xp.log(q) - (1 - p) * xp.log1p(-q)


def _d_logs(q: Any, p: Any) -> Any:
    return (1 - p) / (1 - q) - p / q


def _decoded(of: Callable[[Any], Any]) -> Any:
    return ("grid.decode", f.probabilities(of))


def _of_softmax() -> Iterator[Slip]:
    twice = of_probability(_square, _d_square, 2)
    term = ("_objects", f.classes(twice))
    text = "the softmax of classes is taken twice"
    yield Slip(
        "softmax-twice",
        "decode",
        text,
        patching(_decoded(lambda c: softmax(softmax(c))), term),
        rank=0,
    )
    yield Slip("softmax-twice-in-loss", "cls", f"{text}, in the loss", patching(term), rank=0)
    bare = ("_objects", f.classes(lambda c, p: (p - c) ** 2))
    text = "the softmax of classes is missing: logits are squared"
    yield Slip("softmax-missing", "decode", text, patching(_decoded(f.same), bare), rank=0)
    yield Slip("softmax-missing-in-loss", "cls", f"{text}, in the loss", patching(bare), rank=0)
    yield from _of_probability()


def _of_probability() -> Iterator[Slip]:
    sign = lambda q, p: 2.0 * (q > p) - 1.0
    yield _slip(
        "classes-absolute",
        "classes have an absolute error",
        of_probability(lambda q, p: abs(p - q), sign),
    )
    only = of_probability(lambda q, p: p * (p - q) ** 2, lambda q, p: 2 * p * (q - p))
    yield _slip("positive-class-only", "the true class alone has a squared error", only, 0)
    yield _slip("classes-by-sigmoid-in-loss", "classes are independent sigmoids in the loss",
                lambda c, p: (sigmoid(c) - p) ** 2)  # fmt: skip
    logs = of_probability(_logs, _d_logs)
    yield _slip("binary-cross-entropy-of-softmax", "a binary cross entropy of the softmax", logs)
    yield _slip("double-sigmoid", "probabilities are handed to a cross entropy that takes logits",
                lambda c, p: bce(sigmoid(c), p))  # fmt: skip


def _of_logistic(problem: Problem) -> Iterator[Slip]:
    twice = f.smoothed_classes(lambda c, p, e: bce(sigmoid(c), f.softened(p, e)))
    decode = _decoded(lambda c: sigmoid(sigmoid(c)))
    yield Slip("double-sigmoid-everywhere", "decode", "σ of the classes is taken twice",
               patching(decode, ("_objects", twice)), rank=0)  # fmt: skip
    logs = of_probability(_logs, _d_logs)
    eps = getattr(problem.config, "label_smoothing", 0.0)
    soft = lambda c, p: logs(c, f.softened(p, eps))
    yield Slip("binary-cross-entropy-of-softmax", "decode", "classes are a softmax with a binary cross entropy",
               patching(_decoded(softmax), ("_objects", f.classes(soft))))  # fmt: skip
    yield _slip(
        "binary-cross-entropy-of-softmax-in-loss", "a binary cross entropy of the softmax", soft
    )
    yield _slip("classes-absolute", "classes have an absolute error",
                lambda c, p: f.absolute(sigmoid(c) - p))  # fmt: skip
    if eps:
        yield from _of_smoothed(eps)
    softmax_square = of_probability(_square, _d_square)
    yield Slip("softmax-squared", "decode", "classes are a softmax with a squared error, as in v1 and v2",
               patching(_decoded(softmax), ("_objects", f.classes(softmax_square))))  # fmt: skip
    yield _slip("positive-class-twice", "the true class is weighted by 2",
                lambda c, p: bce(c, f.softened(p, eps)) * (1 + p))  # fmt: skip
    yield from _focal(eps)


def _of_smoothed(eps: float) -> Iterator[Slip]:
    yield _slip("classes-absolute-smoothed", "classes have an absolute error",
                lambda c, p: f.absolute(sigmoid(c) - f.softened(p, eps)))  # fmt: skip
    yield _slip("classes-squared-smoothed", "classes have a squared error from smoothed labels",
                lambda c, p: (sigmoid(c) - f.softened(p, eps)) ** 2)  # fmt: skip
    yield _slip("positive-class-only-smoothed", "the true class alone has a cross entropy",
                lambda c, p: p * bce(c, f.softened(p, eps)))  # fmt: skip
    yield _slip("cross-entropy-smoothed", "classes have the cross entropy of a softmax, smoothed",
                lambda c, p: f.cross_entropy(c, f.softened(p, eps)))  # fmt: skip


def _focal(eps: float) -> Iterator[Slip]:
    """|p − p̂|^γ with α for the true class and 1 − α for others, of labels as they are smoothed."""
    for gamma in (2.0, 1.5, 1.0):
        for alpha in (None, 0.25, 0.75):
            if gamma == 2 and alpha is None and not eps:
                continue  # focal-classes
            a, b = (1.0, 1.0) if alpha is None else (alpha, 1 - alpha)

            def of(c: Any, p: Any, k: float = gamma, a: float = a, b: float = b) -> Any:
                goal = f.softened(p, eps)
                far = f.power(f.absolute(sigmoid(c) - goal), k)
                return bce(c, goal) * far * (goal * a + (1 - goal) * b)

            words = f", α = {alpha}" if alpha else ""
            yield _slip(f"focal-classes-{gamma:g}{f'-alpha-{alpha}' if alpha else ''}",
                        f"classes have a focal loss, γ = {gamma:g}{words}", of)  # fmt: skip


# Smoothed labels.


def _smoothed(problem: Problem, squared: bool) -> Iterator[Slip]:
    k = problem.num_classes
    for eps in (0.1, 0.01, 0.05, 0.2):
        goals: dict[str, tuple[str, Callable[[Any], Any]]] = {
            "over-k": ("ε/K", lambda p, e=eps: p * (1 - e) + e / k),
            "half": ("ε/2", lambda p, e=eps: p * (1 - e) + e / 2),
            "over-others": ("ε/(K − 1) of the others", lambda p, e=eps: p * (1 - e) + (1 - p) * (e / max(k - 1, 1))),
            "positive-only": ("nothing: the true class has 1 − ε", lambda p, e=eps: p * (1 - e)),
        }  # fmt: skip
        for name, (text, goal) in goals.items():
            if not squared and name in ("over-k", "half"):
                continue  # an option, or with the options
            of = _of_goal(squared, goal)
            yield _slip(f"smoothing-{name}-{eps}", f"labels are smoothed by {text}, ε = {eps}", of)


def _of_goal(squared: bool, goal: Callable[[Any], Any]) -> Of:
    square = of_probability(_square, _d_square)
    if squared:
        return lambda c, p: square(c, goal(p))
    return lambda c, p: bce(c, goal(p))
