"""README's examples run, and its commands are the ones that the project has."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


GPU = next(block for block in BLOCKS if block.startswith("import cupy"))


def test_all_examples_run(capsys):
    """The blocks in their order, in one namespace, but for the one that needs a GPU."""
    for module in ("torch", "jax", "matplotlib"):
        pytest.importorskip(module)
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    scope = {}
    for block in (b for b in BLOCKS if b != GPU):
        if "my_terms" in block:
            scope |= {"my_terms": scope["terms"], "my_grads": scope["grads"]}
        exec(block, scope)
    pyplot.close("all")
    out = capsys.readouterr().out
    assert "(2, 3)" in out  # terms by image and head
    assert "(2, 10647)" in out  # what is kept
    assert "Everything that was handed in agrees" in out
    assert "YOLOv3: image 0, truth 1" in out


def test_the_gpu_example():
    cupy = pytest.importorskip("cupy")
    if not cupy.cuda.is_available():
        pytest.skip("CuPy sees no GPU")
    scope = {}
    for block in (BLOCKS[0], GPU):
        exec(block, scope)


def test_commands_and_extras_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(re.findall(r"`yolo-losses ([a-z][a-z-]*)", README)) <= set(commands_of_the_project())
    named = set(re.findall(r"`\[(\w+)\]`", README)) | set(re.findall(r"\.\[(\w+)\]", README))
    assert {"demo", "test"} <= named <= set(project["optional-dependencies"])
    commands = re.findall(r"^    (python3 -m venv .*)$", README, flags=re.MULTILINE)
    assert len(commands) == 2
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ".venv/bin/python -m pytest" in commands[1]
    assert ".venv/bin/python -m pytest" in ci


def commands_of_the_project():
    pytest.importorskip("click")
    from yolo_losses.cli import main

    return main.commands


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_notebook_is_listed():
    stored = {f"notebooks/{p.name}" for p in (ROOT / "notebooks").glob("*.ipynb")}
    assert stored <= set(re.findall(r"\]\(([^)]+)\)", README))
