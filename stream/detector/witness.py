"""Who tells the negative stories of a span, and which weigh most."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from stream.core.event_time import DAY_S
from stream.core.incidents import Story
from stream.core.readings import Support
from stream.core.series import parse, series_of
from stream.store.keys import LATEST_MOST
from stream.store.read import Headline, Reader

MOST_STORIES: Final = 5
NEGATIVE: Final = "negative"


def of_series(headlines: Iterable[Headline], series: str) -> list[Headline]:
    """Return those that count in this series."""
    return [
        line
        for line in headlines
        if series
        in series_of(kind=line.kind, topic=line.topic, lang=line.lang, source=line.source, tickers=line.tickers)
    ]


def support(before: Sequence[Headline], within: Sequence[Headline], series: str) -> Support:
    """Return who tells the negative stories.

    Args:
        before: the series' stories of the time before, whatever their label.
        within: those of the span.
    """
    if parse(series)[1] == "source" or len({line.source for line in before}) < 2:
        return Support()
    return Support(sources=len({line.source for line in within if line.label == NEGATIVE}))


def stories(within: Iterable[Headline], most: int = MOST_STORIES) -> tuple[Story, ...]:
    """Return the negative stories that weigh most, of each language its own first, worst first."""
    worst = sorted((line for line in within if line.label == NEGATIVE), key=lambda line: (line.score, line.id))
    languages = list(dict.fromkeys(line.lang for line in worst))
    # Both languages where both contributed: the worst of each, then the worst of all.
    first = [next(line for line in worst if line.lang == lang) for lang in languages[:most]]
    chosen = (first + [line for line in worst if line not in first])[:most]
    return tuple(_story(line) for line in sorted(chosen, key=lambda line: (line.score, line.id)))


def _story(line: Headline) -> Story:
    return Story(
        id=line.id,
        title=line.title,
        source=line.source,
        lang=line.lang,
        score=line.score,
        event_s=line.event_s,
        copies=line.copies,
        url=line.url,
    )


def witness_of(reader: Reader) -> Callable[[str, int, int], tuple[Support, tuple[Story, ...]]]:
    """Return the witness that looks into the list of newest stories: 500 a day are kept."""

    def witness(series: str, start_s: int, end_s: int) -> tuple[Support, tuple[Story, ...]]:
        days = 2 + (end_s - start_s) // DAY_S
        within = of_series(reader.latest(LATEST_MOST * days, start_s=start_s, end_s=end_s + 1), series)
        before = of_series(reader.latest(LATEST_MOST, start_s=start_s - DAY_S, end_s=start_s), series)
        return support(before, within, series), stories(within)

    return witness
