"""The detector over made series: evidence by its numpy twin, incidents by the plain life of an incident."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from bench.simulator import MONDAY_S, STEP_S, Drawn, Event, Floats, Integers, table
from stream.core.clocks import CLOCKS, Clock, named
from stream.core.correction import Correction
from stream.core.life import Change, Context, Life, step, step_early
from stream.core.readings import Reading
from stream.detector.vectorised import Readings, Tracks

LEAST_Z: Final = 1.5  # no clock closes below: a window under it is quiet, whatever it was
LEAST_LOOK_Z: Final = 4.0
SERIES: Final = "news/market/all"
_CONTEXT: Final = Context()


@dataclass(slots=True)
class Trail:
    """What one series showed on one clock: readings that may matter by window, and windows without data."""

    closed: dict[int, Reading] = field(default_factory=dict)
    looks: list[Reading] = field(default_factory=list)
    no_data: frozenset[int] = frozenset()


def read(
    drawn: Sequence[Drawn],
    clock: Clock,
    warm: int,
    rng: np.random.Generator | None = None,
    correction: Correction | None = None,
) -> list[Trail]:
    """Return the trails of these series on one clock; with `rng` looks at open windows as their stories arrive.

    Args:
        correction: for a classifier whose calls the counts are.
    """
    width = clock.step_s // STEP_S
    windows = len(drawn[0].total) // width
    k, n = (
        table(drawn, name)[: windows * width].reshape(windows, width, -1).sum(axis=1) for name in ("negative", "total")
    )
    tracks = Tracks(clock, np.full(len(drawn), 0.2), correction)
    trails = [Trail() for _ in drawn]
    silent: list[list[int]] = [[] for _ in drawn]
    for window in range(windows):
        start_s = MONDAY_S + window * clock.step_s
        judged = window * width >= warm
        if judged and rng is not None:
            for column, reading in looks(tracks, clock, rng, start_s, k[window], n[window]):
                trails[column].looks.append(reading)
        found = tracks.close(start_s, k[window], n[window], judged=judged)
        if found is None:
            continue
        for at in np.flatnonzero(found.z >= LEAST_Z):
            trails[at].closed[window] = reading_of(found, clock, int(at))
        for at in np.flatnonzero(found.no_data):
            silent[at].append(window)
    for trail, gone in zip(trails, silent, strict=True):
        trail.no_data = frozenset(gone)
    return trails


def reading_of(found: Readings, clock: Clock, i: int) -> Reading:
    """Return one series' reading as the plain watch gives it."""
    n = int(found.total[i])
    return Reading(
        clock=clock.name,
        start_s=found.start_s,
        end_s=found.end_s,
        z=float(found.z[i]),
        z_share=float(found.z_share[i]),
        z_volume=float(found.z_volume[i]),
        span_s=int(found.steps[i]) * clock.step_s,
        negative=int(found.negative[i]),
        total=n,
        expected_total=float(found.expected_total[i]),
        share=float(found.share[i]),
        baseline_share=float(found.baseline_share[i]),
        steps_seen=int(found.steps_seen[i]),
        no_data=bool(found.no_data[i]),
    )


def looks(
    tracks: Tracks, clock: Clock, rng: np.random.Generator, start_s: int, k: Integers, n: Integers
) -> Iterator[tuple[int, Reading]]:
    """Yield series and reading of each look that may matter: evidence peaks when a negative story has come."""
    column = np.repeat(np.arange(len(n)), n)
    if not len(column):
        return
    first = np.concatenate(([0], np.cumsum(n)[:-1]))
    order = np.argsort(column + rng.uniform(0, 1, len(column)))  # stays within the series
    negative = (np.arange(len(column)) - first[column] < k[column])[order]
    passed = np.sort(rng.uniform(0, 1, len(column)) + column) - column
    so_far: Integers = np.cumsum(negative.astype(np.int64))
    before: Integers = np.concatenate(([0], so_far))[first[column]]
    at = np.flatnonzero(negative)
    columns = column[at]
    ks: Floats = (so_far - before)[at].astype(np.float64)
    ns: Floats = (np.arange(len(column)) - first[column] + 1)[at].astype(np.float64)
    now_s: Floats = np.ceil(np.minimum(passed[at], 0.9999) * clock.step_s) + start_s
    found = tracks.look(now_s, columns, ks, ns)
    for i in np.flatnonzero((found[0] >= LEAST_LOOK_Z) & (now_s < start_s + clock.step_s)):
        total = int(found[5][i])
        yield (
            int(columns[i]),
            Reading(
                clock=clock.name,
                start_s=start_s,
                end_s=int(now_s[i]),
                z=float(found[0][i]),
                z_share=float(found[1][i]),
                z_volume=float(found[2][i]),
                span_s=int(found[3][i]) * clock.step_s,
                negative=int(found[4][i]),
                total=total,
                expected_total=float(found[6][i]),
                share=float(found[4][i]) / total,
                baseline_share=float(tracks.baseline_share[columns[i]]),
                steps_seen=int(tracks.steps_seen[columns[i]]),
                open=True,
            ),
        )


