"""Labels and configs in the forms of other programs, there and back."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

import yolo_losses as yl
from yolo_losses import cfg, data

from ..cases import Case
from .law import equal, evaluated, gap, law, worst
from .overlaps import SIZE

# Labels.


def _lists(case: Case) -> list[list[np.ndarray]]:
    """Boxes, labels and whether they are regions, image by image."""
    boxes, labels, valid = case.targets[:3]
    ignore = valid & ~case.targets.objects
    return [[x[n][valid[n]] for n in range(len(x))] for x in (boxes, labels, ignore)]


def _classes(labels: list[np.ndarray], ignore: list[np.ndarray]) -> list[np.ndarray]:
    """What readers make of labels: that of a region is at least 0."""
    return [np.where(r, np.maximum(c, 0), c) for c, r in zip(labels, ignore, strict=True)]


@law("pad_targets", "vN.loss_and_grad")
def lists_pad_to_targets(case: Case) -> float:
    """`pad_targets` gives back its lists, but the class of a region, and the same loss."""
    boxes, labels, ignore = _lists(case)
    some = case.targets.ignore is not None
    regions = {"ignore_per_image": ignore} if some else {}
    padded = replace(case, targets=yl.pad_targets(boxes, labels, like=case.heads[0], **regions))
    equal(_lists(padded), [boxes, _classes(labels, ignore), ignore])
    return gap(evaluated(padded), evaluated(case))


@law("data.rows_from_targets", "data.targets_from_rows", "vN.loss_and_grad")
def rows_turn_back(case: Case) -> float:
    """Flat rows of targets are targets again: all but the regions, and the same loss."""
    n, objects = len(case.targets.valid), yl.Targets(*case.targets[:2], case.targets.objects)
    rows = data.rows_from_targets(case.targets)
    back = data.targets_from_rows(rows, n)
    equal((data.rows_from_targets(back),), (rows,))
    plain, again = (replace(case, targets=v) for v in (objects, back))
    equal(_lists(again), _lists(plain))
    return gap(evaluated(again), evaluated(plain))


FORMS = (("xyxy", 1), ("yolo", 0), ("coco", 1), ("yxyx", 0))


@law("data.dicts_from_targets", "data.targets_from_dicts")
def dicts_turn_back(case: Case) -> float:
    """A dict an image, of any format, is the targets again, regions too."""
    sizes = [SIZE] * len(case.targets.valid)
    boxes, labels, ignore = _lists(case)
    classes = _classes(labels, ignore)

    def errors() -> Iterator[float]:
        for form, first in FORMS:
            options: dict[str, Any] = {"format": form, "first_label": first}
            entries = data.dicts_from_targets(case.targets, sizes, **options)
            like = case.heads[0]
            back = data.targets_from_dicts(entries, sizes, like=like, **options)
            found = _lists(replace(case, targets=back))
            equal(found[1:], [classes, ignore])
            yield gap(found[0], boxes)

    return worst(errors())


# Configs. A file says less than a Config: what it cannot say has to be as the reader assumes.


@law("cfg.loads")
def configs_turn_back(case: Case) -> float | None:
    """A Config that a cfg file can say is what `cfg.loads` makes of that file.

    The grid of a [detection] section is square.
    """
    h, w = case.heads[0].shape[1:3]
    if case.version == "v1" and h != w:
        return None
    config = _sayable(case.config)
    found = cfg.loads(_text(case, config))
    assert found.config == config, (found.config, config)
    assert found.classes == case.num_classes
    assert [layer.grid for layer in found.heads] == [x.shape[1:3] for x in case.heads]
    return 0.0


def _sayable(config: Any) -> Any:
    """With the options that files have no keys for as `cfg` says."""
    fixed = {"ignore_by": "prediction", "coord_iou_threshold": None, "assign": "union",
             "offset_eps": yl.v3.Config.offset_eps}  # fmt: skip
    if isinstance(config, yl.v3.Config):
        fixed |= {"lambda_coord": 1.0, "lambda_obj": 1.0, "lambda_class": 1.0}
    return replace(config, **{f.name: fixed[f.name] for f in fields(config) if f.name in fixed})


KEYS = {
    "v1": {"coord_scale": "lambda_coord", "noobject_scale": "lambda_noobj"},
    "v2": {"coord_scale": "lambda_coord", "object_scale": "lambda_obj",
           "noobject_scale": "lambda_noobj", "class_scale": "lambda_class"},
    "v3": {"ignore_thresh": "ignore_threshold"},
    "v4": {"ignore_thresh": "ignore_threshold", "iou_thresh": "assign_iou_threshold",
           "iou_normalizer": "lambda_coord", "obj_normalizer": "lambda_obj",
           "cls_normalizer": "lambda_class", "label_smooth_eps": "label_smoothing",
           "iou_loss": "similarity"},
}  # fmt: skip


def _text(case: Case, config: Any) -> str:
    """A file of a network with these loss layers."""
    (h, w), strides = case.heads[0].shape[1:3], _strides(case)
    sections = [("net", {"width": w * strides[0], "height": h * strides[0], "channels": 3})]
    for s, x in enumerate(case.heads):
        if s:
            sections.append(("route", {"layers": 0}))
        sections += _layers(case, config, s, x.shape, strides)
    return "\n".join(line for section in sections for line in _lines(*section))


def _strides(case: Case) -> Sequence[int]:
    """Of each head, after a first layer of stride 1."""
    return case.config.strides if case.version in ("v3", "v4") else (16,)


def _layers(
    case: Case, config: Any, s: int, shape: tuple[int, ...], strides: Sequence[int]
) -> list[tuple[str, dict[str, Any]]]:
    """What makes the grid of a head, and its loss layer."""
    first = [("convolutional", {"filters": 3})] if s == 0 else []
    said = {key: getattr(config, name) for key, name in KEYS[case.version].items()}
    said["classes"] = case.num_classes
    if case.version == "v1":
        said |= {"side": shape[1], "num": config.num_boxes}
        return [*first, ("connected", {"output": int(np.prod(shape[1:]))}), ("detection", said)]
    unit = strides[0] if case.version == "v2" else 1
    said |= {"num": len(config.anchors), "anchors": [v / unit for a in config.anchors for v in a]}
    if case.version != "v2":
        said["mask"] = config.masks[s]
    if case.version == "v4":
        said["scale_x_y"] = config.scale_xy[s]
    grid = ("convolutional", {"size": 1, "stride": strides[s], "filters": shape[3] * shape[4]})
    return [*first, grid, ("region" if case.version == "v2" else "yolo", said)]


def _lines(kind: str, entries: dict[str, Any]) -> Iterator[str]:
    yield f"[{kind}]"
    for key, value in entries.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        yield f"{key} = {shown}"
