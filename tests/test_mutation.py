"""Small edits of the formulas are noticed: a sample, and the table of those that are not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.edits import compiled, edits
from tests.support.runs import Recorder

pytest.importorskip("resource", reason="edits are tried in forks")
mutation = pytest.importorskip("tests.support.mutation")
ROOT = Path(__file__).parents[1]

TEXT = '''
"""Text."""
SIZE: int = 3

def f(x, y=None):
    """More text."""
    if x <= 2 and y is None:
        return -x
    return max(x, key=abs) if y else g(x + 1)
'''
FOUND = """
3 -> 4
if x <= 2 and y is None -> if True
if x <= 2 and y is None -> if False
x <= 2 and y is None -> x <= 2 or y is None
x <= 2 -> x < 2
x <= 2 -> x > 2
x -> y
2 -> 3
y is None -> y is not None
y -> x
-x -> x
max(x, key=abs) -> x
max(x, key=abs) -> max(x)
max(x, key=abs) if y else g(x + 1) -> max(x, key=abs) if True else g(x + 1)
max(x, key=abs) if y else g(x + 1) -> max(x, key=abs) if False else g(x + 1)
g(x + 1) -> x + 1
x + 1 -> x - 1
1 -> 2
"""


def run(*arguments):
    """A process of its own: in that of the tests libraries with threads are loaded."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_edits_of_a_function():
    found = edits("m.py", TEXT)
    assert {f"{e.old} -> {e.new}" for e in found} == set(FOUND.strip().splitlines())
    assert len({e.key for e in found}) == len(found)


def test_an_edit_is_made_where_it_stands():
    (edit,) = [e for e in edits("m.py", TEXT) if (e.old, e.new) == ("x + 1", "x - 1")]
    space = {"g": lambda v: v}
    exec(compiled(edit, TEXT, "m.py"), space)
    assert (edit.line, edit.scope, space["f"](5), space["f"](2)) == (9, "f", 4, -2)


def test_checks_that_come_by_a_line(tmp_path):
    """Of a branch those that take it; what an import runs belongs to all."""
    path, space, recorder = tmp_path / "m.py", {"g": abs}, Recorder(tmp_path, ["m.py"])
    code = compile(TEXT, str(path), "exec")
    with recorder.shared():
        exec(code, space)
    for x in (5, 2):
        with recorder.check("test_m", f"f of {x}"):
            space["f"](x)
    record = recorder.record()
    found = {n: [check.name for check in record.that_run("m.py", n, code)] for n in range(3, 10)}
    both = ["f of 5", "f of 2"]
    assert found == {3: both, 4: both, 5: both, 6: both, 7: both, 8: ["f of 2"], 9: ["f of 5"]}


def test_reasons_are_of_edits_that_exist():
    every = {edit.key for edit in mutation.all_edits()}
    assert [key for key in mutation.explained() if key not in every] == []


def test_a_sample_is_noticed():
    """40 of the edits of these, the same in every run; `python -m tests.support.mutation` tries all."""
    sample = "--sample", "40", "--seed", "3", "--trust"
    done = run("-m", "tests.support.mutation", *sample, *mutation.FORMULAS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"(?m)^all +40 ", done.stdout)


def test_without_an_edit_nothing_is_noticed():
    """What notices edits lets the package itself through."""
    code = (
        "from tests.support import mutation as m; m.prepare(); "
        "m._Finder = lambda edit: type('Nothing', (), {'find_spec': lambda *_: None}); "
        "raise SystemExit(m._notice(m.Edit('v1.py', '', '', '', 1, 1, 0), None))"
    )
    done = run("-c", code)
    assert done.returncode == 0, done.stdout + done.stderr
