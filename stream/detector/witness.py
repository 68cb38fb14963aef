"""Who tells the negative stories of a span, and which weigh most."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from stream.core.effect import LEAST_AUTHORS
from stream.core.event_time import DAY_S, day_number
from stream.core.evidence import RING
from stream.core.incidents import Story
from stream.core.readings import Support
from stream.core.series import parse, series_of
from stream.store.keys import LATEST_MOST
from stream.store.read import Headline, Reader

MOST_STORIES: Final = 5
NEGATIVE: Final = "negative"
# Of a day with more stories than the list keeps, few of a series may be left: they speak for it from so many on.
SAMPLE: Final = 2 * LEAST_AUTHORS
LEAST_PART: Final = 0.1
LEAST_PART_S: Final = 60


def of_series(headlines: Iterable[Headline], series: str) -> list[Headline]:
    """Return those that count in this series."""
    return [
        line
        for line in headlines
        if series
        in series_of(kind=line.kind, topic=line.topic, lang=line.lang, source=line.source, tickers=line.tickers)
    ]


def support(before: Sequence[Headline], within: Sequence[Headline], series: str, *, whole: bool = True) -> Support:
    """Return who tells the negative stories.

    Authors are known where half of the series' stories or more carry one; sources where it usually has several.

    Args:
        before: the series' stories of the time before, whatever their label.
        within: those of the span.
        whole: nothing of the span is missing; else a few stories tell nothing.
    """
    negative = [line for line in within if line.label == NEGATIVE]
    if not whole and len(negative) < SAMPLE:
        return Support()
    every = [*before, *within]
    signed = bool(every) and 2 * sum(line.author is not None for line in every) >= len(every)
    several = parse(series)[1] != "source" and len(_sources(before)) > 1
    loud = _loudest(within)
    told = Counter(line.author for line in negative if line.author is not None)
    repeats = sum(times - 1 for _, times in told.most_common(LEAST_AUTHORS - 1))
    return Support(
        authors=len({line.author for line in loud} - {None}) if signed else None,
        sources=len(_sources(loud)) if several else None,
        repeated=repeats / len(negative) if signed and negative else 0.0,
        lead=lead(negative) if parse(series)[1] != "ticker" else None,
    )


def lead(negative: Sequence[Headline]) -> str | None:
    """Return the ticker that half of these stories or more are about; the first by name of equals."""
    told = Counter(ticker for line in negative for ticker in dict.fromkeys(line.tickers))
    ticker, times = min(told.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
    return ticker if times and 2 * times >= len(negative) else None


def _sources(lines: Sequence[Headline]) -> list[str]:
    """Return the sources that tell a tenth of these stories or more."""
    told = Counter(line.source for line in lines)
    return [source for source, times in told.items() if times >= LEAST_PART * len(lines)]


def _loudest(within: Sequence[Headline]) -> list[Headline]:
    """Return the negative stories of the twelfths of a span that are as negative as the whole: those of the spike.

    The others, from before it came, would speak for it with the authors and sources that the series usually has.
    """
    if not within:
        return []
    first_s = min(line.event_s for line in within)
    part_s = max((max(line.event_s for line in within) - first_s) // RING + 1, LEAST_PART_S)
    parts: dict[int, list[Headline]] = defaultdict(list)
    for line in within:
        parts[(line.event_s - first_s) // part_s].append(line)
    share = _negative_share(within)
    loud = [line for part in parts.values() if _negative_share(part) >= share for line in part]
    return [line for line in loud if line.label == NEGATIVE]


def _negative_share(lines: Sequence[Headline]) -> float:
    return sum(line.label == NEGATIVE for line in lines) / len(lines)


def is_whole(kept: Iterable[Headline], start_s: int, most: int = LATEST_MOST) -> bool:
    """Return whether a list that keeps the newest of each day has all from this moment on.

    Args:
        kept: all that it keeps of the days from that of `start_s` on, in any order.
    """
    days: dict[int, list[int]] = defaultdict(list)
    for line in kept:
        days[day_number(line.event_s)].append(line.event_s)
    return all(len(times) < most or min(times) < max(start_s, day * DAY_S) for day, times in days.items())


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
        first_s, until_s = start_s - start_s % DAY_S, end_s + DAY_S - end_s % DAY_S
        kept = reader.latest(LATEST_MOST * ((until_s - first_s) // DAY_S), start_s=first_s, end_s=until_s)
        within = of_series([line for line in kept if start_s <= line.event_s <= end_s], series)
        before = of_series(reader.latest(LATEST_MOST, start_s=start_s - DAY_S, end_s=start_s), series)
        return support(before, within, series, whole=is_whole(kept, start_s)), stories(within)

    return witness
