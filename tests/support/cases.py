"""Batches that all versions are tried on: raw outputs, truths and a config.

Raw outputs and boxes are numbers of float32, so that both precisions see the same input. Random
cases keep a margin from every threshold, cell border and tie; `close_calls` looks for what is
nearer, and the generator draws again. Borders, ties and strictness have cases by hand, exact in
binary.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import yolo_losses as yl
from conformance import oracle
from conformance.oracle import similarity

MARGIN = 2e-5  # float32 rounds an IOU by about 1e-6

ANCHORS = ((6, 9), (14, 8), (11, 22), (26, 17), (21, 40), (44, 31))
MASKS = ((3, 4, 5), (0, 1, 2))
V2 = yl.v2.Config(anchors=((7, 11), (20, 13), (30, 38)), stride=16)
V3 = yl.v3.Config(ANCHORS, MASKS, (16, 8))
V4 = yl.v4.Config(ANCHORS, MASKS, (16, 8), (1.1, 1.2))
V1 = yl.v1.Config()


@dataclass(frozen=True, eq=False)
class Case:
    """One batch; `raw` is an array for v1 and v2, a tuple of heads for v3 and v4."""

    name: str
    version: str
    raw: Any
    targets: yl.Targets
    config: Any
    few: bool = False  # one of the few for back ends that compile

    @property
    def module(self) -> Any:
        return getattr(yl, self.version)

    @property
    def heads(self) -> tuple[np.ndarray, ...]:
        return self.raw if isinstance(self.raw, tuple) else (self.raw,)

    @property
    def num_classes(self) -> int:
        skip = 5 * self.config.num_boxes if self.version == "v1" else 5
        return self.heads[0].shape[-1] - skip


# Drawing.


def float32(x: Any) -> np.ndarray:
    return np.asarray(x, dtype=np.float32).astype(np.float64)


def draw_raw(rng, version: str, config: Any, grid: tuple[int, int], n: int, k: int) -> Any:
    """Raw outputs whose coarsest grid is `grid`."""
    h, w = grid
    if version == "v1":
        return float32(rng.normal(size=(n, h, w, 5 * config.num_boxes + k)))
    if version == "v2":
        return float32(rng.normal(size=(n, h, w, len(config.anchors), 5 + k)))
    scale = [config.strides[0] // s for s in config.strides]
    return tuple(
        float32(rng.normal(size=(n, h * f, w * f, len(m), 5 + k)))
        for f, m in zip(scale, config.masks, strict=True)
    )


def draw_targets(rng, n: int, t: int, k: int) -> yl.Targets:
    """Boxes of all shapes, the last image of several without an object."""
    wh = np.exp(rng.uniform(np.log(0.05), np.log(0.8), size=(n, t, 2)))
    boxes = float32(np.concatenate([rng.uniform(size=(n, t, 2)), wh], axis=-1))
    valid = rng.uniform(size=(n, t)) < 0.8
    valid[: n - 1, 0], valid[n - 1 if n > 1 else n :] = True, False
    return yl.Targets(boxes, rng.integers(0, k, size=(n, t)), valid)


def random(
    name, version, config, grid=(2, 3), n=2, t=5, k=3, few=False, near=0, regions=False
) -> Case:
    """A random case that keeps its margins; with `near`, truths that crowd together."""
    for seed in itertools.count(sum(map(ord, name))):
        rng = np.random.default_rng(seed)
        targets = draw_targets(rng, n, t, k)
        if near:
            jitter = rng.uniform(-0.02, 0.02, size=targets.boxes[:, 1 : 1 + near].shape)
            targets.boxes[:, 1 : 1 + near] = float32(targets.boxes[:, :1] * (1 + jitter))
            targets.valid[0, 1 : 1 + near] = True
        if regions:
            targets = with_regions(rng, targets)
        raw = draw_raw(rng, version, config, grid, n, k)
        case = Case(f"{version}-{name}", version, raw, targets, config, few)
        if not close_calls(case):
            return case
    raise AssertionError


def with_regions(rng, targets: yl.Targets) -> yl.Targets:
    """Every second row a region, large enough to hide something, its class none."""
    ignore = np.zeros_like(targets.valid)
    ignore[:, ::2] = True
    boxes, labels = targets.boxes.copy(), targets.labels.copy()
    boxes[:, ::2, 2:] = float32(rng.uniform(0.4, 1, size=boxes[:, ::2, 2:].shape))
    labels[:, ::2] = -7
    return yl.Targets(boxes, labels, targets.valid, ignore)


# Margins.


def close_calls(case: Case) -> list[str]:
    """Every decision of a case that is nearer than MARGIN to falling the other way."""
    calls = ((n, t, close) for n, t, found in close_truths(case) for close in found)
    return [f"image {n}, truth {t}: {close}" for n, t, close in calls]


def close_truths(case: Case) -> list[tuple[int, int, list[str]]]:
    """The truths by image and row with decisions that are nearer than MARGIN, and these."""
    found = []
    for n, t in zip(*case.targets.valid.nonzero(), strict=True):
        box = case.targets.boxes[n, t]
        inside = (box >= 0).all() and (box <= 1).all() and (box[2:] > 0).all()
        if inside and (close := _close_truth(case, n, box)):
            found.append((n, t, close))
    return found


def _close_truth(case: Case, n: int, box: np.ndarray) -> list[str]:
    found = []
    for head in case.heads:
        h, w = head.shape[1:3]
        for v in (box[0] * w, box[1] * h):
            if abs(v - round(v)) < MARGIN * max(w, h):
                found.append("border")
    overlaps = [*_decided_ious(case, n, box), *_hidden(case, n, box)]
    for name, values, thresholds in overlaps:
        values = sorted(values)
        if any(b - a < MARGIN for a, b in itertools.pairwise(values)) and "ties" in name:
            found.append(name)
        if any(abs(v - t) < MARGIN for v in values for t in thresholds):
            found.append(name)
    return found


def _decided_ious(case: Case, n: int, box: np.ndarray) -> list[tuple[str, list[float], list]]:
    """IOUs that a decision depends on, and the thresholds that they are held against."""
    config = case.config
    if case.version == "v1":
        return [("ties of predictors", _cell_ious(case, n, box), [])]
    height, width = _input_size(case)
    shapes = [_shape_iou(box[2] * width, box[3] * height, *a) for a in config.anchors]
    if case.version == "v2":
        return [("ties of anchors", shapes, [])]
    thresholds = {
        getattr(config, name, None)
        for name in ("coord_iou_threshold", "assign_iou_threshold", "ignore_threshold")
    } - {None}
    found = [("ties of anchors", shapes, thresholds)]
    if config.ignore_by in ("prior", "prediction"):
        found.append(("ignored", _placed_ious(case, n, box), [config.ignore_threshold]))
    return found


def _hidden(case: Case, n: int, box: np.ndarray) -> list[tuple[str, list[float], list]]:
    """What part of each predictor lies in a box, where that is asked."""
    if case.targets.ignore is None:
        return []
    placed, region = _placed(case, n), _corners(*box)
    some = [v for v in placed if similarity.area(v) > 0]
    shares = [similarity.intersection(v, region) / similarity.area(v) for v in some]
    return [("regions", shares, [0.5])]


def _input_size(case: Case) -> tuple[float, float]:
    stride = case.config.stride if case.version == "v2" else case.config.strides[0]
    return case.heads[0].shape[1] * stride, case.heads[0].shape[2] * stride


def _shape_iou(w, h, pw, ph) -> float:
    inter = min(w, pw) * min(h, ph)
    return inter / (w * h + pw * ph - inter)


def _corners(x, y, w, h) -> tuple[float, ...]:
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def _cell_ious(case: Case, n: int, box: np.ndarray) -> list[float]:
    """IOU of the predictors of the truth's cell (v1)."""
    h, w = case.raw.shape[1:3]
    row, col = min(int(box[1] * h), h - 1), min(int(box[0] * w), w - 1)
    t = case.raw[n, row, col, : 5 * case.config.num_boxes].reshape(-1, 5)
    s = _sigmoid(t)
    boxes = [((col + v[0]) / w, (row + v[1]) / h, v[2], v[3]) for v in s]
    return [similarity.iou(_corners(*b), _corners(*box)) for b in boxes]


