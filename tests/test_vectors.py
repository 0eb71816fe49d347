"""The vectors: their checks, this package on all libraries, and consumers of other languages."""

import copy
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import conformance
from conformance import canonical, check, ledger, vectors
from conformance.backends import BACKENDS, SLOW
from conformance.run import work
from conformance.run.work import DTYPES, outcomes
from yolo_losses.testing import cases, folder, version

ROOT = Path(conformance.__file__).parents[1]
FILES = check.read()
QUICK = [name for name in BACKENDS if name not in (*SLOW, "jax")]


# The checks, and that each can fail.


@pytest.mark.parametrize("rule", check.CHECKS, ids=lambda rule: rule.__name__)
def test_the_vectors_pass(rule):
    assert list(rule(FILES)) == []


def changed(name, change):
    data = copy.deepcopy(FILES[name])
    change(data)
    return {name: data}


def entry(data, **values):
    data["cases"][0].update(values)


FAULTS = {
    "a field too many": (check.schema, "v3-box", lambda d: entry(d, note="…")),
    "an id in capitals": (check.schema, "v3-box", lambda d: entry(d, id="v3/box/Gate")),
    "a slope without a path": (check.schema, "v1-cls", lambda d: d["cases"][0]["expected"].update(slopes=[1.0])),
    "no tolerance": (check.schema, "iou", lambda d: entry(d, tolerance={})),
    "a number of a text": (check.schema, "v2-decode", lambda d: d["cases"][0]["inputs"].update(raw=[["1"]])),
    "another number": (check.canonical_form, "ciou", lambda d: d["cases"][0]["expected"].update(value=0.5)),
    "a case missing": (check.canonical_form, "ciou", lambda d: d["cases"].pop()),
    "an id twice": (check.ids, "boxes", lambda d: entry(d, id=d["cases"][1]["id"])),
    "a new id": (check.ids, "boxes", lambda d: entry(d, id="boxes/new")),
    "an id of another question": (check.ids, "giou", lambda d: d["cases"][0]["inputs"].update(pred=[0.0, 0.0, 1.0, 2.0])),
    "a flag without a text": (check.flags, "v4-loss", lambda d: entry(d, flags=["unknown"])),
    "a text without a flag": (check.flags, "v4-loss", lambda d: d["flags"].update(unused="…")),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed(fault):
    rule, name, change = FAULTS[fault]
    assert list(rule(changed(name, change))) != []


def test_there_are_vectors_of_everything():
    kinds = {(case.version or case.id.partition("/")[0], case.kind) for case in cases()}
    stages = ("decode", "assign", "box", "obj", "noobj", "cls", "loss")
    assert {(v, s) for v in ("v1", "v2", "v3", "v4") for s in stages} <= kinds
    assert {("v3", "ignore"), ("v4", "ignore"), ("boxes", "boxes")} <= kinds
    assert {(s, "similarity") for s in ("iou", "giou", "diou", "ciou")} <= kinds
    assert len(cases()) >= 500


def test_the_ledger_keeps_ids_that_were_taken_back():
    assert set(ledger.read()) >= {case.id for case in cases()}


def test_numbers_are_the_shortest_that_read_back():
    assert canonical.dumps([0.1, 1e-07, float("nan"), -float("inf")]) == (
        '[0.1, 1e-07, "NaN", "-Infinity"]\n'
    )


@pytest.mark.parametrize("page", ["README.md", "conformance/README.md"])
def test_the_pages_count_the_cases(page):
    said = re.search(r"(\d+) cases", (ROOT / page).read_text(encoding="utf-8"))
    assert int(said.group(1)) == len(cases())


def test_one_version_of_all_files():
    assert {data["vectors"] for data in FILES.values()} == {version()} == {vectors.VERSION}
    for file in sorted(vectors.FOLDER.glob("*.json")):  # those that are installed are these
        assert (folder() / file.name).read_bytes() == file.read_bytes()


# This package.


def failures(name, dtype, some):
    found = [one for case in some for one in outcomes(case, name, dtype)]
    assert len(found) >= len(some)
    return [one.text for one in found if one.state == "failed"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", QUICK)
def test_the_package_conforms(name, dtype):
    BACKENDS[name]()  # skips where the library is absent
    assert failures(name, dtype, cases()) == []


def few_programs(name, most=2):
    """Cases of a file that need no more compilations than so many."""
    found = defaultdict(list)
    for case in cases(*vectors_of(name)):
        shape = (
            str(case.inputs.get("config")),
            [x.shape for x in case.heads] if case.version else (),
        )
        found[str(shape)].append(case)
    often = sorted(found.values(), key=len, reverse=True)
    return [case for group in often[:most] for case in group]


def vectors_of(name):
    return [case["id"] for case in FILES[name]["cases"]]


@pytest.mark.parametrize("name", FILES)
def test_the_package_conforms_when_jitted(name):
    """On the cases that share configs and shapes; `python -m conformance.run` compiles them all."""
    BACKENDS["jax"]()
    assert failures("jax", "float64", few_programs(name)) == []


def test_a_nan_is_not_hidden_by_a_compiler():
    BACKENDS["jax"]()
    assert failures("jax", "float32", cases("v3/noobj/nan-ignored")) == []


def test_known_deviations_are_of_cases_that_exist():
    ids = {case.id for case in cases()}
    for one in work.ledger():
        assert one["case"] in ids
        assert one["dtype"] in DTYPES
        assert one["backend"] in (*BACKENDS, "*")
        assert len(one["reason"]) > 20


def test_known_deviations_are_strict(monkeypatch):
    entry = {"backend": "*", "dtype": "float64", "case": "iou/overlap", "reason": "none"}
    monkeypatch.setattr(work, "ledger", lambda: (entry,))
    (case,) = cases("iou/overlap")
    assert [one.state for one in outcomes(case, "numpy", "float64")] == ["failed"]
    assert [one.state for one in outcomes(case, "numpy", "float32")] == ["passed"]
    monkeypatch.setattr(work, "answer", lambda *_: {"value": 0.5})
    (one,) = outcomes(case, "numpy", "float64")
    assert one.state == "expected"
    assert one.text.startswith("none (value is 0.5")


def test_an_error_is_a_failure(monkeypatch):
    def broken(*args):
        raise RuntimeError

    monkeypatch.setattr("conformance.run.work.answer", broken)
    (one,) = outcomes(cases("v1/box/met")[0], "numpy", "float64")
    assert one.state == "failed"
    assert "RuntimeError" in one.text


# Other languages.


def node(script, *args):
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    return subprocess.run(["node", str(script), *args], capture_output=True, text=True, check=False)


CONSUMER = ROOT / "conformance" / "consumers" / "check.mjs"


def test_the_consumer_in_javascript_agrees():
    done = node(CONSUMER)
    assert done.returncode == 0, done.stdout
    assert "ciou: 45 cases" in done.stdout
    assert len(CONSUMER.read_text(encoding="utf-8").splitlines()) <= 100


@pytest.mark.parametrize(
    ("right", "wrong", "catches"),
    [
        ("4 / Math.PI ** 2", "4 / Math.PI", "ciou/extreme-aspects"),
        ("Math.min(Math.max(t, -20), 20)", "t", "v3/decode/clip"),
        ("sigmoid(t[0]) + col", "sigmoid(t[0]) + row", "v3/decode/oblong-grid"),
        ("Math.max(high - low, 0)", "high - low", "iou/apart-in-both"),
    ],
)
def test_the_consumer_notices_a_mistake(right, wrong, catches, tmp_path):
    text = CONSUMER.read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "wrong.mjs").write_text(text.replace(right, wrong), encoding="utf-8")
    done = node(tmp_path / "wrong.mjs", str(vectors.FOLDER))
    assert done.returncode == 1
    assert f"{catches}:" in done.stdout


def test_inputs_are_numbers_of_every_dtype():
    """But for those that are about others: sixteenths and 256ths, of float16 as well."""
    for case in cases("v3", "loss") + cases("v4", "loss"):
        for x in (*case.heads, case.targets.boxes):
            np.testing.assert_array_equal(x.astype(np.float16).astype(float), x)
