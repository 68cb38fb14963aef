"""The archive's folders and Parquet files: found, opened, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from stream.archive.names import SCRATCH, SUFFIX, Name, current, folder_name, parse, parse_folder
from stream.archive.schemas import TABLES, Table
from stream.archive.values import ArchiveError, Kind

# Rows of one row group: what a reader of many partitions at once holds of each.
GROUP_ROWS: Final = 4_096
BATCH_ROWS: Final = 1_024
_COMPRESSION: Final = "zstd"
_LEVEL: Final = 3


@dataclass(frozen=True, slots=True)
class Stored:
    """One file and the day it lies in."""

    day: str
    name: Name


def path_of(root: Path, kind: Kind, stored: Stored) -> Path:
    """Return where a file lies."""
    return root / kind / folder_name(stored.day) / str(stored.name)


def days(root: Path, kind: Kind) -> list[str]:
    """Return the days that have a folder, in order; ArchiveError."""
    found = (parse_folder(name) for name in _listed(root / kind))
    return sorted(day for day in found if day is not None)


def all_names(root: Path, kind: Kind, day: str) -> list[Name]:
    """Return every file of a day, what was compacted included; ArchiveError."""
    found = (parse(name) for name in _listed(root / kind / folder_name(day)))
    return [name for name in found if name is not None]


def stored(root: Path, kind: Kind, wanted: Iterable[str] | None = None) -> list[Stored]:
    """Return the files that count, of these days or of all, by day, place and offset; ArchiveError."""
    return [
        Stored(day, name)
        for day in (days(root, kind) if wanted is None else sorted(wanted))
        for name in current(all_names(root, kind, day))
    ]


def scratch_files(root: Path) -> list[Path]:
    """Return what writers left half-written."""
    return [path for kind in TABLES for path in root.glob(f"{kind}/day=*/{SCRATCH}*")]


def _listed(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise ArchiveError(f"{folder}: cannot be read: {exc.strerror or exc}") from exc


@contextlib.contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Lend an open file.

    Raises:
        FileNotFoundError: it is not there any more.
        ArchiveError: it is no Parquet file, or damaged; also where that shows only later, while it is lent.
    """
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as exc:
        said = str(exc).splitlines()[0][:200]
        raise ArchiveError(f"{path}: cannot be read ({said}); put it aside to read the rest") from exc


def batches(
    path: Path, columns: Sequence[str] | None = None, groups: Sequence[int] | None = None, rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """Yield a file's rows, of all its row groups or of these; raises as `opened`."""
    with opened(path) as file:
        yield from file.iter_batches(
            batch_size=rows,
            row_groups=None if groups is None else list(groups),
            columns=None if columns is None else list(columns),
            use_threads=False,
        )


def statistics(path: Path, columns: Sequence[str]) -> list[Mapping[str, tuple[Any, Any]]]:
    """Return the lowest and highest value of these columns in each row group, None where there is none.

    Raises as `opened`.
    """
    with opened(path) as file:
        meta, index = file.metadata, {name: i for i, name in enumerate(file.schema_arrow.names)}
        # Lists have their own leaves: the column of a name is found by its path.
        leaves = {meta.schema.column(i).path: i for i in range(len(meta.schema))}
        found: list[Mapping[str, tuple[Any, Any]]] = []
        for group in range(meta.num_row_groups):
            row: dict[str, tuple[Any, Any]] = {}
            for name in columns:
                stats = meta.row_group(group).column(leaves[name]).statistics if name in index else None
                row[name] = (stats.min, stats.max) if stats is not None and stats.has_min_max else (None, None)
            found.append(row)
        return found


def write(root: Path, table: Table, target: Stored, groups: Iterable[pa.Table]) -> Path:
    """Write a file, each of `groups` as row groups of its own: there when it is whole and on disk, not before.

    Raises:
        ArchiveError: not permanent; nothing of it is there.
    """
    path = path_of(root, table.kind, target)
    scratch = path.with_name(f"{SCRATCH}{secrets.token_hex(8)}{SUFFIX}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with scratch.open("xb") as file:
            with pq.ParquetWriter(file, table.schema, compression=_COMPRESSION, compression_level=_LEVEL) as writer:
                for group in groups:
                    writer.write_table(group, row_group_size=GROUP_ROWS)
            file.flush()
            os.fsync(file.fileno())
        scratch.rename(path)
        _sync(path.parent)
    except (OSError, pa.ArrowException) as exc:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
        said = getattr(exc, "strerror", None) or str(exc).splitlines()[0]
        raise ArchiveError(f"archive {path.parent}: cannot be written: {said}", permanent=False) from exc
    return path


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
