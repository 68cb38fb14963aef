"""Effect: whether what a reading found is large enough for a person to care, and of which kind it is."""

from __future__ import annotations

from typing import Final

from stream.core.evidence import share_z
from stream.core.incidents import Kind
from stream.core.readings import Reading, Support

LEAST_LIFT: Final = 0.10
LEAST_RATIO: Final = 1.5
LEAST_AUTHORS: Final = 5
LEAST_SOURCES: Final = 2
SHARE_Z: Final = 2.0  # below, the share says nothing, and volume alone is no negative spike
VOLUME_Z: Final = 3.0


def kind_of(reading: Reading) -> Kind | None:
    """Return the kind of spike; None where the share does not speak for one."""
    if reading.z_share < SHARE_Z:
        return None
    return "negative_share" if reading.z_volume < VOLUME_Z else "negative_surge"


def human_sized(reading: Reading, least_negative: int, support: Support | None) -> bool:
    """Return whether the share rose by a tenth or by half, told by enough stories, authors and sources.

    Whoever tells the rest of a long span are many authors in any case: the rise has to be there as well where the
    busiest ones count once, or a storm of one author would pass in a busy series.

    Args:
        least_negative: negative stories that the span must hold.
        support: who tells them; a rule whose figure is None is skipped, all of them where it is None itself.
    """
    negative, total = reading.negative, reading.total
    if negative < least_negative or not _is_lifted(negative, total, reading.baseline_share):
        return False
    if support is None:
        return True
    if support.sources is not None and support.sources < LEAST_SOURCES:
        return False
    if support.authors is None:
        return True
    return support.authors >= LEAST_AUTHORS and _speaks_once(reading, support.repeated)


def _speaks_once(reading: Reading, repeated: float) -> bool:
    """Return whether the share speaks for a spike, and rose, without what was told repeatedly."""
    repeats = round(reading.negative * repeated)
    if not repeats:
        return True
    negative, total = reading.negative - repeats, reading.total - repeats
    baseline_share = min(max(reading.baseline_share, 0.001), 0.97)
    z = share_z(negative, total, baseline_share, float(total))
    return z >= SHARE_Z and _is_lifted(negative, total, reading.baseline_share)


def _is_lifted(negative: int, total: int, baseline_share: float) -> bool:
    share = negative / total if total else 0.0
    return share - baseline_share >= LEAST_LIFT or share >= LEAST_RATIO * baseline_share
