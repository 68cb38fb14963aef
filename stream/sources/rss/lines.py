"""What is said of one feed: a line for each event that matters, with the feed's name; what lasts, ever more rarely."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from stream.sources.rss.entries import Harvest
from stream.sources.rss.pace import Repeats
from stream.sources.rss.parsing import Parsed
from stream.sources.rss.words import plain

NAMED: Final = 3
_NAME_CHARS: Final = 60

logger = logging.getLogger(__name__)


class FeedLines:
    """Writes one feed's lines."""

    def __init__(self, name: str) -> None:
        self._repeats = Repeats()
        self.rename(name)

    def rename(self, name: str) -> None:
        """Use this name from now on."""
        # It stands in the template: a filter that cuts floods of one template then tells feeds apart.
        self._name = plain(name, _NAME_CHARS).replace("%", "%%")

    def polled(self, new: int, total: int, seconds: float) -> None:
        """Say what a poll brought."""
        logger.info(f"{self._name}: %s new of %s in %.1f s", f"{new:,}", f"{total:,}", seconds)

    def unchanged(self, seconds: float) -> None:
        """Say that a poll found what was there before."""
        logger.info(f"{self._name}: not modified in %.1f s", seconds)

    def failed(self, why: str, failures: int, next_s: float | None) -> None:
        """Say why a poll failed and when the next one is, unix seconds; None where there is none."""
        when = "" if next_s is None else f"; next try at {clock_time(next_s)}"
        logger.warning(f"{self._name}: %s (failure %d in a row)%s", why, failures, when)

    def works_again(self, failures: int) -> None:
        """Say that a feed that failed works."""
        logger.info(f"{self._name}: works again after %d failures", failures)

    def moved(self, to: str) -> None:
        """Say where a feed is asked from now on."""
        logger.info(f"{self._name}: has moved for good to %s; asked there from now on", to)

    def forgot_move(self, to: str) -> None:
        """Say that a place a feed had moved to does not answer."""
        logger.warning(f"{self._name}: %s, where it had moved, does not answer; back to its first URL", to)

    def asked(self, pause_s: float) -> None:
        """Say that a feed asks to be polled less often."""
        logger.info(f"{self._name}: asks to be polled every %s s at most; it is", f"{pause_s:,.0f}")

    def stayed_away(self, until_s: float) -> None:
        """Say that a feed was not polled because its server asked for it."""
        logger.warning(f"{self._name}: not polled: its server asked to stay away until %s", clock_time(until_s))

    def defect(self, exc: Exception) -> None:
        """Say that something went wrong that is not the feed's doing."""
        logger.error(
            f"{self._name}: a defect of this program: %s: %s",
            type(exc).__name__,
            plain(str(exc)),
            exc_info=logger.isEnabledFor(logging.DEBUG),
        )

    def found(self, parsed: Parsed, found: Harvest) -> None:
        """Say what is wrong with a feed that could be read."""
        notices = {
            "beyond": found.beyond and f"{_count(found.beyond)} after the first {len(parsed.entries):,} not read",
            "malformed": parsed.problem
            and f"malformed ({plain(parsed.problem, 120)}); {_count(len(parsed.entries))} could be read",
            "without_text": found.without_text
            and f"{_count(len(found.without_text))} without any text, not sent: {_some(found.without_text)}",
            "repeated": found.repeated and f"{_count(found.repeated)} with a guid that stands there twice, not sent",
            "refused": found.refused and f"{_count(len(found.refused))} not sent: {_some(found.refused)}",
            "ahead": found.ahead
            and f"{_count(len(found.ahead))} dated more than a day ahead, sent without a published time: "
            f"{_some(found.ahead)}",
            "charset": parsed.guessed_charset
            and f"its charset is not what it says; read as {parsed.guessed_charset}, which is a guess",
            "damaged": found.damaged
            and f"{_count(found.damaged)} with characters that cannot be read: the charset is not what it says",
        }
        for key, text in notices.items():
            self._lasting(key, text or "")

    def _lasting(self, key: str, text: str) -> None:
        if not text:
            self._repeats.over(key)
        elif self._repeats.due(key, time.monotonic()):
            logger.warning(f"{self._name}: %s", text)


def clock_time(unix_s: float) -> str:
    """Return a moment for a line, UTC.

    >>> clock_time(0)
    '1970-01-01 00:00:00 UTC'
    """
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _count(entries: int) -> str:
    return f"{entries:,} {'entry' if entries == 1 else 'entries'}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(plain(name, 80) for name in names[:NAMED]) + (", …" if len(names) > NAMED else "")
