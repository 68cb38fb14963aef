"""One poll of one feed: fetch, read, hand on, and only when Kafka has it, remember."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ssl import SSLContext
from typing import Final, TypeVar

from stream.codec import Document
from stream.sources.errors import SourceError
from stream.sources.publisher import Confirmation, Publisher
from stream.sources.rss.entries import Harvest, harvest, source_of
from stream.sources.rss.errors import FeedError
from stream.sources.rss.feeds import Feed
from stream.sources.rss.fetch import Answer, Fetcher, Limits, resolver
from stream.sources.rss.lines import FeedLines
from stream.sources.rss.pace import LONGEST_PAUSE_S, Repeats, after_failure_s, after_success_s, asked_interval_s
from stream.sources.rss.parsing import Parsed, Parsing
from stream.sources.rss.state import FeedState, StateFile
from stream.sources.rss.words import place

CONFIRM_S: Final = 30.0
# After so many failures in a row a place that a redirect named is given up for the URL that the user named.
_TRIES_WHERE_MOVED: Final = 3
_KAFKA_AGAIN_S: Final = 60.0

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Shared:
    """What all feeds use."""

    publisher: Publisher
    state: StateFile
    author_key: bytes
    tls: SSLContext
    limits: Limits
    parsing: Parsing = field(default_factory=Parsing)
    outage: Repeats = field(default_factory=Repeats)


class Follower:
    """Polls one feed. What blocks runs in a thread of its own, so that no feed waits for another.

    Args:
        feed: which, and what its entries become.
        shared: what all feeds use.
        name: in its lines; None: the source of its documents.

    Attributes:
        sent: documents confirmed by Kafka.
        delivering: the delivery under way; a stop waits for it.
    """

    def __init__(self, feed: Feed, shared: Shared, name: str | None = None) -> None:
        self.feed = feed
        self._named = name is not None
        self.sent = 0
        self.delivering: Future[tuple[int, SourceError | None]] | None = None
        self._shared = shared
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rss")
        self._fetcher = Fetcher(shared.limits, shared.tls, resolver(self._run))
        self._state = shared.state.load(feed.key)
        self._lines = FeedLines(name or feed.source or self._state.source or feed.host)

    async def follow(self) -> None:
        """Poll when it is due, for ever.

        Raises:
            SourceError: nothing can be handed on or remembered, for good.
        """
        while True:
            await asyncio.sleep(self._due_in_s(time.time()))
            await self.poll()

    async def poll_once(self) -> bool:
        """Poll now and return whether it worked; not at all while the server asks us to stay away.

        Raises:
            SourceError: as `follow`.
        """
        if time.time() < self._state.not_before_s <= time.time() + LONGEST_PAUSE_S:
            self._lines.stayed_away(self._state.not_before_s)
            return False
        return await self.poll(again=False)

    async def poll(self, *, again: bool = True) -> bool:
        """Poll now and return whether it worked; `again`: whether there will be a next poll to speak of.

        Raises:
            SourceError: as `follow`.
        """
        started_s, failures = time.monotonic(), self._state.failures
        try:
            await self._poll(started_s)
        except FeedError as exc:
            await self._failed(str(exc), exc.retry_after_s, again)
            return False
        except SourceError as exc:
            if exc.permanent:
                raise
            self._kafka_away(exc)
            return False
        except Exception as exc:
            self._lines.defect(exc)
            await self._failed("could not be polled", None, again)
            return False
        if failures:
            self._lines.works_again(failures)
        return True

    def close(self) -> None:
        """Let go of the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _poll(self, started_s: float) -> None:
        answer = await self._fetch()
        body_hash = hashlib.blake2b(answer.body, digest_size=16).digest() if answer.body is not None else None
        if answer.body is None or body_hash == self._state.body_hash:
            await self._store(self._settled(answer, self._state.body_hash, self._state.asked_s))
            self._lines.unchanged(time.monotonic() - started_s)
            return
        # Relative links and guids stand against the URL that the user named: a redirect must not change ids.
        parsed = await self._shared.parsing.read(answer.body, answer.content_type, place(self.feed.url))
        if not parsed.feed:
            raise FeedError(_no_feed(parsed, answer))
        if parsed.grows:
            raise FeedError("holds entities made to grow beyond all bounds: refused")
        asked_s = asked_interval_s(parsed.ttl, parsed.period, parsed.frequency)
        source = source_of(self.feed, self._state.source, parsed.title)
        found = harvest(parsed, self.feed, source, received_at=datetime.now(UTC), key=self._shared.author_key)
        if not self._named:
            self._lines.rename(source)
        self._lines.found(parsed, found)
        if asked_s != self._state.asked_s and (asked_s or 0) > self.feed.interval_s:
            self._lines.asked(min(asked_s or 0, LONGEST_PAUSE_S))
        settled = replace(self._settled(answer, body_hash, asked_s), source=source, poll=self._state.poll + 1)
        new = await self._deliver(found, settled)
        self._lines.polled(new, found.total, time.monotonic() - started_s)

    async def _fetch(self) -> Answer:
        state = self._state
        guarded = state.moved_to is not None and await self._fetcher.is_guarded(self.feed.url)
        return await self._fetcher.get(
            state.moved_to or self.feed.url, guarded=guarded, etag=state.etag, modified=state.modified
        )

    def _settled(self, answer: Answer, body_hash: bytes | None, asked_s: float | None) -> FeedState:
        """Return the state after a poll that worked."""
        fresh = answer.body is not None
        if fresh and answer.moved_to and answer.moved_to != self._state.moved_to:
            self._lines.moved(place(answer.moved_to))
        return replace(
            self._state,
            etag=answer.etag if fresh else self._state.etag,
            modified=answer.modified if fresh else self._state.modified,
            body_hash=body_hash,
            moved_to=(answer.moved_to if fresh else None) or self._state.moved_to,
            asked_s=asked_s,
            next_poll_s=time.time() + after_success_s(self.feed.interval_s, asked_s, random.random()),
            not_before_s=0.0,
            failures=0,
        )

    async def _failed(self, why: str, retry_after_s: float | None, again: bool) -> None:
        failures = self._state.failures + 1
        now_s = time.time()
        next_s = now_s + after_failure_s(self.feed.interval_s, failures, retry_after_s, random.random())
        state = replace(
            self._state,
            next_poll_s=next_s,
            not_before_s=now_s + min(retry_after_s or 0.0, LONGEST_PAUSE_S) if retry_after_s else 0.0,
            failures=failures,
        )
        self._lines.failed(why, failures, next_s if again else None)
        if state.moved_to and failures >= _TRIES_WHERE_MOVED:
            self._lines.forgot_move(place(state.moved_to))
            state = replace(state, moved_to=None, etag=None, modified=None)
        await self._store(state)

    def _kafka_away(self, exc: SourceError) -> None:
        # Of all feeds, one says so.
        if self._shared.outage.due("kafka", time.monotonic()):
            logger.warning("%s; feeds are read again until it confirms, nothing is lost", exc)
        self._state = replace(self._state, next_poll_s=time.time() + min(self.feed.interval_s, _KAFKA_AGAIN_S))

    async def _deliver(self, found: Harvest, settled: FeedState) -> int:
        """Return how many documents are new and confirmed, with that and the state written.

        Raises:
            SourceError: not all are confirmed; those that are are remembered, the rest comes again.
        """
        self.delivering = self._thread.submit(self._deliver_now, found.documents, settled)
        try:
            new, error = await asyncio.wrap_future(self.delivering)
        finally:
            if self.delivering.done():
                self.delivering = None
        self.sent += new
        if error is not None:
            raise error
        if self._shared.outage.over("kafka"):
            logger.info("Kafka confirms again")
        self._state = settled
        return new

    def _deliver_now(self, documents: Sequence[Document], settled: FeedState) -> tuple[int, SourceError | None]:
        seen = self._shared.state.seen(self.feed.key)
        # Feeds have the newest first; of copies of one story the first counts.
        new = [document for document in reversed(documents) if document.id not in seen]
        confirmed, error = _send(self._shared.publisher, new)
        known = [document.id for document in documents if document.id in seen or document.id in confirmed]
        state = settled if error is None else replace(self._state, source=settled.source, poll=settled.poll)
        self._shared.state.store(self.feed.key, state, known)
        return len(confirmed), error

    async def _store(self, state: FeedState) -> None:
        self._state = state
        await asyncio.wrap_future(self._thread.submit(self._shared.state.store, self.feed.key, state))

    async def _run(self, ask: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._thread.submit(ask))

    def _due_in_s(self, now_s: float) -> float:
        state = self._state
        # Neither a shorter interval nor a clock that was set back has to wait for what was planned before.
        most_s = max(self.feed.interval_s, state.asked_s or 0) * 1.1 if not state.failures else LONGEST_PAUSE_S
        return max(min(state.next_poll_s - now_s, most_s, LONGEST_PAUSE_S), 0.0)


def _send(publisher: Publisher, documents: Sequence[Document]) -> tuple[set[str], SourceError | None]:
    """Return the ids that Kafka confirmed, and the first reason for which it did not confirm all."""
    sent: list[tuple[str, Confirmation]] = []
    error: SourceError | None = None
    for document in documents:
        try:
            sent.append((document.id, publisher.send(document)))
        except SourceError as exc:
            error = exc
            break
    places = publisher.wait([confirmation for _, confirmation in sent], CONFIRM_S)
    confirmed = {one for (one, _), at in zip(sent, places, strict=True) if not isinstance(at, SourceError)}
    return confirmed, error or next((at for at in places if isinstance(at, SourceError)), None)


def _no_feed(parsed: Parsed, answer: Answer) -> str:
    if parsed.html:
        return "is a web page (HTML), not a feed"
    start = (answer.body or b"")[:1]
    what = "is JSON, not RSS or Atom" if start in (b"{", b"[") else "is not RSS or Atom"
    return f"{what} ({answer.content_type or 'no content type'}, {len(answer.body or b''):,} bytes)"
