"""What a run found, summed up by library, version and stage."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from conformance.run.work import STAGES, Outcome

GROUPS = ("boxes", "iou", "giou", "diou", "ciou", "v1", "v2", "v3", "v4")
ORDER = ("boxes", "similarity", *STAGES)


class Cell(NamedTuple):
    """One stage of a version on a library in a dtype."""

    passed: int
    failed: int
    expected: int
    ulp: float  # the largest error of what passed
    worst: str  # the case that has it


class Run(NamedTuple):
    """All outcomes, and what there was to run on."""

    outcomes: list[Outcome]
    versions: dict[str, str]  # back end → version of its library
    missing: dict[str, str]  # back end → why it was left out
    vectors: str
    seconds: float

    @property
    def columns(self) -> list[tuple[str, str]]:
        """(back end, dtype) in the order in which they were asked for."""
        found = {(o.backend, o.dtype) for o in self.outcomes}
        return [(b, d) for b in self.versions for d in ("float64", "float32") if (b, d) in found]

    @property
    def rows(self) -> list[tuple[str, str]]:
        """(version, stage)."""
        found = {(o.version, o.stage) for o in self.outcomes}
        return [(g, s) for g in GROUPS for s in ORDER if (g, s) in found]

    def cells(self) -> dict[tuple[str, str, str, str], Cell]:
        """(version, stage, back end, dtype) → Cell."""
        grouped: dict[tuple[str, str, str, str], list[Outcome]] = defaultdict(list)
        for o in self.outcomes:
            grouped[o.version, o.stage, o.backend, o.dtype].append(o)
        return {key: _cell(of) for key, of in grouped.items()}

    def failures(self, state: str = "failed") -> list[Outcome]:
        """Outcomes of a state, by library and case."""
        return sorted(o for o in self.outcomes if o.state == state)

    def as_dict(self) -> dict[str, Any]:
        """In the types of JSON."""
        cells = self.cells()
        return {
            "vectors": self.vectors,
            "libraries": self.versions,
            "left_out": self.missing,
            "seconds": round(self.seconds, 1),
            "matrix": [
                {"version": v, "stage": s, "backend": b, "dtype": d, **cells[v, s, b, d]._asdict()}
                for v, s in self.rows for b, d in self.columns if (v, s, b, d) in cells
            ],
            "failures": [_plain(o) for o in self.failures()],
            "known_deviations": [_plain(o) for o in self.failures("expected")],
        }  # fmt: skip


def _plain(o: Outcome) -> dict[str, Any]:
    return {**o._asdict(), "ulp": o.ulp if o.ulp < float("inf") else None}


def _cell(of: Sequence[Outcome]) -> Cell:
    count = {state: sum(o.state == state for o in of) for state in ("passed", "failed", "expected")}
    passed = [o for o in of if o.state == "passed"]
    worst = max(passed, key=lambda o: o.ulp, default=None)
    return Cell(**count, ulp=worst.ulp if worst else 0.0, worst=worst.case if worst else "")
