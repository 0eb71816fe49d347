"""What the doctor says."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Finding:
    """One thing that looks wrong.

    Attributes
    ----------
    code : str
        The name of the check.
    severity : "error", "warning" or "note"
        An error costs truths or makes the loss meaningless; a warning is an inference, or costs
        much; a note is a fact that may be meant.
    place : str
        The first place, as `image 0, row 2` or `heads[1]`.
    message, remedy : str
        What was seen, and what to do about it.
    count : int
        At how many places.
    image, row : int or None
        Of the first place, where it is a row of the targets.
    """

    code: str
    severity: str
    place: str
    message: str
    remedy: str
    count: int = 1
    image: int | None = None
    row: int | None = None

    def __str__(self) -> str:
        return (
            f"{self.severity}: {self.code}: {self.place}, {self.count} in all: "
            f"{self.message}. {self.remedy}"
        )


@dataclass(frozen=True)
class Report:
    """Findings, those of the labels first; iterable, and `ok` where all are notes."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found that is more than a note."""
        return all(finding.severity == "note" for finding in self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "Nothing found."


def join(findings: Iterable[Finding]) -> Report:
    """One finding a code of those of many batches: the first, with the count of all.

    Its severity is that of most places, as a share in a small last batch says little.
    """
    first: dict[str, Finding] = {}
    counts: dict[str, Counter[str]] = {}
    for finding in findings:
        first.setdefault(finding.code, finding)
        counts.setdefault(finding.code, Counter())[finding.severity] += finding.count
    return Report(tuple(
        replace(finding, count=counts[code].total(), severity=counts[code].most_common(1)[0][0])
        for code, finding in first.items()
    ))  # fmt: skip