def fires(trails: dict[str, Trail], clocks: tuple[Clock, ...]) -> list[Reading]:
    """Return the readings on which an incident of one series fired or was reopened, with these levels.

    Args:
        trails: by the name of the clock; a clock without one is not looked at.
    """
    used = [clock for clock in clocks if clock.name in trails]
    order = sorted(
        (reading for clock in used for reading in _all_of(trails[clock.name])),
        key=lambda each: (each.end_s, not each.open, each.end_s - each.start_s),
    )
    opening = {clock.name: (clock.open_z, clock.early_z) for clock in used}
    life, found, after_s = Life(SERIES), [], 0
    for at, reading in enumerate(order):
        if reading.end_s <= after_s or reading.z < opening[reading.clock][reading.open]:
            continue
        life, changes = _take(life, reading, clocks)
        if changes:
            found.append(reading)
        if life.incident is not None:
            life, after_s = _run_out(life, reading, order[at + 1 :], trails, clocks)
    return found


def _all_of(trail: Trail) -> list[Reading]:
    return [*trail.closed.values(), *trail.looks]


def _take(life: Life, reading: Reading, clocks: tuple[Clock, ...]) -> tuple[Life, Sequence[Change]]:
    at_ms = reading.end_s * 1000
    if reading.open:
        return step_early(life, reading, at_ms, _CONTEXT, (), clocks)
    return step(life, [reading], at_ms, _CONTEXT, (), clocks)


def _run_out(
    life: Life, opened: Reading, following: Sequence[Reading], trails: dict[str, Trail], clocks: tuple[Clock, ...]
) -> tuple[Life, int]:
    """Return the life after its incident has resolved on its clock, and when. Other clocks may raise its peak."""
    clock = named(clocks, opened.clock)
    trail = trails[clock.name]
    window = (opened.start_s - MONDAY_S) // clock.step_s + (0 if opened.open else 1)
    reading, at = opened, 0
    while life.incident is not None:
        start_s = MONDAY_S + window * clock.step_s
        while at < len(following) and following[at].end_s <= start_s + clock.step_s:
            if following[at].clock != clock.name or following[at].open:
                life, _ = _take(life, following[at], clocks)
            at += 1
        quiet = replace(
            opened, start_s=start_s, end_s=start_s + clock.step_s, z=0.0, no_data=window in trail.no_data, open=False
        )
        reading = trail.closed.get(window, quiet)
        life, _ = step(life, [reading], reading.end_s * 1000, _CONTEXT, (), clocks)
        window += 1
    return life, reading.end_s


def found_by(event: Event, fired: Reading) -> bool:
    """Return whether this fire lies inside `[start, end + 2 windows]` of the event, windows of its clock."""
    return MONDAY_S + event.first * STEP_S < fired.end_s <= MONDAY_S + event.last * STEP_S + 2 * width_s(fired.clock)


def width_s(clock: str) -> int:
    return named(CLOCKS, clock).step_s


def delay_windows(event: Event, fired: Reading) -> int:
    """Return the whole five-minute windows between the end of the event's first and the fire; at least 0."""
    return max(0, -(-(fired.end_s - MONDAY_S - (event.first + 1) * STEP_S) // STEP_S))


def trails_of(drawn: Sequence[Drawn], clocks: Sequence[Clock], warm: int, seed: int) -> list[dict[str, Trail]]:
    """Return per series its trails by clock. Open windows are looked at on the first clock, as the detector does."""
    by_clock = {
        clock.name: read(drawn, clock, warm, np.random.default_rng((seed, 3)) if clock is clocks[0] else None)
        for clock in clocks
    }
    return [{name: trails[i] for name, trails in by_clock.items()} for i in range(len(drawn))]
