"""What the doctor says."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that looks wrong.

    Attributes
    ----------
    code : str
        The name of the check.
    severity : "error" or "warning"
        An error costs truths or makes the loss meaningless; a warning is an inference.
    place : str
        The first place, as `image 0, row 2` or `heads[1]`.
    message, remedy : str
        What was seen, and what to do about it.
    count : int
        At how many places.
    """

    code: str
    severity: str
    place: str
    message: str
    remedy: str
    count: int = 1

    def __str__(self) -> str:
        return (
            f"{self.severity}: {self.code}: {self.place}, {self.count} in all: "
            f"{self.message}. {self.remedy}"
        )


@dataclass(frozen=True)
class Report:
    """Findings, those of the labels first; iterable, and `ok` where there is none."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "Nothing found."
