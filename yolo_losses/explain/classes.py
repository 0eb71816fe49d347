"""The class term: what each class costs, and their sum."""

import numpy as np

from ..elementwise import bce, softmax_squared_error
from .book import Book
from .scene import Scene

ALL = 12  # so many classes are listed in full; of more
LISTED = 6  # the true one and the dearest, and the others as one sum
SATURATED = 12.0  # a logit beyond which 1 − σ(t) has few digits on a calculator


def logistic(book: Book, c: np.ndarray, label: int, smoothing: float = 0.0) -> str:
    """−p log p̂ − (1 − p) log(1 − p̂) of each class; returns the formula of their sum."""
    p = np.zeros_like(c)
    p[label] = 1
    yes, no = "1", "0"
    if smoothing:
        p = p * (1 - smoothing) + smoothing / 2
        book.given(ε=smoothing)
        book.step("p_yes", "1 − ε + ε/2", p[label])
        book.step("p_no", "ε/2")
        yes, no = "p_yes", "p_no"
    costs = bce(c, p)
    for k in _listed(costs, label):
        book.let(f"c_{k}", c[k])
        formula = _cross_entropy(f"c_{k}", c[k], yes if k == label else no)
        book.step(f"cost_{k}", formula, costs[k])
    return _sum(book, costs, label)


def _cross_entropy(c: str, at: float, p: str) -> str:
    """The formula of one class of true probability p."""
    if abs(at) > SATURATED:
        parts = {"1": f"softplus(−{c})", "0": f"softplus({c})"}
        return parts.get(p) or f"{p}·softplus(−{c}) + (1 − {p})·softplus({c})"
    parts = {"1": f"−ln(σ({c}))", "0": f"−ln(1 − σ({c}))"}
    return parts.get(p) or f"−{p}·ln(σ({c})) − (1 − {p})·ln(1 − σ({c}))"


def softmax(book: Book, c: np.ndarray, label: int) -> str:
    """(p − p̂)² of each class, p̂ a softmax; returns the formula of their sum."""
    p = np.zeros_like(c)
    p[label] = 1
    costs = softmax_squared_error(c, p)
    shift = ""
    if np.abs(c).max() > SATURATED:  # the largest logit taken off all changes no p̂
        book.given(m=c.max())
        shift = " − m"
    powers = [f"exp(c_{k}{shift})" for k in range(len(c))]
    for k, v in enumerate(c):
        book.let(f"c_{k}", v)
    if len(c) <= ALL:
        book.step("Z", " + ".join(powers))
    else:
        book.given(Z=np.exp(c - (c.max() if shift else 0)).sum())
    for k in _listed(costs, label):
        book.step(f"cost_{k}", f"({1 if k == label else 0} − {powers[k]} / Z)²", costs[k])
    return _sum(book, costs, label)


def _listed(costs: np.ndarray, label: int) -> list[int]:
    """The classes that get a line."""
    if len(costs) <= ALL:
        return list(range(len(costs)))
    dearest = [int(k) for k in np.argsort(-costs) if k != label]
    return sorted([label, *dearest[: LISTED - 1]])


def _sum(book: Book, costs: np.ndarray, label: int) -> str:
    """The formula of the sum, the classes without a line as one number."""
    listed = _listed(costs, label)
    names = [f"cost_{k}" for k in listed]
    if len(listed) < len(costs):
        book.given(cost_others=np.delete(costs, listed).sum())
        names.append("cost_others")
    return " + ".join(names)


def times(weight: str, costs: str) -> str:
    """The formula of a weighted sum."""
    return f"{weight}·({costs})" if " + " in costs else f"{weight}·{costs}"


def say(book: Book, scene: Scene) -> None:
    """Which class is true, and which have a line."""
    label = int(scene.chosen.truths.label[0, scene.truth])
    book.say("p = 1 for class {label}, 0 for the others.", label=scene.class_of(label))
    if scene.num_classes > ALL:
        book.say("Of {num} classes the true one and the {dearest} dearest have a line; cost_others "
                 "is the sum of the rest.", num=scene.num_classes, dearest=LISTED - 1)  # fmt: skip


def log_loss(t: str, at: float) -> str:
    """−log(1 − σ(t))."""
    return f"softplus({t})" if abs(at) > SATURATED else f"(−ln(1 − σ({t})))"
