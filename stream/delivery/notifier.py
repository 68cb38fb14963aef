"""The notifier: reads the outbox in order, makes each event's deliveries, and keeps a lane for each endpoint."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from stream.core.incidents import IncidentEvent, event_id
from stream.delivery.body import body_of
from stream.delivery.endpoints import Endpoint, Loaded, stamp_of
from stream.delivery.lane import Lane, Pace, Posts
from stream.delivery.schedule import following_ms
from stream.delivery.signing import delivery_id
from stream.delivery.telling import FIRST_START_S, Telling, first_telling, tellings
from stream.retry import until_done
from stream.settings import ConfigurationError
from stream.store.deliveries import EndpointSeen
from stream.store.delivery_queue import CURSOR, AsyncDeliveries, CursorMoved, FanOut, Fresh
from stream.store.outbox import Outbox

FINISH_S: Final = 5.0
_EVENTS_AT_ONCE: Final = 100
_BLOCK_MS: Final = 1_000
_TRIM_EVERY: Final = 500

log = logging.getLogger(__name__)

Load = Callable[[], Loaded]
MakePoster = Callable[[Endpoint], Posts]
Entries = Sequence[tuple[str, IncidentEvent]]


class Notifier:
    """Sends while its process holds the lease: `run` until cancelled, `finish` to end in peace.

    Args:
        load: reads endpoints.toml; called again when one of its files changes.
        public_url: where people reach the dashboard, for links.
        beat: called at each turn of the reading.
    """

    def __init__(
        self,
        store: AsyncDeliveries,
        outbox: Outbox,
        load: Load,
        make_poster: MakePoster,
        pace: Pace,
        *,
        loaded: Loaded,
        public_url: str | None,
        beat: Callable[[], None],
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._load = load
        self._make_poster = make_poster
        self._pace = pace
        self._loaded = loaded
        self._public_url = public_url
        self._beat = beat
        self._lanes: dict[str, tuple[Lane, asyncio.Task[None]]] = {}
        # Names; lanes come and go while events are fanned out.
        self._told: tuple[str, ...] = ()
        self._last_due_ms = 0.0
        self._refused = ""
        self._empty_since: float | None = None

    async def run(self) -> None:
        """Read, fan out and send until cancelled. Raises what is permanent, once everything has stopped."""
        try:
            async with asyncio.TaskGroup() as group:
                self._read_again()  # it may have stood by for days
                await self._take_up(group)
                group.create_task(self._fan_out_all())
                group.create_task(self._watch_files(group))
        finally:
            self._lanes.clear()

    async def finish(self) -> None:
        """Start no more attempts; return when those in flight have their answer, after `FINISH_S` at the latest."""
        tasks = [task for _, task in self._lanes.values() if not task.done()]
        for lane, _ in self._lanes.values():
            lane.finish()
        if tasks:
            await asyncio.wait(tasks, timeout=FINISH_S)

    async def _fan_out_all(self) -> None:
        first_ms = int((self._pace.clock() - FIRST_START_S) * 1_000)
        begin_ms = await until_done(lambda: self._store.begin(first_ms))
        after = await until_done(lambda: self._outbox.cursor(CURSOR))
        since_trim = _TRIM_EVERY
        while True:
            if since_trim >= _TRIM_EVERY:
                await until_done(self._outbox.trim)
                since_trim = 0
            start = after
            entries = await until_done(lambda: self._outbox.read(start, _EVENTS_AT_ONCE, _BLOCK_MS))  # noqa: B023
            self._beat()
            told = await self._tellings(entries, begin_ms)
            since_trim += len(entries)
            try:
                after = await self._hand_out(after, entries, told)
            except CursorMoved:
                # An answer was lost and the call came twice, or another notifier was here.
                after = await until_done(lambda: self._outbox.cursor(CURSOR))
                for lane, _ in self._lanes.values():
                    lane.wake()

    async def _tellings(self, entries: Entries, begin_ms: int) -> list[Telling]:
        names = {event.incident_id for _, event in entries}
        states = await until_done(lambda: self._store.states(names))
        told = tellings([event for _, event in entries], states)
        old = [event for entry, event in entries if int(entry.partition("-")[0]) < begin_ms]  # these come first
        if old:
            names_open = {one.incident_id for one in old if states.get(one.incident_id, "resolved") != "resolved"}
            openings = await until_done(lambda: self._store.openings(names_open))
            told[: len(old)] = [first_telling(event, openings) for event in old]
        return told

    async def _hand_out(self, after: str, entries: Entries, told: Sequence[Telling]) -> str:
        """Make the deliveries of these events and return where the cursor is now."""
        for (entry, event), telling in zip(entries, told, strict=True):
            if telling != "skip":
                await self._fan_out(after, entry, self._fan(event, superseded=telling == "superseded"))
                after = entry
        if entries and entries[-1][0] != after:
            await self._fan_out(after, entries[-1][0], None)
            after = entries[-1][0]
        return after

    async def _fan_out(self, after: str, entry: str, fan: FanOut | None) -> None:
        await until_done(lambda: self._store.fan_out(after, entry, fan))
        for name in () if fan is None else (one.endpoint for one in fan.deliveries):
            if name in self._lanes:
                self._lanes[name][0].wake()

    def _fan(self, event: IncidentEvent, *, superseded: bool) -> FanOut:
        self._last_due_ms = following_ms(self._last_due_ms, self._pace.clock() * 1_000)
        name = event_id(event)
        told = [one for one in self._told if one not in self._lanes or self._lanes[one][0].gone_at_ms is None]
        return FanOut(
            event_id=name,
            incident_id=event.incident_id,
            type=event.type,
            seq=event.seq,
            due_ms=self._last_due_ms,
            body=body_of(event, public_url=self._public_url, superseded=superseded),
            deliveries=tuple(Fresh(delivery_id(name, one), one) for one in told),
        )

    async def _watch_files(self, group: asyncio.TaskGroup) -> None:
        while True:
            await asyncio.sleep(self._pace.reload_every_s)
            if self._read_again():
                await self._take_up(group)
                log.info("endpoints read again: %d enabled", len(self._lanes))

    def _read_again(self) -> bool:
        """Return whether there is something new; files that cannot be used change nothing, and are named once."""
        if stamp_of(self._loaded.files) == self._loaded.stamp:
            return False
        try:
            loaded = self._load()
        except ConfigurationError as exc:
            if str(exc) != self._refused:
                log.error("%s; the endpoints stay as they were", exc)
            self._refused = str(exc)
            return False
        self._refused = ""
        if not self._is_believed(loaded):
            return False
        self._loaded = loaded
        return True

    def _is_believed(self, loaded: Loaded) -> bool:
        """Return whether this is what the file says: an editor empties it for a moment before it writes."""
        if loaded.endpoints or not self._loaded.endpoints:
            self._empty_since = None
            return True
        if self._empty_since is None:
            self._empty_since = self._pace.monotonic()
        return self._pace.monotonic() - self._empty_since >= self._pace.empty_for_s

    async def _take_up(self, group: asyncio.TaskGroup) -> None:
        """Make the lanes those of the file: one that has not changed runs on, one that is gone ends."""
        gone = await until_done(self._store.gone)
        for one in self._loaded.endpoints:
            mark = gone.get(one.name)
            if mark is not None and (not one.enabled or mark.url_mark != one.url_mark):
                await until_done(lambda name=one.name: self._store.forget_gone(name))  # type: ignore[misc]
                del gone[one.name]
        wanted = {one.name: one for one in self._loaded.endpoints if one.enabled and one.name not in gone}
        self._told = tuple(wanted)
        for name, (lane, task) in list(self._lanes.items()):
            if wanted.get(name) != lane.endpoint or task.done():
                task.cancel()
                await asyncio.wait([task])
                del self._lanes[name]
        for name, endpoint in wanted.items():
            if name not in self._lanes:
                lane = Lane(endpoint, self._make_poster(endpoint), self._store, self._pace, self._show)
                self._lanes[name] = (lane, group.create_task(lane.run()))
        await self._show()

    async def _show(self) -> None:
        gone = await until_done(self._store.gone)
        await until_done(lambda: self._store.show(self._seen({name: one.at_ms for name, one in gone.items()})))

    def _seen(self, gone_at_ms: dict[str, int]) -> Sequence[EndpointSeen]:
        return [
            EndpointSeen(
                name=one.name,
                host=one.host,
                enabled=one.enabled,
                gone_at_ms=gone_at_ms.get(one.name),
                breaker_open=one.name in self._lanes and self._lanes[one.name][0].breaker.is_open,
            )
            for one in self._loaded.endpoints
        ]
