"""What the reader of the Alerts page asked to see: state, range, one incident. The same in the URL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dashboard.filters import CUSTOM, instant, iso
from stream.core.event_time import DAY_S
from stream.store.incident_read import Seen

OPEN, ACKNOWLEDGED, RESOLVED, ALL = "open", "acknowledged", "resolved", "all"
STATES: Final = (OPEN, ACKNOWLEDGED, RESOLVED, ALL)
RANGES_S: Final = {"24h": DAY_S, "7d": 7 * DAY_S, "30d": 30 * DAY_S, "90d": 90 * DAY_S, "400d": 400 * DAY_S}
_ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class AlertFilters:
    """One choice. `from_s` and `to_s` count where `range` is CUSTOM; `incident` is as the URL has it, known or not."""

    state: str = OPEN
    range: str = "7d"
    from_s: int | None = None
    to_s: int | None = None
    incident: str | None = None

    @property
    def timed(self) -> bool:
        """Whether the range matters: what is open is shown however long ago it opened."""
        return self.state in (RESOLVED, ALL)

    def span(self, now_s: float) -> tuple[int, int]:
        """Return `[start, end)` of the opening windows asked for, unix seconds; the end is a little in the future."""
        if self.range == CUSTOM and self.from_s is not None and self.to_s is not None:
            return self.from_s, self.to_s
        end_s = int(now_s) + DAY_S
        return int(now_s) - RANGES_S.get(self.range, RANGES_S[AlertFilters().range]), end_s


def alert_filters_of(query: Mapping[str, str]) -> AlertFilters:
    """Return the filters a URL asks for; what it does not say, or says wrongly, is the default."""
    default = AlertFilters()
    from_s, to_s = instant(query.get("from")), instant(query.get("to"))
    span = query.get("range", "")
    custom = span == CUSTOM and from_s is not None and to_s is not None and from_s < to_s
    return AlertFilters(
        state=query["state"] if query.get("state") in STATES else default.state,
        range=span if span in RANGES_S or custom else default.range,
        from_s=from_s if custom else None,
        to_s=to_s if custom else None,
        incident=query.get("incident") or None,
    )


def alert_query(filters: AlertFilters) -> dict[str, str]:
    """Return what stands in the URL; defaults are left out."""
    default, query = AlertFilters(), {}
    if filters.state != default.state:
        query["state"] = filters.state
    if filters.range == CUSTOM:
        query |= {"range": CUSTOM, "from": iso(filters.from_s), "to": iso(filters.to_s)}
    elif filters.range != default.range:
        query["range"] = filters.range
    if filters.incident:
        query["incident"] = filters.incident
    return query


def is_id(text: str) -> bool:
    """Return whether this can be an incident's id at all."""
    return bool(_ID.fullmatch(text))


def is_open(seen: Seen) -> bool:
    """Return whether an incident fires or recovers."""
    return seen.incident.state != "resolved"


def in_state(seen: Seen, state: str) -> bool:
    """Return whether the list of this state has the incident. An acknowledged one is open still."""
    if state == OPEN:
        return is_open(seen)
    if state == ACKNOWLEDGED:
        return is_open(seen) and seen.acknowledged_by is not None
    return state == ALL or not is_open(seen)


def newest_first(found: Sequence[Seen]) -> list[Seen]:
    """Return the incidents by opening window, newest first, each once."""
    unique = {seen.incident.incident_id: seen for seen in found}
    return sorted(unique.values(), key=lambda s: (s.incident.opened_at_s, s.incident.fired_at_ms), reverse=True)


def families(found: Sequence[Seen]) -> list[tuple[Seen, list[Seen]]]:
    """Return each incident that stands alone here with those attached to it, both in the order given.

    One whose parent is not here stands alone; one attached to an attached one belongs to the widest.
    """
    by_id = {seen.incident.incident_id: seen for seen in found}
    heads: dict[str, list[Seen]] = {}
    attached: list[tuple[str, Seen]] = []
    for seen in found:
        head = _widest(seen, by_id)
        if head is seen:
            heads[seen.incident.incident_id] = []
        else:
            attached.append((head.incident.incident_id, seen))
    for name, seen in attached:
        heads[name].append(seen)
    return [(by_id[name], children) for name, children in heads.items()]


def _widest(seen: Seen, by_id: Mapping[str, Seen]) -> Seen:
    passed = {seen.incident.incident_id}
    at = seen
    while (above := by_id.get(at.incident.parent or "")) is not None:
        at = above
        if at.incident.incident_id in passed:  # a ring, which no detector makes: each stands alone
            return seen
        passed.add(at.incident.incident_id)
    return at
