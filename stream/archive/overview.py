"""How much is archived."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stream.archive import files
from stream.archive.schemas import TABLES
from stream.archive.values import Kind


@dataclass(frozen=True, slots=True)
class Overview:
    """One kind of record: `days` have files; `rows` counts repeats that are not dropped yet."""

    kind: Kind
    rows: int
    days: int
    files: int
    size_bytes: int
    first_day: str | None
    last_day: str | None


def overview(root: Path) -> list[Overview]:
    """Return what there is of each kind; ArchiveError where a file cannot be read."""
    return [_of(root, kind) for kind in TABLES]


def _of(root: Path, kind: Kind) -> Overview:
    found: set[str] = set()
    rows = count = size_bytes = 0
    for one in files.stored(root, kind):
        path = files.path_of(root, kind, one)
        try:
            with files.opened(path) as file:
                rows += file.metadata.num_rows
            size_bytes += path.stat().st_size
        except FileNotFoundError:  # compacted since it was listed
            continue
        count += 1
        found.add(one.day)
    return Overview(
        kind=kind,
        rows=rows,
        days=len(found),
        files=count,
        size_bytes=size_bytes,
        first_day=min(found, default=None),
        last_day=max(found, default=None),
    )
