"""An ordinary minute: what is written when nothing in particular happens."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from stream.core.event_time import DAY_S
from stream.sources.demo.draw import Draw
from stream.sources.demo.invented import AUTHORS, SOURCES, Invented, handle, roughened
from stream.sources.demo.slots import Scene, filled
from stream.sources.demo.words import Company, companies, wordings

MINUTE_S: Final = 60
DOCUMENTS_A_MINUTE: Final = 12.0
DAY_SWING: Final = 1.5
BUSIEST_HOUR: Final = 14
COPIED: Final = 0.1

NEWS_SHARE: Final = 0.5
ENGLISH_SHARE: Final = 0.55
LABELS: Final = {"negative": 0.19, "neutral": 0.5, "positive": 0.31}
TOPIC_WEIGHTS: Final = {
    "news": {
        "earnings": 12.0,
        "equity_capital": 6.0,
        "mna_funding": 7.0,
        "company_ops": 12.0,
        "management": 5.0,
        "legal_risk": 6.0,
        "analyst_rating": 8.0,
        "market_move": 14.0,
        "opinion": 4.0,
        "macro": 6.0,
        "rates_central_bank": 4.0,
        "commodities_energy": 5.0,
        "fx_crypto": 4.0,
        "politics_policy": 4.0,
        "other": 3.0,
    },
    "comment": {
        "earnings": 8.0,
        "equity_capital": 4.0,
        "mna_funding": 3.0,
        "company_ops": 12.0,
        "management": 3.0,
        "legal_risk": 3.0,
        "analyst_rating": 3.0,
        "market_move": 30.0,
        "opinion": 14.0,
        "macro": 3.0,
        "rates_central_bank": 3.0,
        "commodities_energy": 3.0,
        "fx_crypto": 4.0,
        "politics_policy": 3.0,
        "other": 4.0,
    },
}


def rate(minute_s: int) -> float:
    """Return how many documents this minute has on average: more in the afternoon, UTC, than at night."""
    hour = minute_s % DAY_S / 3600
    return DOCUMENTS_A_MINUTE + DAY_SWING * math.cos((hour - BUSIEST_HOUR) / 24 * math.tau)


def background_of(minute_s: int, seed: int) -> list[Invented]:
    """Return the ordinary documents of the minute that starts at this unix second, in the order of their numbers."""
    draw = Draw(seed, minute_s)
    stories = int(rate(minute_s) / (1 + COPIED * NEWS_SHARE) + draw.uniform(-0.5, 1.5))
    found: list[Invented] = []
    for story in range(stories):
        # Spread over the minute: between two of them a reader of the page waits some seconds, never half a minute.
        at_ms = minute_s * 1000 + int((story + draw.uniform(0.3, 0.7)) / stories * MINUTE_S * 1000)
        document = _document(f"invented-{seed}-{minute_s}-{len(found)}", at_ms, draw)
        found.append(document)
        if document.kind == "news" and draw.chance(COPIED):
            found.append(_copy(document, f"invented-{seed}-{minute_s}-{len(found)}", minute_s, draw))
    return found


def _document(id: str, published_ms: int, draw: Draw) -> Invented:
    kind = "news" if draw.chance(NEWS_SHARE) else "comment"
    lang = "en" if draw.chance(ENGLISH_SHARE) else "zh"
    label, topic = draw.weighted(LABELS), draw.weighted(TOPIC_WEIGHTS[kind])
    known = wordings(kind, lang)
    while label not in known[topic]:
        topic = draw.weighted(TOPIC_WEIGHTS[kind])
    company = draw.pick(companies())
    wording = draw.pick(known[topic][label])
    text = roughened(filled(wording, Scene(draw, lang, company)), kind, lang, label, draw)
    return Invented(
        id=id,
        kind=kind,
        source=draw.pick(SOURCES[kind, lang]),
        lang=lang,
        text=text,
        author=handle(draw.whole(0, AUTHORS - 1)) if kind == "comment" else None,
        tickers=tickers_of(wording, company),
        published_ms=published_ms,
        label=label,
        topic=topic,
    )


def tickers_of(wording: str, company: Company) -> tuple[str, ...]:
    """Return the ticker of the company where the wording names one."""
    return (company.ticker,) if "{name}" in wording or "{tag}" in wording else ()


def _copy(document: Invented, id: str, minute_s: int, draw: Draw) -> Invented:
    """Return the same story as another source brings it, later in the same minute."""
    others = [source for source in SOURCES[document.kind, document.lang] if source != document.source]
    end_ms = (minute_s + MINUTE_S) * 1000 - 1
    return replace(document, id=id, source=draw.pick(others), published_ms=draw.whole(document.published_ms, end_ms))
