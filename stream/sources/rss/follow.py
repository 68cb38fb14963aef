"""All feeds at once, each in a task of its own, until told to stop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from stream.sources.rss.feeds import Feed
from stream.sources.rss.poll import Follower, Shared
from stream.sources.rss.words import place

# What is on its way to Kafka when we are told to stop has so long to be confirmed and remembered.
FINISH_S: Final = 10.0

logger = logging.getLogger(__name__)
ready = logging.getLogger("stream.ready")


@dataclass(frozen=True, slots=True)
class Sum:
    """What a run came to; `worked` and `failed` are of `--once`, and count feeds."""

    worked: int
    failed: int
    sent: int
    stopped: bool


async def follow(feeds: Sequence[Feed], shared: Shared, *, once: bool) -> Sum:
    """Poll every feed, once or until SIGINT or SIGTERM, and return what it came to.

    Raises:
        SourceError: Kafka refuses for good, or the state cannot be kept.
    """
    followers = [Follower(feed, shared, name) for feed, name in zip(feeds, names_of(feeds), strict=True)]
    stop = asyncio.Event()
    with _signals(stop):
        ready.info("rss ready with %d feeds", len(feeds))
        tasks = [asyncio.create_task(one.poll_once() if once else one.follow()) for one in followers]
        stopping = asyncio.create_task(stop.wait())
        try:
            await _until_over(tasks, stopping)
        finally:
            await _end([*tasks, stopping], followers)
    results = [task.result() for task in tasks if task.done() and not task.cancelled()]
    worked = sum(bool(result) for result in results)
    return Sum(worked, len(feeds) - worked, sum(one.sent for one in followers), stop.is_set())


def names_of(feeds: Sequence[Feed]) -> list[str | None]:
    """Return the name of each feed's lines where several share a source, or a host that stands for one."""
    shown = [feed.source or feed.host for feed in feeds]
    repeated = {name for name, times in Counter(shown).items() if times > 1}
    return [
        (f"{feed.source}, " if feed.source else "") + place(feed.url).partition("://")[2] if name in repeated else None
        for feed, name in zip(feeds, shown, strict=True)
    ]


async def _until_over(tasks: Sequence[asyncio.Task[bool | None]], stopping: asyncio.Task[bool]) -> None:
    left: set[asyncio.Task[bool | None] | asyncio.Task[bool]] = {*tasks}
    while left:
        done, _ = await asyncio.wait({*left, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stopping in done:
            return
        for task in done:
            task.result()
        left -= done


async def _end(tasks: Sequence[asyncio.Task[bool | None] | asyncio.Task[bool]], followers: Sequence[Follower]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    deliveries = [one.delivering for one in followers if one.delivering is not None]
    if deliveries:
        _, late = await asyncio.to_thread(concurrent.futures.wait, deliveries, FINISH_S)
        if late:
            logger.warning("stopped before Kafka confirmed what %d feeds brought: it is sent again", len(late))
    for one in followers:
        one.close()


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGINT, signal.SIGTERM)
    for one in wanted:
        loop.add_signal_handler(one, stop.set)
    try:
        yield
    finally:
        for one in wanted:
            loop.remove_signal_handler(one)
