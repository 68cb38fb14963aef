"""A pipeline over one Faust stream: the next batch is scored while one is being applied, in order."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

log = logging.getLogger(__name__)

FAIL_STOP_EXIT = 70
Scored = TypeVar("Scored")


def fail_stop(message: str, *args: object) -> None:
    """End this process at once. Nothing is acknowledged, so whoever takes over reads it again."""
    log.critical(message, *args, exc_info=sys.exc_info()[0] is not None)
    logging.shutdown()
    os._exit(FAIL_STOP_EXIT)


class InOrder(Generic[Scored]):
    """Scores up to `depth` batches ahead; applies and acknowledges strictly in order.

    Applying in order matters: the store takes an offset at or below its highest for a redelivery.
    """

    def __init__(self, stream: Any, apply: Callable[[Scored], Awaitable[None]], depth: int = 2) -> None:
        self._stream = stream
        self._apply = apply
        self._free = asyncio.Semaphore(depth)
        self._queue: asyncio.Queue[tuple[asyncio.Future[Scored], Sequence[Any]]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._under_way = 0

    @property
    def idle(self) -> bool:
        """Whether every batch so far is applied and acknowledged."""
        return self._under_way == 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._drain())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
        while not self._queue.empty():
            self._queue.get_nowait()[0].cancel()

    async def put(self, score: Callable[[], Awaitable[Scored]], events: Sequence[Any]) -> None:
        """Begin to score a batch; waits while `depth` batches are under way."""
        await self._free.acquire()
        self._under_way += 1
        await self._queue.put((asyncio.ensure_future(score()), events))

    async def _drain(self) -> None:
        while True:
            scoring, events = await self._queue.get()
            try:
                await self._apply(await scoring)
                for event in events:
                    await self._stream.ack(event)
            except BaseException as exc:
                task = asyncio.current_task()
                if isinstance(exc, asyncio.CancelledError) and task is not None and task.cancelling():
                    raise
                # A dead pipeline would stand still without a word.
                fail_stop("a batch of %d records could not be applied", len(events))
            self._under_way -= 1
            self._free.release()
