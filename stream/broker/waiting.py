"""What waits in the documents' topics to be applied, and since when."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from stream.broker.errors import BrokerError
from stream.broker.profile import consumer_settings
from stream.broker.reach import explain, require_reachable
from stream.broker.topics import DOCUMENT_TOPICS
from stream.core.progress import Part

_POLL_MS: Final = 100
_READ_S: Final = 2.0
_FETCH_MS: Final = 20


@dataclass(frozen=True, slots=True)
class Backlog:
    """Records that are not applied yet.

    Attributes:
        oldest_ms: when the oldest was received, unix milliseconds; None where nothing waits, or where it could
            not be read in time.
    """

    records: int
    oldest_ms: int | None


class Waiting:
    """Asks Kafka, with a consumer that belongs to no group. One thread at a time."""

    def __init__(self, bootstrap: str, topics: Sequence[str] = DOCUMENT_TOPICS) -> None:
        self._bootstrap = bootstrap
        self._topics = tuple(topics)
        self._consumer: KafkaConsumer | None = None

    def close(self) -> None:
        """Close the connections."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(KafkaError, OSError):
                consumer.close()

    def backlog(self, applied: Mapping[Part, int]) -> Backlog:
        """Return what waits behind these highest offsets applied; BrokerError.

        Kafka is asked here, the store before: a record that comes in between waits, one that is applied in between
        is taken for waiting for one look more.
        """
        try:
            consumer = self._consumer or self._connect()
            parts = [TopicPartition(t, p) for t in self._topics for p in consumer.partitions_for_topic(t) or ()]
            if not parts:
                raise BrokerError(f"Kafka at {self._bootstrap} has no topic {' or '.join(self._topics)}")
            ends = consumer.end_offsets(parts)
            starts = consumer.beginning_offsets(parts)
            following = {part: max(applied.get((part.topic, part.partition), -1) + 1, starts[part]) for part in parts}
            behind = {part: ends[part] - offset for part, offset in following.items() if ends[part] > offset}
            if not behind:
                return Backlog(0, None)
            oldest = self._oldest_ms(consumer, {part: (following[part], ends[part]) for part in behind})
            return Backlog(sum(behind.values()) if oldest is None or oldest else 0, oldest or None)
        except (KafkaError, OSError) as exc:
            self.close()
            raise BrokerError(explain(self._bootstrap, f"{type(exc).__name__}: {exc}")) from exc

    def _oldest_ms(self, consumer: KafkaConsumer, behind: Mapping[Any, tuple[int, int]]) -> int | None:
        """Return the time of the oldest record, None where it is not known, 0 where there is none after all."""
        oldest: list[int] = []
        for part, (following, end) in behind.items():
            # One after the other: a partition that stays assigned keeps what was fetched for another place.
            consumer.assign([])
            consumer.assign([part])
            consumer.seek(part, following)
            deadline_s = time.monotonic() + _READ_S
            while not (found := consumer.poll(timeout_ms=_POLL_MS, max_records=1)):
                if consumer.position(part) >= end:  # markers of transactions take offsets and hold nothing
                    break
                if time.monotonic() > deadline_s:
                    return None
            oldest.extend(record.timestamp for records in found.values() for record in records)
        return min(oldest, default=0)

    def _connect(self) -> KafkaConsumer:
        require_reachable(self._bootstrap)
        # A fetch that is under way keeps its partition from being asked for another place until it is answered.
        settings = consumer_settings(self._bootstrap) | {"fetch_max_wait_ms": _FETCH_MS}
        self._consumer = KafkaConsumer(**settings)
        return self._consumer
