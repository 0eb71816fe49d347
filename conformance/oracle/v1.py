"""YOLOv1.

    x̂ = σ(t_x)   ŷ = σ(t_y)   ŵ = σ(t_w)   ĥ = σ(t_h)   Ĉ = σ(t_o)   p̂ = softmax(c)

    Loss = λ_coord Σ_i Σ_j 1obj_ij [ (x − x̂)² + (y − ŷ)² + (√w − √ŵ)² + (√h − √ĥ)² ]
         +         Σ_i Σ_j 1obj_ij ( IOU_pred^truth − Ĉ )²
         + λ_noobj Σ_i Σ_j 1noobj_ij ( 0 − Ĉ )²
         +         Σ_i 1obj_i Σ_c ( p(c) − p̂(c) )²

Raw outputs of an image: [row][col][B times t_x t_y t_w t_h t_o, then c_0 c_1 …]. As on the page,
j is a predictor of a cell.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from conformance.oracle import difference, regions, similarity, squared, truth
from conformance.oracle.difference import SMOOTH, Path
from conformance.oracle.number import functions
from conformance.oracle.result import Candidate, Frozen, Head, Match, Result, Terms, added, counted
from conformance.oracle.rounding import PRECISION, Rounding
from conformance.oracle.scalar import argmax, sigma, softmax, sqrt_sigma
from conformance.oracle.similarity import Box
from conformance.oracle.truth import Row, Truth


class Owner(NamedTuple):
    """A cell's object: x, y in the cell, w, h of the image; its predictor and IOU target."""

    x: float
    y: float
    w: float
    h: float
    label: int
    predictor: int
    iou: float


class Cell(NamedTuple):
    """A cell, with what is constant for the gradient there; `owner` None where 1obj_i = 0.

    `ignored` are the predictors that lie in regions.
    """

    H: int
    W: int
    row: int
    col: int
    owner: Owner | None
    ignored: tuple[int, ...] = ()

    def is_responsible(self, j: int) -> bool:
        """1obj_ij."""
        return self.owner is not None and self.owner.predictor == j


def evaluate(
    raw: Any,
    truths: Sequence[Row],
    config: Any,
    precision: str = "float64",
    frozen: Frozen | None = None,
) -> Result:
    """The loss of one image."""
    if frozen is None:
        frozen = freeze(raw, truths, config, PRECISION[precision])
    B, cells = config.num_boxes, frozen.slots
    head = Head(
        decoded=each(lambda t, cell: [decoded(t, j, cell) for j in range(B)], raw, cells),
        responsible=each(lambda cell: [cell.is_responsible(j) for j in range(B)], cells),
        ignored=each(lambda cell: [j in cell.ignored for j in range(B)], cells),
        matches=frozen.matches[0],
        classes=each(lambda t: softmax(t[5 * B :]), raw),
    )
    parts = each(lambda t, cell: terms(t, cell, config), raw, cells)
    return Result([added(sum(parts, []))], [head], frozen.counts, frozen)


def gradient(
    raw: Any,
    truths: Sequence[Row],
    config: Any,
    entries: Sequence[Path] | None = None,
    step: float = SMOOTH,
    precision: str = "float64",
) -> dict[Path, float]:
    """∂ total / ∂ raw at every path (row, col, field) of `entries`, None for all.

    An output moves the terms of its own cell alone.
    """
    cells = freeze(raw, truths, config, PRECISION[precision]).slots

    def at(row: int, col: int, field: int) -> float:
        t, cell = raw[row][col], cells[row][col]
        return difference.slope(
            lambda value: terms(difference.moved(t, field, value), cell, config), t[field], step
        )

    wanted = difference.paths(raw) if entries is None else entries
    return {tuple(path): at(*path) for path in wanted}


def each(function: Callable, *grids: Any) -> list:
    """[row][col] of the function's answers at every cell."""
    return [
        [function(*cell) for cell in zip(*row, strict=True)] for row in zip(*grids, strict=True)
    ]


def predictor(t: Sequence[float], j: int) -> Sequence[float]:
    """t_x t_y t_w t_h t_o of predictor j."""
    return t[5 * j : 5 * j + 5]


def decoded(t: Sequence[float], j: int, cell: Cell) -> tuple[float, ...]:
    """x̂ ŷ ŵ ĥ as fractions of the image, and Ĉ."""
    x_hat, y_hat, w_hat, h_hat, C_hat = map(sigma, predictor(t, j))
    return (cell.col + x_hat) / cell.W, (cell.row + y_hat) / cell.H, w_hat, h_hat, C_hat


