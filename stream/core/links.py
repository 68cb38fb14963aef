"""Links from outside: which of them may be shown or sent on."""

from __future__ import annotations

from urllib.parse import urlsplit

from stream.core.documents import MAX_URL_CHARS


def web_link(url: str | None) -> str | None:
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
