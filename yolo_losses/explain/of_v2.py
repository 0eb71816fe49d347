"""The walk through YOLOv2."""

from typing import Any

from .. import v2
from ..matching import Assignment
from . import anchors, classes, others, overlap, walk
from .book import HAT, Book
from .overlap import of_image
from .scene import Predictor, Scene

DECODE = r"\hat x = \sigma(t_x) + c_x \quad \hat y = \sigma(t_y) + c_y \quad " \
    r"\hat w = p_w e^{t_w} \quad \hat h = p_h e^{t_h} \quad \hat C = \sigma(t_o)"  # fmt: skip
BOX = r"\lambda_\mathrm{coord} (2 - wh) \left[ (x - \hat x)^2 + (y - \hat y)^2 + " \
    r"(w - \hat w)^2 + (h - \hat h)^2 \right]"  # fmt: skip
OBJ = r"\lambda_\mathrm{obj} (\mathrm{IOU}_\mathrm{pred}^\mathrm{truth} - \hat C)^2"
NOOBJ = r"\lambda_\mathrm{noobj} (0 - \hat C)^2"
CLS = r"\lambda_\mathrm{class} \sum_c (p(c) - \hat p(c))^2, \quad " \
    r"\hat p(c) = \frac{e^{c}}{\sum e^{c}}"  # fmt: skip


def constants(scene: Scene, found: Assignment) -> tuple[Assignment, Any]:
    """The assignment and the truth."""
    return found, v2._truth(found)


def write(book: Book, scene: Scene) -> list[str]:
    """The sections; returns the symbols of the terms."""
    anchors.say_best(book, scene, anchors.anchors(book, scene))
    (at,) = scene.candidates
    book.section("The cell")
    book.say("Rows and columns of the grid count from 0; x and y are in cells.")
    walk.cell(book, scene, at)
    names = _responsible(book, scene, at) if scene.held else []
    others.neighbours(book, scene, "λ_noobj", NOOBJ)
    return names


def _responsible(book: Book, scene: Scene, at: Predictor) -> list[str]:
    """Decode, IOU and the terms of the predictor that it holds."""
    config, r, (t, c) = scene.config, at.row_index, scene.raw_of(at)
    book.section("What its predictor says", DECODE, overlap.IOU)
    book.say("{place}.", place=others.upper(scene.place_of(at)))
    walk.outputs(book, scene, at)
    walk.prior(book, scene, at)
    walk.decode(book, scaled=False)
    for hat in ("", HAT):
        for axis, _, count in walk.AXES:
            book.step(f"{axis.upper()}{hat}", f"{axis}{hat} / {count}")
    overlap.iou(book, of_image(), of_image(HAT))
    book.section("The terms of its predictor", BOX, OBJ)
    book.given(λ_coord=config.lambda_coord, λ_obj=config.lambda_obj, t_o=t[4])
    book.step("d2", f"(x − x{HAT})² + (y − y{HAT})² + (w − w{HAT})² + (h − h{HAT})²")
    book.step("box", "λ_coord·(2 − w·h)·d2", scene.values.box[r])
    book.step(f"C{HAT}", "σ(t_o)")
    book.step("obj", f"λ_obj·(IOU − C{HAT})²", scene.values.obj[r])
    book.section("Its classes", CLS)
    classes.say(book, scene)
    book.given(λ_class=config.lambda_class)
    costs = classes.softmax(book, c, int(scene.rows.label[0, r]))
    book.step("cls", classes.times("λ_class", costs), scene.values.cls[r].sum())
    return ["box", "obj", "cls"]
