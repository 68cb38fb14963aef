"""The store anew: what was counted from the archive and Kafka, and the incidents with every human act."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stream.archive.joining import Sources
from stream.archive.recount import Recount, Recounted
from stream.archive.tail import read_tail
from stream.archive.told import Histories, archived_events, detector_state, histories, lives
from stream.archive.values import ArchiveError
from stream.broker.groups import members
from stream.core.event_time import DAY_S
from stream.core.incidents import IncidentEvent
from stream.detector.engine import STEP_S
from stream.store.apply import AsyncStore
from stream.store.client import StoreError
from stream.store.counts import CountsReader
from stream.store.incident_read import event_of
from stream.store.incidents import DETECTOR_LEASE
from stream.store.lease import Lease
from stream.store.read import Reader
from stream.store.rebuild import AsyncLifetimes, IncidentsBack, clear

LEASE_S: Final = 60.0
_RENEW_S: Final = 10.0
_SAY_S: Final = 2.0
_SCRATCH: Final = ".rebuild-"

log = logging.getLogger(__name__)

Say = Callable[[str], None]


class StillRunning(Exception):
    """Somebody counts or decides meanwhile; the message says who, and what to do."""

    permanent = True


@dataclass(frozen=True, slots=True)
class Place:
    """What is rebuilt from what.

    Attributes:
        archive: root of the archive; it may be empty.
        redis_url: of the store; `namespace` in it.
        lateness_s: by how much the detector lags behind the newest document.
    """

    archive: Path
    bootstrap: str
    redis_url: str = field(repr=False)
    namespace: str
    lateness_s: float


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was done; `tail` records came from Kafka, `took_s` from the first deletion on."""

    counted: Recounted
    incidents: int
    events: int
    tail: int
    took_s: float


def require_quiet(place: Place) -> None:
    """Raise StillRunning while a worker reads. Who decides is known by its lease, which `rebuild` takes."""
    group = f"barograph-{place.namespace}-classify"
    reading = members(place.bootstrap, group)
    if reading:
        raise StillRunning(
            f"{reading} worker{'s' if reading > 1 else ''} of {group} still run: stop them first (one that was killed "
            "counts for some ten seconds); or stop `barograph up`: its Kafka and store are started for this alone"
        )


def rebuild(place: Place, say: Say) -> Rebuilt:
    """Clear the namespace and write it anew; what is still to be told, and deliveries, stay as they are.

    Raises:
        StillRunning: a worker or a detector is there; nothing was changed.
        ArchiveError, BrokerError, StoreError: begin again, the store may be half-written.
    """
    require_quiet(place)
    with _alone(place) as renew, tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=_scratch(place)) as folder:
        tail = read_tail(place.bootstrap, place.archive, Path(folder))
        say(f"{tail.records:,} records read from Kafka, beyond the archive")
        roots = [place.archive, Path(folder)]
        renew()
        began_s = time.monotonic()
        back = IncidentsBack(place.redis_url, place.namespace)
        with contextlib.closing(back):
            untold = list(_untold(back))
            found = histories(itertools.chain(archived_events(roots, place.namespace), untold))
            sources = Sources(roots)
            say(f"{clear(place.redis_url, place.namespace):,} keys removed")
            counted = asyncio.run(_count(place, Recount(sources, tail.ids, tail.first), _Progress(say, renew)))
            renew()
            now_s = int(time.time())
            put = [events for events in found.values() if back.put(events, now_s)]
            back.put_detector(_detector(place, found))
        events = sum(map(len, put))
        return Rebuilt(counted, len(put), events, tail.records, time.monotonic() - began_s)


@contextlib.contextmanager
def _alone(place: Place) -> Iterator[Callable[[], None]]:
    """Hold the detector's lease, so that none decides meanwhile; lend what renews it."""
    lease = Lease(place.redis_url, place.namespace, DETECTOR_LEASE, f"rebuild-{time.time_ns()}", LEASE_S)
    renewed_s = 0.0

    def renew() -> None:
        nonlocal renewed_s
        if time.monotonic() - renewed_s < _RENEW_S and renewed_s:
            return
        if lease.hold() is None:
            raise StillRunning("a detector decides: stop it first")
        renewed_s = time.monotonic()

    try:
        renew()
        yield renew
    finally:
        with contextlib.suppress(StoreError):
            lease.release()
        lease.close()


def _scratch(place: Place) -> Path:
    """Return a folder on the archive's disk."""
    folder = place.archive.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.glob(f"{_SCRATCH}*"):
            if time.time() - left.stat().st_mtime > DAY_S:  # of one that was killed
                shutil.rmtree(left, ignore_errors=True)
    except OSError as exc:
        raise ArchiveError(f"{folder}: {exc.strerror or exc}; expected a folder that can be written") from exc
    return folder


def _untold(back: IncidentsBack) -> Iterator[IncidentEvent]:
    for fields in back.untold():
        try:
            yield event_of(fields)
        except StoreError as exc:
            log.warning("an entry of the outbox is left out of the histories: %s", exc)


class _Progress:
    """Says now and then how far the count is, and keeps the lease."""

    def __init__(self, say: Say, renew: Callable[[], None]) -> None:
        self._say = say
        self._renew = renew
        self._said_s = time.monotonic()

    def __call__(self, records: int, at_s: float) -> None:
        self._renew()
        if time.monotonic() - self._said_s >= _SAY_S:
            self._said_s = time.monotonic()
            when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(at_s))
            self._say(f"{records:,} records counted, up to {when} UTC")


async def _count(place: Place, recount: Recount, progress: _Progress) -> Recounted:
    store = AsyncStore(place.redis_url, place.namespace)
    keys = AsyncLifetimes(place.redis_url, place.namespace)
    try:
        return await recount.run(store, keys, progress, time.time())
    finally:
        await asyncio.gather(store.close(), keys.close())


def _detector(place: Place, found: Histories) -> dict[str, bytes]:
    """Return the detector's state: incidents as they stand, baselines to be made from what is counted now."""
    reader, counts = Reader(place.redis_url, place.namespace), CountsReader(place.redis_url, place.namespace, late=True)
    with contextlib.closing(reader), contextlib.closing(counts):
        newest_s = reader.totals().newest_received_ms / 1_000 - place.lateness_s
        told_s = max((event.at_ms / 1_000 for events in found.values() for event in events), default=0.0)
        closed_s = int(max(newest_s, told_s, 0.0))
        if not closed_s:
            return {}
        series = _series(counts, range(closed_s - closed_s % STEP_S - DAY_S, closed_s, STEP_S))
    return detector_state(series, lives(found), closed_s)


def _series(counts: CountsReader, starts: Sequence[int]) -> set[str]:
    return {name for window in counts.windows(STEP_S, starts) for name in window}
