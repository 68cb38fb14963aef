"""Records on the wire: JSON by msgspec, one `schema` integer in each."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec

from stream.core.documents import MAX_TEXT_CHARS, document_id, problem
from stream.core.event_time import time_problem
from stream.core.incidents import IncidentEvent

SCHEMA: Final = 1
MAX_RAW_BYTES: Final = 65_536
MAX_REASON_CHARS: Final = 500
# The record that a source could not read is sent on with its reason here, so that one place counts it.
PROBLEM_HEADER: Final = "barograph-problem"

Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One headline, post or filing. `author` is a keyed hash, never a handle; times are aware."""

    id: str
    kind: Literal["news", "comment"]
    source: str
    text: str
    received_at: Time
    published_at: Time | None = None
    title: str | None = None
    url: str | None = None
    lang: str | None = None
    author: str | None = None
    tickers: tuple[str, ...] = ()
    schema: int = SCHEMA


class _Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A document as somebody else writes it: the id and the received time may be missing."""

    kind: str
    source: str
    text: str
    id: str | None = None
    received_at: Time | None = None
    published_at: Time | None = None
    title: str | None = None
    url: str | None = None
    lang: str | None = None
    author: str | None = None
    tickers: tuple[str, ...] | None = None
    schema: int = SCHEMA


class Origin(msgspec.Struct, frozen=True, array_like=False):
    """Where a record stood in Kafka."""

    topic: str
    partition: int
    offset: int


class Hops(msgspec.Struct, frozen=True, kw_only=True):
    """When a worker read a document, and when its score was known."""

    read_at: Time
    scored_at: Time


class Prediction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the model said of one document. Probabilities are in [0, 1], the score in [-1, 1]."""

    id: str
    kind: Literal["news", "comment"]
    source: str
    lang: str
    tickers: tuple[str, ...] = ()
    published_at: Time | None = None
    received_at: Time
    event_time: Time
    sentiment: tuple[float, float, float]
    score: float
    topic: str
    topics: tuple[float, ...]
    story: str
    late: bool = False
    model_revision: str
    origin: Origin
    hops: Hops
    schema: int = SCHEMA


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record set aside: `raw` is base64 of its first 64 KB, `size_bytes` its whole length."""

    origin: Origin
    reason: str
    raw: str
    size_bytes: int
    at: Time
    schema: int = SCHEMA


class BadRecord(ValueError):
    """A record that is no document; the message names the field and what it takes."""


_incoming: Final = msgspec.json.Decoder(_Incoming)
_encoder: Final = msgspec.json.Encoder()
_MISSING: Final = re.compile(r"missing required field `(\w+)`")
# Any escape, so that the second of two backslashes begins none; group 1: half of a character without its other half.
_ESCAPE: Final = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]|(u[dD][89a-fA-F])|.)", re.DOTALL)


def encode(record: Document | Prediction | DeadLetter) -> bytes:
    """Return the record as JSON."""
    return _encoder.encode(record)


def decode_document(raw: bytes, *, received_at: datetime, trust_received_at: bool = True) -> Document:
    """Return the document in a record.

    Args:
        raw: one JSON object. Fields that are not known are passed over.
        received_at: aware; used where the record carries no received time of its own.
        trust_received_at: False for what comes from outside: then the time given here stands.

    Raises:
        BadRecord: with the field and the reason.
    """
    try:
        incoming = _incoming.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise BadRecord(json_problem(exc, raw)) from None
    if incoming.schema != SCHEMA:
        raise BadRecord(f"schema: {incoming.schema} is not known; this version reads {SCHEMA}")
    # Feeds that write one string for several tickers are common; no ticker has a comma.
    tickers = tuple(one for entry in incoming.tickers or () for one in entry.replace(",", " ").split())
    url = incoming.url or None  # feeds that write every field leave this one empty
    received = (incoming.received_at if trust_received_at else None) or received_at
    reason = problem(
        kind=incoming.kind,
        source=incoming.source,
        text=incoming.text,
        id=incoming.id,
        title=incoming.title,
        url=url,
        author=incoming.author,
        lang=incoming.lang,
        tickers=tickers,
    ) or time_problem(incoming.published_at, received, received_at)
    if reason:
        raise BadRecord(reason)
    return Document(
        id=incoming.id
        or document_id(
            source=incoming.source,
            url=url,
            author=incoming.author,
            published_at=incoming.published_at,
            text=incoming.text,
        ),
        kind="comment" if incoming.kind == "comment" else "news",
        source=incoming.source,
        text=incoming.text,
        received_at=received.astimezone(UTC),
        published_at=incoming.published_at and incoming.published_at.astimezone(UTC),
        title=incoming.title,
        url=url,
        lang=incoming.lang,
        author=incoming.author,
        tickers=tickers,
    )


def decode_prediction(raw: bytes) -> Prediction:
    """Return the prediction in a record; msgspec.MsgspecError if it is none."""
    return msgspec.json.decode(raw, type=Prediction)


def decode_dead_letter(raw: bytes) -> DeadLetter:
    """Return the dead letter in a record; msgspec.MsgspecError if it is none."""
    return msgspec.json.decode(raw, type=DeadLetter)


class _EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An incident event on the wire; records without a namespace are from before there was more than one."""

    event: IncidentEvent
    namespace: str = "live"
    schema: int = SCHEMA


