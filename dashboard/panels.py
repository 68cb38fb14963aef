"""Strip, tiles and headlines as plain data: everything is text by now, and the browser only places it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboard.filters import Span
from dashboard.formats import NONE, Formats
from dashboard.i18n import Words
from dashboard.palette import MARKS, TONES
from dashboard.safe import link, plain
from stream.core.aggregates import Aggregate, index_interval, share_interval
from stream.store.read import Headline, Totals

LIVE, PAUSED, PAST, DOWN = "live", "paused", "past", "down"
FRESH_S: Final = 2.0
SLOW_S: Final = 10.0
MOST_LINES: Final = 60
MOST_TICKERS: Final = 4
# An end this near to the present is the present: the last window is still filling.
_PRESENT_STEPS: Final = 2

Panel = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """When the page is drawn. `paused_s` is when the reader paused; None while it runs."""

    now_s: float
    paused_s: float | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """What the tiles tell of.

    Attributes:
        whole, before: the sums over the span and over the equal span before it.
        windows: the span step by step.
        elapsed_s: seconds of the span that have passed: a span that ends in the future is not full.
        length_s: seconds of the span before.
    """

    whole: Aggregate
    before: Aggregate
    windows: Sequence[Aggregate]
    elapsed_s: float
    length_s: float


def mode(span: Span | None, moment: Moment) -> str:
    """Return LIVE, PAUSED or PAST."""
    if moment.paused_s is not None:
        return PAUSED
    return PAST if is_past(span, moment.now_s) else LIVE


def is_past(span: Span | None, at_s: float) -> bool:
    """Return whether the span ended before what was the present at that time."""
    return span is not None and span.end_s < at_s - _PRESENT_STEPS * span.step_s


def age_level(age_s: float | None, past: bool = False) -> str:
    """Return how fresh data of this age is: fresh under 2 s, slow under 10 s, else old.

    It is "none", which draws no eye, where there is no data, and for a reader who looks at a past.
    """
    if age_s is None or past:
        return "none"
    return "fresh" if age_s < FRESH_S else "slow" if age_s < SLOW_S else "old"


def age_s(seen: Totals, now_s: float) -> float | None:
    """Return how long ago the newest document was received; None before the first."""
    return max(0.0, now_s - seen.newest_received_ms / 1000) if seen.newest_received_ms else None


def strip(seen: Totals, state: str, moment: Moment, span: Span | None, formats: Formats) -> Panel:
    """Return the strip: what is looked at, the clock, and the age of the data."""
    words, age = formats.words, age_s(seen, moment.now_s)
    shown = formats.span(span.start_s, span.end_s) if span is not None and state == PAST else ""
    frozen = words("strip.frozen", time=formats.clock(moment.paused_s)) if moment.paused_s is not None else ""
    return {
        "state": state,
        "label": words(f"strip.{state}"),
        "note": shown or frozen,
        "clock": formats.clock(moment.now_s),
        "zone": formats.zone_name(moment.now_s),
        "age": words("strip.nothing") if age is None else age_text(age, formats),
        "level": age_level(age, is_past(span, moment.paused_s or moment.now_s)),
        "hint": words("strip.hint"),
        "lost": words("strip.lost"),
        "lang": words.lang,
    }


def down_strip(picture_age_s: float | None, moment: Moment, formats: Formats) -> Panel:
    """Return the strip for a store that does not answer."""
    age = "" if picture_age_s is None else formats.words("strip.picture_age", age=formats.length(picture_age_s))
    return strip(Totals(), DOWN, moment, None, formats) | {"age": age, "level": "none"}


def age_text(age: float, formats: Formats) -> str:
    """Return how old the newest document is, in words."""
    words = formats.words
    return words("strip.just_now") if age < FRESH_S else words("strip.ago", age=formats.length(age))


def tiles(sums: Sums, seen: Totals, now_s: float, formats: Formats, *, past: bool = False) -> list[Panel]:
    """Return the four tiles; `past` where the span ended before the present."""
    words, age = formats.words, age_s(seen, now_s)
    return [
        _index_tile(sums, formats),
        _share_tile(sums, formats),
        _rate_tile(sums, formats),
        {
            "key": "age",
            "label": words("tile.age"),
            "value": _age(age, formats),
            "level": age_level(age, past),
            "sub": words("tile.received", n=formats.whole(seen.records)),
            "foot": words("tile.newest", time=formats.short(seen.newest_event_s, now_s)) if age is not None else "",
        },
    ]


def _age(age: float | None, formats: Formats) -> str:
    if age is None:
        return NONE
    return formats.words("length.second", n=f"{age:.1f}") if age < SLOW_S else formats.length(age)


def headline_rows(lines: Iterable[Headline], now_s: float, formats: Formats) -> list[Panel]:
    """Return the headlines as text, newest first: no markup, no link but http(s)."""
    return [_row(line, now_s, formats) for line in list(lines)[:MOST_LINES]]


def headlines(rows: list[Panel], hold: bool, words: Words) -> Panel:
    """Return the list; new rows wait while `hold`, or while the reader's hand is over it."""
    return {
        "rows": rows,
        "hold": hold,
        "title": words("headlines.title"),
        "waiting": words("headlines.waiting", n="{n}"),
        "empty": words("headlines.empty"),
        "columns": [
            words(f"headlines.{name}") for name in ("time", "score", "topic", "headline", "tickers", "from", "copies")
        ],
    }


