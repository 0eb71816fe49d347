"""One truth of an image, and what the package makes of it.

Who is responsible and who is ignored is decided in the compute dtype of the raw outputs, as in
training. What is computed from those choices is float64.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .. import _check, grid, problems, terms
from .._xp import adapter, number
from ..grid import Decoded, Lane
from ..matching import Assignment, Rows
from ..targets import Targets
from ..terms import LossTerms


class Predictor(NamedTuple):
    """A predictor in a cell; `row_index` is where it stands in `Rows`, −1 if it does not."""

    lane: Lane
    row: int
    col: int
    row_index: int = -1

    @property
    def slot(self) -> int:
        """Its slot in the layout."""
        return self.lane.start + self.row * self.lane.W + self.col


class Values(NamedTuple):
    """Terms of rows and slots of the image before any sum."""

    box: np.ndarray  # (R,), v1 (R, B)
    obj: np.ndarray
    cls: np.ndarray  # (R, K)
    noobj: np.ndarray  # (P,)


@dataclass(frozen=True, eq=False)
class Scene:
    """An image with one truth picked out."""

    module: Any
    config: Any
    raw: tuple[np.ndarray, ...]  # as handed in, of one image
    targets: Targets
    truth: int
    # of a version: float64 rows → those that its truth is made of, and the truth
    constants: Callable[["Scene", Assignment], tuple[Assignment, Any]]
    class_names: Sequence[str]
    truth_names: Sequence[str]

    @property
    def _argument(self) -> Any:
        return self.raw if hasattr(self.config, "masks") else self.raw[0]

    @cached_property
    def wide(self) -> tuple[np.ndarray, ...]:
        """The raw outputs in float64."""
        return tuple(x.astype(np.float64) for x in self.raw)

    @cached_property
    def chosen(self) -> Assignment:
        """Every choice, as training makes it."""
        found: Assignment = self.module._match(self._argument, self.targets, self.config)
        return found

    @cached_property
    def _fixed(self) -> tuple[Assignment, Any]:
        return self.constants(self, self.chosen._replace(rows=_in_float64(self.chosen.rows)))

    @property
    def rows(self) -> Rows:
        """The same choices with float64 numbers: truths and predictors they may hold, (1, R)."""
        return self._fixed[0].rows

    @property
    def fixed(self) -> Any:
        """What the formula holds constant: the version's `Truth` of the rows, (1, R, ...)."""
        return self._fixed[1]

    @cached_property
    def values(self) -> Values:
        """The terms, unsummed."""
        formula, (found, truth) = self.module.FORMULA, self._fixed
        problem = problems.pose(self.wide, found, truth)
        box, obj, cls = terms.of_each_row(formula, problem, self.config)
        to = grid.plane(self.wide, found.layout, 4)
        noobj = formula.noobj(to, number(problem.noobj, to.dtype), self.config)
        return Values(box[0], obj[0], cls[0], noobj[0])

    @cached_property
    def image_terms(self) -> LossTerms:
        """The terms of the image, (1, S)."""
        each: LossTerms = self.module.loss(self._argument, self.targets, self.config)
        return each

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """All predictors of a cell, head by head."""
        return self.chosen.layout.lanes

    @cached_property
    def decoded(self) -> tuple[Decoded, ...]:
        """Predictions of the heads of v3 or v4, float64."""
        found: tuple[Decoded, ...] = self.module.decode(self.wide, self.config)
        return found

    @property
    def num_classes(self) -> int:
        """K."""
        fields = 5 * len(self.lanes) if self.one_a_cell else 5
        return int(self.raw[0].shape[-1] - fields)

    def raw_of(self, p: Predictor) -> tuple[np.ndarray, np.ndarray]:
        """t_x t_y t_w t_h t_o and the class logits of a predictor."""
        x = self.wide[p.lane.head][0, p.row, p.col]
        if self.one_a_cell:
            first = 5 * p.lane.anchor
            return x[first : first + 5], x[5 * len(self.lanes) :]
        return x[p.lane.anchor, :5], x[p.lane.anchor, 5:]

    @property
    def usable(self) -> bool:
        """Whether the truth takes part at all."""
        return bool(self.chosen.truths.ok[0, self.truth])

    @property
    def region(self) -> bool:
        """Whether it is a region that takes part."""
        regions = self.chosen.truths.region
        return regions is not None and bool(regions[0, self.truth])

    def input_size(self) -> tuple[float, float]:
        """Width and height of the network input, pixels."""
        strides = getattr(self.config, "strides", None) or (self.config.stride,)
        return self.chosen.layout.input_size(strides)

    # Predictors.

    @cached_property
    def candidates(self) -> list[Predictor]:
        """The predictors that the truth may hold."""
        rows, num = self.rows, self.targets.valid.shape[1]
        picked = range(self.truth, rows.lane.shape[1], num)
        return [self._at_row(r) for r in picked]

    def _at_row(self, r: int) -> Predictor:
        lane, row, col = (int(v[0, r]) for v in (self.rows.lane, self.rows.row, self.rows.col))
        return Predictor(self.lanes[lane], row, col, r)

    @property
    def wanted(self) -> list[Predictor]:
        """Those that it asks for."""
        return [p for p in self.candidates if self.rows.wanted[0, p.row_index]]

    @property
    def held(self) -> list[Predictor]:
        """Those that it holds."""
        return [p for p in self.candidates if self.rows.keep[0, p.row_index]]

    def neighbours(self) -> list[Predictor]:
        """All predictors of its cell in every head, those that it holds left out."""
        cells = {p.lane.head: (p.row, p.col) for p in self.candidates}
        held = {p.slot for p in self.held}
        everyone = [Predictor(lane, *cells[lane.head]) for lane in self.lanes]
        return [p for p in everyone if p.slot not in held]

    @property
    def one_a_cell(self) -> bool:
        """Whether a cell holds one object, as in v1, and not each predictor one."""
        return self.raw[0].ndim == 4

    def _places(self) -> np.ndarray:
        """What rows compete for, (R,): slots, or in v1 cells."""
        size = self.lanes[0].H * self.lanes[0].W
        slots = np.asarray(self.rows.slot[0])
        return slots % size if self.one_a_cell else slots

    def _truths(self, rows: np.ndarray) -> list[int]:
        return [int(r) % self.targets.valid.shape[1] for r in np.flatnonzero(rows)]

    def holder(self, slot: int) -> int | None:
        """The truth that holds a slot."""
        found = self._truths(self.rows.keep[0] & (self.rows.slot[0] == slot))
        return found[0] if found else None

    def winner(self, p: Predictor) -> int:
        """The truth that holds what this one asked for."""
        places = self._places()
        return self._truths(self.rows.keep[0] & (places == places[p.row_index]))[0]

    def losers(self, p: Predictor) -> list[int]:
        """The truths that asked for what this one holds."""
        places, lost = self._places(), self.rows.wanted[0] & ~self.rows.keep[0]
        return self._truths(lost & (places == places[p.row_index]))

    def predictor_at(self, slot: int) -> Predictor:
        """The predictor of a slot."""
        lane = next(lane for lane in reversed(self.lanes) if lane.start <= slot)
        return Predictor(lane, *divmod(slot - lane.start, lane.W))

    def ignored_for_it(self) -> list[Predictor]:
        """Predictors that are ignored, and would be if it were the only truth."""
        alone = np.zeros_like(self.targets.valid)
        alone[0, self.truth] = True
        targets = self.targets._replace(valid=alone)
        found = self.module._match(self._argument, targets, self.config)
        slots = np.flatnonzero(found.ignored[0] & self.chosen.ignored[0])
        return [self.predictor_at(int(slot)) for slot in slots]

    # Names.

    def class_of(self, label: int) -> str:
        """A class in words."""
        known = 0 <= label < len(self.class_names)
        return f"{label} ({self.class_names[label]})" if known else str(label)

    def anchor_of(self, k: int) -> str:
        """An anchor in words."""
        pw, ph = self.config.anchors[k]
        return f"anchor {k} ({pw:g} × {ph:g} px)"

    def place_of(self, p: Predictor) -> str:
        """A predictor in words."""
        cell = f"row {p.row}, column {p.col}"
        if self.one_a_cell:
            return f"the cell of {cell}"
        place = f"{self.anchor_of(p.lane.prior)} of {cell}"
        if not hasattr(self.config, "masks"):
            return place
        return f"{place}, head {p.lane.head}"

    def truth_of(self, t: int) -> str:
        """A truth in words."""
        known = t < len(self.truth_names)
        return f"truth {t} ({self.truth_names[t]})" if known else f"truth {t}"


def _in_float64(rows: Rows) -> Rows:
    """Rows with the same choices and float64 numbers."""
    floats = {name: getattr(rows, name).astype(np.float64) for name in ("iou", "x", "y", "w", "h")}
    return rows._replace(**floats)


def on_host(
    module: Any, raw: Any, targets: Targets, config: Any, image: int, truth: int
) -> tuple[tuple[np.ndarray, ...], Targets]:
    """One image of a batch of any library: its raw outputs and targets, checked."""
    module._check_call("explain", raw, targets, config)
    heads = raw if isinstance(raw, list | tuple) else (raw,)
    _check.index("explain", "image", image, heads[0].shape[0])
    _check.index("explain", "truth", truth, targets.valid.shape[1])
    return tuple(_host(x, image) for x in heads), Targets(*(_host(x, image) for x in targets))


def _host(x: Any, image: int) -> np.ndarray:
    return adapter(x).host(x[image : image + 1, ...])
