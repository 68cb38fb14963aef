"""A store, or a namespace in one, for a while: waited for, emptied, kept small."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final

import redis

from stream.store.client import StoreError, connect, store_errors
from stream.store.keys import Keys
from stream.store.read import literal

_SCAN: Final = 1_000
_LOOK_S: Final = 0.02


def wait_for_store(url: str, timeout_s: float) -> None:
    """Return once the store answers; StoreError where it does not in time."""
    deadline_s = time.monotonic() + timeout_s
    with connect(url) as client:
        while True:
            try:
                client.ping()
                return
            except (redis.exceptions.RedisError, OSError) as exc:
                if time.monotonic() > deadline_s:
                    raise StoreError(f"the replay's store did not start within {timeout_s:g} s: {exc}") from None
            time.sleep(_LOOK_S)


def drop_namespace(url: str, namespace: str) -> int:
    """Remove every key of a namespace and return how many there were; StoreError."""
    prefix = Keys(namespace).prefix
    removed = 0
    with store_errors(url), connect(url) as client:
        batch: list[bytes] = []
        for key in client.scan_iter(match=literal(prefix) + "*", count=_SCAN):
            batch.append(key)
            if len(batch) >= _SCAN:
                removed += _unlink(client, batch)
                batch = []
        return removed + _unlink(client, batch)


def drop_windows(url: str, namespace: str, width_s: int, starts: Iterable[int]) -> None:
    """Remove windows of one width that nobody will read again; StoreError."""
    keys = Keys(namespace)
    with store_errors(url), connect(url) as client:
        _unlink(client, [keys.window(width_s, start) for start in starts])


def _unlink(client: redis.Redis, keys: list[Any]) -> int:
    return int(client.unlink(*keys)) if keys else 0
