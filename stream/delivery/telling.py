"""Which events are told, and which of them as superseded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from stream.core.incidents import IncidentEvent

Telling = Literal["tell", "superseded", "skip"]
# What says that an incident is open: it is overtaken once the incident has resolved.
OPENING: Final = frozenset({"fired", "escalated", "reminder", "reopened"})
# Of an installation that is told for the first time, events older than this are history.
FIRST_START_S: Final = 3_600.0


def tellings(events: Sequence[IncidentEvent], states: Mapping[str, str]) -> list[Telling]:
    """Return for each event of a stretch of the outbox whether it is told.

    An event that opens or recalls an incident which is resolved by now is told as superseded; of reminders, only the
    last that nothing superseded. Nobody is told of an incident that opened as part of another.

    Args:
        states: of the incidents now, by id; where one is not known any more, this stretch says what became of it.
    """
    return [
        _telling(event, [e for e in events[n:] if e.incident_id == event.incident_id][1:], states)
        for n, event in enumerate(events)
    ]


def first_telling(event: IncidentEvent, openings: Mapping[str, int]) -> Telling:
    """Return whether an event is told that was old when the notifier started for the first time ever.

    Months of history would bury what matters; an incident that is still open matters, however old it is.

    Args:
        openings: of each incident that is open now, the seq of the newest event that fired or reopened it.
    """
    return "tell" if event.incident.announced and openings.get(event.incident_id) == event.seq else "skip"


def _telling(event: IncidentEvent, later: Sequence[IncidentEvent], states: Mapping[str, str]) -> Telling:
    state = states.get(event.incident_id)
    over = _ends(later) if state is None else state == "resolved"
    superseded = event.type in OPENING and over
    if not event.incident.announced:
        return "skip"
    if event.type == "reminder" and (superseded or any(one.type == "reminder" for one in later)):
        return "skip"
    return "superseded" if superseded else "tell"


def _ends(later: Iterable[IncidentEvent]) -> bool:
    """Return whether the incident resolves, and stays so, within these."""
    ended = False
    for event in later:
        ended = {"resolved": True, "reopened": False}.get(event.type, ended)
    return ended
