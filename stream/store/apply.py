"""Applying batches: one Lua call that knows redeliveries from duplicates and counts each story once."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from model.labels import SENTIMENTS
from stream.core.event_time import DAY_S
from stream.core.stories import STORY_SPAN
from stream.store.client import StoreError, connect_async, store_errors
from stream.store.keys import (
    ID_DAYS,
    ID_SLOTS,
    ID_TTL_S,
    LATEST_MOST,
    LATEST_TTL_S,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    STORY_TTL_S,
    WINDOW_TTL_S,
    Keys,
)
from stream.store.scripts import answer, script, script_errors

_SCRIPT: Final = script("apply.lua")
_LABEL_MEASURES: Final = {"negative": NEGATIVE, "neutral": NEUTRAL, "positive": POSITIVE}


class StoreBehind(StoreError):
    """The store has applied less than this worker did: it lost writes, and Kafka has to be read again."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What one document adds to the counts.

    Attributes:
        id_hash: signed 64-bit hash of the document's id.
        event_s, received_ms: unix seconds and milliseconds, UTC.
        label: index into `SENTIMENTS`.
        score: in units of 1/10,000.
        latest: the JSON that the list of newest stories shows.
    """

    id_hash: int
    event_s: int
    received_ms: int
    story: bytes
    label: int
    score: int
    late: bool
    series: tuple[str, ...]
    latest: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a batch, in the order of its partition; `counted` is None for a dead letter."""

    topic_id: str
    partition: int
    offset: int
    counted: Counted | None


@dataclass(frozen=True, slots=True)
class Applied:
    """What one batch changed; redelivered records changed nothing."""

    aggregated: int
    duplicates: int
    dead_letters: int
    redelivered: int


def part_field(topic_id: str, partition: int) -> str:
    """Return the field of `Keys.applied` for a partition. By the topic's id: a recreated topic starts at zero."""
    return f"{topic_id}:{partition}"


class AsyncStore:
    """The worker's side of the store."""

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._keys = Keys(namespace)
        self._redis = connect_async(url)
        self._script = self._redis.register_script(_SCRIPT)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def applied(self) -> dict[str, int]:
        """Return the highest offset applied for each `part_field`; StoreError."""
        with store_errors(self._url):
            fields: Any = await self._redis.hgetall(self._keys.applied)
        return {field.decode(): int(offset) for field, offset in fields.items()}

    async def apply(self, records: Sequence[Record], expected: Mapping[str, int]) -> Applied:
        """Apply a batch, wholly or not at all; doing so again changes nothing.

        Args:
            records: ascending offsets within each partition.
            expected: by `part_field`, what this worker knows to be applied already; -1 for nothing.

        Raises:
            StoreBehind: the store has applied less than expected; nothing was changed.
            StoreError: no answer; the batch may have been applied.
        """
        keys = [self._keys.applied, self._keys.totals]
        try:
            with script_errors(self._url):
                found = await self._script(keys=keys, args=[self._keys.prefix, pack(records, expected)])
        except StoreError as exc:
            if answer(exc).startswith("BEHIND"):
                raise StoreBehind(str(exc), permanent=True) from exc.__cause__
            raise
        return Applied(*map(int, found))


def pack(records: Sequence[Record], expected: Mapping[str, int]) -> bytes:
    """Return the batch as the script reads it. Lua counts from one and has no 64-bit integers, its
    MessagePack no byte strings: ids are text."""
    parts: dict[str, int] = {}
    series: dict[str, int] = {}
    rows: list[list[Any]] = []
    for record in records:
        field = part_field(record.topic_id, record.partition)
        row: list[Any] = [parts.setdefault(field, len(parts) + 1), record.offset]
        if record.counted is not None:
            row.append(_document(record.counted, series))
        rows.append(row)
    return msgspec.msgpack.encode(
        {
            "parts": [[field, expected.get(field, -1)] for field in parts],
            "series": [[name, series_hash(name)] for name in series],
            "labels": [_LABEL_MEASURES[label] for label in SENTIMENTS],
            "windows": list(WINDOW_TTL_S.items()),
            "id_days": ID_DAYS,
            "id_ttl_s": ID_TTL_S,
            "story_span_s": int(STORY_SPAN.total_seconds()),
            "story_ttl_s": STORY_TTL_S,
            "latest_most": LATEST_MOST,
            "latest_ttl_s": LATEST_TTL_S,
            "records": rows,
        }
    )


def series_hash(series: str) -> str:
    """Return the six characters (36 bits) by which a story remembers that a series has counted it."""
    return base64.urlsafe_b64encode(hashlib.blake2b(series.encode(), digest_size=5).digest()).decode()[:6]


def _document(counted: Counted, series: dict[str, int]) -> dict[str, Any]:
    return {
        "id": str(counted.id_hash),
        "day": counted.received_ms // 1000 // DAY_S,
        "slot": counted.id_hash % ID_SLOTS,
        "event_s": counted.event_s,
        "received_ms": counted.received_ms,
        "story": counted.story.hex(),
        "label": counted.label + 1,
        "score": counted.score,
        "late": counted.late,
        "series": _indices(counted.series, series),
        "latest": counted.latest,
    }


def _indices(names: Iterable[str], series: dict[str, int]) -> list[int]:
    return [series.setdefault(name, len(series) + 1) for name in names]
