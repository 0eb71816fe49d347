"""A pocket calculator: what an expression gives with its numbers as they are printed."""

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": np.exp,
    "ln": np.log,
    "atan": np.arctan,
    "sqrt": np.sqrt,
    "floor": np.floor,
    "min": np.minimum,
    "max": np.maximum,
    "σ": lambda t: 1 / (1 + np.exp(-t)),
    "softplus": lambda t: np.maximum(t, 0) + np.log1p(np.exp(-np.abs(t))),
}
CONSTANTS = {"π": np.float64(math.pi), "nan": np.float64("nan"), "inf": np.float64("inf")}
OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
}
SPELLING = {"−": "-", "·": "*", "²": "**2", "√": "sqrt"}


def calculate(text: str) -> float:
    """The value of an expression, float64.

    Parameters
    ----------
    text : str
        Numbers, π, + − · / ², parentheses, √ exp ln atan floor min max, σ(t) = 1 / (1 + exp(−t))
        and softplus(t) = ln(1 + exp(t)). What overflows is inf, what is not defined nan.

    Raises
    ------
    SyntaxError, KeyError
        Anything else.
    """
    for sign, python in SPELLING.items():
        text = text.replace(sign, python)
    with np.errstate(all="ignore"):
        return float(_value(ast.parse(text, mode="eval").body))


def _value(node: ast.AST) -> Any:
    match node:
        case ast.Constant(int() | float() as number):
            return np.float64(number)
        case ast.Name(name):
            return CONSTANTS[name]
        case ast.BinOp(left, sign, right):
            return OPERATORS[type(sign)](_value(left), _value(right))
        case ast.UnaryOp(sign, operand):
            return OPERATORS[type(sign)](_value(operand))
        case ast.Call(ast.Name(name), arguments):
            return FUNCTIONS[name](*map(_value, arguments))
    msg = f"no calculator has {ast.dump(node)}"
    raise SyntaxError(msg)


# Printed numbers.

DIGITS = 6  # significant ones, if nothing asks for more
MOST = 17  # tell any two numbers of float64 apart


def printed(v: float, digits: int = DIGITS) -> str:
    """A number with so many significant digits, zeros at the end left out, −1.5e−7 for small ones.

    Whole numbers below ten million are printed in full.
    """
    if not math.isfinite(v):
        return str(v).replace("-", "−")
    if v == int(v) and abs(v) < 1e7:
        return str(int(v)).replace("-", "−")
    text = f"{v:.{digits - 1}e}"
    mantissa, exponent = text.split("e")
    if -5 < int(exponent) < 7:
        return _short(f"{v:.{max(0, digits - 1 - int(exponent))}f}")
    return _short(mantissa) + f"e{int(exponent)}".replace("-", "−")


def number(text: str) -> float:
    """The number that was printed."""
    return float(text.replace("−", "-"))


def _short(text: str) -> str:
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")
