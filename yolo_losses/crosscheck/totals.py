"""Which factors of single terms a total holds, where the terms were not handed in."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from .factors import Factor, by_choice, matching, over_batch, products
from .problem import TERMS, summed

Group = tuple[str, ...]  # terms that share a factor; ("",) is the total itself
Hit = list[tuple[Group, list[Factor]]]
SHARED: tuple[Group, ...] = (("obj", "noobj"), ("box", "cls"), ("box", "obj", "cls"),
                             ("obj", "noobj", "cls"), ("box", "obj", "noobj"))  # fmt: skip


class TotalOfTerms(NamedTuple):
    """A total as it was handed in, (N,) or (), and the terms that it should be the sum of."""

    got: np.ndarray
    parts: dict[str, np.ndarray]  # (N, S)
    tolerance: float
    table: Callable[[Group], list[Factor]]

    @property
    def limit(self) -> np.ndarray:
        """What rounding may do to a difference of sums."""
        size = sum(np.abs(v) for v in self.parts.values())
        return np.asarray(
            2 * self.tolerance * (np.abs(self.got) + summed(np.asarray(size), self.got.shape))
        )

    def _sum(self, group: Sequence[str]) -> np.ndarray:
        return np.asarray(sum(self.parts[t] for t in group))

    def _rest(self, names: Sequence[str]) -> np.ndarray:
        others = [t for t in TERMS if t not in names]
        left = summed(self._sum(others), self.got.shape) if others else 0.0
        return np.asarray(self.got - left)

    def groups(self, names: Sequence[str]) -> list[Group]:
        """Single terms, and those that may share a factor."""
        alone: list[Group] = [(t,) for t in names]
        return [*alone, *(g for g in SHARED if set(g) <= set(names))]

    def one(self, names: Sequence[str]) -> Hit:
        """One factor."""
        for group in self.groups(names):
            own, rest = self._sum(group), self._rest(group)
            if (np.abs(summed(own, self.got.shape)) <= self.limit).all():
                continue
            found = matching(rest, own, self.table(group), self.limit)
            found = found or over_batch(rest, own, self.limit)
            if found:
                return [(group, found)]
        return []

    def two(self, names: Sequence[str]) -> Hit:
        """Two factors of two groups, or of one group and the whole."""
        both = self._replace(table=lambda group: products(self.table(group)))
        hit = both.one(names) or self._and_whole(names)
        pairs = combinations(self.groups(names), 2)
        for a, b in (p for p in pairs if not hit and not set(p[0]) & set(p[1])):
            hit = hit or self._of_two(a, b)
        return hit

    def _of_two(self, a: Group, b: Group) -> Hit:
        first, second = self.table(a), self.table(b)
        x, y = (by_choice(self._sum(g), c, self.got.ndim) for g, c in ((a, first), (b, second)))
        rest = self._rest((*a, *b))
        apart = ~(np.abs(x[:, None] + y[None] - rest) <= self.limit)
        hits = np.argwhere(~apart.reshape(len(first), len(second), -1).any(axis=2))
        if not len(hits):
            return []
        j, k = min(hits, key=lambda h: first[h[0]].rank + second[h[1]].rank)
        same = [first[i] for i, m in hits if m == k], [second[m] for i, m in hits if i == j]
        return [(a, same[0]), (b, same[1])]

    def _and_whole(self, names: Sequence[str]) -> Hit:
        for whole in self._wholes():
            scaled = self._replace(parts={t: whole.value * v for t, v in self.parts.items()})
            for group, found in scaled.one(names):
                return [(group, found), (("",), [whole])]
        return []

    def _wholes(self) -> Iterator[Factor]:
        yield from (f for f in self.table(("box", "cls")) if f.value.any())
