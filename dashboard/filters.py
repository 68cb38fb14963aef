"""What the reader asked to see: kind, range, end, topics. Language-neutral, and the same in the URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dashboard.formats import HOUR_S, MINUTE_S
from model.labels import KINDS, TOPICS
from stream.core.event_time import DAY_S, EARLIEST
from stream.core.series import market, topic_series
from stream.store.keys import WINDOW_TTL_S

BOTH: Final = "both"
KIND_CHOICES: Final = (BOTH, *KINDS)
RANGES_S: Final = {
    "15m": 15 * MINUTE_S,
    "1h": HOUR_S,
    "6h": 6 * HOUR_S,
    "24h": DAY_S,
    "7d": 7 * DAY_S,
    "30d": 30 * DAY_S,
}
CUSTOM: Final = "custom"
NOW, NEWEST, AT = "now", "newest", "at"
ENDS: Final = (NOW, NEWEST, AT)
MAX_POINTS: Final = 300
MAX_COLUMNS: Final = 24
MAX_CUSTOM_S: Final = 92 * DAY_S  # an hour is the widest stored window: more would be read slowly
# Steps of the chart, and of the heatmap's fewer and wider columns.
_STEPS_S: Final = (MINUTE_S, 5 * MINUTE_S, HOUR_S, 3 * HOUR_S, 6 * HOUR_S, 12 * HOUR_S)
_COLUMNS_S: Final = (
    *(n * MINUTE_S for n in (1, 3, 5, 15, 30)),
    *(n * HOUR_S for n in (1, 3, 6, 12)),
    *(n * DAY_S for n in (1, 2, 4)),
)
EARLIEST_S: Final = int(EARLIEST.timestamp())
LATEST_S: Final = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True)
class Filters:
    """One choice. `at_s` is the end where `end` is AT; `from_s` and `to_s` count where `range` is CUSTOM."""

    kind: str = BOTH
    range: str = "1h"
    end: str = NOW
    at_s: int | None = None
    from_s: int | None = None
    to_s: int | None = None
    topics: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are looked at."""
        return KINDS if self.kind == BOTH else (self.kind,)

    @property
    def series(self) -> tuple[str, ...]:
        """The series that together are what is looked at: markets, or the topics chosen."""
        if not self.topics:
            return tuple(market(kind) for kind in self.kinds)
        return tuple(topic_series(kind, topic) for kind in self.kinds for topic in self.topics)

    @property
    def narrowed(self) -> bool:
        """Whether something of the same time is left out."""
        return self.kind != BOTH or bool(self.topics)


@dataclass(frozen=True, slots=True)
class Span:
    """`[start_s, end_s)` in steps of `step_s`, made of stored windows of `width_s`; all unix seconds."""

    start_s: int
    end_s: int
    step_s: int
    width_s: int

    @property
    def length_s(self) -> int:
        """Seconds from start to end."""
        return self.end_s - self.start_s

    @property
    def before(self) -> Span:
        """The equal span just before."""
        return Span(self.start_s - self.length_s, self.start_s, self.step_s, self.width_s)


def from_query(query: Mapping[str, str]) -> Filters:
    """Return the filters a URL asks for; what it does not say, or says wrongly, is the default."""
    at_s, from_s, to_s = (instant(query.get(name)) for name in ("end", "from", "to"))
    span = query.get("range", "")
    custom = span == CUSTOM and from_s is not None and to_s is not None and from_s < to_s
    end = AT if at_s is not None else query.get("end", "")
    topics = query.get("topic", "").split(",")
    default = Filters()
    return Filters(
        kind=query["kind"] if query.get("kind") in KIND_CHOICES else default.kind,
        range=span if span in RANGES_S or custom else default.range,
        end=end if end in ENDS and (end != AT or at_s is not None) else default.end,
        at_s=at_s,
        from_s=from_s if custom else None,
        to_s=to_s if custom else None,
        topics=tuple(topic for topic in TOPICS if topic in topics),
    )


def to_query(filters: Filters) -> dict[str, str]:
    """Return what stands in the URL; defaults are left out."""
    query = {}
    if filters.kind != BOTH:
        query["kind"] = filters.kind
    if filters.range == CUSTOM:
        query |= {"range": CUSTOM, "from": iso(filters.from_s), "to": iso(filters.to_s)}
    elif filters.range != Filters().range:
        query["range"] = filters.range
    if filters.range != CUSTOM and filters.end != NOW:
        query["end"] = iso(filters.at_s) if filters.end == AT else filters.end
    if filters.topics:
        query["topic"] = ",".join(filters.topics)
    return query


def span_of(filters: Filters, now_s: float, newest_s: int) -> Span:
    """Return the time that is looked at, for the main chart.

    Args:
        newest_s: event time of the newest document; 0 where there is none, then now stands in.
    """
    if filters.range == CUSTOM and filters.from_s is not None and filters.to_s is not None:
        return _aligned(max(filters.from_s, filters.to_s - MAX_CUSTOM_S), filters.to_s, MAX_POINTS, _STEPS_S)
    ends: dict[str, float] = {NOW: now_s, NEWEST: (newest_s or now_s) + 1, AT: filters.at_s or now_s}
    end_s = int(ends[filters.end])
    length_s = RANGES_S.get(filters.range, RANGES_S[Filters().range])
    step_s, width_s = step_for(length_s, MAX_POINTS, _STEPS_S)
    end_s = -(-end_s // step_s) * step_s
    return Span(end_s - length_s, end_s, step_s, width_s)


def columns_of(span: Span) -> Span:
    """Return the same time in the wider steps of the heatmap; its edges may lie a little outside.

    Its windows are never narrower than the span's: those of an old time may be dropped already.
    """
    steps_s = [step_s for step_s in _COLUMNS_S if step_s % span.width_s == 0]
    return _aligned(span.start_s, span.end_s, MAX_COLUMNS, steps_s)


def step_for(length_s: int, most: int, steps_s: Sequence[int]) -> tuple[int, int]:
    """Return step and width of the stored windows it is made of, so that at most `most` steps are shown."""
    step_s = next((step for step in steps_s if length_s <= step * most), steps_s[-1])
    width_s = max(width for width in WINDOW_TTL_S if step_s % width == 0)
    return step_s, width_s


def wider(span: Span) -> Span | None:
    """Return the span made of the next wider stored windows, which are kept longer; None where there are none."""
    width_s = next((width for width in sorted(WINDOW_TTL_S) if width > span.width_s), None)
    if width_s is None:
        return None
    step_s = max(span.step_s, width_s)
    return Span(span.start_s - span.start_s % step_s, -(-span.end_s // step_s) * step_s, step_s, width_s)


def _aligned(start_s: int, end_s: int, most: int, steps_s: Sequence[int]) -> Span:
    step_s, width_s = step_for(end_s - start_s, most, steps_s)
    return Span(start_s - start_s % step_s, -(-end_s // step_s) * step_s, step_s, width_s)


def instant(text: str | None) -> int | None:
    """Return the instant that an ISO time in a URL names, unix seconds; None where it names none that is possible."""
    try:
        at = datetime.fromisoformat(text or "")
        at_s = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None
    return at_s if EARLIEST_S <= at_s <= LATEST_S else None


def iso(at_s: int | None) -> str:
    """Return the instant as it stands in a URL."""
    return datetime.fromtimestamp(at_s or 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def known_topics(chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the chosen topics in the order of the labels."""
    return tuple(topic for topic in TOPICS if topic in chosen)
