"""The parts that the walks of all versions share: truth, cell, decode, collisions, share."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..elementwise import EXP_LIMIT
from . import classes
from .book import HAT, Book
from .scene import Predictor, Scene

AXES = (("x", "w", "W"), ("y", "h", "H"))  # centre, size, and the count of cells along it


def truth(book: Book, scene: Scene) -> None:
    """The box and the class."""
    boxes, labels, *_ = (v[0, scene.truth] for v in scene.targets)
    book.section("The truth")
    book.say("Its class is {label}. Centre and size are fractions of the image. The raw outputs, "
             "{dtype}, decide cell and predictors as in training; what follows is float64.",
             label=scene.class_of(int(labels)), dtype=scene.raw[0].dtype)  # fmt: skip
    if scene.usable:
        book.say("Each number has the digits that its use needs: an expression, evaluated as it is "
                 "printed, gives its result to within one unit of the fifth digit. "
                 "σ(t) = 1 / (1 + exp(−t)), softplus(t) = ln(1 + exp(t)).")  # fmt: skip
        boxes = [v[0, scene.truth] for v in scene.chosen.truths[:4]]
    book.given(**dict(zip(("x₀", "y₀", "w", "h"), boxes, strict=True)))


def nothing(book: Book, scene: Scene) -> None:
    """A row that is no truth."""
    if not scene.targets.valid[0, scene.truth]:
        book.say("This row only fills up (valid is False) and takes part in nothing.")
        return
    if scene.region:
        book.say("It is a region (ignore is True): nobody is responsible for it, and its class is "
                 "not looked at. Predictors that hold no object, and of which more than half lies "
                 "in it, have no objectness loss: {num}.",
                 num=len(scene.ignored_for_it()))  # fmt: skip
        return
    book.say("It is invalid and takes part in nothing: a truth has finite numbers, a centre in "
             "0 … 1, a size above 0 and at most 1, and a class of 0 … {last}.",
             last=scene.num_classes - 1)  # fmt: skip


def cell(book: Book, scene: Scene, at: Predictor, grid: str = "{}") -> None:
    """From the centre to its cell: its place in the grid of a head, named `grid`, and c_x, c_y."""
    lane, r = at.lane, at.row_index
    book.given(W=lane.W, H=lane.H)
    offsets = ((at.col, scene.rows.x), (at.row, scene.rows.y))
    for (axis, _, count), (index, offset) in zip(AXES, offsets, strict=True):
        name = grid.format(axis)
        x = book.step(name, f"{axis}₀·{count}", index + offset[0, r])
        on_edge = x.value >= book[count].value  # a centre of 1 belongs to the last cell
        formula = f"min(floor({name}), {count} − 1)" if on_edge else f"floor({name})"
        book.step(f"c_{axis}", formula, index)


class Turn(NamedTuple):
    """Which of the predictors that a truth holds has its turn."""

    number: int
    of: int

    @property
    def mark(self) -> str:
        """What is put behind the names of its terms."""
        return f"_{self.number}" if self.of > 1 else ""

    @property
    def terms(self) -> list[str]:
        """The names of its terms."""
        return [f"{name}{self.mark}" for name in ("box", "obj", "cls")]

    def title(self, text: str) -> str:
        """The title of a section."""
        if self.of == 1:
            return text
        return f"Predictor {self.number} of {self.of}: {text[0].lower()}{text[1:]}"


Responsible = Callable[[Book, Scene, Predictor, Turn], None]


def each_predictor(book: Book, scene: Scene, responsible: Responsible) -> list[str]:
    """The cells of a truth of v3 or v4, and the terms of the predictors that it holds, in turn."""
    held, names = scene.held, list[str]()
    head = -1
    for p in scene.wanted:
        if p.lane.head != head:
            pyramid_cell(book, scene, p)
            head = p.lane.head
        if p in held:
            turn = Turn(held.index(p) + 1, len(held))
            responsible(book, scene, p, turn)
            names += turn.terms
    return names


def pyramid_cell(book: Book, scene: Scene, p: Predictor) -> None:
    """The cell in one of several heads, as a section."""
    lane, stride = p.lane, scene.config.strides[p.lane.head]
    book.section(f"The cell in head {lane.head}")
    book.say(f"{lane.H} rows and {lane.W} columns that count from 0, {stride:g} px a cell; x and y "
             "are in cells.")  # fmt: skip
    cell(book, scene, p)


def outputs(book: Book, scene: Scene, p: Predictor, hat: str = "") -> None:
    """The raw outputs of a predictor's box."""
    t, _ = scene.raw_of(p)
    book.given(**{f"t{hat}_{k}": v for k, v in zip("xywh", t[:4], strict=True)})


