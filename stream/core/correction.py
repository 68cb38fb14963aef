"""Correction for what the classifier gets wrong: from the share it calls negative to the share that is.

A classifier that calls `found` of the negative stories negative, and `mistaken` of the others, turns a share p into
mistaken + (found - mistaken) p. That line is the same for a span and for its baseline, so evidence stays that of the
counts as they came, which are whole and whose scatter is known; shares are put right where they are told. What is not
known of the line makes evidence weaker, as an unsure baseline does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from stream.core.baseline import LEAST_SHARE, MOST_SHARE
from stream.core.series import parse

# How far the neutral part of the stories that are not negative moves between spans of one series, one deviation:
# where the classifier takes neutral and positive ones for negative unequally often, that looks like a spike.
COMPOSITION: Final = 0.1
LEAST_WORTH: Final = 1e-6

Matrix = Sequence[Sequence[int]]
"""Counts of stories, rows what they are, columns what the classifier says; negative, neutral, positive."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What is known of a classifier's errors on one language and kind.

    Attributes:
        found: part of the negative stories that it calls negative, in (0, 1); `mistaken`, of all others.
        found_variance, mistaken_variance: of these two as estimates.
        gap: how much more often a negative story is called so than another.
        sure: how sure the gap is, from 1 down to 0 where it may as well be none.
    """

    found: float
    mistaken: float
    found_variance: float
    mistaken_variance: float
    gap: float = field(init=False)
    sure: float = field(init=False)

    def __post_init__(self) -> None:
        gap = self.found - self.mistaken
        unsure = (self.found_variance + self.mistaken_variance) / gap**2 if gap > 0.0 else 1.0
        object.__setattr__(self, "gap", gap)
        object.__setattr__(self, "sure", max(1.0 - unsure, 0.0))

    def share(self, called: float) -> float:
        """Return the share that is negative, in [0, 1], where this share is called so; the same where gap <= 0.

        References:
            Adjusted count: Forman (2008), Quantifying counts and costs via classification.
        """
        return min(max((called - self.mistaken) / self.gap, 0.0), 1.0) if self.gap > 0.0 else called

    def called(self, share: float) -> float:
        """Return the share that is called negative where this share is."""
        return self.mistaken + self.gap * share

    def worth(self, called: float) -> float:
        """Return how many independent stories at most a span can be worth whose baseline is this share, > 0.

        The share called negative is only known to a deviation; so many stories have as much by chance. Where it is
        not sure that negative stories are called so more often than others, they are worth less, down to nothing.
        """
        called = min(max(called, LEAST_SHARE), MOST_SHARE)
        p = self.share(called)
        q = 1.0 - p
        variance = q * q * self.mistaken_variance + p * p * self.found_variance
        return max(called * (1.0 - called) / variance * self.sure, LEAST_WORTH)


class Corrections:
    """Which series takes which correction: by language and kind where it has one language, else by kind.

    Args:
        matrices: by (language, kind). One without any negative or any other story tells nothing and is left out.
    """

    def __init__(self, matrices: Mapping[tuple[str, str], Matrix]) -> None:
        found = {key: correction_of(matrix) for key, matrix in matrices.items()}
        telling = {key: matrix for key, matrix in matrices.items() if _tells(matrix)}
        self._cells = {key: found[key] for key in telling}
        self._kinds = {
            kind: correction_of(_sum(matrix for (_, of), matrix in telling.items() if of == kind))
            for kind in {kind for _, kind in telling}
        }

    def of(self, series: str) -> Correction | None:
        """Return a series' correction; None where nothing was measured of its kind, or it is no series of stories."""
        try:
            kind, dimension, value = parse(series)
        except ValueError:
            return None
        pooled = self._kinds.get(kind)
        return self._cells.get((value, kind), pooled) if dimension == "lang" else pooled


def correction_of(matrix: Matrix) -> Correction:
    """Return what a matrix tells, half a story added to each answer so that none is thought impossible.

    Raises:
        ValueError: it is not 3 x 3, or a count is below zero.
    """
    if len(matrix) != 3 or any(len(row) != 3 or min(row) < 0 for row in matrix):
        raise ValueError(f"matrix {matrix!r}; expected three rows of three counts")
    found, found_variance = _part(matrix[0])
    neutral, positive = matrix[1], matrix[2]
    mistaken, by_chance = _part([a + b for a, b in zip(neutral, positive, strict=True)])
    unequal = _part(neutral)[0] - _part(positive)[0]
    return Correction(found, mistaken, found_variance, by_chance + (COMPOSITION * unequal) ** 2)


def _tells(matrix: Matrix) -> bool:
    return any(matrix[0]) and any(map(any, matrix[1:]))


def _part(row: Sequence[int]) -> tuple[float, float]:
    """Return the part of a row that is called negative, and the variance of that estimate."""
    total = sum(row) + 1.0
    part = (row[0] + 0.5) / total
    return part, part * (1.0 - part) / (total + 1.0)


def _sum(matrices: Iterable[Matrix]) -> Matrix:
    sums = [[0] * 3 for _ in range(3)]
    for matrix in matrices:
        for into, row in zip(sums, matrix, strict=True):
            for at, count in enumerate(row):
                into[at] += count
    return sums
