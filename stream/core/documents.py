"""What a document may be: limits, identity, language, and the words that get read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

KINDS: Final = ("news", "comment")
MAX_TEXT_CHARS: Final = 100_000
MAX_TITLE_CHARS: Final = 2_000
MAX_NAME_CHARS: Final = 200  # id, source, author
MAX_URL_CHARS: Final = 2_048
MAX_TICKERS: Final = 50
MAX_TICKER_CHARS: Final = 24
# Longer than any input of the model; what lies beyond is stored, not read.
READ_CHARS: Final = 2_000

_CJK = re.compile(r"[㐀-䶿一-鿿豈-﫿]")
_LETTER = re.compile(r"[^\W\d_]")
_LANG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}")
_WEB = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)
_TICKER = re.compile(r"\$?[\w.^=:/-]+")


def problem(
    *,
    kind: str,
    source: str,
    text: str,
    id: str | None = None,
    title: str | None = None,
    url: str | None = None,
    author: str | None = None,
    lang: str | None = None,
    tickers: Sequence[str] = (),
) -> str | None:
    """Return why these fields cannot be a document, naming the field and what it takes; None if they can."""
    if kind not in KINDS:
        return f"kind: {kind[:40]!r} is not one of {', '.join(KINDS)}"
    if not text.strip():
        return "text: is empty"
    texts: tuple[tuple[str, str | None, int], ...] = (
        ("id", id, MAX_NAME_CHARS),
        ("source", source, MAX_NAME_CHARS),
        ("text", text, MAX_TEXT_CHARS),
        ("title", title, MAX_TITLE_CHARS),
        ("url", url, MAX_URL_CHARS),
        ("author", author, MAX_NAME_CHARS),
    )
    for name, value, most in texts:
        if value is None:
            continue
        if len(value) > most:
            return f"{name}: has {len(value)} characters; at most {most}"
        if "\x00" in value:
            return f"{name}: has a zero byte at character {value.index(chr(0))}"
    if not source.strip():
        return "source: is empty"
    if id is not None and not id.strip():
        return "id: is empty; leave it out to have one made"
    if url is not None and not _WEB.match(url):
        return "url: expected http://… or https://… with a host; leave it out where there is none"
    if lang is not None and not _LANG.fullmatch(lang):
        return f"lang: {lang[:40]!r} is not a language tag such as en or zh-CN"
    return _ticker_problem(tickers)


def _ticker_problem(tickers: Sequence[str]) -> str | None:
    if len(tickers) > MAX_TICKERS:
        return f"tickers: has {len(tickers)} entries; at most {MAX_TICKERS}"
    for ticker in tickers:
        if len(ticker) > MAX_TICKER_CHARS or not _TICKER.fullmatch(ticker):
            return f"tickers: {ticker[:40]!r} is not a ticker (up to {MAX_TICKER_CHARS} letters, digits, . - ^ = : /)"
    return None


def document_id(
    *,
    source: str,
    url: str | None = None,
    author: str | None = None,
    published_at: datetime | None = None,
    text: str,
) -> str:
    """Return the 128-bit id (32 hexadecimal digits) of a document that came without one.

    With a URL the document is (source, URL); without, (source, author, published_at, text).
    """
    parts: tuple[str, ...]
    if url:
        parts = ("url", source, url)
    else:
        parts = ("text", source, author or "", published_at.isoformat() if published_at else "", text)
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def id_hash(document: str) -> int:
    """Return the signed 64-bit hash under which a document's id is remembered."""
    return int.from_bytes(hashlib.blake2b(document.encode(), digest_size=8).digest(), "big", signed=True)


def language(text: str, given: str | None = None) -> str:
    """Return the language given, without its region; else `zh` where Chinese characters carry the text, else `en`."""
    if given:
        return given.split("-", 1)[0].lower()
    head = text[:READ_CHARS]
    chinese = len(_CJK.findall(head))
    # A Chinese character carries about as much as three Latin letters.
    return "zh" if chinese and chinese * 3 >= len(_LETTER.findall(head)) - chinese else "en"


def reading_text(title: str | None, text: str) -> str:
    """Return what the model reads: title, then text, without a title that the text repeats."""
    body = text[:READ_CHARS].strip()
    head = (title or "").strip()
    if not head or body.casefold().startswith(head.casefold()):
        return body
    return f"{head}{'' if head[-1] in '.!?。！？' else '.'} {body}"[:READ_CHARS]
