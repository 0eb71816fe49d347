"""Batches that hypothesis draws: every option of every version, raw outputs and truths.

Numbers come from a seed, options from hypothesis, so that a failure shrinks to few images, truths and
classes. What is nearer than `cases.MARGIN` to another decision is drawn again.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

import yolo_losses as yl

from . import cases
from .cases import ANCHORS, Case

LAMBDAS = st.sampled_from((0.0, 0.07, 0.5, 1.0, 5.0))
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
    ignore_by=st.sampled_from(("prior", "shape", "prediction")),
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
def batches(draw: Any, version: str) -> Case:
    """A case in float64; every fourth has truths that crowd together, every second rows of rubbish."""
    config = draw(CONFIGS[version])
    side, other = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    grid = (side, side if version == "v1" else other)
    n, t, k = draw(st.integers(1, 3)), draw(st.integers(0, 5)), draw(st.integers(1, 4))
    scale = draw(st.sampled_from((0.1, 1.0, 5.0)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    raw = cases.draw_raw(rng, version, config, grid, n, k)
    raw = tuple(x * scale for x in raw) if isinstance(raw, tuple) else raw * scale
    targets = _targets(draw, rng, n, t, k)
    case = Case("drawn", version, raw, targets, config)
    assume(not cases.close_calls(case))
    return case


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


def with_heads(case: Case, heads: Any) -> Case:
    """The same case with other raw outputs."""
    heads = tuple(heads)
    return replace(case, raw=heads if isinstance(case.raw, tuple) else heads[0])
