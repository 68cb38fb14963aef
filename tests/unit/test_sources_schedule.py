"""Which documents of a file are sent, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.documents import MAX_NAME_CHARS
from stream.sources.schedule import Pace, Span, parse_instant, parse_speed, redated_id, run_mark

START = datetime(2018, 2, 5, tzinfo=UTC)
published = st.integers(0, 10_000_000).map(lambda seconds: START + timedelta(seconds=seconds))
speeds = st.floats(0.1, 100_000)


@given(st.lists(published, min_size=1), speeds)
def test_sorted_documents_are_due_at_their_distance_from_the_first_divided_by_the_speed(
    times: list[datetime], speed: float
) -> None:
    times.sort()
    pace = Pace(speed)
    due = [pace.due_s(instant) for instant in times]
    assert due == pytest.approx([(instant - times[0]).total_seconds() / speed for instant in times])


@given(st.lists(st.none() | published), speeds)
def test_no_document_is_due_before_one_that_stands_earlier_in_the_file(
    times: list[datetime | None], speed: float
) -> None:
    pace = Pace(speed)
    due = [pace.due_s(instant) for instant in times]
    assert due == sorted(due)
    assert all(value >= 0 for value in due)


@given(st.lists(st.none() | published))
def test_at_max_everything_is_due_at_once(times: list[datetime | None]) -> None:
    pace = Pace(None)
    assert {pace.due_s(instant) for instant in times} <= {0.0}


@given(st.lists(published), published, published)
def test_a_span_and_its_outside_share_no_instant(times: list[datetime], a: datetime, b: datetime) -> None:
    start, end = sorted((a, b))
    inside = [instant for instant in times if Span(start, end).holds(instant)]
    before = [instant for instant in times if Span(None, start).holds(instant)]
    after = [instant for instant in times if Span(end, None).holds(instant)]
    assert sorted(inside + before + after) == sorted(times)


@pytest.mark.parametrize(("text", "speed"), [("max", None), ("60x", 60.0), ("0.5x", 0.5)])
def test_speeds(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "60", "x", "-1x", "0x", "0.0x", "1e3x", "60 x", "nanx", "MAX"])
def test_what_is_no_speed_says_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected max, or a number above zero and x, such as 60x"):
        parse_speed(text)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2018-02-05", START),
        ("2018-02-05T00:00:00Z", START),
        ("2018-02-05T08:00:00+08:00", START),
    ],
)
def test_instants(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant


@pytest.mark.parametrize("text", ["", "2018-02-05T00:00:00", "2018-02-30", "5 Feb 2018", "20180205", "2018-W06-1"])
def test_what_is_no_instant_says_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected 2018-02-05, or 2018-02-05T14:30:00Z"):
        parse_instant(text)


@given(st.text(min_size=1, max_size=MAX_NAME_CHARS), st.text(min_size=1, max_size=MAX_NAME_CHARS))
def test_redated_ids_differ_where_ids_do_and_are_never_too_long(a: str, b: str) -> None:
    run = run_mark(START)
    assert (redated_id(a, run) == redated_id(b, run)) is (a == b)
    assert len(redated_id(a, run)) <= MAX_NAME_CHARS
    assert redated_id(a, run) != redated_id(a, run_mark(START + timedelta(microseconds=1)))
