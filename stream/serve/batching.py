"""Requests that come together are read together: one batch for the model, each caller its own answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

log = logging.getLogger(__name__)


class Busy(Exception):
    """So much waits that nothing more is taken in."""


class _Request(Generic[Asked, Answered]):
    def __init__(self, items: Sequence[Asked], future: asyncio.Future[list[Answered]]) -> None:
        self.items = items
        self.future = future
        self.taken = 0
        self.answers: list[Answered] = []

    @property
    def left(self) -> int:
        return len(self.items) - self.taken


class Batcher(Generic[Asked, Answered]):
    """Runs `work` in `thread` on items of as many requests as wait, one batch at a time.

    A long request gives way: each that waits gets a quarter of a batch in turn. What a caller gave up is not read.

    Args:
        work: one answer for each item, in order; what it raises, the request that caused it gets.
        most: items a batch.
        most_waiting: items that may wait.
        gather_s: how long the first of a quiet time waits for others.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Asked]], Sequence[Answered]],
        thread: Executor,
        *,
        most: int,
        most_waiting: int,
        gather_s: float = 0.002,
    ) -> None:
        self._work = work
        self._thread = thread
        self._most = most
        self._most_waiting = most_waiting
        self._gather_s = gather_s
        self._waiting: deque[_Request[Asked, Answered]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._since_s: float | None = None

    @property
    def busy_s(self) -> float:
        """How long the batch under way has taken so far; 0 where there is none."""
        return 0.0 if self._since_s is None else time.monotonic() - self._since_s

    async def submit(self, items: Sequence[Asked]) -> list[Answered]:
        """Return the answers for these items, in order.

        Raises:
            Busy: too many wait.
            Exception: whatever `work` raised for them.
        """
        waiting = sum(request.left for request in self._waiting if not request.future.done())
        if waiting + len(items) > self._most_waiting:
            raise Busy(f"{waiting} texts wait already")
        if not items:
            return []
        request: _Request[Asked, Answered] = _Request(items, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await request.future

    async def _run(self) -> None:
        await asyncio.sleep(self._gather_s)
        while batch := self._next():
            await self._answer(batch)

    def _next(self) -> list[tuple[_Request[Asked, Answered], Sequence[Asked]]]:
        """Return the next batch: requests with what is read of each now, none twice."""
        parts: dict[_Request[Asked, Answered], list[Asked]] = {}
        room = self._most
        while room and self._waiting:
            request = self._waiting.popleft()
            if request.future.done():
                continue
            count = min(room, request.left, max(1, self._most // 4))
            parts.setdefault(request, []).extend(request.items[request.taken : request.taken + count])
            request.taken += count
            room -= count
            if request.left:
                self._waiting.append(request)
        return list(parts.items())

    async def _answer(self, batch: Sequence[tuple[_Request[Asked, Answered], Sequence[Asked]]]) -> None:
        try:
            answers = await self._read([item for _, items in batch for item in items])
        except Exception as exc:  # whatever a model raises: out of memory, a device error, a bad input
            if len(batch) > 1:
                log.warning("the model failed on a batch of %d requests, each is read alone: %r", len(batch), exc)
                for part in batch:
                    await self._answer([part])
                return
            _fail(batch[0][0], exc)
            return
        at = 0
        for request, items in batch:
            request.answers.extend(answers[at : at + len(items)])
            at += len(items)
            if len(request.answers) == len(request.items) and not request.future.done():
                request.future.set_result(request.answers)

    async def _read(self, items: Sequence[Asked]) -> Sequence[Answered]:
        self._since_s = time.monotonic()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, items)
        finally:
            self._since_s = None


def _fail(request: _Request[Asked, Answered], exc: Exception) -> None:
    if not request.future.done():
        request.future.set_exception(exc)
