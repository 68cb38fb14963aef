"""A file of counts as it is read: rows of `series, window_start, negative, total`, checked one after the other."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, pairwise
from typing import Final

NEEDED: Final = ("series", "window_start", "negative", "total")
OPTIONAL: Final = ("authors", "sources")
DAY_S: Final = 86_400
MOST: Final = 1_000_000_000
# The width is found in so many rows, or more until they have two starts.
HEAD_ROWS: Final = 10_000
# A difference between starts that is rarer than this among them is a gap, or a mistake.
COMMON: Final = 0.05

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_NUMBER = re.compile(r"-?\d+(\.0*)?", re.ASCII)
_WIDTH = re.compile(r"([1-9]\d{0,5})([smhd])", re.ASCII)
_UNITS_S: Final = {"d": DAY_S, "h": 3_600, "m": 60, "s": 1}


class CountsError(ValueError):
    """A file of counts that cannot be judged; the message names it, the line, and what is expected there."""

    permanent = True


@dataclass(frozen=True, slots=True)
class Row:
    """One series in one window.

    Attributes:
        start_s: unix seconds, UTC.
        authors, sources: distinct ones of the negative stories; None where that is not given.
    """

    line: int
    series: str
    start_s: int
    negative: int
    total: int
    authors: int | None = None
    sources: int | None = None


def rows_of(lines: Iterable[str], name: str) -> Iterator[Row]:
    """Yield the rows of a file with a header, in any order of columns; further columns and empty lines are ignored.

    Args:
        lines: with their ends, as the csv module wants them.
        name: of the file, for messages.

    Raises:
        CountsError: at the first row that is not as expected, or not in order of time.
    """
    reader = csv.reader(lines)
    place = name
    try:
        header = next((row for row in reader if row), None)
        place = f"{name}:{reader.line_num}"
        if header is None:
            raise CountsError(f"{name}: is empty; expected a header with {', '.join(NEEDED)}")
        columns = _columns([column.strip() for column in header], place)
        start_s, text, seen = None, "", set[str]()
        for row in reader:
            if not row:
                continue
            place = f"{name}:{reader.line_num}"
            if len(row) != len(header):
                raise CountsError(f"{place}: has {len(row)} fields; the header has {len(header)}")
            said = row[columns["window_start"]]
            if said != text:
                at_s = _instant(said, place)
                if start_s is not None and at_s < start_s:
                    raise CountsError(f"{place}: window_start {said} is before {text}; expected rows in order of time")
                if at_s != start_s:
                    seen = set()
                start_s, text = at_s, said
            found = _row(row, columns, start_s or 0, reader.line_num, place)
            if found.series in seen:
                raise CountsError(f"{place}: a second row of {found.series!r} for {said}; expected one")
            seen.add(found.series)
            yield found
    except csv.Error as exc:
        raise CountsError(f"{name}:{reader.line_num}: is no CSV: {exc}") from None
    except UnicodeDecodeError:
        raise CountsError(f"{place}: what follows is not UTF-8") from None
    if start_s is None:
        raise CountsError(f"{name}: has a header and no rows")


def _columns(header: Sequence[str], place: str) -> dict[str, int]:
    for column in NEEDED:
        if column not in header:
            raise CountsError(f"{place}: has no column {column!r}; expected {', '.join(NEEDED)}")
    columns = {column: header.index(column) for column in (*NEEDED, *OPTIONAL) if column in header}
    for column in columns:
        if header.count(column) > 1:
            raise CountsError(f"{place}: has two columns {column!r}")
    return columns


def _row(row: Sequence[str], columns: dict[str, int], start_s: int, line: int, place: str) -> Row:
    series = row[columns["series"]]
    if not series.strip():
        raise CountsError(f"{place}: has no series")
    negative = _number(row[columns["negative"]], "negative", place)
    total = _number(row[columns["total"]], "total", place)
    if negative > total:
        raise CountsError(f"{place}: negative {negative} is more than total {total}")
    beside = [
        _number(row[columns[column]], column, place) if column in columns and row[columns[column]].strip() else None
        for column in OPTIONAL
    ]
    return Row(line, series, start_s, negative, total, *beside)


def _number(text: str, column: str, place: str) -> int:
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        raise CountsError(f"{place}: {column} is {_shown(text)}; expected a whole number")
    number = float(stripped)
    if number < 0:
        raise CountsError(f"{place}: {column} is {stripped}; expected 0 or more")
    if number > MOST:
        raise CountsError(f"{place}: {column} is {_shown(stripped)}; expected at most {MOST:,}")
    return int(number)


def _instant(text: str, place: str) -> int:
    expected = f"{place}: window_start is {_shown(text)}; expected RFC 3339 such as 2026-01-02T03:05:00Z"
    stripped = text.strip()
    if not _RFC_3339.fullmatch(stripped):
        raise CountsError(expected)
    try:
        instant = datetime.fromisoformat(stripped.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CountsError(expected) from None
    if instant.microsecond:
        raise CountsError(f"{place}: window_start {stripped} is not on a whole second")
    return int(instant.timestamp())


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def width_of(text: str) -> int:
    """Return the seconds of a width such as 1m, 5m, 1h or 1d.

    >>> width_of("5m")
    300

    Raises:
        ValueError: it is none.
    """
    found = _WIDTH.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no width; expected a number and s, m, h or d, such as 1m, 5m, 1h")
    return int(found[1]) * _UNITS_S[found[2]]


def shown_width(width_s: int) -> str:
    """Return a width in its largest whole unit.

    >>> shown_width(5400)
    '90m'
    """
    unit = next(unit for unit, seconds in _UNITS_S.items() if width_s % seconds == 0)
    return f"{width_s // _UNITS_S[unit]}{unit}"


def inferred_width(starts: Sequence[int]) -> int | None:
    """Return the width of windows that start then; None for less than two starts.

    Rows may be absent, so that a difference between two starts may be several widths: taken is the greatest common
    divisor of the differences, of those that are common alone where some are; else a single odd start decided.

    Args:
        starts: distinct, in order of time.
    """
    differences = Counter(later - earlier for earlier, later in pairwise(starts))
    if not differences:
        return None
    least = COMMON * differences.total()
    common = [difference for difference, times in differences.items() if times >= least]
    return math.gcd(*(common or differences))


def with_width(rows: Iterator[Row], name: str, width_s: int | None) -> tuple[int, Iterator[Row]]:
    """Return the width of the windows, as given or found in the first rows, and all rows.

    Raises:
        CountsError: there is a single start: nothing tells the width. While the rows are taken: a window does not
            start on its width.
    """
    head: list[Row] = []
    given = width_s is not None
    if width_s is None:
        starts: list[int] = []
        for row in rows:
            head.append(row)
            if not starts or row.start_s != starts[-1]:
                starts.append(row.start_s)
            if len(head) >= HEAD_ROWS and len(starts) > 1:
                break
        width_s = inferred_width(starts)
        if width_s is None:
            raise CountsError(f"{name}: has one window_start alone, which tells no width; say --window 5m")
    return width_s, _on_width(chain(head, rows), name, width_s, given)


def _on_width(rows: Iterator[Row], name: str, width_s: int, given: bool) -> Iterator[Row]:
    for row in rows:
        if row.start_s % width_s:
            start = datetime.fromtimestamp(row.start_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            shown = shown_width(width_s)
            why = "" if given else f"; {shown} is what most starts are apart, --window sets another width"
            raise CountsError(f"{name}:{row.line}: window_start {start} is no start of a window of {shown}{why}")
        yield row
