"""What the list of newest stories says of who tells a spike."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC
from typing import Any

import msgspec
import pytest

from dashboard.formats import Formats
from dashboard.i18n import words
from dashboard.panels import headline_rows
from dashboard.tables import headlines_table
from stream.core.event_time import DAY_S
from stream.core.incidents import Story
from stream.core.readings import Support
from stream.detector.witness import is_whole, support
from stream.store.read import Headline

MARKET, SOURCE = "comment/market/all", "comment/source/wire"


def line(n: int = 0, **more: Any) -> Headline:
    given: dict[str, Any] = {
        "id": str(n), "event_s": n, "received_ms": 0, "kind": "comment", "lang": "en", "source": "wire", "title": "t",
        "label": "negative", "score": -0.9, "topic": "macro", "story": "00",
    }  # fmt: skip
    return Headline(**(given | more))


def by(*authors: str | None, **more: Any) -> list[Headline]:
    return [line(n, author=author, **more) for n, author in enumerate(authors)]


@pytest.mark.parametrize(
    ("before", "within", "authors"),
    [
        (by("a", "b"), by("c", "c", "c"), 1),
        (by("a", "b"), by("c", "d", None), 2),
        ([], by("c", "d"), 2),
        (by(None, None, None), by("c", "c"), None),  # two of five
        (by(None, None), by("c", "c"), 1),  # half of them
        (by(None), by(None), None),
        (by("a", "b", "c"), by(None, None, None), 0),  # who usually signs and does not now, is nobody
        ([], [], None),
    ],
)
def test_authors_of_negative_stories_count_where_most_stories_carry_one(
    before: list[Headline], within: list[Headline], authors: int | None
) -> None:
    assert support(before, within, MARKET).authors == authors


def test_authors_of_other_stories_do_not_count() -> None:
    within = [*by("a", "b", "c", label="neutral"), *by("d", "d")]
    assert support([], within, MARKET).authors == 1


def test_sources_count_where_the_series_usually_has_several() -> None:
    one, two = [line(source="a")], [line(source="a"), line(source="b")]
    assert support(two, one, MARKET) == Support(sources=1)
    assert support(one, two, MARKET) == Support()
    assert support(two, one, SOURCE) == Support()


def test_what_the_four_busiest_authors_told_again_is_repeated() -> None:
    within = by(*"aaaabbbccd", *"effgg")
    assert support([], within, MARKET) == Support(authors=7, repeated=7 / 15)
    assert support([], by(None, *"aaa"), MARKET).repeated == 0.5
    assert support([], by(None, None, None, *"aa"), MARKET) == Support()


def test_sources_of_the_quiet_time_before_a_storm_do_not_speak_for_it() -> None:
    usual = [line(100 * n, source="ab"[n % 2], label="negative" if n % 10 < 2 else "neutral") for n in range(36)]
    storm = [line(3_600 + n, source="a") for n in range(60)]
    assert support(usual, [*usual, *storm], MARKET).sources == 1
    assert support(usual, [*usual, *storm, *(line(3_600 + n, source="b") for n in range(3))], MARKET).sources == 1
    assert support(usual, [*usual, *storm, *(line(3_600 + n, source="b") for n in range(9))], MARKET).sources == 2


@pytest.mark.parametrize(
    ("told", "leads"),
    [
        ([("A",), ("A",), ("B",), ()], "A"),  # half of them
        ([("A",), ("B",), ("C",)], None),
        ([("B", "A"), ("A", "B")], "A"),  # equals: the first by name
        ([("A", "A"), ("B",), ("B",), ()], "B"),  # a story names a ticker once
        ([(), ()], None),
        ([], None),
    ],
)
def test_a_wide_series_is_led_by_the_ticker_of_half_of_its_negative_stories(
    told: list[tuple[str, ...]], leads: str | None
) -> None:
    within = [*(line(n, tickers=names) for n, names in enumerate(told)), line(99, label="neutral", tickers=("Z",))]
    assert support([], within, MARKET).lead == leads
    assert support([], within, "comment/ticker/A").lead is None


def test_a_few_stories_of_a_list_with_gaps_tell_nothing() -> None:
    before = by(*"ab")
    assert support(before, by(*"c" * 9), MARKET, whole=False) == Support()
    assert support(before, by(*"c" * 10), MARKET, whole=False) == Support(authors=1, repeated=0.9)


def test_a_list_is_whole_unless_a_full_day_begins_within_the_span() -> None:
    full = [line(event_s=DAY_S + n) for n in range(100, 110)]
    assert is_whole(full, DAY_S + 105, most=11)
    assert is_whole(full, DAY_S + 105, most=10)
    assert not is_whole(full, DAY_S + 100, most=10)
    assert not is_whole(full, DAY_S - 5, most=10)
    assert is_whole([], 0, most=10)


def test_an_author_is_kept_and_never_shown_or_sent() -> None:
    author = "a1:0123456789abcdef"
    kept = msgspec.json.decode(msgspec.json.encode(line(author=author)), type=Headline)
    assert kept.author == author
    assert msgspec.json.decode(msgspec.json.encode(line()), type=Headline).author is None
    formats = Formats(words("en"), UTC)
    shown = json.dumps(headline_rows([kept], 100.0, formats)) + repr(headlines_table([kept], formats))
    assert author not in shown
    assert "author" not in {field.name for field in dataclasses.fields(Story)}
