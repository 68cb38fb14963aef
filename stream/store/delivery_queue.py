"""The notifier's side of deliveries: fanned out once, attempted until delivered or given up, never lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from stream.store.client import StoreError, connect_async, store_errors
from stream.store.deliveries import Attempt, DeliveryState, EndpointSeen
from stream.store.delivery_keys import ATTEMPTS_MOST, DELIVERY_TTL_S, DeliveryKeys
from stream.store.keys import Keys
from stream.store.scripts import answer, script, script_errors

CURSOR: Final = "notify"
_FAN_OUT: Final = script("delivery_fan_out.lua")
_RECORD: Final = script("delivery_record.lua")


class CursorMoved(StoreError):
    """Another notifier has fanned out meanwhile: nothing was changed; read on from where the cursor is."""


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """When an endpoint answered 410, and the mark of the URL that did."""

    at_ms: int
    url_mark: str


@dataclass(frozen=True, slots=True)
class Fresh:
    """A delivery to be: of one event, to one endpoint."""

    id: str
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """One event's deliveries.

    Attributes:
        due_ms: may be a fraction: deliveries of one endpoint keep the order of these.
        body: the bytes of every attempt.
    """

    event_id: str
    incident_id: str
    type: str
    seq: int
    due_ms: float
    body: bytes
    deliveries: tuple[Fresh, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that an attempt is made of; `tries` counts those made and written down."""

    id: str
    body: bytes
    tries: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to; `next_at_ms` where it is tried again, `gone` where the endpoint answered 410."""

    state: DeliveryState
    attempt: Attempt
    next_at_ms: int | None = None
    gone: Gone | None = None


class AsyncDeliveries:
    """The notifier's side. Every method raises StoreError when the store does not answer; all may be called again."""

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._keys = DeliveryKeys(namespace)
        self._cursor = Keys(namespace).outbox_cursor(CURSOR)
        self._redis = connect_async(url)
        self._fan_out: Any = self._redis.register_script(_FAN_OUT)
        self._record: Any = self._redis.register_script(_RECORD)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def fan_out(self, after: str, entry: str, fan: FanOut | None) -> int:
        """Make an event's deliveries and move the cursor, in one call; return how many are new.

        Args:
            after: where the cursor is, as far as this notifier knows.
            entry: the event's id in the outbox.
            fan: None for an event that nobody is told of.

        Raises:
            CursorMoved: the cursor is elsewhere; nothing was changed.
        """
        one = fan or FanOut(event_id="", incident_id="", type="", seq=0, due_ms=0, body=b"", deliveries=())
        keys = [self._cursor, self._keys.counts, self._keys.of_incident(one.incident_id)]
        event = [one.event_id, one.incident_id, one.type, one.seq, one.body]
        args: list[Any] = [after, entry, one.due_ms, int(one.due_ms), DELIVERY_TTL_S, *event]
        for delivery in one.deliveries:
            keys += [self._keys.one(delivery.id), self._keys.due(delivery.endpoint)]
            args += [delivery.id, delivery.endpoint]
        try:
            with script_errors(self._url):
                return int(await self._fan_out(keys=keys, args=args))
        except StoreError as exc:
            if answer(exc).startswith("PASSED"):
                raise CursorMoved(str(exc), permanent=True) from exc.__cause__
            raise

    async def next_due(self, endpoint: str) -> tuple[float, str] | None:
        """Return when the endpoint's next delivery is due, unix milliseconds, and its id; None where there is none."""
        with store_errors(self._url):
            found: Any = await self._redis.zrange(self._keys.due(endpoint), 0, 0, withscores=True)
        return (float(found[0][1]), found[0][0].decode()) if found else None

    async def waiting(self, delivery_id: str) -> Waiting | None:
        """Return a delivery that waits; None where it has ended, or is not there."""
        with store_errors(self._url):
            row: Any = await self._redis.hmget(self._keys.one(delivery_id), ["state", "body", "tries"])
        state, body, tries = row
        return Waiting(delivery_id, body, int(tries)) if state == b"pending" else None

    async def record(self, endpoint: str, delivery_id: str, outcome: Outcome, now_ms: int) -> bool:
        """Write down an attempt; False where the delivery had ended: then nothing was changed."""
        keys = self._keys
        names = [
            keys.one(delivery_id),
            keys.attempts(delivery_id),
            keys.due(endpoint),
            keys.counts,
            keys.dead,
            keys.gone,
        ]
        args: list[Any] = [
            delivery_id,
            msgspec.json.encode(outcome.attempt),
            ATTEMPTS_MOST,
            outcome.state,
            outcome.next_at_ms or 0,
            now_ms,
            DELIVERY_TTL_S,
            endpoint,
            "" if outcome.gone is None else msgspec.json.encode(outcome.gone),
        ]
        with script_errors(self._url):
            return bool(await self._record(keys=names, args=args))

    async def drop_due(self, endpoint: str, delivery_id: str) -> None:
        """Take out of line what is no delivery that waits."""
        with store_errors(self._url):
            await self._redis.zrem(self._keys.due(endpoint), delivery_id)

    async def gone(self) -> dict[str, Gone]:
        """Return the endpoints that answered 410, by name."""
        with store_errors(self._url):
            found: Any = await self._redis.hgetall(self._keys.gone)
        return {name.decode(): msgspec.json.decode(value, type=Gone) for name, value in found.items()}

    async def forget_gone(self, endpoint: str) -> None:
        """Tell an endpoint again that answered 410."""
        with store_errors(self._url):
            await self._redis.hdel(self._keys.gone, endpoint)

    async def show(self, endpoints: Sequence[EndpointSeen]) -> None:
        """Replace what is shown of the endpoints."""
        rows: dict[Any, Any] = {one.name: msgspec.json.encode(one) for one in endpoints}
        with store_errors(self._url):
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.delete(self._keys.endpoints)
                if rows:
                    pipe.hset(self._keys.endpoints, mapping=rows)
                await pipe.execute()
