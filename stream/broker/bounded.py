"""Topics read once from a moment to where they end now, by a consumer that belongs to no group."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from stream.broker.errors import BrokerError
from stream.broker.profile import consumer_settings
from stream.broker.reach import explain, require_reachable

_POLL_MS: Final = 200
_AT_ONCE: Final = 5_000
# Nothing at all for so long, though more is known to be there: the broker has gone.
_SILENCE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """One record as the broker has it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def bounded(bootstrap: str, topics: Sequence[str], start_ms: int | None = None) -> Iterator[Fetched]:
    """Yield every record written from `start_ms` on, unix milliseconds, up to each partition's end at the call.

    Offsets ascend within a partition; partitions come mixed.

    Raises:
        BrokerError: Kafka cannot be reached, or has none of the topics.
    """
    require_reachable(bootstrap)
    try:
        consumer = KafkaConsumer(**(consumer_settings(bootstrap) | {"max_poll_records": _AT_ONCE}))
    except (KafkaError, OSError) as exc:
        raise BrokerError(explain(bootstrap, f"{type(exc).__name__}: {exc}")) from exc
    try:
        yield from _read(consumer, bootstrap, topics, start_ms)
    except (KafkaError, OSError) as exc:
        raise BrokerError(explain(bootstrap, f"{type(exc).__name__}: {exc}")) from exc
    finally:
        consumer.close()


def _read(consumer: KafkaConsumer, bootstrap: str, topics: Sequence[str], start_ms: int | None) -> Iterator[Fetched]:
    parts = [TopicPartition(t, p) for t in topics for p in sorted(consumer.partitions_for_topic(t) or ())]
    if not parts:
        raise BrokerError(f"Kafka at {bootstrap} has no topic {' or '.join(topics)}", permanent=True)
    consumer.assign(parts)
    ends = consumer.end_offsets(parts)
    starts = consumer.beginning_offsets(parts)
    if start_ms is not None:
        found = consumer.offsets_for_times(dict.fromkeys(parts, start_ms))
        for part in parts:
            at = found.get(part)
            # None or a time below zero: no record is as young as that.
            starts[part] = ends[part] if at is None or at.timestamp < 0 else max(at.offset, starts[part])
    left = {part for part in parts if starts[part] < ends[part]}
    consumer.pause(*(part for part in parts if part not in left))
    for part in left:
        consumer.seek(part, starts[part])
    heard_s = time.monotonic()
    while left:
        for part, records in consumer.poll(timeout_ms=_POLL_MS).items():
            heard_s = time.monotonic()
            for record in records:
                if record.offset < ends[part]:
                    yield Fetched(
                        record.topic,
                        record.partition,
                        record.offset,
                        record.timestamp,
                        record.value or b"",
                        tuple(record.headers or ()),
                    )
        # By position: markers of transactions take offsets and are never delivered.
        done = {part for part in left if consumer.position(part) >= ends[part]}
        if done:
            left -= done
            consumer.pause(*done)
            heard_s = time.monotonic()
        if time.monotonic() - heard_s > _SILENCE_S:
            raise BrokerError(explain(bootstrap, f"no record for {_SILENCE_S:g} s, though there are more"))
