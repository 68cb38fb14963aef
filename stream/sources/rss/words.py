"""Outside words on their way into a log line or a name, and URLs without what may be secret in them."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

LINE_CHARS: Final = 200


def plain(text: str, most: int = LINE_CHARS) -> str:
    """Return the text in one line of printable characters, runs of blanks as one, at most so many characters.

    >>> plain("a\\n\\x1b[31mb")
    'a [31mb'
    """
    # Longer than is asked for: blanks go, and marks that change the direction of writing.
    head = text[: most * 4]
    return " ".join("".join(c if c.isprintable() else " " for c in head).split())[:most].rstrip()


def place(url: str) -> str:
    """Return a URL for people: without user, password, options and fragment.

    >>> place("https://me:pw@news.example:8443/feed?key=secret")
    'https://news.example:8443/feed'
    """
    parts = urlsplit(url)
    return plain(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")
