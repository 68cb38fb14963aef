"""Aggregates: counts and sums of one series in one window, and what follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

SCORE_UNIT: Final = 10_000  # sums of scores are integers of this many parts, so that adding them is exact


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One series in one window. Labels and scores count stories, `documents` every copy.

    Attributes:
        start_s: start of the window, unix seconds, UTC.
        score_sum: sum of the stories' scores in units of 1/`SCORE_UNIT`.
        late: documents that came too late for live detection.
        late_stories, late_negative: stories whose first copy in this series was late, all and the negative ones.
    """

    start_s: int
    documents: int = 0
    negative: int = 0
    neutral: int = 0
    positive: int = 0
    score_sum: int = 0
    late: int = 0
    late_stories: int = 0
    late_negative: int = 0

    @property
    def total(self) -> int:
        """Stories."""
        return self.negative + self.neutral + self.positive

    @property
    def index(self) -> float | None:
        """Mean score of the stories in [-1, 1]; None where there are none."""
        return self.score_sum / SCORE_UNIT / self.total if self.total else None

    @property
    def negative_share(self) -> float | None:
        """Negative stories among all, in [0, 1]; None where there are none."""
        return self.negative / self.total if self.total else None

    def __add__(self, other: Aggregate) -> Aggregate:
        """Return both together, from the earlier start."""
        return Aggregate(
            min(self.start_s, other.start_s),
            self.documents + other.documents,
            self.negative + other.negative,
            self.neutral + other.neutral,
            self.positive + other.positive,
            self.score_sum + other.score_sum,
            self.late + other.late,
            self.late_stories + other.late_stories,
            self.late_negative + other.late_negative,
        )


def share_interval(part: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Return the interval that holds a share, within [0, 1]; (0, 1) where total is 0.

    References:
        Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    if total <= 0:
        return 0.0, 1.0
    share, square = part / total, z * z
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = z * math.sqrt(share * (1 - share) / total + square / (4 * total * total)) / (1 + square / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def index_interval(aggregate: Aggregate, z: float = 1.96) -> tuple[float, float] | None:
    """Return the interval around the index, within [-1, 1]; None where there are no stories.

    The spread is that of the labels (-1, 0, 1) with one pseudo-story of each, so that a single
    story gets a wide interval and never one of no width.
    """
    if aggregate.index is None:
        return None
    n = aggregate.total + 3
    mean = (aggregate.positive - aggregate.negative) / n
    variance = (aggregate.positive + aggregate.negative + 2) / n - mean * mean
    half = z * math.sqrt(variance / aggregate.total)
    return max(-1.0, aggregate.index - half), min(1.0, aggregate.index + half)
