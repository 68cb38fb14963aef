"""Somebody else's rows as documents: columns renamed, fields filled in, times given a zone."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final
from zoneinfo import ZoneInfo

import msgspec

from stream.codec import MAX_RAW_BYTES, Document
from stream.replay.errors import ReplayError
from stream.sources.lines import MAX_LINE_BYTES, Line

FIELDS: Final = tuple(name for name in Document.__struct_fields__ if name != "schema")
_TIMES: Final = ("published_at", "received_at")
_MILLISECONDS_FROM: Final = 100_000_000_000
_NEEDED: Final = ("kind", "source", "text", "published_at")


@dataclass(frozen=True, slots=True)
class Columns:
    """How rows are read.

    Attributes:
        names: our field -> their column; a field that is not named is read under its own name.
        constants: our field -> its value in every document, where the row has none.
        zone: of times that state none.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    zone: ZoneInfo | None = None

    def __bool__(self) -> bool:
        return bool(self.names or self.constants or self.zone)

    def document(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row's fields under our names, its times with a zone where one is known."""
        found: dict[str, Any] = dict(self.constants)
        for name in FIELDS:
            value = row.get(self.names.get(name, name))
            if value is not None and value != "":
                found[name] = self._time(value) if name in _TIMES else value
        tickers = found.get("tickers")
        if isinstance(tickers, str):
            found["tickers"] = tickers.replace(";", " ").replace(",", " ").split()
        if isinstance(found.get("id"), int):
            found["id"] = str(found["id"])
        return found

    def _time(self, value: Any) -> Any:
        """Return RFC 3339 where the value is understood; anything else as it is, for the decoder to refuse."""
        try:
            if isinstance(value, bool):
                return value
            if isinstance(value, (int, float)) or str(value).strip().isdecimal():
                seconds = float(value)
                seconds = seconds / 1000 if seconds >= _MILLISECONDS_FROM else seconds
                return datetime.fromtimestamp(seconds, UTC).isoformat()
            instant = datetime.fromisoformat(str(value).strip())
        except (ValueError, OverflowError, OSError):
            return value
        if instant.tzinfo is None:
            if self.zone is None:
                return instant.isoformat()
            instant = instant.replace(tzinfo=self.zone)
        return instant.isoformat()


def parse_pairs(option: str, text: str) -> tuple[tuple[str, str], ...]:
    """Return the pairs of `field=word,field=word`.

    >>> parse_pairs("--map", "text=body,published_at=date")
    (('text', 'body'), ('published_at', 'date'))

    Raises:
        ReplayError: a part is no pair, or its field is none of a document's.
    """
    pairs = []
    for part in text.split(","):
        name, equals, word = part.partition("=")
        if not equals or not word.strip():
            raise ReplayError(f"{option} {text}: {part!r} is no pair; expected field=name, such as text=body")
        if name.strip() not in FIELDS:
            raise ReplayError(f"{option} {text}: {name.strip()!r} is no field; expected some of {', '.join(FIELDS)}")
        pairs.append((name.strip(), word.strip()))
    return tuple(pairs)


def mapped(lines: Iterable[Line], columns: Columns) -> Iterator[Line]:
    """Yield JSON lines under our names; what is no JSON object stays as it is, for the decoder to refuse."""
    for line in lines:
        if line.problem is not None:
            yield line
            continue
        try:
            row = msgspec.json.decode(line.raw)
        except (msgspec.DecodeError, ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            yield Line(line.number, msgspec.json.encode(columns.document(row)))
        else:
            yield line


def mapped_csv(stream: BinaryIO, name: str, columns: Columns) -> Iterator[Line]:
    """Yield the rows of a table under our names.

    Raises:
        ReplayError: a column that is named, or that every document needs, is not in the header.
    """
    numbered = _Numbered(stream)
    rows = csv.reader(numbered, strict=True)
    try:
        header = [cell.strip() for cell in next(rows, [])]
    except csv.Error as exc:
        raise ReplayError(f"{name}: the header row cannot be read as CSV: {exc}") from None
    _check(header, name, columns)
    while True:
        first = numbered.number + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as exc:
            yield Line(first, b"", f"row: cannot be read as CSV: {exc}")
            continue
        if not row:
            continue
        if len(row) != len(header):
            raw = ",".join(row).encode(errors="replace")[:MAX_RAW_BYTES]
            yield Line(first, raw, f"row: has {len(row)} cells; the header has {len(header)}")
            continue
        yield _line(first, columns.document(dict(zip(header, row, strict=True))))


def _line(number: int, fields: dict[str, Any]) -> Line:
    try:
        return Line(number, msgspec.json.encode(fields))
    except UnicodeEncodeError:
        return Line(number, b"", "row: is not UTF-8")


def _check(header: list[str], name: str, columns: Columns) -> None:
    missing = [f"{ours}={theirs}" for ours, theirs in columns.names.items() if theirs not in header]
    if missing:
        raise ReplayError(f"{name}: the header has no column for {', '.join(missing)}; it has {', '.join(header)}")
    absent = [
        field for field in _NEEDED if field not in columns.constants and columns.names.get(field, field) not in header
    ]
    if absent:
        raise ReplayError(
            f"{name}: no column is {', '.join(absent)}; the header has {', '.join(header)}: "
            f"name columns with --map {absent[0]}=COLUMN, or one value for all with --set {absent[0]}=VALUE"
        )


class _Numbered:
    """Lines of text, and the number of the last one that was given out."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.number = 0

    def __iter__(self) -> _Numbered:
        return self

    def __next__(self) -> str:
        raw = self._stream.readline(MAX_LINE_BYTES)
        if not raw:
            raise StopIteration
        self.number += 1
        if self.number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        return raw.decode(errors="surrogateescape")
