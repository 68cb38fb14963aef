"""A scored stream as the store would hold it: unique stories by series and window, and who told them."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.real_scores import Scored, key
from bench.real_streams import COARSE, Line
from model.labels import SENTIMENTS
from stream.core.clocks import CLOCKS
from stream.core.event_time import day_number
from stream.core.readings import Counts
from stream.core.series import series_of
from stream.core.stories import STORY_SPAN, story_id
from stream.detector.engine import Window
from stream.store.keys import LATEST_MOST
from stream.store.read import Headline

WIDTHS_S: Final = (300, 3_600)
_SPAN_S: Final = int(STORY_SPAN.total_seconds())
_NONE: Final = Counts(0, 0)

Label = Callable[[Line, Scored], str]


@dataclass(slots=True)
class _Story:
    first_s: int
    label: str
    counted: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A document that counts: when, whether its story is negative, and the series that had not counted that yet."""

    at_s: int
    negative: bool
    series: tuple[str, ...]


class Latest:
    """The list of newest stories, as it stands at `now_s`: what the detector's witness reads."""

    def __init__(self) -> None:
        self.now_s = 0
        self._days: dict[int, list[Headline]] = defaultdict(list)

    def add(self, headline: Headline) -> None:
        """Add a story's first copy, in order of time."""
        self._days[day_number(headline.event_s)].append(headline)

    def latest(self, most: int = 50, *, start_s: int, end_s: int) -> list[Headline]:
        """Return the newest stories with an event time in `[start_s, end_s)`, newest first; a day keeps 500."""
        found: list[Headline] = []
        for day in range(day_number(end_s - 1), day_number(start_s) - 1, -1):
            kept = self._days.get(day, [])
            until = bisect_left(kept, self.now_s + 1, key=lambda line: line.event_s)
            newest = kept[max(until - LATEST_MOST, 0) : until]
            found += [line for line in reversed(newest) if start_s <= line.event_s < end_s]
        return found[:most]


class Counted:
    """The windows of a stream, in memory: a `stream.detector.windows.Source`.

    Attributes:
        clocks: those that can tell something: none of five minutes where only the hour or the day was recorded.
    """

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.clocks = tuple(clock.name for clock in CLOCKS)
        self.latest = Latest()
        self._windows: dict[int, dict[int, dict[str, Counts]]] = {width_s: {} for width_s in WIDTHS_S}

    def add(self, arrival: Arrival) -> None:
        """Count a document, in order of time."""
        self.arrivals.append(arrival)
        for width_s, windows in self._windows.items():
            window = windows.setdefault(arrival.at_s - arrival.at_s % width_s, {})
            for series in arrival.series:
                k, n = window.get(series, _NONE)
                window[series] = Counts(k + arrival.negative, n + 1)

    def windows(self, width_s: int, starts: Sequence[int], series: Collection[str] | None = None) -> list[Window]:
        """Return, for each start, the series with stories in that window."""
        of_width = self._windows[width_s]
        found = [of_width.get(start_s, {}) for start_s in starts]
        if series is None:
            return list(found)
        wanted = frozenset(series)
        return [{name: window[name] for name in window.keys() & wanted} for window in found]


def most_probable(line: Line, scored: Scored) -> str:
    """Return the label of the largest probability, the first of equals, as the workers choose it."""
    probabilities = scored[:3]
    return SENTIMENTS[probabilities.index(max(probabilities))]


def counted(
    documents: Iterable[Line], scores: Mapping[str, Scored], label: Label = most_probable, *, tickers: bool = True
) -> Counted:
    """Return a stream's counts: each story once per series within 24 hours, with its first copy's label.

    Args:
        documents: in order of time; each has a score. One that comes again under its id is passed over.
        tickers: whether to count the series of tickers too.
    """
    known: dict[str, list[_Story]] = defaultdict(list)
    ids: set[str] = set()
    found, coarse = Counted(), 0
    for line in documents:
        if line.id in ids:
            continue
        ids.add(line.id)
        coarse += line.precision in COARSE
        scored = scores[key(line)]
        name = story_id(kind=line.kind, text=line.text, author=None, document=line.id).hex()
        story = next((one for one in reversed(known[name]) if line.event_s - one.first_s < _SPAN_S), None)
        if story is None:
            story = _Story(line.event_s, label(line, scored))
            known[name].append(story)
            found.latest.add(_headline(line, scored, story.label, name))
        named = line.tickers if tickers else ()
        every = series_of(kind=line.kind, topic=scored.topic, lang=line.lang, source=line.source, tickers=named)
        new = tuple(series for series in every if series not in story.counted)
        story.counted.update(new)
        if new:
            found.add(Arrival(line.event_s, story.label == "negative", new))
    if 2 * coarse > len(ids):
        found.clocks = found.clocks[1:]
    return found


def _headline(line: Line, scored: Scored, label: str, story: str) -> Headline:
    return Headline(
        id=line.id,
        event_s=line.event_s,
        received_ms=line.event_s * 1000,
        kind=line.kind,
        lang=line.lang,
        source=line.source,
        title=line.read[:240],
        label=label,
        score=round(scored.positive - scored.negative, 4),
        topic=scored.topic,
        story=story,
        tickers=line.tickers,
    )
