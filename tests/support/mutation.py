"""A mutation test of the formulas: every small edit of a file should make a test fail.

    python -m tests.support.mutation                     all edits of all files
    python -m tests.support.mutation v3.py iou.py        of some
    python -m tests.support.mutation --sample 60 --seed 1

mutmut and cosmic-ray run a command of their own for each edit, in a copy of the tree or on the tree
itself; importing the tests takes longer than most of them need to notice. mutmut leaves alone what
is decorated or stands outside functions, as similarities and defaults of a `Config` do. So the
edits are made by `edits`, and each is tried in a fork of one process that has NumPy, pytest and the
oracle's answers, but not the package: that the fork imports with the edit.

First the cases of `cases` are compared with the oracle, then the tests that need NumPy alone run up
to the first failure, then a few cases run on array-api-strict and on PyTorch. Where many edits are
tried, one run of the package as it is writes down which of these come by which line, and an edit is
tried on those that come by its own (`runs`). Survivors that are known stand in `survivors.toml`,
each with its reason; they count as survivors.
"""

import argparse
import gc
import importlib
import os
import random
import resource
import sys
import time
import tomllib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec, spec_from_file_location
from io import StringIO
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import pytest

from tests.support.edits import Edit, compiled, edits
from tests.support.runs import Record, Recorder, silence

TESTS = Path(__file__).parents[1]
PACKAGE = Path(str(find_spec("yolo_losses").origin)).parent  # type: ignore[union-attr]
FORMULAS = ("iou.py", "matching.py", "v1.py", "v2.py", "v3.py", "v4.py")
FILES = (
    *FORMULAS, "ignoring.py", "targets.py", "elementwise.py", "problems.py", "terms.py",
    "diagnosis.py", "grid.py", "boxes.py", "nms.py",
)  # fmt: skip
LEAST = 0.9  # killed
SECONDS = 30  # of processor time; what needs more does not end
FEW = 100  # edits, of which to find out who runs them takes longer than to try them on all

HAND_MADE = (
    "bad_input", "blocks", "boxes", "diagnosis", "elementwise", "grid", "losses",
    "matching", "nearby", "nms", "precision", "readings_common", "readings_presets",
    "readings_similarities", "readings_sums", "readings_v1_v2", "readings_v3_v4", "regions",
    "similarities", "targets", "transforms", "workspace",
)  # fmt: skip
ELSEWHERE = (
    "torch",
    "jax",
    "dask",
    "strict",
    "cupy",
    "librar",
    "device",
    "half",
    "needs_a_gradient",
)  # not NumPy alone
SLOW = (
    "test_float64", "test_float32", "program", "comparison", "explanation", "picture", "large",
    "mapped", "graph", "traces", "command", "automatic",
)  # fmt: skip
VERSIONS = {"v1", "v2", "v3", "v4"}

SURVIVED, BY_CASES, BY_LIBRARIES, BY_TESTS = range(4)  # + which of HAND_MADE


# The fork: the package with an edit, and what tells it from the original.


class _Edited(SourceFileLoader):
    """A module of the package from code that is made already."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self.code = code

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class _Finder:
    """Finds one module of the package edited, and leaves all others to the others."""

    def __init__(self, edit: Edit) -> None:
        path = PACKAGE / edit.file
        self.name, self.path = f"yolo_losses.{path.stem}", str(path)
        self.code = compiled(edit, path.read_text(encoding="utf-8"), self.path)

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        return spec_from_file_location(name, self.path, loader=_Edited(name, self.path, self.code))


Names = dict[str, set[str]]  # of checks, by the module of tests; those of "" are comparisons


def _notice(edit: Edit, wanted: Names | None, modules: Sequence[str] = HAND_MADE) -> int:
    """Who notices an edit, of the checks that are wanted or of all, module by module.

    In a fork, for the package stays imported.
    """
    sys.meta_path.insert(0, _Finder(edit))  # type: ignore[arg-type]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for name, case in _cases():
                if _concerns(name, edit.file) and (wanted is None or name in wanted.get("", ())):
                    case()
    except Exception:
        return BY_CASES
    for module in modules:
        if wanted is None or module in wanted:
            code = _tests(module, _Wanted(edit.file, wanted and wanted[module]))
            if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                return BY_TESTS + HAND_MADE.index(module)
    try:
        _few_cases(edit.file)
    except Exception:
        return BY_LIBRARIES
    return SURVIVED


OPTIONS = [
    "-x", "-q", "-n", "0", "--assert=plain", "-p", "no:cacheprovider",
    "-p", "no:unraisableexception",  # which collects garbage, five times
]  # fmt: skip


def _tests(module: str, plugin: Any) -> int:
    """Run a module of tests up to the first failure."""
    return pytest.main([*OPTIONS, str(TESTS / f"test_{module}.py")], plugins=[plugin])


class _NumPyAlone:
    """Of the tests those that need no other library, and are not `_cases` once more."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if self.takes(item.name.lower(), item.name)]

    def takes(self, lower: str, name: str) -> bool:
        return not any(word in lower for word in ELSEWHERE + SLOW)


