"""Many small files of one day and partition into one, which takes their place the moment it is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from stream.archive import files
from stream.archive.files import GROUP_ROWS, Stored
from stream.archive.names import Name
from stream.archive.runs import Key, Run, runs_of
from stream.archive.schemas import Table

# Place within the stream, then the columns that tell a repeat.
_Told = tuple[Any, ...]


# A worker that was killed at midnight, or a store restored from yesterday's copy, repeats what lies in an earlier day.
DAYS_BACK: Final = 3


def compact(root: Path, table: Table, day: str, names: Sequence[Name]) -> Stored:
    """Write one file that stands for these, of one partition and with nothing of it between them; return it.

    Readers leave the others out from then on; they can be removed at any time. Repeats are dropped, also those of
    rows in the same partition's files of the last few days before.

    Raises:
        ArchiveError: one cannot be read, or, not permanent, there is no room.
    """
    ordered = sorted(names, key=lambda name: name.first)
    first, last = ordered[0], ordered[-1]
    whole = Name(first.place, first.first, last.last, max(name.following for name in ordered), compacted=True)
    target = Stored(day, whole)
    before: list[Stored] = []
    if not table.key_is_place:
        days = [one for one in files.days(root, table.kind) if one < day][-DAYS_BACK:]
        before = [one for one in files.stored(root, table.kind, days) if one.name.place == first.place]
    files.write(root, table, target, _groups(root, table, [Stored(day, name) for name in ordered], before))
    return target


def _by_key(root: Path, table: Table, stored: Sequence[Stored]) -> dict[Key, list[Run]]:
    found: dict[Key, list[Run]] = {}
    for one in stored:
        for key, run in runs_of(root, table, one):
            found.setdefault(key, []).append(run)
    return found


def _groups(root: Path, table: Table, inputs: Sequence[Stored], before: Sequence[Stored]) -> Iterator[pa.Table]:
    streams, earlier = _by_key(root, table, inputs), _by_key(root, table, before)
    for key in sorted(streams, key=lambda key: (key[0] or "", key[1] or "", key[2] or 0)):
        held: list[pa.Table] = []
        for cluster in _clusters(streams[key]):
            # Nothing tells rows apart that name no origin.
            known = _known(root, table, cluster, earlier.get(key, ()))
            merged = _merged(root, table, cluster, known, repeats=key[0] is not None)
            if merged.num_rows:
                held.append(merged)
            if sum(one.num_rows for one in held) >= GROUP_ROWS:
                yield pa.concat_tables(held)
                held = []
        if held:
            yield pa.concat_tables(held)


def _clusters(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Yield runs in order, those together that reach into each other."""
    cluster: list[Run] = []
    end = -1
    for run in sorted(runs, key=lambda run: (run.first, run.last)):
        if cluster and run.first > end:
            yield cluster
            cluster = []
        cluster.append(run)
        end = max(end, run.last)
    if cluster:
        yield cluster


def _known(root: Path, table: Table, cluster: Sequence[Run], earlier: Sequence[Run]) -> set[_Told]:
    """Return what tells the earlier rows apart that lie where the cluster lies."""
    first, last = min(run.first for run in cluster), max(run.last for run in cluster)
    found: set[_Told] = set()
    for run in earlier:
        if run.first <= last and first <= run.last:
            path = files.path_of(root, table.kind, run.stored)
            for batch in files.batches(path, (table.order, *table.same), run.groups):
                columns = [batch.column(name).to_pylist() for name in (table.order, *table.same)]
                found.update(told for told in zip(*columns, strict=True) if first <= told[0] <= last)
    return found


def _merged(root: Path, table: Table, cluster: Sequence[Run], known: Collection[_Told], *, repeats: bool) -> pa.Table:
    parts = []
    for run in cluster:
        path = files.path_of(root, table.kind, run.stored)
        parts.append(pa.Table.from_batches(files.batches(path, groups=run.groups, rows=GROUP_ROWS), table.schema))
    whole = pa.concat_tables(parts)
    if not repeats:
        return whole
    order = whole.column(table.order).to_pylist()
    if any(after <= before for before, after in pairwise(order)):
        _, _, offset, timestamp_ms = table.record
        written = zip(order, *(whole.column(name).to_pylist() for name in (timestamp_ms, offset)), strict=True)
        turns = [turn for _, turn in sorted((place, turn) for turn, place in enumerate(written))]
        whole, order = whole.take(turns), [order[turn] for turn in turns]
    kept = _last_of_each(order, whole.select(list(table.same)), known)
    return whole if len(kept) == len(order) else whole.take(pa.array(kept, pa.int64()))


def _last_of_each(order: Sequence[int], same: pa.Table, known: Collection[_Told]) -> list[int]:
    """Return the rows, in order, that none after them repeats, and none of an earlier day."""
    if not known and all(after != before for before, after in pairwise(order)):
        return list(range(len(order)))
    last: dict[_Told, int] = {}
    for turn, told in enumerate(zip(order, *(column.to_pylist() for column in same), strict=True)):
        last[told] = turn
    return sorted(turn for told, turn in last.items() if told not in known)
