"""Which documents of a file are sent, and when. The clock is always an argument."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from stream.core.documents import MAX_NAME_CHARS

_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_SPEED = re.compile(r"^(\d+(?:\.\d+)?)x$")


@dataclass(frozen=True, slots=True)
class Span:
    """`[start, end)` in published time, aware; None leaves a side open."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, instant: datetime) -> bool:
        """Return whether the instant lies within."""
        return (self.start is None or instant >= self.start) and (self.end is None or instant < self.end)


def parse_instant(text: str) -> datetime:
    """Return the instant in RFC 3339, or midnight UTC of a date.

    Raises:
        ValueError: it is neither, or has no time zone.
    """
    expected = f"{text!r} is no instant: expected 2018-02-05, or 2018-02-05T14:30:00Z with its time zone"
    try:
        if _DATE.match(text):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(expected) from None
    if instant.tzinfo is None:
        raise ValueError(expected)
    return instant.astimezone(UTC)


def parse_speed(text: str) -> float | None:
    """Return how many seconds of published time pass in one; None for `max`.

    >>> parse_speed("60x")
    60.0

    Raises:
        ValueError: it is neither `max` nor a number above zero with an `x`.
    """
    if text == "max":
        return None
    found = _SPEED.match(text)
    if not found or float(found[1]) <= 0:
        raise ValueError(f"{text!r} is no speed: expected max, or a number above zero and x, such as 60x or 0.5x")
    return float(found[1])


class Pace:
    """When each document is due, in seconds after the first, so that published time passes `speed` times as fast.

    A document published before one that went out already is due at once, and so is one without a time.
    """

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._first: datetime | None = None
        self._due_s = 0.0

    def due_s(self, published_at: datetime | None) -> float:
        """Return when a document is due; never earlier than those before it, always 0 at `max`."""
        if self._speed is None or published_at is None:
            return self._due_s
        if self._first is None:
            self._first = published_at
        self._due_s = max(self._due_s, (published_at - self._first).total_seconds() / self._speed)
        return self._due_s


def redated_id(document: str, run: str) -> str:
    """Return the id under which a re-dated document of one run goes out.

    It is `{id}@{run}`, so that a document counts once a run, in each run again. Where that
    would be too long for an id, a hash stands for the document's own.

    >>> redated_id("7ncihc", "20260102T030405.678901Z")
    '7ncihc@20260102T030405.678901Z'
    """
    marked = f"{document}@{run}"
    if len(marked) <= MAX_NAME_CHARS:
        return marked
    return f"{hashlib.blake2b(document.encode(), digest_size=16).hexdigest()}@{run}"


def run_mark(started: datetime) -> str:
    """Return a run's mark: its start, UTC, to the microsecond."""
    return started.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
