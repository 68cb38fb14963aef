"""Writing: records by partition into files by day, each record once whatever happens in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from stream.archive import files, rows
from stream.archive.buffers import Buffer
from stream.archive.files import Stored
from stream.archive.names import ahead, day_of, positions
from stream.archive.schemas import TABLES
from stream.archive.values import ArchiveError, Kind, Place
from stream.broker.follow import Followed
from stream.broker.topics import DEAD_LETTERS, DOCUMENTS_COMMENTS, DOCUMENTS_NEWS, INCIDENT_EVENTS, PREDICTIONS
from stream.core.event_time import DAY_S
from stream.core.progress import Part

KINDS: Final[Mapping[str, Kind]] = {
    DOCUMENTS_NEWS: "documents",
    DOCUMENTS_COMMENTS: "documents",
    PREDICTIONS: "predictions",
    DEAD_LETTERS: "dead_letters",
    INCIDENT_EVENTS: "incident_events",
}
MOST_ROWS: Final = 10_000
# Of all partitions together: 24 of them may fill at once.
MOST_BYTES: Final = 64 * 1024 * 1024


class Writer:
    """The archive's one writer: `lock` the root before.

    Args:
        keep_days: whole days that are kept beside today.
        flush_s: no record waits longer.
    """

    def __init__(self, root: Path, *, keep_days: int, flush_s: float, clock_s: Callable[[], float] = time.time) -> None:
        self._root = root
        self._keep_days = keep_days
        self._flush_s = flush_s
        self._clock_s = clock_s
        self._buffers: dict[Part, Buffer] = {}
        self._ids: Mapping[str, str] = {}

    @property
    def oldest_day(self) -> str:
        """The first day that is kept."""
        return day_of(int((self._clock_s() - self._keep_days * DAY_S) * 1_000))

    def open(self, parts: Iterable[Part], ids: Mapping[str, str]) -> dict[Part, int]:
        """Return the offset to read next of each partition, known from the files; forget what is not written.

        Raises:
            ArchiveError: a file or folder cannot be read.
        """
        self._ids = ids
        self._buffers = {}
        stored = {kind: files.stored(self._root, kind) for kind in TABLES}
        for topic, partition in parts:
            place = Place(topic, ids[topic], partition)
            mine = [one for one in stored[KINDS[topic]] if one.name.place == place]
            start = positions(one.name for one in mine).get(place, 0)
            had = self._offsets(KINDS[topic], place, mine, start)
            self._buffers[topic, partition] = Buffer(place, start, start, had)
        return {part: buffer.following for part, buffer in self._buffers.items()}

    def _offsets(self, kind: Kind, place: Place, mine: Iterable[Stored], start: int) -> Collection[int]:
        """Return the offsets from `start` on that are in files."""
        found: set[int] = set()
        column = TABLES[kind].offset
        names = set(ahead((one.name for one in mine), {place: start}))
        for one in mine:
            if one.name in names:
                for batch in files.batches(files.path_of(self._root, kind, one), [column]):
                    found.update(offset for offset in batch.column(column).to_pylist() if offset >= start)
        return found

    def seek(self, part: Part, offset: int) -> None:
        """Note that a partition is read on from elsewhere: what lay before is not in Kafka any more."""
        self._buffers[part].following = offset

    def add(self, records: Iterable[Followed]) -> None:
        """Take records in; of one topic and partition they ascend."""
        now_s, oldest_day = self._clock_s(), self.oldest_day
        for record in records:
            self._buffers[record.topic, record.partition].add(record, now_s, oldest_day)

    def confirm(self, topics: Collection[str]) -> None:
        """Note that these topics still have the ids they had: what is held is theirs."""
        for (topic, _), buffer in self._buffers.items():
            if topic in topics:
                buffer.confirm()

    def give_up(self, topics: Collection[str]) -> int:
        """Drop what may belong to topics of these names that were made anew; return how many records."""
        return sum(buffer.keep_sure() for (topic, _), buffer in self._buffers.items() if topic in topics)

    @property
    def is_due(self) -> bool:
        """Whether something is to be written now."""
        return bool(self._due())

    def flush(self, *, everything: bool = False) -> int:
        """Write what is due, or all; return how many rows were. Call again after an error: nothing is written twice.

        Raises:
            ArchiveError: not permanent: the disk is full, say.
        """
        count = 0
        for buffer in self._buffers.values() if everything else self._due():
            kind = KINDS[buffer.place.topic]
            for part in buffer.parts():
                tables = rows.tables(kind, buffer.place, part.records, self._ids)
                files.write(self._root, TABLES[kind], Stored(part.day, part.name), tables)
                buffer.written(part)
                count += len(part.records)
        return count

    def _due(self) -> list[Buffer]:
        held = [buffer for buffer in self._buffers.values() if buffer.records]
        if sum(buffer.size_bytes for buffer in held) >= MOST_BYTES:
            return held
        oldest_s = self._clock_s() - self._flush_s
        return [buffer for buffer in held if len(buffer.records) >= MOST_ROWS or buffer.since_s <= oldest_s]


def prepare(root: Path) -> None:
    """Make the root and remove what writers left half-written; ArchiveError."""
    try:
        # What people wrote is nobody else's to read.
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in files.scratch_files(root):
            path.unlink(missing_ok=True)
    except OSError as exc:
        raise ArchiveError(f"archive {root}: cannot be used: {exc.strerror or exc}") from exc
