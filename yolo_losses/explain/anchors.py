"""Which anchors a truth asks for: IOU_anchor^truth of shapes, and what a version makes of it."""

from .. import matching
from .book import Book, Quantity
from .scene import Scene

EQUATION = r"\mathrm{IOU}_{k} = \frac{I_k}{wh + p_w p_h - I_k}, \quad " \
    r"I_k = \min(w, p_w) \min(h, p_h)"  # fmt: skip


def anchors(book: Book, scene: Scene) -> dict[int, Quantity]:
    """The section, and IOU_anchor^truth by index of the anchor."""
    width, height = scene.input_size()
    book.section("The anchors", EQUATION)
    book.say("Shapes are compared, both boxes on one centre, in pixels of the network input.")
    book.given(W_px=width, H_px=height)
    book.step("w_px", "w·W_px")
    book.step("h_px", "h·H_px")
    book.step("area", "w_px·h_px")
    ious = matching.shape_iou(scene.chosen.truths, scene.chosen.layout.priors)[0, :, scene.truth]
    found = {}
    for k, (pw, ph) in enumerate(scene.config.anchors):
        book.let("P_w", pw)
        book.let("P_h", ph)
        book.step(f"I_{k}", "min(w_px, P_w)·min(h_px, P_h)")
        found[k] = book.step(f"IOU_{k}", f"I_{k} / (area + P_w·P_h − I_{k})", ious[k])
    return found


def say_best(book: Book, scene: Scene, ious: dict[int, Quantity]) -> None:
    """Which is the best, the first of equals, and which heads have it."""
    k = max(ious, key=lambda k: ious[k].value)
    heads = sorted({lane.head for lane in scene.lanes if lane.prior == k})
    where = f"head {' and head '.join(map(str, heads))} has it" if heads else "no head has it"
    pyramid = hasattr(scene.config, "masks")
    book.say("The best is {anchor}, IOU_anchor^truth = {iou}" + ("; {where}." if pyramid else "."),
             anchor=scene.anchor_of(k), iou=ious[k], where=where)  # fmt: skip
