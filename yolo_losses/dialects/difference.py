"""How the slopes of a dialect differ from those of the formula, on somebody's own numbers.

Programs report their losses by terms of their own, or none at all; what all of them have is a
gradient. It is compared by what it moves: x and y, w and h, objectness where a truth holds the
predictor in either, objectness elsewhere, classes.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

EQUAL = 1e-5  # of the largest slope of a group

# The topics of a dialect's docstring that speak of a group.
TOPICS = {
    "x y": ("decode", "assignment", "coordinates", "collisions", "reduction", "eps", "truths"),
    "w h": ("decode", "assignment", "coordinates", "collisions", "reduction", "eps", "truths"),
    "obj": ("assignment", "objectness", "collisions", "reduction", "truths"),
    "noobj": ("ignore", "objectness", "reduction", "truths"),
    "cls": ("assignment", "classes", "collisions", "reduction", "truths"),
}


class Group(NamedTuple):
    """One group of slopes."""

    name: str
    formula: float  # Σ |slope|
    dialect: float
    ratio: float  # dialect ≈ ratio · formula, by least squares; NaN where the formula has none
    apart: int  # how many differ
    largest: float  # difference, of the largest slope of the group
    place: tuple[int, ...]  # of it: head, image, row, col, predictor, field
    values: tuple[float, float]  # there, of the formula and of the dialect

    @property
    def agrees(self) -> bool:
        """Whether no slope differs by more than a rounding."""
        return self.largest <= EQUAL


class Assigned(NamedTuple):
    """Predictors that a truth holds, and those without a slope of objectness."""

    both: int
    formula_alone: int
    dialect_alone: int
    formula_ignores: int
    dialect_ignores: int


def by_predictor(grad: np.ndarray, num_boxes: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (N, H, W, A, 5) and of classes (N, H, W, A or 1, K)."""
    if num_boxes is None:
        return grad[..., :5], grad[..., 5:]
    boxes, cls = grad[..., : 5 * num_boxes], grad[..., 5 * num_boxes :]
    return boxes.reshape(*grad.shape[:3], num_boxes, 5), cls[..., None, :]


def held(box: np.ndarray, cls: np.ndarray) -> np.ndarray:
    """(N, H, W, A): predictors whose box or classes have a slope."""
    some: np.ndarray = (box[..., :4] != 0).any(axis=-1)
    if cls.shape[3] == box.shape[3]:
        some = some | (cls != 0).any(axis=-1)
    return some


def groups(
    formula: Sequence[np.ndarray], dialect: Sequence[np.ndarray], num_boxes: int | None
) -> tuple[list[Group], Assigned]:
    """Gradients (N, H, W, A, 5 + K) of each head, v1 (N, S, S, B·5 + K), side by side."""
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in TOPICS}
    counts = np.zeros(5, dtype=int)
    for f, d in zip(formula, dialect, strict=True):
        (fb, fc), (db, dc) = by_predictor(f, num_boxes), by_predictor(d, num_boxes)
        by_f, by_d = held(fb, fc), held(db, dc)
        either = (by_f | by_d)[..., None]
        o = slice(4, 5)
        parts["x y"].append((fb[..., :2], db[..., :2]))
        parts["w h"].append((fb[..., 2:4], db[..., 2:4]))
        parts["obj"].append((fb[..., o] * either, db[..., o] * either))
        parts["noobj"].append((fb[..., o] * ~either, db[..., o] * ~either))
        parts["cls"].append((fc, dc))
        none_f, none_d = ((v[..., 4] == 0) & ~either[..., 0] for v in (fb, db))
        sets = by_f & by_d, by_f & ~by_d, by_d & ~by_f, none_f, none_d
        counts += [int(v.sum()) for v in sets]
    return [_group(name, pairs) for name, pairs in parts.items()], Assigned(*map(int, counts))


