"""The detector's side of the store: a chunk's state and its incidents in one call, by whoever holds the lease."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from stream.core.incidents import EventType, Incident
from stream.store.client import StoreError, connect, store_errors
from stream.store.keys import INCIDENT_TTL_S, Keys
from stream.store.scripts import answer, script, script_errors

DETECTOR_LEASE: Final = "detector"

_SCRIPT: Final = script("event.lua", "incidents.lua")
_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Incident)
# A chunk may have a megabyte: so many are asked for at once.
_CHUNKS_AT_ONCE: Final = 8
_VERSION, _STATE = "v:", "s:"


class FencedOut(StoreError):
    """Another process holds the lease, or nobody does; nothing was changed."""


class Conflict(StoreError):
    """The chunk has another version than this commit follows; nothing was changed. Load again.

    A commit whose answer was lost ends so when it is repeated.
    """


@dataclass(frozen=True, slots=True)
class Write:
    """One event of the detector; several of one incident are written in order.

    Attributes:
        type: None writes the incident as it stands and no event: figures that moved, a state between two events.
        at_ms: unix milliseconds, on the detector's clock.
        incident: as it stands after the event.
        text: a reason; empty is none.
    """

    type: EventType | None
    at_ms: int
    incident: Incident
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Flags:
    """What people set beside an incident's state; None where nobody did, or the incident is not known."""

    acknowledged_by: str | None = None
    acknowledged_at_ms: int | None = None


class DetectorStore:
    """The detector's side. Every method raises StoreError when the store does not answer."""

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._keys = Keys(namespace)
        self._redis = connect(url)
        self._script: Any = self._redis.register_script(_SCRIPT)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def load(self) -> dict[str, tuple[int, bytes]]:
        """Return each chunk's version and state. To be called while the lease is held, or a commit may come between."""
        with store_errors(self._url):
            fields: Any = self._redis.hkeys(self._keys.detector)
        chunks = sorted(field.decode()[2:] for field in fields if field.decode().startswith(_VERSION))
        found: dict[str, tuple[int, bytes]] = {}
        for i in range(0, len(chunks), _CHUNKS_AT_ONCE):
            asked = chunks[i : i + _CHUNKS_AT_ONCE]
            names = [prefix + chunk for chunk in asked for prefix in (_VERSION, _STATE)]
            with store_errors(self._url):
                values: Any = self._redis.hmget(self._keys.detector, names)
            found.update({chunk: (int(values[2 * n]), values[2 * n + 1]) for n, chunk in enumerate(asked)})
        return found

    def commit(self, fence: int, chunk: str, expected_version: int, state: bytes, writes: Sequence[Write]) -> int:
        """Write a chunk's state and events, wholly or not at all, and return its new version.

        Args:
            fence: what `Lease.hold` of the lease `DETECTOR_LEASE` returned.
            expected_version: of this chunk, as loaded or as the last commit returned it; 0 for a new chunk.

        Raises:
            FencedOut: the lease is not held with this number.
            Conflict: the chunk has another version.
            StoreError: no answer, the commit may have been done; or, permanent, a record that could not be read again.
        """
        numbers: dict[str, int] = {}
        args: list[str | bytes | int] = [fence, chunk, expected_version, state, INCIDENT_TTL_S]
        for write in writes:
            number = numbers.setdefault(write.incident.incident_id, len(numbers) + 1)
            args.extend(_event(number, write))
        keys = self._keys
        used = [
            keys.lease(DETECTOR_LEASE),
            keys.detector,
            keys.outbox,
            keys.incidents_open,
            keys.incidents_opened,
            keys.incidents_resolved,
            *(key for name in numbers for key in (keys.incident(name), keys.history(name))),
        ]
        try:
            with script_errors(self._url):
                return int(self._script(keys=used, args=args))
        except StoreError as exc:
            for word, error in (("FENCED", FencedOut), ("CONFLICT", Conflict)):
                if answer(exc).startswith(word):
                    raise error(str(exc), permanent=True) from exc.__cause__
            raise

    def flags(self, incident_ids: Iterable[str]) -> dict[str, Flags]:
        """Return the flags of each of these incidents."""
        asked = list(dict.fromkeys(incident_ids))
        if not asked:
            return {}
        with store_errors(self._url):
            pipe = self._redis.pipeline(transaction=False)
            for name in asked:
                pipe.hmget(self._keys.incident(name), ["acknowledged_by", "acknowledged_at_ms"])
            rows = pipe.execute()
        return {name: flags_of(*row) for name, row in zip(asked, rows, strict=True)}


def flags_of(acknowledged_by: bytes | None, acknowledged_at_ms: bytes | None) -> Flags:
    """Return the flags in these fields of an incident's hash."""
    if acknowledged_by is None or acknowledged_at_ms is None:
        return Flags()
    return Flags(acknowledged_by.decode(), int(acknowledged_at_ms))


def _event(number: int, write: Write) -> list[str | bytes | int]:
    incident = write.incident
    return [
        number,
        incident.incident_id,
        write.type or "",
        write.at_ms,
        incident.state,
        incident.opened_at_s,
        write.text or "",
        _record(incident),
    ]


def _record(incident: Incident) -> bytes:
    try:
        record = _encoder.encode(incident)
        _decoder.decode(record)  # not a number is written as null: no page could read it
    except (msgspec.MsgspecError, ValueError) as exc:
        raise StoreError(f"incident {incident.incident_id} cannot be written: {exc}", permanent=True) from None
    return record
