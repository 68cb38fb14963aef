"""Counting anew: stored predictions into an empty store, with the lifetimes that keys had then."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from stream.agents.outcome import count, shown_title
from stream.archive.joining import Joined, Sources, at_s
from stream.archive.lifetimes import Lifetimes, Name, Touched, name_of, touched
from stream.archive.values import Place
from stream.codec import Prediction
from stream.core.progress import Part
from stream.store.apply import Applied, AsyncStore, Record
from stream.store.rebuild import AsyncLifetimes

BATCH: Final = 500
# Of that time; stories and lists of one batch count as written together, and live for days.
BATCH_SPAN_S: Final = 900.0

Progress = Callable[[int, float], None]


@dataclass(slots=True)
class Recounted:
    """What came of it.

    Attributes:
        left_out: records of which nothing is known, and which Kafka has not any more.
        to_score: by partition, the first record of which nothing is known that a worker can still read.
    """

    records: int = 0
    aggregated: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    left_out: int = 0
    to_score: dict[Part, int] = field(default_factory=dict)

    def add(self, applied: Applied) -> None:
        """Add what one batch changed."""
        self.aggregated += applied.aggregated
        self.duplicates += applied.duplicates
        self.dead_letters += applied.dead_letters
        self.records += applied.aggregated + applied.duplicates + applied.dead_letters


@dataclass(frozen=True, slots=True)
class _Timed:
    """A record, when it was counted first, and the keys that it may touch; None for a dead letter."""

    at_s: float
    record: Record
    keys: Touched | None


@dataclass(slots=True)
class _Batch:
    """Records that are counted together, and the keys that were gone when the first of them came."""

    over: list[Name]
    records: list[_Timed] = field(default_factory=list)


class Recount:
    """One pass over all that is kept.

    Args:
        ids: of the topics as they are now; `first`: oldest offset that Kafka still has of each partition.
    """

    def __init__(self, sources: Sources, ids: Mapping[str, str], first: Mapping[Part, int]) -> None:
        self._sources = sources
        self._ids = ids
        self._first = first
        self._lifetimes = Lifetimes()
        self._ends_ms: dict[Name, int] = {}
        self.result = Recounted()

    async def run(self, store: AsyncStore, keys: AsyncLifetimes, progress: Progress, now_s: float) -> Recounted:
        """Count everything; StoreError, ArchiveError."""
        waiting: tuple[asyncio.Task[Applied], _Batch] | None = None
        for batch in self._batches():
            # The store counts one batch while the next is read.
            if waiting is not None:
                await self._done(*waiting, keys, progress)
            for name in batch.over:
                self._ends_ms.pop(name, None)
            await keys.remove(map(name_of, batch.over))
            task = asyncio.create_task(store.apply([one.record for one in batch.records], {}))
            await asyncio.sleep(0)
            waiting = (task, batch)
        if waiting is not None:
            await self._done(*waiting, keys, progress)
        await keys.remove(map(name_of, self._lifetimes.over(list(self._lifetimes.ends_s), now_s)))
        await keys.end_at({name_of(name): int(end_s) for name, end_s in self._lifetimes.ends_s.items()})
        return self.result

    async def _done(self, task: asyncio.Task[Applied], batch: _Batch, keys: AsyncLifetimes, progress: Progress) -> None:
        self.result.add(await task)
        at_s = {name: one.at_s for one in batch.records if one.keys for name in one.keys.others}
        # What was written has a new end.
        ends_ms = await keys.ends_ms([name_of(name) for name in at_s])
        for name, written_s in at_s.items():
            end_ms = ends_ms[name_of(name)]
            if end_ms > 0 and end_ms != self._ends_ms.get(name):
                self._ends_ms[name] = end_ms
                self._lifetimes.written([name], written_s)
        progress(self.result.records, batch.records[-1].at_s)

    def _batches(self) -> Iterator[_Batch]:
        batch: _Batch | None = None
        for one in self._timed():
            names = () if one.keys is None else one.keys.all
            if batch is not None and (
                len(batch.records) == BATCH
                or one.at_s - batch.records[0].at_s > BATCH_SPAN_S
                or self._lifetimes.any_over(names, one.at_s)
            ):
                yield batch
                batch = None
            if batch is None:
                batch = _Batch(self._lifetimes.over(names, one.at_s) + self._lifetimes.sweep(one.at_s))
            if one.keys is not None and one.record.counted is not None:
                self._lifetimes.take(one.record.counted, one.keys, one.at_s)
            batch.records.append(one)
        if batch is not None:
            yield batch

    def _timed(self) -> Iterator[_Timed]:
        """Yield the records of all partitions in the order in which they were counted."""
        return heapq.merge(*(self._of(place) for place in self._sources.places()), key=lambda one: one.at_s)

    def _of(self, place: Place) -> Iterator[_Timed]:
        newest_s = 0.0
        for one in self._sources.joined(place):
            if one.outcome is None:
                if self._can_be_scored(place, one.offset):
                    self.result.to_score[place.topic, place.partition] = one.offset
                    return
                self.result.left_out += 1
                continue
            newest_s = max(newest_s, at_s(one.outcome))
            yield _timed(place, one, newest_s)

    def _can_be_scored(self, place: Place, offset: int) -> bool:
        part = (place.topic, place.partition)
        return self._ids.get(place.topic) == place.topic_id and offset >= self._first.get(part, 0)


def _timed(place: Place, one: Joined, at_s: float) -> _Timed:
    counted = None
    if isinstance(one.outcome, Prediction):
        item = one.item
        title = "" if item is None else shown_title(item)
        document = None if item is None else item.document
        counted = count(
            one.outcome,
            title=title,
            url=None if document is None else document.url,
            author=None if document is None else document.author,
        )
    record = Record(place.topic_id, place.partition, one.offset, counted)
    return _Timed(at_s, record, None if counted is None else touched(counted))