def _sigmoid(t: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(t, -700, 700)))


def _placed_ious(case: Case, n: int, box: np.ndarray) -> list[float]:
    """IOU of every prior on its cell, or of every decoded box, with the truth."""
    return [similarity.iou(pred, _corners(*box)) for pred in _placed(case, n)]


def _placed(case: Case, n: int) -> list[tuple[float, ...]]:
    """The corners of every prior on its cell, or of every decoded box."""
    if case.version in ("v1", "v2"):
        found = getattr(oracle, case.version).evaluate(case.raw[n].tolist(), [], case.config)
        return [_corners(*p[:4]) for row in found.heads[0].decoded for cell in row for p in cell]
    config, (height, width), found = case.config, _input_size(case), []
    decoded = yl_free_decode(case, n)
    for s, head in enumerate(case.heads):
        for row, col, a in np.ndindex(*head.shape[1:4]):
            pw, ph = config.anchors[config.masks[s][a]]
            h, w = head.shape[1:3]
            prior = ((col + 0.5) / w, (row + 0.5) / h, pw / width, ph / height)
            by_prior = config.ignore_by in ("prior", "shape")
            other = prior if by_prior else decoded[s][row, col, a]
            found.append(_corners(*other))
    return found


def yl_free_decode(case: Case, n: int) -> list[np.ndarray]:
    """Decoded boxes of an image, without the package."""
    config, (height, width), out = case.config, _input_size(case), []
    scales = getattr(config, "scale_xy", (1,) * len(config.masks))
    for head, mask, s in zip(case.heads, config.masks, scales, strict=True):
        h, w = head.shape[1:3]
        rows, cols = np.mgrid[:h, :w]
        offset = s * _sigmoid(head[n, ..., :2]) - (s - 1) / 2
        size = np.array([config.anchors[k] for k in mask]) / [width, height]
        wh = size * np.exp(np.clip(head[n, ..., 2:4], -20, 20))
        xy = (offset + np.stack([cols, rows], axis=-1)[:, :, None]) / [w, h]
        out.append(np.concatenate([xy, wh], axis=-1))
    return out


