"""Token buckets: never more than was refilled, never a wrong wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.api.limits import ClientLimits, TokenBucket

rates = st.floats(0.1, 10_000)
capacities = st.floats(1, 10_000)
steps = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 5_000)), max_size=40)


@given(rates, capacities, steps)
def test_what_is_granted_never_exceeds_capacity_and_refill(
    rate: float, capacity: float, asked: list[tuple[float, float]]
) -> None:
    bucket, now, granted = TokenBucket(rate, capacity), 0.0, 0.0
    for pause_s, tokens in asked:
        now += pause_s
        if bucket.take(tokens, now) == 0:
            granted += tokens
        assert granted <= (capacity + rate * now) * (1 + 1e-9) + 1e-6


@given(rates, capacities, steps, st.floats(1, 5_000))
def test_after_the_wait_that_was_told_the_tokens_are_there(
    rate: float, capacity: float, asked: list[tuple[float, float]], tokens: float
) -> None:
    bucket, now = TokenBucket(rate, capacity), 0.0
    for pause_s, count in asked:
        now += pause_s
        bucket.take(count, now)
    wait_s = bucket.wait_s(tokens, now)
    if tokens > capacity:
        assert wait_s == float("inf")
    else:
        assert bucket.take(tokens, now + wait_s * (1 + 1e-9) + 1e-6) == 0


def test_a_refusal_takes_nothing() -> None:
    bucket = TokenBucket(1.0, 10.0)
    assert bucket.take(10, 0.0) == 0
    assert bucket.take(5, 1.0) == pytest.approx(4.0)
    assert bucket.take(5, 5.0) == 0


def test_a_clock_that_goes_back_adds_nothing() -> None:
    bucket = TokenBucket(1.0, 10.0)
    bucket.take(10, 100.0)
    assert bucket.take(1, 50.0) == pytest.approx(1.0)
    assert bucket.take(1, 100.5) == pytest.approx(0.5)


def test_clients_do_not_share_a_bucket_and_the_least_seen_is_forgotten() -> None:
    clients = ClientLimits(1.0, 2.0, max_clients=2)
    assert clients.bucket("a").take(2, 0.0) == 0
    assert clients.bucket("b").take(2, 0.0) == 0
    assert clients.bucket("a").take(1, 0.0) > 0
    clients.bucket("c")  # b has not been seen for longest
    assert clients.bucket("a").take(1, 0.0) > 0
    assert clients.bucket("b").take(2, 0.0) == 0
