"""Batches that hypothesis draws: every option of every version, raw outputs and truths.

Numbers come from a seed, options from hypothesis, so that a failure shrinks to few images, truths
and classes. A truth is left out that is nearer than `cases.MARGIN` to another decision.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

import yolo_losses as yl

from . import cases
from .cases import ANCHORS, Case

LAMBDAS = st.sampled_from((0.0, 0.07, 0.5, 1.0, 3.3, 5.0))
LARGEST = 1e4  # of raw outputs
SPECIAL = (0.0, -0.0, LARGEST, -LARGEST)
MASKS = st.sampled_from((((3, 4, 5), (0, 1, 2)), ((2, 3, 4, 5), (1, 2)), ((5,), (0, 2))))
V1 = st.builds(yl.v1.Config, st.integers(1, 3), lambda_coord=LAMBDAS, lambda_noobj=LAMBDAS)
V2 = st.builds(
    yl.v2.Config,
    anchors=st.integers(1, 5).map(lambda a: ANCHORS[-a:]),
    stride=st.just(16),
    lambda_coord=LAMBDAS,
    lambda_obj=LAMBDAS,
    lambda_noobj=LAMBDAS,
    lambda_class=LAMBDAS,
)
V3 = st.builds(
    yl.v3.Config,
    anchors=st.just(ANCHORS),
    masks=MASKS,
    strides=st.just((16, 8)),
    lambda_coord=LAMBDAS,
    lambda_obj=LAMBDAS,
    lambda_class=LAMBDAS,
    coord_iou_threshold=st.sampled_from((None, 0.5)),
    ignore_threshold=st.sampled_from((0.3, 0.5, 0.7)),
    ignore_by=st.sampled_from((None, "prior", "shape", "prediction")),
    offset_eps=st.sampled_from((1e-6, 1e-3, 0.25)),
)
V4 = st.builds(
    yl.v4.Config,
    anchors=st.just(ANCHORS),
    masks=MASKS,
    strides=st.just((16, 8)),
    scale_xy=st.sampled_from(((1.0, 1.0), (1.1, 1.2), (2.0, 1.05))),
    lambda_coord=LAMBDAS,
    lambda_obj=LAMBDAS,
    lambda_class=LAMBDAS,
    assign_iou_threshold=st.sampled_from((0.1, 0.213, 0.5)),
    assign=st.sampled_from(("union", "intersection")),
    ignore_threshold=st.sampled_from((0.3, 0.7)),
    ignore_by=st.sampled_from((None, "prior", "shape", "prediction")),
    similarity=st.sampled_from(("iou", "giou", "diou", "ciou")),
    label_smoothing=st.sampled_from((0.0, 0.1)),
)
CONFIGS = {"v1": V1, "v2": V2, "v3": V3, "v4": V4}


@st.composite
def batches(draw: Any, version: str, config: Any = None) -> Case:
    """A case in float64, every fourth in float32.

    Every fourth has truths that crowd together, every second rows of rubbish. With a config all
    cases have it, and one shape.
    """
    one_shape, rng = config is not None, _rng(draw)
    single = not (one_shape or draw(st.integers(0, 3)))
    config = config or draw(CONFIGS[version])
    n, t, k, *grid = (2, 5, 3, 2, 3) if one_shape else draw(_SHAPES)
    raw = cases.draw_raw(rng, version, config, tuple(grid), n, k)
    heads = raw if isinstance(raw, tuple) else (raw,)
    scale, special = draw(st.sampled_from((0.1, 1.0, 1.0, 5.0, LARGEST))), draw(st.booleans())
    heads = [_scaled(rng, x, scale, special=special) for x in heads]
    case = with_heads(Case("drawn", version, raw, _targets(draw, rng, n, t, k), config), heads)
    if not single:
        return without_close_calls(case)
    if case.targets.ignore is not None:
        case = _not_tiny(case)
    return in_dtype(without_close_calls(case), np.float32)


def _not_tiny(case: Case) -> Case:
    """Predictions of a size of which float32 knows how much lies in a region."""
    num = case.config.num_boxes if case.version == "v1" else 1
    heads = [x.copy() for x in case.heads]
    for x in heads:
        for k in (2, 3):
            sizes = x[..., k : 5 * num : 5]
            np.maximum(sizes, -3, out=sizes)
    return with_heads(case, heads)


_SHAPES = st.tuples(*(st.integers(*of) for of in ((1, 3), (0, 8), (1, 20), (1, 3), (1, 3))))


def _rng(draw: Any) -> np.random.Generator:
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


def _scaled(rng: np.random.Generator, x: np.ndarray, scale: float, *, special: bool) -> np.ndarray:
    """Raw outputs of some size, every tenth a special one."""
    x = np.clip(cases.float32(x * scale), -LARGEST, LARGEST)
    return np.where(rng.uniform(size=x.shape) < 0.1 * special, rng.choice(SPECIAL, x.shape), x)


def _targets(draw: Any, rng: np.random.Generator, n: int, t: int, k: int) -> yl.Targets:
    if t == 0:
        return yl.Targets(
            np.zeros((n, 0, 4)), np.zeros((n, 0), np.int64), np.zeros((n, 0), np.bool_)
        )
    targets = cases.draw_targets(rng, n, t, k)
    if t > 1 and draw(st.integers(0, 3)) == 0:
        targets.boxes[:, 1] = cases.float32(targets.boxes[:, 0] * 0.99)
    if draw(st.booleans()):
        targets.boxes[~targets.valid] = np.nan
        targets.labels[~targets.valid] = -9
    if draw(st.integers(0, 3)) == 0:
        return cases.with_regions(rng, targets)
    return targets


def without_close_calls(case: Case) -> Case:
    """The same case without the truths that are too near to another decision."""
    valid = case.targets.valid.copy()
    for n, t, _ in cases.close_truths(case):
        valid[n, t] = False
    return replace(case, targets=case.targets._replace(valid=valid))


def with_heads(case: Case, heads: Any) -> Case:
    """The same case with other raw outputs."""
    heads = tuple(heads)
    return replace(case, raw=heads if isinstance(case.raw, tuple) else heads[0])


def in_dtype(case: Case, dtype: Any) -> Case:
    """The same case with raw outputs and boxes of another dtype."""
    targets = case.targets._replace(boxes=case.targets.boxes.astype(dtype))
    return with_heads(replace(case, targets=targets), [x.astype(dtype) for x in case.heads])