def terms(t: Sequence[float], cell: Cell, config: Any) -> Terms:
    """The terms of one cell: 1obj_ij of its responsible predictor, 1noobj_ij of the others."""
    B, gt = config.num_boxes, cell.owner
    others = [j for j in range(B) if not cell.is_responsible(j)]
    squares = [(j not in cell.ignored) * (0.0 - sigma(predictor(t, j)[4])) ** 2 for j in others]
    noobj = config.lambda_noobj * sum(squares)  # a NaN stays
    if gt is None:
        return Terms(0.0, 0.0, noobj, 0.0)
    own = predictor(t, gt.predictor)
    return Terms(
        box=config.lambda_coord * coordinates(gt, own),
        obj=(gt.iou - sigma(own[4])) ** 2,
        noobj=noobj,
        cls=squared.classes(gt.label, softmax(t[5 * B :])),
    )


def coordinates(gt: Owner, own: Sequence[float]) -> float:
    """(x − x̂)² + (y − ŷ)² + (√w − √ŵ)² + (√h − √ĥ)²."""
    t_x, t_y, t_w, t_h, _ = own
    return (
        (gt.x - sigma(t_x)) ** 2
        + (gt.y - sigma(t_y)) ** 2
        + (functions(gt.w).sqrt(gt.w) - sqrt_sigma(t_w)) ** 2
        + (functions(gt.h).sqrt(gt.h) - sqrt_sigma(t_h)) ** 2
    )


def freeze(raw: Any, rows: Sequence[Row], config: Any, fl: Rounding) -> Frozen:
    """Cells, predictors and IOU targets."""
    truths = truth.read(rows, len(raw[0][0]) - 5 * config.num_boxes, fl)
    hidden = regions.read(rows, fl)
    matches = match(raw, truths, config.num_boxes, fl)
    held = {
        (one.row, one.col): (gt, one.anchors[0])
        for one, gt in zip(matches, truths, strict=True)
        if one and one.anchors[0].holds
    }
    cells = each(lambda cell: owned(cell, held, fl), empty_cells(raw))
    cells = each(lambda t, cell: hiding(t, cell, hidden, config.num_boxes), raw, cells)
    invalid = truth.count_invalid(rows, truths, len(hidden))
    return Frozen(cells, [matches], counted([matches], invalid))


def hiding(t: Sequence[float], cell: Cell, hidden: Sequence[Box], B: int) -> Cell:
    """The cell with its predictors that lie in regions and are not responsible."""
    boxes = [similarity.corners(*decoded(t, j, cell)[:4]) for j in range(B)]
    inside = (j for j in range(B) if regions.hide(boxes[j], hidden) and not cell.is_responsible(j))
    return cell._replace(ignored=tuple(inside))


def empty_cells(raw: Any) -> list:
    """[row][col] of cells without an object."""
    H, W = len(raw), len(raw[0])
    return [[Cell(H, W, row, col, None) for col in range(W)] for row in range(H)]


def owned(cell: Cell, held: dict[tuple[int, int], tuple[Truth, Candidate]], fl: Rounding) -> Cell:
    """The cell with its object, if one is held there."""
    if (cell.row, cell.col) not in held:
        return cell
    gt, chosen = held[cell.row, cell.col]
    at = truth.place(gt, cell.H, cell.W, fl)
    return cell._replace(owner=Owner(at.x, at.y, gt.w, gt.h, gt.label, chosen.anchor, chosen.iou))


def match(raw: Any, truths: Sequence[Truth | None], B: int, fl: Rounding) -> list[Match | None]:
    """Every object's cell and best predictor there; the first object in the list keeps a cell."""
    chosen = [gt and candidate(raw, gt, B, fl) for gt in truths]
    keeper: dict[tuple[int, int], int] = {}
    for n, one in enumerate(chosen):
        if one:
            keeper.setdefault((one.row, one.col), n)
    return [one and settled(one, keeper[one.row, one.col] == n) for n, one in enumerate(chosen)]


def candidate(raw: Any, gt: Truth, B: int, fl: Rounding) -> Match:
    """The predictor of the object's cell whose current box has the highest IOU with it."""
    H, W = len(raw), len(raw[0])
    row, col, _, _ = truth.place(gt, H, W, fl)
    boxes = [decoded(raw[row][col], j, Cell(H, W, row, col, None))[:4] for j in range(B)]
    iou = [similarity.iou(similarity.corners(*box), truth.box(gt)) for box in boxes]
    best = argmax(iou)
    return Match(row, col, [Candidate(best, iou[best], True)])


def settled(one: Match, holds: bool) -> Match:
    """The match of an object that holds its cell or has lost it."""
    return one._replace(anchors=[one.anchors[0]._replace(holds=holds)])
