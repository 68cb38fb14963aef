"""What becomes of a delivery after an attempt, and the circuit breaker."""

from __future__ import annotations

import pytest

from stream.delivery.breaker import Breaker
from stream.delivery.schedule import LONGEST_RETRY_AFTER_S, SCHEDULE_S, Answer, following_ms, remaining_s, verdict

NOW_S = 1_767_355_200.0


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_delivered(status: int) -> None:
    assert verdict(Answer(status), 1, NOW_S, 0.5).state == "delivered"


@pytest.mark.parametrize("status", [None, 100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 429, 500, 503, 599])
def test_anything_else_is_tried_again(status: int | None) -> None:
    found = verdict(Answer(status), 1, NOW_S, 0.5)
    assert (found.state, found.next_in_s, found.gone) == ("pending", 5, False)


def test_the_waits_are_those_that_were_promised_and_then_it_is_dead() -> None:
    waits = [0.0]
    while (found := verdict(Answer(500), len(waits), NOW_S, 0.5)).state == "pending":
        assert found.next_in_s is not None
        waits.append(found.next_in_s)
    minute, hour = 60, 3_600
    assert waits == [0, 5, 30, 2 * minute, 5 * minute, 15 * minute, hour, 3 * hour, 6 * hour, 12 * hour]
    assert found.state == "dead" and found.next_in_s is None


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.8), (0.25, 0.9), (0.5, 1.0), (0.999_999, 1.2)])
def test_chance_moves_a_wait_by_a_fifth_at_most(chance: float, factor: float) -> None:
    for tries in range(1, len(SCHEDULE_S)):
        found = verdict(Answer(None), tries, NOW_S, chance)
        assert found.next_in_s == pytest.approx(SCHEDULE_S[tries] * factor)


def test_410_ends_the_delivery_and_the_endpoint() -> None:
    found = verdict(Answer(410), 1, NOW_S, 0.5)
    assert (found.state, found.gone) == ("dead", True)


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_asks_for_time_gets_it(status: int) -> None:
    found = verdict(Answer(status, retry_after="90"), 1, NOW_S, 0.5)
    assert (found.next_in_s, found.resume_in_s) == (90, 90)


def test_less_time_than_the_schedule_leaves_anyway_changes_nothing_of_it() -> None:
    found = verdict(Answer(429, retry_after="1"), 2, NOW_S, 0.5)
    assert (found.next_in_s, found.resume_in_s) == (30, 1)


@pytest.mark.parametrize("status", [500, 404, 302])
def test_only_429_and_503_may_ask_for_time(status: int) -> None:
    found = verdict(Answer(status, retry_after="90"), 1, NOW_S, 0.5)
    assert (found.next_in_s, found.resume_in_s) == (5, None)


def test_nobody_may_ask_for_more_than_half_a_day() -> None:
    assert verdict(Answer(503, retry_after="999999"), 1, NOW_S, 0.5).resume_in_s == LONGEST_RETRY_AFTER_S


def test_a_last_attempt_that_asks_for_time_is_dead_and_the_endpoint_still_gets_its_time() -> None:
    found = verdict(Answer(429, retry_after="90"), len(SCHEDULE_S), NOW_S, 0.5)
    assert (found.state, found.resume_in_s) == ("dead", 90)


def test_a_clock_that_is_set_back_delays_nothing() -> None:
    assert remaining_s(NOW_S * 1_000 + 30_000, 30_000, NOW_S) == pytest.approx(30)
    assert remaining_s(NOW_S * 1_000 + 30_000, 30_000, NOW_S - 3_600) == 0
    assert remaining_s(NOW_S * 1_000, 0, NOW_S - 3_600) == 0
    # Half a day is what it was told to wait: an hour of a clock cannot be told from it, and adds no more than itself.
    assert remaining_s((NOW_S + 36_000) * 1_000, 43_200_000, NOW_S - 3_600) == pytest.approx(39_600)


def test_what_follows_keeps_the_order_of_a_burst_and_forgets_a_clock_that_was_ahead() -> None:
    at_ms = [0.0]
    for now_ms in (1e12, 1e12, 1e12, 1e12 + 1, 1e12 - 20, 1e12 - 3.6e6, 1e12 - 3.6e6):
        at_ms.append(following_ms(at_ms[-1], now_ms))
    assert at_ms[1:6] == sorted(at_ms[1:6]) and len(set(at_ms)) == 8
    assert at_ms[6] == 1e12 - 3.6e6 and at_ms[6] < at_ms[7] < at_ms[6] + 1


def failed(times: int) -> Breaker:
    breaker = Breaker()
    for n in range(times):
        breaker = breaker.after(ok=False, now_s=NOW_S + n)
    return breaker


def test_the_breaker_opens_at_the_fifth_failure_and_lets_one_probe_a_minute_through() -> None:
    assert not failed(4).is_open and failed(4).not_before_s <= NOW_S
    breaker = failed(5)
    assert breaker.is_open and breaker.not_before_s == NOW_S + 4 + 60
    again = breaker.after(ok=False, now_s=NOW_S + 70)
    assert again.is_open and again.not_before_s == NOW_S + 130


def test_one_success_closes_the_breaker() -> None:
    assert failed(9).after(ok=True, now_s=NOW_S) == Breaker()


def test_an_endpoint_that_asked_for_time_gets_nothing_before() -> None:
    breaker = Breaker().after(ok=False, now_s=NOW_S, resume_in_s=90)
    assert (breaker.is_open, breaker.not_before_s) == (False, NOW_S + 90)
    assert failed(4).after(ok=False, now_s=NOW_S, resume_in_s=5).not_before_s == NOW_S + 60
