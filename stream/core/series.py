"""Series: what is counted together. One string, `{kind}/{dimension}/{value}`, everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

DIMENSIONS: Final = ("market", "topic", "ticker", "lang", "source")
MAX_VALUE_CHARS: Final = 80

# Letters and digits of any script; `|` separates fields in the store, so it can never be part of a value.
_NOT_SOURCE = re.compile(r"[^\w./:-]+")


def market(kind: str) -> str:
    """Return the series of everything of one kind."""
    return f"{kind}/market/all"


def topic_series(kind: str, topic: str) -> str:
    """Return the series of one topic of one kind."""
    return f"{kind}/topic/{topic}"


def source_value(source: str) -> str:
    """Return a source's name as it stands in series ids: lower case, runs of anything else as one hyphen.

    >>> source_value("ETF Trends")
    'etf-trends'
    """
    return (_NOT_SOURCE.sub("-", source.casefold()).strip("-") or "unknown")[:MAX_VALUE_CHARS]


def ticker_value(ticker: str) -> str:
    """Return a ticker as it stands in series ids: upper case, without a leading dollar sign."""
    return ticker.lstrip("$").upper()


def series_of(*, kind: str, topic: str, lang: str, source: str, tickers: Iterable[str]) -> tuple[str, ...]:
    """Return the series in which a document counts, market first, without repeats."""
    values = dict.fromkeys(ticker_value(ticker) for ticker in tickers)
    return (
        market(kind),
        topic_series(kind, topic),
        f"{kind}/lang/{source_value(lang)}",
        f"{kind}/source/{source_value(source)}",
        *(f"{kind}/ticker/{value}" for value in values if value),
    )


def parse(series: str) -> tuple[str, str, str]:
    """Return kind, dimension and value; ValueError for what is no series id."""
    kind, dimension, value = series.split("/", 2)
    if dimension not in DIMENSIONS or not value:
        raise ValueError(f"{series!r} is no series id: expected kind/{{{'|'.join(DIMENSIONS)}}}/value")
    return kind, dimension, value
