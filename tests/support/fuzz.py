"""Damaged files: valid ones, changed byte by byte, for everything that reads files.

`fuzz_readers` has the readers. Each may answer, or refuse with a ValueError, OSError or TypeError
that names the file and, where files of its kind have lines, the line; nothing else, and no warning.
They run in a child process that may take so much memory, and so long for a file.

    python -m tests.support.fuzz --examples 5000 [READER …]

tries each reader on so many files, those that are slow on a quarter, the same for the same seed.
"""

import argparse
import json
import resource
import select
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.support.fuzz_readers import ON_PURPOSE, Reader, readers

REFUSALS = ValueError, OSError, TypeError
MEMORY, SECONDS = 2**32, 10  # bytes beyond what the child has when it starts; of one file


class Outcome(NamedTuple):
    """What a reader made of one file."""

    answer: str  # "read", the kind of the error, or what became of the child
    text: str  # of the error
    allowed: bool
    seconds: float


def outcome(reader: Reader, path: Path) -> Outcome:
    """Read a file. An error that is allowed says where it is, and is none of memory at heart."""
    start = time.perf_counter()
    try:
        reader.read(path)
    except Exception as error:
        text = str(error)
        allowed = isinstance(error, REFUSALS) and reader.is_placed(error) and not _of_memory(error)
        return Outcome(type(error).__name__, text, allowed, time.perf_counter() - start)
    return Outcome("read", "", True, time.perf_counter() - start)


def _of_memory(error: BaseException | None) -> bool:
    """Whether an error came up where memory had run out."""
    return error is not None and (isinstance(error, MemoryError) or _of_memory(error.__context__))


class Child(AbstractContextManager["Child"]):
    """A process that reads files by the name of their reader; another one where it dies."""

    def __init__(self, memory: int = MEMORY, seconds: float = SECONDS) -> None:
        self.memory, self.seconds, self.process = memory, seconds, self._start(memory)

    @staticmethod
    def _start(memory: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.support.fuzz", "--child", str(memory)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        assert process.stdout.readline() == "ready\n"
        return process

    def outcome(self, name: str, path: Path) -> Outcome:
        """As `outcome`; not allowed where the child dies or takes too long."""
        self.process.stdin.write(json.dumps([name, str(path)]) + "\n")
        in_time = select.select([self.process.stdout], [], [], self.seconds)[0]
        line = self.process.stdout.readline() if in_time else ""
        if line:
            return Outcome(*json.loads(line))
        self.__exit__()
        end = f"ended with {self.process.returncode}" if in_time else "hangs"
        self.process = self._start(self.memory)
        return Outcome(end, "", False, self.seconds)

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def serve(memory: int) -> None:
    """The child: a name and a path a line, and an outcome a line."""
    warnings.simplefilter("error")
    known = {**readers(), **ON_PURPOSE}
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = memory + pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print("ready", flush=True)
    for line in sys.stdin:
        name, path = json.loads(line)
        print(json.dumps(outcome(known[name], Path(path))), flush=True)


def tried(
    child: Child, name: str, reader: Reader, folder: Path, examples: int, seed: int
) -> Iterator[tuple[bytes, Outcome]]:
    """Damaged files and what came of them."""
    rng, path = np.random.default_rng(seed), reader.laid_out(folder)
    for _ in range(examples):
        damage = reader.damages[rng.integers(len(reader.damages))]
        content = damage(reader.valid[rng.integers(len(reader.valid))], rng)
        path.write_bytes(content)
        yield content, child.outcome(name, path)


def report(name: str, found: list[tuple[bytes, Outcome]]) -> bool:
    """Print a line on a reader, and what it may not do; whether there is any such."""
    bad = [(content, o) for content, o in found if not o.allowed]
    read = sum(o.answer == "read" for _, o in found)
    slowest = max(o.seconds for _, o in found)
    print(f"{name}: {len(found)} files, {read} read, {len(bad)} wrong, {slowest:.2f} s at most")
    for content, o in bad[:3]:
        print(f"    {o.answer}: {o.text[:200]} on {content[:200]!r}")
    return bool(bad)


def main() -> None:
    """A line a reader; exit code 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="READER")
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options, failed = parser.parse_args(), False
    if options.child is not None:
        serve(options.child)
        return
    every = readers()
    with Child() as child, tempfile.TemporaryDirectory() as folder:
        for k, name in enumerate(options.names or every):
            examples = options.examples // (4 if every[name].slow else 1)
            place = Path(folder, str(k))
            found = list(tried(child, name, every[name], place, examples, options.seed))
            failed |= report(name, found)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