def prior(book: Book, scene: Scene, p: Predictor) -> None:
    """p_w and p_h, fractions of the image."""
    pw, ph = scene.config.anchors[p.lane.prior]
    book.let("P_w", pw)
    book.let("P_h", ph)
    book.step("p_w", "P_w / W_px")
    book.step("p_h", "P_h / H_px")


def decode(book: Book, scaled: bool) -> None:
    """x̂ ŷ in cells and ŵ ĥ in fractions of the image, of an anchor's raw outputs."""
    sigmoid = "s·σ(t_{0}) − (s − 1)/2 + c_{0}" if scaled else "σ(t_{0}) + c_{0}"
    for axis, _, _ in AXES:
        book.step(f"{axis}{HAT}", sigmoid.format(axis))
    for _, size, _ in AXES:
        t = f"t_{size}"
        if abs(book[t].value) > EXP_LIMIT:
            t = f"min(max({t}, −{EXP_LIMIT:g}), {EXP_LIMIT:g})"
        book.step(f"{size}{HAT}", f"p_{size}·exp({t})")


def logistic_terms(book: Book, scene: Scene, p: Predictor, turn: Turn, obj: str, *cls: str) -> None:
    """Objectness and classes of v3 and v4, with their equations."""
    config, r, (t, c) = scene.config, p.row_index, scene.raw_of(p)
    book.section(turn.title("The objectness term"), obj)
    book.given(λ_obj=config.lambda_obj, t_o=t[4])
    book.step(f"C{HAT}", "σ(t_o)")
    cost = "softplus(−t_o)" if abs(t[4]) > classes.SATURATED else f"(−ln(C{HAT}))"
    book.step(f"obj{turn.mark}", f"λ_obj·{cost}", scene.values.obj[r])
    book.section(turn.title("The class term"), *cls)
    classes.say(book, scene)
    book.given(λ_class=config.lambda_class)
    smoothing = getattr(config, "label_smoothing", 0.0)
    costs = classes.logistic(book, c, int(scene.rows.label[0, r]), smoothing)
    book.step(f"cls{turn.mark}", classes.times("λ_class", costs), scene.values.cls[r].sum())


def collisions(book: Book, scene: Scene) -> None:
    """Predictors that it lost to other truths, and others to it."""
    held = scene.held
    lost = [p for p in scene.wanted if p not in held]
    beaten = [(p, t) for p in held for t in scene.losers(p)]
    if not lost and not beaten:
        return
    what, keeps = ("cell", "first") if scene.one_a_cell else ("predictor", "last")
    book.section("Collisions")
    book.say(f"A {what} holds one object: of the truths that ask for it the {keeps} in the list.")
    for p in lost:
        book.say("It asks for {place} and loses it to {other}.",
                 place=scene.place_of(p), other=scene.truth_of(scene.winner(p)))  # fmt: skip
    for p, t in beaten:
        book.say("It holds {place}, for which {other} asks too.",
                 place=scene.place_of(p), other=scene.truth_of(t))  # fmt: skip


def share(book: Book, scene: Scene, names: Sequence[str]) -> None:
    """Its part of the image's total; `names` are the symbols of its terms."""
    each = scene.image_terms
    book.section("Its share of the image")
    book.say("Sums over the image, as `loss` returns them. Σ_noobj is of all predictors without an "
             "object.")  # fmt: skip
    book.given(**{f"Σ_{name}": v.sum(dtype=float) for name, v in each._asdict().items()})
    total = book.step("total", "Σ_box + Σ_obj + Σ_noobj + Σ_cls", each.total[0])
    if not names:
        book.say("The truth holds no predictor and costs nothing.")
        return
    own = book.step("object", " + ".join(names))
    if 0 < total.value < float("inf") and own.value >= 0:
        book.step("share", "object / total")
