"""The predictors around a truth that it does not hold: no object, or ignored."""

import numpy as np

from ..boxes import cxcywh_to_xyxy
from ..iou import iou
from . import overlap, walk
from .book import HAT, Book
from .calculator import printed
from .classes import log_loss
from .overlap import of_pixels
from .scene import Predictor, Scene

LISTED = 3  # ignored priors with their IOU


def neighbours(book: Book, scene: Scene, weight: str, equation: str) -> None:
    """The other predictors of its cell: who holds them, who ignores them, what they cost."""
    book.section("The other predictors of its cell", equation)
    if hasattr(scene.config, "masks"):
        cells = {p.lane.head: (p.row, p.col) for p in scene.candidates}
        listed = (f"row {row}, column {col} of head {s}" for s, (row, col) in cells.items())
        book.say("Its cell in every head: {cells}.", cells="; ".join(listed))
    book.given(**{weight: getattr(scene.config, weight.replace("λ", "lambda"))})
    free = []
    for p in scene.neighbours():
        holder = scene.holder(p.slot)
        if holder is not None:
            book.say("{place} is held by {other}.", place=upper(scene.place_of(p)),
                     other=scene.truth_of(holder))  # fmt: skip
        elif scene.chosen.ignored[0, p.slot]:
            book.say("{place} is ignored: no loss.", place=upper(scene.place_of(p)))
        else:
            free.append(p)
    for p in free:
        _noobj(book, scene, p, weight)


def upper(text: str) -> str:
    """A phrase at the beginning of a sentence."""
    return text[0].upper() + text[1:]


def _noobj(book: Book, scene: Scene, p: Predictor, weight: str) -> None:
    """What one without an object costs."""
    t, _ = scene.raw_of(p)
    to = book.let("t_o", t[4])
    squared = weight == "λ_noobj"
    formula = "(0 − σ(t_o))²" if squared else log_loss("t_o", to.value)
    twice = len({lane.prior for lane in scene.lanes}) < len(scene.lanes)
    name = f"noobj_{p.lane.head}_{p.lane.prior}" if twice else f"noobj_{p.lane.prior}"
    book.step(name, f"{weight}·{formula}", scene.values.noobj[p.slot])


# Ignored.

RULES = {
    "prior": "Priors, centred on their cells, whose IOU with it is above {threshold}",
    "shape": "Priors of its own cell whose shape has an IOU with it above {threshold}",
    "prediction": "Predictors whose decoded box has an IOU with it above {threshold}",
}


def ignored(book: Book, scene: Scene) -> None:
    """The predictors that are ignored for its sake, those with the highest IOU by name."""
    book.section("What is ignored around it")
    by = scene.config.ignore_by
    if by is None:
        book.say("Nothing: ignore_by is None.")
        return
    found = scene.ignored_for_it()
    if by not in RULES:
        book.say("What the registered rule {by} finds, and holds no object, has no objectness "
                 "loss: {num}.", by=repr(by), num=len(found))  # fmt: skip
        return
    ious = _ious(scene, found)
    book.say(RULES[by] + " and that hold no object have no objectness loss: {num}.",
             threshold=scene.config.ignore_threshold, num=len(found))  # fmt: skip
    order = sorted(range(len(found)), key=lambda k: -ious[k])
    for k in order[:LISTED]:
        book.say("IOU {iou}: {place}.", iou=printed(ious[k]), place=scene.place_of(found[k]))
    if found and by != "shape":
        book.say("The first of them, in pixels:")
        _example(book, scene, found[order[0]], by)


def _ious(scene: Scene, found: list[Predictor]) -> np.ndarray:
    """IOU with the truth, by the rule."""
    truth = np.array([v[0, scene.truth] for v in scene.chosen.truths[:4]], dtype=np.float64)
    boxes = np.array([_box(scene, p) for p in found]).reshape(-1, 4)
    if scene.config.ignore_by == "shape":
        boxes[:, :2] = truth[:2]
    ious: np.ndarray = iou(cxcywh_to_xyxy(boxes), cxcywh_to_xyxy(truth[None]))
    return ious


def _box(scene: Scene, p: Predictor) -> np.ndarray:
    """What a rule looks at, centre form, fractions of the image."""
    lane = p.lane
    if scene.config.ignore_by == "prediction":
        return np.asarray(scene.decoded[lane.head].boxes[0, p.row, p.col, lane.anchor])
    return np.array([(p.col + 0.5) / lane.W, (p.row + 0.5) / lane.H, lane.pw, lane.ph])


def _example(book: Book, scene: Scene, p: Predictor, by: str) -> None:
    """One IOU in full."""
    book.step("X", "x₀·W_px")
    book.step("Y", "y₀·H_px")
    book.given(stride=scene.config.strides[p.lane.head], c_x=p.col, c_y=p.row)
    if by == "prior":
        book.step("X" + HAT, "(c_x + 0.5)·stride")
        book.step("Y" + HAT, "(c_y + 0.5)·stride")
        pw, ph = scene.config.anchors[p.lane.prior]
        book.given(**{f"w{HAT}_px": pw, f"h{HAT}_px": ph})
    else:
        predicted(book, scene, p)
    overlap.iou(book, of_pixels(), of_pixels(HAT))


def predicted(book: Book, scene: Scene, p: Predictor) -> None:
    """The decoded box of an anchor in pixels, from its raw outputs."""
    scales = getattr(scene.config, "scale_xy", None)
    if scales:
        book.given(s=scales[p.lane.head])
    walk.outputs(book, scene, p)
    walk.prior(book, scene, p)
    walk.decode(book, scaled=scales is not None)
    for axis, _, _ in walk.AXES:
        book.step(f"{axis.upper()}{HAT}", f"{axis}{HAT}·stride")
    for _, size, count in walk.AXES:
        book.step(f"{size}{HAT}_px", f"{size}{HAT}·{count}_px")
