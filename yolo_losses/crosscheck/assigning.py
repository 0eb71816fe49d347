"""Pieces of wrong assignments: what slips exchange in matching and around it."""

from typing import Any

from .. import grid, matching
from .._xp import arange, namespace, number


def rounded_cell(inner: Any) -> Any:
    """round(x·W) for floor(x·W)."""

    def cell(x: Any, size: Any) -> Any:
        xp = namespace(x)
        x = x * size
        index = xp.floor(x + 0.5)
        index = xp.minimum(index, size - 1)
        return index, x - index

    return cell


def best_of_each_head(inner: Any) -> Any:
    """The best anchor of each head is wanted there."""

    def best(ious: Any, best: Any, lanes: Any) -> Any:
        lane, _, iou = inner(ious, best, lanes)
        return lane, best, iou

    return best


def lowest(inner: Any) -> Any:
    """The predictor with the lowest IOU."""

    def best(rows: Any, layout: Any, ious: Any) -> Any:
        rows = inner(rows, layout, -ious)
        return rows._replace(iou=-rows.iou)

    return best


def whole_cells(inner: Any) -> Any:
    """`settle` that marks all predictors of a cell."""

    def settle(*args: Any) -> matching.Assignment:
        found = inner(*args)
        held: matching.Assignment = found._replace(occupied=_of_cells(found))
        return held

    return settle


def _of_cells(found: matching.Assignment) -> Any:
    """(N, P): a truth holds a predictor of the slot's cell, in that head."""
    xp, parts = namespace(found.occupied), []
    for plane in grid.head_planes(found.occupied, found.layout):
        held = xp.broadcast_to(xp.any(plane, axis=1, keepdims=True), plane.shape)
        parts.append(xp.reshape(held, (plane.shape[0], -1)))
    return xp.concat(parts, axis=1)


def every_box(inner: Any) -> Any:
    """`_truth` of v1 with all boxes of a cell responsible."""

    def truth(found: Any) -> Any:
        g = inner(found)
        lanes = arange(len(found.layout.lanes), found.rows.lane)
        return g._replace(obj=number((lanes >= 0) & found.rows.keep[..., None], g.obj.dtype))

    return truth


def all_noobj(inner: Any) -> Any:
    """`problems.pose` that pushes responsible predictors to 0 as well."""
    return lambda raw, found, *more: inner(raw, found, *more)._replace(noobj=~found.ignored)


def empty_cells_only(inner: Any) -> Any:
    """`problems.pose` that leaves all predictors of an object's cell alone."""
    return lambda raw, found, *more: inner(raw, found, *more)._replace(
        noobj=~(_of_cells(found) | found.ignored)
    )
