"""What waits to be applied, and what was passed over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.progress import gaps, lag

NEWS = ("documents.news", 0)


@pytest.mark.parametrize(
    ("end", "beginning", "applied", "waiting"),
    [(10, 0, {}, 10), (10, 0, {NEWS: 9}, 0), (10, 0, {NEWS: 3}, 6), (10, 7, {NEWS: 3}, 3), (0, 0, {NEWS: 41}, 0)],
)
def test_what_waits_is_what_kafka_still_has_and_the_store_has_not(
    end: int, beginning: int, applied: dict[tuple[str, int], int], waiting: int
) -> None:
    assert lag({NEWS: end}, {NEWS: beginning}, applied) == waiting


@pytest.mark.parametrize(
    ("delivered", "applied", "found"),
    [
        ([5, 6, 7], 4, []),
        ([3, 4, 5], 4, []),
        ([7, 8], 4, [(NEWS, 5, 7)]),
        ([5, 8, 9], 4, [(NEWS, 6, 8)]),
        ([2], -1, [(NEWS, 0, 2)]),
    ],
)
def test_offsets_that_were_passed_over_are_named(
    delivered: list[int], applied: int, found: list[tuple[tuple[str, int], int, int]]
) -> None:
    assert gaps({NEWS: delivered}, {NEWS: applied}) == found


@given(st.sets(st.integers(0, 60), min_size=1), st.integers(-1, 60))
def test_gaps_and_deliveries_cover_everything_above_what_was_applied(delivered: set[int], applied: int) -> None:
    missing = {o for _, start, end in gaps({NEWS: sorted(delivered)}, {NEWS: applied}) for o in range(start, end)}
    assert missing == set(range(applied + 1, max(delivered) + 1)) - delivered
