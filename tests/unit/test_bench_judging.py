"""The quick way to judge made series gives the fires that the plain watch and the life of an incident give."""

from __future__ import annotations

import numpy as np

from bench.judging import SERIES, Trail, fires, read
from bench.simulator import BUSY, MONDAY_S, STEP_S, THIN, Drawn, draw, draw_many, wandering
from stream.core.clocks import CLOCKS, Clock, shifted
from stream.core.life import Context, Life, step
from stream.core.readings import Counts, Reading
from stream.core.watch import Watch


def plainly(drawn: Drawn, clocks: tuple[Clock, ...], warm: int) -> list[Reading]:
    """One window after the other, every reading given to the life of the incident."""
    watch, life, found = Watch(SERIES, clocks=clocks), Life(SERIES), []
    k, n = np.cumsum(drawn.negative), np.cumsum(drawn.total)
    for window in range(len(k)):
        readings = []
        for clock in clocks:
            width = clock.step_s // STEP_S
            first = window + 1 - width
            if (window + 1) % width:
                continue
            before = (int(k[first - 1]), int(n[first - 1])) if first else (0, 0)
            counts = Counts(int(k[window]) - before[0], int(n[window]) - before[1])
            start_s = MONDAY_S + first * STEP_S
            if first < warm:
                watch.prime(clock.name, start_s, counts)
            else:
                reading = watch.close(clock.name, start_s, counts)
                assert reading is not None
                readings.append(reading)
        for reading in readings:
            life, changes = step(life, [reading], reading.end_s * 1000, Context(), (), clocks)
            found += [reading for change in changes if change.type in ("fired", "reopened")]
    return found


def test_the_quick_way_finds_what_the_plain_one_finds() -> None:
    clocks = tuple(shifted(clock, 3.0) for clock in CLOCKS[:3])  # a loose budget: more to compare
    drawn = draw_many(3, 4, BUSY, injected=True)
    trails: list[dict[str, Trail]] = [{} for _ in drawn]
    for clock in clocks:
        for each, trail in zip(trails, read(drawn, clock, BUSY.warm), strict=True):
            each[clock.name] = trail
    total = 0
    for one, by_clock in zip(drawn, trails, strict=True):
        quick, plain = fires(by_clock, clocks), plainly(one, clocks, BUSY.warm)
        assert [(each.clock, each.end_s) for each in quick] == [(each.clock, each.end_s) for each in plain]
        total += len(plain)
    assert total > 10


def test_a_clean_series_and_its_injected_twin_are_alike_until_the_first_event() -> None:
    for population in (BUSY, THIN):
        clean, spiked = (draw(7, population, injected=each) for each in (False, True))
        first = spiked.events[0].first
        assert clean.events == ()
        assert first >= population.warm
        assert (clean.total[:first] == spiked.total[:first]).all()
        assert (clean.negative[:first] == spiked.negative[:first]).all()
        assert (clean.total[first:] != spiked.total[first:]).any()


def test_a_drift_wanders_as_far_and_as_slowly_as_it_says() -> None:
    paths = np.array([wandering(np.random.default_rng(seed), 3000, 0.2, 50) for seed in range(300)])
    assert abs(paths.std() - 0.2) < 0.01
    fifty = np.mean(paths[:, :-50] * paths[:, 50:]) / paths.var()
    assert abs(fifty - np.exp(-1)) < 0.05
