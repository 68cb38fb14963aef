"""What is counted together, and which copies are one story."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.series import parse, series_of
from stream.core.stories import normalised, story_id, story_key


def test_a_document_counts_in_its_market_topic_language_source_and_tickers_once_each() -> None:
    assert series_of(
        kind="news", topic="macro", lang="en", source="ETF Trends", tickers=["$aapl", "AAPL", "BRK.B"]
    ) == (
        "news/market/all",
        "news/topic/macro",
        "news/lang/en",
        "news/source/etf-trends",
        "news/ticker/AAPL",
        "news/ticker/BRK.B",
    )


@given(st.text(max_size=200))
def test_no_source_can_break_a_series_id(source: str) -> None:
    for series in series_of(kind="comment", topic="macro", lang="zh", source=source, tickers=()):
        kind, dimension, value = parse(series)
        assert kind == "comment" and dimension and value
        assert not set(series) & set("|\n\r\t,;\"'<>=+ ")


def test_what_is_no_series_is_refused() -> None:
    with pytest.raises(ValueError, match="is no series id"):
        parse("news/mood/all")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Oil slumps 4%!", "oil slumps 4%"),
        ("RT @fund: Oil slumps 4% https://t.co/abc", "Oil slumps 4%"),
        ("Ｏｉｌ slumps 4%", "Oil  slumps 4%..."),
        ("央行降息！！！", "央行降息"),
    ],
)
def test_copies_have_one_key(one: str, other: str) -> None:
    assert story_key(one) == story_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Oil slumps 4%", "Oil slumps 5%"), ("🚀🚀", "📉📉"), ("$AAPL up", "AAPL up")]
)
def test_different_words_have_different_keys(one: str, other: str) -> None:
    assert story_key(one) != story_key(other)


LONG = "this is a long comment of exactly twelve words about nothing at all"


@pytest.mark.parametrize(
    ("kind", "text", "authors", "stories"),
    [
        ("news", "Oil slumps", (None, None), 1),
        ("comment", "sell everything now", ("a", "b"), 2),
        ("comment", "sell everything now", ("a", "a"), 1),
        ("comment", "sell everything now", (None, None), 2),
        ("comment", LONG + " today", (None, None), 1),
        ("comment", "跌停跌停", ("a", "b"), 2),
        ("comment", "今天大盘又跌停了大家都在卖出", ("a", "b"), 1),
    ],
)
def test_short_comments_are_stories_of_their_own_authors(
    kind: str, text: str, authors: tuple[str | None, ...], stories: int
) -> None:
    ids = {story_id(kind=kind, text=text, author=author, document=str(i)) for i, author in enumerate(authors)}
    assert len(ids) == stories


@given(st.text())
def test_normalising_is_total_and_changes_nothing_the_second_time(text: str) -> None:
    once = normalised(text)
    assert normalised(once).split() == once.split() or "@" in text or "http" in text.lower() or "www" in text.lower()
    assert len(story_key(text)) == 8
