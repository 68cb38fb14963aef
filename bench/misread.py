"""Made series as a classifier that errs would count them, with what was measured of its errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bench.simulator import DAY, Drawn, wandering
from stream.core.correction import COMPOSITION, Matrix


@dataclass(frozen=True, slots=True)
class Errors:
    """Part of the negative stories called negative, and of the neutral and the positive ones."""

    negative: float
    neutral: float
    positive: float

    @property
    def mistaken(self) -> float:
        """Return the part called negative of stories that are not, half of them neutral."""
        return (self.neutral + self.positive) / 2


def misread(drawn: Drawn, errors: Errors, seed: int) -> Drawn:
    """Return the series with each story called as a classifier of these errors calls it.

    What is not negative is half neutral, give or take `COMPOSITION` over half a day: there the errors drift.
    """
    rng = np.random.default_rng((seed, 7))
    windows = len(drawn.total)
    neutral = np.clip(0.5 + wandering(rng, windows, COMPOSITION, DAY / 2), 0.0, 1.0)
    mistaken = neutral * errors.neutral + (1.0 - neutral) * errors.positive
    found = rng.binomial(drawn.negative, errors.negative)
    return replace(drawn, negative=found + rng.binomial(drawn.total - drawn.negative, mistaken))


def measured(errors: Errors, stories: int, seed: int) -> Matrix:
    """Return the confusion matrix of a held-out sample: a fifth of it negative, the rest half neutral."""
    rng = np.random.default_rng((seed, 8))
    rows = ((stories // 5, errors.negative), (stories * 2 // 5, errors.neutral), (stories * 2 // 5, errors.positive))
    matrix = []
    for row, (total, called) in enumerate(rows):
        negative = int(rng.binomial(total, called))
        rest = total - negative
        matrix.append([negative, 0, rest] if row == 2 else [negative, rest, 0])
    return matrix


def of_two_sources(drawn: Drawn, seed: int) -> Drawn:
    """Return the series as told by two sources, one four times as negative, whose parts in it move over two days."""
    rng = np.random.default_rng((seed, 9))
    part = np.clip(0.4 + wandering(rng, len(drawn.total), 0.15, 2 * DAY), 0.0, 1.0)
    share = 0.08 + (0.35 - 0.08) * part
    scattered = rng.beta(share * drawn.scatter, (1.0 - share) * drawn.scatter)
    return replace(drawn, negative=rng.binomial(drawn.total, scattered), share=share)
