"""`python -m conformance.run`: the matrix, its files, its exit codes."""

import json
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from rich.console import Console

from conformance.run import junit, page, text, work
from conformance.run.__main__ import main
from conformance.run.results import Run
from conformance.run.work import Outcome, names

FAST = ["iou", "boxes", "--backend", "numpy", "--processes", "1"]


def run(*args):
    return CliRunner().invoke(main, [str(a) for a in args])


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    files = {k: folder / f"report.{k}" for k in ("json", "html", "xml")}
    done = run(*FAST, "--json", files["json"], "--html", files["html"], "--junit", files["xml"])
    assert done.exit_code == 0, done.output
    return done.output, {k: f.read_text(encoding="utf-8") for k, f in files.items()}


def test_the_matrix(report):
    output, _ = report
    assert "similarity" in output
    assert "numpy" in output
    last = output.strip().splitlines()[-1]
    assert last.startswith("192 passed, 0 failed, 0 known deviations; 48 cases in 4 columns")


def test_json(report):
    data = json.loads(report[1]["json"])
    assert data["failures"] == []
    assert data["libraries"]["numpy"].split(".")[0].isdigit()
    cell = next(c for c in data["matrix"] if (c["version"], c["dtype"]) == ("iou", "float32"))
    assert (cell["passed"], cell["failed"], cell["stage"]) == (34, 0, "similarity")
    assert 0 < cell["ulp"] < 16
    assert cell["worst"].startswith("iou/")


def test_junit(report):
    root = ET.fromstring(report[1]["xml"])
    assert root.get("tests") == "192"
    assert {s.get("name") for s in root} == {
        "numpy-float64", "numpy-float32", "numpy-readonly-float64", "numpy-readonly-float32",
    }  # fmt: skip
    assert root.find(".//testcase[@name='iou/overlap']") is not None
    assert root.findall(".//failure") == []


def test_the_page_stands_alone(report):
    html = report[1]["html"]
    assert html.startswith("<!doctype html>")
    for outside in ("http:", "https:", "<script", "src=", "@import"):
        assert outside not in html


def outcome(**changes):
    usual = Outcome("numpy", "float64", "v3/box/met", "v3", "box", "passed", 0.5, "", 0.01)
    return usual._replace(**changes)


BAD = [
    outcome(),
    outcome(state="failed", case="v3/box/weight", ulp=float("inf"), text="terms.box is <wrong>"),
    outcome(state="expected", dtype="float32", text="rounds"),
]


def of(outcomes, **missing):
    return Run(outcomes, {"numpy": "2.0"}, missing, "2026.11.0", 1.0)


def test_failures_are_told_everywhere(tmp_path):
    found = of(BAD, cupy="no GPU")
    console = Console(record=True, width=120)
    text.show(found, console)
    said = console.export_text()
    assert "1 failed" in said
    assert "terms.box is <wrong>" in said
    assert "known deviation: numpy float32" in said
    assert "left out: cupy, no GPU" in said
    assert said.strip().endswith(
        "1 passed, 1 failed, 1 known deviations; 2 cases in 2 columns, 1 s"
    )
    page.write(found, tmp_path / "a.html")
    html = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "terms.box is &lt;wrong&gt;" in html
    assert "no GPU" in html
    junit.write(found, tmp_path / "a.xml")
    root = ET.parse(tmp_path / "a.xml").getroot()
    assert [f.get("message") for f in root.iter("failure")] == ["terms.box is <wrong>"]
    assert len(root.findall(".//skipped")) == 2
    assert json.dumps(found.as_dict(), allow_nan=False)


def test_a_failure_is_exit_code_1(monkeypatch):
    monkeypatch.setattr(
        work, "answer", lambda case, xp, dtype: {"boxes": 0 * xp.array([[[0.0] * 4]])[0]}
    )
    done = run("boxes/centre-to-corners", "--backend", "numpy", "--processes", "1")
    assert done.exit_code == 1
    assert "boxes/centre-to-corners" in done.output
    assert "w and h halved" not in done.output  # the page of vectors says what a case catches


def test_words_that_do_not_exist_are_exit_code_2():
    assert run("v9").exit_code == 2
    assert run("--backend", "fortran").exit_code == 2
    assert run("--dtype", "int8").exit_code == 2


def test_two_processes_find_what_one_finds():
    one, two = (
        run("diou", "--backend", "numpy", "--dtype", "float64", "--processes", k) for k in (1, 2)
    )
    assert one.exit_code == two.exit_code == 0
    assert one.output.splitlines()[:-1] == two.output.splitlines()[:-1]


def test_which_back_ends():
    assert names(None, None, compiled=False) == [
        "numpy", "numpy-readonly", "array-api-strict", "torch", "torch-lent", "torch-cuda", "jax", "cupy",
    ]  # fmt: skip
    assert names("torch", "cuda", compiled=False) == ["torch-cuda"]
    assert names("torch", "cpu", compiled=True) == ["torch", "torch-lent", "torch-inductor"]
    assert names("dask", None, compiled=False) == ["dask"]
    assert names("jax", "cuda", compiled=False) == ["jax"]
