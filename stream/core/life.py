"""The life of a series' incident: pending, firing, recovering, resolved. Pure: readings in, changes out.

    NORMAL -- z >= opening --> PENDING -- again in the next window --> FIRING      any -- z >= at once --> FIRING
    FIRING -- z < closing --> RECOVERING -- z >= closing --> FIRING                RECOVERING -- quiet --> resolved

A series has one incident at a time. It resolves on the clock that opened it; the others add to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from stream.core.clocks import CLOCKS, Clock, named
from stream.core.echo import echoes
from stream.core.effect import human_sized, kind_of
from stream.core.incidents import EventType, Incident, Story
from stream.core.life_state import Change, Context, Life
from stream.core.opening import critical_z, opened, refreshed, reopenable
from stream.core.parents import OWN_NEWS_Z, belongs, told_with
from stream.core.readings import Reading, Support

__all__ = ["Change", "Context", "Life", "idle", "step", "step_early", "wants_support"]

LONG_S: Final = 86_400  # no data for so long, or firing for so long on a baseline that has moved: over
REMINDER_MS: Final = 4 * 3_600_000
HOLD_WINDOWS: Final = 3
YOUNG_STEPS: Final = 24  # a baseline of fewer steps fires at once or not at all
GROWN_Z: Final = 0.5
MOVED: Final = 0.5  # part of the way to the share that fired, after which a baseline has moved


@dataclass(frozen=True, slots=True)
class _Turn:
    """What all decisions of one call share; `changes` grows."""

    at_ms: int
    context: Context
    stories: tuple[Story, ...]
    changes: list[Change] = field(default_factory=list)

    def tell(self, event: EventType, incident: Incident, text: str | None = None) -> None:
        self.changes.append(Change(event, incident, text))


def step(  # noqa: PLR0917  what happened, when, and what is known beside it
    life: Life,
    readings: Sequence[Reading],
    at_ms: int,
    context: Context,
    stories: tuple[Story, ...] = (),
    clocks: tuple[Clock, ...] = CLOCKS,
) -> tuple[Life, list[Change]]:
    """Take the readings of windows that closed, of any clocks, and return the life after them and what changed.

    Args:
        readings: may be none: reminders and parents are seen to all the same.
        at_ms: when it is decided, unix milliseconds; not before that of an earlier step.
        stories: evidence of an incident that opens or escalates.
        clocks: with the levels of the budget in force.
    """
    if idle(life) and not _above(readings, clocks):
        return life, []
    turn = _Turn(at_ms, context, stories)
    life = _attach(life, context.parents)
    for reading in sorted(readings, key=lambda each: (each.end_s, each.end_s - each.start_s)):
        clock = named(clocks, reading.clock)
        incident = life.incident
        if incident is None:
            life = _consider(life, reading, clock, turn)
        elif reading.clock != incident.clock:
            life = _add(life, incident, reading, clock, turn)
        else:
            life = _follow(life, incident, reading, clock, turn)
    return _remind(_announce(life, turn), turn), turn.changes


def step_early(  # noqa: PLR0917  as step
    life: Life,
    reading: Reading,
    at_ms: int,
    context: Context,
    stories: tuple[Story, ...] = (),
    clocks: tuple[Clock, ...] = CLOCKS,
) -> tuple[Life, list[Change]]:
    """Take the reading of a window that is still open: it may open or escalate, and counts towards nothing else.

    Soon after an incident that its closed window did not confirm, only a closed window may open the next.
    """
    clock = named(clocks, reading.clock)
    if reading.z < clock.early_z or reading.no_data:
        return life, []
    turn = _Turn(at_ms, context, stories)
    if life.incident is not None:
        return _add(life, life.incident, reading, clock, turn), turn.changes
    last = reopenable(life, reading)
    if (last is None or last.reason != "not_confirmed") and _may_open(reading, clock, context.support):
        life = _open(life, reading, clock, turn)
    return life, turn.changes


def wants_support(life: Life, readings: Sequence[Reading], clocks: tuple[Clock, ...] = CLOCKS) -> bool:
    """Return whether these readings, closed or still open, open an incident if its supporters allow it."""
    if life.incident is not None or not _above(readings, clocks):
        return False
    closed = [reading for reading in readings if not reading.open]
    after, changes = step(life, closed, 0, Context(), (), clocks)
    for reading in readings:
        if reading.open:
            changes += step_early(after, reading, 0, Context(), (), clocks)[1]
    return any(change.type in ("fired", "reopened") for change in changes)


def idle(life: Life) -> bool:
    """Return whether only a reading at an opening level moves this life: nothing is open, nothing pending."""
    return life.incident is None and not life.pending


def _above(readings: Sequence[Reading], clocks: tuple[Clock, ...]) -> bool:
    return any(reading.z >= named(clocks, reading.clock).open_z for reading in readings)


def _may_open(reading: Reading, clock: Clock, support: Support | None) -> bool:
    return kind_of(reading) is not None and human_sized(reading, clock.least_negative, support)


def _consider(life: Life, reading: Reading, clock: Clock, turn: _Turn) -> Life:
    """A closed window of a series without an incident."""
    pending = dict(life.pending)
    before = pending.pop(clock.name, None)
    if reading.no_data or reading.z < clock.open_z or echoes(life.last, reading):
        return life if before is None else replace(life, pending=tuple(pending.items()))
    again = before is not None and before + clock.step_s == reading.start_s and reading.steps_seen >= YOUNG_STEPS
    if (again or reading.z >= clock.at_once_z) and _may_open(reading, clock, turn.context.support):
        return _open(life, reading, clock, turn)
    return replace(life, pending=(*pending.items(), (clock.name, reading.start_s)))


def _open(life: Life, reading: Reading, clock: Clock, turn: _Turn) -> Life:
    last = reopenable(life, reading)
    incident = opened(life.series, last, reading, clock, at_ms=turn.at_ms, context=turn.context, stories=turn.stories)
    turn.tell("reopened" if last else "fired", incident)
    return Life(
        life.series,
        incident=incident,
        since_s=reading.start_s,
        share=reading.share,
        baseline_share=reading.baseline_share,
        told_ms=turn.at_ms,
    )


def _resolve(life: Life, incident: Incident, reading: Reading, reason: str, turn: _Turn) -> Life:
    """The figures stay those of the last look that spoke for the spike."""
    resolved = replace(incident, state="resolved", resolved_at_s=reading.end_s, reason=reason)
    turn.tell("resolved", resolved, reason)
    return Life(life.series, last=resolved)


def _add(life: Life, incident: Incident, reading: Reading, clock: Clock, turn: _Turn) -> Life:
    """A look on another clock raises the peak and may escalate, nothing else.

    One at an open window may escalate too, and until its window has closed it brings the figures of an early incident
    up to date where they have grown: somebody looks at them.
    """
    if reading.no_data:
        return life
    if reading.z >= critical_z(clock, reading) and incident.severity != "critical":
        return _escalate(life, incident, reading, clock, turn)
    if reading.open:
        grown = incident.early and reading.clock == incident.clock and reading.z >= incident.z + GROWN_Z
        return replace(life, incident=refreshed(incident, reading, clock)) if grown else life
    if reading.z <= incident.z_peak:
        return life
    return replace(life, incident=replace(incident, z_peak=reading.z))


def _escalate(life: Life, incident: Incident, reading: Reading, clock: Clock, turn: _Turn) -> Life:
    incident = replace(refreshed(incident, reading, clock, turn.stories), severity="critical")
    if _is_own_news(incident, turn.context.parents):
        incident = replace(incident, announced=True, parent=None)
    turn.tell("escalated", incident)
    return replace(life, incident=incident, told_ms=turn.at_ms)


def _follow(life: Life, incident: Incident, reading: Reading, clock: Clock, turn: _Turn) -> Life:
    """A closed window on the clock that the incident resolves on."""
    if incident.early:
        if reading.start_s < life.since_s:
            return _add(life, incident, reading, clock, turn)
        if reading.no_data or reading.z < clock.open_z:
            return _resolve(life, incident, reading, "not_confirmed", turn)
        incident = replace(incident, early=False)
    if reading.no_data:
        return _hold(life, incident, reading, turn)
    life = replace(life, silent=0)
    if reading.z < clock.close_z:
        return _recover(life, incident, reading, clock, turn)
    incident = replace(refreshed(incident, reading, clock), state="firing")
    life = replace(life, incident=incident, quiet=0)
    if reading.z >= clock.critical_z and incident.severity != "critical":
        return _escalate(life, incident, reading, clock, turn)
    if reading.z < clock.open_z and _has_moved(life, reading):
        return _resolve(life, incident, reading, "new_baseline", turn)
    return life


def _recover(life: Life, incident: Incident, reading: Reading, clock: Clock, turn: _Turn) -> Life:
    quiet = life.quiet + 1
    if quiet >= clock.quiet_steps:
        return _resolve(life, incident, reading, "cleared", turn)
    return replace(life, incident=replace(incident, state="recovering"), quiet=quiet)


def _hold(life: Life, incident: Incident, reading: Reading, turn: _Turn) -> Life:
    """Windows without data say nothing, neither that it goes on nor that it is over: the incident stays as it is."""
    silent = life.silent + 1
    since_s = life.silent_s if life.silent else reading.start_s
    if silent >= HOLD_WINDOWS and reading.end_s - since_s >= LONG_S:
        return _resolve(life, incident, reading, "no_data", turn)
    if silent == HOLD_WINDOWS:
        turn.tell("commented", incident, "no data")
    return replace(life, incident=incident, silent=silent, silent_s=since_s)


def _has_moved(life: Life, reading: Reading) -> bool:
    """Return whether the spike is a day old and the baseline has gone half of the way to what was seen then."""
    way = life.share - life.baseline_share
    old = reading.end_s - life.since_s > LONG_S
    return old and reading.baseline_share - life.baseline_share >= MOVED * way


def _attach(life: Life, parents: Sequence[Incident]) -> Life:
    """Attach an incident that was there before its parent's, or has come down to it; who was told of it stays told."""
    incident = life.incident
    if incident is None or incident.parent is not None:
        return life
    firing = [parent for parent in parents if parent.state == "firing"]
    for parent in firing:
        if parent.fired_at_ms > incident.fired_at_ms or belongs(incident.z, parent):
            return replace(life, incident=replace(incident, parent=parent.incident_id))
    return life


