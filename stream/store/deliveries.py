"""Deliveries as pages and commands see them: one message of one event for one endpoint, with its attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import msgspec

from stream.core.incidents import EventType
from stream.store.client import connect, store_errors
from stream.store.delivery_keys import DeliveryKeys
from stream.store.scripts import script, script_errors

DeliveryState = Literal["pending", "delivered", "dead"]
_AGAIN: Final = script("delivery_again.lua")
_FIELDS: Final = ("endpoint", "type", "seq", "state", "next_ms")


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to deliver.

    Attributes:
        status: of HTTP; None where no answer came.
        reason: one line; "" after a success.
    """

    at_ms: int
    status: int | None
    reason: str
    took_ms: int


class EndpointSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown of an endpoint.

    Attributes:
        gone_at_ms: when it answered 410 and was disabled; None where it was not. It is told again once its URL
            changes, or once the notifier has read it with `enabled = false` and then true.
        breaker_open: it failed several times in a row and only gets a probe a minute.
    """

    name: str
    host: str
    enabled: bool
    gone_at_ms: int | None = None
    breaker_open: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """How many deliveries wait (for an endpoint that is gone, too), have arrived, and were given up."""

    pending: int
    delivered: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySeen:
    """One delivery.

    Attributes:
        id: the `webhook-id` of every attempt.
        endpoint: its name.
        attempts: the newest, oldest first.
        next_at_ms: when it is tried next, where it waits and its endpoint is there.
        parked: it waits, but nobody sends: its endpoint is not in the file, not enabled, or answered 410.
    """

    id: str
    endpoint: str
    type: EventType
    seq: int
    state: DeliveryState
    attempts: list[Attempt]
    next_at_ms: int | None = None
    parked: bool = False


class DeliveryReader:
    """Reads one namespace. Every method raises StoreError when the store does not answer."""

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._keys = DeliveryKeys(namespace)
        self._redis = connect(url)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def counts(self) -> DeliveryCounts:
        """Return how many deliveries there are in each state."""
        with store_errors(self._url):
            pipe = self._redis.pipeline(transaction=True)
            pipe.hmget(self._keys.counts, ["pending", "delivered"])
            pipe.zcard(self._keys.dead)
            (pending, delivered), dead = pipe.execute()
        return DeliveryCounts(int(pending or 0), int(delivered or 0), int(dead))

    def endpoints(self) -> list[EndpointSeen]:
        """Return what the notifier knows of its endpoints, by name."""
        with store_errors(self._url):
            found: Any = self._redis.hgetall(self._keys.endpoints)
        return sorted((msgspec.json.decode(v, type=EndpointSeen) for v in found.values()), key=lambda one: one.name)

    def of_incident(self, incident_id: str) -> list[DeliverySeen]:
        """Return an incident's deliveries, by seq of their event, then by endpoint."""
        with store_errors(self._url):
            ids: Any = self._redis.zrange(self._keys.of_incident(incident_id), 0, -1)
        return self._seen([name.decode() for name in ids])

    def dead(self, most: int = 100) -> list[DeliverySeen]:
        """Return what was given up, newest first."""
        with store_errors(self._url):
            ids: Any = self._redis.zrevrange(self._keys.dead, 0, most - 1)
        return self._seen([name.decode() for name in ids], in_order=False)

    def _seen(self, ids: Sequence[str], *, in_order: bool = True) -> list[DeliverySeen]:
        if not ids:
            return []
        told = {one.name for one in self.endpoints() if one.enabled and one.gone_at_ms is None}
        with store_errors(self._url):
            pipe = self._redis.pipeline(transaction=False)
            for name in ids:
                pipe.hmget(self._keys.one(name), list(_FIELDS))
                pipe.lrange(self._keys.attempts(name), 0, -1)
            answers = pipe.execute()
        rows = zip(ids, answers[::2], answers[1::2], strict=True)
        found = [
            _delivery(name, dict(zip(_FIELDS, row, strict=True)), tries, told) for name, row, tries in rows if row[0]
        ]
        return sorted(found, key=lambda one: (one.seq, one.endpoint)) if in_order else found


def send_again(url: str, namespace: str, now_ms: int) -> int:
    """Put every delivery that was given up back in line, with its id and its bytes; return how many. StoreError."""
    keys, client = DeliveryKeys(namespace), connect(url)
    again: Any = client.register_script(_AGAIN)
    count = 0
    try:
        with script_errors(url):
            names: Any = client.zrange(keys.dead, 0, -1)
            for name in (one.decode() for one in names):
                endpoint: Any = client.hget(keys.one(name), "endpoint")
                due = keys.due((endpoint or b"").decode())
                used = [keys.one(name), keys.attempts(name), due, keys.counts, keys.dead]
                count += int(again(keys=used, args=[name, now_ms]))
    finally:
        client.close()
    return count


def _delivery(name: str, row: Mapping[str, bytes | None], tries: Sequence[bytes], told: set[str]) -> DeliverySeen:
    text = {field: (value or b"").decode() for field, value in row.items()}
    parked = text["state"] == "pending" and text["endpoint"] not in told
    return DeliverySeen(
        id=name,
        endpoint=text["endpoint"],
        type=cast(EventType, text["type"]),
        seq=int(text["seq"]),
        state=cast(DeliveryState, text["state"]),
        attempts=[msgspec.json.decode(one, type=Attempt) for one in tries],
        next_at_ms=int(text["next_ms"]) if text["next_ms"] and not parked else None,
        parked=parked,
    )
