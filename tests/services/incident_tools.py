"""Incidents and a detector that holds its lease, for tests of the store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import redis

from stream.core.incidents import EventType, Incident, IncidentEvent, incident_id
from stream.store.incidents import DETECTOR_LEASE, DetectorStore, Write
from stream.store.keys import Keys
from stream.store.lease import Lease

NOON_S = 1_767_355_200
NOON_MS = NOON_S * 1_000

_FIRST = Incident(
    incident_id="",
    rule="negative",
    series="",
    state="firing",
    severity="warning",
    kind="negative_share",
    clock="5m",
    opened_at_s=NOON_S,
    fired_at_ms=NOON_MS + 300_000,
    window_start_s=NOON_S,
    window_end_s=NOON_S + 300,
    z=5.1,
    z_peak=5.1,
    share=0.6,
    baseline_share=0.2,
    negative=12,
    total=20,
    expected_total=18.5,
    false_alarms_per_week=0.03,
)


def incident(number: int = 0, **changes: Any) -> Incident:
    """Return the incident of a series of this number; its id is that of its series and opening window."""
    made = replace(_FIRST, series=f"news/ticker/T{number}", **changes)
    return replace(made, incident_id=incident_id(made.series, made.opened_at_s))


def fired(number: int = 0, **changes: Any) -> Write:
    return Write("fired", NOON_MS, incident(number, **changes))


def resolved(number: int = 0, **changes: Any) -> Write:
    changes = {"state": "resolved", "resolved_at_s": NOON_S + 3_600, "reason": "cleared", **changes}
    return Write("resolved", NOON_MS + 3_600_000, incident(number, **changes), "cleared")


def types(events: list[IncidentEvent]) -> list[EventType]:
    return [event.type for event in events]


@dataclass
class Detector:
    """A detector's lease and store, and the version of its only chunk."""

    lease: Lease
    store: DetectorStore
    fence: int
    version: int = 0

    def commit(self, *writes: Write, state: bytes = b"") -> int:
        self.version = self.store.commit(self.fence, "c0", self.version, state, writes)
        return self.version

    def close(self) -> None:
        self.lease.close()
        self.store.close()


def detector(url: str, namespace: str, owner: str = "one", ttl_s: float = 60.0) -> Detector:
    """Return a detector that holds its lease."""
    lease = Lease(url, namespace, DETECTOR_LEASE, owner, ttl_s)
    fence = lease.hold()
    assert fence is not None
    return Detector(lease, DetectorStore(url, namespace), fence)


def dump(url: str, namespace: str) -> dict[bytes, bytes]:
    """Return every key of a namespace with the server's own image of its value; leases apart, they run out."""
    with redis.Redis.from_url(url) as client:
        prefix = Keys(namespace).prefix
        found: dict[bytes, bytes] = {}
        for key in client.scan_iter(match=prefix + "*"):
            value: Any = client.dump(key)
            if value is not None and not key.startswith((prefix + "lease:").encode()):
                found[key] = value
        return found