def _parent_of(incident: Incident, parents: Sequence[Incident]) -> Incident | None:
    """Return the incident that this one is attached to, while that is open."""
    return next((parent for parent in parents if parent.incident_id == incident.parent), None)


def _is_own_news(incident: Incident, parents: Sequence[Incident]) -> bool:
    """Return whether a critical incident that nobody was told of stands far above the one that was told."""
    if incident.announced or incident.severity != "critical":
        return False
    parent = _parent_of(incident, parents)
    return parent is None or incident.z >= parent.z + OWN_NEWS_Z


def _announce(life: Life, turn: _Turn) -> Life:
    """Tell of an incident that was part of another, once it no longer is.

    When the wider one resolves, everybody who was told of it believes that all is over: what fires on is told then,
    as `fired`, for no message has named it before. One that recovers too is not: most of a crisis' children end with
    it, and would only be told to be called off.
    """
    incident = life.incident
    if incident is None or incident.announced or incident.state != "firing" or life.silent >= HOLD_WINDOWS:
        return life
    parents = turn.context.parents
    if _parent_of(incident, parents) is None:
        other = told_with(incident.z, parents)
        if other is not None:
            return replace(life, incident=replace(incident, parent=other.incident_id))
        reason = "goes on after what it was part of"
    elif _is_own_news(incident, parents):
        reason = "far above what it is part of"
    else:
        return life
    incident = replace(incident, announced=True, parent=None)
    turn.tell("fired", incident, reason)
    return replace(life, incident=incident, told_ms=turn.at_ms)


def _remind(life: Life, turn: _Turn) -> Life:
    incident = life.incident
    if incident is None or incident.state != "firing" or not incident.announced or turn.context.acknowledged:
        return life
    if life.silent >= HOLD_WINDOWS or turn.at_ms - life.told_ms < REMINDER_MS:
        return life
    turn.tell("reminder", incident)
    return replace(life, told_ms=turn.at_ms)
