"""The watch of thousands of series on one clock at once, in numpy: reading for reading what the plain one gives.

Columns are series. An array of a window has one number a series; all series close the same windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stream.core.baseline import LEAST_SHARE, MOST_SHARE, OUTAGE
from stream.core.clocks import Clock
from stream.core.correction import LEAST_WORTH, Correction
from stream.core.evidence import LEAST_NEGATIVE, OF_SPAN, RING, SATURATED, VOLUME_WEIGHT
from stream.core.watch import GUARD, MOST_GAP_STEPS
from stream.detector.vectorised_baseline import Baselines, Completed

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]

_NORM: Final = float(np.sqrt(1 + VOLUME_WEIGHT * VOLUME_WEIGHT))
_KEPT: Final = 2 * RING
_ROWS: Final = 8 * _KEPT


@dataclass(frozen=True, slots=True)
class Readings:
    """What `Reading` holds, one number a series in each array."""

    start_s: int
    end_s: int
    z: Floats
    z_share: Floats
    z_volume: Floats
    steps: Integers
    negative: Floats
    total: Floats
    expected_total: Floats
    share: Floats
    baseline_share: Floats
    steps_seen: Integers
    no_data: Bools


class Rolling:
    """The newest rows of a table that grows at its end and forgets at its beginning, without copies at most steps."""

    def __init__(self, kept: int, shape: tuple[int, ...]) -> None:
        self._kept = kept
        self._rows = np.zeros((_ROWS, *shape))
        self._end = kept  # rows before the first are zeros

    def add(self, row: ArrayLike) -> None:
        if self._end == _ROWS:
            self._rows[: self._kept] = self._rows[-self._kept :]
            self._end = self._kept
        self._rows[self._end] = row
        self._end += 1

    def last(self, rows: int, back: int = 0) -> Floats:
        """Return a view of this many rows, oldest first, that end `back` rows before the newest."""
        end = self._end - back
        return self._rows[end - rows : end]

    def grow(self, columns: int) -> None:
        more = np.zeros((*self._rows.shape[:-1], columns))
        self._rows = np.concatenate((self._rows, more), axis=-1)


def share_z(negative: Floats, total: Floats, share: Floats, worth: Floats) -> Floats:
    """See `stream.core.evidence.share_z`."""
    x = (negative - 0.5) / np.maximum(total, 1.0)
    some = x > 0.0
    x = np.where(some, x, 0.0)
    rest = 1.0 - x
    deviance = rest * np.log(rest / (1.0 - share))
    deviance += x * np.log(np.where(some, x, share) / share)
    root = np.sqrt(2.0 * worth * np.maximum(deviance, 0.0))
    return np.where(x > share, root, -root)


def volume_z(total: Floats, expected: Floats, dispersion: Floats) -> Floats:
    """See `stream.core.evidence.volume_z`."""
    size = 1.0 / dispersion
    deviance = (total + size) * np.log((expected + size) / (total + size))
    deviance += total * np.log(np.where(total > 0, total, expected) / expected)
    root = np.sqrt(2.0 * np.maximum(deviance, 0.0))
    return np.where(total > expected, root, -root)


def corrected(called: Floats, correction: Correction) -> Floats:
    """See `stream.core.correction.Correction.share`."""
    if correction.gap <= 0.0:
        return called
    return np.clip((called - correction.mistaken) / correction.gap, 0.0, 1.0)


def widened(params: Sequence[Floats], correction: Correction) -> tuple[Floats, ...]:
    """Return a baseline's figures with its share known no better than `Correction.worth` says."""
    called = np.clip(params[0], LEAST_SHARE, MOST_SHARE)
    p = corrected(called, correction)
    variance = (1.0 - p) ** 2 * correction.mistaken_variance + p * p * correction.found_variance
    worth = np.maximum(called * (1.0 - called) / variance * correction.sure, LEAST_WORTH)
    return params[0], params[1], params[2] * worth / (params[2] + worth), *params[3:]


Span = tuple[Floats, Floats, Floats, Floats]
"""Negative, total and expected of a span, and the expected of its first window, 0 where nothing was known then."""
Sums = Sequence[Span]


def strongest(sums: Sums, windows: Integers, params: Sequence[Floats]) -> tuple[Floats, ...]:
    """Return the seven figures of `stream.core.evidence.strongest`, of spans that are summed already.

    Args:
        windows: how many there are of each series; longer spans are left out.
    """
    share = params[0]
    best: list[Floats] = []
    able = np.zeros(len(windows), dtype=np.bool_)
    for index, (k, n, _, _) in enumerate(sums):
        speaks = (windows >= OF_SPAN[index][0]) & (k >= LEAST_NEGATIVE) & (k > share * n)
        if not best:
            best, able = list(_of_span(0, sums[0], params)), speaks
            continue
        at = np.flatnonzero(speaks)
        span = tuple(each[at] for each in sums[index])
        figures = _of_span(index, span, [each[at] for each in params])  # type: ignore[arg-type]
        better = ~able[at] | (figures[0] > best[0][at])
        taken = at[better]
        for kept, figure in zip(best, figures, strict=True):
            kept[taken] = figure[better]
        able |= speaks
    np.copyto(best[0], np.minimum(best[0], 0.0), where=~able)
    return tuple(best)


