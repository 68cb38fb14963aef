"""The detector over stored windows, with a virtual clock: what it would have decided, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from stream.core.event_time import DAY_S
from stream.core.incidents import Incident
from stream.detector.engine import STEP_S, Decided, Desk, Engine, Witness
from stream.detector.windows import PRIMED_S, Source, clock_windows, prime


@dataclass(frozen=True, slots=True)
class Told:
    """An incident with what happened to it: (type, decided at, unix seconds), and who it was when it opened."""

    opened: Incident
    last: Incident
    events: tuple[tuple[str, int], ...]


def decide_past(
    source: Source, desk: Desk, start_s: int, end_s: int, witness: Witness, *, lateness_s: float = 0.0
) -> Iterator[tuple[int, list[Decided]]]:
    """Yield each step's end and what was decided of it, for `start_s` <= step < `end_s`, unix seconds.

    Windows before `start_s` teach the baselines and are not judged. Every window counts as closed: there is no look
    before its end.
    """
    engine = Engine(desk)
    first_s = start_s - start_s % STEP_S
    before = {
        name
        for day_s in range(first_s - max(PRIMED_S.values()), first_s, DAY_S)
        for window in source.windows(3_600, range(day_s - day_s % 3_600, min(day_s + DAY_S, first_s), 3_600))
        for name in window
    }
    followed = {name: engine.follow(name, first_s).watch.prime for name in sorted(before)}
    prime(followed, source, engine.clocks, first_s)
    for step_s in range(first_s + STEP_S, end_s + 1, STEP_S):
        windows = {
            clock.name: clock_windows(source, clock, step_s - clock.step_s, step_s) for clock in engine.closing(step_s)
        }
        # Five-minute windows are kept for two weeks only: older ones are known by their hours.
        for name in {name for of_clock in windows.values() for name in of_clock[-1][1]} - engine.followed.keys():
            engine.follow(name, step_s - STEP_S)
        yield step_s, engine.close(step_s, windows, int((step_s + lateness_s) * 1000), witness)


def told(steps: Iterator[tuple[int, list[Decided]]]) -> Iterator[Told | int]:
    """Yield each step's end as it is judged, then every incident, in the order in which they opened."""
    found: dict[str, Told] = {}
    for step_s, decided in steps:
        for one in decided:
            for change in one.changes:
                incident = change.incident
                known = found.get(incident.incident_id)
                events = (known.events if known else ()) + ((change.type, step_s),)
                found[incident.incident_id] = Told(known.opened if known else incident, incident, events)
            if one.standing is not None:
                found[one.standing.incident_id] = replace(found[one.standing.incident_id], last=one.standing)
        yield step_s
    yield from sorted(found.values(), key=lambda one: (one.opened.fired_at_ms, one.opened.series))
