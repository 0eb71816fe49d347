"""What an oracle answers."""

from collections.abc import Iterable
from typing import NamedTuple


class Terms(NamedTuple):
    """Parts of a loss, each already weighted by its λ.

    `obj` is the objectness of responsible predictors, `noobj` that of all others.
    """

    box: float
    obj: float
    noobj: float
    cls: float


class Candidate(NamedTuple):
    """An anchor of the head that an object chose, and whether it holds it after collisions."""

    anchor: int
    iou: float
    holds: bool


class Match(NamedTuple):
    """An object's cell in a head, and the anchors that it chose there."""

    row: int
    col: int
    anchors: list[Candidate]


class Head(NamedTuple):
    """One head, as [row][col][anchor]; `matches` as [truth], None for an invalid one.

    `decoded` has (x, y, w, h as fractions of the image, objectness), `classes` the list of
    class probabilities (v1: as [row][col]).
    """

    decoded: list
    responsible: list
    ignored: list
    matches: list[Match | None]
    classes: list


class Counts(NamedTuple):
    """Slots held and slots lost to another object, by head; objects of the image."""

    positives: list[int]
    collisions: list[int]
    invalid: int
    unassigned: int


class Frozen(NamedTuple):
    """Everything that is constant for the gradient."""

    slots: list
    matches: list[list[Match | None]]
    counts: Counts


class Result(NamedTuple):
    """The loss of one image: `terms` and `heads` by head."""

    terms: list[Terms]
    heads: list[Head]
    counts: Counts
    frozen: Frozen

    @property
    def total(self) -> float:
        """The sum of all terms."""
        return sum(sum(terms) for terms in self.terms)


def added(parts: Iterable[Terms]) -> Terms:
    """Σ_i Σ_j, term by term."""
    return Terms(*map(sum, zip(Terms(0.0, 0.0, 0.0, 0.0), *parts, strict=True)))


def counted(matches: list[list[Match | None]], invalid: int) -> Counts:
    """The counts of the matches of all heads.

    An object is unassigned that no anchor of any head was chosen for.
    """
    held = [[one.holds for match in head if match for one in match.anchors] for head in matches]
    per_object = [[m for m in found if m] for found in zip(*matches, strict=True)]
    return Counts(
        positives=[sum(head) for head in held],
        collisions=[len(head) - sum(head) for head in held],
        invalid=invalid,
        unassigned=sum(bool(ms) and not any(m.anchors for m in ms) for ms in per_object),
    )
