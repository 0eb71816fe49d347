"""The walk through YOLOv4."""

from typing import Any

from .. import v4
from ..matching import Assignment
from . import anchors, others, overlap, walk
from .book import HAT, Book, Quantity, beside
from .of_v3 import CLS, NOOBJ, OBJ
from .overlap import of_pixels
from .scene import Predictor, Scene
from .walk import Turn

DECODE = r"\hat x = s \sigma(t_x) - \frac{s - 1}{2} + c_x \quad " \
    r"\hat y = s \sigma(t_y) - \frac{s - 1}{2} + c_y \quad " \
    r"\hat w = p_w e^{t_w} \quad \hat h = p_h e^{t_h}"  # fmt: skip
SMOOTHED = r"p(c) \to p(c) (1 - \varepsilon) + \frac{\varepsilon}{2}"


def constants(scene: Scene, found: Assignment) -> tuple[Assignment, Any]:
    """The assignment and the truth."""
    return found, v4._truth(found, scene.config)


def write(book: Book, scene: Scene) -> list[str]:
    """The sections; returns the symbols of the terms."""
    ious = anchors.anchors(book, scene)
    anchors.say_best(book, scene, ious)
    _say_who(book, scene, ious)
    names = walk.each_predictor(book, scene, _responsible)
    others.neighbours(book, scene, "λ_obj", NOOBJ)
    others.ignored(book, scene)
    return names


def _say_who(book: Book, scene: Scene, ious: dict[int, Quantity]) -> None:
    """Which anchors it asks for, and why."""
    threshold, literal = scene.config.assign_iou_threshold, scene.config.assign == "intersection"
    above = [k for k in ious if ious[k].value > threshold]
    listed = ", ".join(f"{scene.anchor_of(k)} with {{iou_{k}}}" for k in above)
    rule = "the best, and only if it is" if literal else "the best, and every one"
    book.say(f"Responsible is {rule} above {threshold}. Above it: {listed or 'none'}.",
             **{f"iou_{k}": beside(iou, threshold) for k, iou in ious.items()})  # fmt: skip


def _responsible(book: Book, scene: Scene, p: Predictor, turn: Turn) -> None:
    """Decode and the terms of one predictor that it holds."""
    name = scene.config.similarity
    book.section(turn.title("What it says"), DECODE)
    book.say("{place}.", place=others.upper(scene.place_of(p)))
    book.given(stride=scene.config.strides[p.lane.head])
    others.predicted(book, scene, p)
    box = rf"\lambda_\mathrm{{coord}} (1 - \mathrm{{{name.upper().replace('_', ' ')}}})"
    book.section(turn.title("The box term"), box, *overlap.equations(name))
    book.say("Boxes meet in pixels of the network input.")
    for axis, _, _ in walk.AXES:
        book.step(axis.upper(), f"{axis}·stride")
    symbol = overlap.similarity(book, name, of_pixels(), of_pixels(HAT))
    book.given(λ_coord=scene.config.lambda_coord)
    book.step(f"box{turn.mark}", f"λ_coord·(1 − {symbol})", scene.values.box[p.row_index])
    eps = scene.config.label_smoothing
    walk.logistic_terms(book, scene, p, turn, OBJ, CLS, *[SMOOTHED] * bool(eps))
