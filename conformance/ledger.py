"""The ledger of ids: which were ever given, and to what question.

An id is never given to another question, and one that is taken back stays in the ledger.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from conformance import canonical
from conformance.vectors import FOLDER, VERSION

PATH = FOLDER / "ids.json"


def read() -> dict[str, list[str]]:
    """id → [the version of the vectors that first had it, a digest of its inputs]."""
    if not PATH.exists():
        return {}
    found: dict[str, list[str]] = canonical.loads(PATH.read_text(encoding="utf-8"))
    return found


def digest(case: dict[str, Any]) -> str:
    """A digest of the inputs of a case."""
    text = canonical.dumps(case["inputs"])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def reused(files: Iterable[dict[str, Any]]) -> list[str]:
    """Ids that the ledger gives to another question."""
    known = read()
    cases = [case for data in files for case in data["cases"]]
    return [c["id"] for c in cases if c["id"] in known and known[c["id"]][1] != digest(c)]


def update(files: Iterable[dict[str, Any]]) -> None:
    """Enter new ids.

    Raises
    ------
    ValueError
        An id that was given to another question.
    """
    files = list(files)
    if again := reused(files):
        msg = f"these ids were given to other inputs before: {', '.join(again)}"
        raise ValueError(msg)
    new = {case["id"]: [VERSION, digest(case)] for data in files for case in data["cases"]}
    entries = {**new, **read()}
    PATH.write_text(canonical.dumps(dict(sorted(entries.items()))), encoding="utf-8")
