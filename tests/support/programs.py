"""The recorded cases of programs with a loss, as the dialects take them."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from tests.support.recorded import meta, names, recorded
from yolo_losses import Targets
from yolo_losses.grid import from_nchw


class Case(NamedTuple):
    """A call of `loss`, and what the program made of it."""

    name: str
    module: str
    options: tuple[str, tuple[Any, ...], dict[str, Any]]  # a constructor, its arguments
    raw: list[np.ndarray]  # one a head
    targets: Targets
    total: float
    components: list[np.ndarray]
    grads: list[np.ndarray]

    def load(self, package: str = "yolo_losses") -> Any:
        """The dialect's module."""
        return import_module(f"{package}.dialects.{self.module}")

    def build(self, module: Any) -> Any:
        """Its options."""
        name, args, given = self.options
        return (
            getattr(module.Options, name)(*args, **given)
            if name
            else module.Options(*args, **given)
        )

    def argument(self, raw: Any) -> Any:
        """Raw outputs as `loss` takes them: one array in v1 and v2."""
        one = self.module in ("abeardear_v1", "aladdinpersson_v1", "uvipen_v2")
        return raw[0] if one else raw


# Targets.


def padded(boxes: np.ndarray, labels: np.ndarray, valid: np.ndarray) -> Targets:
    """As many rows as the fullest image has; valid ones stand first."""
    most = int(valid.sum(axis=1).max(initial=0))
    return Targets(boxes[:, :most], labels[:, :most].astype(int), valid[:, :most])


def of_rows(rows: np.ndarray, num_images: int) -> Targets:
    """Rows image, class, x y w h."""
    boxes = np.full((num_images, len(rows), 4), 0.5)
    labels, valid = np.zeros((num_images, len(rows))), np.zeros((num_images, len(rows)), bool)
    for n in range(num_images):
        own = rows[rows[:, 0] == n]
        boxes[n, : len(own)], labels[n, : len(own)] = own[:, 2:], own[:, 1]
        valid[n, : len(own)] = True
    return padded(boxes, labels, valid)


def of_corners(rows: np.ndarray, size: tuple[int, int]) -> Targets:
    """(N, M, 5): x1 y1 x2 y2 class in pixels, zeros at the end."""
    corners, scale = rows[..., :4].astype(float), np.array([*size, *size])
    low, high = corners[..., :2], corners[..., 2:]
    boxes = np.concatenate([(low + high) / 2, high - low], axis=-1) / scale
    return padded(boxes, rows[..., 4], rows.sum(axis=-1) > 0)


# Cases.


def _heads(z: dict[str, np.ndarray], key: str, to: Callable[[np.ndarray], Any]) -> list[np.ndarray]:
    return [to(z[f"{key}{s}"]) for s in range(3) if f"{key}{s}" in z]


def _case(
    name: str, module: str, options: Any, to: Callable[[np.ndarray], Any], targets: Targets
) -> Case:
    z = recorded("pytorch", name)
    parts = [np.asarray(v) for v in z["components"]] if "components" in z else []
    total = float(np.ravel(z["loss"])[0])
    return Case(
        name, module, options, _heads(z, "p", to), targets, total, parts, _heads(z, "g", to)
    )


def _anchors_behind(x: np.ndarray) -> np.ndarray:
    """(N, A, H, W, D) → (N, H, W, A, D)."""
    return np.ascontiguousarray(np.moveaxis(x, 1, 3))


