"""Lines of JSONL and rows of CSV, one at a time, in constant memory, whatever is in them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import msgspec

from stream.codec import MAX_RAW_BYTES, Document
from stream.sources.errors import SourceError

MAX_LINE_BYTES: Final = 8 * 1024 * 1024
_CHUNK_BYTES: Final = 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_FIELDS: Final = frozenset(Document.__struct_fields__)
_SMALL: Final = re.compile(r"^\s*[0-9]{1,9}\s*$")
_NEEDED: Final = ("kind", "source", "text")


@dataclass(frozen=True, slots=True)
class Line:
    """One non-empty line, or one row of a table.

    Attributes:
        number: of its (first) line in the file, from 1.
        raw: one JSON object to be read; where there is a problem, the bytes as they stood, cut.
        problem: why it cannot be read at all, as `field: reason`.
    """

    number: int
    raw: bytes
    problem: str | None = None


def jsonl_lines(stream: BinaryIO) -> Iterator[Line]:
    """Yield every non-empty line."""
    for number, raw, problem in _bounded(stream):
        stripped = raw.strip()
        if stripped or problem:
            yield Line(number, stripped, problem)


def csv_lines(stream: BinaryIO, name: str) -> Iterator[Line]:
    """Yield every non-empty row below a header of the Document's field names, as a JSON object.

    An empty cell is a field that is not there; columns of other names are passed over; tickers in a
    cell are separated by spaces, `;` or `,`.

    Raises:
        SourceError: the header cannot be one; `name` is the file in that message.
    """
    feed = _Feed(stream)
    # Strict, or a quote that is never closed would silently swallow what follows.
    rows = csv.reader(feed, strict=True)
    header = _header(rows, name)
    while True:
        feed.start_row()
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as exc:
            yield Line(feed.first, feed.raw, f"row: cannot be read as CSV: {exc}")
            continue
        if not row and feed.problem is None:
            continue
        problem = feed.problem or _row_problem(row, header)
        yield Line(feed.first, feed.raw, problem) if problem else Line(feed.first, _as_json(row, header))


def _bounded(stream: BinaryIO) -> Iterator[tuple[int, bytes, str | None]]:
    """Yield number, bytes and problem of each line; of one that is too long, its first part."""
    number = 0
    while raw := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if number == 1:
            raw = raw.removeprefix(_BOM)
        if len(raw) <= MAX_LINE_BYTES or raw.endswith(b"\n"):
            yield number, raw, None
            continue
        while (rest := stream.readline(_CHUNK_BYTES)) and not rest.endswith(b"\n"):
            pass
        yield number, raw[:MAX_RAW_BYTES], f"line: is longer than {MAX_LINE_BYTES} bytes"


class _Feed:
    """Hands lines to the CSV reader and remembers those of the row that is being read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._lines = _bounded(stream)
        self._number = 0
        self.start_row()

    def start_row(self) -> None:
        """Forget the lines of the row before."""
        self.first = self._number + 1
        self.raw = b""
        self.problem: str | None = None

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        self._number, raw, problem = next(self._lines)
        self.raw = (self.raw + raw)[:MAX_RAW_BYTES]
        if problem:
            self.problem = problem
            return "\n"
        return raw.decode(errors="surrogateescape")


def _header(rows: Iterator[list[str]], name: str) -> list[str]:
    try:
        header = [cell.strip() for cell in next(rows, [])]
    except csv.Error as exc:
        raise SourceError(f"{name}: the header row cannot be read as CSV: {exc}", permanent=True) from None
    missing = [field for field in _NEEDED if field not in header]
    if missing:
        raise SourceError(
            f"{name}: the header row has no {', '.join(missing)}; expected column names among "
            f"{', '.join(sorted(_FIELDS))}",
            permanent=True,
        )
    repeated = sorted({field for field in header if header.count(field) > 1 and field in _FIELDS})
    if repeated:
        raise SourceError(f"{name}: the header row has {', '.join(repeated)} more than once", permanent=True)
    return header


def _row_problem(row: list[str], header: list[str]) -> str | None:
    if len(row) != len(header):
        return f"row: has {len(row)} cells; the header has {len(header)}"
    for field, cell in zip(header, row, strict=True):
        if not _encodable(cell):
            return f"{field or 'row'}: is not UTF-8"
    return None


def _encodable(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_json(row: list[str], header: list[str]) -> bytes:
    fields: dict[str, str | int | list[str]] = {
        name: cell for name, cell in zip(header, row, strict=True) if name in _FIELDS and cell.strip()
    }
    tickers, schema = fields.get("tickers"), fields.get("schema")
    if isinstance(tickers, str):
        fields["tickers"] = tickers.replace(";", " ").replace(",", " ").split()
    if isinstance(schema, str) and _SMALL.match(schema):
        fields["schema"] = int(schema)
    return msgspec.json.encode(fields)
