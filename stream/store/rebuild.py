"""Writing the store anew from what is kept elsewhere: cleared, counted with the lifetimes of then, incidents again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from stream.core.incidents import IncidentEvent
from stream.store.client import connect, connect_async, store_errors
from stream.store.keys import INCIDENT_TTL_S, Keys
from stream.store.read import literal

# What nothing else keeps: what is still to be told, and numbers that must not come again.
_KEPT: Final = ("outbox", "delivery:", "fence:", "lease:")
_AT_ONCE: Final = 1_000
_encoder: Final = msgspec.json.Encoder()


def clear(url: str, namespace: str) -> int:
    """Remove everything of a namespace that can be rebuilt; return how many keys. Outbox and deliveries stay.

    Raises:
        StoreError: the store does not answer; some keys may be gone.
    """
    count = 0
    with connect(url) as client, store_errors(url):
        for keys in _batches(client.scan_iter(match=f"{literal(Keys(namespace).prefix)}*", count=_AT_ONCE)):
            gone = [key for key in keys if not key.decode().removeprefix(Keys(namespace).prefix).startswith(_KEPT)]
            count += client.unlink(*gone) if gone else 0
    return count


class AsyncLifetimes:
    """Ends keys when they ended: the script that counts gives each a lifetime from today on."""

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._prefix = Keys(namespace).prefix
        self._redis = connect_async(url)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def remove(self, names: Iterable[str]) -> None:
        """Remove keys, named without the namespace's prefix; StoreError."""
        with store_errors(self._url):
            for some in _batches(names):
                await self._redis.unlink(*(self._prefix + name for name in some))

    async def ends_ms(self, names: Collection[str]) -> dict[str, int]:
        """Return when each of these keys ends as it stands, unix milliseconds, negative for none; StoreError."""
        found: dict[str, int] = {}
        with store_errors(self._url):
            for some in _batches(names):
                pipe = self._redis.pipeline(transaction=False)
                for name in some:
                    pipe.pexpiretime(self._prefix + name)
                found.update(zip(some, await pipe.execute(), strict=True))
        return found

    async def end_at(self, ends_s: Mapping[str, int]) -> None:
        """Let keys end at these unix seconds; at once where that is past; StoreError."""
        with store_errors(self._url):
            for some in _batches(ends_s):
                pipe = self._redis.pipeline(transaction=False)
                for name in some:
                    pipe.expireat(self._prefix + name, ends_s[name])
                await pipe.execute()


class IncidentsBack:
    """Puts incidents back as their events tell them. Every method raises StoreError."""

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._keys = Keys(namespace)
        self._redis = connect(url)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def untold(self) -> list[Mapping[bytes, bytes]]:
        """Return the entries that the outbox still holds, oldest first."""
        with store_errors(self._url):
            rows: Any = self._redis.xrange(self._keys.outbox)
        return [fields for _, fields in rows]

    def put(self, events: Sequence[IncidentEvent], now_s: int) -> bool:
        """Write one incident with its history and its place in the lists; False where its time is over.

        Args:
            events: all of this incident, in the order in which they happened, at least one.
        """
        last = events[-1]
        incident, name = last.incident, last.incident_id
        resolved_s = None if incident.state != "resolved" else last_resolution_s(events)
        if resolved_s is not None and resolved_s + INCIDENT_TTL_S <= now_s:
            return False
        keys = self._keys
        fields: dict[str, str | bytes | int] = {
            "record": _encoder.encode(incident),
            "state": incident.state,
            "seq": max(event.seq for event in events),
        }
        held = acknowledgement(events)
        if held is not None:
            fields |= {"acknowledged_by": held[0], "acknowledged_at_ms": held[1]}
        with store_errors(self._url):
            pipe = self._redis.pipeline(transaction=True)
            pipe.delete(keys.incident(name), keys.history(name))
            pipe.hset(keys.incident(name), mapping=fields)  # type: ignore[arg-type]
            for entry, event in zip(_entries(events), events, strict=True):
                pipe.xadd(keys.history(name), _fields(event), id=entry)  # type: ignore[arg-type]
            pipe.zadd(keys.incidents_opened, {name: incident.opened_at_s})
            if resolved_s is None:
                pipe.zadd(keys.incidents_open, {name: incident.opened_at_s})
            else:
                pipe.zadd(keys.incidents_resolved, {name: resolved_s})
                pipe.expireat(keys.incident(name), resolved_s + INCIDENT_TTL_S)
                pipe.expireat(keys.history(name), resolved_s + INCIDENT_TTL_S)
            pipe.execute()
        return True

    def put_detector(self, chunks: Mapping[str, bytes]) -> None:
        """Write the detector's state by chunk, each in its first version."""
        if not chunks:
            return
        fields: dict[str, bytes | int] = {f"v:{name}": 1 for name in chunks}
        fields |= {f"s:{name}": state for name, state in chunks.items()}
        with store_errors(self._url):
            self._redis.hset(self._keys.detector, mapping=fields)  # type: ignore[arg-type]


def acknowledgement(events: Iterable[IncidentEvent]) -> tuple[str, int] | None:
    """Return who looks after an incident, and since when: until it comes back, somebody has to look again."""
    held: tuple[str, int] | None = None
    for event in events:
        if event.type == "acknowledged" and event.actor and held is None:
            held = event.actor, event.at_ms
        elif event.type == "reopened":
            held = None
    return held


def last_resolution_s(events: Sequence[IncidentEvent]) -> int:
    """Return when an incident was resolved, unix seconds; of the newest event where none says so."""
    return next((event.at_ms for event in reversed(events) if event.type == "resolved"), events[-1].at_ms) // 1_000


def _entries(events: Sequence[IncidentEvent]) -> Iterator[str]:
    """Yield ids of a stream's entries: ascending, by when the events happened."""
    at_ms, number = 0, 0
    for event in events:
        number = 0 if event.at_ms > at_ms else number + 1
        at_ms = max(at_ms, event.at_ms)
        yield f"{at_ms}-{number}"


def _fields(event: IncidentEvent) -> dict[str, str | bytes | int]:
    fields: dict[str, str | bytes | int] = {
        "id": event.incident_id,
        "seq": event.seq,
        "type": event.type,
        "at_ms": event.at_ms,
        "record": _encoder.encode(event.incident),
    }
    return fields | {name: value for name, value in (("actor", event.actor), ("text", event.text)) if value}


def _batches(names: Iterable[Any]) -> Iterator[list[Any]]:
    some: list[Any] = []
    for name in names:
        some.append(name)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    if some:
        yield some