def _nchw(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(from_nchw(x, 3))


_FAMILY = {
    "ultralytics_yolov3": "ultralytics_yolov3",
    "wky_pytorch_yolov4": "wongkinyiu_yolov4",
    "wky_scaledyolov4": "scaled_yolov4",
    "erik_yolov3": "eriklindernoren_yolov3",
}


def _ultralytics(name: str) -> Case:
    z, m, prefix = recorded("pytorch", name), meta(name), name.partition("__")[0]
    hyp, extra = m["hyp"], m["extra"]
    given = {key: hyp[key] for key in ("obj", "cls", "obj_pw", "cls_pw", "fl_gamma", "anchor_t")}
    given |= {"gr": extra["gr"], "box": hyp["giou" if "scaled" in prefix else "box"]}
    if prefix == "ultralytics_yolov3":
        given |= {key: extra[key] for key in ("label_smoothing", "sort_obj_iou")}
    if prefix == "erik_yolov3":
        given = {}
    options = _FAMILY[prefix], (z["anchors_px"], z["strides"]), given
    return _case(name, "ultralytics", options, _anchors_behind, of_rows(z["targets"], m["batch"]))


def _mmdetection(name: str) -> Case:
    z, m = recorded("pytorch", name), meta(name)
    keys = ("pos_iou_thr", "neg_iou_thr", "min_pos_iou", "one_hot_smoother", "w_xy", "w_wh")
    options = "", (z["anchors_px"], z["strides"]), {key: m[key] for key in keys}
    return _case(name, "mmdetection", options, _nchw, of_corners(z["labels"], (m["W"], m["H"])))


def _tianxiaomo(name: str) -> Case:
    z, m = recorded("pytorch", name), meta(name)
    options = "", (z["anchors_px"], z["strides"]), {"ignore_thre": m["ignore_thre"]}
    return _case(name, "tianxiaomo", options, _nchw, of_corners(z["labels"], (m["W"], m["H"])))


def _uvipen(name: str) -> Case:
    z, m = recorded("pytorch", name), meta(name)
    keys = ("coord_scale", "noobject_scale", "object_scale", "class_scale", "thresh")
    options = "", (z["anchors_grid"],), {key: m[key] for key in keys}
    targets = of_rows(z["targets"], m["batch"])
    return _case(name, "uvipen_v2", options, lambda x: np.array(from_nchw(x, 5)), targets)


def _abeardear(name: str) -> Case:
    z, m = recorded("pytorch", name), meta(name)
    options = "", (), {key: m[key] for key in ("B", "l_coord", "l_noobj")}
    return _case(name, "abeardear_v1", options, np.array, of_rows(z["boxes"], m["batch"]))


def aladdin_cells(x: np.ndarray) -> np.ndarray:
    """20 classes, c, box, c, box → box, c, box, c, classes."""
    parts = x[..., 21:25], x[..., 20:21], x[..., 26:30], x[..., 25:26], x[..., :20]
    return np.concatenate(parts, axis=-1)


def _aladdin_v1(name: str) -> Case:
    targets = of_rows(recorded("pytorch", name)["boxes"], meta(name)["batch"])
    return _case(name, "aladdinpersson_v1", ("", (), {}), aladdin_cells, targets)


def _objectness_first(x: np.ndarray) -> np.ndarray:
    parts = x[..., 1:5], x[..., :1], x[..., 5:]
    return _anchors_behind(np.concatenate(parts, axis=-1))


def _aladdin_v3(name: str) -> Case:
    z = recorded("pytorch", name)
    options = "", ([z["anchors_grid"]], (1,)), {}
    targets = of_rows(z["boxes"], meta(name)["batch"])
    return _case(name, "aladdinpersson_v3", options, _objectness_first, targets)


def _hunglc007(name: str) -> Case:
    z, m = recorded("pytorch", name), meta(name)
    options = "", (z["anchors_px"], z["strides"], m["xyscale"], m["iou_loss_thresh"]), {}
    targets = of_corners(z["boxes"], (m["W"], m["H"]))
    return _case(name, "hunglc007", options, lambda x: x.reshape(*x.shape[:3], 3, -1), targets)


def _katacv(name: str) -> Case:
    z, m = recorded("pytorch", name), meta(name)
    version = "yolov4" if "yolov4" in name else "yolov5"
    boxes = z["boxes"].astype(float)
    scale = np.array([m["W"], m["H"], m["W"], m["H"]])
    valid = np.arange(boxes.shape[1]) < z["nb"][:, None]
    targets = padded(boxes[..., :4] / scale, boxes[..., 4], valid)
    return _case(
        name, "katacv", (version, (z["anchors_px"], z["strides"]), {}), _anchors_behind, targets
    )


_READERS = {
    **dict.fromkeys(_FAMILY, _ultralytics),
    "mmdet_yolov3head": _mmdetection,
    "tianxiaomo_yolov4": _tianxiaomo,
    "uvipen_yolov2": _uvipen,
    "abeardear_yolov1": _abeardear,
    "aladdin_yolov1": _aladdin_v1,
    "aladdin_yolov3": _aladdin_v3,
    "hunglc007_tf_yolov4": _hunglc007,
    "katacv_jax_yolov4": _katacv,
    "katacv_jax_yolov5": _katacv,
}

NAMES = [name for prefix in _READERS for name in names("pytorch", f"{prefix}__")]


def case(name: str) -> Case:
    """A recorded case by its file name."""
    return _READERS[name.partition("__")[0]](name)
