"""A feed's bytes become plain fields, in a process of its own: what feeds hold is made by strangers.

feedparser takes seconds for some megabytes and holds the interpreter meanwhile; mark-up made to be slow or large
ends this process, not the one that follows all feeds. Only this file imports feedparser.
"""

from __future__ import annotations

import calendar
import io
import json
import re
import resource
import sys
from contextlib import suppress
from typing import Any, Final

import feedparser

from stream.core.documents import MAX_TEXT_CHARS
from stream.sources.rss.html_text import html_text, tidy

MAX_ENTRIES: Final = 5_000
_FIELD_CHARS: Final = 4_000
_HTML: Final = re.compile(
    rb"^\s*(?:\xef\xbb\xbf)?\s*(?:<!--.{0,500}?-->\s*)*<(?:!doctype\s+html|html)\b", re.I | re.DOTALL
)
_DECLARED: Final = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.-]{1,40})["']""")
_REFERENCE: Final = re.compile(rb"&#(?:[xX]([0-9a-fA-F]{1,40})|([0-9]{1,40}));?")
_PAIRED: Final = 0.9
# With which feedparser reads what is none of the charsets it was told.
_GUESSES: Final = ("windows-1252", "iso-8859-2")
_LINE: Final = re.compile(r"^<unknown>:(\d+):\d+: ")
# What feedparser remarks on, and then reads all the same.
_HARMLESS: Final = ("NonXMLContentType", "CharacterEncodingOverride")


def read_feed(body: bytes, content_type: str, base: str) -> dict[str, Any]:
    """Return a feed's fields as `stream.sources.rss.parsing.Parsed` has them.

    Args:
        body: RSS or Atom, or anything.
        content_type: as the server says it; may be empty.
        base: URL against which relative links and guids stand.
    """
    charset = _charset(body)
    headers = {
        "content-type": f"application/xml; charset={charset}" if charset else content_type or "application/xml",
        "content-location": base,
    }
    try:
        found = _parsed(body, headers)
    except (ValueError, OverflowError):
        # feedparser gives up a whole feed for one reference to a character that there is not.
        found = _parsed(_REFERENCE.sub(_existing, body), headers)
    head, entries = found.feed, found.entries
    return {
        "feed": bool(found.version) or bool(entries),
        "html": bool(_HTML.match(body[:4096])),
        "problem": _problem(found, body) if found.bozo else None,
        "grows": bool(found.bozo) and "amplification factor" in str(found.get("bozo_exception")),
        "guessed_charset": None if charset else _misread(found),
        "title": _text(head.get("title_detail"), _FIELD_CHARS),
        "ttl": _string(head.get("ttl")),
        "period": _string(head.get("sy_updateperiod")),
        "frequency": _string(head.get("sy_updatefrequency")),
        "total": len(entries),
        "entries": [_entry(entry) for entry in entries[:MAX_ENTRIES]],
    }


def _parsed(body: bytes, headers: dict[str, str]) -> Any:
    # BytesIO: given bytes or text, feedparser would open the file or URL of that name.
    return feedparser.parse(
        io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )


def _existing(reference: re.Match[bytes]) -> bytes:
    hexadecimal, decimal = reference[1], reference[2]
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    exists = 0 < code < 0xD800 or 0xDFFF < code <= sys.maxunicode
    return reference[0] if exists else b"&#xFFFD;"


def _charset(body: bytes) -> str | None:
    """Return the charset that the bytes themselves tell; None where they tell none."""
    # Servers name wrong charsets, and XML's rules believe them; text that is UTF-8 by chance does not exist.
    with suppress(UnicodeDecodeError):
        body.decode("utf-8")
        return "utf-8"
    declared = _DECLARED.match(body)
    if declared and declared[1].lower() not in (b"utf-8", b"utf8"):
        return None
    # Chinese text that calls itself UTF-8: its bytes come in pairs, an accented letter's stand alone.
    high = sum(len(run) for run in re.findall(rb"[\x80-\xff]+", body))
    paired = sum(len(run) for run in re.findall(rb"[\x80-\xff]{2,}", body))
    with suppress(UnicodeDecodeError):
        body.decode("gb18030")
        return "gb18030" if paired >= _PAIRED * high else None
    return None


def _problem(found: Any, body: bytes) -> str | None:
    cause = found.get("bozo_exception")
    if type(cause).__name__ in _HARMLESS:
        return None
    said = str(cause)
    line = _LINE.match(said)
    if not line:
        return said or type(cause).__name__
    # feedparser puts a line of its own before a body without a declaration.
    number = int(line[1]) - (not body.lstrip(b"\xef\xbb\xbf").startswith(b"<?xml"))
    return f"line {number}: {said[line.end() :]}"


def _misread(found: Any) -> str | None:
    guessed = type(found.get("bozo_exception")).__name__ == "CharacterEncodingOverride" and found.encoding in _GUESSES
    return str(found.encoding) if guessed else None


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    bodies = [*(dict.get(entry, "content") or []), dict.get(entry, "summary_detail")]
    return {
        "guid": _string(dict.get(entry, "id")),
        "link": _string(dict.get(entry, "link")),
        "title": _text(dict.get(entry, "title_detail"), _FIELD_CHARS),
        "text": next((text for body in bodies if (text := _text(body, MAX_TEXT_CHARS))), ""),
        "author": _string(dict.get(entry, "author")),
        "published_s": _published_s(entry),
    }


def _published_s(entry: dict[str, Any]) -> int | None:
    # Not the dictionary's own lookup, which answers with another date and a warning.
    for name in ("published_parsed", "updated_parsed", "created_parsed"):
        parsed = dict.get(entry, name)
        if parsed:
            with suppress(ValueError, OverflowError, TypeError):
                return calendar.timegm(parsed)
    return None


def _text(detail: Any, most: int) -> str:
    value = str((detail or {}).get("value") or "")
    kind = str((detail or {}).get("type") or "text/html")
    if kind not in ("text/plain", "text/html", "application/xhtml+xml"):
        return ""
    return (tidy(value[: most * 2]) if kind == "text/plain" else html_text(value))[:most]


def _string(value: Any) -> str:
    return tidy(str(value or "")[:_FIELD_CHARS]).replace("\n", " ")


def main() -> None:
    """Read a line of JSON (`content_type`, `base`, `size`, `memory_bytes`, `cpu_s`) and a body, write JSON."""
    head = json.loads(sys.stdin.buffer.readline())
    for limit, most in ((resource.RLIMIT_AS, head["memory_bytes"]), (resource.RLIMIT_CPU, head["cpu_s"])):
        with suppress(ValueError, OSError):  # some systems know the limit and do not take it
            resource.setrlimit(limit, (most, most))
    body = sys.stdin.buffer.read()
    # A parent that was killed leaves half a body behind.
    if len(body) != head["size"]:
        sys.exit(1)
    found = read_feed(body, head["content_type"], head["base"])
    sys.stdout.buffer.write(json.dumps(found, ensure_ascii=False).encode())


if __name__ == "__main__":
    main()
