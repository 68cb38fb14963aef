"""From records to documents: what is read, what is set aside. Values in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stream.codec import (
    PROBLEM_HEADER,
    BadRecord,
    DeadLetter,
    Document,
    Origin,
    dead_letter,
    decode_document,
)
from stream.core.documents import language, reading_text
from stream.core.event_time import EARLIEST, MOST_AHEAD


@dataclass(frozen=True, slots=True)
class Received:
    """One record as the broker gave it; `timestamp_s` is the record's own, unix seconds, whatever it says."""

    origin: Origin
    value: bytes
    timestamp_s: float
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Readable:
    """A document together with what the model reads of it."""

    document: Document
    origin: Origin
    raw: bytes
    text: str
    lang: str


def open_record(record: Received, now: datetime) -> Readable | DeadLetter:
    """Return the document in a record, or the dead letter that says why there is none."""
    if record.problem is not None:
        return dead_letter(record.value, origin=record.origin, reason=record.problem, at=now)
    try:
        document = decode_document(record.value, received_at=_instant(record.timestamp_s, now))
    except BadRecord as exc:
        return dead_letter(record.value, origin=record.origin, reason=str(exc), at=now)
    text = reading_text(document.title, document.text)
    return Readable(document, record.origin, record.value, text, language(text, document.lang))


def _instant(timestamp_s: float, now: datetime) -> datetime:
    """Return a record's timestamp; now where it is none: somebody else's producer may write anything there."""
    try:
        instant = datetime.fromtimestamp(timestamp_s, UTC)
    except (OverflowError, ValueError, OSError):
        return now
    return instant if EARLIEST <= instant <= now + MOST_AHEAD else now


def problem_header(headers: Mapping[str, bytes] | Iterable[tuple[str, bytes]] | None) -> str | None:
    """Return the reason with which a source set a record aside; None for any other record."""
    if not headers:
        return None
    pairs: Any = headers.items() if isinstance(headers, Mapping) else headers
    for name, value in pairs:
        if name == PROBLEM_HEADER:
            return bytes(value or b"").decode(errors="replace") or "set aside by its source, without a reason"
    return None
