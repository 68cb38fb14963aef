"""Fills a store with incidents as a detector does: by `Lease` and `DetectorStore.commit`, never by writing keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stream.core.incidents import EventType, Incident, Story, incident_id
from stream.store.incident_read import Seen
from stream.store.incidents import DETECTOR_LEASE, DetectorStore, Write
from stream.store.lease import Lease

HOSTILE = "<img src=x onerror=\"document.title='owned'\"> [a](javascript:alert(1)) **b** :red[c] $x^2$"


def story(number: int = 0, **more: Any) -> Story:
    """Return one story of an evidence."""
    given: dict[str, Any] = {
        "id": f"s{number}",
        "title": f"Regulator opens an inquiry into the accounts of company {number}, trading is halted",
        "source": "invented-wire",
        "lang": "en",
        "score": -0.93 + number / 50,
        "event_s": 1_767_355_200 + number,
        "copies": 1 + number,
        "url": f"https://example.org/story/{number}",
    }
    return Story(**(given | more))


def incident(series: str = "news/ticker/ACME", opened_s: int = 1_767_355_200, **more: Any) -> Incident:
    """Return an incident of the five-minute clock that fires since this window."""
    given: dict[str, Any] = {
        "incident_id": incident_id(series, opened_s),
        "rule": "negative",
        "series": series,
        "state": "firing",
        "severity": "warning",
        "kind": "negative_share",
        "clock": "5m",
        "opened_at_s": opened_s,
        "fired_at_ms": (opened_s + 300) * 1000,
        "window_start_s": opened_s - 600,
        "window_end_s": opened_s + 300,
        "z": 5.27,
        "z_peak": 5.27,
        "share": 0.64,
        "baseline_share": 0.182,
        "negative": 32,
        "total": 50,
        "expected_total": 41.5,
        "false_alarms_per_week": 0.03,
        "evidence": tuple(story(n) for n in range(5)),
    }
    return Incident(**(given | more))


def seen(series: str = "news/ticker/ACME", opened_s: int = 1_767_355_200, by: str | None = None, **more: Any) -> Seen:
    """Return an incident as the pages get it, acknowledged by somebody where a name is given."""
    return Seen(incident(series, opened_s, **more), 1, by, None if by is None else opened_s * 1000 + 400_000)


def resolved(one: Incident, at_s: int, reason: str = "cleared") -> Incident:
    """Return the incident as it stands once it is over."""
    return replace(one, state="resolved", resolved_at_s=at_s, reason=reason, z=0.4)


def write(one: Incident, type: EventType = "fired", at_ms: int | None = None, text: str | None = None) -> Write:
    """Return one event of the detector, at the time it fired where no other is given."""
    return Write(type, one.fired_at_ms if at_ms is None else at_ms, one, text)


class Detector:
    """Writes incidents to one namespace. It holds the lease for as long as a test may take."""

    def __init__(self, url: str, namespace: str) -> None:
        self.lease = Lease(url, namespace, DETECTOR_LEASE, "dashboard-tests", 600)
        self._store = DetectorStore(url, namespace)
        self._version = next((version for version, _ in self._store.load().values()), 0)

    def commit(self, *writes: Write) -> None:
        """Write these events, and nothing else."""
        fence = self.lease.hold()
        assert fence is not None
        self._version = self._store.commit(fence, "wide", self._version, b"tests", writes)

    def fire(self, *incidents: Incident) -> None:
        """Let these incidents fire."""
        self.commit(*(write(one) for one in incidents))

    def close(self) -> None:
        """Give the lease back and close the connections."""
        self.lease.release()
        self.lease.close()
        self._store.close()


def crisis(now_s: int) -> Sequence[Incident]:
    """Return eight open incidents: two markets, five series attached to one of them, one that stands alone."""
    opened = now_s // 300 * 300 - 600
    market = incident(
        "news/market/all", opened, severity="critical", kind="negative_surge", z=8.84, z_peak=9.1, negative=61,
        total=88, share=0.693, baseline_share=0.214, expected_total=52.0, invented=True,
    )  # fmt: skip
    attached = [
        incident(name, opened, parent=market.incident_id, announced=False, z=z, z_peak=z + 0.2, invented=True)
        for name, z in (
            ("news/lang/en", 7.1),
            ("news/lang/zh", 6.8),
            ("news/topic/legal_risk", 8.2),
            ("news/ticker/ACME", 6.4),
            ("news/source/invented-wire", 5.2),
        )
    ]
    comments = incident("comment/market/all", opened + 300, early=True, z=6.1, z_peak=6.1, invented=True)
    alone = incident("comment/ticker/600519.SH", opened - 7_200, state="recovering", clock="1h", late=True, z=2.1)
    return [market, *attached, comments, alone]
