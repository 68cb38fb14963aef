"""The read side: what the dashboard and the command line show. Blocking, and nothing here writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from stream.core.aggregates import Aggregate
from stream.core.event_time import DAY_S, day_number
from stream.store.apply import part_field
from stream.store.client import connect, store_errors
from stream.store.keys import (
    DOCUMENTS,
    LATE,
    LATE_NEGATIVE,
    LATE_STORIES,
    MEASURES,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    SCORE_SUM,
    WINDOW_TTL_S,
    Keys,
)

WIDTHS_S: Final = tuple(WINDOW_TTL_S)
LATEST_DAYS: Final = 92
_DAYS_AT_ONCE = 8
_SCAN = 1_000
_NAMES: Final = {
    DOCUMENTS: "documents",
    NEGATIVE: "negative",
    NEUTRAL: "neutral",
    POSITIVE: "positive",
    SCORE_SUM: "score_sum",
    LATE: "late",
    LATE_STORIES: "late_stories",
    LATE_NEGATIVE: "late_negative",
}


@dataclass(frozen=True, slots=True)
class Totals:
    """Cumulative counters: records = aggregated + duplicates + dead_letters, always and exactly."""

    records: int = 0
    scored: int = 0
    aggregated: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    redelivered: int = 0
    stories: int = 0
    late: int = 0
    newest_received_ms: int = 0
    newest_event_s: int = 0


class Headline(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One story of the list of the newest, as its first copy told it. All text is from outside: never trust it.

    Attributes:
        event_s: event time, unix seconds.
        label, topic: names; score in [-1, 1].
        copies: documents that told it so far; filled when read.
        author: who wrote the first copy, a keyed hash where it is known: to tell authors apart, never to show.
    """

    id: str
    event_s: int
    received_ms: int
    kind: str
    lang: str
    source: str
    title: str
    label: str
    score: float
    topic: str
    story: str
    url: str | None = None
    tickers: tuple[str, ...] = ()
    late: bool = False
    copies: int = 1
    author: str | None = None