# Truths by hand.


def with_targets(case: Case, name: str, rows: list[list[tuple]], few: bool = False) -> Case:
    """The same raw outputs with truths (x, y, w, h, label, valid), one list an image.

    A seventh entry, in all rows of an image or in none, makes a row a region, or not.
    """
    n, t = len(rows), 13  # one shape for all: one compilation
    filler = (0.5, 0.5, 0.5, 0.5, 0, False)
    full = [row + [filler] * (t - len(row)) for row in rows]
    cells = np.array([[row[:4] for row in image] for image in full], dtype=float).reshape(n, t, 4)
    labels = np.array([[row[4] for row in image] for image in full]).reshape(n, t).astype(int)
    valid = np.array([[row[5] for row in image] for image in full]).reshape(n, t).astype(bool)
    ignore = np.array([[row[6:] == (True,) for row in image] for image in full]).reshape(n, t)
    targets = yl.Targets(cells, labels, valid, ignore if ignore.any() else None)
    return replace(case, name=f"{case.version}-{name}", targets=targets, few=few)


NAN, INF = float("nan"), float("inf")
GOOD = (0.4, 0.6, 0.3, 0.2, 1, True)
INVALID = [
    (NAN, 0.5, 0.2, 0.2, 0, True), (0.5, 0.5, INF, 0.2, 0, True), (-0.01, 0.5, 0.2, 0.2, 0, True),
    (0.5, 1.01, 0.2, 0.2, 0, True), (0.5, 0.5, 0.0, 0.2, 0, True), (0.5, 0.5, 0.2, -0.1, 0, True),
    (0.5, 0.5, 1.00001, 0.2, 0, True), (0.5, 0.5, 0.2, 0.2, -1, True),
    (0.5, 0.5, 0.2, 0.2, 3, True), (1e300, 0.5, 0.2, 0.2, 0, True), (0.5, -INF, 0.2, 0.2, 0, True),
]  # fmt: skip
HAND: dict[str, list[list[tuple]]] = {
    "no-valid": [[(0.4, 0.6, 0.3, 0.2, 1, False)], [(NAN, INF, -1.0, 9.0, 77, False)]],
    "one-image-empty": [[GOOD], []],
    "invalid": [[*INVALID, GOOD], [INVALID[0], GOOD, *INVALID[5:]]],
    "collisions": [
        [(0.4, 0.6, 0.3, 0.2, 0, True), (0.41, 0.61, 0.3, 0.21, 1, True), (0.9, 0.1, 0.1, 0.3, 2, True)],
        [(0.4, 0.6, 0.3, 0.2, 2, True)] * 3,
    ],
    "borders": [
        [(0.0, 0.0, 0.3, 0.2, 0, True), (1.0, 1.0, 0.3, 0.2, 1, True), (0.5, 1.0, 0.11, 0.4, 2, True)],
        [(0.25, 0.5, 0.3, 0.2, 0, True), (0.75, 0.0, 0.7, 0.2, 1, True), (1.0, 0.25, 0.1, 0.1, 2, True)],
    ],
    "tiny-and-huge": [
        [(0.3, 0.3, 1e-6, 1e-6, 0, True), (0.7, 0.3, 1.0, 1.0, 1, True)],
        [(0.3, 0.7, 1.0, 1e-4, 2, True), (0.9, 0.9, 1e-5, 0.9, 0, True)],
    ],
}  # fmt: skip


