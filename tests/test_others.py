"""The survey of other packages: fakes with known faults are found, and the package itself passes."""

import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import yolo_losses as yl
from conformance.others import __main__ as command
from conformance.others import decoding, numpy_calls, text, torch_calls
from conformance.others.bare import without_init
from conformance.others.function import Function, Library, OutOfScope, conversions
from conformance.others.registry import LIBRARIES
from conformance.others.survey import Report, outcome, report, survey
from yolo_losses.testing import cases


def iou(pred, gt, eps=0.0, clamp=True):
    """In NumPy, with a fault on request."""
    sides = np.minimum(pred[:, 2:], gt[:, 2:]) - np.maximum(pred[:, :2], gt[:, :2])
    inter = np.prod(np.maximum(sides, 0) if clamp else sides, axis=-1)
    areas = [np.prod(x[:, 2:] - x[:, :2], axis=-1) for x in (pred, gt)]
    return inter / (sum(areas) - inter + eps)


def asked(function, of="iou", **options):
    answer = numpy_calls.similarity(function)
    return report(Function("fake", (of,), answer, **options), "library", "1.0")


def ids(outcomes):
    return {o.case.id.rpartition("/")[2] for o in outcomes}


def test_a_right_function_fails_degenerate_cases_alone():
    found = asked(iou)
    assert found.of("failed", "near", degenerate=False) == []
    assert ids(found.of("failed")) >= {"one-point", "points-apart"}  # 0 / 0
    assert all(o.flag == "degenerate" for o in found.of("failed"))


def test_an_epsilon_is_near_on_ordinary_boxes_and_fails_where_it_shows():
    found = asked(lambda a, b: iou(a, b, eps=1e-7))
    assert ids(found.of("failed", degenerate=False)) == {"tiny", "tiny-equal"}
    assert len(found.of("near")) > 10
    assert max(o.error for o in found.of("near")) < 2e-6
    assert set(found.by_flag("failed")) == {"epsilon"}
    assert "overlap" in ids(found.by_flag("near")["aspect"])


def test_an_intersection_that_is_not_clamped_fails_boxes_that_are_apart():
    found = asked(lambda a, b: iou(a, b, clamp=False))
    failed = ids(found.of("failed", degenerate=False))
    assert failed == {"apart-in-x", "apart-in-y", "apart-in-both", "far-apart"}
    assert set(found.by_flag("failed")) == {"degenerate", "apart"}


def test_a_refusal_is_out_of_scope_for_degenerate_boxes_alone():
    def careful(pred, gt):
        if not (np.all(pred[:, 2:] > pred[:, :2]) and np.all(gt[:, 2:] > gt[:, :2])):
            msg = "no area"
            raise ValueError(msg)
        return iou(pred, gt)

    found = asked(careful)
    assert len(found.of("out of scope")) == len(found.of("out of scope", degenerate=True)) == 9
    assert found.of("failed", "near") == []


def test_what_else_is_raised_is_a_failure():
    def crashing(pred, gt):
        return float(iou(pred, gt)[0]) / 0

    case = cases("iou/overlap")[0]
    found = outcome(Function("fake", ("iou",), numpy_calls.similarity(crashing)), case)
    assert (found.state, found.error) == ("failed", np.inf)
    assert found.failures == ["raised ZeroDivisionError: float division by zero"]


def test_a_function_says_what_is_out_of_its_scope():
    def answer(case, dtype):
        msg = "whole pixels"
        raise OutOfScope(msg)

    found = outcome(Function("fake", ("iou",), answer), cases("iou/tiny")[0])
    assert (found.state, found.text) == ("out of scope", "whole pixels")


def test_results_in_float32_are_judged_in_float32():
    def coarse(pred, gt):
        return iou(pred.astype("float32"), gt.astype("float32"))

    found = asked(coarse)
    assert found.dtype == "float32"
    assert found.of("failed", "near", degenerate=False) == []


@pytest.mark.parametrize("name", ["iou", "giou", "diou", "ciou"])
def test_the_package_passes_in_numpy_and_with_autograd_of_torch(name):
    pytest.importorskip("torch")
    function = getattr(yl.iou, name)
    for answer in (numpy_calls.similarity(function), torch_calls.similarity(function),
                   torch_calls.loss(lambda a, b: 1 - function(a, b))):  # fmt: skip
        found = report(Function(name, (name,), answer), "yolo-losses", yl.__version__)
        assert found.of("failed", "near") == []


def test_lists_and_centre_form():
    pytest.importorskip("torch")
    by_lists = numpy_calls.of_lists(lambda a, b: float(yl.iou.ciou(np.array(a), np.array(b))))
    centred = torch_calls.similarity(torch_calls.centre_form(
        lambda a, b: yl.iou.ciou(yl.boxes.cxcywh_to_xyxy(a), yl.boxes.cxcywh_to_xyxy(b))
    ))  # fmt: skip
    for answer in (by_lists, centred):
        found = report(Function("ciou", ("ciou",), answer), "yolo-losses", yl.__version__)
        assert found.of("failed", degenerate=False) == []


def test_an_alpha_that_is_differentiated_fails_in_slopes_alone():
    torch = pytest.importorskip("torch")

    def ciou(pred, gt):
        aspects = [torch.atan((x[:, 2] - x[:, 0]) / (x[:, 3] - x[:, 1])) for x in (pred, gt)]
        v = 4 / torch.pi**2 * (aspects[0] - aspects[1]) ** 2
        overlap = yl.iou.iou(pred, gt)
        return yl.iou.diou(pred, gt) - v * v / (1 - overlap + v).clamp(min=1e-30)

    found = report(Function("ciou", ("ciou",), torch_calls.similarity(ciou)), "fake", "1.0")
    ordinary = [j for o in found.outcomes if not o.degenerate for j in o.judgements]
    assert {j.part for j in ordinary if j.failure} == {"slopes"}
    assert "wide-prediction" in ids(found.of("failed"))


