"""Documents with what came of them, in the order in which they were counted."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from stream.agents.inbox import Readable, Received, open_record
from stream.archive.reading import documents_view, predictions_view
from stream.archive.runs import Key, Row, Run, View, plan, rows
from stream.archive.schemas import DEAD_LETTERS, TABLES
from stream.archive.values import ArchivedDocument, Place
from stream.codec import MAX_RAW_BYTES, Origin, Prediction

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DEAD: Final = ("origin_offset", "raw", "size_bytes", "set_aside_at", "record_timestamp_ms")


@dataclass(frozen=True, slots=True)
class SetAside:
    """What tells one dead letter's record from another's."""

    at: datetime
    raw: bytes
    size_bytes: int


Outcome = Prediction | SetAside


@dataclass(frozen=True, slots=True)
class Joined:
    """One record of a documents topic.

    Attributes:
        item: what it says; None where it is not there any more, or is no document.
        outcome: what came of it; None where nothing is known of that.
    """

    offset: int
    item: Readable | None
    outcome: Outcome | None


def at_s(outcome: Outcome) -> float:
    """Return when a record was scored or set aside, unix seconds; it was counted right after.

    Of several outcomes the last was counted: one that another follows was sent, and its worker killed.
    """
    return (outcome.hops.scored_at if isinstance(outcome, Prediction) else outcome.at).timestamp()


class Sources:
    """Several archives as one: what is archived, and what Kafka has beyond it."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._documents = [(documents_view(root), plan(root, TABLES["documents"], None, None)) for root in roots]
        self._outcomes = [
            (view, plan(root, view.table, None, None))
            for root in roots
            for view in (predictions_view(root), _dead_view(root))
        ]

    def places(self) -> list[Place]:
        """Return the partitions of which there is something, in order."""
        found = {
            (key[0], key[1], key[2] or 0)
            for _, runs in (*self._documents, *self._outcomes)
            for key in runs
            if key[0] is not None and key[1] is not None
        }
        return [Place(*key) for key in sorted(found)]

    def joined(self, place: Place) -> Iterator[Joined]:
        """Yield the records of one partition, ascending."""
        documents = self._rows(self._documents, (place.topic, place.topic_id, place.partition))
        outcomes = _grouped(self._outcomes_of(place))
        offset, here = next(outcomes, (None, []))
        for row in documents:
            while offset is not None and offset < row.order:
                yield from _alone(offset, here, place)
                offset, here = next(outcomes, (None, []))
            document: ArchivedDocument = row.value
            if offset != row.order:
                yield Joined(row.order, None, None)
                continue
            item = _read(document)
            of_it = (one for _, one in here if _belongs(one, document, item))
            yield Joined(offset, item, max(of_it, key=at_s, default=None))
            offset, here = next(outcomes, (None, []))
        while offset is not None:
            yield from _alone(offset, here, place)
            offset, here = next(outcomes, (None, []))

    def _outcomes_of(self, place: Place) -> Iterator[tuple[int, str | None, Outcome]]:
        """Yield what came of this partition, of every topic that had this name: ids were noted by those who wrote."""
        keys = {
            key for _, runs in self._outcomes for key in runs if key[0] == place.topic and key[2] == place.partition
        }
        streams = [
            ((row.order, key[1], row.value) for row in self._rows(self._outcomes, key))
            for key in sorted(keys, key=lambda key: key[1] or "")
        ]
        return heapq.merge(*streams, key=lambda found: found[0])

    @staticmethod
    def _rows(sources: Sequence[tuple[View, dict[Key, list[Run]]]], key: Key) -> Iterator[Row]:
        return heapq.merge(*(rows(view, key, runs[key]) for view, runs in sources if key in runs), key=_order)


def _order(row: Row) -> int:
    return row.order


def _grouped(
    found: Iterator[tuple[int, str | None, Outcome]],
) -> Iterator[tuple[int | None, list[tuple[str | None, Outcome]]]]:
    at, here = -1, list[tuple[str | None, Outcome]]()
    for offset, topic_id, outcome in found:
        if offset != at and here:
            yield at, here
            here = []
        at = offset
        here.append((topic_id, outcome))
    if here:
        yield at, here


def _alone(offset: int, here: Sequence[tuple[str | None, Outcome]], place: Place) -> Iterator[Joined]:
    """Yield what came of a record that is not there any more."""
    outcome = max((one for topic_id, one in here if topic_id == place.topic_id), key=at_s, default=None)
    if outcome is not None:
        yield Joined(offset, None, outcome)


def _read(document: ArchivedDocument) -> Readable | None:
    origin = Origin(document.topic, document.partition, document.offset)
    received = Received(origin, document.value, document.timestamp_ms / 1_000, document.problem)
    item = open_record(received, datetime.now(UTC))
    return item if isinstance(item, Readable) else None


def _belongs(outcome: Outcome, document: ArchivedDocument, item: Readable | None) -> bool:
    """Return whether this came of this record: a topic made anew has other records at the same offsets."""
    if isinstance(outcome, SetAside):
        return outcome.size_bytes == len(document.value) and outcome.raw == document.value[:MAX_RAW_BYTES]
    return item is not None and outcome.id == item.document.id


def _dead_view(root: Path) -> View:
    return View(root, DEAD_LETTERS, _DEAD, _dead_rows)


def _dead_rows(batch: pa.RecordBatch) -> Iterator[Row]:
    columns: list[list[Any]] = [
        (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
        for column in map(batch.column, _DEAD)
    ]
    for offset, raw, size_bytes, at_us, record_ms in zip(*columns, strict=True):
        if offset is not None:
            value = SetAside(_EPOCH + timedelta(microseconds=at_us), raw, size_bytes)
            yield Row(offset, record_ms, (size_bytes, raw), value)
