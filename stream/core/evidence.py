"""Evidence: how much more negative a span of windows is than its baseline leads us to expect."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from typing import Final

SPANS: Final = (1, 3, 6, 12)  # steps
RING: Final = 12
VOLUME_WEIGHT: Final = 0.3
# Where stories are many the scatter of shares decides, and that is learnt from few spans that drift together: its
# evidence has a heavier tail than a normal one, and counts for up to so much less. Thin series pay nothing.
SATURATED: Final = 0.2
LEAST_NEGATIVE: Final = 3  # fewer negative stories in a span never speak for a spike
# Per span: of the dispersion, as counts of neighbouring windows move together less than their sums suggest, and what
# is taken off its evidence, as every longer span is one more trial.
OF_SPAN: Final = ((1, 1.0, 0.0), (3, 0.7, 0.15), (6, 0.55, 0.20), (12, 0.45, 0.30))

_NORM: Final = sqrt(1 + VOLUME_WEIGHT * VOLUME_WEIGHT)

Params = tuple[float, ...]
"""Share, dispersion, how many independent stories the share is known from (> 0), and each span's concentration."""
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


def strongest(negative: Sequence[int], total: Sequence[int], expected: Sequence[float], params: Params) -> Found:
    """Return the evidence of the strongest span that ends with the last window.

    Args:
        negative, total, expected: per window, oldest first, at least one; 0 expected where nothing is known yet,
            and then the volume says nothing. A span that is longer than what there is is left out.
        params: of the baseline, see `Params`.

    Returns:
        That of the last window alone, with z <= 0, where no span can speak for a spike: each holds fewer than three
        negative stories, or no more than expected.
    """
    windows = len(total)
    if not windows:
        raise ValueError("a span needs at least one window")
    share = params[0]
    best: Found | None = None
    k = n = counted = 0
    for index, (steps, _, _) in enumerate(OF_SPAN):
        if steps > windows:
            break
        if steps == 1:
            k, n = negative[-1], total[-1]
        else:
            k += sum(negative[-steps:-counted])
            n += sum(total[-steps:-counted])
        counted = steps
        if k < LEAST_NEGATIVE or k <= share * n:
            continue
        found = _of_span(index, k, n, expected, params)
        if best is None or found[0] > best[0]:
            best = found
    if best is not None:
        return best
    z, *rest = _of_span(0, negative[-1], total[-1], expected, params)
    return min(z, 0.0), *rest  # type: ignore[return-value]  # mypy does not count what is unpacked


def _of_span(index: int, k: int, n: int, expected: Sequence[float], params: Params) -> Found:
    steps, of_dispersion, trial = OF_SPAN[index]
    known = params[2]
    worth = effective(n, params[3 + index])
    by_share = share_z(k, n, params[0], worth * known / (worth + known))
    if by_share > 0.0:
        by_share *= 1.0 - SATURATED * (1.0 - worth / n)
    by_volume = mu = 0.0
    if expected[-steps] > 0.0:
        mu = expected[-1] if steps == 1 else sum(expected[-steps:])
        by_volume = volume_z(n, mu, params[1] * of_dispersion)
    z = (by_share + VOLUME_WEIGHT * min(max(by_volume, -1.0), 4.0)) / _NORM - trial
    return z, by_share, by_volume, steps, k, n, mu
