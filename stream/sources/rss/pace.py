"""When a feed is polled next, and when its server wants us back. Clock and chance are arguments."""

from __future__ import annotations

from typing import Final

LONGEST_BACKOFF_S: Final = 3_600.0
LONGEST_PAUSE_S: Final = 86_400.0
_JITTER: Final = 0.1
_UPDATE_PERIODS_S: Final = {
    "hourly": 3_600,
    "daily": 86_400,
    "weekly": 604_800,
    "monthly": 2_592_000,
    "yearly": 31_536_000,
}


def after_success_s(interval_s: float, asked_s: float | None, chance: float) -> float:
    """Return the pause after a poll that worked: the longer of ours and the feed's, at most a day, up to 10% more.

    Args:
        interval_s: ours.
        asked_s: what the feed asks for by its ttl or update period; None where it asks for nothing.
        chance: in [0, 1).
    """
    return min(max(interval_s, asked_s or 0.0), LONGEST_PAUSE_S) * (1 + _JITTER * chance)


def after_failure_s(interval_s: float, failures: int, retry_after_s: float | None, chance: float) -> float:
    """Return the pause after the n-th failure in a row: doubled each time up to an hour, then 75% to 100% of it.

    What the server asks for with Retry-After is waited in full, up to a day; so is an interval above an hour.

    Args:
        interval_s: ours.
        failures: 1 for the first.
        retry_after_s: None where the server says nothing.
        chance: in [0, 1).
    """
    grown_s = min(interval_s * 2.0 ** min(failures, 30), LONGEST_BACKOFF_S) * (0.75 + 0.25 * chance)
    return max(grown_s, min(interval_s, LONGEST_PAUSE_S), min(retry_after_s or 0.0, LONGEST_PAUSE_S))


def asked_interval_s(ttl: str | None, period: str | None, frequency: str | None) -> float | None:
    """Return the pause a feed asks for, None where it asks for none or what it says cannot be read.

    Args:
        ttl: minutes, of RSS 2.0.
        period: hourly, daily, weekly, monthly or yearly, of the syndication module.
        frequency: polls in a period; 1 where it is not given.
    """
    minutes = _number(ttl)
    if minutes:
        return minutes * 60.0
    period_s = _UPDATE_PERIODS_S.get((period or "").strip().lower())
    return period_s / (_number(frequency) or 1) if period_s else None


class Repeats:
    """Which of the lines that say the same again and again are said: after 1 minute, then 2, 4 … up to a day."""

    def __init__(self, first_s: float = 60.0) -> None:
        self._first_s = first_s
        self._next: dict[str, tuple[float, float]] = {}

    def due(self, key: str, now_s: float) -> bool:
        """Return whether to say it now."""
        at_s, pause_s = self._next.get(key, (now_s, self._first_s))
        if now_s < at_s:
            return False
        self._next[key] = (now_s + pause_s, min(pause_s * 2, LONGEST_PAUSE_S))
        return True

    def over(self, key: str) -> bool:
        """Return whether it had been said: it is over, and the next time counts as the first."""
        return self._next.pop(key, None) is not None


def _number(text: str | None) -> int | None:
    stripped = (text or "").strip()
    return int(stripped[:9]) if stripped.isascii() and stripped.isdigit() else None
