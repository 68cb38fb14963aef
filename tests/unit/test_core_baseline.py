"""A baseline learns level, rhythm, dispersion and share, and is not carried away by a spike or a fault."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.baseline import PRIOR_DOCUMENTS, Baseline
from stream.core.clocks import BUDGET, CLOCKS, Clock, named, shifted
from stream.core.evidence import SPANS

MONDAY = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
FIVE = named(CLOCKS, "5m")
DAILY = named(CLOCKS, "1d")


def taught(
    windows: int, mean: float, share: float, *, phi: float = 0.0, clock: Clock = FIVE, seed: int = 1
) -> Baseline:
    rng = np.random.default_rng(seed)
    baseline = Baseline(clock, 0.2)
    for i in range(windows):
        rate = mean * (rng.gamma(1 / phi, phi) if phi else 1.0)
        total = int(rng.poisson(rate))
        baseline.learn(MONDAY + i * clock.step_s, int(rng.binomial(total, share)), total, 1.0)
    return baseline


@given(st.integers(0, 2_000_000_000), st.sampled_from(CLOCKS))
def test_a_rhythm_cell_is_the_hour_of_its_day_type(at_s: int, clock: Clock) -> None:
    start_s = clock.window_start_s(at_s)
    moment = datetime.fromtimestamp(start_s, UTC)
    expected = moment.hour * clock.cells_a_day // 24 + clock.cells_a_day * (moment.weekday() >= 5)
    assert clock.cell(start_s) == (expected if clock.cells_a_day else 0)
    assert start_s <= at_s < start_s + clock.step_s


def test_a_tenfold_smaller_budget_raises_every_opening_by_the_same_and_leaves_the_closing() -> None:
    for clock in CLOCKS:
        strict = shifted(clock, BUDGET / 10)
        names = ("open_z", "at_once_z", "early_z", "critical_z")
        moved = {round(getattr(strict, n) - getattr(clock, n), 9) for n in names}
        assert moved == {round(1 / 1.54, 9)}
        assert (strict.close_z, strict.guard_z) == (clock.close_z, clock.guard_z)
        assert shifted(clock, BUDGET) == clock
        assert shifted(clock, 10.0).open_z >= clock.close_z


def test_nothing_is_expected_before_anything_was_learnt() -> None:
    baseline = Baseline(FIVE, 0.35)
    assert baseline.expected(MONDAY) == 0.0
    assert baseline.share == pytest.approx(0.35)
    assert baseline.dispersion == pytest.approx(0.3)
    assert baseline.concentration == pytest.approx(30.0)


@pytest.mark.parametrize(("mean", "share"), [(0.3, 0.1), (3.0, 0.4), (80.0, 0.12)])
def test_a_steady_series_is_learnt_in_days(mean: float, share: float) -> None:
    baseline = taught(2016, mean, share)
    assert baseline.expected(MONDAY) == pytest.approx(mean, rel=0.35)
    assert baseline.share == pytest.approx(share, abs=0.08)
    assert baseline.steps == 2016


def test_the_share_of_a_series_of_single_stories_is_not_biased() -> None:
    shares = [taught(4000, 0.4, 0.05, seed=seed).share for seed in range(12)]
    assert float(np.mean(shares)) == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize("phi", [0.05, 0.3, 1.0])
def test_dispersion_is_learnt(phi: float) -> None:
    learnt = [taught(2016, 30.0, 0.2, phi=phi, seed=seed).dispersion for seed in range(6)]
    assert float(np.median(learnt)) == pytest.approx(phi, rel=0.5)


def test_shares_that_scatter_widen_what_a_window_may_show() -> None:
    rng = np.random.default_rng(3)
    calm, wild = Baseline(FIVE, 0.2), Baseline(FIVE, 0.2)
    for i in range(2016):
        calm.learn(MONDAY + 300 * i, int(rng.binomial(50, 0.2)), 50, 1.0)
        wild.learn(MONDAY + 300 * i, int(rng.binomial(50, rng.beta(2, 8))), 50, 1.0)
    assert wild.concentration == pytest.approx(10.0, rel=0.5)
    assert calm.concentration > 100


def test_shares_that_drift_together_widen_what_a_long_span_may_show() -> None:
    """With independent windows a span of twelve says twelve times as much; with shares of an hour no more."""
    learnt = []
    for together in (1, 12):
        rng = np.random.default_rng(5)
        baseline, past = Baseline(FIVE, 0.2), []
        for i in range(8064):
            if i % together == 0:
                share = rng.beta(8, 32)
            past.append((int(rng.binomial(60, share)), 60))
            spans = [
                (steps, sum(k for k, _ in past[-steps:]), 60 * steps) for steps in SPANS[1:] if (i + 1) % steps == 0
            ]
            baseline.learn(MONDAY + 300 * i, *past[-1], 1.0, spans)
        learnt.append(1 / baseline.longer[-1] - 1)
    apart, together_ = learnt
    assert apart > 250
    assert 20 < together_ < 100


def test_the_day_and_the_weekend_are_learnt() -> None:
    rng = np.random.default_rng(4)
    baseline = Baseline(FIVE, 0.2)
    for i in range(4 * 2016):
        at = MONDAY + 300 * i
        hour, weekend = at % 86_400 // 3600, (at // 86_400 + 3) % 7 >= 5
        total = int(rng.poisson((20.0 if 8 <= hour < 18 else 5.0) * (0.5 if weekend else 1.0)))
        baseline.learn(at, 0, total, 1.0)
    following = MONDAY + 4 * 604_800
    noon, night, saturday = (baseline.expected(following + s) for s in (12 * 3600, 3 * 3600, 5 * 86_400 + 12 * 3600))
    assert noon == pytest.approx(20, rel=0.3)
    assert night == pytest.approx(5, rel=0.3)
    assert saturday == pytest.approx(10, rel=0.35)


def test_an_unseen_weekend_borrows_from_the_weekdays() -> None:
    baseline = Baseline(FIVE, 0.2)
    for i in range(4 * 288):  # Monday to Thursday
        at = MONDAY + 300 * i
        baseline.learn(at, 0, 30 if at % 86_400 // 3600 == 12 else 3, 1.0)
    saturday = MONDAY + 5 * 86_400
    assert baseline.factor(saturday + 12 * 3600) > 2 * baseline.factor(saturday)


def test_the_daily_clock_knows_no_rhythm() -> None:
    baseline = taught(60, 40.0, 0.2, clock=DAILY)
    assert {baseline.factor(MONDAY + day * 86_400) for day in range(14)} == {1.0}


def test_an_empty_window_where_much_was_expected_teaches_nothing() -> None:
    baseline = taught(500, 20.0, 0.2)
    before = baseline.dump()
    baseline.learn(MONDAY + 500 * 300, 0, 0, 1.0)
    assert baseline.dump() == before


def test_an_empty_window_of_a_thin_series_teaches() -> None:
    baseline = taught(500, 2.0, 0.2)
    level = baseline.level
    baseline.learn(MONDAY + 500 * 300, 0, 0, 1.0)
    assert baseline.level < level


def test_one_window_of_a_flood_moves_the_level_little() -> None:
    baseline = taught(2016, 20.0, 0.2)
    level = baseline.level
    baseline.learn(MONDAY, 200, 2000, 1.0)
    assert level < baseline.level < 1.01 * level


def test_a_guarded_window_hardly_teaches_the_share() -> None:
    free, guarded = taught(2016, 20.0, 0.2), taught(2016, 20.0, 0.2)
    before = free.share
    for i in range(12):
        free.learn(MONDAY + 300 * i, 15, 20, 1.0)
        guarded.learn(MONDAY + 300 * i, 15, 20, 0.15)
    assert before < guarded.share < free.share
    assert guarded.share - before < 0.25 * (free.share - before)


def test_the_share_always_rests_on_fifty_documents() -> None:
    baseline = taught(5000, 0.0, 0.2)
    share = baseline.share
    assert share == pytest.approx(0.2)
    baseline.learn(MONDAY, 1, 1, 1.0)
    assert baseline.share - share == pytest.approx((1 - share) / (PRIOR_DOCUMENTS + 1), rel=0.02)


def test_a_stored_baseline_goes_on_exactly_as_the_one_it_was() -> None:
    one = taught(700, 5.0, 0.2, phi=0.3)
    other = Baseline(FIVE, 0.5)
    other.restore(one.dump())
    for i in range(50):
        for baseline in (one, other):
            baseline.learn(MONDAY + 300 * i, i % 4, 4 + i % 7, 1.0)
    assert one.dump() == other.dump()
    assert one.params == other.params
