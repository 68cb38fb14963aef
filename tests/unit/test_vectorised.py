"""The numpy twin gives reading for reading what the plain watch gives."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from stream.core.clocks import CLOCKS, Clock
from stream.core.readings import Counts, Reading
from stream.core.watch import MOST_GAP_STEPS, Watch
from stream.detector.vectorised import Readings, Tracks

MONDAY = 1_704_067_200
NEAR = 1e-9


@dataclass
class Both:
    """The same windows to the twin and to a plain watch a series."""

    clock: Clock
    priors: list[float]
    tracks: Tracks = field(init=False)
    watches: list[Watch] = field(init=False)

    def __post_init__(self) -> None:
        self.tracks = Tracks(self.clock, self.priors)
        self.watches = [Watch("news/market/all", prior, (self.clock,)) for prior in self.priors]

    def grow(self, priors: list[float]) -> None:
        self.tracks.grow(priors)
        self.watches += [Watch("news/market/all", prior, (self.clock,)) for prior in priors]

    def close(self, window: int, k: np.ndarray, n: np.ndarray, judged: bool = True) -> None:
        start_s = MONDAY + window * self.clock.step_s
        found = self.tracks.close(start_s, k, n, judged=judged)
        for i, watch in enumerate(self.watches):
            counts = Counts(int(k[i]), int(n[i]))
            if judged:
                reading = watch.close(self.clock.name, start_s, counts)
                assert reading is not None
                assert found is not None
                assert_equal(found, i, reading, self.clock)
            else:
                watch.prime(self.clock.name, start_s, counts)
                assert found is None

    def patch(self, window: int, columns: np.ndarray, k: np.ndarray, n: np.ndarray) -> None:
        start_s = MONDAY + window * self.clock.step_s
        self.tracks.patch(start_s, columns, k, n)
        for column, negative, total in zip(columns, k, n, strict=True):
            self.watches[column].patch(self.clock.name, start_s, Counts(int(negative), int(total)))


def assert_equal(found: Readings, i: int, reading: Reading, clock: Clock) -> None:
    assert (found.start_s, found.end_s) == (reading.start_s, reading.end_s)
    assert bool(found.no_data[i]) is reading.no_data
    floats = [
        (found.z[i], reading.z),
        (found.z_share[i], reading.z_share),
        (found.z_volume[i], reading.z_volume),
        (found.expected_total[i], reading.expected_total),
        (found.baseline_share[i], reading.baseline_share),
    ]
    for one, other in floats:
        assert abs(one - other) <= NEAR * max(1.0, abs(other)), (one, other)
    whole = (found.steps[i] * clock.step_s, found.negative[i], found.total[i], found.steps_seen[i])
    assert whole == (reading.span_s, reading.negative, reading.total, reading.steps_seen)


def drawn(rng: np.random.Generator, means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = rng.poisson(means * rng.gamma(6, 1 / 6, len(means)))
    share = rng.beta(6, 24, len(means)) if rng.random() < 0.97 else np.full(len(means), 0.7)
    return rng.binomial(n, share), n


@pytest.mark.parametrize("clock", CLOCKS, ids=lambda clock: clock.name)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_reading_equals_that_of_the_plain_watch(clock: Clock, seed: int) -> None:
    rng = np.random.default_rng(seed)
    means = np.exp(rng.uniform(np.log(0.02), np.log(300), 14))
    both = Both(clock, list(rng.uniform(0.05, 0.6, 14)))
    out, past, at = np.zeros(40, dtype=int), {}, 0
    for window in range(420):
        if window in (5, 150):  # series that begin later
            both.grow([0.2, 0.4])
            means = np.concatenate((means, [3.0, 40.0]))
        at += 1 if rng.random() > 0.02 else int(rng.integers(2, 20))  # windows left out
        k, n = drawn(rng, means)
        series = len(means)
        out[:series] = np.where(rng.random(series) < 0.01, rng.integers(3, 40, series), np.maximum(out[:series] - 1, 0))
        k[out[:series] > 0] = n[out[:series] > 0] = 0
        owed = np.flatnonzero(rng.random(series) < 0.1)  # known in part when it closes, patched later
        first_k, first_n = k.copy(), n.copy()
        first_k[owed], first_n[owed] = k[owed] // 2, n[owed] // 2 + k[owed] - k[owed] // 2
        first_n = np.minimum(np.maximum(first_n, first_k), n)
        both.close(at, first_k, first_n, judged=window > 20)
        past[at] = owed, k[owed], n[owed]
        if rng.random() < 0.4:
            back = at - int(rng.integers(0, 14))
            if back in past:
                both.patch(back, *past.pop(back))


def test_a_gap_of_weeks_is_the_same_to_both() -> None:
    both = Both(CLOCKS[0], [0.2, 0.3])
    rng = np.random.default_rng(3)
    means = np.array([0.3, 5.0])
    for window in [*range(40), *range(MOST_GAP_STEPS + 90, MOST_GAP_STEPS + 120)]:
        both.close(window, *drawn(rng, means))


@pytest.mark.parametrize("clock", CLOCKS[:2], ids=lambda clock: clock.name)
def test_a_look_at_an_open_window_equals_the_plain_one_and_changes_nothing(clock: Clock) -> None:
    rng = np.random.default_rng(4)
    both = Both(clock, [0.2] * 6)
    means = np.array([0.2, 1.0, 5.0, 20.0, 80.0, 300.0])
    for window in range(60):
        both.close(window, *drawn(rng, means))
        columns = rng.integers(0, 6, 8)
        n = rng.integers(1, 60, 8)
        k = rng.integers(0, n + 1)
        start_s = MONDAY + (window + 1) * clock.step_s
        now_s = start_s + rng.uniform(0, 1, 8) * clock.step_s
        found = both.tracks.look(now_s, columns, k.astype(float), n.astype(float))
        for i, column in enumerate(columns):
            watch, counts = both.watches[column], Counts(int(k[i]), int(n[i]))
            reading = watch.look(clock.name, float(now_s[i]), [(start_s, counts)])
            assert abs(found[0][i] - reading.z) <= NEAR * max(1.0, abs(reading.z))
            assert found[3][i] * clock.step_s == reading.span_s


def test_a_window_that_is_not_newer_is_not_judged() -> None:
    tracks = Tracks(CLOCKS[0], [0.2])
    assert tracks.close(MONDAY, [1], [4]) is not None
    assert tracks.close(MONDAY, [1], [4]) is None
    with pytest.raises(ValueError, match="without any window"):
        Tracks(CLOCKS[0], [0.2]).look(np.array([0.0]), np.array([0]), np.array([1.0]), np.array([1.0]))
