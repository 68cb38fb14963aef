"""What is known of the documents that may be corrected: from the store, and their whole text from Kafka."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stream.broker.bounded import bounded
from stream.broker.topics import documents_topic
from stream.codec import BadRecord, decode_document
from stream.core.documents import reading_text
from stream.core.event_time import DAY_S
from stream.corrections.queue import Candidate
from stream.store.incident_read import IncidentReader
from stream.store.read import Headline, Reader

if TYPE_CHECKING:
    from model.classifier import Reading

# A day's list keeps this many.
MOST_LISTED = 500
MOST_SEARCHED = 20_000

Read = Callable[[Sequence[str], Sequence[str]], "list[Reading]"]


@dataclass(frozen=True, slots=True)
class Listed:
    """The newest stories, and which of them drove an incident."""

    headlines: tuple[Headline, ...]
    alerted: frozenset[str]


def listed(url: str, namespace: str, now_s: int) -> Listed:
    """Return the newest stories in the store; StoreError where it does not answer."""
    reader, incidents = Reader(url, namespace), IncidentReader(url, namespace)
    try:
        seen = [*incidents.open(), *incidents.recent(now_s - 7 * DAY_S, now_s + DAY_S)]
        ids = frozenset(story.id for one in seen for story in one.incident.evidence)
        return Listed(tuple(reader.latest(MOST_LISTED)), ids)
    finally:
        reader.close()
        incidents.close()


def candidates(found: Listed, read: Read) -> list[Candidate]:
    """Return the stories with what the model reads in their titles; the counts keep no probabilities."""
    rows = found.headlines
    readings = read([row.title for row in rows], [row.kind for row in rows])
    return [
        Candidate(
            id=row.id,
            title=row.title,
            kind=row.kind,
            lang=row.lang,
            received_ms=row.received_ms,
            sentiment=reading.sentiment,
            topics=reading.topics,
            copies=row.copies,
            alerted=row.id in found.alerted,
        )
        for row, reading in zip(rows, readings, strict=True)
    ]


def headline(url: str, namespace: str, document_id: str) -> Headline | None:
    """Return the story whose first copy has this id; None where the store lists it no longer."""
    reader = Reader(url, namespace)
    try:
        return next((one for one in reader.latest(MOST_SEARCHED) if one.id == document_id), None)
    finally:
        reader.close()


def whole_text(bootstrap: str, row: Headline) -> str | None:
    """Return what the model read of a document; None where Kafka keeps it no longer.

    Raises:
        BrokerError: Kafka cannot be reached.
    """
    kind: Any = row.kind
    for record in bounded(bootstrap, [documents_topic(kind)], row.received_ms):
        if row.id.encode() not in record.value:
            continue
        try:
            document = decode_document(
                record.value, received_at=datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
            )
        except BadRecord:
            continue
        if document.id == row.id:
            return reading_text(document.title, document.text)
    return None
