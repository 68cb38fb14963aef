"""What a page shows, read from the store: cached for about a second and shared by all sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import streamlit as st

from dashboard.filters import NEWEST, Filters, Span, columns_of, span_of, wider
from dashboard.formats import MINUTE_S
from dashboard.source import source
from model.labels import TOPICS
from stream.core.aggregates import Aggregate
from stream.core.event_time import DAY_S
from stream.core.series import topic_series
from stream.store.incident_read import Seen
from stream.store.keys import WINDOW_TTL_S
from stream.store.read import Headline, Totals

MOST_HEADLINES: Final = 300
_KEPT_S: Final = 120
_ENTRIES: Final = 256


@dataclass(frozen=True, slots=True)
class Picture:
    """One moment of the Live page.

    Attributes:
        span: what the main chart shows; `windows` has one aggregate for each of its steps.
        columns: the same time in wider steps; `topics` has, for each topic, one aggregate for each of them.
        before: the sum over the equal span before.
        headlines: newest first, within the span and the filters.
        incidents: those that fired at some time within the span, newest first.
        read_at_s: when it was read, unix seconds.
    """

    span: Span
    windows: Sequence[Aggregate]
    columns: Span
    topics: Mapping[str, Sequence[Aggregate]]
    before: Aggregate
    headlines: Sequence[Headline]
    read_at_s: float
    incidents: Sequence[Seen] = ()

    @property
    def whole(self) -> Aggregate:
        """The sum over the span."""
        return total_of(self.windows, self.span.start_s)


def totals(now_s: float) -> Totals:
    """Return the cumulative counters, at most a second old. StoreError."""
    return _totals(source().place, int(now_s))


def newest_event_s(filters: Filters, seen: Totals, now_s: float) -> int:
    """Return the event time of the newest document of the kinds asked for, 0 where none is known. StoreError."""
    if filters.end != NEWEST or len(filters.kinds) > 1 or not seen.newest_event_s:
        return seen.newest_event_s
    newest = _latest(source().place, None, None, int(now_s))
    return next((line.event_s for line in newest if line.kind in filters.kinds), seen.newest_event_s)


def span(filters: Filters, seen: Totals, now_s: float) -> Span:
    """Return the time that these filters look at. StoreError."""
    return span_of(filters, now_s, newest_event_s(filters, seen, now_s))


def picture(filters: Filters, seen: Totals, now_s: float) -> Picture:
    """Return what these filters show at that moment. StoreError."""
    place = source().place
    shown, windows = _windows(place, filters, span(filters, seen, now_s), now_s)
    columns = columns_of(shown)
    names = [topic_series(kind, topic) for topic in filters.topics or TOPICS for kind in filters.kinds]
    by_series = _read(place, tuple(names), columns, _tick(columns, now_s))
    before = _read(place, filters.series, shown.before, int(now_s // 30))
    newest = _latest(place, shown.start_s, shown.end_s, int(now_s))
    return Picture(
        span=shown,
        windows=windows,
        columns=columns,
        topics={
            topic: added([by_series[topic_series(kind, topic)] for kind in filters.kinds])
            for topic in filters.topics or TOPICS
        },
        before=total_of(added(list(before.values())), shown.before.start_s),
        headlines=[line for line in newest if chosen(line, filters)],
        read_at_s=now_s,
    )


def newest_headlines(filters: Filters, now_s: float) -> list[Headline]:
    """Return the newest headlines of all time that the filters let through, newest first. StoreError."""
    return [line for line in _latest(source().place, None, None, int(now_s)) if chosen(line, filters)]


def series_windows(series: str, span: Span, now_s: float) -> list[Aggregate]:
    """Return one aggregate of a series for each step of the span. StoreError."""
    return _read(source().place, (series,), span, _tick(span, now_s))[series]


def chosen(line: Headline, filters: Filters) -> bool:
    """Return whether the filters let this headline through."""
    return line.kind in filters.kinds and (not filters.topics or line.topic in filters.topics)


def added(rows: Sequence[Sequence[Aggregate]]) -> list[Aggregate]:
    """Return the sums, window by window, of several series over the same windows."""
    return [total_of(windows, windows[0].start_s) for windows in zip(*rows, strict=True)]


def merged(windows: Sequence[Aggregate], span: Span) -> list[Aggregate]:
    """Return one aggregate for each step of the span, from stored windows within it."""
    steps = [Aggregate(start) for start in range(span.start_s, span.end_s, span.step_s)]
    for window in windows:
        at = (window.start_s - span.start_s) // span.step_s
        steps[at] = replace(steps[at] + window, start_s=steps[at].start_s)
    return steps


def total_of(windows: Sequence[Aggregate], start_s: int) -> Aggregate:
    """Return the sum of windows; empty where there are none."""
    return sum(windows, start=Aggregate(start_s))


def _windows(place: str, filters: Filters, span: Span, now_s: float) -> tuple[Span, list[Aggregate]]:
    windows = added(list(_read(place, filters.series, span, _tick(span, now_s)).values()))
    # Narrow windows are dropped after days; the wider ones still tell of that time.
    gone = span.start_s < now_s - WINDOW_TTL_S[span.width_s] and not any(w.documents for w in windows)
    next_span = wider(span) if gone else None
    return _windows(place, filters, next_span, now_s) if next_span else (span, windows)


def _tick(span: Span, now_s: float) -> int:
    """Return a number that changes as often as this span is read anew: 1 s for minutes, 15 s for hours."""
    every_s = {MINUTE_S: 1, 5 * MINUTE_S: 3}.get(span.width_s, 15)
    return int(now_s // (every_s if span.length_s <= 31 * DAY_S else 60))


@st.cache_data(ttl=_KEPT_S, max_entries=_ENTRIES, show_spinner=False)
def _totals(place: str, tick: int) -> Totals:
    return source().read(lambda reader: reader.totals())


@st.cache_data(ttl=_KEPT_S, max_entries=_ENTRIES, show_spinner=False)
def _read(place: str, series: tuple[str, ...], span: Span, tick: int) -> dict[str, list[Aggregate]]:
    rows = source().read(lambda reader: reader.windows(series, span.start_s, span.end_s, span.width_s))
    return {name: merged(windows, span) for name, windows in rows.items()}


@st.cache_data(ttl=_KEPT_S, max_entries=_ENTRIES, show_spinner=False)
def _latest(place: str, start_s: int | None, end_s: int | None, tick: int) -> list[Headline]:
    return source().read(lambda reader: reader.latest(MOST_HEADLINES, start_s=start_s, end_s=end_s))
