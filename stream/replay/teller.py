"""A replay tells endpoints, by the notifier's lanes: its signatures, guard and retries. Nothing of live is used."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar

from stream.core.incidents import IncidentEvent
from stream.delivery.endpoints import FILE_NAME, Endpoint, load_endpoints
from stream.delivery.lane import Lane, Pace
from stream.delivery.post import Poster
from stream.replay.journal import Journal, Tale
from stream.replay.messages import is_told, message_id, message_of
from stream.settings import ConfigurationError, Settings

JOURNAL: Final = "told.sqlite3"
# After the last step a receiver has so long to come back; what it has not by then waits in the journal.
FINISH_S: Final = 600.0
_LOOK_S: Final = 0.1
_END_S: Final = 5.0

T = TypeVar("T")


def endpoints_named(names: Sequence[str], settings: Settings) -> tuple[Endpoint, ...]:
    """Return these endpoints, also where `enabled = false`: then nobody but a replay tells them.

    Raises:
        ConfigurationError: there is none of that name, or the file cannot be used.
    """
    if not names:
        return ()
    path = settings.endpoints_file or settings.home / FILE_NAME
    known = {one.name: one for one in load_endpoints(path, os.environ, required=True).endpoints}
    for name in names:
        if name not in known:
            raise ConfigurationError(
                f"--deliver-to {name}: no such endpoint in {path}; known: {', '.join(sorted(known)) or 'none'}"
            )
    return tuple(known[name] for name in dict.fromkeys(names))


class Teller:
    """Sends beside the replay, in a thread of its own; what is told is in the journal first.

    Args:
        run: its name, which every message bears.
        folder: of the run.
    """

    def __init__(self, endpoints: Sequence[Endpoint], run: str, folder: Path) -> None:
        self._endpoints, self._run, self._path = endpoints, run, folder / JOURNAL
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="teller", daemon=True)
        self._lanes: dict[str, tuple[Lane, asyncio.Task[None]]] = {}

    def __enter__(self) -> Teller:
        self._thread.start()
        try:
            self._call(self._begin())
        except BaseException:
            self._end_thread()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        try:
            self._call(self._end())
        finally:
            self._end_thread()

    def tell(self, event: IncidentEvent) -> None:
        """Take an event, if it is one that endpoints hear of; return once that cannot be lost."""
        if is_told(event):
            self._call(self._add(event))

    def finish(self, look: Callable[[], object]) -> list[Tale]:
        """Return how each endpoint stands once everything has arrived or was given up, or its time is over.

        Args:
            look: called meanwhile; what it raises ends the waiting.
        """
        deadline_s = time.monotonic() + FINISH_S
        while self._call(self._is_waiting()) and time.monotonic() < deadline_s:
            look()
            time.sleep(_LOOK_S)
        return self._call(self._tales())

    async def _begin(self) -> None:
        self._journal = Journal(self._path)
        pace = Pace(time.time, random.random)
        for one in self._endpoints:
            lane = Lane(one, Poster(one), self._journal, pace, _nothing_to_show)
            self._lanes[one.name] = lane, asyncio.create_task(lane.run())

    async def _add(self, event: IncidentEvent) -> None:
        body = message_of(event, self._run)
        for name, (lane, _) in self._lanes.items():
            if self._journal.add(message_id(event, self._journal.token, name), name, event.type, body):
                lane.wake()

    async def _is_waiting(self) -> bool:
        for _, task in self._lanes.values():
            if task.done():
                task.result()  # an endpoint that is gone ends its lane in peace, a full disk does not
        return any(self._journal.is_waiting(name) for name, (_, task) in self._lanes.items() if not task.done())

    async def _tales(self) -> list[Tale]:
        return [self._journal.tale(name) for name in self._lanes]

    async def _end(self) -> None:
        """Let attempts in flight have their answer, which is then known."""
        tasks = [task for _, task in self._lanes.values()]
        for lane, _ in self._lanes.values():
            lane.finish()
        await asyncio.wait(tasks, timeout=_END_S)
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task
        self._journal.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _nothing_to_show() -> None:
    return
