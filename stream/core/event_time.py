"""Event time: when a document counts, and whether it came late. The clock is always an argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
MOST_AHEAD: Final = timedelta(days=1)
LATENESS_HORIZON: Final = timedelta(minutes=60)
WINDOW_S: Final = 60
DAY_S: Final = 86_400


def time_problem(published_at: datetime | None, received_at: datetime, now: datetime) -> str | None:
    """Return why a document's times cannot be used; None if they can. All are aware, `now` is sane."""
    if received_at > now + MOST_AHEAD:
        return f"received_at: {received_at.isoformat()} is more than a day ahead of {now.isoformat()}"
    for name, value in (("published_at", published_at), ("received_at", received_at)):
        if value is not None and value < EARLIEST:
            return f"{name}: {value.isoformat()} is before {EARLIEST.date()}"
    if published_at is not None and published_at > received_at + MOST_AHEAD:
        return f"published_at: {published_at.isoformat()} is more than a day ahead of {received_at.isoformat()}"
    return None


def event_time(published_at: datetime | None, received_at: datetime) -> datetime:
    """Return when a document counts: published, but never after it was received."""
    return received_at if published_at is None else min(published_at, received_at)


def is_late(event: datetime, received_at: datetime) -> bool:
    """Return whether a document came too late for live detection: counted in its window, and marked."""
    return received_at - event >= LATENESS_HORIZON


def window_start_s(instant: datetime, width_s: int = WINDOW_S) -> int:
    """Return the start of the window `[start, start + width_s)` that holds `instant`, unix seconds, UTC.

    >>> window_start_s(datetime(2026, 1, 2, 3, 4, 59, 999_999, tzinfo=UTC))
    1767323040
    """
    # Whole seconds first: datetime.timestamp() is a float and rounds the last microseconds up.
    seconds = int((instant.replace(microsecond=0) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return seconds - seconds % width_s


def day_number(start_s: int) -> int:
    """Return the number of the UTC day since 1970-01-01 that holds this unix second."""
    return start_s // DAY_S
