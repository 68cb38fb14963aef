"""Evidence: how much more negative a span of windows is than its baseline leads us to expect."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from typing import Final

SPANS: Final = (1, 3, 12)  # steps
RING: Final = 12
VOLUME_WEIGHT: Final = 0.3
LEAST_NEGATIVE: Final = 3  # fewer negative stories in a span never speak for a spike

_NORM: Final = sqrt(1 + VOLUME_WEIGHT * VOLUME_WEIGHT)
# Counts of neighbouring windows move together less than their sums suggest; every longer span is one more trial.
_OF_SPAN: Final = ((1, 1.0, 0.0), (3, 0.7, 0.15), (12, 0.45, 0.30))

Params = tuple[float, float, float, float]
"""Share, concentration, dispersion, and how many independent stories the share is known from, > 0."""
Found = tuple[float, float, float, int, int, int, float]
"""z, z_share, z_volume, steps of the span, negative, total, expected total (0 where unknown)."""


def effective(total: float, concentration: float) -> float:
    """Return how many independent stories this many are worth where shares scatter with this concentration, > 0."""
    return total * (concentration + 1.0) / (total + concentration)


def share_z(negative: int, total: int, share: float, worth: float) -> float:
    """Return the signed-root deviance of a share against the expected one; 0 for no stories.

    Args:
        negative: negative stories, 0 <= negative <= total; half a story is taken off for continuity.
        share: expected, in (0, 1).
        worth: independent stories that the total is worth, see `effective`.

    References:
        Signed-root deviance: McCullagh & Nelder (1989), section 2.4.3.
    """
    if not total:
        return 0.0
    x = (negative - 0.5) / total
    if x > 0.0:
        deviance = x * log(x / share) + (1.0 - x) * log((1.0 - x) / (1.0 - share))
    else:
        x, deviance = 0.0, -log(1.0 - share)
    # Rounding makes the deviance of nearly equal shares a hair negative.
    root = sqrt(2.0 * worth * max(deviance, 0.0))
    return root if x > share else -root


def volume_z(total: int, expected: float, dispersion: float) -> float:
    """Return the signed-root deviance of a negative-binomial count.

    Args:
        expected: its mean, > 0.
        dispersion: variance = mean + dispersion mean^2; > 0.
    """
    size = 1.0 / dispersion
    deviance = (total + size) * log((expected + size) / (total + size))
    if total:
        deviance += total * log(total / expected)
    root = sqrt(2.0 * max(deviance, 0.0))
    return root if total > expected else -root


def strongest(
    negative: Sequence[int],
    total: Sequence[int],
    expected: Sequence[float],
    params: Params,
    growth: float,
) -> Found:
    """Return the evidence of the strongest span that ends with the last window.

    Args:
        negative, total, expected: per window, oldest first, at least one; 0 expected where nothing is known yet,
            and then the volume says nothing. A span that is longer than what there is is left out.
        params: of the baseline, for single windows.
        growth: what every further step of a span adds to the concentration, as a part of it.

    Returns:
        z <= 0 where a span holds fewer than three negative stories or no more than expected.
    """
    windows = len(total)
    share, concentration, dispersion, known = params
    best: Found | None = None
    for steps, of_dispersion, trial in _OF_SPAN:
        if steps > windows:
            break
        if steps == 1:
            k, n, mu = negative[-1], total[-1], expected[-1]
        else:
            k, n, mu = sum(negative[-steps:]), sum(total[-steps:]), sum(expected[-steps:])
        worth = effective(n, concentration * (1.0 + growth * (steps - 1)))
        by_share = share_z(k, n, share, worth * known / (worth + known))
        by_volume = volume_z(n, mu, dispersion * of_dispersion) if expected[-steps] > 0.0 else 0.0
        z = (by_share + VOLUME_WEIGHT * min(max(by_volume, -1.0), 4.0)) / _NORM - trial
        if z > 0.0 and (k < LEAST_NEGATIVE or k < share * n):
            z = 0.0
        if best is None or z > best[0]:
            best = (z, by_share, by_volume, steps, k, n, mu if expected[-steps] > 0.0 else 0.0)
    if best is None:
        raise ValueError("a span needs at least one window")
    return best
