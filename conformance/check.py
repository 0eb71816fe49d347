"""Check the vectors: `python -m conformance.check`.

Each check prints a line. Exit code 1 if one fails.
"""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from conformance import canonical, ledger, vectors
from conformance.firm import loose_ends
from conformance.killing import Tally, asked, notices
from conformance.mutants import MUTANTS

SIZE = 5 * 2**20
LEAST = 300
Data = dict[str, dict[str, Any]]


def schema(files: Data) -> Iterator[str]:
    """Every file has the form that the schema states."""
    rules = canonical.loads((vectors.FOLDER / "schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(rules)
    validator = Draft202012Validator(rules)
    for name, data in files.items():
        for error in validator.iter_errors(data):
            yield f"{name}: {error.json_path}: {error.message[:200]}"


def canonical_form(files: Data) -> Iterator[str]:
    """The same data is always the same text."""
    for name, data in files.items():
        if _text(name) != canonical.dumps(data):
            yield f"{name}.json is not as `python -m conformance.make` writes it"


def complete(files: Data) -> Iterator[str]:
    """All files are there, no other is, and they are not too large."""
    there = {path.stem for path in vectors.FOLDER.glob("*.json")} - {"schema", "ids"}
    yield from (f"{name}.json is missing" for name in set(vectors.names()) - there)
    yield from (f"nobody asks for {name}.json" for name in there - set(vectors.names()))
    size = sum(path.stat().st_size for path in vectors.FOLDER.iterdir())
    if size >= SIZE:
        yield f"{size} bytes, more than {SIZE}"
    if sum(len(data["cases"]) for data in files.values()) < LEAST:
        yield f"fewer than {LEAST} cases"


def ids(files: Data) -> Iterator[str]:
    """Ids are unique, in the ledger, and never given to another question."""
    count = Counter(case["id"] for data in files.values() for case in data["cases"])
    yield from (f"{name} stands {n} times" for name, n in count.items() if n > 1)
    yield from (f"{name} is not in ids.json" for name in count if name not in ledger.read())
    yield from (
        f"{name} was given to other inputs before" for name in ledger.reused(files.values())
    )


def flags(files: Data) -> Iterator[str]:
    """Every flag of a case is explained in its file, and every explained flag is used."""
    for name, data in files.items():
        used = {flag for case in data["cases"] for flag in case["flags"]}
        yield from (f"{name}: {flag} is not explained" for flag in used - set(data["flags"]))
        yield from (f"{name}: {flag} is not used" for flag in set(data["flags"]) - used)


def generated(files: Data) -> Iterator[str]:
    """The committed files are what the oracle says today."""
    with _pool() as pool:
        for name, data in zip(files, pool.map(vectors.build, files), strict=True):
            if canonical.dumps(data) != _text(name):
                yield f"{name}.json is not what the oracle says"


def firm(files: Data) -> Iterator[str]:
    """No decision is near to falling the other way, but where a case is about that."""
    for name in files:
        yield from (f"{name}/{ask.name}" for ask in loose_ends(name))


def told_apart(files: Data) -> Iterator[str]:
    """Wrong variants of the oracle are noticed, each case notices one, none the right oracle."""
    every = [(group, ask, case) for group, ask, case in asked() if case.id in _ids(files)]
    yield from (
        f"{case.id} refuses the right oracle" for _, ask, case in every if notices(case, ask)
    )
    tally = Tally(every)
    with tempfile.TemporaryDirectory() as folder:
        for k, mutant in enumerate(MUTANTS):
            formulas = mutant.load(Path(folder), f"oracle_variant_{k}")
            for group in tally.unnoticed(formulas, mutant.shows):
                yield f"{group} does not notice: {mutant.file}: {mutant.why}"
    yield from (f"{name} notices no variant" for name in sorted(tally.idle))


def _ids(files: Data) -> set[str]:
    return {case["id"] for data in files.values() for case in data["cases"]}


CHECKS: list[Callable[[Data], Iterator[str]]] = [
    schema, canonical_form, complete, ids, flags, firm, generated, told_apart,
]  # fmt: skip


def _text(name: str) -> str:
    return (vectors.FOLDER / f"{name}.json").read_text(encoding="utf-8")


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"))


def read() -> Data:
    """All files that are there, in the order in which they are made."""
    found = [name for name in vectors.names() if (vectors.FOLDER / f"{name}.json").exists()]
    return {name: canonical.loads(_text(name)) for name in found}


def main() -> int:
    """Run all checks."""
    files, bad = read(), 0
    for check in CHECKS:
        faults = list(check(files))
        bad += len(faults)
        summary = (check.__doc__ or "").splitlines()[0]
        print("FAILED" if faults else "ok    ", summary)
        for fault in faults:
            print("       ", fault)
    cases = sum(len(data["cases"]) for data in files.values())
    print(f"{cases} cases in {len(files)} files, {len(MUTANTS)} wrong variants, {bad} faults")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
