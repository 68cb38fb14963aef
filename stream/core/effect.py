"""Effect: whether what a reading found is large enough for a person to care, and of which kind it is."""

from __future__ import annotations

from typing import Final

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

    Args:
        least_negative: negative stories that the span must hold.
        support: who tells them; a rule whose figure is None is skipped, all of them where it is None itself.
    """
    lifted = reading.share - reading.baseline_share >= LEAST_LIFT
    if not (lifted or reading.share >= LEAST_RATIO * reading.baseline_share):
        return False
    if reading.negative < least_negative:
        return False
    if support is None:
        return True
    few_authors = support.authors is not None and support.authors < LEAST_AUTHORS
    few_sources = support.sources is not None and support.sources < LEAST_SOURCES
    return not (few_authors or few_sources)
