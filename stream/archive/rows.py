"""From records to the columns of their kind. Values in, values out; nothing that a record holds can stop it."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import pyarrow as pa

from stream.agents.inbox import Readable, Received, open_record, problem_header
from stream.archive.schemas import TABLES, Table
from stream.archive.values import Kind, Place
from stream.broker.follow import Followed
from stream.codec import (
    Origin,
    decode_dead_letter,
    decode_incident_record,
    decode_prediction,
    encode,
)
from stream.core.event_time import event_time

log = logging.getLogger(__name__)

Fields = dict[str, Any]
_Key = tuple[str, str, int]
# Topic -> its id now: what a prediction says of its origin is the name alone.
TopicIds = Mapping[str, str]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError, binascii.Error)
_NOT_A_COLUMN: Final = (pa.ArrowException, OverflowError, ValueError, TypeError)


def tables(kind: Kind, place: Place, records: Sequence[Followed], ids: TopicIds) -> list[pa.Table]:
    """Return the rows of these records, ascending within each stream, a table for each stream.

    Args:
        place: where all of them lie.
        ids: by name, of the topics that predictions and dead letters name as their origin.
    """
    table = TABLES[kind]
    rows = [_row(table, place, record, ids) for record in records]
    split: dict[_Key, list[Fields]] = {}
    for row in rows:
        split.setdefault(_key(table, row), []).append(row)
    made, strange = [], []
    for key in sorted(split):
        try:
            made.append(_columns(table, sorted(split[key], key=lambda row: row[table.order] or 0)))
        except _NOT_A_COLUMN:
            # A number too large for its column, say: each row by itself, to find which.
            strange += split[key]
    by_offset = {record.offset: record for record in records}
    return made + [_alone(table, place, by_offset[row[table.offset]], row) for row in strange]


def _key(table: Table, row: Fields) -> _Key:
    topic, topic_id, partition = (row[name] for name in table.key)
    return topic or "", topic_id or "", -1 if partition is None else partition


def _row(table: Table, place: Place, record: Followed, ids: TopicIds) -> Fields:
    row = _bare(table, place, record)
    try:
        return row | _FIELDS[table.kind](record, ids)
    except _UNREADABLE as exc:
        log.warning("%s-%d, offset %d: kept as it came: %s", place.topic, record.partition, record.offset, exc)
        return row | {"value": record.value}


def _bare(table: Table, place: Place, record: Followed) -> Fields:
    row: Fields = dict.fromkeys(table.schema.names)
    own = (place.topic_id, record.partition, record.offset, record.timestamp_ms)
    row.update(zip(table.record, own, strict=True))
    if table.key_is_place:
        row[table.key[0]] = place.topic
    return row


def _alone(table: Table, place: Place, record: Followed, row: Fields) -> pa.Table:
    try:
        return _columns(table, [row])
    except _NOT_A_COLUMN as exc:
        log.warning("%s-%d, offset %d: kept as it came: %s", place.topic, record.partition, record.offset, exc)
        return _columns(table, [_bare(table, place, record) | {"value": record.value}])


def _columns(table: Table, rows: Sequence[Fields]) -> pa.Table:
    arrays = [pa.array([row[field.name] for row in rows], type=field.type) for field in table.schema]
    return pa.Table.from_arrays(arrays, schema=table.schema)


def _document(record: Followed, _: TopicIds) -> Fields:
    origin = Origin(record.topic, record.partition, record.offset)
    problem = problem_header(record.headers)
    row: Fields = {"problem": problem, "value": record.value}
    received = Received(origin, record.value, record.timestamp_ms / 1_000, problem)
    item = open_record(received, datetime.now(UTC))
    if isinstance(item, Readable):
        document = item.document
        row |= {name: getattr(document, name) for name in _SAME_AS_DOCUMENT}
        row["lang"] = item.lang
        row["event_time"] = event_time(document.published_at, document.received_at)
    return row


def _prediction(record: Followed, ids: TopicIds) -> Fields:
    found = decode_prediction(record.value)
    row: Fields = {name: getattr(found, name) for name in _SAME_AS_PREDICTION}
    row |= _origin(found.origin, ids)
    row["received_ms"] = (found.received_at - _EPOCH) // timedelta(milliseconds=1)
    row["read_at"], row["scored_at"] = found.hops.read_at, found.hops.scored_at
    # A later version may say more than this one's columns hold.
    row["value"] = None if encode(found) == record.value else record.value
    return row


def _dead_letter(record: Followed, ids: TopicIds) -> Fields:
    found = decode_dead_letter(record.value)
    return _origin(found.origin, ids) | {
        "reason": found.reason,
        "raw": base64.b64decode(found.raw, validate=True),
        "size_bytes": found.size_bytes,
        "set_aside_at": found.at,
        "value": None if encode(found) == record.value else record.value,
    }


def _incident_event(record: Followed, _: TopicIds) -> Fields:
    namespace, event = decode_incident_record(record.value)
    row: Fields = {name: getattr(event.incident, name) for name in _SAME_AS_INCIDENT}
    return row | {
        "namespace": namespace,
        "incident_id": event.incident_id,
        "seq": event.seq,
        "type": event.type,
        "happened_at": _EPOCH + timedelta(milliseconds=event.at_ms),
        "actor": event.actor,
        "text": event.text,
        "opened_at": _EPOCH + timedelta(seconds=event.incident.opened_at_s),
        "value": record.value,
    }


def _origin(origin: Origin, ids: TopicIds) -> Fields:
    return {
        "origin_topic": origin.topic,
        "origin_topic_id": ids.get(origin.topic),
        "origin_partition": origin.partition,
        "origin_offset": origin.offset,
    }


_SAME_AS_DOCUMENT: Final = (
    "id",
    "kind",
    "source",
    "published_at",
    "received_at",
    "title",
    "text",
    "url",
    "tickers",
    "author",
)
_SAME_AS_PREDICTION: Final = (
    "id",
    "kind",
    "source",
    "lang",
    "tickers",
    "published_at",
    "received_at",
    "event_time",
    "sentiment",
    "score",
    "topic",
    "topics",
    "story",
    "late",
    "model_revision",
)
_SAME_AS_INCIDENT: Final = (
    "series",
    "state",
    "severity",
    "rule",
    "clock",
    "z",
    "z_peak",
    "share",
    "baseline_share",
    "negative",
    "total",
    "parent",
    "reason",
)
_FIELDS: Final[Mapping[Kind, Callable[[Followed, TopicIds], Fields]]] = {
    "documents": _document,
    "predictions": _prediction,
    "dead_letters": _dead_letter,
    "incident_events": _incident_event,
}
