"""Numbers and times as a reader of one language, in one time zone, expects them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_datetime
from babel.numbers import format_decimal, format_percent

from dashboard.i18n import BABEL, Words
from dashboard.wall import comes_twice, offset_name
from stream.core.event_time import DAY_S

MINUTE_S: Final = 60
HOUR_S: Final = 3_600
NONE: Final = "–"


@dataclass(frozen=True, slots=True)
class Formats:
    """How to write values for one reader. Unix seconds come in, text goes out."""

    words: Words
    zone: tzinfo

    @property
    def _locale(self) -> str:
        return BABEL[self.words.lang]

    def local(self, at_s: float) -> datetime:
        """Return the instant in the reader's zone."""
        return datetime.fromtimestamp(at_s, UTC).astimezone(self.zone)

    def steady(self, at_s: float) -> Formats:
        """Return the same formats at the offset in force at this instant, whatever the time.

        An axis needs it: wall time runs through one hour twice when clocks are put back.
        """
        offset = self.local(at_s).utcoffset()
        return self if offset is None else replace(self, zone=timezone(offset))

    def clocks_change(self, start_s: int, end_s: int) -> bool:
        """Return whether clocks are put back or forward in this time."""
        return len({self.local(at_s).utcoffset() for at_s in (*range(start_s, end_s, DAY_S), end_s)}) > 1

    def plot_time(self, at_s: float) -> str:
        """Return the local time as Plotly reads it; its axes know no zones, so these formats have to be `steady`."""
        return self.local(at_s).strftime("%Y-%m-%dT%H:%M:%S")

    def stamp(self, at_s: float) -> str:
        """Return the local time with its offset: `2026-10-25T02:30:00+01:00`."""
        return self.local(at_s).isoformat(timespec="seconds")

    def clock(self, at_s: float) -> str:
        """Return `14:03:22`."""
        return self.local(at_s).strftime("%H:%M:%S")

    def moment(self, at_s: float) -> str:
        """Return date and second: `5 Feb 2018, 14:03:22`; with the offset in an hour that comes twice."""
        which = _which(self.local(at_s))
        return f"{self.instant(at_s).removesuffix(which)}{self.clock(at_s)[5:]}{which}"

    def instant(self, at_s: float) -> str:
        """Return date and minute: `5 Feb 2018, 14:03`; with the offset in an hour that comes twice."""
        return _date(int(at_s // MINUTE_S), self.zone, self.words.lang)

    def short(self, at_s: float, now_s: float) -> str:
        """Return the time of day, with the date where it is another day, with the year where it is another year."""
        then, now = self.local(at_s), self.local(now_s)
        if then.date() == now.date():
            return then.strftime("%H:%M:%S")
        return then.strftime("%m-%d %H:%M" if then.year == now.year else "%Y-%m-%d %H:%M")

    def span(self, start_s: float, end_s: float) -> str:
        """Return `14:00–14:05`, with the dates where the days differ."""
        start, end = self.local(start_s), self.local(end_s)
        if start.date() == end.date():
            return f"{self.instant(start_s)}–{end.strftime('%H:%M')}{_which(end)}"
        return f"{self.instant(start_s)} – {self.instant(end_s)}"

    def exact_span(self, start_s: float, end_s: float) -> str:
        """Return `14:00–14:05`, with seconds where an edge does not lie on a minute: `14:00:00–14:00:35`."""
        if start_s % MINUTE_S == 0 == end_s % MINUTE_S:
            return self.span(start_s, end_s)
        same_day = self.local(start_s).date() == self.local(end_s).date()
        return f"{self.moment(start_s)}–{self.clock(end_s) if same_day else self.moment(end_s)}"

    def zone_name(self, at_s: float) -> str:
        """Return the zone's name and offset: `Europe/Berlin (UTC+1)`."""
        text = self.offset(at_s)
        name = str(self.zone)
        return text if name in ("UTC", "Etc/UTC") else f"{name} ({text})"

    def offset(self, at_s: float) -> str:
        """Return the zone's offset at this instant: `UTC+1`."""
        return offset_name(self.local(at_s))

    def whole(self, value: float) -> str:
        """Return an integer with the language's grouping."""
        return _decimal(round(value), "#,##0", self._locale)

    def rate(self, value: float) -> str:
        """Return a rate: whole from 100 on, one decimal from 1 on, two below."""
        pattern = "#,##0" if value >= 100 else "0.0" if value >= 1 or value == 0 else "0.00"
        return _decimal(round(value, 2), pattern, self._locale)

    def upto(self, value: float, digits: int) -> str:
        """Return a number with at most so many decimals."""
        return _decimal(round(value, digits), "#,##0." + "#" * digits, self._locale)

    def about(self, value: float) -> str:
        """Return an expectation: whole from 10 on, else with one decimal."""
        return self.whole(value) if value >= 10 else self.upto(value, 1)

    def signed(self, value: float | None, digits: int = 3) -> str:
        """Return `+0.051`, with a true minus sign; a dash for None."""
        if value is None:
            return NONE
        zeros = "0" * digits
        point = f".{zeros}" if digits else ""
        # Adding zero turns -0.0, which would be written with a sign, into 0.0.
        return _decimal(round(value, digits) + 0.0, f"+0{point};\N{MINUS SIGN}0{point}", self._locale)

    def percent(self, value: float | None) -> str:
        """Return a share in [0, 1] as `31.2%`; a dash for None."""
        return NONE if value is None else _percent(round(value, 3), self._locale)

    def length(self, seconds: float) -> str:
        """Return how long: `3 min`, `90 min`, `2 h`, `5 d`; rounded down, in the unit that keeps it telling."""
        count = max(0, int(seconds))
        for unit, size in (("day", DAY_S), ("hour", HOUR_S), ("minute", MINUTE_S)):
            if count >= size * (2 if unit != "minute" else 1) or (count and count % size == 0):
                return self.words(f"length.{unit}", n=self.whole(count // size))
        return self.words("length.second", n=count)


# Babel takes tens of microseconds a value, and a page writes the same few thousand values again and again.
@lru_cache(maxsize=20_000)
def _decimal(value: float, pattern: str, locale: str) -> str:
    return format_decimal(value, pattern, locale=locale)


@lru_cache(maxsize=2_000)
def _percent(value: float, locale: str) -> str:
    return format_percent(value, "0.0%", locale=locale)


@lru_cache(maxsize=20_000)
def _date(minute: int, zone: tzinfo, lang: str) -> str:
    pattern = "yyyy年M月d日 HH:mm" if lang == "zh" else "d MMM yyyy, HH:mm"
    at = datetime.fromtimestamp(minute * MINUTE_S, UTC).astimezone(zone)
    return f"{format_datetime(at, pattern, locale=BABEL[lang])}{_which(at)}"


def _which(at: datetime) -> str:
    """Return the offset where clocks show this time twice, else nothing."""
    twice = at.tzinfo is not None and comes_twice(at.replace(tzinfo=None), at.tzinfo)
    return f" {offset_name(at)}" if twice else ""


def zone_of(name: str | None) -> tzinfo:
    """Return the browser's zone; UTC where it names none that is known."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
