"""The columns of each kind of record, and by which of them records are put in order and told apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from stream.archive.values import Kind

_TEXT: Final = pa.string()
_TIME: Final = pa.timestamp("us", tz="UTC")
_REAL: Final = pa.float64()


@dataclass(frozen=True)
class Table:
    """One kind of record.

    Attributes:
        key: columns of the stream that a row belongs to: topic, its id, partition; of documents, for what came of one.
        order: column that rises within a stream.
        time: column by which rows are asked for: when the document, or else the record, was received.
        same: columns that two rows of one key and order share if one repeats the other.
        record: columns of the record's own place in Kafka: topic's id, partition, offset, timestamp.
    """

    kind: Kind
    schema: pa.Schema
    key: tuple[str, str, str]
    order: str
    time: str
    same: tuple[str, ...]
    record: tuple[str, str, str, str]

    @property
    def key_is_place(self) -> bool:
        """Whether a row's stream is the partition that its record lies in, so that a file is one run."""
        return self.order == self.offset

    @property
    def offset(self) -> str:
        """The column of the record's own offset."""
        return self.record[2]


_RECORD: Final = ("record_topic_id", "record_partition", "record_offset", "record_timestamp_ms")
_RECORD_FIELDS: Final = [(name, pa.int64()) for name in _RECORD[2:]]
_OF_RECORD: Final = [(_RECORD[0], _TEXT), (_RECORD[1], pa.int32()), *_RECORD_FIELDS]
_OF_ORIGIN: Final = [
    ("origin_topic", _TEXT),
    ("origin_topic_id", _TEXT),
    ("origin_partition", pa.int32()),
    ("origin_offset", pa.int64()),
]
_ORIGIN: Final = ("origin_topic", "origin_topic_id", "origin_partition")

DOCUMENTS: Final = Table(
    kind="documents",
    schema=pa.schema(
        [
            ("topic", _TEXT),
            ("topic_id", _TEXT),
            ("partition", pa.int32()),
            ("offset", pa.int64()),
            ("timestamp_ms", pa.int64()),
            ("problem", _TEXT),
            ("id", _TEXT),
            ("kind", _TEXT),
            ("source", _TEXT),
            ("lang", _TEXT),
            ("published_at", _TIME),
            ("received_at", _TIME),
            ("event_time", _TIME),
            ("title", _TEXT),
            ("text", _TEXT),
            ("url", _TEXT),
            ("tickers", pa.list_(_TEXT)),
            ("author", _TEXT),
            ("value", pa.binary()),
        ]
    ),
    key=("topic", "topic_id", "partition"),
    order="offset",
    time="timestamp_ms",
    same=("offset",),
    record=("topic_id", "partition", "offset", "timestamp_ms"),
)

# `value` only where a record holds more than its columns do: one of a later version, or none at all.
PREDICTIONS: Final = Table(
    kind="predictions",
    schema=pa.schema(
        [
            *_OF_ORIGIN,
            ("id", _TEXT),
            ("kind", _TEXT),
            ("source", _TEXT),
            ("lang", _TEXT),
            ("tickers", pa.list_(_TEXT)),
            ("published_at", _TIME),
            ("received_at", _TIME),
            ("received_ms", pa.int64()),
            ("event_time", _TIME),
            ("sentiment", pa.list_(_REAL)),
            ("score", _REAL),
            ("topic", _TEXT),
            ("topics", pa.list_(_REAL)),
            ("story", _TEXT),
            ("late", pa.bool_()),
            ("model_revision", _TEXT),
            ("read_at", _TIME),
            ("scored_at", _TIME),
            *_OF_RECORD,
            ("value", pa.binary()),
        ]
    ),
    key=_ORIGIN,
    order="origin_offset",
    time="received_ms",
    same=("id", "received_ms"),
    record=_RECORD,
)

DEAD_LETTERS: Final = Table(
    kind="dead_letters",
    schema=pa.schema(
        [
            *_OF_ORIGIN,
            ("reason", _TEXT),
            ("raw", pa.binary()),
            ("size_bytes", pa.int64()),
            ("set_aside_at", _TIME),
            *_OF_RECORD,
            ("value", pa.binary()),
        ]
    ),
    key=_ORIGIN,
    order="origin_offset",
    time="record_timestamp_ms",
    same=("size_bytes", "raw"),
    record=_RECORD,
)

INCIDENT_EVENTS: Final = Table(
    kind="incident_events",
    schema=pa.schema(
        [
            ("namespace", _TEXT),
            ("incident_id", _TEXT),
            ("seq", pa.int64()),
            ("type", _TEXT),
            ("happened_at", _TIME),
            ("actor", _TEXT),
            ("text", _TEXT),
            ("series", _TEXT),
            ("state", _TEXT),
            ("severity", _TEXT),
            ("rule", _TEXT),
            ("clock", _TEXT),
            ("opened_at", _TIME),
            ("z", _REAL),
            ("z_peak", _REAL),
            ("share", _REAL),
            ("baseline_share", _REAL),
            ("negative", pa.int64()),
            ("total", pa.int64()),
            ("parent", _TEXT),
            ("reason", _TEXT),
            ("record_topic", _TEXT),
            *_OF_RECORD,
            ("value", pa.binary()),
        ]
    ),
    key=("record_topic", "record_topic_id", "record_partition"),
    order="record_offset",
    time="record_timestamp_ms",
    same=("record_offset",),
    record=_RECORD,
)

TABLES: Final[Mapping[Kind, Table]] = {
    table.kind: table for table in (DOCUMENTS, PREDICTIONS, DEAD_LETTERS, INCIDENT_EVENTS)
}
