"""The walk through YOLOv3."""

from typing import Any

from .. import v3
from ..matching import Assignment
from . import anchors, others, walk
from .book import HAT, Book, beside
from .scene import Predictor, Scene
from .walk import Turn

INVERSE = r"t_x = \mathrm{logit}(x - c_x) \quad t_y = \mathrm{logit}(y - c_y) \quad " \
    r"t_w = \log\frac{w}{p_w} \quad t_h = \log\frac{h}{p_h}"  # fmt: skip
GATE = r"1[\mathrm{IOU}_\mathrm{anchor}^\mathrm{truth} > g]"
BOX = r"\lambda_\mathrm{coord} %s (2 - wh) " \
    r"\left[ (t_x - \hat t_x)^2 + (t_y - \hat t_y)^2 + (t_w - \hat t_w)^2 + " \
    r"(t_h - \hat t_h)^2 \right]"  # fmt: skip
OBJ = r"\lambda_\mathrm{obj} (-\log \hat C), \quad \hat C = \sigma(t_o)"
NOOBJ = r"\lambda_\mathrm{obj} (-\log (1 - \hat C)), \quad \hat C = \sigma(t_o)"
CLS = r"\lambda_\mathrm{class} \sum_c \left[ -p(c) \log \hat p(c) - (1 - p(c)) " \
    r"\log (1 - \hat p(c)) \right], \quad \hat p(c) = \sigma(c)"  # fmt: skip


def constants(scene: Scene, found: Assignment) -> tuple[Assignment, Any]:
    """The assignment, and the truth with the gate as it was decided."""
    truth = v3._truth(found, scene.config)
    gate = v3._truth(scene.chosen, scene.config).gate.astype(truth.gate.dtype)
    return found, truth._replace(gate=gate)


def write(book: Book, scene: Scene) -> list[str]:
    """The sections; returns the symbols of the terms."""
    ious = anchors.anchors(book, scene)
    anchors.say_best(book, scene, ious)
    names = walk.each_predictor(book, scene, _responsible)
    others.neighbours(book, scene, "λ_obj", NOOBJ)
    others.ignored(book, scene)
    return names


def _responsible(book: Book, scene: Scene, p: Predictor, turn: Turn) -> None:
    """Inverse decode and the terms of one predictor that it holds."""
    _inverse(book, scene, p, turn)
    _box(book, scene, p, turn)
    walk.logistic_terms(book, scene, p, turn, OBJ, CLS)


def _inverse(book: Book, scene: Scene, p: Predictor, turn: Turn) -> None:
    """What the raw outputs should be."""
    eps, r = scene.config.offset_eps, p.row_index
    rows, truth = scene.rows, scene.fixed
    book.section(turn.title("What the raw outputs should be"), INVERSE)
    book.say(
        "The decode inverted at {place}. logit(v) = ln(v / (1 − v)), the inverse of σ.",
        place=scene.place_of(p),
    )
    clipped = [not eps <= v[0, r] <= 1 - eps for v in (rows.x, rows.y)]
    if any(clipped):
        book.say("An offset is clipped to ε … 1 − ε: at the border logit is infinite.")
        book.given(ε=eps)
    for (axis, _, _), cut in zip(walk.AXES, clipped, strict=True):
        offset = f"{axis} − c_{axis}"
        book.step(f"o_{axis}", f"min(max({offset}, ε), 1 − ε)" if cut else offset)
    walk.prior(book, scene, p)
    for axis, _, _ in walk.AXES:
        book.step(f"t_{axis}", f"ln(o_{axis} / (1 − o_{axis}))", getattr(truth, f"t{axis}")[0, r])
    for _, size, _ in walk.AXES:
        book.step(f"t_{size}", f"ln({size} / p_{size})", getattr(truth, f"t{size}")[0, r])


def _box(book: Book, scene: Scene, p: Predictor, turn: Turn) -> None:
    """The coordinates, and the gate."""
    gated = scene.config.coord_iou_threshold is not None
    book.section(turn.title("The box term"), BOX % (GATE if gated else ""))
    book.say("The raw outputs of the predictor have hats.")
    if gated:
        _gate(book, scene, p)
    walk.outputs(book, scene, p, HAT)
    book.given(λ_coord=scene.config.lambda_coord)
    book.step("d2", " + ".join(f"(t_{k} − t{HAT}_{k})²" for k in "xywh"))
    gate = "gate·" if gated else ""
    book.step(f"box{turn.mark}", f"λ_coord·{gate}(2 − w·h)·d2", scene.values.box[p.row_index])


def _gate(book: Book, scene: Scene, p: Predictor) -> None:
    """Whether coordinates count."""
    threshold = scene.config.coord_iou_threshold
    is_open = bool(scene.fixed.gate[0, p.row_index])
    said = "is above" if is_open else "is not above"
    then = "coordinates count" if is_open else "coordinates cost nothing"
    book.say(f"IOU_anchor^truth = {{iou}} {said} the gate {{threshold}}: {then}.",
             iou=beside(book[f"IOU_{p.lane.prior}"], threshold), threshold=threshold)  # fmt: skip
    book.given(gate=is_open)
