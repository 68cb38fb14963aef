"""The detector: one process that decides, tick by tick, with its state in the store. Another may stand by."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from stream.broker.errors import BrokerError
from stream.broker.waiting import Backlog
from stream.core.progress import Part
from stream.core.readings import Counts
from stream.detector.engine import STEP_S, Decided, Desk, Engine, Window, Witness
from stream.detector.state import Chunk, chunk_of, in_order, pack, unpack
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
        self._versions: dict[str, int] = {}
        self._closed_s: dict[str, int] = {}
        self._watermark_s = 0.0
        self._seen: dict[int, Window] = {}
        self._said = ""

    @property
    def leads(self) -> bool:
        """Whether this process decides; False while it stands by."""
        return self._fence is not None

    def tick(self) -> None:
        """Do what is due now.

        Raises:
            StoreError: the store does not answer; the next tick begins with what the store has.
        """
        try:
            self._tick()
        except (FencedOut, Conflict) as exc:
            self._fence = None
            log.warning("%s: another detector decides now", exc)
        except Exception:
            # What was decided but not written is decided again, from what was written.
            self._fence = None
            raise

    def _tick(self) -> None:
        fence = self._edges.lease.hold()
        if fence is None:
            self._fence = None
            self._say("detector ready, standing by: another one decides")
            return
        now_s = self._now()
        self._move_watermark(now_s)
        if not self._watermark_s:
            return
        if fence != self._fence:
            self._load(fence)
        self._close_up_to(int(self._watermark_s), now_s)
        self._look(now_s)
        self._say(f"detector ready with {len(self._engine.followed)} series")

    def _say(self, line: str) -> None:
        """Say once whether this process decides or stands by, and again when that has changed."""
        role = "stands by" if "standing" in line else "decides"
        if role != self._said:
            self._said = role
            ready.info(line)

    def _move_watermark(self, now_s: float) -> None:
        """Move the watermark to now, or to what waits longest, less the lateness; never back."""
        try:
            # The store first: what is applied in between is only taken for waiting.
            backlog = self._edges.waiting.backlog(self._edges.applied())
        except BrokerError as exc:
            log.warning("%s: windows stay open", exc)
            return
        if backlog.records and backlog.oldest_ms is None:
            return
        newest_s = now_s if backlog.oldest_ms is None else min(now_s, backlog.oldest_ms / 1000)
        self._watermark_s = max(self._watermark_s, newest_s - self._lateness_s)

    def _load(self, fence: int) -> None:
        """Take over: continue from the stored state, or prime every series from the stored past."""
        self._engine, self._versions, self._closed_s, self._seen = Engine(self._desk), {}, {}, {}
        for name, (version, state) in self._edges.store.load().items():
            chunk = unpack(state)
            self._versions[name], self._closed_s[name] = version, chunk.closed_s
            self._engine.followed.update(chunk.followed)
        until_s = int(self._watermark_s) - int(self._watermark_s) % STEP_S
        if not self._versions:
            self._begin(until_s)
        elif until_s - min(self._closed_s.values()) > MOST_BEHIND_S:
            log.warning("the detector stood still for more than three days: baselines are made anew")
            self._begin(until_s)
        self._fence = fence

    def _begin(self, until_s: int) -> None:
        """Prime everything and write it; incidents that are open stay so."""
        lives = {name: followed.life for name, followed in self._engine.followed.items()}
        self._engine = Engine(self._desk)
        past = self._edges.whole.windows(STEP_S, range(until_s - 86_400, until_s, STEP_S))
        self._follow({name for window in past for name in window} | lives.keys(), until_s)
        for name, life in lives.items():
            self._engine.followed[name].life = life
        for chunk in {chunk_of("news/market/all"), *map(chunk_of, self._engine.followed)} | self._versions.keys():
            self._closed_s[chunk] = until_s
        self._write(self._closed_s, [])
        log.info("baselines of %d series made from the stored past", len(self._engine.followed))

    def _follow(self, series: Iterable[str], until_s: int) -> None:
        """Begin to follow series, primed with their past up to `until_s`."""
        new = {name: self._engine.follow(name, until_s) for name in sorted(series)}
        if new:
            takes = {name: followed.watch.prime for name, followed in new.items()}
            prime(takes, self._edges.whole, self._engine.clocks, until_s, keep=self._keep_lease)

    def _keep_lease(self) -> None:
        if self._edges.lease.hold() is None:
            raise FencedOut("the lease was lost while baselines were made", permanent=True)

    def _close_up_to(self, watermark_s: int, now_s: float) -> None:
        first_s = min(self._closed_s.values()) + STEP_S
        for end_s in range(first_s, watermark_s + 1, STEP_S):
            self._keep_lease()
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
            end_s, windows, int(now_s * 1000), self._edges.witness, acknowledged=self._acknowledged(), only=stepped
        )
        for name in due:
            self._closed_s[name] = end_s
        self._write(due, decided)

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
            decided = self._engine.look(name, now_s, series, self._edges.witness, acknowledged=acknowledged)
            if decided is not None:
                self._write([chunk_of(name)], [decided])

    def _acknowledged(self) -> frozenset[str]:
        lives = (followed.life for followed in self._engine.followed.values())
        ids = [life.incident.incident_id for life in lives if life.incident is not None]
        flags = self._edges.store.flags(ids) if ids else {}
        return frozenset(name for name, flag in flags.items() if flag.acknowledged_by is not None)

    def _write(self, chunks: Iterable[str], decided: Sequence[Decided]) -> None:
        """Write chunks with what was decided of their series, each in one call, parents first."""
        fence = self._edges.lease.hold() if self._fence is None else self._fence
        if fence is None:
            raise FencedOut("the lease was lost", permanent=True)
        for chunk in in_order(dict.fromkeys(chunks)):
            followed = {name: one for name, one in self._engine.followed.items() if chunk_of(name) == chunk}
            of_chunk = [one for one in decided if chunk_of(one.series) == chunk]
            self._versions[chunk] = self._edges.store.commit(
                fence,
                chunk,
                self._versions.get(chunk, 0),
                pack(Chunk(self._closed_s[chunk], followed)),
                [write for one in of_chunk for write in _writes(one, int(self._now() * 1000))],
            )
            for one in of_chunk:
                _log(one)


def _writes(decided: Decided, at_ms: int) -> list[Write]:
    writes = [Write(change.type, at_ms, change.incident, change.text) for change in decided.changes]
    return writes if decided.standing is None else [*writes, Write(None, at_ms, decided.standing)]


def _log(decided: Decided) -> None:
    for change in decided.changes:
        incident = change.incident
        log.info(
            "%s %s: z %.1f on the %s clock, %.0f%% negative of %d, usually %.0f%%",
            change.type,
            decided.series,
            incident.z,
            incident.clock,
            100 * incident.share,
            incident.total,
            100 * incident.baseline_share,
        )
