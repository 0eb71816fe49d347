"""The notebooks run from top to bottom, and print what is stored beside them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jupytext")
pytest.importorskip("nbclient")

import nbformat

from tests.support import notebooks

ROOT = Path(__file__).parents[1]
each = pytest.mark.parametrize("script", notebooks.scripts(), ids=lambda p: p.stem)


@each
def test_runs_and_prints_what_is_stored(script):
    command = [sys.executable, "-m", "tests.support.notebooks", "--check", script.name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@each
def test_stored_is_made_of_the_script(script):
    old = notebooks.stored(script)
    assert notebooks.cells(old) == notebooks.cells(notebooks.source(script))
    assert all(cell.outputs is not None for cell in old.cells if cell.cell_type == "code")
    assert any(cell.get("outputs") for cell in old.cells)
    errors = [o for c in old.cells for o in c.get("outputs", ()) if o.output_type == "error"]
    assert errors == []


@each
def test_asks_a_question(script):
    """A title with its number, then one question, as the first cell; no path of a machine."""
    first = notebooks.source(script).cells[0]
    assert first.cell_type == "markdown"
    assert re.match(rf"# {script.stem[:2]} \S.*\n\n[^\n]", first.source)
    text = script.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|tmp|work|opt|Users)/", text)


def test_there_are_all():
    assert [p.stem[:2] for p in notebooks.scripts()][:10] == [f"{k:02d}" for k in range(10)]


class TestComparison:
    @pytest.mark.parametrize(
        ("a", "b", "agree"),
        [
            ("loss 1.2345", "loss 1.2346", True),
            ("loss 1.2345", "loss 1.24", False),
            ("loss 1e-12", "loss 3e-12", True),
            ("loss  1.0\n", "loss 1.0", True),
            ("loss 1", "cost 1", False),
            ("a 1 2", "a 1", False),
            ("[1 2 3]", "[1 2 4]", False),
        ],
    )
    def test_same(self, a, b, agree):
        assert notebooks.same(a, b) == agree

    def notebook(self, text, **metadata):
        cell = nbformat.v4.new_code_cell("print(x)", metadata=metadata)
        cell.outputs = [nbformat.v4.new_output("stream", text=text)]
        return nbformat.v4.new_notebook(cells=[cell])

    def test_differences(self):
        one, two = self.notebook("1.5"), self.notebook("2.5")
        assert list(notebooks.differences(one, one)) == []
        (said,) = notebooks.differences(one, two)
        assert "1.5" in said
        assert "2.5" in said

    def test_what_varies_is_not_compared(self):
        one, two = (self.notebook(text, tags=["varies"]) for text in ("1 s", "2 s"))
        assert list(notebooks.differences(one, two)) == []

    def test_another_script(self):
        one, two = self.notebook("1"), self.notebook("1")
        two.cells[0].source = "print(y)"
        assert len(list(notebooks.differences(one, two))) == 1