class _Wanted(_NumPyAlone):
    """Of these those that concern a file, and have one of some names."""

    def __init__(self, file: str, names: set[str] | None) -> None:
        self.file, self.names = file, names

    def takes(self, lower: str, name: str) -> bool:
        listed = super().takes(lower, name) if self.names is None else name in self.names
        return listed and _concerns(lower, self.file)


class _Recorded(_NumPyAlone):
    """All of these, written down."""

    def __init__(self, module: str, recorder: Recorder) -> None:
        self.module, self.recorder = module, recorder

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Iterator[None]:
        with self.recorder.shared():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        with self.recorder.check(self.module, item.name):
            return (yield)


def _record(files: Sequence[str]) -> Record:
    """Every check once, of the package as it is; in a fork."""
    recorder = Recorder(PACKAGE, files)
    with recorder.shared():
        for file in files:
            importlib.import_module(f"yolo_losses.{file.removesuffix('.py')}")
        cases = list(_cases())
    for name, case in cases:
        with recorder.check("", name):
            case()
    for module in HAND_MADE:
        if _tests(module, _Recorded(module, recorder)) != pytest.ExitCode.OK:
            raise RuntimeError(module)
    return recorder.record()


def _concerns(name: str, file: str) -> bool:
    """Whether what is named concerns a file: a version imports no other."""
    version = file.removesuffix(".py")
    others = VERSIONS - {version} if version in VERSIONS else set()
    return version in name or not any(v in name for v in others)


def _of_tests(*names: str) -> Any:
    """Modules, imported where the package is edited."""
    return map(importlib.import_module, names)


def _cases() -> Iterator[tuple[str, Callable[[], None]]]:
    """The comparisons with the oracle, on NumPy, by name."""
    support, losses, matching, backends = _of_tests(
        "tests.support.cases", "tests.test_losses", "tests.test_matching", "conformance.backends"
    )
    numpy = backends.NumPy()
    _adopt(support)
    for case in support.CASES:
        for test in (losses.test_float64, matching.test_assign, matching.test_decode):
            yield f"{test.__name__} {case.name}", partial(test, case, numpy)
    for case in support.EXTREME:
        test = losses.test_large_raw_outputs_are_finite
        yield f"{test.__name__} {case.name}", partial(test, case, numpy, "float64")


def _adopt(support: Any) -> None:
    """Cases were drawn once, before the fork: they get targets and configs of the edited package."""
    support.yl = package = importlib.import_module("yolo_losses")
    for case in (*support.CASES, *support.EXTREME):
        config = getattr(package, case.version).Config(**vars(case.config))
        vars(case).update(targets=package.Targets(*case.targets), config=config)
    for version in VERSIONS:
        config = getattr(support, version.upper())
        vars(support)[version.upper()] = getattr(package, version).Config(**vars(config))


def _few_cases(file: str) -> None:
    """A few on a library that takes the standard at its word, and with PyTorch's own gradient."""
    support, losses, backends = _of_tests(
        "tests.support.cases", "tests.test_losses", "conformance.backends"
    )
    for library in (backends.Strict(), backends.Torch()):
        for case in support.FEW:
            if _concerns(case.version, file):
                losses.test_float64(case, library)


# The process that forks.


def prepare() -> None:
    """Draw all cases, ask the oracle, and forget the package and what else has imported it."""
    os.environ.pop("PYTEST_ADDOPTS", None)  # of who runs this, as --cov
    cases = importlib.import_module("tests.support.cases")
    expected = importlib.import_module("tests.support.expected").expected
    for case in (*cases.CASES, *cases.EXTREME):
        expected(case)
    with redirect_stdout(StringIO()):
        _tests("grid", _Wanted("", set()))  # none of them: pytest imports its parts
    keep = {f"tests.support.{name}" for name in ("cases", "expected", "edits", "runs")} | {__name__}
    for name in list(sys.modules):
        top = name.partition(".")[0]
        of_oracle = name.startswith("conformance.oracle") or "." not in name
        if (
            top == "yolo_losses"
            or top.startswith("test_")
            or (top in ("tests", "conformance") and not of_oracle and name not in keep)
        ):
            del sys.modules[name]
    gc.freeze()  # so that forks share what is here, and do not go through it


