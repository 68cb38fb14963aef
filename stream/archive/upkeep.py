"""What keeps the archive small: files put together, old days dropped. Every step leaves it whole."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from stream.archive import files
from stream.archive.compaction import compact
from stream.archive.names import Name, current, folder_name
from stream.archive.schemas import TABLES, Table
from stream.archive.values import ArchiveError, Place

# Small files that a partition may have today; a day that is over has one.
MOST_SMALL: Final = 12
# Who asked before something took a file's place may still want to open it.
GRACE_S: Final = 900.0


def upkeep(root: Path, today: str, oldest_day: str, now_s: float | None = None) -> Iterator[str]:
    """Do what is to be done, a step at a time; yield what was done, in words, after each.

    Raises:
        ArchiveError: not permanent where there is no room.
    """
    now_s = time.time() if now_s is None else now_s
    for table in TABLES.values():
        for day in files.days(root, table.kind):
            if day < oldest_day:
                _drop(root, table, day)
                yield f"{table.kind} of {day} dropped"
                continue
            _remove_compacted(root, table, day, now_s)
            for names in _to_compact(root, table, day, over=day < today):
                made = compact(root, table, day, names)
                yield f"{len(names)} files of {day} are now {made.name}"


def _to_compact(root: Path, table: Table, day: str, *, over: bool) -> list[list[Name]]:
    by_place: dict[Place, list[Name]] = {}
    for name in current(files.all_names(root, table.kind, day)):
        by_place.setdefault(name.place, []).append(name)
    return [chosen for names in by_place.values() if (chosen := choose(names, over=over, alone=not table.key_is_place))]


def choose(names: Sequence[Name], *, over: bool, alone: bool) -> list[Name]:
    """Return which files of one day and partition, in order, become one; empty where they stay as they are.

    Args:
        over: whether the day is.
        alone: whether even a single file is gone over, for the repeats in it.
    """
    if over:
        return list(names) if len(names) > 1 or (alone and not names[0].compacted) else []
    small: list[Name] = []
    for name in names:
        # Only neighbours: what took the place of others stands for everything between its ends.
        if name.compacted:
            small.clear()
        else:
            small.append(name)
    return small if len(small) > MOST_SMALL else []


def _remove_compacted(root: Path, table: Table, day: str, now_s: float) -> None:
    folder = root / table.kind / folder_name(day)
    names = files.all_names(root, table.kind, day)
    wholes = [name for name in names if name.compacted]
    for name in names:
        for whole in wholes:
            if whole.covers(name) and _age_s(folder / str(whole), now_s) > GRACE_S:
                _unlink(folder / str(name))
                break


def _drop(root: Path, table: Table, day: str) -> None:
    folder = root / table.kind / folder_name(day)
    for name in files.all_names(root, table.kind, day):
        _unlink(folder / str(name))
    with contextlib.suppress(OSError):  # somebody's own file lies in it
        folder.rmdir()


def _age_s(path: Path, now_s: float) -> float:
    try:
        return now_s - path.stat().st_mtime
    except FileNotFoundError:  # something took its place too
        return 0.0


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        raise ArchiveError(f"{path}: cannot be removed: {exc.strerror or exc}", permanent=False) from exc
