"""A process of its own for each way: a request as JSON on stdin, a JSON line a result on stdout."""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from .environment import pin
from .measure import measure, one_line
from .problems import Problem
from .ways import open_way
from .ways.base import Absent, Way


class Request(NamedTuple):
    """What a worker is to do."""

    way: str
    threads: int
    problems: list[Problem]
    calls: list[str]
    runs: int
    memory: bool = False
    compile: bool = False  # nothing but the seconds to compile the first problem


def answer(request: Request) -> Iterator[dict[str, Any]]:
    """What the way is, or why it is absent; then one answer a problem."""
    try:
        way = open_way(request.way, request.threads)
    except Absent as reason:
        yield {"absent": str(reason)}
        return
    yield {"device": way.device}
    if request.compile:
        yield _compile(way, request.problems[0])
        return
    for problem in request.problems:
        yield _measure(way, problem, request)


def _measure(way: Way, problem: Problem, request: Request) -> dict[str, Any]:
    """One measurement, or why it failed."""
    calls, runs, memory = request.calls, request.runs, request.memory
    try:
        return dict(measure(way, problem, calls=calls, runs=runs, memory=memory))
    except Exception as error:
        return {"failed": one_line(error)}


def _compile(way: Way, problem: Problem) -> dict[str, Any]:
    """Seconds, or why there are none."""
    try:
        return {"seconds": way.compile_seconds(way.data(problem))}
    except Absent as reason:
        return {"absent": str(reason)}
    except Exception as error:
        return {"failed": one_line(error)}


def encode(request: Request) -> str:
    """A request as JSON."""
    return json.dumps(request._asdict())


def decode(text: str) -> Request:
    """The inverse of `encode`."""
    fields = json.loads(text)
    return Request(**{**fields, "problems": [Problem(*each) for each in fields["problems"]]})


def main() -> None:
    """Answer on what was stdout; what libraries print goes to stderr."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    request = decode(sys.stdin.read())
    pin(request.threads)
    for each in answer(request):
        print(json.dumps(each), file=out, flush=True)


if __name__ == "__main__":
    main()
