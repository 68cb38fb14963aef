"""Text and links from outside, made harmless: nothing here trusts what it gets."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

MAX_TITLE_CHARS: Final = 280
MAX_URL_CHARS: Final = 2_048
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
    if not url or len(url) > MAX_URL_CHARS or any(c.isspace() or not c.isprintable() or c == "\\" for c in url):
        return None
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    # A name before the host dresses one site up as another.
    return url if parts.scheme in ("http", "https") and named and "@" not in parts.netloc else None


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
