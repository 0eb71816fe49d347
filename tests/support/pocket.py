"""A pocket calculator that shares no line with the package's, and the steps of printed pages."""

import math
import re
from typing import NamedTuple

import numpy as np

NUMBER = r"\d+(?:\.\d+)?(?:e−?\d+)?"
SIGNS = {"−": "-", "·": "*", "²": "**2", "√": "sqrt"}


def _exp(t):
    return math.exp(t) if t < 700 else math.inf


def _ln(v):
    return math.log(v) if v > 0 else -math.inf if v == 0 else math.nan


KEYS = {
    "exp": _exp,
    "ln": _ln,
    "atan": math.atan,
    "sqrt": math.sqrt,
    "floor": math.floor,
    "min": lambda a, b: float(np.minimum(a, b)),
    "max": lambda a, b: float(np.maximum(a, b)),
    "softplus": lambda t: math.log1p(_exp(t)) if t < 30 else t,
    "σ": lambda t: 1 / (1 + _exp(-t)),
    "π": math.pi,
    "inf": math.inf,
    "nan": math.nan,
}


def evaluate(text):
    for sign, python in SIGNS.items():
        text = text.replace(sign, python)
    return float(eval(text, {"__builtins__": {}}, KEYS))


class Line(NamedTuple):
    """symbol = … = numbers = result."""

    symbol: str
    numbers: str
    result: str

    def fault(self):
        """What a calculator says against it, or None."""
        got, said = evaluate(self.numbers), evaluate(self.result)
        if got == said or abs(got - said) <= self.tolerance():
            return None
        return f"{self.symbol} = {self.numbers} = {self.result}, a calculator says {got!r}"

    def tolerance(self):
        """One unit of the fifth digit, and half of one of the sixth that the result is cut at.

        Where numbers have all digits of float64, also what float64 itself rounds.
        """
        said = abs(evaluate(self.result))
        unit = 10.0 ** (math.floor(math.log10(said)) - 4) if said else 0.0
        numbers = re.findall(NUMBER, self.numbers)
        exact = any(len(re.sub(r"^0\.0*|\D", "", number)) >= 15 for number in numbers)
        rounding = 1.1e-13 * max(map(evaluate, numbers)) if exact or not said else 0.0
        return max(1.051 * unit, rounding)


def steps_of_text(text):
    """The steps of terminal text: lines that go on stand further in than those that begin."""
    joined = []
    for line in text.splitlines():
        if line.startswith("    "):
            joined[-1] += " " + line.strip()
        elif line.startswith("  "):
            joined.append(line.strip())
    rows = [re.sub(r"\s+= ", " = ", line).split("   ") for line in joined]
    parts = [row[0].split(" = ") for row in rows if len(row) == 1]
    return [Line(p[0], p[-2], p[-1]) for p in parts if len(p) > 2]


def steps_of_markdown(text):
    """The rows of its tables."""
    rows = re.findall(r"(?m)^\| `(.*)` \| `(.*)` \| `(.*)` \| `(.*)` \|$", text)
    return [Line(symbol, numbers, result) for symbol, _, numbers, result in rows]


def looked_up(text):
    """Numbers of terminal text that no formula gives, the last of each symbol."""
    pairs = re.findall(r"(?m)(?:^  |   )([^\s=]+) = (−?" + NUMBER + r"|nan|−?inf)(?=   |$)", text)
    return {symbol: evaluate(value) for symbol, value in pairs}
