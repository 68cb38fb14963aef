"""The volume channel: whether a series draws far more documents than it ever did, whatever they say. Seven numbers.

It learns the upper tail of the series' own counts: a high quantile, and how far counts beyond it usually reach.
"""

from __future__ import annotations

from math import exp, log1p
from typing import Any, Final

SCHEMA: Final = 1
QUANTILE: Final = 0.98
BLIND_WINDOWS: Final = 100  # a high quantile of fewer is a guess
FADING: Final = exp(-1 / 288)  # of the last peak, a window
AGAIN: Final = 1.2  # times the last peak, so that one burst is told once
LEAST_TAIL: Final = 0.05
OPEN_EXCESS: Final = 6.0  # about one window in (1 - q) exp(-6), 20,000, where the tail is what it was


class Volume:
    """The tail of one series' counts: P(excess > x) is about (1 - q) exp(-x) where nothing unusual happens.

    Args:
        open_excess: excess at which it fires.
    """

    __slots__ = ("_before", "_last", "_peak", "_spread", "_tail", "_threshold", "_windows", "open_excess")

    def __init__(self, open_excess: float = OPEN_EXCESS) -> None:
        self.open_excess = open_excess
        self._windows = 0
        self._last = self._before = 0.0  # the two counts before
        self._threshold = 0.0
        self._spread = 0.0
        self._tail = 0.5
        self._peak = 0.0

    def close(self, count: float) -> tuple[float, bool]:
        """Score a window that closed, then learn from it.

        Args:
            count: documents of the window, >= 0; windows come in order, empty ones too.

        Returns:
            Its excess over the usual tail, >= 0, in tail lengths; and whether that opens an `attention` event.
        """
        recent = [count, self._last, self._before][: self._windows + 1]
        y = log1p(sum(recent) / len(recent))
        excess = max(0.0, y - self._threshold) / self._tail if self._windows >= BLIND_WINDOWS else 0.0
        fires = excess >= self.open_excess and excess > AGAIN * self._peak
        self._peak = max(self._peak * FADING, excess)
        self._learn(y)
        self._last, self._before = count, self._last
        return excess, fires

    def _learn(self, y: float) -> None:
        n = self._windows
        rate = max(1 / 2_000, 1 / (n + 5))
        above = y > self._threshold
        pull = QUANTILE if above else QUANTILE - 1.0
        self._threshold += rate * 0.6 * max(self._spread, 0.05) / (1.0 - QUANTILE) * pull
        off = abs(y - self._threshold)
        self._spread += rate * (min(off, 5.0 * self._spread + 0.1) - self._spread)
        if y > self._threshold:
            reach = min(y - self._threshold, 4.0 * self._tail)
            self._tail = max(self._tail + max(0.01, 1 / (n + 20)) * (reach - self._tail), LEAST_TAIL)
        self._windows += 1

    def dump(self) -> list[Any]:
        """Return the state as plain numbers; the first is a schema version."""
        tail = [self._threshold, self._spread, self._tail, self._peak]
        return [SCHEMA, self._windows, self._last, self._before, *tail]

    @classmethod
    def load(cls, state: list[Any], open_excess: float = OPEN_EXCESS) -> Volume:
        """Return the channel that `dump` described. ValueError for another schema."""
        if not state or state[0] != SCHEMA:
            raise ValueError(f"state of a volume channel has schema {state[0] if state else None!r}, expected {SCHEMA}")
        volume = cls(open_excess)
        volume._windows, volume._last, volume._before = state[1:4]
        volume._threshold, volume._spread, volume._tail, volume._peak = state[4:8]
        return volume
