"""The demo from end to end."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ..targets import Targets
from . import figures, tables
from .fit import Fit, fit
from .libraries import loss_on, usable
from .objects import Object, objects
from .photographs import Photograph, class_names, photographs, targets
from .versions import INPUT_SIZE, Case, cases, random_raw

Found = list[list[Object]]  # by case


def run(out: Path, seed: int, steps: int, console: Console, progress: Console) -> Found:
    """Compare the libraries, fit every case, print the tables, write the figures into `out`.

    Parameters
    ----------
    out : path of a folder, made where it is missing
    seed : int ≥ 0
        Of the raw outputs.
    steps : int ≥ 0
        Of each fit.
    console, progress : rich consoles
        Where tables and progress go.

    Returns
    -------
    list of lists of Object
        What became of the objects, case by case.
    """
    out.mkdir(parents=True, exist_ok=True)
    pictures = photographs()
    truths = targets(pictures)
    _say(console, pictures, seed)
    _compare(console, truths, seed)
    fits = _fit(progress, truths, seed, steps)
    found = [objects(each, pictures, truths) for each in fits]
    _report(console, fits, found)
    for each, objs in zip(fits, found, strict=True):
        console.print(f"wrote {figures.write(each, objs, pictures, truths, out)}", soft_wrap=True)
    return found


def _say(console: Console, pictures: Sequence[Photograph], seed: int) -> None:
    """What is computed on."""
    names, count = ", ".join(p.name for p in pictures), sum(len(p.objects) for p in pictures)
    console.print(f"Photographs: {names}; {count} objects of {len(class_names())} classes.")
    console.print(f"Network input {INPUT_SIZE} × {INPUT_SIZE}; raw outputs: normal, seed {seed}.\n")


def _raw(case: Case, seed: int, truths: Targets, dtype: type) -> list[np.ndarray]:
    """Seeded raw outputs for the batch of the photographs."""
    raw = random_raw(case, seed, truths.boxes.shape[0], len(class_names()))
    return [x.astype(dtype) for x in raw]


def _compare(console: Console, truths: Targets, seed: int) -> None:
    """One table a version: the terms of the random raw outputs on every library, in float64."""
    found, reasons = usable()
    for case in cases():
        if case.name == case.version:  # v3 without its gate is no version of its own
            raw = _raw(case, seed, truths, np.float64)
            by_library = {name: loss_on(lib, case, raw, truths) for name, lib in found.items()}
            console.print(tables.comparison(case.name, by_library), "")
    console.print("Difference: to NumPy, the largest over libraries, images and heads; float64.")
    for reason in reasons:
        console.print(f"Left out: {reason}.", markup=False)
    console.print()


def _fit(progress: Console, truths: Targets, seed: int, steps: int) -> list[Fit]:
    """Every case, in float32."""
    columns = (TextColumn("fit {task.description}"), BarColumn(), MofNCompleteColumn())
    fits = []
    with Progress(*columns, console=progress) as bars:
        tasks = [(case, bars.add_task(case.name, total=steps)) for case in cases()]
        for case, task in tasks:
            raw = _raw(case, seed, truths, np.float32)
            fits.append(fit(case, raw, truths, steps, partial(bars.advance, task)))
    return fits


def _report(console: Console, fits: Sequence[Fit], found: Found) -> None:
    """What the fits changed, and what became of every object."""
    names = [each.case.name for each in fits]
    console.print(tables.before_and_after(fits), "")
    console.print(tables.each_object(names, found))
    console.print(
        "✓: every predictor that the object holds finds its class the most probable.",
        "In v4 an object may hold several predictors: the lowest IOU of them.",
        *tables.mistaken(names, found, class_names()), "", sep="\n", markup=False,
    )  # fmt: skip
    gated, free = names.index("v3"), names.index("v3 no gate")
    console.print(tables.below_the_gate(fits[gated].case, found[gated], found[free]), "")
    console.print(tables.summary(names, found), "")
