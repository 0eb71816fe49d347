"""One object's way through a loss, in numbers that a pocket calculator finds again."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import v1, v2, v3, v4
from .._versions import of_config
from ..targets import Targets
from . import of_v1, of_v2, of_v3, of_v4, walk
from .book import Book, Section, Step
from .calculator import calculate
from .page import Explanation, ObjectTerms
from .scene import Scene, on_host

__all__ = ["Explanation", "ObjectTerms", "Section", "Step", "calculate", "explain"]

WALKS: dict[Any, Any] = {v1: of_v1, v2: of_v2, v3: of_v3, v4: of_v4}


def explain(
    raw: Any, targets: Targets, config: Any, image: int = 0, truth: int = 0, *,
    class_names: Sequence[str] = (), truth_names: Sequence[str] = (),
) -> Explanation:  # fmt: skip
    """Walk one truth of an image through the loss of the config's version.

    Its cell, its anchors, the predictors that it holds, their terms with the numbers put in, the
    predictors around it that are ignored, collisions, and its share of the image's total.

    Parameters
    ----------
    raw : array (v1, v2) or sequence of arrays (v3, v4), real floating
        Raw outputs as `loss` takes them, of any library.
    targets : Targets
        (N, T, 4), (N, T), (N, T).
    config : v1, v2, v3 or v4.Config
    image, truth : int
        The image, and the row of its truths. A row that is invalid or only fills up is ordinary.
    class_names, truth_names : sequences of str
        Names of the classes, and of the truths of the image, where there are any.

    Returns
    -------
    Explanation
        Sections of sentences and steps, `str(explanation)` is its text.

    Raises
    ------
    ValueError, TypeError
        As `loss`, and an index that does not exist.

    Notes
    -----
    Choices (cell, responsible, ignored, gate) are those of the compute dtype of `raw`, as in
    training; the terms of the truth are computed from them in float64. Every expression, with its
    numbers as printed, gives its result to within one unit of the fifth significant digit.
    """
    module = of_config("explain", config)
    image, truth = map(_plain, (image, truth))
    with np.errstate(all="ignore"):
        heads, there = on_host(module, raw, targets, config, image, truth)
        scene = Scene(module, config, heads, there, truth, WALKS[module].constants,
                      class_names, truth_names)  # fmt: skip
        book = Book()
        walk.truth(book, scene)
        names = []
        if scene.usable:
            names = WALKS[module].write(book, scene)
            walk.collisions(book, scene)
        else:
            walk.nothing(book, scene)
        walk.share(book, scene, names)
        version = module.__name__.rpartition(".")[2]
        title = f"YOLO{version}: image {image}, {scene.truth_of(scene.truth)}"
        return Explanation(title, book.sections(), _terms(scene))


def _plain(k: Any) -> Any:
    """An index of NumPy as an int."""
    return int(k) if isinstance(k, np.integer) else k


def _terms(scene: Scene) -> ObjectTerms:
    """Sums over the predictors that it holds."""
    rows = [p.row_index for p in scene.held]
    return ObjectTerms(*(float(v[rows].sum()) for v in scene.values[:3]))