def encode_incident_event(event: IncidentEvent, namespace: str = "live") -> bytes:
    """Return the event as JSON; namespace and `event_id` tell a repeated one."""
    return _encoder.encode(_EventRecord(event=event, namespace=namespace))


def decode_incident_event(raw: bytes) -> IncidentEvent:
    """Return the incident event in a record; msgspec.MsgspecError if it is none."""
    return decode_incident_record(raw)[1]


def decode_incident_record(raw: bytes) -> tuple[str, IncidentEvent]:
    """Return the namespace and the incident event in a record; msgspec.MsgspecError if it is none."""
    record = msgspec.json.decode(raw, type=_EventRecord)
    return record.namespace, record.event


def dead_letter(raw: bytes, *, origin: Origin, reason: str, at: datetime) -> DeadLetter:
    """Return the dead letter for a record that was set aside."""
    return DeadLetter(
        origin=origin,
        reason=reason[:MAX_REASON_CHARS],
        raw=base64.b64encode(raw[:MAX_RAW_BYTES]).decode(),
        size_bytes=len(raw),
        at=at,
    )


def json_problem(exc: Exception, raw: bytes) -> str:
    """Return msgspec's words on a text as `field: reason` or `not JSON: reason`, never with the value that was sent."""
    message = str(exc)
    missing = _MISSING.search(message)
    if missing:
        return f"{missing[1]}: is missing"
    reason, at, path = message.partition(" - at `$")
    if at:
        field = path.rstrip("`").lstrip(".")
        return f"{field or 'document'}: {reason[:1].lower()}{reason[1:]}"
    if isinstance(exc, msgspec.ValidationError):
        return f"document: {reason[:1].lower()}{reason[1:]}"
    if lone_surrogate(raw) is not None:
        return "not JSON: a lone surrogate (half of a character) in a string"
    return f"not JSON: {message}"


def lone_surrogate(raw: bytes) -> int | None:
    """Return at which byte of a JSON text the escape of half a character stands alone, None where none does."""
    return next((escape.start() for escape in _ESCAPE.finditer(raw) if escape[1]), None)


__all__ = [
    "MAX_RAW_BYTES",
    "MAX_TEXT_CHARS",
    "PROBLEM_HEADER",
    "BadRecord",
    "DeadLetter",
    "Document",
    "Hops",
    "Origin",
    "Prediction",
    "dead_letter",
    "decode_dead_letter",
    "decode_document",
    "decode_prediction",
    "encode",
    "json_problem",
    "lone_surrogate",
]
