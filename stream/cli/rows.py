"""Rows of an answer on standard output. What they hold is from outside: nothing in it moves a terminal's cursor."""

from __future__ import annotations

import base64
import csv
import json
import sys
import unicodedata
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stream.archive.queries import Answer

_MOST_CHARS = 200
_WIDTH_OF_A_PIPE = 240


def write_csv(answer: Answer) -> None:
    """Write all rows with a header; lists as JSON, bytes as text where they are text, else in base64."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    for rows in answer.batches:
        writer.writerows([_text(value) for value in row] for row in rows)


def write_jsonl(answer: Answer) -> None:
    """Write one JSON object a line."""
    for rows in answer.batches:
        for row in rows:
            values = {name: _plain(value) for name, value in zip(answer.columns, row, strict=True)}
            sys.stdout.write(json.dumps(values, ensure_ascii=False, default=str) + "\n")


def write_table(answer: Answer, most: int) -> None:
    """Write the first rows for a person."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in answer.columns:
        table.add_column(Text(name), overflow="fold")
    shown, left = 0, False
    for rows in answer.batches:
        for row in rows:
            if shown == most:
                left = True
                break
            table.add_row(*(Text(_text(value)[:_MOST_CHARS]) for value in row))
            shown += 1
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE)
    console.print(table)
    said = f"the first {shown:,} rows; --most shows more" if left else f"{shown:,} row{'s' if shown != 1 else ''}"
    console.print(Text(said, style="dim"))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, datetime | date):
        return value.isoformat().replace("+00:00", "Z")
    return value


def _text(value: Any) -> str:
    value = _plain(value)
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
