"""The archive, read: documents and predictions in the order in which the documents came, without repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby, pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Literal

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
    "received_ms",
    "record_timestamp_ms",
    "record_offset",
    "value",
)
_ORDER: Final = attrgetter("order")


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

        Of several predictions for one record the one that was written last is yielded: a worker reads on from what
        was counted, so one that another follows was sent and never counted.
        """
        for row in self._ordered(predictions_view(self.root), start_ms, end_ms, _last_of_each):
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

    def _ordered(
        self,
        view: View,
        start_ms: int | None,
        end_ms: int | None,
        chosen: Callable[[Iterator[Row]], Iterator[Row]] = iter,
    ) -> Iterator[Row]:
        runs_of = plan(self.root, view.table, start_ms, end_ms)
        streams = [(key, chosen(rows(view, key, runs))) for key, runs in runs_of.items() if key[0] is not None]
        return in_order(streams, start_ms, end_ms)


def documents_view(root: Path) -> View:
    """Return how `ArchivedDocument`s are read."""
    return View(root, DOCUMENTS, _DOCUMENT, _document_rows)


def predictions_view(root: Path) -> View:
    """Return how `Prediction`s are read; `same` of a row ends with when it was written: a repeat is a row too."""
    return View(root, PREDICTIONS, _PREDICTION, _prediction_rows)


def _document_rows(batch: pa.RecordBatch) -> Iterator[Row]:
    for topic, topic_id, partition, offset, timestamp_ms, problem, value in zip(*_lists(batch, _DOCUMENT), strict=True):
        document = ArchivedDocument(topic, topic_id, partition, offset, timestamp_ms, problem, value)
        yield Row(offset, timestamp_ms, (), document)


def _prediction_rows(batch: pa.RecordBatch) -> Iterator[Row]:
    for *fields, received_ms, written_ms, written_at, value in zip(*_lists(batch, _PREDICTION), strict=True):
        prediction = _prediction(*fields) if value is None else _decoded(value)
        if prediction is not None:
            same = (prediction.id, received_ms, (written_ms, written_at))
            yield Row(prediction.origin.offset, received_ms, same, prediction)


def _last_of_each(found: Iterator[Row]) -> Iterator[Row]:
    """Yield of each record's predictions, where they repeat each other, the one that was written last."""
    for _, together in groupby(found, _ORDER):
        several = list(together)
        if len(several) > 1:
            several.sort(key=lambda row: row.same[-1])
            several = list({row.same[:-1]: row for row in several}.values())
        yield from several


def _decoded(value: bytes) -> Prediction | None:
    try:
        return decode_prediction(value)
    except msgspec.MsgspecError:
        return None


def _prediction(  # noqa: PLR0917 - the columns in their order; names for each would cost a third of the reading
    origin_topic: str,
    origin_partition: int,
    origin_offset: int,
    id_: str,
    kind: Literal["news", "comment"],
    source: str,
    lang: str,
    tickers: tuple[str, ...] | None,
    published_at: int | None,
    received_at: int,
    event_time: int,
    sentiment: tuple[float, float, float],
    score: float,
    topic: str,
    topics: tuple[float, ...],
    story: str,
    late: bool,
    model_revision: str,
    read_at: int,
    scored_at: int,
) -> Prediction:
    return Prediction(
        id=id_,
        kind=kind,
        source=source,
        lang=lang,
        tickers=tickers or (),
        published_at=None if published_at is None else _instant(published_at),
        received_at=_instant(received_at),
        event_time=_instant(event_time),
        sentiment=sentiment,
        score=score,
        topic=topic,
        topics=topics,
        story=story,
        late=late,
        model_revision=model_revision,
        origin=Origin(origin_topic, origin_partition, origin_offset),
        hops=Hops(read_at=_instant(read_at), scored_at=_instant(scored_at)),
    )


# Several instants of one prediction are often the same, and so are those of one batch.
@lru_cache(1_024)
def _instant(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def _lists(batch: pa.RecordBatch, columns: Sequence[str]) -> list[list[Any]]:
    return [_list(batch.column(name)) for name in columns]


def _list(column: pa.Array) -> list[Any]:
    """Return the values: instants as microseconds, lists as tuples."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if pa.types.is_list(column.type):
        return _tuples(column)
    # By way of numpy, which has no numbers that are missing: `to_pylist` makes an object of the library for each.
    if column.null_count and pa.types.is_primitive(column.type):
        found: list[Any] = column.to_pylist()
        return found
    values: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
    return values


def _tuples(column: pa.ListArray) -> list[tuple[Any, ...] | None]:
    if column.null_count:
        return [None if one is None else tuple(one) for one in column.to_pylist()]
    values, offsets = _list(column.flatten()), _list(column.offsets)
    return [tuple(values[start - offsets[0] : end - offsets[0]]) for start, end in pairwise(offsets)]
