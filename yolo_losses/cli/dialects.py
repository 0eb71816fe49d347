"""`yolo-losses dialects` and `yolo-losses explain-difference`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click
import numpy as np

from ..demo.versions import MODULES, argument, by_head
from ..dialects import difference
from ..dialects.difference import Assigned, Group
from ..dialects.registry import DIALECTS, Dialect, departures
from ..targets import Targets
from .group import fail, failures, main, need
from .inputs import batch_of, config_of, of_labels, setting


@main.command()
def dialects() -> None:
    """List the programs whose losses are restated, beside the formula that they depart from.

    What each computes stands in the docstring of its module, and term by term in
    yolo_losses/dialects/README.md.
    """
    need("cli", "the table", "rich")
    from rich.console import Console

    from ..demo.tables import table

    out = table("Modules of yolo_losses.dialects", ["formula", "module", "gives", "program"], [])
    for d in DIALECTS.values():
        out.add_row(d.version, d.name, d.gives, d.program)
    Console().print(out, highlight=False)
    click.echo("\nslopes: deltas(raw, truths, options); loss: loss(raw, targets, options)")


@main.command("explain-difference")
@click.argument("version", type=click.Choice(list(MODULES)))
@click.argument("name", metavar="DIALECT", type=click.Choice(list(DIALECTS)))
@click.option("--raw", required=True, metavar="FILE.npz", help="Raw outputs.")
@click.option("--labels", required=True, metavar="LABELS", help="Of any format.")
@of_labels
@click.option("--preset", metavar="NAME", help="Published configuration, of the formula.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change the preset.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="Of the dialect.")
def explain_difference(
    version: str, name: str, raw: str, labels: str, preset: str | None,
    settings: tuple[str, ...], options: tuple[str, ...], **of_set: str | None,
) -> None:  # fmt: skip
    """Which terms a program computes otherwise than the formula, by how much, and why.

    Files, labels, presets and --set as for `yolo-losses loss`. The options of the dialect follow
    from the config; what the formula does not know has its published value, and --option changes
    it.

    Compared are the gradients by the raw outputs, since darknet has no loss. A program's loss on
    PyTorch is differentiated by PyTorch.

    \b
    Example:
      yolo-losses explain-difference v3 darknet_v3 --raw heads.npz --labels labels \\
          --set ignore_by=prediction
    """
    need("cli", "the table", "rich")
    dialect = DIALECTS[name]
    if version not in (dialect.version, *dialect.also):
        fail(f"{name} is a dialect of {dialect.version}, not of {version}")
    dialect = dialect._replace(version=version)
    with failures():
        config = config_of(version, preset, settings)
        _, heads, targets, _ = batch_of(version, config, raw, labels, **of_set)
        heads = [x.astype(np.float64) for x in heads]
        given = _options(dialect, config, heads, options)
        with np.errstate(all="ignore"):
            pairs = _gradients(dialect, config, heads, targets, given)
    _print(dialect, *difference.groups(*pairs, getattr(config, "num_boxes", None)))


def _options(
    dialect: Dialect, config: Any, heads: Sequence[np.ndarray], changes: Sequence[str]
) -> list[Any]:
    """Of each head; those that fit the config, with the caller's changes."""
    found = difference.options_of_head(dialect.name, dialect.module, config, heads)
    changed = dict(setting(text, type(found[0]), "--option") for text in changes)
    return [replace(each, **changed) for each in found]


def _gradients(
    dialect: Dialect, config: Any, heads: list[np.ndarray], targets: Targets, options: list[Any]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Of the formula and of the dialect, one array a head."""
    module = MODULES[dialect.version]
    _, grads = module.loss_and_grad(argument(config, heads), targets, config)
    return list(by_head(grads)), GRADIENT[dialect.gives](dialect, heads, targets, options)


def _of_slopes(
    dialect: Dialect, heads: list[np.ndarray], targets: Targets, options: list[Any]
) -> list[np.ndarray]:
    boxes, labels, valid = targets.boxes, targets.labels, targets.objects
    rows = np.concatenate([boxes, labels[..., None]], axis=-1) * valid[..., None]
    return list(difference.slopes(dialect.name, dialect.module, options, heads, rows))


def _of_loss(
    dialect: Dialect, heads: list[np.ndarray], targets: Targets, options: list[Any]
) -> list[np.ndarray]:
    need("torch", f"the gradient of {dialect.name}", "torch")
    import torch

    raw = [torch.from_numpy(x).requires_grad_() for x in heads]
    gt = Targets(*map(torch.from_numpy, targets))
    arranged = difference.arranged(dialect.name, raw)
    dialect.module.loss(arranged, gt, options[0]).total.backward()
    return [np.zeros(x.shape) if x.grad is None else x.grad.numpy() for x in raw]


GRADIENT = {"slopes": _of_slopes, "loss": _of_loss}


# Output.

NAMES = {
    "x y": "x y", "w h": "w h", "obj": "objectness, assigned", "noobj": "objectness, others",
    "cls": "classes",
}  # fmt: skip


def _print(dialect: Dialect, found: Sequence[Group], assigned: Assigned) -> None:
    """The table, the reasons, the counts."""
    from rich.console import Console

    from ..demo.tables import table

    console = Console()
    numbers = ["Σ |formula|", "Σ |program|", "× formula", "differ", "largest"]
    out = table(f"Gradients: the formula of {dialect.version} and {dialect.name}", ["of"], numbers)
    for g in found:
        ratio = "" if np.isnan(g.ratio) else f"{g.ratio:.4g}"
        row = (f"{g.formula:.6g}", f"{g.dialect:.6g}", ratio, f"{g.apart}", f"{g.largest:.1e}")
        out.add_row(NAMES[g.name], *row)
    console.print(out)
    for line in _sentences(dialect, found, assigned):
        console.print(line, highlight=False, markup=False)


def _sentences(dialect: Dialect, found: Sequence[Group], assigned: Assigned) -> list[str]:
    """What was counted, where slopes differ, and what the program's docstring says of it."""
    a, name, reasons = assigned, dialect.name, departures(DIALECTS[dialect.name])
    lines = [
        f"\nPredictors with an object: {a.both} in both, {a.formula_alone} in the formula alone, "
        f"{a.dialect_alone} in {name} alone. Left alone of the others: {a.formula_ignores} by the "
        f"formula, {a.dialect_ignores} by {name}.\n",
    ]
    apart = [g for g in found if not g.agrees]
    lines += [f"{NAMES[g.name]}: the same." for g in found if g.agrees]
    lines += [_where(g) for g in apart]
    topics = [t for t in reasons if any(t in difference.TOPICS[g.name] for g in apart)]
    if topics:
        lines += [f"\nWhat {name} computes otherwise:"]
    return lines + [f"  {topic}: {reasons[topic]}" for topic in topics]


def _where(g: Group) -> str:
    """The largest difference of a group."""
    head, image, row, col, predictor, *_ = g.place
    formula, program = g.values
    return (
        f"{NAMES[g.name]}: {g.apart} differ, most at image {image}, head {head}, row {row}, "
        f"col {col}, predictor {predictor}: {formula:.6g} and {program:.6g}."
    )
