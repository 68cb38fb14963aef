"""What the pages show of incidents, read from the store and cached for a second; and what people do to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import streamlit as st

from dashboard import data
from dashboard.alert_figure import around
from dashboard.alert_filters import RESOLVED, AlertFilters, in_state, is_id, newest_first
from dashboard.filters import Span, wider
from dashboard.source import source
from stream.core.aggregates import Aggregate
from stream.core.event_time import DAY_S
from stream.core.incidents import Incident, IncidentEvent
from stream.store.acts import Acts
from stream.store.incident_read import IncidentReader, Seen
from stream.store.incidents import DETECTOR_LEASE
from stream.store.keys import HOUR_S, WINDOW_TTL_S
from stream.store.lease import read_lease

if TYPE_CHECKING:
    from stream.store.deliveries import DeliverySeen

MOST_LISTED: Final = 500
_KEPT_S: Final = 60
_ENTRIES: Final = 256


@dataclass(frozen=True, slots=True)
class Detail:
    """One incident with everything that is told of it; `parent` is None where there is none, or no longer."""

    seen: Seen
    parent: Seen | None
    children: Sequence[Seen]
    history: Sequence[IncidentEvent]
    deliveries: Sequence[DeliverySeen]
    span: Span
    windows: Sequence[Aggregate]


def open_incidents(now_s: float) -> list[Seen]:
    """Return the incidents that fire or recover, newest first, at most a second old. StoreError."""
    return _open(source().place, int(now_s))


def incidents_in(start_s: int, end_s: int, now_s: float) -> list[Seen]:
    """Return the incidents that fired at some time in `[start_s, end_s)`, newest first. StoreError."""
    place = source().place
    # One that opened earlier may still have fired in this time; a day later the baseline has long moved.
    opened = _recent(place, start_s - DAY_S, end_s, int(now_s // 2))
    fired = [s for s in opened if s.incident.resolved_at_s is None or s.incident.resolved_at_s > start_s]
    return newest_first([*fired, *(s for s in open_incidents(now_s) if s.incident.opened_at_s < end_s)])


def listed(filters: AlertFilters, now_s: float) -> list[Seen]:
    """Return the incidents that the Alerts page lists, newest first. StoreError."""
    found: list[Seen] = []
    if filters.state != RESOLVED:
        found += open_incidents(now_s)
    if filters.timed:
        start_s, end_s = filters.span(now_s)
        # An end in the future moves with the clock: the same question is asked for a whole minute.
        found += _recent(source().place, start_s - start_s % 60, end_s - end_s % 60, int(now_s // 2))
    return [seen for seen in newest_first(found) if in_state(seen, filters.state)][:MOST_LISTED]


def detail(incident_id: str, now_s: float) -> Detail | None:
    """Return everything that is told of one incident, None where there is none of this id. StoreError."""
    seen = _one(source().place, incident_id, int(now_s)) if is_id(incident_id) else None
    if seen is None:
        return None
    place, incident = source().place, seen.incident
    span, windows = _around(place, incident, now_s)
    related = open_incidents(now_s)
    if incident.state == "resolved":
        related = [
            *related,
            *_recent(place, incident.opened_at_s - DAY_S, incident.opened_at_s + DAY_S, int(now_s // 15)),
        ]
    parent = incident.parent
    return Detail(
        seen=seen,
        parent=_one(place, parent, int(now_s // 2)) if parent is not None and is_id(parent) else None,
        children=[one for one in newest_first(related) if one.incident.parent == incident_id],
        history=_history(place, incident_id, seen.seq),
        deliveries=_deliveries(place, incident_id, int(now_s)),
        span=span,
        windows=windows,
    )


def watched(now_s: float) -> int:
    """Return how many series had documents in this hour and the last. StoreError."""
    return _watched(source().place, int(now_s // _KEPT_S))


def detector_runs(now_s: float) -> bool:
    """Return whether a detector holds the lease, at most five seconds ago. StoreError."""
    return _detector_runs(source().place, int(now_s // 5))


def acknowledge(incident_id: str, actor: str, now_s: float) -> bool:
    """Note that somebody looks after an incident; False where somebody does already, or it is over. StoreError."""
    return _act(lambda acts: acts.acknowledge(incident_id, actor, round(now_s * 1000)))


def comment(incident_id: str, actor: str, text: str, now_s: float) -> bool:
    """Add words to an incident's history; False where it is not known. StoreError."""
    return _act(lambda acts: acts.comment(incident_id, actor, text, round(now_s * 1000)))


def _act(act: Callable[[Acts], bool]) -> bool:
    try:
        return source().using(Acts, act)
    finally:
        # Who acts sees it at once, and so does everybody else; acts are rare.
        for cached in (_open, _recent, _one):
            cached.clear()


def _around(place: str, incident: Incident, now_s: float) -> tuple[Span, Sequence[Aggregate]]:
    span = around(incident, now_s)
    # Narrow windows are dropped after days; the wider ones still tell of that time.
    while span.start_s < now_s - WINDOW_TTL_S[span.width_s] and (next_span := wider(span)) is not None:
        span = next_span
    return span, data.series_windows(incident.series, span, now_s)


@st.cache_data(ttl=_KEPT_S, max_entries=_ENTRIES, show_spinner=False)
def _open(place: str, tick: int) -> list[Seen]:
    return source().using(IncidentReader, lambda reader: reader.open())


@st.cache_data(ttl=_KEPT_S, max_entries=_ENTRIES, show_spinner=False)
def _recent(place: str, start_s: int, end_s: int, tick: int) -> list[Seen]:
    return source().using(IncidentReader, lambda reader: reader.recent(start_s, end_s, MOST_LISTED))


@st.cache_data(ttl=_KEPT_S, max_entries=_ENTRIES, show_spinner=False)
def _one(place: str, incident_id: str, tick: int) -> Seen | None:
    found: Seen | None = source().using(IncidentReader, lambda reader: reader.get(incident_id))
    return found


# Every event raises `seq`: a history of the same length is the same history.
@st.cache_data(ttl=_KEPT_S, max_entries=_ENTRIES, show_spinner=False)
def _history(place: str, incident_id: str, seq: int) -> list[IncidentEvent]:
    return source().using(IncidentReader, lambda reader: reader.history(incident_id))


@st.cache_data(ttl=_KEPT_S, max_entries=_ENTRIES, show_spinner=False)
def _deliveries(place: str, incident_id: str, tick: int) -> list[DeliverySeen]:
    from stream.store.deliveries import DeliveryReader

    return source().using(DeliveryReader, lambda reader: reader.of_incident(incident_id))


@st.cache_data(ttl=2 * _KEPT_S, max_entries=8, show_spinner=False)
def _watched(place: str, tick: int) -> int:
    end_s = (tick + 1) * _KEPT_S
    return len(source().read(lambda reader: reader.series_in(end_s - 2 * HOUR_S, end_s, HOUR_S)))


@st.cache_data(ttl=_KEPT_S, max_entries=8, show_spinner=False)
def _detector_runs(place: str, tick: int) -> bool:
    url, _, namespace = place.rpartition("|")
    return read_lease(url, namespace, DETECTOR_LEASE) is not None
