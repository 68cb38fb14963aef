"""Made series to judge a detector on: five-minute counts of negative and of all stories, clean and with events.

They have what real ones have: day and week rhythm, drift, over-dispersion, natural bursts, a share that wanders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
EventKind = Literal["share", "negative", "surge", "outage"]

STEP_S: Final = 300
WEEK: Final = 2016  # windows
DAY: Final = 288
HOUR: Final = 12
MONDAY_S: Final = 1_704_067_200  # 2024-01-01


@dataclass(frozen=True, slots=True)
class Population:
    """What series are drawn from; the first `warm` windows are learnt and not judged.

    Attributes:
        rates: stories a five-minute window, the limits of a log-uniform base rate.
        long: events of 12 h to 5 days, for series on which only the longer clocks can see.
    """

    name: str
    rates: tuple[float, float]
    weeks: int
    warm_weeks: int
    long: bool = False

    @property
    def windows(self) -> int:
        return self.weeks * WEEK

    @property
    def warm(self) -> int:
        return self.warm_weeks * WEEK

    @property
    def judged_weeks(self) -> int:
        return self.weeks - self.warm_weeks


BUSY: Final = Population("busy", (0.3, 300.0), 5, 1)
THIN: Final = Population("thin", (0.01, 0.3), 16, 4, long=True)
# Five weeks hardly try the daily clock on series that are not thin.
STEADY: Final = Population("steady", (0.3, 300.0), 16, 4, long=True)


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
    """One made series: counts a window, what was injected, and the truth that an oracle knows of it.

    Attributes:
        mean, share: expected stories and share of each window, without what was injected.
        shape, scatter: of the gamma factor of the mean, and the concentration of the share.
    """

    rate: float
    negative: Integers
    total: Integers
    events: tuple[Event, ...]
    mean: Floats
    share: Floats
    shape: float
    scatter: float


def wandering(rng: np.random.Generator, windows: int, sd: float, time_windows: float) -> Floats:
    """Return a stationary Ornstein-Uhlenbeck path of this deviation and relaxation time."""
    keep = float(np.exp(-1.0 / time_windows))
    block = int(8 * time_windows) + 1  # a longer one would lose digits
    noise = np.zeros(-(-windows // block) * block)
    noise[:windows] = rng.normal(0.0, sd * np.sqrt(1.0 - keep * keep), windows)
    at = rng.normal(0.0, sd)
    fading = keep ** np.arange(1, block + 1)
    inner = fading * np.cumsum(noise.reshape(-1, block) / fading, axis=1)
    for i in range(len(inner)):
        inner[i] += fading * at
        at = inner[i, -1]
    return np.asarray(inner.ravel()[:windows])


def day_curve(rng: np.random.Generator, windows: int, largest: float) -> Floats:
    """Return two harmonics of the day with random phases, amplitudes up to `largest` and half of it."""
    angle = 2 * np.pi * np.arange(windows) / DAY
    first, second = rng.uniform(0, largest), rng.uniform(0, largest / 2)
    return np.asarray(
        first * np.cos(angle + rng.uniform(0, 2 * np.pi)) + second * np.cos(2 * angle + rng.uniform(0, 2 * np.pi))
    )


def draw_events(rng: np.random.Generator, windows: int, first: int, *, long: bool = False) -> Iterator[Event]:
    """Yield events every three to eight days, long ones every ten to twenty, the first after `first`."""
    at = first + int(rng.uniform(0, 10 if long else 3) * DAY)
    while True:
        kind: EventKind = rng.choice(["share", "share", "negative", "negative", "surge", "outage"])
        length = int(np.exp(rng.uniform(np.log(DAY / 2), np.log(5 * DAY)))) if long else int(rng.choice([6, 24]))
        size = 0.0
        if kind == "share":
            size = float(rng.choice([1.2, 2.0]))
        elif kind == "negative":
            size = float(rng.choice([3, 8]))
        elif kind == "surge":
            size, length = float(rng.choice([4, 10])), length if long else 12
        elif not long:
            length = int(rng.integers(12, 73))
        if at + length + DAY >= windows:
            return
        yield Event(kind, size, at, at + length)
        at += (length if long else 0) + int(rng.uniform(*(8, 16) if long else (3, 8)) * DAY)


def draw(seed: int, population: Population, *, injected: bool) -> Drawn:
    """Return one series; with the same seed the clean and the injected one are alike up to the first event."""
    rng = np.random.default_rng(seed)
    windows, weeks = population.windows, population.weeks
    rate = float(np.exp(rng.uniform(*np.log(population.rates))))
    level = np.log(rate) + day_curve(rng, windows, 0.8) + wandering(rng, windows, 0.2, 3 * DAY)
    level += wandering(rng, windows, 0.15, 4)
    weekend = (np.arange(windows) // DAY) % 7 >= 5
    level += np.where(weekend, np.log(rng.uniform(0.3, 0.95)), 0.0)
    logit = rng.normal(-1.5, 0.5) + wandering(rng, windows, 0.25, 2 * DAY) + day_curve(rng, windows, 0.2)
    logit += rng.normal(0.0, 0.1, windows)
    shape, scatter = float(rng.uniform(3, 25)), float(rng.uniform(20, 120))
    for _ in range(rng.poisson(0.3 * weeks)):
        start, length = int(rng.integers(windows)), int(rng.integers(3, 25))
        level[start : start + length] += (
            np.log(1.0 + min(rng.pareto(1.5), 20.0)) * np.exp(-np.arange(length) / 8)[: windows - start]
        )
        logit[start : start + length] += rng.normal(0.0, 0.3)
    dispersed = rng.gamma(shape, 1.0 / shape, windows)
    known_mean, known_share = np.exp(level), 1.0 / (1.0 + np.exp(-logit))
    # One source for each kind of number: what an event changes does not shift what is drawn for the windows before.
    of_total, at_random, of_share, of_negative, of_extra = (np.random.default_rng((seed, i)) for i in range(1, 6))
    found = draw_events(at_random, windows, max(population.warm, DAY), long=population.long)
    events = tuple(found) if injected else ()
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
    total = of_total.poisson(mean)
    negative = of_negative.binomial(total, of_share.beta(share * scatter, (1.0 - share) * scatter))
    extra = of_extra.poisson(mean * share * more)
    for event in events:
        if event.kind == "outage":
            for count in (total, negative, extra):
                count[event.first : event.last] = 0
    return Drawn(rate, negative + extra, total + extra, events, known_mean, known_share, shape, scatter)


def draw_many(seed: int, series: int, population: Population, *, injected: bool) -> list[Drawn]:
    """Return this many series; seeds a whole number apart never share a series (up to 100,000)."""
    return [draw(seed * 100_000 + i, population, injected=injected) for i in range(series)]


def table(drawn: Sequence[Drawn], name: Literal["negative", "total"]) -> Integers:
    """Return the counts as one row a window, one column a series."""
    return np.stack([getattr(one, name) for one in drawn], axis=1)
