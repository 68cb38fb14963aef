"""Aggregates add up; intervals hold what they should."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.aggregates import Aggregate, index_interval, share_interval

counts = st.integers(0, 10_000)


@given(counts, counts, counts)
def test_the_share_interval_holds_the_share(negative: int, neutral: int, positive: int) -> None:
    one = Aggregate(0, negative=negative, neutral=neutral, positive=positive)
    low, high = share_interval(negative, one.total)
    assert 0 <= low <= high <= 1
    if one.negative_share is not None:
        assert low - 1e-9 <= one.negative_share <= high + 1e-9


def test_the_share_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(1)
    inside = 0
    for _ in range(2_000):
        k = sum(rng.random() < 0.2 for _ in range(40))
        low, high = share_interval(k, 40)
        inside += low <= 0.2 <= high
    assert 0.92 < inside / 2_000 < 0.985


@pytest.mark.parametrize("total", [1, 5, 500])
def test_the_index_interval_narrows_with_stories_and_never_closes(total: int) -> None:
    one = Aggregate(0, positive=total, score_sum=9_000 * total)
    found = index_interval(one)
    assert found is not None
    assert found[0] < 0.9 < found[1] <= 1.0
    assert (found[1] - found[0]) * total**0.5 < 3


def test_an_empty_window_has_no_index_and_no_share() -> None:
    empty = Aggregate(0)
    assert (empty.index, empty.negative_share, index_interval(empty)) == (None, None, None)


def test_aggregates_add_from_the_earlier_start() -> None:
    assert Aggregate(60, 2, 1, 0, 1, 5, 1) + Aggregate(0, 3, 1, 1, 0, -7, 0) == Aggregate(0, 5, 2, 1, 1, -2, 1)
