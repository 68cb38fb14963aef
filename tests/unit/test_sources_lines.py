"""Lines and rows, whatever is in them."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.codec import MAX_RAW_BYTES
from stream.sources.errors import SourceError
from stream.sources.lines import MAX_LINE_BYTES, csv_lines, jsonl_lines

cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


class Endless(io.RawIOBase):
    """Bytes without a line end, of any length, that are never all in memory."""

    def __init__(self, size_bytes: int) -> None:
        self._left = size_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = min(len(buffer), self._left)
        buffer[:count] = b"x" * count
        self._left -= count
        return count


@given(st.lists(st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b" "))))
def test_each_line_that_is_not_blank_comes_once_in_order_with_its_number(rows: list[bytes]) -> None:
    rows = [row.removeprefix(b"\xef\xbb\xbf") for row in rows]
    found = [(line.number, line.raw) for line in jsonl_lines(io.BytesIO(b"\n".join(rows)))]
    assert found == [(number, row.strip()) for number, row in enumerate(rows, 1) if row.strip()]


def test_a_line_that_is_too_long_is_cut_and_the_next_one_is_whole() -> None:
    longest = b"a" * MAX_LINE_BYTES
    found = list(jsonl_lines(io.BytesIO(longest + b"\n" + longest + b"a\n" + b"next")))
    assert [line.problem for line in found] == [None, f"line: is longer than {MAX_LINE_BYTES} bytes", None]
    assert [len(line.raw) for line in found] == [MAX_LINE_BYTES, MAX_RAW_BYTES, 4]
    assert found[2].number == 3


def test_memory_does_not_grow_with_the_length_of_a_line() -> None:
    stream = io.BufferedReader(Endless(20 * MAX_LINE_BYTES))
    tracemalloc.start()
    try:
        (line,) = jsonl_lines(stream)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert line.problem
    assert peak < 4 * MAX_LINE_BYTES


@given(st.lists(st.tuples(cells, cells, cells), max_size=8))
def test_csv_rows_come_back_as_they_were_written(rows: list[tuple[str, str, str]]) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    writer.writerow(["text", "kind", "source"])
    writer.writerows(rows)
    found = [json.loads(line.raw) for line in csv_lines(io.BytesIO(written.getvalue().encode()), "x.csv")]
    names = ("text", "kind", "source")
    assert found == [{name: cell for name, cell in zip(names, row, strict=True) if cell.strip()} for row in rows]


@pytest.mark.parametrize(
    ("rows", "problems"),
    [
        (b"a,news\n", ["row: has 2 cells; the header has 3"]),
        (b"a,news,s,x\nok,news,s\n", ["row: has 4 cells; the header has 3", None]),
        (b'"a"b,news,s\nok,news,s\n', ["row: cannot be read as CSV: ',' expected after '\"'", None]),
        (b'"never closed,news,s\n', ["row: cannot be read as CSV: unexpected end of data"]),
        (b"\xff,news,s\n", ["text: is not UTF-8"]),
        (b"a" * (MAX_LINE_BYTES + 1) + b"\nok,news,s\n", [f"line: is longer than {MAX_LINE_BYTES} bytes", None]),
        (
            b"a" * 200_000 + b",news,s\nok,news,s\n",
            ["row: cannot be read as CSV: field larger than field limit (131072)", None],
        ),
    ],
)
def test_a_row_that_cannot_be_read_is_one_line_with_its_bytes(rows: bytes, problems: list[str | None]) -> None:
    found = list(csv_lines(io.BytesIO(b"text,kind,source\n" + rows), "x.csv"))
    assert [line.problem for line in found] == problems
    assert rows.startswith(found[0].raw)
    assert found[0].raw
    assert found[0].number == 2


def test_a_quote_that_is_never_closed_does_not_swallow_the_whole_file() -> None:
    rows = b'"never closed,news,s\n' + b"ok,news,s\n" * 50_000
    found = list(csv_lines(io.BytesIO(b"text,kind,source\n" + rows), "x.csv"))
    assert found[0].problem
    assert len([line for line in found if line.problem is None]) > 30_000


def test_tickers_in_a_cell_are_separated_by_spaces_semicolons_or_commas() -> None:
    table = b'text,kind,source,tickers,schema\nx,news,s,"AAPL;MSFT, $GME  T",1\n'
    (line,) = csv_lines(io.BytesIO(table), "x.csv")
    assert json.loads(line.raw) == {
        "text": "x",
        "kind": "news",
        "source": "s",
        "tickers": ["AAPL", "MSFT", "$GME", "T"],
        "schema": 1,
    }


def test_a_huge_schema_number_is_left_for_the_reader_to_refuse() -> None:
    (line,) = csv_lines(io.BytesIO(b"text,kind,source,schema\nx,news,s," + b"9" * 5000 + b"\n"), "x.csv")
    assert json.loads(line.raw)["schema"] == "9" * 5000


@pytest.mark.parametrize(
    ("header", "said"),
    [(b"", "has no kind, source, text"), (b"text,kind\n", "has no source"), (b'"text\n', "cannot be read as CSV")],
)
def test_a_header_that_cannot_be_one_stops_the_file(header: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        list(csv_lines(io.BytesIO(header), "x.csv"))
    assert caught.value.permanent