class Reader:
    """Reads one namespace. Every method raises StoreError when the store does not answer."""

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._keys = Keys(namespace)
        self._redis = connect(url)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def ping(self) -> None:
        """Raise StoreError unless the store answers."""
        with store_errors(self._url):
            self._redis.ping()

    def totals(self) -> Totals:
        """Return the cumulative counters; zeros where nothing has been applied."""
        with store_errors(self._url):
            fields: Any = self._redis.hgetall(self._keys.totals)
        known = Totals.__dataclass_fields__
        return Totals(**{name.decode(): int(value) for name, value in fields.items() if name.decode() in known})

    def applied_all(self) -> dict[str, int]:
        """Return the highest offset applied for each `part_field`."""
        with store_errors(self._url):
            fields: Any = self._redis.hgetall(self._keys.applied)
        return {field.decode(): int(offset) for field, offset in fields.items()}

    def applied(self, topic_id: str, partition: int) -> int | None:
        """Return the highest offset applied of one partition; None before its first."""
        with store_errors(self._url):
            offset: Any = self._redis.hget(self._keys.applied, part_field(topic_id, partition))
        return None if offset is None else int(offset)

    def windows(
        self, series: Sequence[str], start_s: int, end_s: int, width_s: int = WIDTHS_S[0]
    ) -> dict[str, list[Aggregate]]:
        """Return the aggregates of each series in the windows that start in `[start_s, end_s)`, in order.

        Every window is there, an empty one as zeros. `width_s` is one of `WIDTHS_S`.
        """
        starts = range(start_s - start_s % width_s, end_s, width_s)
        fields = [f"{name}|{measure}" for name in series for measure in MEASURES]
        rows = self._pipelined([("HMGET", self._keys.window(width_s, start), *fields) for start in starts])
        found: dict[str, list[Aggregate]] = {name: [] for name in series}
        for start, row in zip(starts, rows, strict=True):
            for i, name in enumerate(series):
                values = row[i * len(MEASURES) : (i + 1) * len(MEASURES)]
                found[name].append(_aggregate(start, dict(zip(MEASURES, values, strict=True))))
        return found

    def series_in(self, start_s: int, end_s: int, width_s: int) -> dict[str, Aggregate]:
        """Return every series that has documents in the windows starting in `[start_s, end_s)`, summed."""
        starts = range(start_s - start_s % width_s, end_s, width_s)
        rows = self._pipelined([("HGETALL", self._keys.window(width_s, start)) for start in starts])
        found: dict[str, Aggregate] = {}
        for start, row in zip(starts, rows, strict=True):
            for name, aggregate in _by_series(start, row).items():
                found[name] = found[name] + aggregate if name in found else aggregate
        return found

    def every_window(self, width_s: int = WIDTHS_S[0]) -> Iterator[tuple[int, dict[str, Aggregate]]]:
        """Yield each stored window's start and its series, in order of time."""
        prefix = self._keys.window(width_s, 0)[:-1]
        with store_errors(self._url):
            keys = list(self._redis.scan_iter(match=literal(prefix) + "*", count=_SCAN))
        starts = sorted({int(key.decode().removeprefix(prefix)) for key in keys})
        for start in starts:
            with store_errors(self._url):
                row: Any = self._redis.hgetall(self._keys.window(width_s, start))
            yield start, _by_series(start, row)

    def latest(self, most: int = 50, *, start_s: int | None = None, end_s: int | None = None) -> list[Headline]:
        """Return the newest stories with an event time in `[start_s, end_s)`, newest first.

        Without an end it is just after the newest document; without a start, `LATEST_DAYS` before the end.
        A day keeps its newest 500.
        """
        end_s = self.totals().newest_event_s + 1 if end_s is None else end_s
        start_s = max(end_s - LATEST_DAYS * DAY_S if start_s is None else start_s, 0)
        asked = [
            ("ZREVRANGEBYSCORE", self._keys.latest(day), f"({end_s}", start_s, "LIMIT", 0, most)
            for day in range(day_number(end_s - 1), day_number(start_s) - 1, -1)
        ]
        rows: list[bytes] = []
        for i in range(0, len(asked), _DAYS_AT_ONCE):
            rows.extend(row for answer in self._pipelined(asked[i : i + _DAYS_AT_ONCE]) for row in answer)
            if len(rows) >= most:
                break
        headlines = [msgspec.json.decode(row, type=Headline) for row in rows[:most]]
        told = [("HGET", self._keys.stories(day_number(h.event_s)), h.story) for h in headlines]
        # A story's state is dropped after some days; then only its first copy is known.
        packed = self._pipelined(told)
        return [
            _with_copies(headline, value) if value is not None else headline
            for headline, value in zip(headlines, packed, strict=True)
        ]

    def _pipelined(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        if not commands:
            return []
        with store_errors(self._url):
            pipe = self._redis.pipeline(transaction=False)
            for command in commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]
            return list(pipe.execute())


def _with_copies(headline: Headline, packed: bytes) -> Headline:
    state = msgspec.msgpack.decode(packed, type=list[int | float | str], strict=False)
    return msgspec.structs.replace(headline, copies=int(state[3]))


def _by_series(start_s: int, row: Mapping[bytes, bytes]) -> dict[str, Aggregate]:
    measures: dict[str, dict[str, bytes]] = {}
    for field, value in row.items():
        series, _, measure = field.decode().rpartition("|")
        measures.setdefault(series, {})[measure] = value
    return {series: _aggregate(start_s, values) for series, values in measures.items()}


def _aggregate(start_s: int, values: Mapping[str, bytes | None]) -> Aggregate:
    known = {_NAMES[measure]: int(value) for measure, value in values.items() if value is not None}
    return replace(Aggregate(start_s), **known)


def literal(pattern: str) -> str:
    """Return a pattern that matches these characters alone."""
    return "".join(f"\\{c}" if c in "*?[]\\" else c for c in pattern)
