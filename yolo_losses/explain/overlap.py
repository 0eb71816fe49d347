"""IOU of two boxes and the similarities made of it, step by step."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..boxes import split
from ..iou import SIMILARITY, centred
from .book import HAT, Book


class Named(NamedTuple):
    """The symbols of a box's centre and size, and the mark of its corners."""

    x: str
    y: str
    w: str
    h: str
    hat: str = ""


def of_image(hat: str = "") -> Named:
    """Of a box in fractions of the image."""
    return Named(f"X{hat}", f"Y{hat}", f"w{hat}", f"h{hat}", hat)


def of_pixels(hat: str = "") -> Named:
    """Of a box in pixels of the network input."""
    return Named(f"X{hat}", f"Y{hat}", f"w{hat}_px", f"h{hat}_px", hat)


def iou(book: Book, truth: Named, pred: Named, symbol: str = "IOU") -> None:
    """Corners, intersection, union and IOU."""
    for box in (truth, pred):
        _corners(book, box)
    for axis, size in (("x", "w"), ("y", "h")):
        far, near = f"min({axis}₂, {axis}{HAT}₂)", f"max({axis}₁, {axis}{HAT}₁)"
        book.step(f"I_{size}", f"max({far} − {near}, 0)")
    book.step("I", "I_w·I_h")
    book.step("U", f"{truth.w}·{truth.h} + {pred.w}·{pred.h} − I")
    book.step(symbol, "I / U", value(book, "iou", truth, pred))


def _corners(book: Book, box: Named) -> None:
    for axis, centre, size in (("x", box.x, box.w), ("y", box.y, box.h)):
        book.step(f"{axis}{box.hat}₁", f"{centre} − {size}/2")
        book.step(f"{axis}{box.hat}₂", f"{centre} + {size}/2")


def value(book: Book, name: str, truth: Named, pred: Named) -> float:
    """A registered similarity of the boxes that symbols stand for."""
    pair = (np.array([[book[symbol].value for symbol in box[:4]]]) for box in (pred, truth))
    return float(SIMILARITY[name](*(centred(*split(box)) for box in pair))[0])


# What is made of it.


def _enclosure(book: Book) -> None:
    for axis, size in (("x", "w"), ("y", "h")):
        far, near = f"max({axis}₂, {axis}{HAT}₂)", f"min({axis}₁, {axis}{HAT}₁)"
        book.step(f"C_{size}", f"{far} − {near}")


def _giou(book: Book, truth: Named, pred: Named) -> str:
    _enclosure(book)
    book.step("C", "C_w·C_h")
    return "IOU − (C − U) / C"


def _distance(book: Book, truth: Named, pred: Named) -> None:
    _enclosure(book)
    book.step("ρ²", f"({truth.x} − {pred.x})² + ({truth.y} − {pred.y})²")
    book.step("c²", "C_w² + C_h²")


def _diou(book: Book, truth: Named, pred: Named) -> str:
    _distance(book, truth, pred)
    return "IOU − ρ² / c²"


def _ciou(book: Book, truth: Named, pred: Named) -> str:
    _distance(book, truth, pred)
    v = book.step("v", f"4/π²·(atan({truth.w}/{truth.h}) − atan({pred.w}/{pred.h}))²")
    if v.value:
        book.step("α", "v / ((1 − IOU) + v)")
    else:
        book.given(α=0)
    return "IOU − ρ² / c² − α·v"


class Similarity(NamedTuple):
    """How a similarity is made of IOU: in LaTeX, and steps that return its last formula."""

    equation: str
    steps: Callable[[Book, Named, Named], str]


IOU = r"\mathrm{IOU} = \frac{I}{U}"
SIMILARITIES: dict[str, Similarity] = {
    "giou": Similarity(r"\mathrm{GIOU} = \mathrm{IOU} - \frac{C - U}{C}", _giou),
    "diou": Similarity(r"\mathrm{DIOU} = \mathrm{IOU} - \frac{\rho^2}{c^2}", _diou),
    "ciou": Similarity(
        r"\mathrm{CIOU} = \mathrm{IOU} - \frac{\rho^2}{c^2} - \alpha v, \quad "
        r"v = \frac{4}{\pi^2} \left( \arctan\frac{w}{h} - \arctan\frac{\hat w}{\hat h} \right)^2, "
        r"\quad \alpha = \frac{v}{(1 - \mathrm{IOU}) + v}",
        _ciou,
    ),
}


def similarity(book: Book, name: str, truth: Named, pred: Named) -> str:
    """Steps to a similarity of two boxes; returns its symbol. One without steps is its value."""
    iou(book, truth, pred)
    if name == "iou":
        return "IOU"
    symbol, found = name.upper(), value(book, name, truth, pred)
    if name in SIMILARITIES:
        book.step(symbol, SIMILARITIES[name].steps(book, truth, pred), found)
    else:
        book.given(**{symbol: found})
    return symbol


def equations(name: str) -> tuple[str, ...]:
    """Of a similarity, in LaTeX."""
    return (IOU, SIMILARITIES[name].equation) if name in SIMILARITIES else (IOU,)
