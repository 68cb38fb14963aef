"""Batches to the store, ahead of the one who makes them: while it applies one, the next is made ready."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Final, TypeVar

from stream.retry import until_done
from stream.store.apply import Applied, AsyncStore, Record

# Dense streams cost the store least a document from about here on, and a slow store still answers in time.
BATCH: Final = 512
_AHEAD: Final = 2

T = TypeVar("T")


class Feeder:
    """Applies batches in order. Not for several threads."""

    def __init__(self, url: str, namespace: str) -> None:
        self._url, self._namespace = url, namespace
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="feeder", daemon=True)
        self._under_way: list[Future[Applied]] = []
        self._batch: list[Record] = []
        self.applied = 0

    def __enter__(self) -> Feeder:
        self._thread.start()
        self._store = self._call_now(self._connect()).result()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        for one in self._under_way:
            one.cancel()
        self._call_now(self._store.close()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def add(self, record: Record) -> None:
        """Take a record; StoreError that is permanent from one that was taken before."""
        self._batch.append(record)
        if len(self._batch) >= BATCH:
            self._send()

    def flush(self) -> None:
        """Return when everything that was taken is applied."""
        self._send()
        while self._under_way:
            self._wait()

    def _send(self) -> None:
        if not self._batch:
            return
        while len(self._under_way) >= _AHEAD:
            self._wait()
        self._under_way.append(self._call_now(self._apply(self._batch)))
        self._batch = []

    def _wait(self) -> None:
        self._under_way.pop(0).result()

    async def _apply(self, records: Sequence[Record]) -> Applied:
        async with self._turn:
            applied = await until_done(lambda: self._store.apply(records, {}))
        self.applied += len(records)
        return applied

    async def _connect(self) -> AsyncStore:
        # A lock serves those who wait in the order in which they came.
        self._turn = asyncio.Lock()
        return AsyncStore(self._url, self._namespace)

    def _call_now(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)
