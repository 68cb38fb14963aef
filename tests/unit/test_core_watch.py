"""A watch scores a window before it learns from it, in whatever order documents come, and goes on after a restart."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.clocks import CLOCKS, named
from stream.core.evidence import RING
from stream.core.readings import Counts, Reading
from stream.core.watch import MOST_GAP_STEPS, Watch

MONDAY = 1_704_067_200
STEP = 300
SERIES = "news/market/all"
FIVE = named(CLOCKS, "5m")

counts = st.integers(0, 12).flatmap(lambda total: st.builds(Counts, st.integers(0, total), st.just(total)))


def calm(seed: int, windows: int, mean: float = 8.0, share: float = 0.2) -> list[Counts]:
    rng = np.random.default_rng(seed)
    totals = rng.poisson(mean * rng.gamma(8, 1 / 8, windows))
    shares = rng.beta(share * 60, (1 - share) * 60, windows)
    return [Counts(int(rng.binomial(n, p)), int(n)) for n, p in zip(totals, shares, strict=True)]


def close_all(watch: Watch, windows: list[Counts], first: int = 0, clock: str = "5m") -> list[Reading]:
    step_s = named(CLOCKS, clock).step_s
    readings = [watch.close(clock, MONDAY + (first + i) * step_s, each) for i, each in enumerate(windows)]
    assert None not in readings
    return [reading for reading in readings if reading is not None]


def fires(readings: list[Reading]) -> bool:
    pairs = itertools.pairwise(readings)
    level = FIVE.open_z
    return any(r.z >= FIVE.at_once_z for r in readings) or any(a.z >= level and b.z >= level for a, b in pairs)


def test_a_reading_tells_its_span_and_its_figures() -> None:
    watch = Watch(SERIES)
    close_all(watch, calm(1, 600))
    (reading,) = close_all(watch, [Counts(20, 22)], 600)
    assert (reading.clock, reading.start_s, reading.end_s) == ("5m", MONDAY + 600 * STEP, MONDAY + 601 * STEP)
    assert (reading.span_s, reading.negative, reading.total) == (STEP, 20, 22)
    assert reading.share == pytest.approx(20 / 22)
    assert reading.baseline_share == pytest.approx(0.2, abs=0.06)
    assert reading.expected_total == pytest.approx(8, rel=0.4)
    assert reading.steps_seen == 600 - RING
    assert reading.z > 5
    assert not (reading.open or reading.no_data)


def test_a_window_teaches_only_when_twelve_have_followed() -> None:
    one, other = Watch(SERIES), Watch(SERIES)
    for watch in (one, other):
        close_all(watch, calm(2, 100))
    close_all(one, [Counts(0, 50)], 100)
    close_all(other, [Counts(3, 9)], 100)
    shares = [
        [reading.baseline_share for reading in close_all(watch, calm(3, RING + 1), 101)] for watch in (one, other)
    ]
    assert shares[0][:RING] == shares[1][:RING]
    assert shares[0][RING] != shares[1][RING]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000), st.integers(0, 6))
def test_documents_that_come_late_in_any_order_leave_the_same_readings_behind(seed: int, spike: int) -> None:
    rng = random.Random(seed)
    windows = [*calm(seed, rng.randint(20, 40)), *[Counts(25, 30)] * spike, *calm(seed + 1, 15)]
    at_once, patched = Watch(SERIES), Watch(SERIES)
    close_all(at_once, windows)
    owed: list[tuple[int, int]] = []
    for i, full in enumerate(windows):
        known = Counts(0, 0) if rng.random() < 0.5 else Counts(min(full.negative, 1), min(full.total, 1))
        patched.close("5m", MONDAY + i * STEP, known)
        if known != full:
            # In two parts, the last of them before the window leaves the ring.
            owed += [(i + rng.randrange(RING), i), (i + RING - 1, i)]
        for due in [each for each in owed if each[0] == i]:
            patched.patch("5m", MONDAY + due[1] * STEP, windows[due[1]])
    for _, i in sorted(owed):
        patched.patch("5m", MONDAY + i * STEP, windows[i])
    following = calm(4, 40)
    assert close_all(patched, following, len(windows)) == close_all(at_once, following, len(windows))
    assert learnt(patched) == learnt(at_once)


def learnt(watch: Watch) -> list[Any]:
    return [track[-1] for track in watch.dump()[2]]


def test_late_documents_of_a_window_that_has_left_the_ring_change_nothing() -> None:
    watch = Watch(SERIES)
    close_all(watch, calm(5, 100))
    before = watch.dump()
    watch.patch("5m", MONDAY + (100 - RING - 1) * STEP, Counts(9, 9))
    watch.patch("5m", MONDAY + 100 * STEP, Counts(9, 9))
    watch.patch("5m", MONDAY + 98 * STEP + 1, Counts(9, 9))
    watch.patch("1h", MONDAY, Counts(9, 9))
    assert watch.dump() == before


def test_late_documents_of_a_window_in_the_ring_count_in_the_longer_spans() -> None:
    watch = Watch(SERIES)
    close_all(watch, calm(5, 100))
    watch.patch("5m", MONDAY + 98 * STEP, Counts(30, 30))
    (reading,) = close_all(watch, [Counts(2, 8)], 100)
    assert reading.z > 4
    assert reading.span_s == 3 * STEP


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 120), st.sampled_from([clock.name for clock in CLOCKS]))
def test_a_restart_from_a_dump_changes_no_reading(seed: int, cut: int, clock: str) -> None:
    windows = [*calm(seed, 100), *[Counts(15, 20)] * 5, *calm(seed + 1, 60)]
    through = Watch(SERIES)
    expected = close_all(through, windows, clock=clock)
    first = Watch(SERIES)
    before = close_all(first, windows[:cut], clock=clock)
    second = Watch.load(json.loads(json.dumps(first.dump())))
    assert second.series == SERIES
    assert before + close_all(second, windows[cut:], cut, clock) == expected
    assert second.dump() == through.dump()


def test_a_state_of_another_schema_or_of_other_clocks_is_refused() -> None:
    state = Watch(SERIES).dump()
    with pytest.raises(ValueError, match="schema 99"):
        Watch.load([99, *state[1:]])
    with pytest.raises(ValueError, match="clocks"):
        Watch.load(state, CLOCKS[:2])


def test_a_dump_is_not_changed_by_what_comes_after_it() -> None:
    watch = Watch(SERIES)
    close_all(watch, calm(6, 50))
    state = watch.dump()
    text = json.dumps(state)
    close_all(watch, calm(7, 50), 50)
    assert json.dumps(state) == text


def test_primed_windows_teach_as_closed_ones_do() -> None:
    primed, closed = Watch(SERIES), Watch(SERIES)
    windows = calm(8, 300)
    for i, each in enumerate(windows):
        primed.prime("5m", MONDAY + i * STEP, each)
    close_all(closed, windows)
    assert primed.dump() == closed.dump()
    assert primed.newest_start_s("5m") == MONDAY + 299 * STEP
    assert primed.newest_start_s("1h") is None


def test_a_window_seen_before_is_ignored() -> None:
    watch = Watch(SERIES)
    close_all(watch, calm(9, 60))
    before = watch.dump()
    for i in (59, 58, 0):
        assert watch.close("5m", MONDAY + i * STEP, Counts(50, 50)) is None
        watch.prime("5m", MONDAY + i * STEP, Counts(50, 50))
    assert watch.dump() == before


@pytest.mark.parametrize("gap", [1, 5, 40])
def test_windows_left_out_count_as_empty(gap: int) -> None:
    sparse, full = Watch(SERIES), Watch(SERIES)
    for watch in (sparse, full):
        close_all(watch, calm(10, 200, mean=0.5))
    close_all(full, [Counts(0, 0)] * gap, 200)
    assert close_all(sparse, [Counts(1, 2)], 200 + gap) == close_all(full, [Counts(1, 2)], 200 + gap)
    assert sparse.dump() == full.dump()


def test_a_gap_of_years_is_crossed_in_bounded_work() -> None:
    watch = Watch(SERIES)
    close_all(watch, calm(11, 50))
    reading = watch.close("5m", MONDAY + 400 * MOST_GAP_STEPS * STEP, Counts(1, 4))
    assert reading is not None
    assert reading.z < FIVE.open_z


def test_no_data_is_no_alert_and_says_so() -> None:
    watch = Watch(SERIES)
    close_all(watch, calm(12, 600))
    readings = close_all(watch, [Counts(0, 0)] * 60, 600)
    assert readings[-1].no_data
    assert max(reading.z for reading in readings) < FIVE.open_z
    assert all(reading.z <= 0 for reading in readings if reading.no_data)
    back = close_all(watch, calm(13, 60), 660)
    assert not any(reading.no_data for reading in back)
    assert max(reading.z for reading in back) < FIVE.open_z


def test_an_outage_teaches_nothing_of_the_share_and_little_of_the_level() -> None:
    watch = Watch(SERIES)
    before = close_all(watch, calm(14, 600))[-1]
    close_all(watch, [Counts(0, 0)] * 120, 600)
    after = close_all(watch, [Counts(2, 8)], 720)[0]
    assert after.expected_total == pytest.approx(before.expected_total * STEP / before.span_s, rel=0.3)
    assert after.baseline_share == pytest.approx(before.baseline_share, abs=0.01)


def test_a_series_that_is_quiet_by_nature_is_not_taken_for_an_outage() -> None:
    watch = Watch(SERIES)
    readings = close_all(watch, calm(15, 2000, mean=0.05))
    assert not any(reading.no_data for reading in readings[500:])


@pytest.mark.parametrize(("mean", "share"), [(20, 0.85), (40, 0.65), (150, 0.65)])
def test_a_share_that_jumps_fires_within_two_windows(mean: float, share: float) -> None:
    found = 0
    for seed in range(12):
        watch = Watch(SERIES)
        close_all(watch, calm(seed, 400, mean))
        found += fires(close_all(watch, calm(seed + 99, 2, mean, share), 400))
    assert found >= 11


def test_a_tenfold_flood_of_unchanged_share_does_not_fire() -> None:
    fired = 0
    for seed in range(30):
        watch = Watch(SERIES)
        close_all(watch, calm(seed, 400))
        fired += fires(close_all(watch, calm(seed + 99, 12, 80), 400))
    assert fired <= 2


def test_a_new_series_with_a_share_of_its_own_does_not_fire_at_once() -> None:
    fired = 0
    for seed in range(12):
        fired += fires(close_all(Watch(SERIES), calm(seed, 288, 20, 0.5)))
    assert fired <= 1


def test_a_thin_series_makes_no_storm() -> None:
    fired = sum(fires(close_all(Watch(SERIES), calm(seed, 1000, 0.1, 0.3))) for seed in range(10))
    assert fired <= 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), counts, st.sampled_from([clock.name for clock in CLOCKS]))
def test_a_look_at_a_full_window_equals_its_close(seed: int, last: Counts, clock: str) -> None:
    watch = Watch(SERIES)
    step_s = named(CLOCKS, clock).step_s
    close_all(watch, calm(seed, 40 + seed % 30), clock=clock)
    start_s = MONDAY + (40 + seed % 30) * step_s
    before = watch.dump()
    look = watch.look(clock, start_s + step_s, [(start_s, last)])
    assert watch.dump() == before
    closed = watch.close(clock, start_s, last)
    assert closed is not None
    assert look.open
    for name in ("start_s", "end_s", "span_s", "negative", "total", "steps_seen", "no_data"):
        assert getattr(look, name) == getattr(closed, name)
    assert (look.z, look.expected_total) == pytest.approx((closed.z, closed.expected_total))


def test_a_look_expects_the_part_that_has_passed() -> None:
    watch = Watch(SERIES)
    close_all(watch, calm(16, 600, 20))
    start_s = MONDAY + 600 * STEP
    full = watch.look("5m", start_s + STEP, [(start_s, Counts(9, 9))])
    early = watch.look("5m", start_s + STEP / 4, [(start_s, Counts(9, 9))])
    assert (early.span_s, full.span_s) == (STEP, STEP)
    assert early.expected_total == pytest.approx(full.expected_total / 4)
    assert early.z > full.z
    assert early.end_s == start_s + STEP // 4


def test_a_look_over_two_open_windows_reads_them_together() -> None:
    watch = Watch(SERIES)
    close_all(watch, calm(17, 600, 20))
    first, second = MONDAY + 600 * STEP, MONDAY + 601 * STEP
    reading = watch.look("5m", second + 30, [(first, Counts(22, 22)), (second, Counts(6, 6))])
    assert (reading.start_s, reading.end_s) == (second, second + 30)
    assert reading.z > 4
    assert reading.span_s > STEP
    assert reading.negative >= 28


def test_a_look_counts_windows_left_out_as_empty() -> None:
    watch = Watch(SERIES)
    close_all(watch, calm(18, 600, 20))
    start_s = MONDAY + 610 * STEP
    silent = [(MONDAY + i * STEP, Counts(0, 0)) for i in range(600, 610)]
    assert watch.look("5m", start_s + 60, [(start_s, Counts(3, 4))]) == watch.look(
        "5m", start_s + 60, [*silent, (start_s, Counts(3, 4))]
    )


def test_a_look_at_a_window_that_has_closed_is_refused() -> None:
    watch = Watch(SERIES)
    with pytest.raises(ValueError, match="without any window"):
        watch.look("5m", MONDAY, [])
    close_all(watch, calm(19, 20))
    with pytest.raises(ValueError, match="does not follow"):
        watch.look("5m", MONDAY + 20 * STEP, [(MONDAY + 19 * STEP, Counts(1, 1))])
