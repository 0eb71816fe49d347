"""Laws on batches that hypothesis draws: `python -m tests.support.laws` tries many more."""

import numpy as np
import pytest
from hypothesis import Phase

import yolo_losses as yl
from tests.support import laws, strategies

EXAMPLES = 8  # of each law and version


@pytest.mark.parametrize("version", list(strategies.CONFIGS))
@pytest.mark.parametrize("law", laws.LAWS, ids=lambda law: law.__name__)
def test_laws_hold(law, version):
    assert laws.tried(law, version, EXAMPLES).examples == EXAMPLES


@pytest.mark.parametrize("version", list(strategies.CONFIGS))
@pytest.mark.parametrize("library", laws.LIBRARIES)
def test_libraries_agree(library, version):
    assert laws.tried(laws.same_on(library), version, EXAMPLES).examples == EXAMPLES


def by_images(terms, grads, raw, targets, config):
    return terms._replace(obj=terms.obj / len(raw)), grads


def by_rows(terms, grads, raw, targets, config):
    return terms._replace(cls=terms.cls + targets.valid.shape[1]), grads


def by_place(terms, grads, raw, targets, config):
    return terms._replace(box=terms.box + np.arange(len(raw))[:, None]), grads


def by_class(terms, grads, raw, targets, config):
    return terms, grads + np.arange(grads.shape[-1])


def constant(terms, grads, raw, targets, config):
    return terms._replace(noobj=terms.noobj + 1), grads


def negative(terms, grads, raw, targets, config):
    return terms._replace(noobj=terms.noobj - 1e3), grads


def not_a_number(terms, grads, raw, targets, config):
    return terms, grads * np.nan


def by_first_row(terms, grads, raw, targets, config):
    first = targets.valid[:, :1] * targets.labels[:, :1]
    return terms._replace(cls=terms.cls + first), grads


CAUGHT = {
    by_images: laws.batches_split, by_rows: laws.padding_is_nothing, by_place: laws.images_permute,
    by_class: laws.classes_permute, constant: laws.lambdas_scale,
    negative: laws.terms_are_not_negative, not_a_number: laws.padding_is_nothing,
    by_first_row: laws.truths_permute,
}  # fmt: skip


@pytest.mark.parametrize("fault", list(CAUGHT), ids=lambda fault: fault.__name__)
def test_what_is_wrong_breaks_a_law(fault, monkeypatch):
    right = yl.v2.loss_and_grad
    monkeypatch.setattr(yl.v2, "loss_and_grad", lambda *given: fault(*right(*given), *given))
    with pytest.raises(AssertionError):
        laws.tried(CAUGHT[fault], "v2", 30, phases=[Phase.generate])


def test_a_wrong_conversion_breaks_a_law(monkeypatch):
    right = yl.boxes.convert
    monkeypatch.setattr(yl.boxes, "convert", lambda *given, size: right(*given, size=size) + 1e-6)
    with pytest.raises(AssertionError):
        laws.tried(laws.formats_convert_back, "v2", 30, phases=[Phase.generate])


def test_a_wrong_mean_breaks_a_law(monkeypatch):
    right = yl.Diagnosis.merged
    plain = lambda d: right(d)._replace(iou=d.iou.mean())  # noqa: E731
    monkeypatch.setattr(yl.Diagnosis, "merged", plain)
    with pytest.raises(AssertionError):
        laws.tried(laws.diagnoses_merge, "v2", 30, phases=[Phase.generate])


def test_suppression_by_place_breaks_a_law(monkeypatch):
    right = yl.nms.nms

    def by_place(boxes, scores, **options):
        return right(boxes, scores * 0 + np.linspace(1, 0.5, scores.shape[1]), **options)

    monkeypatch.setattr(yl.nms, "nms", by_place)
    with pytest.raises(AssertionError):
        laws.tried(laws.detections_permute, "v2", 60, phases=[Phase.generate])
