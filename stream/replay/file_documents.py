"""Documents of files: read, checked as everywhere, and dated by what they say of themselves."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from stream.agents.inbox import Readable
from stream.codec import BadRecord, Document, Origin, decode_document
from stream.core.documents import language, reading_text
from stream.core.event_time import event_time
from stream.replay.errors import ReplayError
from stream.replay.mapping import Columns, mapped, mapped_csv
from stream.sources.files import STDIN, SourceFile
from stream.sources.incoming import read_incoming
from stream.sources.lines import Line

# A file says when its documents were published; whoever reads it later says nothing about them.
_FAR: Final = datetime(9999, 1, 1, tzinfo=UTC)
TOPIC: Final = "files"


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that is no document; `where` is `file:line`, without the folder."""

    where: str
    reason: str


class Files:
    """Several files, one after the other. SourceError, ReplayError."""

    def __init__(self, paths: tuple[str, ...], columns: Columns, key: bytes) -> None:
        self._columns = columns
        self._key = key
        self._files = [(Path(path).name, SourceFile(path), path) for path in paths if path != STDIN]
        if len(self._files) < len(paths):
            raise ReplayError("a replay reads its files again after a crash: expected files, not standard input")
        self.size_bytes = sum(file.size_bytes or 0 for _, file, _ in self._files)
        self.read_bytes = 0

    def documents(self) -> Iterator[Readable | Bad]:
        """Yield what each line holds, in the order of the files."""
        number = 0
        for name, file, path in self._files:
            before = self.read_bytes
            with file:
                for line in self._lines(file, name, path):
                    yield self._read(line, f"{name}:{line.number}", number)
                    number += 1
                    self.read_bytes = before + file.position_bytes()

    def _lines(self, file: SourceFile, name: str, path: str) -> Iterator[Line]:
        if ".csv" not in name:
            lines = file.lines()
            return mapped(lines, self._columns) if self._columns else lines
        return _csv(path, name, self._columns)

    def _read(self, line: Line, where: str, number: int) -> Readable | Bad:
        if line.problem is not None:
            return Bad(where, line.problem)
        try:
            document = self._document(line.raw)
        except BadRecord as exc:
            return Bad(where, str(exc))
        text = reading_text(document.title, document.text)
        lang = language(text, document.lang)
        return Readable(document, Origin(TOPIC, 0, number), line.raw, text, lang)

    def _document(self, raw: bytes) -> Document:
        document = decode_document(raw, received_at=_FAR)
        if document.published_at is None and document.received_at == _FAR:
            raise BadRecord("published_at: is missing; a replay of a file needs to know when")
        when = event_time(document.published_at, document.received_at)
        if document.author is not None:
            document = read_incoming(raw, received_at=_FAR, key=self._key)
        return msgspec.structs.replace(document, received_at=when)


def _csv(path: str, name: str, columns: Columns) -> Iterator[Line]:
    with ExitStack() as closing:
        stream = cast("BinaryIO", closing.enter_context(Path(path).open("rb")))
        if name.endswith(".gz"):
            stream = cast("BinaryIO", closing.enter_context(gzip.GzipFile(fileobj=stream)))
        number = 0
        try:
            for line in mapped_csv(stream, name, columns):
                number = line.number
                yield line
        except (OSError, EOFError, zlib.error) as exc:
            raise ReplayError(f"{name}: cannot be read beyond line {number}: {exc}") from None
