"""A fault for each law, that the law has to see: the table of `tests/test_laws.py`.

A fault changes what a public function gives back.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import yolo_losses as yl
from yolo_losses import cfg, data

from . import accounts, files, libraries, order, outputs, overlaps, pictures, slopes, values
from .law import Law, per_head

Plant = Callable[[pytest.MonkeyPatch], None]
Change = Callable[..., Any]  # a result and the arguments → another result


@dataclass(frozen=True)
class Fault:
    """What is planted, and the law that sees it on batches of a version."""

    plant: Plant
    law: Law
    version: str


FAULTS: list[Fault] = []


def _planted(law: Law, version: str, owner: Any, name: str, change: Change) -> None:
    """The law sees that a function gives `change` of its result and arguments."""
    right = getattr(owner, name)

    def plant(patch: pytest.MonkeyPatch) -> None:
        def wrong(*args: Any, **options: Any) -> Any:
            return change(right(*args, **options), *args, **options)

        patch.setattr(owner, name, wrong)

    FAULTS.append(Fault(plant, law, version))


def _of_loss(law: Law, version: str = "v2") -> Callable[[Change], Change]:
    """The law sees other terms and gradients: change(terms, grads, raw, targets, config)."""

    def add(change: Change) -> Change:
        def both(found: Any, *args: Any, **options: Any) -> Any:
            return change(*found, *args, **options)

        _planted(law, version, getattr(yl, version), "loss_and_grad", both)
        return change

    return add


def _of(law: Law, owner: Any, name: str, version: str = "v2") -> Callable[[Change], Change]:
    """The law sees another result of a function: change(result, *arguments)."""

    def add(change: Change) -> Change:
        _planted(law, version, owner, name, change)
        return change

    return add


# Terms and gradients.


@_of_loss(order.images_permute)
def _by_place(terms, grads, raw, targets, config):
    return terms._replace(box=terms.box + np.arange(len(raw))[:, None]), grads


@_of_loss(order.batches_split)
def _by_images(terms, grads, raw, targets, config):
    return terms._replace(obj=terms.obj / len(raw)), grads


@_of_loss(order.padding_is_nothing)
def _by_rows(terms, grads, raw, targets, config):
    return terms._replace(cls=terms.cls + targets.valid.shape[1]), grads


@_of_loss(order.padding_is_nothing)
def _not_a_number(terms, grads, raw, targets, config):
    return terms, grads * np.nan


@_of_loss(order.truths_permute)
def _by_first_row(terms, grads, raw, targets, config):
    first = targets.valid[:, :1] * targets.labels[:, :1]
    return terms._replace(cls=terms.cls + first), grads


@_of_loss(order.classes_permute)
def _by_class(terms, grads, raw, targets, config):
    return terms, grads + np.arange(grads.shape[-1])


@_of_loss(order.anchors_permute)
def _by_anchor(terms, grads, raw, targets, config):
    return terms, grads + np.arange(grads.shape[3])[:, None]


@_of_loss(order.boxes_permute, "v1")
def _by_predictor(terms, grads, raw, targets, config):
    return terms, grads + (np.arange(grads.shape[3]) < 5)


@_of_loss(order.anchors_renumber, "v3")
def _by_number(terms, grads, raw, targets, config):
    return terms._replace(box=terms.box + config.masks[0][0]), grads


@_of_loss(order.heads_permute, "v4")
def _by_head(terms, grads, raw, targets, config):
    return terms._replace(obj=terms.obj + np.arange(len(raw))), grads


@_of_loss(pictures.pictures_mirror)
def _without_sign(terms, grads, raw, targets, config):
    return terms, np.concatenate([abs(grads[..., :1]), grads[..., 1:]], axis=-1)


@_of_loss(pictures.pictures_transpose)
def _x_more_than_y(terms, grads, raw, targets, config):
    return terms, np.concatenate([2 * grads[..., :1], grads[..., 1:]], axis=-1)


@_of_loss(slopes.boxes_rest_on_truths)
def _a_slope_everywhere(terms, grads, raw, targets, config):
    return terms, grads + 1e-6


@_of_loss(slopes.priors_rest_on_truths, "v4")
def _a_slope_in_all_heads(terms, grads, raw, targets, config):
    return terms, tuple(g + 1e-3 for g in grads)


@_of_loss(slopes.steps_go_downhill)
def _too_steep(terms, grads, raw, targets, config):
    return terms, 1.05 * grads


@_of_loss(values.lambdas_scale)
def _constant(terms, grads, raw, targets, config):
    return terms._replace(noobj=terms.noobj + 1), grads


@_of_loss(values.terms_are_not_negative)
def _negative(terms, grads, raw, targets, config):
    return terms._replace(noobj=terms.noobj - 1e3), grads


@_of_loss(values.workspaces_change_nothing)
def _added_to_what_was(terms, grads, raw, targets, config, work=None):
    return terms, grads if work is None else grads + grads


@_of_loss(values.single_precision_is_near)
def _in_half_precision(terms, grads, raw, targets, config):
    coarse = raw.dtype == np.float32
    return terms, grads.astype(np.float16).astype(raw.dtype) * 1.01 if coarse else grads


@_of_loss(accounts.own_numbers_agree)
def _a_thousandth_more(terms, grads, raw, targets, config):
    return terms._replace(noobj=1.001 * terms.noobj), grads


@_of_loss(libraries.same_on_strict)
@_of_loss(libraries.same_on_torch)
@_of_loss(libraries.same_on_lending_torch)
def _unless_numpy(terms, grads, raw, targets, config):
    more = 0 if isinstance(raw, np.ndarray) else 1e-3
    return terms._replace(noobj=terms.noobj + more), grads


# Other functions of the versions.


@_of(values.loss_has_the_same_terms, yl.v2, "loss")
def _another_class_term(terms, *given):
    return terms._replace(cls=terms.cls + 1e-3)


@_of(values.diagnosis_changes_nothing, yl.v2, "diagnose")
def _one_more(found, *given):
    return found._replace(positives=found.positives + 1)


@_of(values.diagnoses_merge, yl.Diagnosis, "merged")
def _plain_mean(found, each):
    return found._replace(iou=each.iou.mean())


@_of(values.predictors_are_disjoint, yl.v2, "assign")
def _ignored_too(found, *given):
    return found._replace(ignored=found.ignored | found.responsible)


@_of(accounts.regions_hide, yl.v3, "assign", "v3")
def _nothing_ignored(found, *given):
    return tuple(m._replace(ignored=np.zeros_like(m.ignored)) for m in per_head(found))


@_of(outputs.decoded_boxes_encode, yl.v3, "encode", "v3")
def _beside(t, *given, **options):
    return t + 1e-2


@_of(accounts.explanations_add_up, yl, "explain")
def _another_truth(found, *given):
    return replace(found, title=found.title.replace("truth", "row"))


# Boxes, outputs, labels, files.


@_of(outputs.outputs_turn_back, yl.grid, "to_nchw")
def _upside_down(x, *given):
    return x[:, ::-1]


@_of(outputs.detections_are_suppressed, yl.nms, "nms")
def _all_kept(kept, *given, **options):
    return kept._replace(keep=np.ones_like(kept.keep))


@_of(outputs.detections_permute, yl.nms, "nms")
def _only_the_first(kept, *given, **options):
    return kept._replace(keep=np.arange(kept.keep.shape[-1]) + 0 * kept.keep == 0)


@_of(overlaps.boxes_convert_back, yl.boxes, "xyxy_to_xywh")
@_of(overlaps.edges_are_corners, yl.boxes, "cxcywh_to_xyxy")
@_of(overlaps.formats_convert_back, yl.boxes, "convert")
def _moved(boxes, *given, **options):
    return boxes + boxes.dtype.type(1e-2)


@_of(overlaps.similarities_are_bounded, yl.iou, "giou")
def _too_similar(similarity, *given):
    return similarity + similarity.dtype.type(1e-2)


@_of(overlaps.similarities_agree, yl.iou, "value_and_grad")
def _another_value(found, *given):
    return found[0] + found[0].dtype.type(1e-2), found[1]


@_of(overlaps.similarities_move_with_both, yl.iou, "value_and_grad")
def _another_slope(found, *given):
    return found[0], found[1] + found[1].dtype.type(1)


@_of(overlaps.similarities_register, yl.iou, "similarity", "v4")
def _always_iou(function, formula):
    yl.iou.SIMILARITY[formula.__name__] = yl.iou.SIMILARITY["iou"]
    return function


@_of(files.lists_pad_to_targets, yl, "pad_targets")
@_of(files.rows_turn_back, data, "targets_from_rows")
@_of(files.dicts_turn_back, data, "targets_from_dicts")
def _classes_from_one(targets, *given, **options):
    return targets._replace(labels=targets.labels + 1)


@_of(files.configs_turn_back, cfg, "loads")
def _one_class_more(network, text):
    return replace(network, classes=network.classes + 1)
