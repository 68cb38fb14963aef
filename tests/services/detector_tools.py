"""A detector on a real Valkey with a clock of the test's own: windows are written as a worker writes them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import replace

import msgspec

from model.labels import SENTIMENTS
from stream.broker.waiting import Backlog
from stream.core.incidents import Story
from stream.core.progress import Part
from stream.core.readings import Support
from stream.detector.engine import Desk, Witness
from stream.detector.process import Detector, Edges
from stream.store.apply import AsyncStore, Counted
from stream.store.counts import CountsReader
from stream.store.incident_read import IncidentReader
from stream.store.incidents import DetectorStore
from stream.store.lease import Lease
from stream.store.read import Headline
from tests.services.test_apply import counted, records

# A Wednesday, 12:00 UTC.
NOON_S = 1_767_787_200
LATENESS_S = 60.0
MARKET = "news/market/all"


class Backlogs:
    """What waits: nothing, unless the test says otherwise."""

    def __init__(self) -> None:
        self.now = Backlog(0, None)

    def backlog(self, applied: Mapping[Part, int]) -> Backlog:
        return self.now


class Scene:
    """One namespace: its documents, its clock, and detectors that come and go."""

    def __init__(self, url: str, namespace: str, *, state: str | None = None, start_s: float = NOON_S) -> None:
        self.url, self.namespace, self.state = url, namespace, state or namespace
        self.now_s = start_s
        self.backlogs = Backlogs()
        self._documents = itertools.count(1)
        self._offsets = itertools.count()

    async def tell(
        self, event_s: float, negative: int, total: int, series: str = MARKET, *, late: bool = False
    ) -> None:
        """Count so many stories in the window of this moment."""
        items = [
            self._story(next(self._documents), int(event_s), 0 if i < negative else 1, series, late=late)
            for i in range(total)
        ]
        if items:
            store = AsyncStore(self.url, self.namespace)
            await store.apply(records(items, start=next(self._offsets) * 1_000), {})
            await store.close()

    def _story(self, number: int, event_s: int, label: int, series: str, *, late: bool) -> Counted:
        headline = Headline(
            id=str(number),
            event_s=event_s,
            received_ms=event_s * 1_000,
            kind=series.split("/", maxsplit=1)[0],
            lang="en",
            source=f"source-{number % 7}",
            title=f"story {number}",
            label=SENTIMENTS[label],
            score=(-0.9, 0.0, 0.9)[label],
            topic="macro",
            story="",
        )
        one = counted(number, event_s=event_s, label=label, late=late, series=(series,))
        return replace(one, latest=msgspec.json.encode(headline).decode())

    async def tell_history(self, hours: float, per_window: int = 20, share: float = 0.2, series: str = MARKET) -> None:
        """Lay down a quiet past that ends now."""
        draw = random.Random(1)
        end_s = int(self.now_s) - int(self.now_s) % 300
        for start_s in range(end_s - int(hours * 3_600), end_s, 300):
            total = draw.randint(per_window * 3 // 4, per_window * 5 // 4)
            await self.tell(start_s, sum(draw.random() < share for _ in range(total)), total, series, late=True)

    def detector(self, owner: str = "one", ttl_s: float = 30.0, witness: Witness | None = None) -> Detector:
        """Return a detector process' inside, as if it had just started."""
        edges = Edges(
            store=DetectorStore(self.url, self.state),
            lease=Lease(self.url, self.state, "detector", owner, ttl_s),
            live=CountsReader(self.url, self.namespace, late=False),
            whole=CountsReader(self.url, self.namespace, late=True),
            waiting=self.backlogs,
            applied=dict,
            witness=witness or _nobody,
        )
        return Detector(edges, Desk(), LATENESS_S, lambda: self.now_s)

    @property
    def incidents(self) -> IncidentReader:
        return IncidentReader(self.url, self.state)

    def ids(self) -> dict[str, str]:
        """Return every incident's state by its id."""
        found = self.incidents.recent(0, 2**33)
        return {one.incident.incident_id: one.incident.state for one in found}


def _nobody(series: str, start_s: int, end_s: int) -> tuple[Support, tuple[Story, ...]]:
    return Support(), ()
