"""Which term of a loss pulls how hard on a network that knows nothing yet.

A fresh network gives raw outputs near 0 everywhere: Ĉ = ½ in every cell, most of which hold no
object. YOLOv1 (Redmon et al. 2016, section 2.2) says that their confidence then overpowers the
gradient of the cells that do, and remedies it by λ_coord = 5, λ_noobj = 0.5. Here the gradient of
each term by itself is measured, with all λ = 1 and with the published ones.
"""

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from ..demo.versions import Case, argument, cases, random_raw
from ..targets import Targets, pad_targets
from ..terms import LossTerms, pull_back

SCALE = 0.01  # standard deviation of the raw outputs
TERMS = LossTerms._fields


class Pull(NamedTuple):
    """The gradients of the terms of one loss.

    Attributes
    ----------
    version : str
    published : bool
        Whether λ are the published ones; else all are 1.
    norm : dict of float, by term
        The Euclidean norm of the term's gradient with respect to all raw outputs of the batch.
    bias : dict of float, by term
        Its sum over all objectness logits: what the term does to a bias that all cells share. A
        step of descent lowers the bias where it is positive.
    """

    version: str
    published: bool
    norm: dict[str, float]
    bias: dict[str, float]

    @property
    def noobj_over_others(self) -> float:
        """The norm of noobj over that of box, obj and cls together; infinite without an object.

        The three share no raw output with one another or with noobj, so their squares add up.
        """
        others = math.hypot(*(self.norm[name] for name in TERMS if name != "noobj"))
        return self.norm["noobj"] / others if others else math.inf


def pulls(targets: Targets, num_classes: int, *, seed: int = 0, scale: float = SCALE) -> list[Pull]:
    """All four losses, with λ = 1 and as published, on raw outputs near 0.

    Parameters
    ----------
    targets : Targets
        (N, T, 4), (N, T), (N, T) of a batch of pictures, network input 416 × 416.
    num_classes : int
        K of the raw outputs.
    seed : int ≥ 0
        Of the raw outputs.
    scale : float
        Standard deviation of the raw outputs, logits.

    Returns
    -------
    list of Pull
        v1 λ = 1, v1 published, v2 λ = 1, and so on.
    """
    out = []
    for case in (c for c in cases() if c.name == c.version):
        raw = random_raw(case, seed, targets.boxes.shape[0], num_classes)
        heads = [scale * x for x in raw]
        out += [_pull(_with_ones(case), heads, targets, False), _pull(case, heads, targets, True)]
    return out


def _with_ones(case: Case) -> Case:
    """The same case with all λ = 1."""
    names = [f.name for f in fields(case.config) if f.name.startswith("lambda_")]
    return case._replace(config=replace(case.config, **dict.fromkeys(names, 1.0)))


def _pull(case: Case, heads: Sequence[np.ndarray], targets: Targets, published: bool) -> Pull:
    of_term = _gradients(case, heads, targets)
    norm = {name: math.sqrt(sum((g**2).sum() for g in grads)) for name, grads in of_term.items()}
    bias = {name: _of_objectness(case.config, grads) for name, grads in of_term.items()}
    return Pull(case.version, published, norm, bias)


def _gradients(
    case: Case, heads: Sequence[np.ndarray], targets: Targets
) -> dict[str, Sequence[np.ndarray]]:
    """The gradient of each term, summed over the batch, one array a head."""
    terms, slopes = case.module.linearise(argument(case.config, heads), targets, case.config)
    ones, zeros = np.ones_like(terms.box), np.zeros_like(terms.box)
    alone = {name: LossTerms(*(ones if k == name else zeros for k in TERMS)) for name in TERMS}
    return {name: pull_back(heads, slopes, by) for name, by in alone.items()}


def _of_objectness(config: Any, grads: Sequence[np.ndarray]) -> float:
    """The sum of a gradient over all t_o: field 4 of every box."""
    num_boxes = getattr(config, "num_boxes", 1)
    return float(sum(g[..., 4 : 5 * num_boxes : 5].sum() for g in grads))


def against_objects(
    boxes: np.ndarray, labels: np.ndarray, num_classes: int, *, seed: int = 0,
    scale: float = SCALE,
) -> dict[int, list[Pull]]:  # fmt: skip
    """`pulls` of one picture with its first 1, 2, 4 … objects, by their number.

    Parameters
    ----------
    boxes, labels : arrays, shape (M, 4), (M,)
        The objects of a picture, centre form, fractions.
    num_classes, seed, scale
        As for `pulls`.
    """
    counts = [2**k for k in range(len(boxes).bit_length()) if 2**k <= len(boxes)]
    first = (pad_targets([boxes[:m]], [labels[:m]]) for m in counts)
    alike = {"num_classes": num_classes, "seed": seed, "scale": scale}
    return {m: pulls(targets, **alike) for m, targets in zip(counts, first, strict=True)}  # type: ignore[arg-type]