class Outcome(NamedTuple):
    """What became of an edit."""

    edit: Edit
    by: int  # SURVIVED, BY_CASES, BY_LIBRARIES, BY_TESTS + which
    seconds: float

    def __str__(self) -> str:
        by = ("survived", "cases", "libraries", *HAND_MADE)[self.by]
        return f"{by}: {self.seconds:.1f} s, line {self.edit.line}, {self.edit.key}"


def outcomes(chosen: Sequence[Edit], jobs: int) -> Iterator[Outcome]:
    """Try edits, some at once, each in a fork of this process.

    Where they are many, each is tried on the checks that run it. Who noticed an edit is asked first
    about the next.
    """
    files = sorted({edit.file for edit in chosen})
    record = Record.of_fork(lambda: _record(files)) if len(chosen) > FEW else None
    waiting, running, modules = list(reversed(chosen)), {}, list(HAND_MADE)
    while waiting or running:
        while waiting and len(running) < jobs:
            edit = waiting.pop()
            running[_fork(edit, record and _wanted(edit, record), modules)] = edit, time.monotonic()
        pid, status = os.wait()
        edit, begun = running.pop(pid)
        code = os.waitstatus_to_exitcode(status)
        if code >= BY_TESTS:
            modules.insert(0, modules.pop(modules.index(HAND_MADE[code - BY_TESTS])))
        yield Outcome(edit, BY_TESTS if code < 0 else code, time.monotonic() - begun)


def _wanted(edit: Edit, record: Record) -> Names:
    """The checks that run what is edited."""
    path = PACKAGE / edit.file
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    names: Names = {}
    for check in record.that_run(edit.file, edit.line, code):
        names.setdefault(check.module, set()).add(check.name)
    return names


def _fork(edit: Edit, wanted: Names | None, modules: Sequence[str]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = BY_TESTS  # what breaks the tests themselves is noticed
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        silence()
        code = _notice(edit, wanted, modules)
    finally:
        os._exit(code)


# The command.


def all_edits(files: Sequence[str] = FILES) -> list[Edit]:
    """All edits of some files."""
    return [e for f in files for e in edits(f, (PACKAGE / f).read_text(encoding="utf-8"))]


def explained() -> dict[str, str]:
    """The reason of every survivor that is known, by the key of its edit."""
    text = (Path(__file__).parent / "survivors.toml").read_text(encoding="utf-8")
    return {
        key: group["reason"] for group in tomllib.loads(text)["group"] for key in group["edits"]
    }


def main() -> int:
    """Print a table, and what survived; 1 where fewer than LEAST are killed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", default=FILES)
    parser.add_argument("--sample", type=int, help="so many edits of all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trust", action="store_true", help="explained ones survive untried")
    parser.add_argument("--each", action="store_true", help="print what became of every edit")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    chosen = all_edits(options.files)
    if options.sample:
        chosen = random.Random(options.seed).sample(chosen, options.sample)
    known = explained() if options.trust else {}
    prepare()
    found = [Outcome(edit, SURVIVED, 0.0) for edit in chosen if edit.key in known]
    for outcome in outcomes([e for e in chosen if e.key not in known], options.jobs):
        found.append(outcome)
        if options.each or outcome.by == SURVIVED:
            print(outcome, flush=True)
    return report(found)


def report(found: Sequence[Outcome]) -> int:
    """Print the table."""
    reasons, titles = (
        explained(),
        ("edits", "by cases", "by tests", "by libraries", "survive", "explained", "s"),
    )
    print(f"{'':15}", *(f"{title:>12}" for title in titles))
    for file in (*FILES, "all"):
        of_file = [o for o in found if file in (o.edit.file, "all")]
        lives = [o.edit.key in reasons for o in of_file if o.by == SURVIVED]
        who = [min(o.by, BY_TESTS) for o in of_file]
        killed = [who.count(by) for by in (BY_CASES, BY_TESTS, BY_LIBRARIES)]
        row = len(of_file), *killed, len(lives), sum(lives), round(sum(o.seconds for o in of_file))
        if of_file:
            print(f"{file:15}", *(f"{v:12}" for v in row))
    share = sum(o.by != SURVIVED for o in found) / len(found)
    print(f"killed: {share:.1%}")
    return int(share < LEAST)


if __name__ == "__main__":
    sys.exit(main())
