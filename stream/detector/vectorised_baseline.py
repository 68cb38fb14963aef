"""The baselines of thousands of series on one clock, in numpy; see `stream.core.baseline`, which it equals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream.core.baseline import (
    LEAST_EXPECTED,
    LEAST_LONGER,
    LONGER_MEMORY,
    LONGER_STEPS,
    MOST_DAY_HOURS,
    PRIOR_DISPERSION,
    PRIOR_DOCUMENTS,
    PRIOR_SCATTER,
    PRIOR_SQUARE,
    PRIOR_WORTH,
    QUIET_TOTAL,
    SETTLED_STEPS,
)
from stream.core.clocks import Clock
from stream.core.evidence import SPANS

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

Completed = tuple[int, Floats, Floats, Bools]
"""Index of a longer span, its negative and total, and the series that have so many windows."""


class Baselines:
    """Level, rhythm, dispersion and share of many series on one clock, one number a series in each array."""

    def __init__(self, clock: Clock, prior_share: Floats) -> None:
        self._clock = clock
        self._cells_weight = clock.cells_a_day * clock.step_s / 86_400
        self._level_rate = 1.0 - 0.5 ** (1.0 / clock.level_half_life_steps)
        self._share_keep = 0.5 ** (1.0 / clock.share_half_life_steps)
        series = len(prior_share)
        self.steps = np.zeros(series, dtype=np.int64)
        self.level, self._moment, self._square = np.zeros((3, series))
        self._negative = PRIOR_DOCUMENTS * prior_share
        self._total = np.full(series, PRIOR_DOCUMENTS)
        self.share = np.clip(prior_share, 0.001, 0.97)
        self.scatter = np.full(series, PRIOR_SCATTER)
        self._scatter_weight = np.full(series, float(SETTLED_STEPS))
        spread = 1.0 / PRIOR_SCATTER - 1.0
        prior = [1.0 / (1.0 + spread * (1.0 + clock.growth * (steps - 1))) for steps in SPANS[1:]]
        self.longer = np.repeat(np.array(prior)[:, None], series, axis=1)
        self._longer_weight = np.full(self.longer.shape, LONGER_STEPS)
        self._known = np.full(series, PRIOR_WORTH)
        self._rhythm, self._weight = np.zeros((2, 2 * clock.cells_a_day, series))
        self._refresh()

    def grow(self, prior_share: Floats) -> None:
        """Add series of which nothing is known."""
        more = Baselines(self._clock, prior_share)
        for name, own in vars(self).items():
            if isinstance(own, np.ndarray):
                setattr(self, name, np.concatenate((own, getattr(more, name)), axis=-1))

    @property
    def concentration(self) -> Floats:
        return 1.0 / self.scatter - 1.0

    @property
    def params(self) -> tuple[Floats, ...]:
        """Return what a window is scored with."""
        return self.share, self.dispersion, self._known, self.concentration, *(1.0 / self.longer - 1.0)

    def expected(self, start_s: int) -> Floats:
        """Return the expected totals of the window that starts then; 0 where nothing has been learnt."""
        return np.where(self.steps > 0, np.maximum(self.level * self._factor(start_s), LEAST_EXPECTED), 0.0)

    def learn(  # noqa: PLR0917  as the plain one
        self,
        start_s: int,
        negative: Floats,
        total: Floats,
        guard: Floats,
        taught: Bools,
        spans: Sequence[Completed] = (),
    ) -> None:
        """Learn from one window, and the longer spans that it completes, of those series that are to be taught."""
        factor = self._factor(start_s)
        mu = np.maximum(self.level * factor, LEAST_EXPECTED)
        begun = self.steps > 0
        taught = taught & ~(begun & (total == 0) & (mu > QUIET_TOTAL))
        self._learn_level(total, mu, factor, taught)
        if self._clock.cells_a_day:
            off = np.clip((total - mu) / np.maximum(mu, 0.5), -1.0, 2.0)
            self._learn_rhythm(start_s, off, taught & begun)
        for index, k, n, enough in spans:
            self._learn_longer(index, k, n, guard, taught & enough & (n >= 3))
        self._learn_share(negative, total, guard, taught)
        self.steps += taught
        self._refresh()

    def _factor(self, start_s: int) -> Floats:
        a_day = self._clock.cells_a_day
        if not a_day:
            return np.ones(len(self.steps))
        own = self._clock.cell(start_s)
        other = own - a_day if own >= a_day else own + a_day
        w, v = self._weight[own], self._weight[other]
        return np.asarray(np.exp((self._rhythm[own] * w + self._rhythm[other] * v / (v + 1.0)) / (w + 1.0)))

    def _refresh(self) -> None:
        phi = (self._moment + PRIOR_DISPERSION * PRIOR_SQUARE) / (self._square + PRIOR_SQUARE)
        self.dispersion = np.clip(phi, 0.01, 10.0)

    def _learn_level(self, total: Floats, mu: Floats, factor: Floats, taught: Bools) -> None:
        first = taught & (self.steps == 0)
        later = taught & (self.steps > 0)
        rate = np.maximum(self._level_rate, 1.0 / (self.steps + 1))
        cut = np.minimum(total, mu + 3.0 * np.sqrt(mu + self.dispersion * mu * mu) + 1.0)
        seen = np.where(self.steps >= SETTLED_STEPS, cut, total)
        off = seen - mu
        np.add(self.level, rate * (seen / factor - self.level), out=self.level, where=later)
        rate /= 3.0
        np.add(self._moment, rate * (off * off - mu - self._moment), out=self._moment, where=later)
        np.add(self._square, rate * (mu * mu - self._square), out=self._square, where=later)
        if first.any():
            self.level[first] = total[first] / factor[first]
            self._square[first] = self.level[first] ** 2
            self._moment[first] = PRIOR_DISPERSION * self._square[first]

    def _learn_rhythm(self, start_s: int, off: Floats, taught: Bools) -> None:
        cell, step = self._clock.cell(start_s), self._cells_weight
        weight, rhythm = self._weight[cell], self._rhythm[cell]
        np.copyto(weight, np.minimum(weight + step, MOST_DAY_HOURS), where=taught)
        np.add(rhythm, step / (weight + 1.0) * 0.7 * off, out=rhythm, where=taught)

    def _learn_share(self, negative: Floats, total: Floats, guard: Floats, taught: Bools) -> None:
        keep, m, s = self._share_keep, self.share, self.concentration
        some = taught & (total > 0)
        stories = np.maximum(total, 1.0)
        worth = stories * (s + 1.0) / (stories + s)
        spread = m * (1.0 - m)
        reach = 3.0 * np.sqrt(spread / worth) + 1.0 / stories
        p = np.minimum(np.maximum(negative / stories, m - reach), m + reach)
        weighed = np.where(some, guard * worth, 0.0)
        a, n = self._negative * keep + p * weighed, self._total * keep + weighed
        self._known += weighed
        several = taught & (total >= 3)
        weight = guard * np.minimum(total / 20.0, 1.0)
        np.add(self._scatter_weight, weight, out=self._scatter_weight, where=several)
        rate = weight * np.maximum(1.0 - keep, 1.0 / self._scatter_weight)
        off = p - m
        seen = (off * off / spread * total - 1.0) / np.maximum(total - 1.0, 1.0)
        moved = np.clip(self.scatter + rate * (seen - self.scatter), 1 / 400, 0.25)
        np.copyto(self.scatter, moved, where=several)
        thin = n < PRIOR_DOCUMENTS
        a = np.where(thin, a * PRIOR_DOCUMENTS / n, a)
        np.copyto(self._negative, a, where=taught)
        np.copyto(self._total, np.where(thin, PRIOR_DOCUMENTS, n), where=taught)
        self.share = np.clip(self._negative / self._total, 0.001, 0.97)

    def _learn_longer(self, index: int, negative: Floats, total: Floats, guard: Floats, taught: Bools) -> None:
        m, scatter, own = self.share, self.longer[index], self._longer_weight[index]
        spread, stories, s = m * (1.0 - m), np.maximum(total, 1.0), 1.0 / scatter - 1.0
        reach = 3.0 * np.sqrt(spread / (stories * (s + 1.0) / (stories + s))) + 1.0 / stories
        off = np.clip(negative / stories - m, -reach, reach)
        weight = guard * np.minimum(total / 20.0, 1.0) / np.sqrt(SPANS[index + 1])
        np.add(own, weight, out=own, where=taught)
        rate = weight * np.maximum((1.0 - self._share_keep) / LONGER_MEMORY, 1.0 / own)
        seen = (off * off / spread * total - 1.0) / np.maximum(total - 1.0, 1.0)
        np.copyto(scatter, np.clip(scatter + rate * (seen - scatter), LEAST_LONGER, 0.25), where=taught)
