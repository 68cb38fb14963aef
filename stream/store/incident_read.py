"""The read side of incidents: what the pages, the status and the command line show. Blocking; nothing here writes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, get_args

import msgspec

from stream.core.incidents import EventType, Incident, IncidentEvent
from stream.store.client import StoreError, connect, store_errors
from stream.store.incidents import flags_of
from stream.store.keys import Keys

_decoder: Final = msgspec.json.Decoder(Incident)
_TYPES: Final[dict[bytes, EventType]] = {name.encode(): name for name in get_args(EventType)}
_FIELDS: Final = ("record", "seq", "acknowledged_by", "acknowledged_at_ms")

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """An incident as it stands, with what people set beside it; `seq` is that of its newest event."""

    incident: Incident
    seq: int
    acknowledged_by: str | None
    acknowledged_at_ms: int | None


class IncidentReader:
    """Reads one namespace. Every method raises StoreError when the store does not answer.

    What this version cannot read is left out, and named in the log once.
    """

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._keys = Keys(namespace)
        self._redis = connect(url)
        self._named: set[str] = set()

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def open(self) -> list[Seen]:
        """Return the incidents that fire or recover, newest first."""
        with store_errors(self._url):
            ids: Any = self._redis.zrange(self._keys.incidents_open, 0, -1)
        # One may have been resolved between the two questions.
        return [seen for seen in self._seen(ids) if seen.incident.state != "resolved"]

    def recent(self, start_s: int, end_s: int, most: int = 500) -> list[Seen]:
        """Return the newest incidents whose opening window starts in `[start_s, end_s)`, newest first."""
        with store_errors(self._url):
            ids: Any = self._redis.zrevrangebyscore(self._keys.incidents_opened, f"({end_s}", start_s, 0, most)
        return self._seen(ids)

    def get(self, incident_id: str) -> Seen | None:
        """Return one incident, None where there is none of this id, or no longer."""
        # An id may come from an address that somebody typed: half of a character cannot be sent to the store.
        return next(iter(self._seen([incident_id.encode()])), None) if incident_id.isascii() else None

    def history(self, incident_id: str) -> list[IncidentEvent]:
        """Return the events of an incident in order; empty where there is none of this id, or no longer."""
        if not incident_id.isascii():
            return []
        with store_errors(self._url):
            rows: Any = self._redis.xrange(self._keys.history(incident_id))
        read = [self._read(f"{incident_id}, entry {name.decode()}", event_of, f) for name, f in rows]
        return [event for event in read if event is not None]

    def count_open(self) -> int:
        """Return how many incidents fire or recover, those attached to a parent included."""
        with store_errors(self._url):
            count: Any = self._redis.zcard(self._keys.incidents_open)
        return int(count)

    def _seen(self, ids: Sequence[bytes]) -> list[Seen]:
        if not ids:
            return []
        with store_errors(self._url):
            pipe = self._redis.pipeline(transaction=False)
            for name in ids:
                pipe.hmget(self._keys.incident(name.decode()), list(_FIELDS))
            rows = pipe.execute()
        # An index names what has expired until the next commit.
        read = [
            self._read(name.decode(), _seen, *row) for name, row in zip(ids, rows, strict=True) if row[0] is not None
        ]
        found = [seen for seen in read if seen is not None]
        return sorted(found, key=lambda s: (s.incident.opened_at_s, s.incident.fired_at_ms), reverse=True)

    def _read(self, what: str, read: Callable[..., T], *found: object) -> T | None:
        try:
            return read(*found)
        except StoreError as exc:
            if what not in self._named:
                log.error("incident %s is left out: %s", what, exc)
            self._named.add(what)
            return None


def event_of(fields: Mapping[bytes, bytes]) -> IncidentEvent:
    """Return the event in an entry of the outbox or of a history; StoreError, permanent, where none is."""
    try:
        actor, text = fields.get(b"actor"), fields.get(b"text")
        return IncidentEvent(
            incident_id=fields[b"id"].decode(),
            seq=int(fields[b"seq"]),
            type=_TYPES[fields[b"type"]],
            at_ms=int(fields[b"at_ms"]),
            incident=_incident(fields[b"record"]),
            actor=None if actor is None else actor.decode(),
            text=None if text is None else text.decode(),
        )
    except (KeyError, ValueError) as exc:
        raise StoreError(f"an entry of the outbox or a history cannot be read: {exc!r}", permanent=True) from None


def _seen(record: bytes, seq: bytes, acknowledged_by: bytes | None, acknowledged_at_ms: bytes | None) -> Seen:
    flags = flags_of(acknowledged_by, acknowledged_at_ms)
    return Seen(_incident(record), int(seq), flags.acknowledged_by, flags.acknowledged_at_ms)


def _incident(record: bytes) -> Incident:
    try:
        return _decoder.decode(record)
    except msgspec.MsgspecError as exc:
        raise StoreError(f"the record of an incident cannot be read: {exc}", permanent=True) from None
