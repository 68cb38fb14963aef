"""Names of the archive's files, which say all there is to know about what is archived. Values in, values out."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from stream.archive.values import Place

SUFFIX: Final = ".parquet"
COMPACTED: Final = "c-"
# What is being written; whoever finds one at the start may remove it.
SCRATCH: Final = ".writing-"

_NAME: Final = re.compile(
    r"(?P<compacted>c-)?(?P<topic>[A-Za-z0-9._-]+)-(?P<partition>\d{5})"
    r"-(?P<first>\d{20})-(?P<last>\d{20})-(?P<following>\d{20})-(?P<id>[0-9a-f]{32})\.parquet",
    re.ASCII,
)
_DAY: Final = re.compile(r"day=(\d{4}-\d{2}-\d{2})", re.ASCII)
_DAY_MS: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1)
_MOST_DAYS: Final = (date.max - _EPOCH).days


@dataclass(frozen=True, slots=True)
class Name:
    """One file: what of which partition it holds.

    Attributes:
        first, last: lowest and highest offset of its records; offsets between them may lie in another day.
        following: everything before this offset is archived once this file is there.
        compacted: made of several; it stands for every file of its day and partition within `[first, last]`.
    """

    place: Place
    first: int
    last: int
    following: int
    compacted: bool = False

    def __str__(self) -> str:
        place = self.place
        return (
            f"{COMPACTED if self.compacted else ''}{place.topic}-{place.partition:05d}-{self.first:020d}"
            f"-{self.last:020d}-{self.following:020d}-{uuid.UUID(place.topic_id).hex}{SUFFIX}"
        )

    def covers(self, other: Name) -> bool:
        """Return whether the other file is one of those that this one was made of."""
        within = self.first <= other.first and other.last <= self.last
        return self.compacted and within and self.place == other.place and self != other


def parse(name: str) -> Name | None:
    """Return what a file name says, None where it is none of the archive's."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return Name(
        place=Place(found["topic"], str(uuid.UUID(found["id"])), int(found["partition"])),
        first=int(found["first"]),
        last=int(found["last"]),
        following=int(found["following"]),
        compacted=found["compacted"] is not None,
    )


def current(names: Iterable[Name]) -> list[Name]:
    """Return the files of one day that count, by place and offset: what was compacted is left out."""
    by_place: dict[Place, list[Name]] = {}
    for name in names:
        by_place.setdefault(name.place, []).append(name)
    return [
        name
        for place in sorted(by_place, key=lambda p: (p.topic, p.partition, p.topic_id))
        for name in _uncovered(by_place[place])
    ]


def _uncovered(names: Sequence[Name]) -> list[Name]:
    compacted = [name for name in names if name.compacted]
    kept = [name for name in names if not any(whole.covers(name) for whole in compacted)]
    return sorted(kept, key=lambda name: (name.first, name.last))


def positions(names: Iterable[Name]) -> dict[Place, int]:
    """Return, for each partition, the offset before which everything is archived."""
    found: dict[Place, int] = {}
    for name in names:
        found[name.place] = max(found.get(name.place, 0), name.following)
    return found


def ahead(names: Iterable[Name], at: Mapping[Place, int]) -> list[Name]:
    """Return the files with records at or behind their partition's position: a write that was cut short left them."""
    return [name for name in names if name.last >= at[name.place]]


def day_of(timestamp_ms: int) -> str:
    """Return the UTC day `YYYY-MM-DD` of an instant; days beyond the calendar are its first or last one."""
    number = max(min(timestamp_ms // _DAY_MS, _MOST_DAYS), 0)
    return (_EPOCH + timedelta(days=number)).isoformat()


def day_start_ms(day: str) -> int:
    """Return when a day begins, unix milliseconds."""
    return int(datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp()) * 1_000


def folder_name(day: str) -> str:
    """Return the name of a day's folder."""
    return f"day={day}"


def parse_folder(name: str) -> str | None:
    """Return the day in a folder's name, None where there is none."""
    found = _DAY.fullmatch(name)
    return found[1] if found else None