def _of_span(index: int, sums: Span, params: Sequence[Floats]) -> tuple[Floats, ...]:
    steps, of_dispersion, trial = OF_SPAN[index]
    share, dispersion, known = params[:3]
    scale = params[3 + index]
    k, n, mu, first = sums
    worth = n * (scale + 1.0) / (n + scale)
    by_share = np.where(n > 0, share_z(k, n, share, worth * known / (worth + known)), 0.0)
    saturated = 1.0 - SATURATED * (1.0 - worth / np.maximum(n, 1.0))
    by_share = np.where(by_share > 0.0, by_share * saturated, by_share)
    told = first > 0.0
    by_volume = np.where(told, volume_z(n, np.where(told, mu, 1.0), dispersion * of_dispersion), 0.0)
    z = (by_share + VOLUME_WEIGHT * np.clip(by_volume, -1.0, 4.0)) / _NORM - trial
    return z, by_share, by_volume, np.full_like(z, steps), k.copy(), n.copy(), np.where(told, mu, 0.0)


class Tracks:
    """Many series on one clock: what `stream.core.watch.Track` is for one.

    Args:
        prior_share: a series each.
        correction: one for all of them.
    """

    def __init__(self, clock: Clock, prior_share: ArrayLike, correction: Correction | None = None) -> None:
        self._correction = correction
        prior = self._prior(prior_share)
        series = len(prior)
        self._clock = clock
        self._baselines = Baselines(clock, prior)
        self._newest: int | None = None
        self._windows = np.zeros(series, dtype=np.int64)  # since each began, at most as many as are kept
        self._negative, self._total, self._expected = (Rolling(_KEPT, (series,)) for _ in range(3))
        self._params = Rolling(_KEPT, (3 + len(OF_SPAN), series))
        self._z = Rolling(_KEPT, (series,))  # nan where a late document has changed what it was found from
        self._empty = np.zeros(series)

    def _prior(self, prior_share: ArrayLike) -> Floats:
        prior = np.asarray(prior_share, dtype=np.float64)
        return prior if self._correction is None else self._correction.mistaken + self._correction.gap * prior

    @property
    def baseline_share(self) -> Floats:
        share = self._baselines.share
        return share if self._correction is None else corrected(share, self._correction)

    @property
    def _scored_with(self) -> tuple[Floats, ...]:
        params = self._baselines.params
        return params if self._correction is None else widened(params, self._correction)

    @property
    def steps_seen(self) -> Integers:
        return self._baselines.steps

    def grow(self, prior_share: ArrayLike) -> None:
        """Add series that begin with the next window."""
        prior = self._prior(prior_share)
        self._baselines.grow(prior)
        for table in (self._negative, self._total, self._expected, self._params, self._z):
            table.grow(len(prior))
        self._windows = np.concatenate((self._windows, np.zeros(len(prior), dtype=np.int64)))
        self._empty = np.concatenate((self._empty, np.zeros(len(prior))))

    def close(self, start_s: int, negative: ArrayLike, total: ArrayLike, *, judged: bool = True) -> Readings | None:
        """Score a window and teach the oldest; None where it is not newer than the newest, or not to be judged.

        Windows left out since the newest count as empty in all series that had begun.
        """
        step = self._clock.step_s
        if self._newest is not None:
            if start_s <= self._newest:
                return None
            nothing = np.zeros(len(self._windows))
            began = self._windows > 0
            for at_s in range(max(self._newest + step, start_s - MOST_GAP_STEPS * step), start_s, step):
                self._push(at_s, nothing, nothing, began)
                self._teach(at_s - RING * step)
        found = self._push(start_s, np.asarray(negative, np.float64), np.asarray(total, np.float64), None)
        readings = self._readings(found, start_s) if judged else None
        self._teach(start_s - RING * step)
        return readings

    def patch(self, start_s: int, columns: Integers, negative: ArrayLike, total: ArrayLike) -> None:
        """Replace the counts of some series' window that is still in the ring; any other is ignored."""
        if self._newest is None:
            return
        back, odd = divmod(self._newest - start_s, self._clock.step_s)
        if odd or not 0 <= back < RING:
            return
        k, n = np.asarray(negative, np.float64), np.asarray(total, np.float64)
        own_k, own_n = self._negative.last(1, back)[0], self._total.last(1, back)[0]
        moved = (back < self._windows[columns]) & ((own_k[columns] != k) | (own_n[columns] != n))
        columns = columns[moved]
        own_k[columns], own_n[columns] = k[moved], n[moved]
        self._z.last(back + 1)[:, columns] = np.nan

    def look(self, now_s: Floats, columns: Integers, negative: Floats, total: Floats) -> tuple[Floats, ...]:
        """Return the seven figures of looks at the window after the newest while it is open; nothing changes.

        Args:
            now_s: moments of the looks, unix seconds; `columns` the series, which may come more than once.
            negative, total: counts of the open window then; total > 0: whether there are no data is not asked.
        """
        if self._newest is None:
            raise ValueError("a look at series without any window")
        step = self._clock.step_s
        start_s = self._newest + step
        passed = np.clip((now_s - start_s) / step, 1.0 / step, 1.0)
        mu = self._baselines.expected(start_s)[columns] * passed
        sums = []
        for steps, _, _ in OF_SPAN:
            before = [table.last(steps - 1)[:, columns] for table in (self._negative, self._total, self._expected)]
            first = before[2][0] if steps > 1 else mu
            k, n, m = (each.sum(axis=0) for each in before)
            sums.append((k + negative, n + total, m + mu, first))
        params = [each[columns] for each in self._scored_with]
        return strongest(sums, self._windows[columns] + 1, params)

    def _push(self, start_s: int, k: Floats, n: Floats, began: Bools | None) -> tuple[Floats, ...]:
        self._negative.add(k)
        self._total.add(n)
        self._expected.add(self._baselines.expected(start_s))
        params = self._scored_with
        self._params.add(np.stack(params))
        self._newest = start_s
        self._windows += 1 if began is None else began
        np.minimum(self._windows, _KEPT, out=self._windows)
        found = strongest(self._sums(0, slice(None)), self._windows, params)
        self._z.add(found[0])
        return found

    def _sums(self, back: int, columns: slice | Integers) -> Sums:
        sums = []
        for steps, _, _ in OF_SPAN:
            tables = (self._negative, self._total, self._expected)
            k, n, mu = (table.last(steps, back)[:, columns] for table in tables)
            sums.append((k.sum(axis=0), n.sum(axis=0), mu.sum(axis=0), mu[0]))
        return sums

    def _teach(self, start_s: int) -> None:
        ready = self._windows > RING
        if not ready.any():
            return
        z = self._z.last(1, RING)[0]
        late = np.flatnonzero(np.isnan(z) & ready)
        if len(late):
            params = self._params.last(1, RING)[0][:, late]
            windows = self._windows[late] - RING
            z[late] = strongest(self._sums(RING, late), windows, tuple(params))[0]
        k, n, mu = (table.last(1, RING)[0] for table in (self._negative, self._total, self._expected))
        vain = np.where(n > 0, 0.0, self._empty + mu / (1.0 + self._baselines.dispersion * mu))
        self._empty = np.where(ready, vain, self._empty)
        guard = np.where(z > self._clock.guard_z, GUARD, 1.0)
        self._baselines.learn(start_s, k, n, guard, ready & (self._empty <= OUTAGE), self._completed(start_s))

    def _completed(self, start_s: int) -> list[Completed]:
        step = start_s // self._clock.step_s + 1
        return [
            (
                index,
                self._negative.last(steps, RING).sum(axis=0),
                self._total.last(steps, RING).sum(axis=0),
                self._windows - RING >= steps,
            )
            for index, (steps, _, _) in enumerate(OF_SPAN[1:])
            if step % steps == 0
        ]

    def _in_vain(self, columns: Integers) -> Floats:
        """Return what was expected in vain up to the newest window, of series of which it is empty."""
        ring = RING + 1
        n, mu = self._total.last(ring)[:, columns], self._expected.last(ring)[:, columns]
        phi = self._baselines.dispersion[columns]
        empty = np.logical_and.accumulate(n[::-1] == 0, axis=0)[::-1]
        # Of a ring that is not full rows before the first window are zeros, and nothing was in vain before.
        vain = np.where(empty, mu / (1.0 + phi * mu), 0.0)
        return np.asarray(vain.sum(axis=0) + np.where(empty[0], self._empty[columns], 0.0))

    def _readings(self, found: tuple[Floats, ...], start_s: int) -> Readings:
        z, by_share, by_volume, steps, k, n, mu = found
        no_data = np.zeros(len(z), dtype=np.bool_)
        empty = np.flatnonzero(self._total.last(1)[0] == 0)
        if len(empty):
            no_data[empty] = self._in_vain(empty) > OUTAGE
        share = k / np.maximum(n, 1.0)
        if self._correction is not None:
            share = np.where(n > 0, corrected(share, self._correction), 0.0)
            k = np.round(share * n)
        return Readings(
            start_s=start_s,
            end_s=start_s + self._clock.step_s,
            z=np.where(no_data, np.minimum(z, 0.0), z),
            z_share=by_share,
            z_volume=by_volume,
            steps=steps.astype(np.int64),
            negative=k,
            total=n,
            expected_total=np.where(mu > 0, mu, n),
            share=share,
            baseline_share=np.array(self.baseline_share),
            steps_seen=self._baselines.steps.copy(),
            no_data=no_data,
        )
