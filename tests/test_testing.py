"""`yolo_losses.testing`, as the test suite of another implementation uses it."""

import numpy as np
import pytest

import yolo_losses as yl
from yolo_losses.testing import Case, assert_conforms, cases, judge


def first(*of):
    return cases(*of)[0]


@pytest.mark.parametrize("case", cases("v3", "box"), ids=str)
def test_as_the_docstring_shows(case):
    terms = yl.v3.loss(case.raw, case.targets, case.config)
    assert_conforms(case, {"terms": {"box": terms.box}})


def test_selection():
    every = cases()
    assert {c.id for c in cases("v1")} == {c.id for c in every if c.id.startswith("v1/")}
    assert {c.kind for c in cases("decode")} == {"decode"}
    assert {c.version for c in cases("decode")} == {"v1", "v2", "v3", "v4"}
    assert {c.version for c in cases("v1", "v2", "decode")} == {"v1", "v2"}
    assert {c.id.split("/")[0] for c in cases("giou")} == {"giou"}
    assert [c.id for c in cases("v4/box/met")] == ["v4/box/met"]
    assert all(
        {"ignore", "strict"} <= set(c.notes) for c in cases("v3", flags=["ignore", "strict"])
    )
    with pytest.raises(ValueError, match=r"testing\.cases: names must be versions, kinds or ids"):
        cases("yolov5")


def test_a_case():
    case = first("v2/box/x-alone")
    assert isinstance(case, Case)
    assert str(case) == "v2/box/x-alone"
    assert (case.version, case.kind) == ("v2", "box")
    assert case.raw.shape == (1, 2, 2, 1, 7)
    assert case.targets.boxes.shape == (1, 1, 4)
    assert isinstance(case.config, yl.v2.Config)
    assert first("v1/assign/no-truths").targets.boxes.shape == (1, 0, 4)
    assert np.isnan(first("v3/assign/invalid-rows").targets.boxes).any()


# Every kind, from what the package returns, and from what others have.


def conforms(case, got, **options):
    assert_conforms(case, got, **options)
    return True


def test_what_the_package_returns():
    case = first("v4", "decode")
    assert conforms(case, yl.v4.decode(case.raw, case.config))
    case = first("v2", "decode")
    assert conforms(case, yl.v2.decode(case.raw, case.config))
    case = first("v1/assign/batch")
    assert conforms(case, yl.v1.assign(case.raw, case.targets, case.config))
    case = first("v4/ignore/batch-prior")
    assert conforms(case, yl.v4.assign(case.raw, case.targets, case.config))
    case = first("v2/loss/batch")
    assert conforms(case, yl.v2.loss(case.raw, case.targets, case.config))
    assert conforms(case, yl.v2.loss_and_grad(case.raw, case.targets, case.config))
    case = first("ciou/overlap")
    pred, gt = (np.array(case.inputs[k]) for k in ("pred", "gt"))
    assert conforms(case, float(yl.iou.ciou(pred, gt)))
    assert conforms(case, yl.iou.value_and_grad("ciou", pred, gt))


def test_masks_and_rows():
    case = first("v3/assign/fine-head")
    masks = [m.responsible for m in yl.v3.assign(case.raw, case.targets, case.config)]
    assert conforms(case, {"responsible": masks})
    assert conforms(case, {"responsible": case.expected["responsible"]})
    assert conforms(case, {"invalid": [0], "positives": np.array([[0, 1]])})
    case = first("v3/ignore/batch-prior")
    assert conforms(case, {"ignored": case.expected["ignored"]})


def test_arrays_of_other_libraries():
    torch = pytest.importorskip("torch")
    case = first("v4/loss/batch")
    raw = [torch.tensor(x, requires_grad=True) for x in case.raw]
    targets = yl.Targets(*map(torch.tensor, case.targets))
    terms = yl.v4.loss(raw, targets, case.config)
    terms.total.sum().backward()
    parts = {"terms": terms, "total": terms.total, "grad": [x.grad for x in raw]}
    assert conforms(case, parts)


def test_the_dtype_is_that_of_the_results():
    case = first("v2/loss/batch")
    single = (
        case.raw.astype("float32"),
        yl.Targets(case.targets.boxes.astype("float32"), *case.targets[1:]),
    )
    terms = yl.v2.loss(*single, case.config)
    assert conforms(case, terms)
    with pytest.raises(AssertionError, match="allowed"):
        assert_conforms(case, terms, dtype="float64")


# What is wrong is told.


def message(case, got):
    with pytest.raises(AssertionError) as error:
        assert_conforms(case, got)
    return str(error.value)


def test_a_wrong_term():
    case = first("v3/box/gate-closed")
    said = message(case, {"terms": {"box": np.array([[0.25]])}})
    assert said.startswith("v3/box/gate-closed: terms.box at image 0, head 0 is 0.25, not 0.0")
    assert "The case catches: no gate" in said
    assert (
        "gate: The coordinates of a truth whose best anchor is a poor match cost nothing." in said
    )


def test_a_wrong_slope():
    case = first("v4/loss/one-truth")
    grads = [g.copy() for g in yl.v4.loss_and_grad(case.raw, case.targets, case.config)[1]]
    grads[0][0, 1, 1, 0, 2] = 1e-3
    assert "grad at image 0, row 1, col 1, anchor 0, field 2 is 0.001, not 0.0" in message(
        case, {"grad": grads}
    )


def test_a_slope_that_one_term_has_not():
    case = first("v3/box/gate-closed")
    grad = np.zeros(case.heads[0].shape)
    assert conforms(case, {"grad": [grad]})
    grad[0, 1, 0, 0, 3] = 0.5
    assert "t_h is 0.5, not 0.0" in message(case, {"grad": [grad]})


def test_wrong_decisions():
    case = first("v3/assign/fine-head")
    said = message(case, {"responsible": [np.ones((1, 2, 3, 2)), np.ones((1, 4, 6, 2))]})
    assert "responsible at image 0, head 0, row 0, col 0, anchor 0 is True, not False" in said
    (place, truth, iou), *_ = case.expected["responsible"]
    assert "iou of" in message(case, {"responsible": [[place, truth, iou + 0.01]]})
    assert "truth of" in message(case, {"responsible": [[place, truth + 1, iou]]})
    assert "positives" in message(case, {"positives": [[1, 1]]})


def test_a_nan_does_not_conform():
    assert "nan" in message(first("iou/overlap"), float("nan"))
    case = first("v3/noobj/nan-ignored")
    assert "not nan" in message(case, {"terms": {"noobj": [[1.0], [6.0]]}})


REFUSED = {
    "nothing of it": ("v3/box/met", {"total": [1.0]}, "v3/box/met has terms, slopes; got total"),
    "nothing": ("v3/box/met", {}, "got nothing"),
    "a shape": ("v3/box/met", {"terms": {"box": [1.0]}}, r"terms.box must have shape \(1, 1\)"),
    "a head too many": ("v2/loss/batch", {"grad": [np.zeros(1), np.zeros(1)]}, "one a head"),
    "words": ("iou/overlap", "1/3", "numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_judged(name):
    case, got, words = REFUSED[name]
    with pytest.raises(ValueError, match=words) as error:
        judge(first(case), got)
    assert str(error.value).startswith("testing.assert_conforms: ")
