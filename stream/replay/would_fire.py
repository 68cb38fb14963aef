"""A rule before it goes live: how often it would have fired, from stored aggregates, in seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from stream.core.event_time import DAY_S
from stream.core.evidence import RING
from stream.detector.engine import STEP_S, Decided, Desk, Engine, Window, Witness
from stream.detector.past import Told, told
from stream.detector.windows import HOUR_S, Source, clock_windows, prime
from stream.detector.witness import witness_of
from stream.replay.rules import Rules, chosen, engine_for
from stream.store.counts import CountsReader
from stream.store.read import Reader

DAY: Final = "24 h"
WEEK: Final = "7 d"
SPANS_S: Final = {DAY: DAY_S, WEEK: 7 * DAY_S}
_AHEAD: Final = 64
_MOST_KEPT: Final = 4_096


@dataclass(frozen=True, slots=True)
class WouldFire:
    """What a rule would have done.

    Attributes:
        fired: announced incidents by span, `24 h` and `7 d`.
        told: the incidents of the longest span, in the order in which they opened.
        series: how many were looked at.
    """

    fired: dict[str, int]
    told: tuple[Told, ...]
    series: int


def would_have_fired(
    url: str, namespace: str, rules: Rules, now_s: float, *, desk: Desk | None = None, lateness_s: float = 0.0
) -> WouldFire:
    """Return how often rules would have fired in the last 24 hours and 7 days; StoreError.

    Windows of before teach the baselines, as far as they are stored. Every window counts as closed: looks at open
    windows, which fire a little earlier, are not part of it.

    Args:
        desk: what the live detector decides with, but for the budget.
        now_s: unix seconds.
    """
    source = CountsReader(url, namespace, late=True)
    reader = Reader(url, namespace)
    try:
        return in_the_past(source, witness_of(reader), rules, now_s, desk=desk, lateness_s=lateness_s)
    finally:
        source.close()
        reader.close()


def in_the_past(
    source: Source,
    witness: Witness,
    rules: Rules,
    now_s: float,
    *,
    desk: Desk | None = None,
    lateness_s: float = 0.0,
) -> WouldFire:
    """Return the same of any windows, `now_s` being unix seconds."""
    end_s = int(now_s) - int(now_s) % STEP_S
    start_s = end_s - max(SPANS_S.values())
    engine = engine_for(rules, desk)
    steps = _steps(_Remembered(source, rules), engine, (start_s, end_s), witness, lateness_s)
    found = [one for one in told(steps) if isinstance(one, Told)]
    announced = [one for one in found if one.last.announced]
    fired = {
        name: sum(one.opened.fired_at_ms / 1000 > end_s - span_s for one in announced)
        for name, span_s in SPANS_S.items()
    }
    return WouldFire(fired, tuple(found), len(engine.followed))


def _steps(
    source: _Remembered, engine: Engine, span: tuple[int, int], witness: Witness, lateness_s: float
) -> Iterator[tuple[int, list[Decided]]]:
    """Yield each step's end and what was decided of it; only series that can fire at all are looked at."""
    start_s, end_s = span
    least = min(clock.least_negative for clock in engine.clocks)
    longest_s = max(clock.step_s for clock in engine.clocks) * RING
    able = source.able(start_s - longest_s, end_s, least)
    takes = {name: engine.follow(name, start_s).watch.prime for name in sorted(able)}
    prime(takes, source, engine.clocks, start_s)
    step_s = engine.clocks[0].step_s
    for at_s in range(start_s - start_s % step_s + step_s, end_s + 1, step_s):
        closing = engine.closing(at_s)
        windows = {clock.name: clock_windows(source, clock, at_s - clock.step_s, at_s, able) for clock in closing}
        yield at_s, engine.close(at_s, windows, int((at_s + lateness_s) * 1000), witness)


class _Remembered:
    """Stored windows, read many at once and kept while they may be asked for again."""

    def __init__(self, source: Source, rules: Rules) -> None:
        self._source, self._rules = source, rules
        self._able: frozenset[str] | None = None
        self._kept: dict[int, dict[int, Window]] = {}

    def able(self, start_s: int, end_s: int, least: int) -> frozenset[str]:
        """Return the series with so many negative stories in this time: with fewer nothing can fire."""
        first_s = start_s - start_s % HOUR_S
        negative: Counter[str] = Counter()
        for window in self.windows(HOUR_S, range(first_s, end_s, HOUR_S)):
            for name, counts in window.items():
                negative[name] += counts.negative
        found = chosen((name for name, n in negative.items() if n >= least), self._rules)
        self._able = frozenset(found)
        self._kept.clear()
        return self._able

    def windows(self, width_s: int, starts: Sequence[int], series: Collection[str] | None = None) -> list[Window]:
        """Return, for each start, the series with stories in that window."""
        kept = self._kept.setdefault(width_s, {})
        missing = [start for start in starts if start not in kept]
        if missing:
            if len(kept) > _MOST_KEPT:
                kept.clear()
                missing = list(starts)
            ahead = range(missing[0], max(missing[-1] + width_s, missing[0] + _AHEAD * width_s), width_s)
            kept.update(zip(ahead, self._source.windows(width_s, ahead, self._able), strict=True))
        return [kept[start] for start in starts]
