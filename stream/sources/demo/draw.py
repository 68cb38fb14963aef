"""Drawing by a seed: the same on every machine and every version of Python."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """A sequence of draws that its key decides."""

    def __init__(self, *key: object) -> None:
        # Only random() of a seeded generator is promised to stay as it is; its other methods are not used.
        self._next = random.Random(":".join(map(str, key))).random

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self._next() < probability

    def uniform(self, low: float, high: float) -> float:
        """Return a number in `[low, high)`."""
        return low + (high - low) * self._next()

    def whole(self, low: int, high: int) -> int:
        """Return an integer from low to high, both included."""
        return low + int(self._next() * (high - low + 1))

    def pick(self, values: Sequence[T]) -> T:
        """Return one of the values, which are not empty."""
        return values[int(self._next() * len(values))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """Return one of the keys, each as often as its weight says."""
        at = self._next() * sum(weights.values())
        for value, weight in weights.items():
            at -= weight
            if at < 0:
                return value
        return next(reversed(list(weights)))
