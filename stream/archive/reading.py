"""The archive, read: documents and predictions in the order in which the documents came, without repeats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa

from stream.archive import files
from stream.archive.runs import Row, View, in_order, plan, rows
from stream.archive.schemas import DOCUMENTS, PREDICTIONS
from stream.archive.values import ArchivedDocument
from stream.codec import Hops, Origin, Prediction, decode_prediction

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DOCUMENT: Final = ("topic", "topic_id", "partition", "offset", "timestamp_ms", "problem", "value")
_PREDICTION: Final = (
    "origin_topic",
    "origin_partition",
    "origin_offset",
    "id",
    "kind",
    "source",
    "lang",
    "tickers",
    "published_at",
    "received_at",
    "received_ms",
    "event_time",
    "sentiment",
    "score",
    "topic",
    "topics",
    "story",
    "late",
    "model_revision",
    "read_at",
    "scored_at",
    "value",
)


class Archive:
    """Reads what is archived; every method raises ArchiveError where a file cannot be read.

    It may be written, compacted and shortened meanwhile: what was there at the call is yielded, each row once.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def documents(self, start_ms: int | None = None, end_ms: int | None = None) -> Iterator[ArchivedDocument]:
        """Yield the records of documents topics received in `[start_ms, end_ms)`, unix milliseconds.

        By time received, topic, partition and offset; within a partition by offset, whatever their times say.
        """
        for row in self._ordered(documents_view(self.root), start_ms, end_ms):
            yield row.value

    def predictions(self, start_ms: int | None = None, end_ms: int | None = None) -> Iterator[Prediction]:
        """Yield what the model said of the documents received in `[start_ms, end_ms)`, in those documents' order.

        Of several predictions for one record the first is yielded.
        """
        for row in self._ordered(predictions_view(self.root), start_ms, end_ms):
            yield row.value

    def span(self) -> tuple[int, int] | None:
        """Return when the oldest and the newest document archived were received, None where there is none."""
        days = files.days(self.root, "documents")
        oldest = next((found[0] for day in days if (found := self._times_ms(day)) is not None), None)
        newest = next((found[1] for day in reversed(days) if (found := self._times_ms(day)) is not None), None)
        return None if oldest is None or newest is None else (oldest, newest)

    def _times_ms(self, day: str) -> tuple[int, int] | None:
        lows, highs = [], []
        for one in files.stored(self.root, "documents", [day]):
            try:
                found = files.statistics(files.path_of(self.root, "documents", one), ["timestamp_ms"])
            except FileNotFoundError:  # its heir has the same times; asked for again by whoever needs them now
                return self._times_ms(day)
            for row in found:
                low, high = row["timestamp_ms"]
                lows.append(low)
                highs.append(high)
        return (min(lows), max(highs)) if lows else None

    def _ordered(self, view: View, start_ms: int | None, end_ms: int | None) -> Iterator[Row]:
        runs_of = plan(self.root, view.table, start_ms, end_ms)
        streams = [(key, rows(view, key, runs)) for key, runs in runs_of.items() if key[0] is not None]
        return in_order(streams, start_ms, end_ms)


def documents_view(root: Path) -> View:
    """Return how `ArchivedDocument`s are read."""
    return View(root, DOCUMENTS, _DOCUMENT, _document_rows)


def predictions_view(root: Path) -> View:
    """Return how `Prediction`s are read."""
    return View(root, PREDICTIONS, _PREDICTION, _prediction_rows)


def _document_rows(batch: pa.RecordBatch) -> Iterator[Row]:
    for topic, topic_id, partition, offset, timestamp_ms, problem, value in zip(*_lists(batch, _DOCUMENT), strict=True):
        document = ArchivedDocument(topic, topic_id, partition, offset, timestamp_ms, problem, value)
        yield Row(offset, timestamp_ms, (), document)


def _prediction_rows(batch: pa.RecordBatch) -> Iterator[Row]:
    for fields in zip(*_lists(batch, _PREDICTION), strict=True):
        row = dict(zip(_PREDICTION, fields, strict=True))
        prediction = _prediction(row)
        if prediction is not None:
            received_ms: int = row["received_ms"]
            yield Row(prediction.origin.offset, received_ms, (prediction.id, received_ms), prediction)


def _prediction(row: dict[str, Any]) -> Prediction | None:
    if row["value"] is not None:
        try:
            return decode_prediction(row["value"])
        except msgspec.MsgspecError:
            return None
    negative, neutral, positive = row["sentiment"]
    return Prediction(
        id=row["id"],
        kind=row["kind"],
        source=row["source"],
        lang=row["lang"],
        tickers=tuple(row["tickers"] or ()),
        published_at=None if row["published_at"] is None else _instant(row["published_at"]),
        received_at=_instant(row["received_at"]),
        event_time=_instant(row["event_time"]),
        sentiment=(negative, neutral, positive),
        score=row["score"],
        topic=row["topic"],
        topics=tuple(row["topics"]),
        story=row["story"],
        late=row["late"],
        model_revision=row["model_revision"],
        origin=Origin(row["origin_topic"], row["origin_partition"], row["origin_offset"]),
        hops=Hops(read_at=_instant(row["read_at"]), scored_at=_instant(row["scored_at"])),
    )


def _instant(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def _lists(batch: pa.RecordBatch, columns: Sequence[str]) -> list[list[Any]]:
    return [_list(batch.column(name)) for name in columns]


def _list(column: pa.Array) -> list[Any]:
    # The library's own way to datetimes costs ten times as much.
    found: list[Any] = (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
    return found
