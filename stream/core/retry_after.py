"""The Retry-After header of HTTP, as a wait."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime


def retry_after_s(header: str | None, now_s: float, most_s: float) -> float | None:
    """Return how long a Retry-After header asks to wait, in [0, most_s]; None where it asks for nothing readable.

    >>> retry_after_s("120", 0, 90), retry_after_s("Thu, 01 Jan 1970 00:01:00 GMT", 0, 90), retry_after_s("soon", 0, 90)
    (90, 60.0, None)
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), most_s)
    try:
        at = parsedate_to_datetime(text)
        # Dates of HTTP are in GMT, whatever their zone's name.
        at_s = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, at_s - now_s), most_s)
