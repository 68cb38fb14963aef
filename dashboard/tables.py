"""The tables behind the charts: the same numbers, as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dashboard.filters import Span
from dashboard.formats import Formats
from dashboard.incident_words import reason_words, series_words
from dashboard.safe import csv_text, link, plain
from stream.core.aggregates import Aggregate, index_interval
from stream.store.incident_read import Seen
from stream.store.read import Headline

_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Table:
    """A header, and rows of as many values each; None where there is none. Times are local ISO text with its offset."""

    header: tuple[str, ...]
    rows: list[tuple[object, ...]]

    @property
    def csv(self) -> str:
        """The table for a spreadsheet; no cell can be taken for a formula."""
        return csv_text(self.header, self.rows)

    @property
    def columns(self) -> dict[str, list[object]]:
        """The table by columns."""
        return {name: [row[i] for row in self.rows] for i, name in enumerate(self.header)}


def chart_table(windows: Sequence[Aggregate], formats: Formats) -> Table:
    """Return what the main chart shows, newest first."""
    words = formats.words
    names = [
        "start",
        "documents",
        "stories",
        "negative",
        "neutral",
        "positive",
        "share",
        "index",
        "low",
        "high",
        "late",
    ]
    rows: list[tuple[object, ...]] = [
        (formats.stamp(w.start_s), *_counts(w), *_interval(w), w.late) for w in reversed(windows)
    ]
    return Table(tuple(words(f"table.{name}") for name in names), rows)


def topics_table(topics: Mapping[str, Sequence[Aggregate]], span: Span, formats: Formats) -> Table:
    """Return what the heatmap shows: the index of each topic, a row for each time, newest first."""
    words = formats.words
    starts = range(span.start_s, span.end_s, span.step_s)
    header = (words("table.start"), *(words(f"topic.{topic}") for topic in topics))
    rows: list[tuple[object, ...]] = [
        (formats.stamp(start), *(_rounded(windows[i].index) for windows in topics.values()))
        for i, start in enumerate(starts)
    ]
    return Table(header, rows[::-1])


def headlines_table(lines: Sequence[Headline], formats: Formats) -> Table:
    """Return the headlines as shown, with their links."""
    words = formats.words
    names = ("time", "score", "topic", "headline", "tickers", "from", "copies", "link")
    rows: list[tuple[object, ...]] = [
        (
            formats.stamp(line.event_s),
            round(line.score, _DIGITS),
            words.catalogue.get(f"topic.{line.topic}", plain(line.topic, 24)),
            plain(line.title),
            " ".join(plain(ticker, 24) for ticker in line.tickers),
            plain(line.source, 40),
            line.copies,
            link(line.url) or "",
        )
        for line in lines
    ]
    return Table(tuple(words(f"headlines.{name}") for name in names), rows)


def incidents_table(found: Sequence[Seen], formats: Formats) -> Table:
    """Return the incidents as listed; ids, numbers and names as they are kept."""
    words = formats.words
    names = (
        "id series severity state fired resolved share usual negative total expected z peak clock by reason"
    ).split()
    rows: list[tuple[object, ...]] = [_incident(seen, formats) for seen in found]
    return Table(tuple(words(f"incidents.{name}") for name in names), rows)


def _incident(seen: Seen, formats: Formats) -> tuple[object, ...]:
    incident, words = seen.incident, formats.words
    return (
        incident.incident_id,
        series_words(incident.series, words),
        words(f"severity.{incident.severity}"),
        words(f"state.{incident.state}"),
        formats.stamp(incident.fired_at_ms / 1000),
        formats.stamp(incident.resolved_at_s) if incident.resolved_at_s is not None else None,
        _rounded(incident.share),
        _rounded(incident.baseline_share),
        incident.negative,
        incident.total,
        _rounded(incident.expected_total),
        _rounded(incident.z),
        _rounded(incident.z_peak),
        incident.clock,
        plain(seen.acknowledged_by or "", 80),
        reason_words(incident.reason, words),
    )


def _counts(window: Aggregate) -> tuple[object, ...]:
    share = _rounded(window.negative_share)
    return window.documents, window.total, window.negative, window.neutral, window.positive, share


def _interval(window: Aggregate) -> tuple[object, ...]:
    low, high = index_interval(window) or (None, None)
    return _rounded(window.index), _rounded(low), _rounded(high)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
