"""Measure the detector on made series: false alarms a series-week, and injected events found.

    python -m bench.spike_sim --series 60 --weeks 5 --seed 1

Every series is five-minute counts of negative and of all stories, with what real ones have: day and week rhythm,
drift, over-dispersion, natural bursts, a share that wanders. Clean series give false alarms; the same series with
injected events give what is found. Times inside a window are drawn too, so that looks at open windows are judged.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from stream.core.clocks import CLOCKS, Clock, shifted
from stream.core.life import Context, Life, step, step_early
from stream.core.readings import Counts, Reading
from stream.core.watch import Watch

Floats = NDArray[np.float64]
EventKind = Literal["share", "negative", "surge", "outage"]

STEP_S: Final = 300
WEEK: Final = 2016  # windows
DAY: Final = 288
MONDAY_S: Final = 1_704_067_200  # 2024-01-01
LOOKS_A_WINDOW: Final = 300


@dataclass(frozen=True, slots=True)
class Event:
    """An injected event on windows `[first, last)`; `size` in logits of the share, or a factor."""

    kind: EventKind
    size: float
    first: int
    last: int

    @property
    def listed(self) -> bool:
        """It must be found."""
        return self.kind in ("share", "negative")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One made series: counts a window, and what was injected."""

    rate: float
    negative: NDArray[np.int64]
    total: NDArray[np.int64]
    events: tuple[Event, ...]


def wandering(rng: np.random.Generator, windows: int, sd: float, time_windows: float) -> Floats:
    """Return a stationary Ornstein-Uhlenbeck path of this deviation and relaxation time."""
    keep = float(np.exp(-1.0 / time_windows))
    noise = rng.normal(0.0, sd * np.sqrt(1.0 - keep * keep), windows)
    path = np.empty(windows)
    at = rng.normal(0.0, sd)
    for i in range(windows):
        at = keep * at + noise[i]
        path[i] = at
    return path


def day_curve(rng: np.random.Generator, windows: int, largest: float) -> Floats:
    """Return two harmonics of the day with random phases, amplitudes up to `largest` and half of it."""
    angle = 2 * np.pi * np.arange(windows) / DAY
    first, second = rng.uniform(0, largest), rng.uniform(0, largest / 2)
    return np.asarray(
        first * np.cos(angle + rng.uniform(0, 2 * np.pi)) + second * np.cos(2 * angle + rng.uniform(0, 2 * np.pi))
    )


def draw_events(rng: np.random.Generator, windows: int, first: int) -> Iterator[Event]:
    """Yield events every three to eight days, the first after `first`."""
    at = first + int(rng.uniform(0, 3) * DAY)
    while True:
        kind: EventKind = rng.choice(["share", "share", "negative", "negative", "surge", "outage"])
        length = int(rng.choice([6, 24]))
        size = 0.0
        if kind == "share":
            size = float(rng.choice([1.2, 2.0]))
        elif kind == "negative":
            size = float(rng.choice([3, 8]))
        elif kind == "surge":
            size, length = float(rng.choice([4, 10])), 12
        else:
            length = int(rng.integers(12, 73))
        if at + length + DAY >= windows:
            return
        yield Event(kind, size, at, at + length)
        at += int(rng.uniform(3, 8) * DAY)


