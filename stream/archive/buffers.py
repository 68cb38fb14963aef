"""What was read and is not written yet, a partition at a time. Values in, values out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from stream.archive.names import Name, day_of
from stream.archive.values import Place
from stream.broker.follow import Followed


@dataclass(frozen=True, slots=True)
class Part:
    """The records of one day that become one file."""

    day: str
    name: Name
    records: tuple[Followed, ...]


@dataclass(slots=True)
class Buffer:
    """The records of one partition.

    Attributes:
        start: everything before this offset is written.
        following: offset to read next.
        had: offsets from `start` on that are written already, by a write that was cut short.
        since_s: when the oldest record here was read.
        sure: how many of the records are known to be of the topic with this id.
    """

    place: Place
    start: int
    following: int
    had: Collection[int] = ()
    records: list[Followed] = field(default_factory=list)
    size_bytes: int = 0
    since_s: float = 0.0
    sure: int = 0

    def add(self, record: Followed, now_s: float, oldest_day: str) -> None:
        """Take a record in; one from before the oldest day that is kept is passed over, as is what is written."""
        self.following = record.offset + 1
        if record.offset in self.had or day_of(record.timestamp_ms) < oldest_day:
            return
        if not self.records:
            self.since_s = now_s
        self.records.append(record)
        self.size_bytes += len(record.value)

    def confirm(self) -> None:
        """Note that what is here is of this topic."""
        self.sure = len(self.records)

    def keep_sure(self) -> int:
        """Drop what may be of a topic made anew; return how many records."""
        dropped = len(self.records) - self.sure
        del self.records[self.sure :]
        if dropped:
            self.following = self.records[-1].offset + 1 if self.records else self.start
        return dropped

    def parts(self) -> list[Part]:
        """Return what becomes of the records: a file for each day, of which the last one moves the position.

        Each part that is written is to be told to `written`, so that what follows is right after any of them.
        """
        by_day: dict[str, list[Followed]] = {}
        for record in self.records:
            by_day.setdefault(day_of(record.timestamp_ms), []).append(record)
        days = sorted(by_day)
        return [
            Part(
                day,
                Name(
                    self.place,
                    by_day[day][0].offset,
                    by_day[day][-1].offset,
                    self.following if day == days[-1] else self.start,
                ),
                tuple(by_day[day]),
            )
            for day in days
        ]

    def written(self, part: Part) -> None:
        """Forget a part that is on disk."""
        gone = {record.offset for record in part.records}
        self.records = [record for record in self.records if record.offset not in gone]
        self.size_bytes = sum(len(record.value) for record in self.records)
        self.sure = max(0, self.sure - len(gone))
        self.start = part.name.following
        if self.start == self.following:
            self.had = ()
