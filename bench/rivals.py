"""What the detector is compared with: z of moving averages, and an oracle that knows the truth of a made series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from bench.simulator import DAY, Drawn, Floats, table
from stream.core.evidence import LEAST_NEGATIVE, VOLUME_WEIGHT
from stream.detector.vectorised import share_z, volume_z

SHORT_STEPS: Final = 6
SPANS: Final = (1, 3, 6, 12, 24)
CLOSE_BELOW: Final = 1.5
QUIET_STEPS: Final = 6

Evidence = Callable[[Sequence[Drawn], int], Floats]


def _steps(drawn: Sequence[Drawn], width: int) -> tuple[Floats, Floats]:
    whole = len(drawn[0].total) // width * width
    k, n = (table(drawn, name)[:whole].reshape(-1, width, len(drawn)).sum(axis=1) for name in ("negative", "total"))
    return k.astype(np.float64), n.astype(np.float64)


def _averaged(values: Floats, half_life: float) -> Floats:
    rate = 1.0 - 0.5 ** (1.0 / half_life)
    out, at = np.empty_like(values), values[0].copy()
    for i, row in enumerate(values):
        at += rate * (row - at)
        out[i] = at
    return out


def _standing_out(values: Floats, day: float) -> Floats:
    """Return how many deviations each value lies above its own past of about a day."""
    mean = _averaged(values, day)
    past = np.vstack((mean[:1], mean[:-1]))
    spread = np.sqrt(_averaged((values - past) ** 2, day))
    past_spread = np.vstack((spread[:1], spread[:-1]))
    return np.asarray((values - past) / np.maximum(past_spread, 1e-6))


def ewma_of_count(drawn: Sequence[Drawn], width: int) -> Floats:
    """Return z of the moving average of negative stories, a row a step of `width` windows."""
    k, _ = _steps(drawn, width)
    return _standing_out(_averaged(k, SHORT_STEPS / 2), DAY / width)


def ewma_of_share(drawn: Sequence[Drawn], width: int) -> Floats:
    """Return z of the moving share of negative stories."""
    k, n = _steps(drawn, width)
    k, n = _averaged(k, SHORT_STEPS / 2), _averaged(n, SHORT_STEPS / 2)
    return _standing_out(k / np.maximum(n, 1e-6), DAY / width)


def oracle(drawn: Sequence[Drawn], width: int) -> Floats:
    """Return the evidence of somebody who knows each window's true mean and share, and how both scatter."""
    k, n = _steps(drawn, width)
    whole = len(k) * width
    mean = np.stack([one.mean[:whole] for one in drawn], axis=1)
    share = np.stack([one.share[:whole] for one in drawn], axis=1)
    expected = mean.reshape(-1, width, len(drawn)).sum(axis=1)
    negative = (mean * share).reshape(-1, width, len(drawn)).sum(axis=1)
    scatter = np.array([one.scatter for one in drawn])
    dispersion = 1.0 / np.array([one.shape for one in drawn])
    best = np.zeros_like(k)
    for steps in SPANS:
        sums = [_rolling(each, steps) for each in (k, n, expected, negative)]
        scale = scatter * steps * width
        worth = sums[1] * (scale + 1.0) / (sums[1] + scale)
        known = sums[3] / sums[2]
        by_share = np.where(sums[1] > 0, share_z(sums[0], sums[1], known, worth), 0.0)
        by_volume = volume_z(sums[1], sums[2], np.broadcast_to(dispersion / (steps * width), sums[1].shape))
        z = (by_share + VOLUME_WEIGHT * np.clip(by_volume, -1.0, 4.0)) / np.sqrt(1 + VOLUME_WEIGHT**2)
        best = np.maximum(best, np.where((sums[0] >= LEAST_NEGATIVE) & (sums[0] > known * sums[1]), z, 0.0))
    return best


def _rolling(values: Floats, steps: int) -> Floats:
    sums = np.cumsum(values, axis=0)
    sums[steps:] -= sums[:-steps].copy()
    return sums


def opened_at(z: Floats, level: float) -> list[int]:
    """Return the steps at which one series opens: twice in a row at `level` or once 1 above; calm steps close it."""
    above = z >= level
    opening = np.flatnonzero((above & np.concatenate(([False], above[:-1]))) | (z >= level + 1.0))
    found: list[int] = []
    calm = z < level - CLOSE_BELOW
    closed_at = -1
    for at in opening:
        if at <= closed_at:
            continue
        found.append(int(at))
        quiet, step = 0, int(at)
        while quiet < QUIET_STEPS and step < len(z) - 1:
            step += 1
            quiet = quiet + 1 if calm[step] else 0
        closed_at = step
    return found


def level_for(z: Floats, weeks: float, false_alarms_per_week: float) -> float:
    """Return the lowest level at which these clean series, a column each, keep the budget."""
    low, high = 0.0, 40.0
    for _ in range(14):
        middle = (low + high) / 2
        count = sum(len(opened_at(column, middle)) for column in z.T)
        low, high = (middle, high) if count / weeks > false_alarms_per_week else (low, middle)
    return high
