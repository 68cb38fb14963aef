"""A lane: what one endpoint has still to get, in order of when it is due. No lane waits for another."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from stream.delivery.body import superseded_body
from stream.delivery.breaker import PROBE_EVERY_S, Breaker
from stream.delivery.endpoints import Endpoint
from stream.delivery.schedule import SCHEDULE_S, Answer, Verdict, remaining_s, verdict
from stream.delivery.telling import OPENING
from stream.retry import until_done
from stream.store.deliveries import Attempt
from stream.store.delivery_queue import Due, Gone, Outcome, Waiting

# `notify --again` puts deliveries in line from a process of its own.
_LOOK_EVERY_S: Final = 2.0

log = logging.getLogger(__name__)


class Posts(Protocol):
    """What sends to one endpoint."""

    async def post(self, message_id: str, body: bytes, now_s: float) -> Answer:
        """Make an attempt; never raises for what the network does."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class Queue(Protocol):
    """What keeps deliveries: `AsyncDeliveries` live, a file of its own for a replay."""

    async def line(self, endpoint: str, now_ms: float) -> list[Due]:
        """Return an endpoint's next deliveries in order."""
        ...

    async def waiting(self, delivery_id: str) -> Waiting | None:
        """Return a delivery that waits; None where it has ended, or is not there."""
        ...

    async def drop_due(self, endpoint: str, delivery_id: str) -> None:
        """Take out of line what is no delivery that waits."""
        ...

    async def record(self, endpoint: str, delivery_id: str, outcome: Outcome, now_ms: int) -> bool:
        """Write down an attempt; False where the delivery had ended."""
        ...

    async def hurry(self, endpoint: str, now_ms: float) -> None:
        """Make all that waits for an endpoint due now."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """Time and chance, handed in.

    Attributes:
        clock: unix seconds; somebody may set it.
        chance: drawn from [0, 1).
        schedule_s: wait before each attempt.
        probe_every_s: of an endpoint whose breaker is open.
        reload_every_s: how often the files are looked at.
        empty_for_s: how long a file has no endpoint any more before that is believed.
        monotonic: seconds of a clock that nobody sets.
    """

    clock: Callable[[], float]
    chance: Callable[[], float]
    schedule_s: Sequence[float] = SCHEDULE_S
    probe_every_s: float = PROBE_EVERY_S
    reload_every_s: float = 1.0
    empty_for_s: float = 2.0
    monotonic: Callable[[], float] = time.monotonic


class Lane:
    """Sends one endpoint's deliveries, one after the other.

    Args:
        changed: told when what may be shown of the endpoint has changed.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        poster: Posts,
        store: Queue,
        pace: Pace,
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self.endpoint = endpoint
        self.breaker = Breaker()
        self.gone_at_ms: int | None = None
        self._poster = poster
        self._store = store
        self._pace = pace
        self._changed = changed
        self._news = asyncio.Event()
        self._ending = False

    def wake(self) -> None:
        """Say that something new is due."""
        self._news.set()

    def finish(self) -> None:
        """Let the lane end after the attempt in flight, if there is one."""
        self._ending = True
        self._news.set()

    async def run(self) -> None:
        """Send until told to finish, or the endpoint answers that it is gone. StoreError where that is permanent."""
        try:
            while not self._ending and self.gone_at_ms is None:
                self._news.clear()
                wait_s = await self._step()
                if wait_s > 0:
                    await self._pause(wait_s)
        finally:
            await self._poster.close()

    async def _pause(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(min(wait_s, _LOOK_EVERY_S)):
                await self._news.wait()
        except TimeoutError:
            return

    async def _step(self) -> float:
        """Make the next attempt if it is due; return for how long nothing is to do."""
        now_s = self._pace.clock()
        line = await until_done(lambda: self._store.line(self.endpoint.name, now_s * 1_000))
        if not line:
            return math.inf
        waits = [(remaining_s(one.at_ms, one.wait_ms, now_s), one.id) for one in line]
        due_in_s, name = next((one for one in waits if one[0] <= 0), min(waits))
        wait_s = max(due_in_s, self.breaker.not_before_s - self._pace.monotonic())
        if wait_s > 0 or self._ending:
            return wait_s
        waiting = await until_done(lambda: self._store.waiting(name))
        if waiting is None:
            await until_done(lambda: self._store.drop_due(self.endpoint.name, name))
            return 0.0
        await self._attempt(waiting)
        return 0.0

    async def _attempt(self, waiting: Waiting) -> None:
        started_s, started = self._pace.clock(), self._pace.monotonic()
        overtaken = waiting.resolved and waiting.type in OPENING
        body = superseded_body(waiting.body) if overtaken else waiting.body
        answer = await self._poster.post(waiting.id, body, started_s)
        now_s = self._pace.clock()
        found = verdict(answer, waiting.tries + 1, now_s, self._pace.chance(), self._pace.schedule_s)
        attempt = Attempt(
            at_ms=int(started_s * 1_000),
            status=answer.status,
            reason=answer.reason,
            took_ms=round((self._pace.monotonic() - started) * 1_000),
        )
        gone = Gone(at_ms=int(now_s * 1_000), url_mark=self.endpoint.url_mark) if found.gone else None
        next_at_ms = None if found.next_in_s is None else int((now_s + found.next_in_s) * 1_000)
        outcome = Outcome(found.state, attempt, next_at_ms, gone)
        await until_done(lambda: self._store.record(self.endpoint.name, waiting.id, outcome, int(now_s * 1_000)))
        self._say(waiting, answer, found)
        await self._learn(answer, found, now_s)

    async def _learn(self, answer: Answer, found: Verdict, now_s: float) -> None:
        before = self.breaker
        self.breaker = before.after(
            ok=answer.ok,
            now_s=self._pace.monotonic(),
            resume_in_s=found.resume_in_s,
            probe_every_s=self._pace.probe_every_s,
        )
        if found.gone:
            self.gone_at_ms = int(now_s * 1_000)
        if before.is_open and not self.breaker.is_open:
            await until_done(lambda: self._store.hurry(self.endpoint.name, now_s * 1_000))
        if before.is_open != self.breaker.is_open:
            log.warning(
                "endpoint %s %s",
                self.endpoint.name,
                "failed several times in a row: one probe a minute" if self.breaker.is_open else "answers again",
            )
        if found.gone or before.is_open != self.breaker.is_open:
            await self._changed()

    def _say(self, waiting: Waiting, answer: Answer, found: Verdict) -> None:
        name = self.endpoint.name
        if found.gone:
            log.warning("endpoint %s answered 410 and is disabled; its deliveries wait until its URL changes", name)
        elif found.state == "dead":
            log.error(
                "%s for endpoint %s given up after %d attempts: %s", waiting.id, name, waiting.tries + 1, answer.reason
            )
        elif found.next_in_s is not None:
            log.warning("%s for endpoint %s: %s; again in %.1f s", waiting.id, name, answer.reason, found.next_in_s)
        else:
            log.info("%s delivered to endpoint %s", waiting.id, name)