# Exact in binary: a 4 × 4 grid of stride 8, raw outputs 0, so that a predicted box is the prior on
# its cell. A truth stands at a threshold, a tie or a common edge, not near it.

_CELL, _WIDE, _TALL = (8, 8), (16, 8), (8, 16)
_TWO_CELLS = (0.5, 0.375, 0.5, 0.25, 1, True)  # cells (1, 1) and (1, 2), IOU ½ with each
_ONE_CELL = (0.375, 0.375, 0.25, 0.25, 1, True)
_HIGH = (0.375, 0.375, 0.25, 0.5, 0, True)  # IOU ½ with the cell's prior, common edges left, right
_EXACT: dict[str, tuple[tuple, dict[str, Any], tuple]] = {
    "v3-gate": ((_CELL,), {}, _HIGH),
    "v3-tie": ((_TALL, _WIDE), {}, _ONE_CELL),
    "v3-tie-unsorted": ((_TALL, _WIDE), {"masks": ((1, 0),)}, _ONE_CELL),
    "v3-ignore-prior": ((_CELL,), {"ignore_by": "prior"}, _TWO_CELLS),
    "v3-ignore-prediction": ((_CELL,), {"ignore_by": "prediction"}, _TWO_CELLS),
    "v3-ignore-shape": ((_CELL, _WIDE), {"ignore_by": "shape"}, _TWO_CELLS),
    "v3-ignore-prior-below": ((_CELL,), {"ignore_threshold": 0.25}, _TWO_CELLS),
    "v4-assign": ((_CELL, _WIDE), {"assign_iou_threshold": 0.5}, _TWO_CELLS),
    "v4-intersection": ((_CELL,), {"assign": "intersection", "assign_iou_threshold": 0.5}, _HIGH),
    "v4-edges-ciou": ((_CELL,), {}, _HIGH),
    "v4-edges-giou": ((_CELL,), {"similarity": "giou"}, _HIGH),
    "v4-edges-diou": ((_CELL,), {"similarity": "diou"}, _HIGH),
    "v4-equal-ciou": ((_CELL,), {}, _ONE_CELL),
    "v4-equal-iou": ((_CELL,), {"similarity": "iou"}, _ONE_CELL),
}


