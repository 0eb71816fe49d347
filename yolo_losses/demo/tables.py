"""The tables of the demo and the command line, as rich draws them."""

from collections.abc import Mapping, Sequence

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from ..terms import LossTerms
from .fit import Fit
from .libraries import TERMS, differences
from .objects import GOAL, Object
from .versions import INPUT_SIZE, Case


def table(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    """An empty table: columns of words, then columns of numbers."""
    out = Table(
        title=Text(title, "bold"), title_justify="left",
        box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0),
    )  # fmt: skip
    for name in words:
        out.add_column(Text(name), overflow="fold")
    for name in numbers:
        out.add_column(Text(name), justify="right", no_wrap=True)
    return out


def short(value: float) -> str:
    """A term in at most eight characters."""
    return f"{value:.0f}" if 1000 <= value < 1e8 else f"{value:.3g}"


def sums(terms: LossTerms) -> list[float]:
    """The terms and the total, summed over images and heads."""
    return [float(np.sum(getattr(terms, name))) for name in TERMS]


def comparison(name: str, by_library: Mapping[str, LossTerms]) -> Table:
    """The terms of one version on all libraries, side by side; the first is the reference."""
    heads = [library.replace("array-api-", "array-api\n") for library in by_library]
    out = table(f"{name}, sums over the batch", ["term"], [*heads, "largest rel.\ndifference"])
    reference, *others = by_library.values()
    gaps = [differences(terms, reference) for terms in others]
    columns = zip(*map(sums, by_library.values()), strict=True)
    for term, values in zip(TERMS, columns, strict=True):
        largest = max((gap[term] for gap in gaps), default=0.0)
        out.add_row(term, *(f"{v:.9g}" for v in values), f"{largest:.1e}")
    return out


def before_and_after(fits: Sequence[Fit]) -> Table:
    """The terms of each fit on both ends, summed over the batch."""
    out = table("The fit, sums over the batch", ["version", ""], TERMS)
    for fit in fits:
        out.add_row(fit.case.name, "before", *map(short, sums(fit.before)))
        out.add_row("", "after", *map(short, sums(fit.after)), end_section=True)
    return out


def each_object(names: Sequence[str], found: Sequence[Sequence[Object]]) -> Table:
    """The IOU of every object in each case; `found` holds the objects of each case."""
    heads = [name.replace(" ", "\n", 1) for name in names]
    out = table("IOU of the decoded box of each object", ["picture", "object"], heads)
    rows = list(zip(*found, strict=True))
    for k, row in enumerate(rows):
        picture, before = row[0].picture, rows[k - 1][0].picture if k else ""
        shown = "" if picture == before else picture
        last = k + 1 == len(rows) or rows[k + 1][0].picture != picture
        out.add_row(shown, Text(row[0].name), *map(_verdict, row), end_section=last)
    return out


def _verdict(found: Object) -> Text:
    """IOU and class of an object in one cell."""
    if found.iou is None:
        return Text("lost" if found.lost_to else "none", "red")
    good = found.iou > GOAL and found.right
    return Text(f"{found.iou:.3f} {'✓' if found.right else '✗'}", "" if good else "red")


def mistaken(
    names: Sequence[str], found: Sequence[Sequence[Object]], classes: Sequence[str]
) -> list[str]:
    """A line for each object that a responsible predictor gives another class."""
    return [
        f"{name}: {obj.picture}: {obj.name} is taken for {_wrong(obj, classes)}"
        for name, all_of_case in zip(names, found, strict=True)
        for obj in all_of_case
        if not obj.right
    ]


def _wrong(found: Object, classes: Sequence[str]) -> str:
    """The classes that an object is taken for."""
    labels = sorted({said.label for said in found.predictions if not said.right})
    return ", ".join(classes[label] for label in labels)


def below_the_gate(case: Case, with_gate: Sequence[Object], without: Sequence[Object]) -> Table:
    """The objects whose coordinates the gate of v3 leaves out of the loss, and why."""
    gate = case.config.coord_iou_threshold
    title = f"What the gate of v3 leaves unfitted: IOU_anchor^truth not above {gate}"
    numbers = ["size, px", "best prior", "IOU_anchor^truth", "with gate", "without"]
    out = table(title, ["object"], numbers)
    for gated, free in zip(with_gate, without, strict=True):
        if gated.best.iou_anchor <= gate:
            pw, ph = case.config.anchors[case.config.masks[gated.best.head][gated.best.anchor]]
            w, h = gated.box[2:] * INPUT_SIZE
            ious = (f"{gated.best.iou_anchor:.3f}", str(_verdict(gated)), str(_verdict(free)))
            name = Text(f"{gated.picture}: {gated.name}")
            out.add_row(name, f"{w:.0f} × {h:.0f}", f"{pw} × {ph}", *ious)
    return out


def summary(names: Sequence[str], found: Sequence[Sequence[Object]]) -> Table:
    """How many objects of each case hold a predictor, and how well these fit."""
    numbers = ["objects", "hold a\npredictor", "worst\nIOU", f"IOU\n> {GOAL}", "right\nclass"]
    out = table("Goals", ["version"], numbers)
    out.add_column("lost to a\ncollision")
    for name, all_of_case in zip(names, found, strict=True):
        held = [obj for obj in all_of_case if obj.iou is not None]
        ious = [obj.iou for obj in held if obj.iou is not None]
        fitted, right = sum(v > GOAL for v in ious), sum(obj.right for obj in held)
        worst = f"{min(ious, default=0):.4f}"
        counts = (str(len(all_of_case)), str(len(held)), worst, str(fitted), str(right))
        out.add_row(name, *counts, Text("; ".join(_lost(all_of_case)) or "none"))
    return out


def _lost(found: Sequence[Object]) -> list[str]:
    """Who holds no predictor, and who holds the one that it asked for."""
    return [
        f"{obj.picture}: {obj.name} (to {obj.lost_to})"
        for obj in found
        if obj.lost_to and not obj.predictions
    ]
