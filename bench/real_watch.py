"""The detector over a counted stream: the engine that runs live, its looks at open windows included."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from bench.real_counts import Arrival, Counted
from stream.core.clocks import CLOCKS
from stream.core.correction import Corrections
from stream.core.event_time import DAY_S
from stream.core.evidence import LEAST_NEGATIVE, RING
from stream.core.readings import Counts, Reading
from stream.core.volume import Volume
from stream.core.watch import Watch
from stream.detector.engine import PRIOR_SHARE, STEP_S, Decided, Desk, Engine, Witness
from stream.detector.past import Told
from stream.detector.windows import PRIMED_S, clock_windows, prime
from stream.detector.witness import witness_of
from stream.store.read import Reader

HISTORY_S = max(PRIMED_S.values())
NOTHING = Counts(0, 0)


@dataclass(frozen=True, slots=True)
class Watched:
    """What opened on a stream in `[start_s, end_s)`, and on how many series it was looked for."""

    start_s: int
    end_s: int
    found: tuple[Told, ...]
    series: int
    series_weeks: float

    @property
    def weeks(self) -> float:
        return (self.end_s - self.start_s) / (7 * DAY_S)


def able(counts: Counted, start_s: int, end_s: int) -> frozenset[str]:
    """Return the series that can open between these instants: no span has fewer negative stories and speaks."""
    first_s = start_s - RING * max(clock.step_s for clock in CLOCKS)
    negative = Counter(
        name
        for arrival in counts.arrivals
        if arrival.negative and first_s <= arrival.at_s < end_s
        for name in arrival.series
    )
    return frozenset(name for name, times in negative.items() if times >= LEAST_NEGATIVE)


def watch(counts: Counted, start_s: int, end_s: int, desk: Desk, only: frozenset[str] | None = None) -> Watched:
    """Return what would have opened live between these instants; documents before them teach the baselines.

    Args:
        only: series to follow; all if not given.
    """
    run = _Run(counts, desk, start_s, only)
    for step_end_s in range(run.start_s + run.step_s, end_s + run.step_s, run.step_s):
        run.step(step_end_s)
    found = sorted(run.found.values(), key=lambda one: (one.opened.fired_at_ms, one.opened.series))
    return Watched(start_s, end_s, tuple(found), len(run.seen), run.followed_steps * run.step_s / (7 * DAY_S))


class _Run:
    def __init__(self, counts: Counted, desk: Desk, start_s: int, only: frozenset[str] | None) -> None:
        self._only = only
        self._engine = Engine(desk, counts.clocks)
        self.step_s = self._engine.clocks[0].step_s
        self.start_s = start_s = start_s - start_s % self.step_s
        self.found: dict[str, Told] = {}
        self.seen: set[str] = set()
        self.followed_steps = 0
        self._counts = counts
        self._witness: Witness = witness_of(cast("Reader", counts.latest))
        self._arrivals = _by_window(counts.arrivals, self.step_s)
        past = {
            name
            for arrival in counts.arrivals
            if start_s - HISTORY_S <= arrival.at_s < start_s
            for name in arrival.series
        }
        self._follow(past, start_s)

    def step(self, end_s: int) -> None:
        """Look at the window that ends then as its stories come, then close it."""
        start_s = end_s - self.step_s
        arrivals = self._arrivals.get(start_s, ())
        self._follow({name for arrival in arrivals for name in arrival.series}, start_s)
        if self.step_s == STEP_S:
            self._look(start_s, arrivals)
        self._counts.latest.now_s = end_s - 1
        windows = {
            clock.name: clock_windows(self._counts, clock, end_s - clock.step_s, end_s)
            for clock in self._engine.closing(end_s)
        }
        self._note(self._engine.close(end_s, windows, end_s * 1000, self._witness), end_s)
        self.followed_steps += len(self._engine.followed)
        self._engine.forget(end_s)

    def _follow(self, names: Collection[str], until_s: int) -> None:
        new = sorted(name for name in names - self._engine.followed.keys() if self._only is None or name in self._only)
        takes = {name: self._engine.follow(name, until_s).watch.prime for name in new}
        if takes:
            prime(takes, self._counts, self._engine.clocks, until_s)
        self.seen.update(new)

    def _look(self, start_s: int, arrivals: Sequence[Arrival]) -> None:
        window: dict[str, Counts] = {}
        for arrival in arrivals:
            for name in arrival.series:
                k, n = window.get(name, NOTHING)
                window[name] = Counts(k + arrival.negative, n + 1)
            if not arrival.negative:
                continue
            now_s = min(arrival.at_s + 1, start_s + STEP_S - 1)
            self._counts.latest.now_s = now_s
            for name in self._engine.in_order(arrival.series):
                if name not in self._engine.followed:
                    continue
                decided = self._engine.look(name, now_s, [(start_s, window[name])], self._witness)
                if decided is not None:
                    self._note([decided], now_s)

    def _note(self, decided: Iterable[Decided], at_s: int) -> None:
        for one in decided:
            for change in one.changes:
                incident = change.incident
                known = self.found.get(incident.incident_id, Told(incident, incident, ()))
                events = (*known.events, (str(change.type), at_s))
                self.found[incident.incident_id] = replace(known, last=incident, events=events)
            if one.standing is not None:
                known = self.found[one.standing.incident_id]
                self.found[one.standing.incident_id] = replace(known, last=one.standing)


def readings(
    counts: Counted, series: str, start_s: int, end_s: int, corrections: Corrections | None = None
) -> Iterator[Reading]:
    """Yield what each clock reads of one series in each of its windows that ends in `(start_s, end_s]`.

    The watch is that of the engine, primed alike; no incident is followed here.
    """
    clocks = tuple(clock for clock in CLOCKS if clock.name in counts.clocks)
    watched = Watch(series, PRIOR_SHARE, clocks, corrections.of(series) if corrections else None)
    first_s = start_s - start_s % DAY_S
    prime({series: watched.prime}, counts, clocks, first_s)
    for clock in clocks:
        until_s = end_s - end_s % clock.step_s
        for at_s, window in clock_windows(counts, clock, first_s, until_s, [series]):
            reading = watched.close(clock.name, at_s, window.get(series, NOTHING))
            if reading is not None and reading.end_s > start_s:
                yield reading


def attention(times: Sequence[int]) -> list[tuple[int, int, float]]:
    """Return where the volume channel fires: end of the window, its documents, excess. `times` in order."""
    found, channel, counts = [], Volume(), Counter(at_s - at_s % STEP_S for at_s in times)
    for start_s in range(times[0] - times[0] % STEP_S, times[-1] + 1, STEP_S):
        excess, fires = channel.close(counts[start_s])
        if fires:
            found.append((start_s + STEP_S, counts[start_s], excess))
    return found


def _by_window(arrivals: Iterable[Arrival], width_s: int) -> dict[int, list[Arrival]]:
    found: dict[int, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        found[arrival.at_s - arrival.at_s % width_s].append(arrival)
    return found
