"""The notifier's side of deliveries: fanned out once, attempted until delivered or given up, never lost."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from stream.store.client import StoreError, connect_async, store_errors
from stream.store.deliveries import Attempt, DeliveryState, EndpointSeen
from stream.store.delivery_keys import ATTEMPTS_MOST, DELIVERY_TTL_S, ORDER_MS, DeliveryKeys
from stream.store.keys import Keys
from stream.store.scripts import answer, script, script_errors

CURSOR: Final = "notify"
_FAN_OUT: Final = script("delivery_fan_out.lua")
_RECORD: Final = script("delivery_record.lua")
_HURRY: Final = script("delivery_hurry.lua")
# A delivery that is due may stand behind so many whose turn a clock that was set back has put before it.
_LOOK_AT: Final = 100
_AT_ONCE: Final = 500


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
        body: the bytes of every attempt, but for the mark of what was overtaken.
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
    """A delivery that an attempt is made of.

    Attributes:
        tries: attempts made and written down.
        type: of its event.
        resolved: its incident is resolved by now.
    """

    id: str
    body: bytes
    tries: int
    type: str
    resolved: bool


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery in line: when its turn is, and how long before that it was put there, both milliseconds."""

    id: str
    at_ms: float
    wait_ms: float


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
        self._incidents = Keys(namespace)
        self._cursor = self._incidents.outbox_cursor(CURSOR)
        self._redis = connect_async(url)
        self._fan_out: Any = self._redis.register_script(_FAN_OUT)
        self._record: Any = self._redis.register_script(_RECORD)
        self._hurry: Any = self._redis.register_script(_HURRY)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def begin(self, first_ms: int) -> int:
        """Return before when events of the outbox are too old to be told, unix milliseconds.

        Args:
            first_ms: what this is from the first notifier on that ever begins here; where one began before, 0.
        """
        first = self._keys.first_start
        with store_errors(self._url):
            cursor, known = await self._redis.mget(self._cursor, first)
            if cursor is None and known is None:
                newest: Any = await self._redis.xrevrange(self._incidents.outbox, count=1)
                # What comes from now on is told in any case, whatever this machine's clock says today.
                end_ms = int(newest[0][0].partition(b"-")[0]) + 1 if newest else 0
                await self._redis.set(first, min(first_ms, end_ms), nx=True)
                known = await self._redis.get(first)
        return int(known or 0)

    async def states(self, incident_ids: Collection[str]) -> dict[str, str]:
        """Return the states of these incidents now; of one that is not known any more, none."""
        if not incident_ids:
            return {}
        with store_errors(self._url):
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in incident_ids:
                    pipe.hget(self._incidents.incident(name), "state")
                found = await pipe.execute()
        return {name: state.decode() for name, state in zip(incident_ids, found, strict=True) if state is not None}

    async def openings(self, incident_ids: Collection[str]) -> dict[str, int]:
        """Return the seq of the newest event that fired or reopened each of these incidents."""
        if not incident_ids:
            return {}
        with store_errors(self._url):
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in incident_ids:
                    pipe.xrange(self._incidents.history(name))
                histories = await pipe.execute()
        return {
            name: int(fields[b"seq"])
            for name, history in zip(incident_ids, histories, strict=True)
            for _, fields in history  # in order: the newest stands
            if fields.get(b"type") in (b"fired", b"reopened")
        }

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

    async def line(self, endpoint: str, now_ms: float) -> list[Due]:
        """Return an endpoint's next deliveries in order: where the first one's turn has come, that one alone."""
        with store_errors(self._url):
            found: Any = await self._redis.zrange(self._keys.due(endpoint), 0, _LOOK_AT - 1, withscores=True)
            if not found or found[0][1] <= now_ms:
                return [Due(name.decode(), at_ms, 0.0) for name, at_ms in found[:1]]
            waits = await self._fields([name.decode() for name, _ in found], "wait_ms")
        # One from before this was written down waits for as long as it says.
        return [
            Due(name.decode(), at_ms, math.inf if wait_ms is None else float(wait_ms))
            for (name, at_ms), [wait_ms] in zip(found, waits, strict=True)
        ]

    async def hurry(self, endpoint: str, now_ms: float) -> None:
        """Make all that waits for an endpoint due now, in the order of the events."""
        due = self._keys.due(endpoint)
        orders: dict[str, tuple[int, int]] = {}
        with store_errors(self._url):
            names: Any = await self._redis.zrange(due, 0, -1)
            for some in _parts([name.decode() for name in names]):
                rows = await self._fields(some, "entry")
                orders |= {name: _order(row[0]) for name, row in zip(some, rows, strict=True)}
        ordered = sorted(orders, key=orders.__getitem__)
        at_ms = {name: now_ms - ORDER_MS * (len(ordered) - n) for n, name in enumerate(ordered)}
        for some in _parts(ordered):
            with script_errors(self._url):
                await self._hurry(
                    keys=[due, *(self._keys.one(name) for name in some)],
                    args=[word for name in some for word in (name, at_ms[name])],
                )

    async def waiting(self, delivery_id: str) -> Waiting | None:
        """Return a delivery that waits; None where it has ended, or is not there."""
        with store_errors(self._url):
            [row] = await self._fields([delivery_id], "state", "body", "tries", "type", "incident")
        state, body, tries, type_, incident = row
        if state != b"pending":
            return None
        name = incident.decode()
        resolved = (await self.states([name])).get(name) == "resolved"
        return Waiting(delivery_id, body, int(tries), type_.decode(), resolved)

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

    async def _fields(self, delivery_ids: Sequence[str], *names: str) -> list[Any]:
        """Return these fields of each delivery."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for one in delivery_ids:
                pipe.hmget(self._keys.one(one), list(names))
            return await pipe.execute()


def _order(entry: bytes | None) -> tuple[int, int]:
    """Return what sorts entries of the outbox, which no clock that is set back puts out of order."""
    at_ms, _, number = (entry or b"0-0").partition(b"-")
    return int(at_ms), int(number)


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _AT_ONCE):
        yield names[start : start + _AT_ONCE]
