"""The volume channel follows its formulas, tells a burst once, and is not impressed by what a series often does."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.volume import BLIND_WINDOWS, Volume

counts = st.lists(st.integers(0, 500), min_size=1, max_size=400)


def by_the_formulas(values: list[int], opening: float) -> list[tuple[float, bool]]:
    """The same with every variable named as where it is written down."""
    q, u, d, m, peak = 0.98, 0.0, 0.0, 0.5, 0.0
    found = []
    for i in range(len(values)):
        last3 = values[max(0, i - 2) : i + 1]
        y = math.log(1 + sum(last3) / len(last3))
        e = max(0.0, y - u) / m if i >= 100 else 0.0
        found.append((e, e >= opening and e > 1.2 * peak))
        peak = max(peak * math.exp(-1 / 288), e)
        a = max(1 / 2000, 1 / (i + 5))
        u += a * 0.6 * max(d, 0.05) / (1 - q) * (q if y > u else q - 1)
        d += a * (min(abs(y - u), 5 * d + 0.1) - d)
        if y > u:
            m += max(0.01, 1 / (i + 20)) * (min(y - u, 4 * m) - m)
            m = max(m, 0.05)
    return found


@settings(max_examples=60, deadline=None)
@given(counts, st.floats(0.5, 8))
def test_it_is_what_the_formulas_say(values: list[int], opening: float) -> None:
    volume = Volume(opening)
    for (excess, fires), count in zip(by_the_formulas(values, opening), values, strict=True):
        found = volume.close(count)
        assert found[0] == pytest.approx(excess, abs=1e-9)
        assert found[1] is fires


@given(counts, st.integers(0, 400))
def test_a_restart_from_a_dump_changes_nothing(values: list[int], cut: int) -> None:
    through, first = Volume(), Volume()
    expected = [through.close(count) for count in values]
    before = [first.close(count) for count in values[:cut]]
    second = Volume.load(json.loads(json.dumps(first.dump())))
    assert before + [second.close(count) for count in values[cut:]] == expected
    assert len(second.dump()) == 1 + 7


def test_a_state_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="schema 99"):
        Volume.load([99])


def test_nothing_fires_before_a_hundred_windows() -> None:
    volume = Volume()
    assert not any(volume.close(10_000 if i % 7 == 0 else 1)[1] for i in range(BLIND_WINDOWS))


def test_a_burst_is_told_once_and_a_larger_one_again() -> None:
    rng = np.random.default_rng(1)
    volume = Volume()
    assert not any(volume.close(int(n))[1] for n in rng.poisson(20, 4000))
    burst = [volume.close(4_000)[1] for _ in range(12)]
    assert 1 <= sum(burst) <= 2
    assert not any(volume.close(int(n))[1] for n in rng.poisson(20, 100))
    assert any(volume.close(2_000_000)[1] for _ in range(3))


def test_a_series_that_bursts_every_hour_does_not_fire_for_an_hourly_burst() -> None:
    rng = np.random.default_rng(2)
    volume = Volume()
    hourly = [int(n) * (12 if i % 12 == 0 else 1) for i, n in enumerate(rng.poisson(20, 4000))]
    assert not any([volume.close(n)[1] for n in hourly][2000:])
