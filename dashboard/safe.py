"""Text and links from outside, made harmless: nothing here trusts what it gets."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from stream.core.links import web_link

MAX_TITLE_CHARS: Final = 280
# What a spreadsheet takes for the start of a formula, or skips before one.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Joiners that scripts and emoji need; every other invisible character goes, direction marks first of all.
_KEPT: Final = {"\u200c", "\u200d"}


def plain(text: str, most: int = MAX_TITLE_CHARS) -> str:
    """Return one line of visible text, at most `most` characters; "" where nothing is visible."""
    visible = "".join(
        " " if c.isspace() else c for c in text if c.isspace() or c in _KEPT or unicodedata.category(c)[0] != "C"
    )
    line = " ".join(visible.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def link(url: str | None) -> str | None:
    """Return the URL where it is a plain http(s) one that may be opened; None otherwise."""
    return web_link(url)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return CSV with a byte-order mark, so that spreadsheets read UTF-8; words never start a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_cell(name) for name in header])
    writer.writerows([_cell(value) for value in row] for row in rows)
    return "\ufeff" + out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA):
        return "'" + value
    return "" if value is None else value
