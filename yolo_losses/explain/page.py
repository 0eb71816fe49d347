"""An explanation as terminal text and as Markdown."""

import re
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from .book import Section, Step

WIDTH = 80
INDENT = "  "
GAP = "   "  # between numbers that were looked up


class ObjectTerms(NamedTuple):
    """What one truth costs: sums over the predictors that it holds, weighted by λ, float64."""

    box: float
    obj: float
    cls: float


@dataclass(frozen=True)
class Explanation:
    """One truth's way through a loss.

    Attributes
    ----------
    title : str
    sections : tuple of Section
        Title, equations in LaTeX, sentences, and steps: symbol = formula = numbers = result.
    terms : ObjectTerms
        box, obj and cls of the truth: its part of the terms of the image.
    """

    title: str
    sections: tuple[Section, ...]
    terms: ObjectTerms

    def __str__(self) -> str:
        """The text, 80 columns wide."""
        return self.text()

    def text(self, width: int = WIDTH) -> str:
        """Text for a terminal of so many columns, at least 40."""
        width = max(width, 40)
        lines = [*_wrapped(self.title, width), "═" * min(columns(self.title), width)]
        for section in self.sections:
            lines += ["", *_wrapped(section.title, width)]
            lines += ["─" * min(columns(section.title), width)]
            for sentence in section.sentences:
                lines += _wrapped(sentence, width)
            lines += _steps(section.steps, width)
        return "\n".join(lines) + "\n"

    def markdown(self) -> str:
        """Markdown with tables and LaTeX equations, as code hosts draw it."""
        blocks = [f"# {_escaped(self.title)}"]
        for section in self.sections:
            blocks.append(f"## {_escaped(section.title)}")
            blocks += map(_escaped, section.sentences)
            blocks += [f"$$\n{equation}\n$$" for equation in section.equations]
            for looked_up, group in groupby(section.steps, key=_is_given):
                steps = list(group)
                blocks.append(_code_list(steps) if looked_up else _table(steps))
        return "\n\n".join(blocks) + "\n"


def columns(text: str) -> int:
    """Columns of a terminal that a text takes: a hat takes none."""
    return len(text) - sum(map(bool, map(unicodedata.combining, text)))


def _is_given(step: Step) -> bool:
    return not step.formula


# Text.


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=True, break_on_hyphens=False)


def _steps(steps: Sequence[Step], width: int) -> Iterator[str]:
    """Lines; a formula that differs from an earlier one in indices alone is left out."""
    widest = max((columns(s.symbol) for s in steps if s.formula), default=0)
    seen: set[str] = set()
    for looked_up, group in groupby(steps, key=_is_given):
        if looked_up:
            yield from _in_rows([f"{s.symbol} = {s.result}" for s in group], width)
            continue
        for step in group:
            kind = re.sub(r"_\d+", "_k", step.formula)
            yield from _step(step._replace(formula="") if kind in seen else step, widest, width)
            seen.add(kind)


def _in_rows(items: Sequence[str], width: int) -> Iterator[str]:
    """Items beside one another, as many as fit."""
    row = INDENT + items[0]
    for item in items[1:]:
        if columns(row + GAP + item) > width:
            yield row
            row = INDENT + item
        else:
            row += GAP + item
    yield row


def _step(step: Step, widest: int, width: int) -> Iterator[str]:
    """A step on one line, or a line for each of its expressions."""
    head = INDENT + step.symbol + " " * (widest - columns(step.symbol)) + " = "
    formula = [step.formula] * (step.formula not in ("", step.numbers))
    texts = [*formula, step.numbers, step.result]
    line = head + " = ".join(texts)
    if columns(line) <= width:
        yield line
        return
    indent = " " * (columns(head) - 2)
    *others, last = texts
    for k, text in enumerate(others):
        rows = _broken(text, width - columns(head))
        yield (head if k == 0 else f"{indent}= ") + rows[0]
        yield from (f"{indent}  {INDENT}{row}" for row in rows[1:])
    yield f"{indent}= {last}"


def _broken(text: str, width: int) -> list[str]:
    """An expression in lines, broken at its spaces; all but the first stand further in."""
    rows, room = [""], width
    for word in text.split(" "):
        longer = f"{rows[-1]} {word}" if rows[-1] else word
        if rows[-1] and columns(longer) > room:
            rows.append(word)
            room = width - len(INDENT)
        else:
            rows[-1] = longer
    return rows


# Markdown.


def _escaped(text: str) -> str:
    """Text that means nothing to Markdown; an underscore inside a word already does not."""
    text = re.sub(r"([\\`*<>|\[\]$~#])", r"\\\1", text)
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)


def _code_list(steps: Sequence[Step]) -> str:
    return ", ".join(f"`{s.symbol} = {s.result}`" for s in steps)


def _table(steps: Sequence[Step]) -> str:
    rows = ["| | formula | with its numbers | result |", "|---|---|---|---|"]
    for step in steps:
        cells = (f"`{text}`" for text in step)
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)
