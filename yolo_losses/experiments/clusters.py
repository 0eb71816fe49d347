"""Anchors from the sizes of labelled boxes: k-means with a distance of shapes.

::

    d(box, anchor) = 1 − IOU_anchor^truth                                          (1)

Source: Redmon and Farhadi 2016, section 2, "Dimension Clusters". The paper leaves open what an
anchor becomes in each turn; `UPDATE` has the mean of its boxes and their median. Neither is the
minimiser of (1), so that a turn may also lose: the best anchors of all turns are kept.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .. import _check
from ..iou import SIMILARITY, centred

RESTARTS = 10
TURNS = 300  # at most, of one start
BLOCK = 2**17  # pairs of a box and an anchor that fit a cache

IOU = SIMILARITY["iou"]


class Clusters(NamedTuple):
    """Anchors, and how well they serve.

    Attributes
    ----------
    anchors : array, shape (k, 2), float64
        Width and height in the unit of the sizes, by rising area.
    counts : array, shape (k,), int64
        Boxes whose best anchor it is.
    mean_iou : float
        The mean over all boxes of the IOU with their best anchor, 0 … 1.
    """

    anchors: np.ndarray
    counts: np.ndarray
    mean_iou: float


def shape_iou(sizes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """(M, k): IOU_anchor^truth of sizes (M, 2) and anchors (k, 2), both boxes on one centre."""
    step = max(1, BLOCK // len(anchors))
    parts = [_shape_iou(sizes[k : k + step], anchors) for k in range(0, len(sizes), step)]
    return np.concatenate(parts) if parts else np.zeros((0, len(anchors)))


def _shape_iou(sizes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    (w, h), (pw, ph) = sizes.T[..., None], anchors.T[:, None, :]
    zero = np.zeros(())
    return np.asarray(IOU(centred(zero, zero, pw, ph), centred(zero, zero, w, h)))


def mean(sizes: np.ndarray) -> np.ndarray:
    """The mean size of a cluster."""
    return np.asarray(sizes.mean(axis=0))


def median(sizes: np.ndarray) -> np.ndarray:
    """The median width and the median height of a cluster: large boxes pull less."""
    return np.asarray(np.median(sizes, axis=0))


UPDATE: dict[str, Callable[[np.ndarray], np.ndarray]] = {"mean": mean, "median": median}


def evaluate(sizes: np.ndarray, anchors: np.ndarray) -> Clusters:
    """How well given anchors (k, 2) serve sizes (M, 2)."""
    return _judged(anchors, shape_iou(sizes, anchors))


def _judged(anchors: np.ndarray, ious: np.ndarray) -> Clusters:
    """Anchors (k, 2) whose IOUs with all boxes (M, k) are known."""
    order = np.argsort(anchors.prod(axis=1), kind="stable")
    counts = np.bincount(ious[:, order].argmax(axis=1), minlength=len(anchors))
    return Clusters(anchors[order], counts, float(ious.max(axis=1).mean()))


def fit(
    sizes: np.ndarray, k: int, *, update: str = "median", seed: int = 0, restarts: int = RESTARTS,
    tick: Callable[[], object] = lambda: None,
) -> Clusters:  # fmt: skip
    """The best k anchors of several starts.

    Parameters
    ----------
    sizes : array, shape (M, 2), real
        Width and height of the labelled boxes in pixels of the network input, > 0.
    k : int
        Anchors, at most as many as different sizes.
    update : "mean" or "median"
        What an anchor becomes in each turn.
    seed : int ≥ 0
        Of the first anchors, which are boxes drawn far from one another.
    restarts : int
        Starts; the anchors with the highest mean IOU are kept.
    tick : callable, optional
        Called after each start.

    Returns
    -------
    Clusters

    Raises
    ------
    ValueError
        Sizes that are not (M, 2) and > 0, a k or restarts below 1, k above the different sizes,
        an update that does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> sizes = np.array([[10, 20], [12, 20], [90, 60], [100, 60]])
    >>> fit(sizes, 2).anchors.tolist()
    [[10.0, 20.0], [100.0, 60.0]]
    """
    where, sizes = "clusters.fit", _checked("clusters.fit", sizes)
    _check.count(where, "k", k)
    _check.count(where, "restarts", restarts)
    _check.choice(where, "update", update, UPDATE)
    different = len(np.unique(sizes, axis=0))
    if k > different:
        _check.wrong_value(where, "k", f"be at most {different}, the number of different sizes", k)
    found: list[Clusters] = []
    for start in range(restarts):
        first = _far_apart(sizes, k, np.random.default_rng([seed, start]))
        found += _turns(sizes, first, UPDATE[update])
        found = [max(found, key=lambda c: c.mean_iou)]
        tick()
    return found[0]


def _checked(where: str, sizes: np.ndarray) -> np.ndarray:
    sizes = np.asarray(sizes, dtype=np.float64)
    if sizes.ndim != 2 or sizes.shape[1] != 2:
        _check.wrong_value(where, "sizes", "have shape (M, 2) with w h", sizes.shape)
    bad = ~(np.isfinite(sizes) & (sizes > 0)).all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        got = f"{sizes[row].tolist()} in row {row}"
        _check.wrong_value(where, "sizes", "be finite numbers > 0", got)
    return sizes


def _far_apart(sizes: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """k boxes, each drawn with a chance of its d² from those before (Arthur and Vassilvitskii)."""
    anchors = sizes[rng.integers(len(sizes), size=1)]
    while len(anchors) < k:
        d2 = (1 - shape_iou(sizes, anchors).max(axis=1)) ** 2 + np.finfo(float).tiny  # one is > 0
        anchors = np.concatenate([anchors, sizes[rng.choice(len(sizes), 1, p=d2 / d2.sum())]])
    return anchors


def _turns(
    sizes: np.ndarray, anchors: np.ndarray, update: Callable[[np.ndarray], np.ndarray]
) -> Iterator[Clusters]:
    """The anchors of each turn, until no box changes its anchor."""
    before = np.full(len(sizes), -1)
    for _ in range(TURNS):
        ious = shape_iou(sizes, anchors)
        yield _judged(anchors, ious)
        own = ious.argmax(axis=1)  # (1)
        if (own == before).all():
            return
        anchors = np.stack([_moved(sizes, ious, own == j, update) for j in range(len(anchors))])
        before = own


def _moved(
    sizes: np.ndarray, ious: np.ndarray, own: np.ndarray, update: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """The next anchor of a cluster; of an empty one the box that is served worst."""
    return update(sizes[own]) if own.any() else sizes[ious.max(axis=1).argmin()]


def against_k(
    sizes: np.ndarray, ks: Sequence[int], *, seed: int = 0, restarts: int = RESTARTS,
    tick: Callable[[], object] = lambda: None,
) -> dict[str, list[float]]:  # fmt: skip
    """The mean IOU of the best anchors for every k, by update; parameters as for `fit`."""
    options = {"seed": seed, "restarts": restarts, "tick": tick}
    return {
        update: [fit(sizes, k, update=update, **options).mean_iou for k in ks]  # type: ignore[arg-type]
        for update in UPDATE
    }
