"""Files as sources: which can be read, how they are opened, and how far reading has come."""

from __future__ import annotations

import gzip
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, cast

from stream.sources.errors import SourceError
from stream.sources.lines import Line, csv_lines, jsonl_lines

STDIN: Final = "-"
SUFFIXES: Final = (".jsonl", ".ndjson", ".csv", ".jsonl.gz", ".ndjson.gz", ".csv.gz")
_GZIP_MAGIC: Final = b"\x1f\x8b"


class SourceFile:
    """One file to be read once, as a context manager.

    Attributes:
        name: for messages.
        size_bytes: of the file as it lies there, compressed or not; None where it is not known.
    """

    def __init__(self, path: str) -> None:
        """Look at the file without reading it.

        Raises:
            SourceError: it is not there, cannot be read, is empty, or is nothing that is read here.
        """
        self.name = "standard input" if path == STDIN else path
        self._path = None if path == STDIN else Path(path)
        self._suffix = ".jsonl" if self._path is None else _suffix(self._path)
        self.size_bytes = None if self._path is None else _checked_size(self._path, self._suffix.endswith(".gz"))
        self._closing = ExitStack()
        self._raw: BinaryIO | None = None

    def __enter__(self) -> SourceFile:
        if self._path is None:
            self._raw = sys.stdin.buffer
            return self
        try:
            self._raw = self._closing.enter_context(self._path.open("rb"))
        except OSError as exc:
            raise SourceError(f"{self.name}: {exc.strerror}", permanent=True) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def position_bytes(self) -> int:
        """Return how many bytes of the file have been read, of a compressed one the compressed bytes."""
        return self._raw.tell() if self._raw is not None and self.size_bytes is not None else 0

    def lines(self) -> Iterator[Line]:
        """Yield every non-empty line or row.

        Raises:
            SourceError: the file ends in the middle of its compressed data, or reading fails.
        """
        if self._raw is None:
            raise ValueError("open the file first: use it in a with statement")
        stream = self._raw
        if self._suffix.endswith(".gz"):
            # No larger buffer around it: at a broken end it would take what can still be read with it.
            stream = cast("BinaryIO", self._closing.enter_context(gzip.GzipFile(fileobj=self._raw)))
        number = 0
        try:
            for line in csv_lines(stream, self.name) if ".csv" in self._suffix else jsonl_lines(stream):
                number = line.number
                yield line
        except (OSError, EOFError, zlib.error) as exc:
            raise SourceError(f"{self.name}: cannot be read beyond line {number}: {exc}", permanent=True) from None


def _suffix(path: Path) -> str:
    suffix = next((known for known in sorted(SUFFIXES, key=len, reverse=True) if path.name.endswith(known)), None)
    if suffix is None:
        raise SourceError(f"{path}: its name tells no format; expected one of {', '.join(SUFFIXES)}", permanent=True)
    return suffix


def _checked_size(path: Path, compressed: bool) -> int | None:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceError(f"{path}: is a directory; name the files in it", permanent=True)
        if not stat.S_ISREG(status.st_mode):
            return None
        with path.open("rb") as file:
            start = file.read(len(_GZIP_MAGIC))
    except OSError as exc:
        raise SourceError(f"{path}: {exc.strerror}", permanent=True) from None
    if not start:
        raise SourceError(f"{path}: is empty", permanent=True)
    if compressed and start != _GZIP_MAGIC:
        raise SourceError(f"{path}: is not gzip data, as its name says", permanent=True)
    if not compressed and start == _GZIP_MAGIC:
        raise SourceError(f"{path}: is gzip data; its name has to end in .gz", permanent=True)
    return status.st_size
