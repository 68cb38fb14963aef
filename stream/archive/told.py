"""Incident events that are kept, and what follows from them for the detector. Values in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa

from stream.archive.runs import Row, View, plan, rows
from stream.archive.schemas import INCIDENT_EVENTS
from stream.codec import decode_incident_record
from stream.core.incidents import Incident, IncidentEvent, event_id
from stream.core.life_state import Life
from stream.detector.engine import STEP_S
from stream.detector.state import SCHEMA, WIDE, chunk_of

# A baseline of no version: the detector makes it anew from the stored past, and keeps the series' incident.
_NO_BASELINE: Final = [0]
_TOLD: Final = ("fired", "escalated", "reminder", "reopened")
_COLUMNS: Final = ("record_offset", "record_timestamp_ms", "value")

Histories = dict[str, list[IncidentEvent]]


def archived_events(roots: Sequence[Path], namespace: str) -> Iterator[IncidentEvent]:
    """Yield the events of one namespace, those of an incident in the order in which they happened; repeats too."""
    for root in roots:
        view = View(root, INCIDENT_EVENTS, _COLUMNS, _event_rows)
        found = plan(root, INCIDENT_EVENTS, None, None)
        for key in sorted(found, key=lambda key: (found[key][0].stored.day, key[2] or 0)):
            for row in rows(view, key, found[key]):
                whose, event = row.value
                if whose == namespace:
                    yield event


def _event_rows(batch: pa.RecordBatch) -> Iterator[Row]:
    columns: list[list[Any]] = [batch.column(name).to_pylist() for name in _COLUMNS]
    for offset, at_ms, value in zip(*columns, strict=True):
        try:
            yield Row(offset, at_ms, (), decode_incident_record(value))
        except msgspec.MsgspecError:
            continue  # kept as it came, and told when it was archived


def histories(events: Iterable[IncidentEvent]) -> Histories:
    """Return each incident's events, each once, in the order in which they came first."""
    found: Histories = {}
    known: set[str] = set()
    for event in events:
        name = event_id(event)
        if name not in known:
            known.add(name)
            found.setdefault(event.incident_id, []).append(event)
    return found


def lives(found: Histories) -> dict[str, Life]:
    """Return where each series that has had an incident stands, as far as its events tell."""
    by_series: dict[str, list[Sequence[IncidentEvent]]] = {}
    for events in found.values():
        by_series.setdefault(events[-1].incident.series, []).append(events)
    return {series: _life(series, incidents) for series, incidents in by_series.items()}


def _life(series: str, incidents: Sequence[Sequence[IncidentEvent]]) -> Life:
    ordered = sorted(incidents, key=lambda events: events[-1].incident.opened_at_s)
    resolved = [events[-1].incident for events in ordered if events[-1].incident.state == "resolved"]
    last = max(resolved, key=lambda incident: incident.resolved_at_s or 0, default=None)
    open_one = next((events for events in reversed(ordered) if events[-1].incident.state != "resolved"), None)
    if open_one is None:
        return Life(series, last=last)
    begun = next((e for e in reversed(open_one) if e.type in ("fired", "reopened")), open_one[0])
    incident: Incident = open_one[-1].incident
    return Life(
        series,
        incident=incident,
        last=last,
        since_s=begun.incident.opened_at_s if begun.type == "fired" else begun.incident.window_start_s,
        share=begun.incident.share,
        baseline_share=begun.incident.baseline_share,
        told_ms=max((event.at_ms for event in open_one if event.type in _TOLD), default=begun.at_ms),
    )


def detector_state(series: Iterable[str], known: Mapping[str, Life], closed_s: int) -> dict[str, bytes]:
    """Return the detector's state by chunk: every series to be primed up to this instant, incidents as they stand.

    Args:
        series: those with a past; those with a life come beside them.
        closed_s: unix seconds; windows that ended by then have been judged.
    """
    closed_s -= closed_s % STEP_S
    chunks: dict[str, list[Any]] = {WIDE: []}
    for name in sorted({*series, *known}):
        life = known.get(name, Life(name))
        chunks.setdefault(chunk_of(name), []).append([name, _NO_BASELINE, life.dump(), closed_s])
    return {name: msgspec.msgpack.encode([SCHEMA, closed_s, rows]) for name, rows in chunks.items()}
