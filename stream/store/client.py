"""Connections to Redis or Valkey, and the one exception that leaves this room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

_TIMEOUT_S = 5.0


class StoreError(Exception):
    """The store did not answer, or would not; `permanent` where trying again cannot help."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


def connect(url: str) -> redis.Redis:
    """Return a blocking client; nothing is sent before its first command. StoreError for a URL it cannot use."""
    with _usable(url):
        client = redis.Redis.from_url(url, **_options())
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # looks at the options only now, and connects to nothing
        return client


def connect_async(url: str) -> redis.asyncio.Redis:
    """Return an asyncio client; nothing is sent before its first command. StoreError for a URL it cannot use."""
    # The library's own retry is off (one policy for all, in the caller), so it needs the asyncio class too.
    options = _options() | {"retry": redis.asyncio.retry.Retry(NoBackoff(), 0)}
    with _usable(url):
        return redis.asyncio.Redis.from_url(url, **options)


def _options() -> dict[str, Any]:
    return {
        "socket_timeout": _TIMEOUT_S,
        "socket_connect_timeout": _TIMEOUT_S,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 30,
    }


@contextmanager
def _usable(url: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError) as exc:  # an option in the URL that the library does not know, or cannot read
        raise StoreError(f"store {address(url)}: {exc}", permanent=True) from None


@contextmanager
def store_errors(url: str) -> Iterator[None]:
    """Turn the library's exceptions into StoreError, naming the address and never the password."""
    try:
        yield
    except (redis.exceptions.AuthenticationError, redis.exceptions.NoPermissionError) as exc:
        raise StoreError(f"store {address(url)} refuses these credentials: {exc}", permanent=True) from exc
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError) as exc:
        raise StoreError(f"store {address(url)} does not answer: {exc}") from exc
    except redis.exceptions.RedisError as exc:
        # LOADING, BUSY, READONLY, OOM: all pass, with or without somebody's help.
        raise StoreError(f"store {address(url)}: {exc}") from exc


def address(url: str) -> str:
    """Return the URL without user and password."""
    parts = urlsplit(url)
    place = parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}{parts.path}"
    return f"{parts.scheme}://{place}"
