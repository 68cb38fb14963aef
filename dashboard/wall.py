"""Wall time: what a clock in a zone shows, and which instant that is. An hour that comes twice is told apart."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def wall(at_s: float, zone: tzinfo) -> datetime:
    """Return the naive time that a clock shows at this instant; `fold` is 1 in the second of two equal hours."""
    return datetime.fromtimestamp(at_s, UTC).astimezone(zone).replace(tzinfo=None)


def comes_twice(shown: datetime, zone: tzinfo) -> bool:
    """Return whether clocks that are put back show this naive time a second time."""
    first, second = (shown.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    # Where an hour is left out the second offset is the larger one.
    return first is not None and second is not None and first > second


def instant_s(shown: datetime, zone: tzinfo) -> int:
    """Return the instant, unix seconds, at which clocks show this naive time, for the time that its `fold` names.

    A time that is left out when clocks are put forward is read as if they had not been yet.
    """
    return int(shown.replace(tzinfo=zone).timestamp())


def offset_name(at: datetime) -> str:
    """Return the offset of an aware time: `UTC`, `UTC+1`, `UTC-3:30`."""
    offset = at.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    return "UTC" if not minutes else f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")
