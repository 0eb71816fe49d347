"""Which predictors are responsible for which truths, on a photograph."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._xp import host
from ..grid import Decoded
from ..matching import Matches
from ..targets import Targets
from .boxes import outlines, truths
from .fates import Fates, fates
from .style import CASING, DASHES, TRUTH, Axes, Style, axes, casing, hue

DOT = 0.28  # diameter, cells, where all priors are ignored: dots of three heads stay apart
DOTTED = (0, (1, 1.6))
CROSS: Style = {"marker": "X", "markersize": 10}
RING: Style = {"marker": "o", "markersize": 11, "markeredgecolor": TRUTH, "markeredgewidth": 2.2,
               "markerfacecolor": "none"}  # fmt: skip
REGION: Style = {"edgecolor": TRUTH, "linestyle": DASHES, "linewidth": 1.2, "hatch": "//"}
STEP = 11  # points between marks on one truth


def cells(matches: Sequence[Matches], image: int = 0, ax: Axes = None) -> Axes:
    """The responsible cells of one image of a batch; `matches` as for `assignment`."""
    ax = axes(ax)
    for head, found in enumerate(matches):
        responsible = host(found.responsible)[image]
        H, W = responsible.shape[:2]
        rows, cols = np.nonzero(responsible.any(axis=-1))
        squares = _at_cells(rows, cols, (H, W), np.full((len(rows), 2), [1 / W, 1 / H]))
        outlines(squares, ax, fill=True, facecolor=hue(head), linewidth=0, alpha=0.45)
        outlines(squares, ax, edgecolor=hue(head), linewidth=0.9, path_effects=casing(2.9))
    return ax


def priors(matches: Sequence[Matches], config: Any, image: int = 0, ax: Axes = None) -> Axes:
    """The priors of the responsible predictors, on their cells; as for `assignment`."""
    ax = axes(ax)
    for head, (found, sizes) in enumerate(zip(matches, _prior_sizes(config), strict=False)):
        responsible = host(found.responsible)[image]
        H, W = responsible.shape[:2]
        rows, cols, anchors = np.nonzero(responsible)
        around = _at_cells(rows, cols, (H, W), (sizes / [W, H])[anchors])
        style = {"linestyle": DASHES, "linewidth": 0.9, "alpha": 0.8}
        outlines(around, ax, edgecolor=hue(head), **style)
    return ax


def ignored(matches: Sequence[Matches], image: int = 0, ax: Axes = None) -> Axes:
    """A dot in each cell with ignored priors, its area by how many; as for `assignment`.

    Heads whose strides double have no centres in common, so their dots lie beside one another.
    """
    from matplotlib.collections import EllipseCollection

    ax = axes(ax)
    for head, found in enumerate(matches):
        share = host(found.ignored)[image].mean(axis=-1)
        H, W = share.shape
        rows, cols = np.nonzero(share)
        if not len(rows):  # what an empty collection draws depends on the version of matplotlib
            continue
        size = DOT * np.sqrt(share[rows, cols])
        places = np.column_stack([(cols + 0.5) / W, (rows + 0.5) / H])
        dots = EllipseCollection(
            size / W, size / H, np.zeros(len(size)), units="xy", offsets=places,
            offset_transform=ax.transData, facecolor=hue(head), edgecolor=CASING, linewidth=0.4,
            alpha=0.85,
        )  # fmt: skip
        ax.add_collection(dots, autolim=False)
    return ax


def assignment(
    matches: Sequence[Matches], config: Any, image: int = 0, ax: Axes = None, *,
    targets: Targets | None = None, num_classes: int | None = None,
) -> Axes:  # fmt: skip
    """The responsible cells of one image, and the priors that they are responsible with.

    With targets the picture is complete: a dot for ignored priors, the truths above, regions
    hatched, and a mark on each truth that is invalid, that no head takes, or that lost a predictor
    to another truth.

    Parameters
    ----------
    matches : sequence of Matches, one a head
        What `assign` returns, in v1 and v2 a sequence of that one.
    config : Config of the version
        One without anchors (v1) has no priors.
    image : int
        Its index in the batch.
    targets : Targets, optional
        Those that were assigned.
    num_classes : int, optional
        K of the raw outputs, beyond which a class is invalid; without it every class counts.

    Raises
    ------
    ValueError, TypeError
        Targets that are not those of the matches, a config of no version.
    """
    if targets is None:
        return priors(matches, config, image, cells(matches, image, ax))
    found = fates("plot.assignment", matches, config, targets, image, num_classes)
    ax = priors(matches, config, image, cells(matches, image, ax))
    ignored(matches, image, ax)
    outlines(found.boxes[found.regions], ax, **REGION)
    truths(found.boxes[found.usable], ax)
    return _marks(found, ax)


def _marks(found: Fates, ax: Axes) -> Axes:
    """What is wrong with truths."""
    for box in found.boxes[found.invalid & np.isfinite(found.boxes).all(axis=1)]:
        _crossed(_clipped(box), ax)
    for box in found.boxes[found.unassigned]:
        _mark(ax, box, 0, path_effects=casing(4.5), **RING)
    for box, lost in zip(found.boxes, found.lost, strict=True):
        heads = np.flatnonzero(lost).tolist()
        for k, head in enumerate(heads):
            aside = (k - (len(heads) - 1) / 2) * STEP
            _mark(ax, box, aside, markeredgecolor=CASING, markerfacecolor=hue(head), **CROSS)
    return ax


def _mark(ax: Axes, box: np.ndarray, aside: float, **style: Any) -> None:
    """A mark on the centre of a box, or some points to the right of it."""
    from matplotlib.transforms import ScaledTranslation

    shift = ScaledTranslation(aside / 72, 0, ax.figure.dpi_scale_trans)
    ax.plot(*box[:2, None], transform=ax.transData + shift, zorder=4, **style)


def _clipped(box: np.ndarray) -> np.ndarray:
    """The part of a box in the picture; what lies outside becomes a line on its border."""
    near, far = (np.clip(v, 0, 1) for v in (box[:2] - box[2:] / 2, box[:2] + box[2:] / 2))
    return np.concatenate([(near + far) / 2, far - near])


def _crossed(box: np.ndarray, ax: Axes) -> None:
    """A dotted outline with a cross in its middle."""
    outlines(box, ax, edgecolor=TRUTH, linestyle=DOTTED, linewidth=2, path_effects=casing(4))
    style = {"marker": "x", "markersize": 11, "markeredgewidth": 2.5, "path_effects": casing(4.5)}
    _mark(ax, box, 0, color=TRUTH, clip_on=False, **style)


def predictions(
    decoded: Sequence[Decoded], matches: Sequence[Matches], image: int = 0, ax: Axes = None
) -> Axes:
    """The decoded boxes of the responsible predictors of one image, in the hue of their head."""
    ax = axes(ax)
    for head, (found, said) in enumerate(zip(matches, decoded, strict=True)):
        responsible = host(found.responsible)[image]
        outlines(host(said.boxes)[image][responsible], ax, edgecolor=hue(head))
    return ax


def _at_cells(
    rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int], sizes: np.ndarray
) -> np.ndarray:
    """Boxes (M, 4) of sizes (M, 2) on the centres of cells."""
    H, W = shape
    return np.column_stack([(cols + 0.5) / W, (rows + 0.5) / H, sizes])


def _prior_sizes(config: Any) -> list[np.ndarray]:
    """(A, 2) for each head: width and height of its priors, cells; none where there are none."""
    if not hasattr(config, "anchors"):
        return []
    anchors = np.asarray(config.anchors, dtype=float)
    if not hasattr(config, "masks"):
        return [anchors / config.stride]
    pairs = zip(config.masks, config.strides, strict=True)
    return [anchors[list(mask)] / stride for mask, stride in pairs]
