"""Leases: one process decides, others stand by. Time is the server's, so clocks need not agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from stream.store.client import connect, connect_async, store_errors
from stream.store.keys import Keys
from stream.store.scripts import script, script_errors

_HOLD: Final = script("lease.lua")
_RELEASE: Final = script("release.lua")


@dataclass(frozen=True, slots=True)
class LeaseSeen:
    """Who holds a lease, with which fencing number, and for how long if it is not renewed."""

    owner: str
    fence: int
    left_s: float


class Lease:
    """One owner's side of a lease. Every method raises StoreError when the store does not answer.

    Args:
        owner: a name that no other process has, nor this one's successor: equal owners hold it together.
        ttl_s: held so long after each `hold`.
    """

    def __init__(self, url: str, namespace: str, name: str, owner: str, ttl_s: float) -> None:
        self._url = url
        self._redis = connect(url)
        self._keys, self._args = _calls(namespace, name, owner, ttl_s)
        self._hold: Any = self._redis.register_script(_HOLD)
        self._release: Any = self._redis.register_script(_RELEASE)

    def close(self) -> None:
        """Close the connections; the lease runs on until it is released or expires."""
        self._redis.close()

    def hold(self) -> int | None:
        """Acquire or renew: the fencing number while this owner holds the lease, None while another does.

        A larger number than last time says that it was lost in between: what was loaded may be old.
        """
        with script_errors(self._url):
            fence = self._hold(keys=self._keys, args=self._args)
        return None if fence is None else int(fence)

    def release(self) -> None:
        """Give the lease back, so that another need not wait; nothing happens if it is not held."""
        with script_errors(self._url):
            self._release(keys=self._keys[:1], args=self._args[:1])


class AsyncLease:
    """`Lease` for asyncio."""

    def __init__(self, url: str, namespace: str, name: str, owner: str, ttl_s: float) -> None:
        self._url = url
        self._redis = connect_async(url)
        self._keys, self._args = _calls(namespace, name, owner, ttl_s)
        self._hold: Any = self._redis.register_script(_HOLD)
        self._release: Any = self._redis.register_script(_RELEASE)

    async def close(self) -> None:
        """Close the connections; the lease runs on until it is released or expires."""
        await self._redis.aclose()

    async def hold(self) -> int | None:
        """See `Lease.hold`."""
        with script_errors(self._url):
            fence = await self._hold(keys=self._keys, args=self._args)
        return None if fence is None else int(fence)

    async def release(self) -> None:
        """See `Lease.release`."""
        with script_errors(self._url):
            await self._release(keys=self._keys[:1], args=self._args[:1])


def read_lease(url: str, namespace: str, name: str) -> LeaseSeen | None:
    """Return who holds a lease, None where nobody does; StoreError."""
    client = connect(url)
    try:
        with store_errors(url):
            pipe = client.pipeline(transaction=True)
            pipe.get(Keys(namespace).lease(name))
            pipe.pttl(Keys(namespace).lease(name))
            held, left_ms = pipe.execute()
    finally:
        client.close()
    if held is None:
        return None
    fence, _, owner = held.decode().partition(" ")
    return LeaseSeen(owner, int(fence), max(left_ms, 0) / 1000)


def _calls(namespace: str, name: str, owner: str, ttl_s: float) -> tuple[list[str], list[str | int]]:
    keys = Keys(namespace)
    return [keys.lease(name), keys.fence(name)], [owner, max(round(ttl_s * 1000), 1)]