def exact(name: str, anchors: tuple, options: dict[str, Any], truth: tuple) -> Case:
    """One image, one head, one truth."""
    version = name.partition("-")[0]
    options = {"masks": (tuple(range(len(anchors))),), "strides": (8,), **options}
    if version == "v4":
        options["scale_xy"] = (1.5,)
    config = getattr(yl, version).Config(anchors, **options)
    raw = (np.zeros((1, 4, 4, len(anchors), 7)),)
    return with_targets(
        Case("", version, raw, yl.Targets(*[None] * 3), config), f"exact{name[2:]}", [[truth]]
    )


def exact_ties() -> list[Case]:
    """v1 and v2 with equal predictors or anchors; a far truth, so that every IOU of v1 is 0."""
    raw = np.zeros((1, 4, 4, 12))
    far = raw.copy()
    far[..., 2:4] = far[..., 7:9] = -30.0
    v1 = Case("", "v1", raw, yl.Targets(*[None] * 3), V1)
    config = yl.v2.Config(anchors=(_TALL, _WIDE), stride=8)
    v2 = Case("", "v2", np.zeros((1, 4, 4, 2, 7)), v1.targets, config)
    return [
        with_targets(v1, "exact-tie", [[_ONE_CELL]]),
        with_targets(replace(v1, raw=far), "exact-no-overlap", [[(0.25, 0.25, 0.1, 0.1, 0, True)]]),
        with_targets(v2, "exact-tie", [[_ONE_CELL]]),
    ]


def extreme(case: Case, size: float) -> Case:
    """Every raw output ±size."""

    def signs(x):
        rng = np.random.default_rng(x.size)
        return size * np.where(rng.uniform(size=x.shape) < 0.5, -1.0, 1.0)

    raw = tuple(map(signs, case.raw)) if isinstance(case.raw, tuple) else signs(case.raw)
    return replace(case, name=f"{case.version}-extreme-{size:g}", raw=raw)


# The list.


def _v1() -> list[Case]:
    return [
        random("plain", "v1", V1, few=True),
        random("crowded", "v1", replace(V1, num_boxes=3), t=7, near=3),
        random("one-box", "v1", replace(V1, num_boxes=1), grid=(3, 3), k=1),
        random("lambdas", "v1", replace(V1, lambda_coord=1.7, lambda_noobj=0.3), grid=(3, 2), k=6),
        random("regions", "v1", V1, grid=(3, 3), few=True, regions=True),
    ]


def _v2() -> list[Case]:
    lambdas = {"coord": 1.3, "obj": 0.7, "noobj": 2.1, "class": 3.7}
    return [
        random("plain", "v2", V2, few=True),
        random("crowded", "v2", V2, t=7, near=3),
        random("one-class", "v2", V2, grid=(4, 2), n=3, k=1),
        random("lambdas", "v2", replace(V2, **{f"lambda_{k}": v for k, v in lambdas.items()})),
        random("one-anchor", "v2", replace(V2, anchors=((20, 13),)), t=4),
        random("regions", "v2", V2, grid=(3, 3), few=True, regions=True),
    ]


_PYRAMIDS: dict[str, dict[str, Any]] = {
    "crowded": {},
    "one-head": {"masks": ((0, 2, 4),), "strides": (16,)},
    "three-heads": {"masks": ((4, 5), (2, 3), (0, 1)), "strides": (16, 8, 4)},
    "shared-anchor": {"masks": ((3, 4, 5, 0), (0, 1, 2, 3))},
    "left-out": {"masks": ((3, 5), (1, 2))},
    "unequal-heads": {"masks": ((5,), (3, 1, 0, 2))},
    "unsorted": {"masks": ((1, 3, 0), (5, 2, 4))},
    "lambdas": {"lambda_coord": 1.7, "lambda_obj": 0.6, "lambda_class": 2.3},
}