def _row(line: Headline, now_s: float, formats: Formats) -> Panel:
    words = formats.words
    label = line.label if line.label in MARKS else "neutral"
    tickers = [plain(ticker, 24) for ticker in line.tickers]
    more = [f"+{len(tickers) - MOST_TICKERS}"] if len(tickers) > MOST_TICKERS else []
    return {
        "id": plain(line.story, 64),
        "time": formats.short(line.event_s, now_s),
        "when": formats.instant(line.event_s),
        "mark": MARKS[label],
        "tone": TONES[label],
        "label": words(f"label.{label}"),
        "score": formats.signed(line.score, 2),
        "topic": topic_name(line.topic, words),
        "title": plain(line.title) or words("headlines.untitled"),
        "url": link(line.url),
        "tickers": tickers[:MOST_TICKERS] + more,
        "source": plain(line.source, 40),
        "lang": plain(line.lang, 8),
        "copies": f"×{formats.whole(line.copies)}" if line.copies > 1 else "",
        "late": words("headlines.late") if line.late else "",
    }


def topic_name(topic: str, words: Words) -> str:
    """Return a topic's name; one that the catalogue lacks is shown as it came, as text."""
    return words.catalogue.get(f"topic.{topic}", plain(topic, 24))


def _index_tile(sums: Sums, formats: Formats) -> Panel:
    words, whole, before = formats.words, sums.whole, sums.before
    change = None if whole.index is None or before.index is None else whole.index - before.index
    band = index_interval(whole)
    return {
        "key": "index",
        "label": words("tile.index"),
        "value": formats.signed(whole.index),
        "sub": words("tile.interval", low=formats.signed(band[0]), high=formats.signed(band[1])) if band else "",
        "change": _change(change, formats.signed(change), words, "pos"),
        "spark": [w.index for w in sums.windows],
    }


def _share_tile(sums: Sums, formats: Formats) -> Panel:
    words, whole, before = formats.words, sums.whole, sums.before
    now, then = whole.negative_share, before.negative_share
    change = None if now is None or then is None else now - then
    low, high = share_interval(whole.negative, whole.total)
    told = words("tile.points", value=formats.signed(change * 100, 1)) if change is not None else ""
    return {
        "key": "share",
        "label": words("tile.share"),
        "value": formats.percent(now),
        "sub": words("tile.interval", low=formats.percent(low), high=formats.percent(high)) if whole.total else "",
        "change": _change(change, told, words, "neg"),
        "spark": [w.negative_share for w in sums.windows],
    }


def _rate_tile(sums: Sums, formats: Formats) -> Panel:
    words, whole = formats.words, sums.whole
    rate = whole.documents / max(sums.elapsed_s / 60, 1 / 60)
    then = sums.before.documents / (sums.length_s / 60)
    ratio = rate / then - 1 if then else None
    told = formats.signed(ratio * 100, 0) + " %" if ratio is not None else ""
    return {
        "key": "rate",
        "label": words("tile.rate"),
        "value": formats.rate(rate),
        "sub": words("tile.counts", documents=formats.whole(whole.documents), stories=formats.whole(whole.total)),
        "change": _change(ratio, told, words, "neu"),
        "spark": [w.documents for w in sums.windows],
    }


def _change(change: float | None, text: str, words: Words, rise: str) -> Panel | None:
    """Return the change against the span before; `rise` is the tone of a higher value."""
    if change is None:
        return None
    other = {"pos": "neg", "neg": "pos", "neu": "neu"}[rise]
    arrow, tone = ("↑", rise) if change > 0 else ("↓", other) if change < 0 else ("→", "neu")
    return {"text": f"{arrow} {text}", "tone": tone, "hint": words("tile.change")}
