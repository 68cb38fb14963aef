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

# An incident and its history, from its resolution on; while it is open they have no end.
INCIDENT_TTL_S: Final = 400 * DAY_S
# Who reads the outbox: none of it goes before all of these are past it, and so many of the newest stay in any case.
OUTBOX_CURSORS: Final = ("notify", "kafka")
OUTBOX_LEAST: Final = 10_000

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

    def lease(self, name: str) -> str:
        """String that expires by itself: `{fencing number} {owner}` of who holds this lease."""
        return f"{self.prefix}lease:{name}"

    def fence(self, name: str) -> str:
        """String: the highest fencing number given out for a lease; it has no lifetime, or numbers came again."""
        return f"{self.prefix}fence:{name}"

    @property
    def detector(self) -> str:
        """Hash: `v:{chunk}` -> version, `s:{chunk}` -> state of its series; no lifetime."""
        return f"{self.prefix}detector"

    def incident(self, incident_id: str) -> str:
        """Hash: `record` (JSON), `state`, `seq` of the newest event, `acknowledged_by`, `acknowledged_at_ms`."""
        return f"{self.prefix}incident:{incident_id}"

    def history(self, incident_id: str) -> str:
        """Stream: every event of one incident, fields as in the outbox; it lives as long as the incident."""
        return f"{self.prefix}history:{incident_id}"

    @property
    def incidents_open(self) -> str:
        """Sorted set: ids of incidents that are not resolved, by start of the opening window."""
        return f"{self.prefix}incidents:open"

    @property
    def incidents_opened(self) -> str:
        """Sorted set: ids of all incidents that are kept, by start of the opening window."""
        return f"{self.prefix}incidents:opened"

    @property
    def incidents_resolved(self) -> str:
        """Sorted set: ids of resolved incidents by the server's second of that; what has expired leaves by it."""
        return f"{self.prefix}incidents:resolved"

    @property
    def outbox(self) -> str:
        """Stream: an entry an event, `id seq type at_ms record` and, where there are any, `actor text`."""
        return f"{self.prefix}outbox"

    def outbox_cursor(self, name: str) -> str:
        """String: the newest entry of the outbox that one of `OUTBOX_CURSORS` has dealt with."""
        return f"{self.prefix}outbox:cursor:{name}"