def _pyramids(version: str, base: Any, options: dict[str, dict[str, Any]]) -> list[Case]:
    out = []
    for name, option in {**_PYRAMIDS, **options}.items():
        if version == "v4" and "strides" in option:
            option = {**option, "scale_xy": (1.3, 1.1, 1.2)[: len(option["strides"])]}
        size = {"grid": (2, 2), "n": 1} if name == "three-heads" else {}
        near = 3 if name == "crowded" else 0
        out.append(random(name, version, replace(base, **option), t=7, near=near, **size))
    return out


def _v3() -> list[Case]:
    options = {
        f"ignore-{by}-{threshold}": {"ignore_by": by, "ignore_threshold": threshold}
        for by, threshold in (("shape", 0.5), ("shape", 0.2), ("prior", 0.2), (None, 0.5),
                              ("prediction", 0.5), ("prediction", 0.15))
    }  # fmt: skip
    options |= {"no-gate": {"coord_iou_threshold": None}, "gate": {"coord_iou_threshold": 0.3}}
    options |= {"eps": {"offset_eps": 0.25}}
    plain = random("plain", "v3", V3, few=True)
    return [plain, *_pyramids("v3", V3, options), *_with_regions("v3", V3, "prior", "prediction")]


def _with_regions(version: str, base: Any, *rules: str | None) -> list[Case]:
    """Regions beside ignore rules."""
    return [
        random(f"regions-{by}", version, replace(base, ignore_by=by), t=6, few=True, regions=True)
        for by in rules
    ]


def _v4() -> list[Case]:
    options: dict[str, dict[str, Any]] = {s: {"similarity": s} for s in ("iou", "giou", "diou")}
    options |= {
        f"ignore-{by}": {"ignore_by": by, "ignore_threshold": 0.3}
        for by in ("shape", "prior", "prediction")
    }
    options |= {
        "intersection": {"assign": "intersection", "assign_iou_threshold": 0.4},
        "best-only": {"assign_iou_threshold": 1.0},
        "smoothing": {"label_smoothing": 0.1},
        "no-scale": {"scale_xy": (1.0, 1.0)},
        "ignore-scaled": {
            "scale_xy": (1.0, 2.5),
            "ignore_by": "prediction",
            "ignore_threshold": 0.1,
        },
    }
    crowd = random("plain", "v4", replace(V4, ignore_by="prediction"), few=True)
    return [crowd, *_pyramids("v4", V4, options), *_with_regions("v4", V4, None)]


RANDOM: list[Case] = [*_v1(), *_v2(), *_v3(), *_v4()]
PLAIN: dict[str, Case] = {
    v: next(c for c in RANDOM if c.name == f"{v}-plain") for v in ("v1", "v2", "v3", "v4")
}
BY_HAND: list[Case] = [
    with_targets(case, name, rows) for case in PLAIN.values() for name, rows in HAND.items()
]
# A region that breaks a rule, one of a class, one of none around a truth; a rule that finds its own.
_REGIONS = [
    [(0.5, 0.5, 1.5, 1.5, 0, True, True), GOOD],
    [(0.2, 0.6, 0.4, 0.7, 1, True, True), (0.3, 0.6, 0.6, 0.7, -1, True, True), GOOD],
]
REGIONS: list[Case] = [
    *(case for case in RANDOM if case.targets.ignore is not None),
    *(with_targets(case, "regions-by-hand", _REGIONS) for case in PLAIN.values()),
    with_targets(
        replace(PLAIN["v3"], config=replace(V3, ignore_threshold=0.2)), "regions-and-rule", _REGIONS
    ),
]
EXTREME: list[Case] = [extreme(c, size) for c in PLAIN.values() for size in (15.0, 1e4)]
EXACT: list[Case] = [*exact_ties(), *(exact(name, *rest) for name, rest in _EXACT.items())]
CASES: list[Case] = [*RANDOM, *BY_HAND, *EXACT, *REGIONS[-5:]]
FEW: list[Case] = [case for case in CASES if case.few]
assert len({case.name for case in (*CASES, *EXTREME)}) == len(CASES) + len(EXTREME)
ids: Callable[[Case], str] = lambda case: case.name  # noqa: E731
