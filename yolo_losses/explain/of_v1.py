"""The walk through YOLOv1."""

from typing import Any

import numpy as np

from .. import v1
from ..matching import Assignment
from . import classes, others, overlap, walk
from .book import HAT, Book, Quantity
from .overlap import of_image
from .scene import Predictor, Scene

DECODE = r"\hat x = \sigma(t_x) \quad \hat y = \sigma(t_y) \quad \hat w = \sigma(t_w) \quad " \
    r"\hat h = \sigma(t_h) \quad \hat C = \sigma(t_o)"  # fmt: skip
BOX = r"\lambda_\mathrm{coord} \left[ (x - \hat x)^2 + (y - \hat y)^2 + " \
    r"(\sqrt w - \sqrt{\hat w})^2 + (\sqrt h - \sqrt{\hat h})^2 \right]"  # fmt: skip
OBJ = r"(\mathrm{IOU}_\mathrm{pred}^\mathrm{truth} - \hat C)^2"
NOOBJ = r"\lambda_\mathrm{noobj} (0 - \hat C)^2"
CLS = r"\sum_c (p(c) - \hat p(c))^2, \quad \hat p(c) = \frac{e^{c}}{\sum e^{c}}"


def constants(scene: Scene, found: Assignment) -> tuple[Assignment, Any]:
    """The rows with IOU_pred^truth in float64, and the truth."""
    ious = v1._ious(scene.wide[0], found.rows, found.layout)
    iou = np.take_along_axis(ious, found.rows.lane[..., None], axis=-1)[..., 0]
    found = found._replace(rows=found.rows._replace(iou=iou))
    return found, v1._truth(found)


def write(book: Book, scene: Scene) -> list[str]:
    """The sections; returns the symbols of the terms."""
    (at,) = scene.candidates
    book.section("The cell")
    book.say("Rows and columns of the grid count from 0; x and y are offsets inside the cell.")
    walk.cell(book, scene, at, "g_{}")
    for axis, _, count in walk.AXES:
        book.step(axis, f"g_{axis} − c_{axis}")
        book.step(axis.upper(), f"g_{axis} / {count}")
    if not scene.held:
        return []
    names = _responsible(book, scene, at)
    others.neighbours(book, scene, "λ_noobj", NOOBJ)
    return names


def _responsible(book: Book, scene: Scene, at: Predictor) -> list[str]:
    """The predictors of the cell, and the terms of the one with the highest IOU."""
    ious = {}
    for lane in sorted(scene.lanes, key=lambda lane: lane.id == at.lane.id):  # it comes last
        ious[lane.id] = _predictor(book, scene, at._replace(lane=lane))
    one = f"{at.lane.anchor}"
    book.section(f"The responsible predictor: {one}", BOX, OBJ)
    listed = ", ".join(f"{{iou_{k}}} of predictor {k}" for k in sorted(ious))
    book.say(f"The highest IOU is responsible, the first of equals: {listed}.",
             **{f"iou_{k}": iou for k, iou in ious.items()})  # fmt: skip
    r, (t, c), label = at.row_index, scene.raw_of(at), scene.rows.label[0, at.row_index]
    book.given(λ_coord=scene.config.lambda_coord, t_o=t[4])
    book.step("d2", f"(x − x{HAT})² + (y − y{HAT})² + (√(w) − √(w{HAT}))² + (√(h) − √(h{HAT}))²")
    book.step("box", "λ_coord·d2", scene.values.box[r, at.lane.anchor])
    book.step(f"C{HAT}", "σ(t_o)")
    book.step("obj", f"(IOU_{one} − C{HAT})²", scene.values.obj[r, at.lane.anchor])
    book.section("The classes of the cell", CLS)
    classes.say(book, scene)
    book.step("cls", classes.softmax(book, c, int(label)), scene.values.cls[r].sum())
    return ["box", "obj", "cls"]


def _predictor(book: Book, scene: Scene, p: Predictor) -> Quantity:
    """Decode of one predictor and its IOU with the truth."""
    book.section(f"Predictor {p.lane.anchor} of the cell", DECODE, overlap.IOU)
    book.say("Boxes meet in fractions of the image.")
    walk.outputs(book, scene, p)
    for k in "xywh":
        book.step(f"{k}{HAT}", f"σ(t_{k})")
    for axis, _, count in walk.AXES:
        book.step(f"{axis.upper()}{HAT}", f"(c_{axis} + {axis}{HAT}) / {count}")
    symbol = f"IOU_{p.lane.anchor}"
    overlap.iou(book, of_image(), of_image(HAT), symbol)
    return book[symbol]
