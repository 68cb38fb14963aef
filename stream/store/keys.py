"""Every key in the store, and how long it lives. One namespace is one hash slot of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HOUR_S: Final = 3_600
DAY_S: Final = 86_400

# width of the window -> seconds it is kept after its last write, not after its event time:
# a past that is read in today stays as long as a window of today.
WINDOW_TTL_S: Final = {60: 48 * HOUR_S, 300: 14 * DAY_S, 3_600: 400 * DAY_S}

# A document's id is looked up in the sets of these received days, relative to its own.
ID_DAYS: Final = (0, -1, -2, 1)
ID_TTL_S: Final = 5 * DAY_S
# Sets of integers cost eight bytes a member up to `set-max-intset-entries` members (65,536 as shipped):
# 256 sets a day hold 16 million documents a day that way.
ID_SLOTS: Final = 256
STORY_TTL_S: Final = 4 * DAY_S
LATEST_MOST: Final = 500
LATEST_TTL_S: Final = 14 * DAY_S

# Fields of a window's hash are `{series}|{measure}`.
DOCUMENTS, NEGATIVE, NEUTRAL, POSITIVE, SCORE_SUM, LATE = "d", "n", "u", "p", "x", "l"
LATE_STORIES, LATE_NEGATIVE = "t", "k"
MEASURES: Final = (DOCUMENTS, NEGATIVE, NEUTRAL, POSITIVE, SCORE_SUM, LATE, LATE_STORIES, LATE_NEGATIVE)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one namespace."""

    namespace: str

    @property
    def prefix(self) -> str:
        """What every key begins with."""
        return f"barograph:{{{self.namespace}}}:"

    @property
    def applied(self) -> str:
        """Hash: `{topic id}:{partition}` -> highest offset applied."""
        return f"{self.prefix}applied"

    @property
    def totals(self) -> str:
        """Hash: cumulative counters, and the newest times seen."""
        return f"{self.prefix}totals"

    def latest(self, day: int) -> str:
        """Sorted set: the newest stories of one day of event time as JSON, by event time."""
        return f"{self.prefix}latest:{day}"

    def window(self, width_s: int, start_s: int) -> str:
        """Hash: one window, `{series}|{measure}` -> integer."""
        return f"{self.prefix}w:{width_s}:{start_s}"

    def stories(self, day: int) -> str:
        """Hash: the stories whose first copy has its event time on this day."""
        return f"{self.prefix}stories:{day}"
