"""When a document counts, and whether it came late."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.event_time import event_time, is_late, time_problem, window_start_s

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
instants = st.datetimes(datetime(1990, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))


#   11:59            12:00            12:01
#   [----------------[0 --------------)[1 -----
@pytest.mark.parametrize(
    ("instant", "start"),
    [
        (NOON, NOON),
        (NOON + timedelta(minutes=1) - MICROSECOND, NOON),
        (NOON - MICROSECOND, NOON - timedelta(minutes=1)),
        (NOON.astimezone(timezone(timedelta(hours=5, minutes=30))), NOON),
    ],
)
def test_a_window_holds_its_start_and_not_its_end(instant: datetime, start: datetime) -> None:
    assert window_start_s(instant) == start.timestamp()


@given(instants, st.sampled_from([1, 60, 300, 3_600]))
def test_an_instant_lies_in_its_window(instant: datetime, width_s: int) -> None:
    start = datetime.fromtimestamp(window_start_s(instant, width_s), UTC)
    assert start <= instant < start + timedelta(seconds=width_s)


@given(instants, instants)
def test_event_time_is_never_after_the_document_came(published: datetime, received: datetime) -> None:
    assert event_time(published, received) == sorted([published, received])[0]


def test_without_a_published_time_the_received_time_counts() -> None:
    assert event_time(None, NOON) == NOON


@pytest.mark.parametrize(("age", "late"), [(timedelta(minutes=60) - MICROSECOND, False), (timedelta(minutes=60), True)])
def test_a_document_is_late_from_an_hour_on(age: timedelta, late: bool) -> None:
    assert is_late(NOON - age, NOON) is late


@pytest.mark.parametrize(
    ("published", "reason"),
    [
        (None, None),
        (NOON + timedelta(days=1), None),
        (NOON + timedelta(days=1) + MICROSECOND, "published_at: .* is more than a day ahead"),
        (datetime(1990, 1, 1, tzinfo=UTC), None),
        (datetime(1990, 1, 1, tzinfo=UTC) - MICROSECOND, "published_at: .* is before 1990-01-01"),
        (datetime(1970, 1, 1, tzinfo=UTC), "published_at: .* is before 1990-01-01"),
        (datetime(2999, 1, 1, tzinfo=UTC), "published_at: .* is more than a day ahead"),
    ],
)
def test_times_out_of_bounds_are_named(published: datetime | None, reason: str | None) -> None:
    found = time_problem(published, NOON, NOON)
    if reason is None:
        assert found is None
    else:
        assert found is not None
        assert re.match(reason, found)
