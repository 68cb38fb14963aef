"""Streams of rows out of many files: offsets ascending within each, repeats dropped, memory by the batch."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa

from stream.archive import files
from stream.archive.files import Stored
from stream.archive.names import current, day_of, day_start_ms
from stream.archive.schemas import Table

log = logging.getLogger(__name__)

# A worker's clock may be behind the clock that stamped a document.
_SKEW_MS: Final = 86_400_000
_PLANS: Final = 5

Key = tuple[str | None, str | None, int | None]


class Row(NamedTuple):
    """One row: its place within its stream, when it was received, what tells it from a repeat, what it is."""

    order: int
    time_ms: int
    same: tuple[Any, ...]
    value: Any


Make = Callable[[pa.RecordBatch], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class View:
    """What is read of one kind of record: these columns, made into rows batch by batch."""

    root: Path
    table: Table
    columns: Sequence[str]
    make: Make


@dataclass(frozen=True, slots=True)
class Run:
    """Rows of one stream in one file.

    Attributes:
        groups: row groups that hold them; None for the whole file.
        first, last: least and greatest place within the stream.
    """

    stored: Stored
    groups: tuple[int, ...] | None
    first: int
    last: int


def plan(root: Path, table: Table, start_ms: int | None, end_ms: int | None) -> dict[Key, list[Run]]:
    """Return the runs of each stream that may hold rows received in `[start_ms, end_ms)`; ArchiveError."""
    if table.key_is_place:
        return _of_records(root, table, start_ms, end_ms)
    for _ in range(_PLANS):
        try:
            return _of_origins(root, table, start_ms)
        except FileNotFoundError:  # compacted or dropped since it was listed
            continue
    return _of_origins(root, table, start_ms)


def _of_records(root: Path, table: Table, start_ms: int | None, end_ms: int | None) -> dict[Key, list[Run]]:
    found: dict[Key, list[Run]] = {}
    wanted = files.days(root, table.kind)
    if start_ms is not None:
        wanted = [day for day in wanted if day >= day_of(start_ms)]
    if end_ms is not None:
        wanted = [day for day in wanted if day_start_ms(day) < end_ms]
    for one in files.stored(root, table.kind, wanted):
        place = one.name.place
        run = Run(one, None, one.name.first, one.name.last)
        found.setdefault((place.topic, place.topic_id, place.partition), []).append(run)
    return found


def _of_origins(root: Path, table: Table, start_ms: int | None) -> dict[Key, list[Run]]:
    found: dict[Key, list[Run]] = {}
    wanted = files.days(root, table.kind)
    if start_ms is not None:
        wanted = [day for day in wanted if day >= day_of(start_ms - _SKEW_MS)]
    for one in files.stored(root, table.kind, wanted):
        for key, run in runs_of(root, table, one, start_ms):
            found.setdefault(key, []).append(run)
    return found


def runs_of(root: Path, table: Table, one: Stored, start_ms: int | None = None) -> list[tuple[Key, Run]]:
    """Return the runs within one file whose row groups hold a stream each; raises as `files.opened`."""
    columns = (*table.key, table.order, table.time)
    groups: dict[Key, list[int]] = {}
    bounds: dict[Key, tuple[int, int]] = {}
    for number, row in enumerate(files.statistics(files.path_of(root, table.kind, one), columns)):
        newest_ms = row[table.time][1]
        if start_ms is not None and newest_ms is not None and newest_ms < start_ms:
            continue
        topic, topic_id, partition = (row[name][0] for name in table.key)
        key: Key = (topic, topic_id, partition)
        first, last = row[table.order]
        if first is None:
            first, last = 0, 0
        groups.setdefault(key, []).append(number)
        least, most = bounds.get(key, (first, last))
        bounds[key] = min(least, first), max(most, last)
    return [(key, Run(one, tuple(numbers), *bounds[key])) for key, numbers in groups.items()]


def rows(view: View, key: Key, runs: Sequence[Run]) -> Iterator[Row]:
    """Yield the rows of one stream, ascending, a repeat only the first time; ArchiveError."""
    pending = sorted(runs, key=lambda run: (run.first, run.last), reverse=True)
    heads: list[tuple[int, int, Row, Iterator[Row]]] = []
    seen: set[tuple[Any, ...]] = set()
    at, number = -1, 0
    while pending or heads:
        while pending and (not heads or pending[-1].first <= heads[0][0]):
            number += 1
            _push(heads, number, _read(view, key, pending.pop()))
        if not heads:
            continue
        _, turn, row, following = heapq.heappop(heads)
        if row.order != at:
            at = row.order
            seen.clear()
        if row.same not in seen:
            seen.add(row.same)
            yield row
        _push(heads, turn, following)


def _push(heads: list[tuple[int, int, Row, Iterator[Row]]], turn: int, following: Iterator[Row]) -> None:
    row = next(following, None)
    if row is not None:
        heapq.heappush(heads, (row.order, turn, row, following))


def _read(view: View, key: Key, run: Run) -> Iterator[Row]:
    try:
        path = files.path_of(view.root, view.table.kind, run.stored)
        for batch in files.batches(path, view.columns, run.groups):
            for row in view.make(batch):
                if run.first <= row.order <= run.last:
                    yield row
    except FileNotFoundError:
        # Compacted since it was listed: the same rows stand in the file that took its place.
        for heir in _heirs(view.root, view.table, key, run):
            yield from _read(view, key, heir)


def _heirs(root: Path, table: Table, key: Key, run: Run) -> list[Run]:
    day = run.stored.day
    names = [name for name in current(files.all_names(root, table.kind, day)) if name.covers(run.stored.name)]
    if not names:
        log.info("%s of %s was dropped while it was read", run.stored.name, day)
    found = []
    for name in names:
        one = Stored(day, name)
        if table.key_is_place:
            found.append(Run(one, None, run.first, run.last))
        else:
            found += [
                Run(one, heir.groups, max(run.first, heir.first), min(run.last, heir.last))
                for other, heir in runs_of(root, table, one)
                if other == key
            ]
    return found


def in_order(streams: Sequence[tuple[Key, Iterator[Row]]], start_ms: int | None, end_ms: int | None) -> Iterator[Row]:
    """Yield the rows received in `[start_ms, end_ms)` of all streams by time, topic, partition and place.

    Within a stream the place decides: a row that is older than one before it counts as old as that one.
    """
    keyed = [_timed(key, rows, start_ms, end_ms) for key, rows in streams]
    for _, row in heapq.merge(*keyed, key=lambda pair: pair[0]):
        yield row


def _timed(
    key: Key, rows: Iterator[Row], start_ms: int | None, end_ms: int | None
) -> Iterator[tuple[tuple[int, str, int, int, str], Row]]:
    topic, topic_id, partition = key
    newest_ms = -1
    for row in rows:
        if (start_ms is None or row.time_ms >= start_ms) and (end_ms is None or row.time_ms < end_ms):
            newest_ms = max(newest_ms, row.time_ms)
            yield (newest_ms, topic or "", partition or 0, row.order, topic_id or ""), row
