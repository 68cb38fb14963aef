"""One notifier sends, others stand by: a lease decides, and a signal ends it in peace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from stream.retry import until_done
from stream.store.client import StoreError
from stream.store.lease import AsyncLease

log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """Another process leads now."""


async def lead(
    lease: AsyncLease,
    ttl_s: float,
    *,
    stop: asyncio.Event,
    work: Callable[[], Awaitable[None]],
    finish: Callable[[], Awaitable[None]],
    standing_by: Callable[[], None],
    beat: Callable[[], None],
) -> None:
    """Do the work whenever, and only while, the lease is held; return once `stop` is set.

    Args:
        work: runs until cancelled.
        finish: called before it is cancelled at a stop, while the lease is still held.
        standing_by: called when another holds the lease.
        beat: called while it does, each time the store has said so.

    Raises:
        StoreError: permanent.
    """
    beat_s = ttl_s / 3
    waited = False
    try:
        while not stop.is_set():
            asking = asyncio.ensure_future(until_done(lease.hold))
            if not await _before(stop, asking):
                break
            if asking.result() is None:
                if not waited:
                    standing_by()
                waited = True
                beat()
                await _wait(stop, beat_s)
                continue
            waited = False
            await _hold_and_work(lease, ttl_s, stop, work, finish)
    finally:
        with suppress(StoreError):
            await lease.release()


async def _hold_and_work(
    lease: AsyncLease,
    ttl_s: float,
    stop: asyncio.Event,
    work: Callable[[], Awaitable[None]],
    finish: Callable[[], Awaitable[None]],
) -> None:
    working = asyncio.ensure_future(work())
    keeping = asyncio.ensure_future(_keep(lease, ttl_s))
    stopping = asyncio.ensure_future(stop.wait())
    tasks = (working, keeping, stopping)
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if stopping in done and not working.done():
            await finish()
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, LeaseLost):
            log.warning("%s; standing by", result)
        elif isinstance(result, Exception):
            raise first_of(result)


async def _keep(lease: AsyncLease, ttl_s: float) -> None:
    """Renew until another holds the lease. StoreError where that is permanent."""
    while True:
        await asyncio.sleep(ttl_s / 3)
        # A store that is away stops the work as well; sending twice would do no harm, the ids are the same.
        if await until_done(lease.hold) is None:
            raise LeaseLost("another notifier holds the lease")


async def _before(stop: asyncio.Event, asking: asyncio.Future[int | None]) -> bool:
    """Return whether there is an answer before the stop: a store that is away must not hold the end up."""
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((asking, stopping), return_when=asyncio.FIRST_COMPLETED)
        return asking.done()
    finally:
        for task in (stopping, asking):
            task.cancel()  # one that is done keeps its result


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def first_of(exc: Exception) -> Exception:
    """Return the first exception in nested groups, or the exception itself."""
    while isinstance(exc, ExceptionGroup):
        exc = exc.exceptions[0]
    return exc
