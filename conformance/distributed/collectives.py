"""What a compiled XLA program sends between devices, read from its text (HLO).

An instruction of the text is `%name = type opcode(operands), attributes`; a type is an array
`f32[8,4]{1,0}` or a tuple of types, an operand the name of an instruction above.
"""

import math
import re
from typing import NamedTuple

KINDS = (
    "all-gather", "all-reduce", "all-to-all", "collective-broadcast", "collective-permute",
    "ragged-all-to-all", "recv", "reduce-scatter", "send",
)  # fmt: skip
_NAME = re.compile(r"\s*(?:ROOT )?%?([\w.-]+) = ")
_ARRAY = re.compile(r"\b(?!token\b)[a-z]\w*\[([^\]]*)\]")


class Collective(NamedTuple):
    """One instruction that communicates.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    name : str
        The name of the instruction.
    elements : int
        Of its result or its operands on one device, whichever are more. An asynchronous form has
        both in its result, and a few marks: there it is an upper bound.
    """

    kind: str
    name: str
    elements: int


def collectives(text: str) -> list[Collective]:
    """Every collective of a program, each asynchronous one once, by its start.

    Parameters
    ----------
    text : str
        `jax.jit(f).lower(...).compile().as_text()`.

    Raises
    ------
    ValueError
        A text that is no HLO module.
    """
    if not text.startswith("HloModule"):
        msg = f"collectives: text must be that of a compiled module, got {text[:60]!r}"
        raise ValueError(msg)
    found, sizes = [], dict[str, int]()
    for line in text.splitlines():
        match = _NAME.match(line)
        if match is None:
            continue
        name, end = match[1], _end_of_type(line, match.end())
        sizes[name] = _elements(line[match.end() : end])
        opcode, _, rest = line[end:].strip().partition("(")
        kind = opcode.removesuffix("-start")
        if kind in KINDS:
            operands = re.findall(r"[\w.-]+", rest[: _closing("(" + rest, 0) - 1])
            sent = sum(sizes.get(operand, 0) for operand in operands)
            found.append(Collective(kind, name, max(sizes[name], sent)))
    return found


def _end_of_type(line: str, start: int) -> int:
    """Where a type ends: at its closing parenthesis or before a space."""
    return _closing(line, start) + 1 if line[start] == "(" else line.index(" ", start)


def _closing(line: str, start: int) -> int:
    """The parenthesis that closes the one at `start`."""
    depth = 0
    for k in range(start, len(line)):
        depth += (line[k] == "(") - (line[k] == ")")
        if depth == 0:
            return k
    msg = f"collectives: a parenthesis is not closed in {line[start:][:60]!r}"
    raise ValueError(msg)


def _elements(shape: str) -> int:
    """Elements of all arrays of a type; a dimension `<=8` counts as 8."""
    sizes = ([int(d.strip("<= ")) for d in dims.split(",") if d] for dims in _ARRAY.findall(shape))
    return sum(map(math.prod, sizes))
