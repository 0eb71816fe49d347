"""The examples of all docstrings run."""

import doctest
import importlib
from pathlib import Path

import pytest

import yolo_losses

ROOT = Path(yolo_losses.__file__).parent
WITH_EXAMPLES = [p for p in sorted(ROOT.rglob("*.py")) if ">>>" in p.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda p: str(p.relative_to(ROOT)))
def test_examples(path):
    parts = ["yolo_losses", *path.relative_to(ROOT).with_suffix("").parts]
    module = importlib.import_module(".".join(p for p in parts if p != "__init__"))
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0


def test_the_functions_that_people_call_have_examples():
    named = {p.relative_to(ROOT).as_posix() for p in WITH_EXAMPLES}
    assert {"v1.py", "v2.py", "v3.py", "v4.py", "iou.py", "nms.py", "targets.py"} <= named