def draw(seed: int, weeks: int, rates: tuple[float, float], *, injected: bool, after: int = WEEK) -> Drawn:
    """Return one series; with the same seed the clean and the injected one are alike up to the first event."""
    rng = np.random.default_rng(seed)
    windows = weeks * WEEK
    rate = float(np.exp(rng.uniform(*np.log(rates))))
    level = np.log(rate) + day_curve(rng, windows, 0.8) + wandering(rng, windows, 0.2, 3 * DAY)
    level += wandering(rng, windows, 0.15, 4)
    weekend = (np.arange(windows) // DAY) % 7 >= 5
    level += np.where(weekend, np.log(rng.uniform(0.3, 0.95)), 0.0)
    logit = rng.normal(-1.5, 0.5) + wandering(rng, windows, 0.25, 2 * DAY) + day_curve(rng, windows, 0.2)
    logit += rng.normal(0.0, 0.1, windows)
    shape, scatter = rng.uniform(3, 25), rng.uniform(20, 120)
    for _ in range(rng.poisson(0.3 * weeks)):
        start, length = int(rng.integers(windows)), int(rng.integers(3, 25))
        level[start : start + length] += (
            np.log(1.0 + min(rng.pareto(1.5), 20.0)) * np.exp(-np.arange(length) / 8)[: windows - start]
        )
        logit[start : start + length] += rng.normal(0.0, 0.3)
    dispersed = rng.gamma(shape, 1.0 / shape, windows)
    counts = np.random.default_rng((seed, 1))
    events = tuple(draw_events(np.random.default_rng((seed, 2)), windows, after)) if injected else ()
    more = np.zeros(windows)
    for event in events:
        span = slice(event.first, event.last)
        if event.kind == "share":
            logit[span] += event.size
        elif event.kind == "surge":
            level[span] += np.log(event.size)
        elif event.kind == "negative":
            more[span] = event.size - 1.0
    share = 1.0 / (1.0 + np.exp(-logit))
    mean = np.exp(level) * dispersed
    total = counts.poisson(mean)
    negative = counts.binomial(total, counts.beta(share * scatter, (1.0 - share) * scatter))
    extra = counts.poisson(mean * share * more)
    for event in events:
        if event.kind == "outage":
            total[event.first : event.last] = negative[event.first : event.last] = 0
    return Drawn(rate, negative + extra, total + extra, events)


def looks(
    rng: np.random.Generator, watch: Watch, clock: Clock, start_s: int, parts: Sequence[tuple[int, int]]
) -> Iterator[Reading]:
    """Yield the readings of one open window as its stories arrive, at most 300; they peak at negative ones."""
    grain = float(clock.step_s / LOOKS_A_WINDOW)
    stamps = []
    for i, (k, n) in enumerate(parts):
        at = rng.uniform(i * STEP_S, (i + 1) * STEP_S, n)
        stamps.append(np.column_stack((at, np.arange(n) < k)))
    arrivals: Floats = np.concatenate(stamps)
    arrivals = arrivals[np.argsort(arrivals[:, 0])]
    sums = np.cumsum(arrivals[:, 1]).astype(int)
    tick = np.ceil(arrivals[:, 0] / grain).astype(int)
    last = np.append(np.flatnonzero(np.diff(tick)), len(tick) - 1)
    seen = 0
    for i in last:
        if tick[i] < LOOKS_A_WINDOW and sums[i] > seen:
            seen = sums[i]
            yield watch.look(clock.name, start_s + tick[i] * grain, [(start_s, Counts(int(seen), int(i) + 1))])


def read(drawn: Drawn, seed: int, clocks: Sequence[Clock], warm: int, *, with_looks: bool) -> list[Reading]:
    """Return the readings of a series in order of time, of closed windows and of looks that may matter."""
    readings: list[Reading] = []
    watch = Watch("news/market/all")
    for clock in clocks:
        rng = np.random.default_rng((seed, 3))
        width = clock.step_s // STEP_S
        pairs = list(zip(drawn.negative.tolist(), drawn.total.tolist(), strict=True))
        for first in range(0, len(pairs) - width + 1, width):
            parts = pairs[first : first + width]
            start_s = MONDAY_S + first * STEP_S
            counts = Counts(sum(k for k, _ in parts), sum(n for _, n in parts))
            if first < warm:
                watch.prime(clock.name, start_s, counts)
                continue
            if with_looks and counts.negative:
                found = looks(rng, watch, clock, start_s, parts)
                readings += [reading for reading in found if reading.z >= clock.at_once_z - 1.0]
            reading = watch.close(clock.name, start_s, counts)
            if reading is not None:
                readings.append(reading)
    readings.sort(key=lambda each: (each.end_s, not each.open, each.end_s - each.start_s))
    return readings


def fires(readings: Sequence[Reading], clocks: tuple[Clock, ...], *, with_looks: bool) -> list[Reading]:
    """Return the readings on which an incident fired or was reopened."""
    names = {clock.name for clock in clocks}
    context, life, found = Context(), Life("news/market/all"), []
    for reading in readings:
        if reading.clock not in names or (reading.open and not with_looks):
            continue
        if reading.open:
            life, changes = step_early(life, reading, reading.end_s * 1000, context, (), clocks)
        else:
            life, changes = step(life, [reading], reading.end_s * 1000, context, (), clocks)
        found += [reading for change in changes if change.type in ("fired", "reopened")]
    return found


def found_by(event: Event, fired: Reading) -> bool:
    """Return whether this fire lies inside `[start, end + 2 windows]` of the event."""
    step_s = {clock.name: clock.step_s for clock in CLOCKS}[fired.clock]
    return MONDAY_S + event.first * STEP_S < fired.end_s <= MONDAY_S + event.last * STEP_S + 2 * step_s


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to run the detector on the same readings."""

    name: str
    clocks: tuple[Clock, ...]
    looks: bool


def with_margin(margin: float) -> tuple[Clock, ...]:
    """Return the clocks with this much more evidence asked of looks at open windows than they ask by themselves."""
    return tuple(replace(clock, early_z=clock.early_z + margin) for clock in CLOCKS)


def modes(margins: Sequence[float], budget: float | None) -> list[Mode]:
    """Return the ways to compare."""
    base = tuple(shifted(clock, budget) for clock in CLOCKS) if budget else CLOCKS
    ways = [Mode("5m closed", base[:1], False)]
    ways += [Mode(f"{clock.name} closed", (clock,), False) for clock in base[1:]]
    ways += [Mode("all closed", base, False)]
    for margin in margins:
        clocks = with_margin(margin)
        ways += [Mode(f"5m looks +{margin:g}", clocks[:1], True), Mode(f"all looks +{margin:g}", clocks, True)]
    return ways


def one(task: tuple[int, int, int, tuple[float, float], tuple[Mode, ...], bool]) -> dict[str, list[Any]]:
    """Return per way: false alarms on the clean series, then (event, fires) of the injected one, and the rate."""
    seed, weeks, warm, rates, ways, with_looks = task
    clean = draw(seed, weeks, rates, injected=False)
    spiked = draw(seed, weeks, rates, injected=True, after=max(warm, DAY))
    quiet = read(clean, seed, CLOCKS, warm, with_looks=with_looks)
    loud = read(spiked, seed, CLOCKS, warm, with_looks=with_looks)
    result: dict[str, list[Any]] = {}
    for way in ways:
        false = fires(quiet, way.clocks, with_looks=way.looks)
        fired = fires(loud, way.clocks, with_looks=way.looks)
        hits = [(event, sum(found_by(event, each) for each in fired)) for event in spiked.events]
        result[way.name] = [false, hits, clean.rate]
    return result


def part(hits: Sequence[tuple[Event, int]]) -> str:
    """Return how many of these were found, as a share and a count."""
    count = sum(number > 0 for _, number in hits)
    return f"{count / len(hits):.3f} of {len(hits):<4d}" if hits else "-"


def main() -> None:
    """Run the comparison and print one line a way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--series", type=int, default=60)
    parser.add_argument("--weeks", type=int, default=5)
    parser.add_argument("--warm", type=int, default=7, help="days that are learnt, not judged")
    parser.add_argument("--rates", type=float, nargs=2, default=(0.3, 300.0), help="stories a five-minute window")
    parser.add_argument(
        "--margins", type=float, nargs="*", default=(), help="look at open windows too, with so much z more asked"
    )
    parser.add_argument("--budget", type=float, default=None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    ways = tuple(modes(args.margins, args.budget))
    tasks = [
        (args.seed * 100_000 + i, args.weeks, args.warm * DAY, tuple(args.rates), ways, bool(args.margins))
        for i in range(args.series)
    ]
    with ProcessPoolExecutor(args.jobs) as pool:
        results = list(pool.map(one, tasks))
    weeks = args.series * (args.weeks - args.warm / 7)
    print(f"{args.series} series, {weeks:g} series-weeks judged, {args.rates[0]:g}-{args.rates[1]:g} a window")
    print(
        f"{'':18s}{'false/week':>11s}  {'found':14s}{'busy (>=30)':14s}{'x8, +2 2h':14s}{'surge x10':14s}{'outage':14s}"
    )
    for way in ways:
        rows = [result[way.name] for result in results]
        false = sum(len(row[0]) for row in rows)
        hits = list(itertools.chain.from_iterable(row[1] for row in rows))
        listed = [hit for hit in hits if hit[0].listed]
        busy = [hit for row in rows if row[2] >= 30 for hit in row[1] if hit[0].listed]
        strong = [(e, c) for e, c in busy if e.size in (8, 2.0) and e.last - e.first == 24]
        surge = [hit for hit in hits if hit[0].kind == "surge" and hit[0].size == 10]
        outage = [hit for hit in hits if hit[0].kind == "outage"]
        cells = [part(each) for each in (listed, busy, strong, surge, outage)]
        by = Counter(each.clock + (" early" if each.open else "") for row in rows for each in row[0])
        of = ", ".join(f"{name} {count}" for name, count in sorted(by.items()))
        print(f"{way.name:18s}{false / weeks:11.4f}  {''.join(f'{cell:14s}' for cell in cells)} {of}")


if __name__ == "__main__":
    main()
