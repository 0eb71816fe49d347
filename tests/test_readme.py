"""README's examples run, and its commands are the ones that the project has."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_the_same_call_on_the_libraries(capsys):
    """The blocks in their order, in one namespace; the last needs a GPU."""
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    scope = {}
    for block in BLOCKS[:3]:
        exec(block, scope)
    assert "(2, 3)" in capsys.readouterr().out
    assert scope["raw"][0].shape == (2, 13, 13, 3, 85)


def test_the_vectors_example():
    (block,) = [b for b in BLOCKS if "assert_conforms" in b]
    exec("import numpy as np\nimport yolo_losses as yl\n" + block, {})


def test_the_gpu_example():
    cupy = pytest.importorskip("cupy")
    if not cupy.cuda.is_available():
        pytest.skip("CuPy sees no GPU")
    scope = {}
    for block in (BLOCKS[0], BLOCKS[3]):
        exec(block, scope)


def test_commands_and_extras_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = set(re.findall(r"`\[(\w+)\]`", README)) | set(re.findall(r"\.\[(\w+)\]", README))
    assert {"demo", "test"} <= named <= set(project["optional-dependencies"])
    commands = re.findall(r"^    (python3 -m venv .*)$", README, flags=re.MULTILINE)
    assert len(commands) == 2
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ".venv/bin/python -m pytest" in commands[1]
    assert ".venv/bin/python -m pytest" in ci
