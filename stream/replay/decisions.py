"""The detector on a virtual clock: steps close as it moves, by the engine that decides live."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from stream.core.incidents import Incident, IncidentEvent
from stream.core.life import idle
from stream.detector.engine import FORGOTTEN_S, Engine, Window, Witness
from stream.detector.past import Told
from stream.detector.windows import HOUR_S, PRIMED_S, Source, clock_windows, closing_windows, prime
from stream.replay.rules import Rules, chosen

# After so long without a document nothing moves any more, and time goes on at the next one.
STILL_S: Final = FORGOTTEN_S


class Decisions:
    """Closes step after step; what it needs of the past it reads from stored windows.

    Args:
        live: windows without what came too late, as the live detector reads them; `whole` with it.
        lateness_s: how long after its end a window closes, on the virtual clock.
        begin_s: where the first step begins. `cut`: documents before it were left out, and a window that began
            before it is not judged.
        late: documents may come after their window closed: windows are read again and patched, as live.
        tell: gets each event as it is decided.
    """

    def __init__(
        self,
        engine: Engine,
        rules: Rules,
        live: Source,
        whole: Source,
        witness: Witness,
        *,
        begin_s: int,
        lateness_s: float,
        cut: bool,
        late: bool,
        tell: Callable[[IncidentEvent], None] = lambda _: None,
    ) -> None:
        self._engine, self._rules = engine, rules
        self._live, self._whole, self._witness = live, whole, witness
        self.step_s = engine.clocks[0].step_s
        self._cut, self._late, self._tell = cut, late, tell
        self._begin_s = begin_s - begin_s % self.step_s
        self.lateness_s = lateness_s
        self._told_s = self._begin_s
        self._found: dict[str, Told] = {}
        self.end_s = self._begin_s + self.step_s
        self.series: set[str] = set()

    @property
    def fired(self) -> int:
        """How many incidents there were so far."""
        return len(self._found)

    @property
    def due_s(self) -> float:
        """When the next step closes, on the virtual clock."""
        return self.end_s + self.lateness_s

    def learn(self) -> None:
        """Prime every series with what is stored of the time before the first step."""
        hours = range(self._begin_s - max(PRIMED_S.values()), self._begin_s, HOUR_S)
        before = {name for window in self._whole.windows(HOUR_S, hours) for name in window}
        self._follow(chosen(before, self._rules), self._begin_s, prime_all=True)

    def close(self, *, quiet: bool = False) -> None:
        """Close the next step; everything that came by then has to be applied.

        Args:
            quiet: nothing came since the step before was closed.
        """
        end_s, engine = self.end_s, self._engine
        windows = self._windows(end_s, quiet=quiet)
        names = {name for of_clock in windows.values() for name in of_clock[-1][1]}
        if names:
            self._told_s = end_s
        self._follow(names - engine.followed.keys(), end_s - self.step_s)
        at_ms = int((end_s + self.lateness_s) * 1000)
        for one in engine.close(end_s, windows, at_ms, self._witness):
            for change in one.changes:
                incident = change.incident
                seq = len(self._note(incident, (change.type, end_s)).events)
                name = incident.incident_id
                self._tell(IncidentEvent(incident_id=name, seq=seq, type=change.type, at_ms=at_ms, incident=incident))
            if one.standing is not None:
                self._note(one.standing)
        engine.forget(end_s)
        self.end_s += self.step_s

    def skip_to(self, at_s: float) -> bool:
        """Pass over a long silence up to the step that holds this moment; return whether there was one."""
        next_s = int(at_s) - int(at_s) % self.step_s + self.step_s
        still = self.end_s - self._told_s > STILL_S and next_s > self.end_s
        if still and all(idle(one.life) for one in self._engine.followed.values()):
            self.end_s = next_s
            return True
        return False

    def told(self) -> list[Told]:
        """Return every incident so far, in the order in which they opened."""
        return sorted(self._found.values(), key=lambda one: (one.opened.fired_at_ms, one.opened.series))

    def _windows(self, end_s: int, *, quiet: bool) -> dict[str, list[tuple[int, Window]]]:
        clocks = [
            clock for clock in self._engine.closing(end_s) if not self._cut or end_s - clock.step_s >= self._begin_s
        ]
        if self._late:
            found = closing_windows(self._live, clocks, end_s)
        else:
            found = {
                clock.name: [(end_s - clock.step_s, {})]
                if quiet and clock.step_s == self.step_s
                else clock_windows(self._live, clock, end_s - clock.step_s, end_s)
                for clock in clocks
            }
        if self._rules.series is None:
            return found
        return {name: [(start_s, self._chosen(window)) for start_s, window in each] for name, each in found.items()}

    def _chosen(self, window: Window) -> Window:
        wanted = chosen(window, self._rules)
        return {name: counts for name, counts in window.items() if name in wanted}

    def _follow(self, names: Iterable[str], until_s: int, *, prime_all: bool = False) -> None:
        new = {name: self._engine.follow(name, until_s) for name in sorted(names)}
        # What came too late for its window, and what is stored of a series that was forgotten in a long silence.
        with_past = new if self._late or prime_all else {name: new[name] for name in new if name in self.series}
        self.series.update(new)
        if with_past:
            takes = {name: followed.watch.prime for name, followed in with_past.items()}
            prime(takes, self._whole, self._engine.clocks, until_s)

    def _note(self, incident: Incident, event: tuple[str, int] | None = None) -> Told:
        known = self._found.get(incident.incident_id, Told(incident, incident, ()))
        events = known.events if event is None else (*known.events, event)
        self._found[incident.incident_id] = told = replace(known, last=incident, events=events)
        return told
