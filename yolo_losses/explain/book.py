"""Writing down a calculation so that its reader can repeat it.

A number has one printed form wherever it stands. It has six significant digits, and more where a
step that uses it needs them: every expression, evaluated with its numbers as printed, gives its
result to within one unit of the fifth digit.
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from .calculator import DIGITS, MOST, calculate, number, printed

SURE = 5  # significant digits of a result that a calculator finds again
HAT = "\u0302"  # put behind a letter
ROUNDING = 1e-13  # of the largest number in an expression: what float64 itself leaves open
# a name may have a hat, a combining letter; ² belongs to it if it was given that name
NAME = re.compile(r"(?<![\w\u0302.])(?!\d)((?:(?!²)[\w\u0302])+)(²?)")

_calculate = lru_cache(maxsize=4096)(calculate)


class Step(NamedTuple):
    """One line of a calculation: symbol = formula = numbers = result.

    `formula` and `numbers` are empty where the result is a number that was looked up.
    """

    symbol: str
    formula: str
    numbers: str
    result: str


class Section(NamedTuple):
    """A part of an explanation.

    `equations` are what is computed here, in LaTeX.
    """

    title: str
    equations: tuple[str, ...]
    sentences: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(eq=False)
class Quantity:
    """A number with the digits that it is printed with."""

    value: float
    digits: int = DIGITS

    def __str__(self) -> str:
        return printed(self.value, self.digits)

    @property
    def exact(self) -> bool:
        """Whether more digits change nothing."""
        return self.digits >= MOST or number(str(self)) == self.value


class _Line(NamedTuple):
    """A step before its digits are settled."""

    symbol: str
    formula: str
    operands: dict[str, Quantity]
    result: Quantity

    def numbers(self) -> str:
        return substitute(self.formula, {name: str(q) for name, q in self.operands.items()})

    def holds(self) -> bool:
        """Whether the numbers as printed give the result."""
        got, wanted = _calculate(self.numbers()), self.result.value
        if got == wanted or (math.isnan(got) and math.isnan(wanted)):
            return True
        if not all(math.isfinite(q.value) for q in self.operands.values()):
            return not math.isfinite(wanted)  # inf − inf: what is left depends on the order
        gap = abs(got - wanted)
        if gap <= _unit(wanted):
            return True
        largest = max((abs(q.value) for q in self.operands.values()), default=1.0)
        return gap <= ROUNDING * largest and not self._open()

    def _open(self) -> list[Quantity]:
        """The numbers that have more digits than are printed."""
        return [q for q in self.operands.values() if not q.exact]

    def refine(self) -> None:
        """One more digit for every number that has more."""
        if not self._open():
            msg = f"{self.symbol} = {self.numbers()} does not give {self.result.value!r}"
            raise ArithmeticError(msg)
        for q in self._open():
            q.digits += 1


def _unit(v: float) -> float:
    """One in the last sure digit of a number."""
    if v == 0 or not math.isfinite(v):
        return 0.0
    return 10.0 ** (math.floor(math.log10(abs(v))) - SURE + 1)


def substitute(formula: str, numbers: Mapping[str, str]) -> str:
    """A formula with numbers for names; negative ones in parentheses where signs would meet."""

    def put(match: re.Match[str]) -> str:
        name, square = match.groups()
        if name + square in numbers:
            name, square = name + square, ""
        if name not in numbers:
            return match[0]  # a function, or π
        text, before = numbers[name], formula[: match.start()]
        free = (not before or before.endswith(("(", ", "))) and not square
        return (text if free or not text.startswith("−") else f"({text})") + square

    return NAME.sub(put, formula)


@dataclass(eq=False)
class _Draft:
    """A section before its digits are settled."""

    title: str
    equations: tuple[str, ...]
    sentences: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    lines: list[_Line] = field(default_factory=list)


class Book:
    """Sections of a calculation, and the numbers that its symbols stand for at the moment."""

    def __init__(self) -> None:
        self._names: dict[str, Quantity] = {}
        self._drafts: list[_Draft] = []

    def section(self, title: str, *equations: str) -> None:
        """Begin a section."""
        self._drafts.append(_Draft(title, equations))

    def say(self, template: str, **values: Any) -> None:
        """A sentence; `values` replace the names in braces when all digits are settled."""
        self._drafts[-1].sentences.append((template, values))

    def __getitem__(self, symbol: str) -> Quantity:
        """What a symbol stands for."""
        return self._names[_composed(symbol)]

    def let(self, symbol: str, value: float) -> Quantity:
        """A number that needs no line of its own."""
        found = self._names[_composed(symbol)] = Quantity(float(value))
        return found

    def given(self, **values: float) -> None:
        """Numbers that were looked up, by symbol."""
        for symbol, value in values.items():
            self._add(_Line(_composed(symbol), "", {}, self.let(symbol, value)))

    def step(self, symbol: str, formula: str, value: float | None = None) -> Quantity:
        """A number that a formula of earlier ones gives: the package's value, or else its own."""
        symbol, formula = _composed(symbol), _composed(formula)
        found = {name for pair in NAME.findall(formula) for name in (pair[0], "".join(pair))}
        operands = {name: self[name] for name in sorted(found & self._names.keys())}
        if value is None:
            exact = {name: printed(q.value, MOST) for name, q in operands.items()}
            value = calculate(substitute(formula, exact))
        result = self.let(symbol, value)
        self._add(_Line(symbol, formula, operands, result))
        return result

    def _add(self, line: _Line) -> None:
        self._drafts[-1].lines.append(line)

    def sections(self) -> tuple[Section, ...]:
        """The sections, with as many digits as their steps need."""
        lines = [line for draft in self._drafts for line in draft.lines if line.formula]
        while loose := [line for line in lines if not line.holds()]:
            for line in loose:
                line.refine()
        return tuple(map(_settled, self._drafts))


def _composed(text: str) -> str:
    """Letters with their hats in one code point where there is one, so that names are equal."""
    return unicodedata.normalize("NFC", text)


def _settled(draft: _Draft) -> Section:
    sentences = (template.format(**values) for template, values in draft.sentences)
    steps = (Step(k.symbol, k.formula, k.numbers(), str(k.result)) for k in draft.lines)
    return Section(draft.title, draft.equations, tuple(sentences), tuple(steps))


def beside(q: Quantity, threshold: float) -> Quantity:
    """The same number with enough digits to show on which side of a threshold it lies."""
    while not q.exact and _side(number(str(q)), threshold) != _side(q.value, threshold):
        q.digits += 1
    return q


def _side(v: float, threshold: float) -> int:
    return (v > threshold) - (v < threshold)
