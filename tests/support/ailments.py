"""Good batches, and what is planted in them for the doctor to find."""

from dataclasses import replace

import numpy as np

import yolo_losses as yl
from tests.support.cases import V1, V2, V3, V4, draw_raw

CONFIGS = {"v1": V1, "v2": V2, "v3": V3, "v4": V4}
K = 3


def good(version, seed=0, n=4, t=3):
    """Objects within their image, each in a column of cells of its own."""
    rng = np.random.default_rng(seed)
    config = CONFIGS[version]
    raw = draw_raw(rng, version, config, (6, 6), n, K)
    x = (np.arange(t) * 2 + 1 + rng.uniform(0.1, 0.9, size=(n, t))) / 8 if t else np.zeros((n, 0))
    y = rng.uniform(0.2, 0.8, size=(n, t))
    w, h = rng.uniform(0.1, 1, size=(2, n, t)) * 2 * np.minimum([x, y], [1 - x, 1 - y])
    labels = rng.integers(0, K, size=(n, t))
    valid = np.ones((n, t), dtype=bool)
    return raw, yl.Targets(np.stack([x, y, w, h], axis=-1), labels, valid), config


def boxes(change):
    return lambda raw, targets, config: (raw, targets._replace(boxes=change(targets.boxes)), config)


def put(row):
    def change(b):
        b = b.copy()
        b[1, 2] = row
        return b

    return boxes(change)


def label(change):
    return lambda raw, targets, config: (raw, targets._replace(labels=change(targets)), config)


def outputs(change):
    def planted(raw, targets, config):
        return (tuple(map(change, raw)) if isinstance(raw, tuple) else change(raw)), targets, config

    return planted


def xyxy(b):
    half = b[..., 2:] / 2
    return np.concatenate([b[..., :2] - half, b[..., :2] + half], axis=-1)


def again(b):
    return np.concatenate([b[:, :1], b[:, :1], b[:, 2:]], axis=1)


def mixed(x):
    """Realistic fields, channels first, reshaped instead of moved."""
    fields = x.copy()
    fields[..., 4] -= 5
    if fields.ndim == 4:
        fields[..., 9] -= 5
    first = np.moveaxis(fields.reshape(*x.shape[:3], -1), -1, 1)
    return np.ascontiguousarray(first).reshape(x.shape)


ONE_REGION = np.zeros((8, 3), dtype=bool)
ONE_REGION[1, 2] = True

PLANTED = {
    "not-finite": put((0.5, np.nan, 0.1, 0.1)),
    "padding": put((0, 0, 0, 0)),
    "empty": put((0.5, 0.5, 0, 0.1)),
    "outside": put((1.2, 0.5, 0.1, 0.1)),
    "pixels": boxes(lambda b: b * 416),
    "corners": boxes(xyxy),
    "divided-twice": boxes(lambda b: b / 416),
    "class": label(lambda t: np.where(t.labels == t.labels[0, 0], -1, t.labels)),
    "classes-from-1": label(lambda t: 1 + np.arange(t.labels.size).reshape(t.labels.shape) % K),
    "duplicate": lambda raw, t, config: (
        raw, t._replace(boxes=again(t.boxes), labels=np.zeros_like(t.labels)), config
    ),
    "raw-not-finite": outputs(lambda x: np.where(x > 2, np.nan, x)),
    "from-corner": boxes(lambda b: np.concatenate([b[..., :2] - b[..., 2:] / 2, b[..., 2:]], -1)),
    "border": put((0.5, 0.47, 0.1, 0.1)),
    "no-truth-left": boxes(lambda b: b * np.where(np.arange(len(b)) == 1, -1, 1)[:, None, None]),
    "covered": lambda raw, t, config: (
        raw,
        yl.Targets(put((0.5, 0.5, 0.9, 0.9))(raw, t, config)[1].boxes, t.labels, t.valid, ONE_REGION),
        config,
    ),
    "raw-constant": outputs(lambda x: np.full_like(x, 0.3)),
    "raw-zero": outputs(np.zeros_like),
    "saturated": outputs(lambda x: x * 40),
    "reshaped": outputs(mixed),
    "activated": outputs(lambda x: 1 / (1 + np.exp(-x))),
    "exploded": outputs(lambda x: x * 1000),
    "nchw": outputs(lambda x: np.moveaxis(x, -1, 1)),
    "labels-float": label(lambda t: t.labels.astype(float)),
    "refused": boxes(lambda b: b[1:]),
}  # fmt: skip


def configured(change):
    return lambda raw, targets, config: (raw, targets, change(config))


def anchors_times(scale):
    def change(config):
        return replace(config, anchors=tuple((w * scale, h * scale) for w, h in config.anchors))

    return configured(change)


PYRAMIDS = ("v3", "v4")
WITH_ANCHORS = ("v2", *PYRAMIDS)
PLANTED_IN = {
    ("anchor-unit", "fractions"): (WITH_ANCHORS, anchors_times(1 / 416)),
    ("anchor-unit", "twice"): (WITH_ANCHORS, anchors_times(416)),
    ("anchors-unfit", "cells"): (WITH_ANCHORS, anchors_times(1 / 8)),
    ("no-slope", "t_w = 25"): (
        WITH_ANCHORS, outputs(lambda x: np.where(np.arange(x.shape[-1]) == 2, 25, x))
    ),
    ("masks", "reversed"): (PYRAMIDS, configured(lambda c: replace(c, masks=c.masks[::-1]))),
    ("heads-order", "reversed"): (PYRAMIDS, lambda raw, t, config: (raw[::-1], t, config)),
    ("gated", "IOU 0.9"): (("v3",), configured(lambda c: replace(c, coord_iou_threshold=0.9))),
    ("untaken", "intersection"): (("v4",), configured(
        lambda c: replace(c, assign="intersection", assign_iou_threshold=0.9)
    )),
    ("swapped", "x and y"): (tuple(CONFIGS), lambda *batch: predicted(*batch, True)),
}  # fmt: skip


def predicted(raw, targets, config, exchanged):
    """Truths that are predictions, which are made confident; or those with x and y exchanged."""
    version = next(v for v in CONFIGS if isinstance(config, getattr(yl, v).Config))
    boxes, labels, valid = (np.copy(v) for v in targets)
    heads = tuple(map(np.copy, raw)) if isinstance(raw, tuple) else (np.copy(raw),)
    found = getattr(yl, version).decode(raw, config)
    first = found[0] if isinstance(raw, tuple) else found
    for n, t in np.ndindex(valid.shape):
        row, col = (n % 5, 5 - t) if n % 5 < 3 - t else (t, 4)
        heads[0].reshape(*heads[0].shape[:3], -1)[n, row, col, 4] = 9
        boxes[n, t] = first.boxes[n, row, col, 0]
    boxes[..., 2:] = np.clip(boxes[..., 2:], 0, 1)
    order = [1, 0, 3, 2] if exchanged else [0, 1, 2, 3]
    truths = yl.Targets(boxes[..., order], labels, valid)
    return (heads if isinstance(raw, tuple) else heads[0]), truths, config
