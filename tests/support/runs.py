"""Which check runs which line of the package."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple


class Check(NamedTuple):
    """A comparison with the oracle, or a test."""

    module: str  # of a test; "" where it is a comparison
    name: str
    lines: dict[str, list[int]]  # of files, by their names


class Record(NamedTuple):
    """All checks, and the lines that belong to no single one: of imports, and what tests draw."""

    checks: list[Check]
    shared: dict[str, list[int]]

    @classmethod
    def of_fork(cls, function: Callable[[], "Record"]) -> "Record":
        """What a function returns, in a fork."""
        checks, shared = in_fork(function)
        return cls([Check(*check) for check in checks], shared)

    def that_run(self, file: str, line: int, code: CodeType) -> list[Check]:
        """The checks that come by a line of a file: all, where that cannot be known."""
        if line in self.shared[file] or line not in lines_of(code):
            return self.checks
        return [check for check in self.checks if line in check.lines[file]]


class Recorder:
    """Writes down what checks run, one after the other, in some files of a folder."""

    def __init__(self, folder: Path, files: Sequence[str]) -> None:
        self.names = {str(folder / file): file for file in files}
        self.checks: list[Check] = []
        self.seen: set[tuple[str, int]] = set()
        self.of_none: set[tuple[str, int]] = set()

    def _call(self, frame: Any, event: str, argument: Any) -> Any:
        return self._line if frame.f_code.co_filename in self.names else None

    def _line(self, frame: Any, event: str, argument: Any) -> Any:
        self.seen.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line

    @contextmanager
    def _lines(self, seen: set[tuple[str, int]]) -> Iterator[None]:
        self.seen, before = seen, sys.gettrace()
        sys.settrace(self._call)
        try:
            yield
        finally:
            sys.settrace(before)

    def shared(self) -> AbstractContextManager[None]:
        """What is run inside belongs to all checks."""
        return self._lines(self.of_none)

    @contextmanager
    def check(self, module: str, name: str) -> Iterator[None]:
        """What is run inside is a check, which finds nothing stored by those before."""
        forget()
        seen: set[tuple[str, int]] = set()
        with self._lines(seen):
            yield
        self.checks.append(Check(module, name, self._by_file(seen)))

    def record(self) -> Record:
        return Record(self.checks, self._by_file(self.of_none))

    def _by_file(self, seen: set[tuple[str, int]]) -> dict[str, list[int]]:
        return {name: sorted(n for p, n in seen if p == path) for path, name in self.names.items()}


def forget() -> None:
    """Empty what functions of the tests have stored; the oracle's answers stay."""
    for name, module in list(sys.modules.items()):
        if name.removeprefix("tests.").startswith("test_"):
            for value in list(vars(module).values()):
                getattr(value, "cache_clear", lambda: None)()


def lines_of(code: CodeType) -> set[int]:
    """All lines that a run of a module can come by."""
    inner = (lines_of(c) for c in code.co_consts if isinstance(c, CodeType))
    return {n for *_, n in code.co_lines() if n}.union(*inner)


def in_fork(function: Callable[[], Any]) -> Any:
    """What a function returns, as JSON has it, of a fork that prints nothing."""
    here, there = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            silence()
            with open(there, "w") as file:
                file.write(json.dumps(function()))
        finally:
            os._exit(0)
    os.close(there)
    with open(here) as file:
        text = file.read()
    os.waitpid(pid, 0)
    if not text:
        raise ChildProcessError(pid)
    return json.loads(text)


def silence() -> None:
    """Print nothing from here on."""
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
