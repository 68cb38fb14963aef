"""Baseline: what the windows so far lead us to expect of the next one. It is scored first and taught later."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import exp, sqrt
from typing import Any, Final

from stream.core.clocks import Clock
from stream.core.evidence import SPANS, Params, effective

PRIOR_DOCUMENTS: Final = 50.0  # the share never rests on less
PRIOR_WORTH: Final = 12.0  # what other series tell of this one's share: they differ by about half a logit
PRIOR_DISPERSION: Final = 0.3
PRIOR_SCATTER: Final = 1 / 31  # of shares between windows: a concentration of 30
SETTLED_STEPS: Final = 24  # before, the level is a plain mean and nothing is cut off
MOST_DAY_HOURS: Final = 14.0  # weight of a rhythm cell: after that it forgets
# Shares that drift stay apart for hours: how much a longer span's share scatters is learnt from whole spans, slowly,
# for there are few of them. A concentration that grows with the span, the same for all series, is only the prior.
LONGER_STEPS: Final = 60.0
LONGER_MEMORY: Final = 4.0  # times that of the share
LEAST_LONGER: Final = 1 / 2_000
QUIET_TOTAL: Final = 8.0  # an empty window where this much was expected is a fault, not a quiet one
OUTAGE: Final = 6.0  # of expectation in vain: chance leaves so much empty once in four hundred times, e^-6

LEAST_EXPECTED: Final = 1e-4
LEAST_SHARE: Final = 0.001
MOST_SHARE: Final = 0.97
PRIOR_SQUARE: Final = 0.01  # weight of the prior dispersion, squared documents: thin series tell nothing of it


class Baseline:
    """Level, rhythm, dispersion and share of one series on one clock.

    Attributes:
        steps: windows learnt from.
        level: documents a window, rhythm taken out.
        share: of negative stories, in [.001, .97].
        scatter: correlation of two stories of a window beyond the share, in [1/400, .25].
        longer: that of two stories of a longer span, for each of `SPANS` but the first, in [1/2000, .25].
    """

    __slots__ = (
        "_apart",
        "_cells",
        "_cells_a_day",
        "_cells_weight",
        "_clock",
        "_known",
        "_level_rate",
        "_longer_weight",
        "_moment",
        "_negative",
        "_rhythm",
        "_scatter_weight",
        "_share_keep",
        "_square",
        "_total",
        "_weight",
        "level",
        "longer",
        "scatter",
        "share",
        "steps",
    )

    def __init__(self, clock: Clock, prior_share: float) -> None:
        self._clock = clock
        self._cells_a_day = clock.cells_a_day
        self._cells = 2 * clock.cells_a_day
        self._cells_weight = clock.cells_a_day * clock.step_s / 86_400
        self._level_rate = 1.0 - 0.5 ** (1.0 / clock.level_half_life_steps)
        self._share_keep = 0.5 ** (1.0 / clock.share_half_life_steps)
        self.steps = 0
        self.level = 0.0
        self._moment = self._square = 0.0
        self._negative, self._total = PRIOR_DOCUMENTS * prior_share, PRIOR_DOCUMENTS
        self.share = min(max(prior_share, LEAST_SHARE), MOST_SHARE)
        self.scatter = PRIOR_SCATTER
        self._scatter_weight = float(SETTLED_STEPS)
        spread = 1.0 / PRIOR_SCATTER - 1.0
        self.longer = [1.0 / (1.0 + spread * (1.0 + clock.growth * (steps - 1))) for steps in SPANS[1:]]
        self._longer_weight = [LONGER_STEPS] * len(self.longer)
        self._apart = [1.0 / scatter - 1.0 for scatter in self.longer]
        self._known = PRIOR_WORTH
        self._rhythm = array("d", bytes(8 * self._cells))
        self._weight = array("d", bytes(8 * self._cells))

    @property
    def concentration(self) -> float:
        """Return the concentration of the windows' shares, in [3, 399]."""
        return 1.0 / self.scatter - 1.0

    @property
    def params(self) -> Params:
        """Return what a window is scored with."""
        return self.share, self.dispersion, self._known, 1.0 / self.scatter - 1.0, *self._apart

    @property
    def dispersion(self) -> float:
        """Return phi of variance = mean + phi mean^2, in [.01, 10]."""
        phi = (self._moment + PRIOR_DISPERSION * PRIOR_SQUARE) / (self._square + PRIOR_SQUARE)
        return min(max(phi, 0.01), 10.0)

    def factor(self, start_s: int) -> float:
        """Return the rhythm's factor of the window that starts then; a thin cell borrows from the other day type."""
        if not self._cells:
            return 1.0
        own = self._clock.cell(start_s)
        other = own - self._cells_a_day if own >= self._cells_a_day else own + self._cells_a_day
        rhythm, weight = self._rhythm, self._weight
        w, v = weight[own], weight[other]
        return exp((rhythm[own] * w + rhythm[other] * v / (v + 1.0)) / (w + 1.0))

    def expected(self, start_s: int) -> float:
        """Return the expected total of the window that starts then, > 0; 0 where nothing has been learnt."""
        return max(self.level * self.factor(start_s), LEAST_EXPECTED) if self.steps else 0.0

    def learn(
        self, start_s: int, negative: int, total: int, guard: float, spans: Sequence[tuple[int, int, int]] = ()
    ) -> None:
        """Learn from one window. Nothing is learnt from an empty one where much was expected.

        Args:
            guard: weight of its share, in (0, 1].
            spans: longer spans that it completes: steps, negative, total.
        """
        factor = self.factor(start_s)
        mu = max(self.level * factor, LEAST_EXPECTED)
        if self.steps and not total and mu > QUIET_TOTAL:
            return
        self._learn_level(total, mu, factor)
        if self._cells and self.steps:
            self._learn_rhythm(start_s, (total - mu) / max(mu, 0.5))
        for steps, k, n in spans:
            if n >= 3:
                self._learn_longer(SPANS.index(steps) - 1, k, n, guard)
        self._learn_share(negative, total, guard)
        self.steps += 1

    def _learn_level(self, total: int, mu: float, factor: float) -> None:
        steps = self.steps
        rate = max(self._level_rate, 1.0 / (steps + 1))
        if not steps:
            self.level = total / factor
            self._square = self.level * self.level
            self._moment = PRIOR_DISPERSION * self._square
            return
        seen: float = total
        if steps >= SETTLED_STEPS:
            seen = min(seen, mu + 3.0 * sqrt(mu + self.dispersion * mu * mu) + 1.0)
        self.level += rate * (seen / factor - self.level)
        rate /= 3.0
        off = seen - mu
        self._moment += rate * (off * off - mu - self._moment)
        self._square += rate * (mu * mu - self._square)

    def _learn_rhythm(self, start_s: int, off: float) -> None:
        cell = self._clock.cell(start_s)
        step = self._cells_weight
        weight = min(self._weight[cell] + step, MOST_DAY_HOURS)
        self._weight[cell] = weight
        self._rhythm[cell] += step / (weight + 1.0) * 0.7 * min(max(off, -1.0), 2.0)

    def _learn_share(self, negative: int, total: int, guard: float) -> None:
        keep = self._share_keep
        a, n = self._negative * keep, self._total * keep
        if total:
            m = self.share
            worth = effective(total, self.concentration)
            # One whole story more, as for the level: else a single negative one would count as a part of itself.
            reach = 3.0 * sqrt(m * (1.0 - m) / worth) + 1.0 / total
            p = min(max(negative / total, m - reach), m + reach)
            a += guard * p * worth
            n += guard * worth
            self._known += guard * worth
            if total >= 3:
                weight = guard * min(total / 20.0, 1.0)
                seen = ((p - m) * (p - m) / (m * (1.0 - m)) * total - 1.0) / (total - 1)
                self._scatter_weight += weight
                rate = weight * max(1.0 - keep, 1.0 / self._scatter_weight)
                self.scatter = min(max(self.scatter + rate * (seen - self.scatter), 1 / 400), 0.25)
        if n < PRIOR_DOCUMENTS:
            a, n = a * PRIOR_DOCUMENTS / n, PRIOR_DOCUMENTS
        self._negative, self._total = a, n
        self.share = min(max(a / n, LEAST_SHARE), MOST_SHARE)

    def _learn_longer(self, index: int, negative: int, total: int, guard: float) -> None:
        m, scatter = self.share, self.longer[index]
        spread = m * (1.0 - m)
        reach = 3.0 * sqrt(spread / effective(total, self._apart[index])) + 1.0 / total
        off = min(max(negative / total - m, -reach), reach)
        # Longer spans are fewer, and neighbours of them still drift together: each counts for less.
        weight = guard * min(total / 20.0, 1.0) / sqrt(SPANS[index + 1])
        self._longer_weight[index] += weight
        rate = weight * max((1.0 - self._share_keep) / LONGER_MEMORY, 1.0 / self._longer_weight[index])
        seen = (off * off / spread * total - 1.0) / (total - 1)
        self.longer[index] = min(max(scatter + rate * (seen - scatter), LEAST_LONGER), 0.25)
        self._apart[index] = 1.0 / self.longer[index] - 1.0

    def dump(self) -> list[Any]:
        """Return the state as plain numbers and lists."""
        return [
            self.steps,
            self.level,
            self._moment,
            self._square,
            self._negative,
            self._total,
            self.scatter,
            self._scatter_weight,
            self._known,
            self.longer[:],
            self._longer_weight[:],
            self._rhythm.tolist(),
            self._weight.tolist(),
        ]

    def restore(self, state: list[Any]) -> None:
        """Take over what `dump` of the same clock gave."""
        self.steps, self.level, self._moment, self._square = state[:4]
        self._negative, self._total, self.scatter, self._scatter_weight, self._known = state[4:9]
        self.longer, self._longer_weight = list(state[9]), list(state[10])
        self._apart = [1.0 / scatter - 1.0 for scatter in self.longer]
        self._rhythm, self._weight = array("d", state[11]), array("d", state[12])
        self.share = min(max(self._negative / self._total, LEAST_SHARE), MOST_SHARE)