def test_conversions_by_the_names_of_formats():
    def convert(boxes, source, target):
        return getattr(yl.boxes, f"{source}_to_{target}")(boxes)

    found = conversions(convert, cxcywh="cxcywh", xyxy="xyxy", xywh="xywh")
    assert set(found) == {"cxcywh_to_xyxy", "xyxy_to_cxcywh", "xywh_to_xyxy", "xyxy_to_xywh"}
    for calls in (numpy_calls, torch_calls):
        pytest.importorskip("torch")
        done = report(Function("convert", tuple(found), calls.conversion(found)), "fake", "1.0")
        assert done.of("failed", "near") == []
        assert len(done.outcomes) == 10


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_a_decoder_passes_but_for_the_clip(version):
    """The limits of e^t are those of this package."""
    pytest.importorskip("torch")

    def rows(head):
        n, _, h, w = head.raw.shape
        x = head.raw.numpy().reshape(n, len(head.anchors), -1, h, w).transpose(0, 3, 4, 1, 2)
        with np.errstate(over="ignore"):
            p = 1 / (1 + np.exp(-x))
        col_row = np.stack(np.meshgrid(np.arange(w), np.arange(h)), axis=-1)[:, :, None]
        scaled = head.scale_xy * p[..., :2] - (head.scale_xy - 1) / 2
        xy = (scaled + col_row) * np.array(head.size) / [w, h]
        return np.concatenate([xy, np.exp(x[..., 2:4]) * head.anchors, p[..., 4:]], axis=-1)

    function = Function("decode", (version, "decode"), decoding._answer(rows))
    found = report(function, "fake", "1.0")
    assert ids(found.of("failed", "near")) == {"clip"}


def test_a_subpackage_without_its_init(tmp_path, monkeypatch):
    folder = tmp_path / "whole" / "part"
    folder.mkdir(parents=True)
    (tmp_path / "whole" / "__init__.py").touch()
    (folder / "__init__.py").write_text("import a_module_that_is_not_there")
    (folder / "formula.py").write_text("ANSWER = 42")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    without_init("whole.part")
    from whole.part.formula import ANSWER

    assert ANSWER == 42


# The command.


FAKE = Library("numpy", lambda: [
    Function("iou", ("iou",), numpy_calls.similarity(lambda a, b: iou(a, b, eps=1e-7))),
])  # fmt: skip
ABSENT = Library("a-package-that-is-not-there", list)


def broken():
    msg = "no such operator"
    raise ImportError(msg)


def test_what_cannot_be_asked_is_left_out():
    left_out = dict(survey([ABSENT, Library("numpy", broken)]))
    assert left_out == {
        "a-package-that-is-not-there": "not installed",
        f"numpy {np.__version__}": "cannot be imported: ImportError: no such operator",
    }


def test_functions_by_name():
    assert len(list(survey([FAKE], "iou"))) == 1
    assert list(survey([FAKE], "another")) == []


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(command, "LIBRARIES", {lib.name: lib for lib in (FAKE, ABSENT)})


@pytest.mark.usefixtures("registry")
def test_command(tmp_path):
    file = tmp_path / "found.json"
    done = CliRunner().invoke(command.main, ["--json", str(file)])
    assert done.exit_code == 0, done.output
    assert "iou/tiny-equal, which catches" in done.output
    assert "left out: a-package-that-is-not-there, not installed" in done.output
    data = json.loads(file.read_text(encoding="utf-8"))
    (function,) = data["functions"]
    assert function["count"]["failed"] == sum(c["state"] == "failed" for c in function["cases"])
    assert "iou/apart-in-x" in {c["id"] for c in function["cases"]}


@pytest.mark.usefixtures("registry")
def test_command_lists_what_is_near_on_request():
    done = CliRunner().invoke(command.main, ["numpy", "--every"])
    assert "iou/overlap, which catches" in done.output


@pytest.mark.usefixtures("registry")
def test_command_prints_a_table_for_a_page():
    head, rule, *rows = CliRunner().invoke(command.main, ["--markdown"]).output.splitlines()
    assert head.count("|") == rule.count("|") == rows[0].count("|")
    assert rows[0].startswith(f"| numpy {np.__version__} | `iou` | float64 |")


@pytest.mark.usefixtures("registry")
def test_command_with_nothing_to_ask():
    assert CliRunner().invoke(command.main, [ABSENT.name]).exit_code == 2
    unknown = CliRunner().invoke(command.main, ["nothing"])
    assert unknown.exit_code == 2
    assert "no table for nothing" in unknown.output


def test_row_counts_ordinary_and_degenerate_boxes_apart():
    function, dtype, passed, near, failed, *_, degenerate, refused = text.row(asked(iou))
    assert (function, dtype, passed, near, failed) == ("fake", "float64", "25", "0", "0")
    assert degenerate.endswith("of 9")
    assert refused == ""


def test_tables_of_what_is_installed():
    """Everything is asked, whatever the answers are."""
    installed = [library for library in LIBRARIES.values() if library.version()]
    if not installed:
        pytest.skip(f"none of {', '.join(LIBRARIES)} is installed")
    for found in survey(installed):
        if isinstance(found, Report):
            assert found.outcomes
            assert list(text.lines(found, every=True))
