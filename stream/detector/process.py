"""The detector: one process that decides, tick by tick, with its state in the store. Another may stand by."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from stream.broker.errors import BrokerError
from stream.broker.waiting import Backlog
from stream.core.incidents import Story
from stream.core.progress import Part
from stream.core.readings import Counts, Support
from stream.detector.engine import STEP_S, Decided, Desk, Engine, Followed, Window, Witness
from stream.detector.state import WIDE, Chunk, chunk_of, in_order, pack, unpack
from stream.detector.windows import closing_windows, prime
from stream.store.counts import CountsReader
from stream.store.incidents import Conflict, DetectorStore, FencedOut, Write
from stream.store.lease import Lease

log = logging.getLogger(__name__)
ready = logging.getLogger("stream.ready")

# Open windows beyond these are a backlog: they close as the watermark moves on.
MOST_OPEN: Final = 3
# Further behind than this the past is not judged window by window: baselines are primed anew.
MOST_BEHIND_S: Final = 3 * 86_400
# The lease is renewed so often while a tick takes long.
RENEW_S: Final = 0.5

Applied = Callable[[], Mapping[Part, int]]


class Backlogs(Protocol):
    """What waits to be applied: `stream.broker.waiting.Waiting`."""

    def backlog(self, applied: Mapping[Part, int]) -> Backlog:
        """Return what waits behind these highest offsets applied."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The world around the detector.

    Attributes:
        live: counts without what came too late; `whole`: counts of the past, with all that came.
        applied: asks the store for the highest offset applied of each partition.
    """

    store: DetectorStore
    lease: Lease
    live: CountsReader
    whole: CountsReader
    waiting: Backlogs
    applied: Applied
    witness: Witness


class Detector:
    """Call `tick` about once a second; it returns soon unless much has to be caught up with."""

    def __init__(self, edges: Edges, desk: Desk, lateness_s: float, now: Callable[[], float]) -> None:
        self._edges = edges
        self._desk = desk
        self._lateness_s = lateness_s
        self._now = now
        self._engine = Engine(desk)
        self._fence: int | None = None
        self._loaded = False
        self._stopped = False
        self._renewed_s = 0.0
        self._versions: dict[str, int] = {}
        self._closed_s: dict[str, int] = {}
        self._watermark_s = 0.0
        self._seen: dict[int, Window] = {}
        self._said: bool | None = None
        self._kafka_away = False

    @property
    def leads(self) -> bool:
        """Whether this process decides; False while it stands by."""
        return self._loaded

    def stop(self) -> None:
        """End the tick that runs in another thread at the next lease renewal, and let no other begin."""
        self._stopped = True

    def tick(self) -> bool:
        """Do what is due now and return whether it was done: False where another one decides by now.

        Raises:
            StoreError: the store does not answer; the next tick begins with what the store has.
        """
        if self._stopped:
            return False
        try:
            self._tick()
            return True
        except (FencedOut, Conflict) as exc:
            self._loaded = False
            if not self._stopped:
                log.warning("%s: another detector decides now", exc)
            return False
        except Exception:
            # What was decided but not written is decided again, from what was written.
            self._loaded = False
            raise

    def _tick(self) -> None:
        fence = self._edges.lease.hold()
        if fence is None:
            self._loaded, self._fence = False, None
            self._say(leads=False)
            return
        if fence != self._fence:
            self._loaded = False
        self._fence = fence
        now_s = self._now()
        if self._loaded:
            self._move_watermark(now_s)
        elif not self._load(now_s):
            return
        if min(self._closed_s.values()) > now_s + STEP_S:
            log.warning("the clock went back behind windows that have closed: baselines are made anew from now")
            self._watermark_s = now_s - self._lateness_s
            self._begin(_whole(self._watermark_s))
        self._close_up_to(int(self._watermark_s), now_s)
        self._look(now_s)
        self._say(leads=True)

    def _say(self, *, leads: bool) -> None:
        """Say once whether this process decides or stands by, and again when that has changed."""
        if leads is not self._said:
            self._said = leads
            if leads:
                ready.info("detector ready with %d series", len(self._engine.followed))
            else:
                ready.info("detector ready, standing by: another one decides")

    def _renew(self) -> None:
        """Renew the lease while a tick takes long.

        One that ran out and that nobody took is taken again, with its new number: if somebody decided in between,
        the versions of what was written tell.
        """
        if self._stopped:
            raise FencedOut("the detector was told to stop", permanent=True)
        if time.monotonic() - self._renewed_s < RENEW_S:
            return
        self._fence = self._edges.lease.hold()
        if self._fence is None:
            raise FencedOut("the lease ran out while a tick took long", permanent=True)
        self._renewed_s = time.monotonic()

    def _move_watermark(self, now_s: float) -> None:
        """Move the watermark to now, or to what waits longest, less the lateness; never back."""
        try:
            # The store first: what is applied in between is only taken for waiting.
            backlog = self._edges.waiting.backlog(self._edges.applied())
        except BrokerError as exc:
            if not self._kafka_away:
                log.warning("%s: windows stay open until it answers", exc)
            self._kafka_away = True
            return
        self._kafka_away = False
        if backlog.records and backlog.oldest_ms is None:
            return
        newest_s = now_s if backlog.oldest_ms is None else min(now_s, backlog.oldest_ms / 1000)
        self._watermark_s = max(self._watermark_s, newest_s - self._lateness_s)

    def _load(self, now_s: float) -> bool:
        """Take over: continue from the stored state, or prime every series from the stored past.

        Return False where it is not known yet up to when everything is counted.
        """
        # A store that fell back has records to be applied again: the watermark of before says nothing of them.
        self._watermark_s = 0.0
        self._move_watermark(now_s)
        if not self._watermark_s:
            return False
        self._engine, self._versions, self._closed_s, self._seen = Engine(self._desk), {}, {}, {}
        for name, (version, state) in self._edges.store.load().items():
            self._renew()
            chunk = unpack(state, self._desk.corrections)
            self._versions[name], self._closed_s[name] = version, chunk.closed_s
            self._engine.followed.update(chunk.followed)
            if chunk.unprimed:
                log.info("baselines of %d series of an older version are made anew", len(chunk.unprimed))
                self._follow_anew(chunk.unprimed, chunk.closed_s)
        until_s = _whole(self._watermark_s)
        if not self._versions:
            self._begin(until_s)
        elif until_s - min(self._closed_s.values()) > MOST_BEHIND_S:
            log.warning("the detector stood still for more than three days: baselines are made anew")
            self._begin(until_s)
        self._loaded = True
        return True

    def _begin(self, until_s: int) -> None:
        """Prime everything and write it; incidents that are open stay so."""
        past = self._edges.whole.windows(STEP_S, range(until_s - 86_400, until_s, STEP_S))
        names = {name for window in past for name in window} | self._engine.followed.keys()
        before, self._engine, self._seen = self._engine.followed, Engine(self._desk), {}
        self._engine.followed.update(before)
        self._follow_anew(names, until_s)
        for chunk in {WIDE, *map(chunk_of, self._engine.followed)} | self._versions.keys():
            self._closed_s[chunk] = until_s
        self._write(self._closed_s, [])
        log.info("baselines of %d series made from the stored past", len(self._engine.followed))

    def _follow_anew(self, series: Iterable[str], until_s: int) -> None:
        """Follow series with new baselines; incidents that are open stay so."""
        followed = self._engine.followed
        lives = {name: followed[name].life for name in series if name in followed}
        self._follow(series, until_s)
        for name, life in lives.items():
            followed[name].life = life

    def _follow(self, series: Iterable[str], until_s: int) -> None:
        """Begin to follow series, primed with their past up to `until_s`."""
        new = {name: self._engine.follow(name, until_s) for name in sorted(series)}
        if new:
            takes = {name: followed.watch.prime for name, followed in new.items()}
            prime(takes, self._edges.whole, self._engine.clocks, until_s, keep=self._renew)

    def _witness(self, series: str, start_s: int, end_s: int) -> tuple[Support, tuple[Story, ...]]:
        self._renew()
        return self._edges.witness(series, start_s, end_s)

    def _close_up_to(self, watermark_s: int, now_s: float) -> None:
        first_s = min(self._closed_s.values()) + STEP_S
        for end_s in range(first_s, watermark_s + 1, STEP_S):
            self._renew()
            self._close(end_s, now_s)
            self._seen = {start: window for start, window in self._seen.items() if start >= end_s}

    def _close(self, end_s: int, now_s: float) -> None:
        due = {name for name, closed_s in self._closed_s.items() if closed_s < end_s}
        windows = closing_windows(self._edges.live, self._engine.closing(end_s), end_s)
        newest = windows[self._engine.clocks[0].name][-1][1]
        self._follow(newest.keys() - self._engine.followed.keys(), end_s - STEP_S)
        stepped = [name for name in self._engine.followed if self._closed_s.get(chunk_of(name), 0) < end_s]
        due |= set(map(chunk_of, stepped))
        decided = self._engine.close(
            end_s, windows, int(now_s * 1000), self._witness, acknowledged=self._acknowledged(), only=stepped
        )
        for name in due:
            self._closed_s[name] = end_s
        forgotten = self._engine.forget(end_s)
        self._write(due, decided)
        if forgotten:
            log.info("%d series without stories for two weeks are forgotten", len(forgotten))

    def _look(self, now_s: float) -> None:
        """Look at the series that were touched since the last look, in the windows that are open."""
        closed_s = min(self._closed_s.values())
        starts = range(closed_s, int(now_s) + 1, STEP_S)
        if len(starts) > MOST_OPEN:
            return
        windows = dict(zip(starts, self._edges.live.windows(STEP_S, starts), strict=True))
        touched = {
            name
            for start, window in windows.items()
            for name, counts in window.items()
            if self._seen.get(start, {}).get(name) != counts
        }
        self._seen = windows
        unknown = touched - self._engine.followed.keys()
        if unknown:
            self._follow(unknown, closed_s)
            for chunk in set(map(chunk_of, unknown)) - self._closed_s.keys():
                self._closed_s[chunk] = closed_s
        acknowledged = self._acknowledged() if touched else frozenset()
        for name in self._engine.in_order(touched):
            series = [(start, window.get(name, Counts(0, 0))) for start, window in windows.items()]
            decided = self._engine.look(name, now_s, series, self._witness, acknowledged=acknowledged)
            if decided is not None:
                self._write([chunk_of(name)], [decided])

    def _acknowledged(self) -> frozenset[str]:
        lives = (followed.life for followed in self._engine.followed.values())
        ids = [life.incident.incident_id for life in lives if life.incident is not None]
        flags = self._edges.store.flags(ids) if ids else {}
        return frozenset(name for name, flag in flags.items() if flag.acknowledged_by is not None)

    def _write(self, chunks: Iterable[str], decided: Sequence[Decided]) -> None:
        """Write chunks with what was decided of their series, each in one call, parents first."""
        wanted = dict.fromkeys(chunks)
        series: dict[str, dict[str, Followed]] = {chunk: {} for chunk in wanted}
        for name, followed in self._engine.followed.items():
            chunk = chunk_of(name)
            if chunk in series:
                series[chunk][name] = followed
        for chunk in in_order(wanted):
            self._renew()
            of_chunk = [one for one in decided if chunk_of(one.series) == chunk]
            self._versions[chunk] = self._edges.store.commit(
                self._fence or 0,
                chunk,
                self._versions.get(chunk, 0),
                pack(Chunk(self._closed_s[chunk], series[chunk])),
                [write for one in of_chunk for write in _writes(one, int(self._now() * 1000))],
            )
            for one in of_chunk:
                _log(one)


def _whole(watermark_s: float) -> int:
    return int(watermark_s) - int(watermark_s) % STEP_S


def _writes(decided: Decided, at_ms: int) -> list[Write]:
    writes = [Write(change.type, at_ms, change.incident, change.text) for change in decided.changes]
    return writes if decided.standing is None else [*writes, Write(None, at_ms, decided.standing)]


def _log(decided: Decided) -> None:
    for change in decided.changes:
        incident = change.incident
        log.info(
            "%s %s: z %.1f on the %s clock, %.0f%% negative of %d, usually %.0f%%%s",
            change.type,
            decided.series,
            incident.z,
            incident.clock,
            100 * incident.share,
            incident.total,
            100 * incident.baseline_share,
            "" if incident.announced else ", part of a wider incident",
        )