def _group(name: str, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Group:
    formula, dialect = (np.concatenate([p[k].ravel() for p in pairs]) for k in (0, 1))
    gap = np.abs(formula - dialect)
    gap[np.isnan(gap) & ~(np.isnan(formula) & np.isnan(dialect))] = np.inf
    scale = max(np.abs(formula).max(initial=0), np.abs(dialect).max(initial=0)) or 1.0
    square = float(formula @ formula)
    ratio = float(formula @ dialect) / square if square else float("nan")
    at = int(gap.argmax()) if gap.size else 0
    return Group(
        name, float(np.abs(formula).sum()), float(np.abs(dialect).sum()), ratio,
        int((gap > EQUAL * scale).sum()), float(gap.max(initial=0) / scale), _place(pairs, at),
        (float(formula[at]), float(dialect[at])) if gap.size else (0.0, 0.0),
    )  # fmt: skip


def _place(pairs: Sequence[tuple[np.ndarray, np.ndarray]], at: int) -> tuple[int, ...]:
    """Head, and place in it, of an entry of all heads behind one another."""
    for head, (f, _) in enumerate(pairs):
        if at < f.size:
            return head, *map(int, np.unravel_index(at, f.shape))
        at -= f.size
    return ()


# Options of a dialect that fit a config of the formula. Those that the formula does not know keep
# the values of the published configuration.


def options_of_head(name: str, module: Any, config: Any, heads: Sequence[Any]) -> list[Any]:
    """The Options of each head of a dialect that gives slopes; those of one that has a loss."""
    return _BUILD[name](module.Options, config, heads)


def _detection(Options: Any, config: Any, heads: Sequence[Any]) -> list[Any]:
    side, depth = heads[0].shape[1], heads[0].shape[-1]
    return [Options(
        side=side, num=config.num_boxes, classes=depth - 5 * config.num_boxes, rescore=1, sqrt=1,
        coord_scale=config.lambda_coord, noobject_scale=config.lambda_noobj,
    )]  # fmt: skip


def _region(Options: Any, config: Any, heads: Sequence[Any]) -> list[Any]:
    anchors = tuple((w / config.stride, h / config.stride) for w, h in config.anchors)
    return [Options(
        anchors=anchors, softmax=1, rescore=1, bias_match=1, thresh=0.6, seen=10**6,
        coord_scale=config.lambda_coord, object_scale=config.lambda_obj,
        noobject_scale=config.lambda_noobj, class_scale=config.lambda_class,
    )]  # fmt: skip


def _yolo(config: Any, heads: Sequence[Any]) -> list[dict[str, Any]]:
    size = {
        "net_w": int(heads[0].shape[2] * config.strides[0]),
        "net_h": int(heads[0].shape[1] * config.strides[0]),
    }
    ignore = config.ignore_threshold
    return [
        {"anchors": config.anchors, "mask": mask, "ignore_thresh": ignore, **size}
        for mask in config.masks
    ]


def _yolo_v3(Options: Any, config: Any, heads: Sequence[Any]) -> list[Any]:
    return [Options(**each) for each in _yolo(config, heads)]


def _yolo_v4(Options: Any, config: Any, heads: Sequence[Any]) -> list[Any]:
    shared = {
        "iou_thresh": config.assign_iou_threshold, "iou_normalizer": config.lambda_coord,
        "obj_normalizer": config.lambda_obj, "cls_normalizer": config.lambda_class,
        "iou_loss": config.similarity, "label_smooth_eps": config.label_smoothing,
    }  # fmt: skip
    pairs = zip(_yolo(config, heads), config.scale_xy, strict=True)
    return [Options(**each, **shared, scale_x_y=s) for each, s in pairs]


# Those of PyTorch's programs go from fine to coarse.


def _plain(Options: Any, config: Any, heads: Sequence[Any]) -> list[Any]:
    return [Options(B=config.num_boxes)]


def _cells(Options: Any, config: Any, heads: Sequence[Any]) -> list[Any]:
    anchors = tuple((w / config.stride, h / config.stride) for w, h in config.anchors)
    return [Options(anchors=anchors)]


def _pyramid(Options: Any, config: Any, heads: Sequence[Any]) -> list[Any]:
    """Anchors of each head, in the order of the config."""
    anchors = [[config.anchors[k] for k in mask] for mask in config.masks]
    return [Options(anchors=anchors, strides=config.strides)]


def _fine_first(Options: Any, config: Any, heads: Sequence[Any]) -> list[Any]:
    (options,) = _pyramid(Options, config, heads)
    pairs = sorted(zip(options.strides, options.anchors, strict=True), key=lambda pair: pair[0])
    strides, anchors = zip(*pairs, strict=True)
    return [replace(options, anchors=anchors, strides=strides)]


def arranged(name: str, heads: Sequence[Any]) -> Any:
    """Heads in the order of a program with a loss: one array for v1 and v2."""
    if _BUILD[name] in (_plain, _cells):
        return heads[0]
    if _BUILD[name] is _fine_first:
        return sorted(heads, key=lambda x: -int(x.shape[1]))
    return list(heads)


_RELATIVES = {
    "ultralytics": (
        "ultralytics_yolov3", "wongkinyiu_yolov4", "scaled_yolov4", "eriklindernoren_yolov3",
    ),
    "katacv": ("yolov4", "yolov5"),
}  # fmt: skip


def relatives(name: str, module: Any, options: Any) -> dict[str, Any]:
    """Options of all programs that a dialect with a loss stands for, by their names."""
    made = {k: getattr(module.Options, k) for k in _RELATIVES.get(name, ())}
    return {k: f(options.anchors, options.strides) for k, f in made.items()} or {"": options}


_BUILD = {
    "abeardear_v1": _plain,
    "aladdinpersson_v1": _plain,
    "uvipen_v2": _cells,
    "mmdetection": _pyramid,
    "aladdinpersson_v3": _pyramid,
    "ultralytics": _fine_first,
    "tianxiaomo": _fine_first,
    "hunglc007": _fine_first,
    "katacv": _fine_first,
    "darknet_v1": _detection,
    "darknet_v2": _region,
    "alexeyab_v2": _region,
    "darknet_v3": _yolo_v3,
    "alexeyab_v4": _yolo_v4,
}


def slopes(name: str, module: Any, options: Sequence[Any], heads: Sequence[Any], gt: Any) -> Any:
    """The gradient of each head, −raw_delta, of a dialect that gives slopes; truths (N, M, 5)."""
    if name == "darknet_v1":
        return [_unflat(-module.deltas(_flat(heads[0], options[0]), gt, options[0]).raw_delta,
                        options[0])]  # fmt: skip
    return [-module.deltas(x, gt, o).raw_delta for x, o in zip(heads, options, strict=True)]


def _flat(x: np.ndarray, options: Any) -> np.ndarray:
    """(N, S, S, B·5 + K) → darknet's flat vector."""
    n, b = x.shape[0], options.num
    boxes = x[..., : 5 * b].reshape(*x.shape[:3], b, 5)
    parts = x[..., 5 * b :], boxes[..., 4], boxes[..., :4]
    return np.concatenate([v.reshape(n, -1) for v in parts], axis=1)


def _unflat(x: np.ndarray, options: Any) -> np.ndarray:
    """The inverse of `_flat`."""
    n, side, b, k = x.shape[0], options.side, options.num, options.classes
    cls, conf, box = np.split(x, [side**2 * k, side**2 * (k + b)], axis=1)
    cells = (n, side, side)
    boxes = np.concatenate([box.reshape(*cells, b, 4), conf.reshape(*cells, b, 1)], axis=-1)
    return np.concatenate([boxes.reshape(*cells, 5 * b), cls.reshape(*cells, k)], axis=-1)
