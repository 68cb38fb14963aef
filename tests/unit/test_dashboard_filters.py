"""Filters: what a URL may say, and which time is looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.filters import (
    AT,
    CUSTOM,
    ENDS,
    KIND_CHOICES,
    MAX_COLUMNS,
    MAX_CUSTOM_S,
    MAX_POINTS,
    NEWEST,
    RANGES_S,
    Filters,
    Span,
    columns_of,
    from_query,
    span_of,
    to_query,
    wider,
)
from model.labels import TOPICS
from stream.store.keys import WINDOW_TTL_S

NOW_S = 1_770_000_030.5

instants = st.integers(min_value=700_000_000, max_value=4_000_000_000)


@given(
    st.builds(
        Filters,
        kind=st.sampled_from(KIND_CHOICES),
        range=st.sampled_from(tuple(RANGES_S)),
        end=st.sampled_from([end for end in ENDS if end != AT]),
        topics=st.sets(st.sampled_from(TOPICS)).map(lambda found: tuple(t for t in TOPICS if t in found)),
    )
    | st.builds(Filters, end=st.just(AT), at_s=instants)
    | st.builds(Filters, range=st.just(CUSTOM), from_s=instants.map(lambda s: s - 60), to_s=st.just(4_000_000_000))
)
def test_a_copied_url_shows_the_same(filters: Filters) -> None:
    assert from_query(to_query(filters)) == filters


@given(st.dictionaries(st.sampled_from(["kind", "range", "end", "from", "to", "topic", "lang"]), st.text()))
def test_no_url_can_break_the_page(query: dict[str, str]) -> None:
    filters = from_query(query)
    span = span_of(filters, NOW_S, 0)
    assert filters.kind in KIND_CHOICES and set(filters.topics) <= set(TOPICS)
    assert span.start_s < span.end_s


@pytest.mark.parametrize("end", ["2999-01-01T00:00:00Z", "0001-01-01", "-", "9" * 400, "nan"])
def test_an_end_that_no_store_can_hold_is_passed_over(end: str) -> None:
    assert from_query({"end": end}) == Filters()


def test_the_default_leaves_the_url_clean() -> None:
    assert to_query(Filters()) == {}


@pytest.mark.parametrize(
    ("name", "step_s", "width_s"),
    [
        ("15m", 60, 60),
        ("1h", 60, 60),
        ("6h", 300, 300),
        ("24h", 300, 300),
        ("7d", 3_600, 3_600),
        ("30d", 10_800, 3_600),
    ],
)
def test_each_range_has_steps_that_can_be_seen(name: str, step_s: int, width_s: int) -> None:
    span = span_of(Filters(range=name), NOW_S, 0)
    assert (span.step_s, span.width_s, span.length_s) == (step_s, width_s, RANGES_S[name])
    assert span.length_s // span.step_s <= MAX_POINTS
    assert span.start_s % span.step_s == 0


def test_now_lies_in_the_last_step_and_the_newest_document_too() -> None:
    live = span_of(Filters(), NOW_S, 0)
    assert live.end_s - live.step_s <= NOW_S < live.end_s
    newest_s = 1_517_832_000  # on the edge of a step: the window that starts there must be in
    past = span_of(Filters(end=NEWEST), NOW_S, newest_s)
    assert past.end_s - past.step_s <= newest_s < past.end_s


@given(instants, st.integers(min_value=1, max_value=10**9))
def test_any_custom_range_is_read_in_bounded_pieces(start_s: int, length_s: int) -> None:
    span = span_of(Filters(range=CUSTOM, from_s=start_s, to_s=start_s + length_s), NOW_S, 0)
    columns = columns_of(span)
    assert span.end_s >= start_s + length_s
    assert span.length_s <= MAX_CUSTOM_S + 2 * span.step_s
    for shown, most in ((span, MAX_POINTS), (columns, MAX_COLUMNS)):
        assert shown.length_s // shown.step_s <= most + 2
        assert shown.length_s // shown.width_s <= 2_500
        assert shown.step_s % shown.width_s == 0 and shown.width_s in WINDOW_TTL_S
    assert columns.start_s <= span.start_s and columns.end_s >= span.end_s


def test_the_span_before_is_as_long_and_ends_where_this_begins() -> None:
    assert Span(1_200, 1_800, 60, 60).before == Span(600, 1_200, 60, 60)


def test_wider_windows_cover_the_same_time_and_end_with_the_widest() -> None:
    span = Span(60, 660, 60, 60)
    assert wider(span) == Span(0, 900, 300, 300)
    assert wider(Span(0, 7_200, 3_600, 3_600)) is None


@given(instants, st.integers(min_value=60, max_value=MAX_CUSTOM_S))
def test_columns_are_never_made_of_narrower_windows_than_the_chart(start_s: int, length_s: int) -> None:
    span: Span | None = span_of(Filters(range=CUSTOM, from_s=start_s, to_s=start_s + length_s), NOW_S, 0)
    while span is not None:
        columns = columns_of(span)
        assert columns.width_s >= span.width_s
        assert columns.start_s <= span.start_s and columns.end_s >= span.end_s
        span = wider(span)


def test_an_hour_whose_minutes_are_gone_has_columns_of_five_minutes() -> None:
    hour = Span(0, 3_600, 60, 60)
    assert columns_of(hour) == Span(0, 3_600, 180, 60)
    assert columns_of(Span(0, 3_600, 300, 300)) == Span(0, 3_600, 300, 300)


def test_topics_chosen_replace_the_market() -> None:
    assert Filters().series == ("news/market/all", "comment/market/all")
    assert Filters(kind="news", topics=("macro",)).series == ("news/topic/macro",)
    assert Filters(kind="news").narrowed and not Filters().narrowed
