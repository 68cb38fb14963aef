"""When a feed is polled next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.sources.rss.pace import Repeats, after_failure_s, after_success_s, asked_interval_s

CHANCE = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(("asked_s", "expected"), [(None, 60), (30, 60), (900, 900), (10**9, 86_400)])
def test_a_feed_may_ask_for_fewer_polls_not_for_more(asked_s: float | None, expected: float) -> None:
    assert after_success_s(60, asked_s, 0.0) == expected
    assert expected < after_success_s(60, asked_s, 0.99) <= expected * 1.1


@given(CHANCE, st.integers(1, 10_000))
def test_pauses_after_failures_grow_up_to_an_hour(chance: float, failures: int) -> None:
    pause_s = after_failure_s(60, failures, None, chance)
    assert 60 < pause_s <= 3_600
    assert after_failure_s(60, failures + 1, None, chance) >= pause_s


def test_pauses_after_failures() -> None:
    assert [after_failure_s(60, n, None, 0.999999) for n in (1, 2, 6, 60)] == pytest.approx(
        [120, 240, 3600, 3600], rel=0.01
    )


@pytest.mark.parametrize(("asked_s", "least"), [(5, 90), (7_000, 7_000), (10**9, 86_400)])
def test_retry_after_is_waited_in_full_up_to_a_day(asked_s: float, least: float) -> None:
    assert after_failure_s(60, 1, asked_s, 0.0) == least


def test_a_long_interval_is_kept_after_a_failure() -> None:
    assert after_failure_s(7_200, 1, None, 0.5) == 7_200


@pytest.mark.parametrize(
    ("ttl", "period", "frequency", "expected"),
    [
        ("15", "daily", "1", 900),
        ("0", "hourly", "", 3_600),
        ("", "hourly", "4", 900),
        ("", " Daily ", None, 86_400),
        ("", "hourly", "0", 3_600),
        ("soon", "often", "x", None),
        (None, None, None, None),
        ("-1", "", "", None),
    ],
)
def test_what_a_feed_asks_for(
    ttl: str | None, period: str | None, frequency: str | None, expected: float | None
) -> None:
    assert asked_interval_s(ttl, period, frequency) == expected


def test_what_lasts_is_said_ever_more_rarely() -> None:
    repeats = Repeats()
    said = [second for second in range(0, 86_400, 10) if repeats.due("x", second)]
    assert said[:4] == [0, 60, 180, 420]
    assert len(said) < 12
    assert repeats.over("x")
    assert not repeats.over("x")
    assert repeats.due("x", 86_400)
