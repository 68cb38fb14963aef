"""The detector over rows of counts: windows summed, steps closed one after the other, incidents as they end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from stream.core.incidents import Incident, Story
from stream.core.life import idle
from stream.core.opening import REOPEN_S
from stream.core.readings import Counts, Support
from stream.detector.counts_file import Row
from stream.detector.counts_support import Tellers, Telling, together, told_in
from stream.detector.engine import FORGOTTEN_S, Engine
from stream.detector.past import Told

# After so long without any row nothing moves any more, and time goes on at the next one.
STILL_S: Final = FORGOTTEN_S


def incidents(rows: Iterable[Row], engine: Engine) -> Iterator[Told]:
    """Yield every incident once it is over for good, at the end those that are open; memory goes by series, not rows.

    A window that began before the first row is not judged. A row that is absent is a window without stories.

    Args:
        rows: in order of time; their width divides the step of each of the engine's clocks.
    """
    steps: _Steps | None = None
    for row in rows:
        if steps is None:
            steps = _Steps(engine, row.start_s)
        while row.start_s >= steps.end_s:
            yield from steps.close(row.start_s)
        steps.add(row)
    if steps is not None:
        yield from steps.close(steps.end_s)
        yield from steps.rest()


class _Steps:
    """The open windows of each clock, and the incidents that are not over for good."""

    def __init__(self, engine: Engine, first_s: int) -> None:
        self._engine = engine
        self._first_s = first_s
        self._step_s = engine.clocks[0].step_s
        self.end_s = first_s - first_s % self._step_s + self._step_s
        self._counted_s = first_s
        self._sums: list[dict[str, Counts]] = [{} for _ in engine.clocks]
        self._parts: list[dict[str, list[Telling]]] = [{} for _ in engine.clocks]
        self._tellers: dict[str, Tellers] = {}
        self._found: dict[str, Told] = {}

    def add(self, row: Row) -> None:
        """Count a row in the step that is open."""
        _add(self._sums[0], row.series, Counts(row.negative, row.total))
        self._counted_s = row.start_s
        if row.authors is not None or row.sources is not None:
            telling = told_in(row.negative, row.total, row.authors, row.sources)
            self._parts[0].setdefault(row.series, []).append(telling)

    def close(self, next_s: int) -> Iterator[Told]:
        """Close the step that is open and open the one after it, or after a long silence that of the next row."""
        end_s, engine = self.end_s, self._engine
        for name in self._sums[0].keys() - engine.followed.keys():
            engine.follow(name, end_s - self._step_s)
        decided = engine.close(end_s, self._windows(end_s), end_s * 1000, self._witness)
        for one in decided:
            for change in one.changes:
                self._note(change.incident, (change.type, end_s))
            if one.standing is not None:
                self._note(one.standing)
        yield from self._over(end_s)
        self.end_s += self._step_s
        silent = self.end_s - self._counted_s > STILL_S and next_s - self.end_s > self._step_s
        if silent and all(idle(one.life) for one in engine.followed.values()):
            self.end_s = next_s - next_s % self._step_s + self._step_s

    def rest(self) -> Iterator[Told]:
        """Yield what is left, in the order in which it opened."""
        yield from sorted(self._found.values(), key=lambda one: (one.opened.fired_at_ms, one.opened.series))

    def _windows(self, end_s: int) -> dict[str, list[tuple[int, dict[str, Counts]]]]:
        """Return the windows that close, and count each in the next longer clock's."""
        windows = {}
        for n, clock in enumerate(self._engine.clocks):
            if end_s % clock.step_s:
                break
            window, parts = self._sums[n], self._parts[n]
            self._sums[n], self._parts[n] = {}, {}
            start_s = end_s - clock.step_s
            if start_s >= self._first_s:
                windows[clock.name] = [(start_s, window)]
            tellings = {name: together(each) for name, each in parts.items()}
            for name, telling in tellings.items():
                self._tellers.setdefault(name, self._new_tellers()).close(clock.step_s, start_s, telling)
            if n + 1 < len(self._sums):
                for name, counts in window.items():
                    _add(self._sums[n + 1], name, counts)
                for name, telling in tellings.items():
                    self._parts[n + 1].setdefault(name, []).append(telling)
        return windows

    def _new_tellers(self) -> Tellers:
        return Tellers([clock.step_s for clock in self._engine.clocks])

    def _witness(self, series: str, start_s: int, end_s: int) -> tuple[Support, tuple[Story, ...]]:
        tellers = self._tellers.get(series)
        return Support() if tellers is None else tellers.support(start_s, end_s), ()

    def _note(self, incident: Incident, event: tuple[str, int] | None = None) -> None:
        known = self._found.get(incident.incident_id, Told(incident, incident, ()))
        events = known.events if event is None else (*known.events, event)
        self._found[incident.incident_id] = replace(known, last=incident, events=events)

    def _over(self, end_s: int) -> Sequence[Told]:
        """Return and drop the incidents that no window can open again."""
        began_s = end_s - self._engine.clocks[-1].step_s
        over = [
            one
            for one in self._found.values()
            if one.last.resolved_at_s is not None and began_s > one.last.resolved_at_s + REOPEN_S
        ]
        for one in over:
            del self._found[one.opened.incident_id]
        return over


def _add(window: dict[str, Counts], series: str, counts: Counts) -> None:
    known = window.get(series)
    window[series] = counts if known is None else Counts(known[0] + counts[0], known[1] + counts[1])
