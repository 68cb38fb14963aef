"""The crisis: how it grows and fades, and what is written of it. A function of its start and a seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from stream.sources.demo.background import MINUTE_S, tickers_of
from stream.sources.demo.draw import Draw
from stream.sources.demo.invented import AUTHORS, SOURCES, Invented, handle
from stream.sources.demo.slots import Scene, filled
from stream.sources.demo.words import CRISIS_TICKER, companies, crisis_wordings

RISE_S: Final = 20.0
HEIGHT_S: Final = 240.0
FADE_S: Final = 300.0
A_MINUTE: Final = 60.0
DURATION_S: Final = RISE_S + HEIGHT_S + FADE_S

NEWS_SHARE: Final = 0.4
ENGLISH_SHARE: Final = 0.55


def told_by(age_s: float) -> float:
    """Return how many documents of the crisis have been written this long after its start.

    The rate rises evenly for `RISE_S`, stays at `A_MINUTE` for `HEIGHT_S`, and falls evenly for `FADE_S`.
    """
    rise = min(max(age_s, 0.0), RISE_S)
    height = min(max(age_s - RISE_S, 0.0), HEIGHT_S)
    fade = min(max(age_s - RISE_S - HEIGHT_S, 0.0), FADE_S)
    return A_MINUTE / 60 * (rise * rise / (2 * RISE_S) + height + fade - fade * fade / (2 * FADE_S))


def age_at(told: float) -> float:
    """Return the age in seconds at which so many are written: the inverse of `told_by`, within its range."""
    told = min(max(told, 0.0) * 60 / A_MINUTE, told_by(DURATION_S) * 60 / A_MINUTE)
    if told <= RISE_S / 2:
        return math.sqrt(2 * RISE_S * told)
    told -= RISE_S / 2
    if told <= HEIGHT_S:
        return RISE_S + told
    told -= HEIGHT_S
    return RISE_S + HEIGHT_S + FADE_S - math.sqrt(max(0.0, FADE_S * FADE_S - 2 * FADE_S * told))


def crisis_of(minute_s: int, seed: int, start_s: int) -> list[Invented]:
    """Return the crisis' documents of the minute that starts at this unix second."""
    first, last = told_by(minute_s - start_s), told_by(minute_s + MINUTE_S - start_s)
    # A document's own moment may lie up to one document later than its number says.
    numbers = range(max(0, math.floor(first) - 1), math.ceil(last))
    end_ms = (minute_s + MINUTE_S) * 1000
    found = (_document(number, seed, start_s) for number in numbers)
    return [document for document in found if minute_s * 1000 <= document.published_ms < end_ms]


def whole_crisis(seed: int, start_s: int) -> Iterator[Invented]:
    """Yield every document of the crisis, first to last."""
    for number in range(math.floor(told_by(DURATION_S))):
        yield _document(number, seed, start_s)


def _document(number: int, seed: int, start_s: int) -> Invented:
    draw = Draw(seed, "crisis", start_s, number)
    company = next(company for company in companies() if company.ticker == CRISIS_TICKER)
    kind = "news" if draw.chance(NEWS_SHARE) else "comment"
    lang = "en" if draw.chance(ENGLISH_SHARE) else "zh"
    words, scene = crisis_wordings(kind, lang), Scene(draw, lang, company)
    wording = (
        draw.pick(words.wordings).replace("{tail}", draw.pick(words.tails)).replace("{end}", draw.pick(words.tails))
    )
    return Invented(
        id=f"invented-{seed}-crisis-{start_s}-{number}",
        kind=kind,
        source=draw.pick(SOURCES[kind, lang]),
        lang=lang,
        text=filled(wording, scene),
        author=handle(draw.whole(0, AUTHORS - 1)) if kind == "comment" else None,
        tickers=tickers_of(wording, company),
        published_ms=start_s * 1000 + int(age_at(number + draw.uniform(0, 1)) * 1000),
        label="negative",
        topic="legal_risk",
        crisis=True,
    )
