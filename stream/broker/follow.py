"""Reading topics from offsets that the reader keeps itself: no consumer group, every partition."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from stream.broker.errors import BrokerError
from stream.broker.profile import consumer_settings
from stream.broker.reach import explain, require_reachable
from stream.broker.topics import admin_client, described
from stream.core.progress import Part

_MOST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Followed:
    """One record; `timestamp_ms` is whatever its producer wrote, -1 where it wrote none."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    headers: tuple[tuple[str, bytes], ...]
    value: bytes


class OutOfRange(BrokerError):
    """Kafka has no record at the places asked for: they are deleted already, or lie beyond its end.

    Attributes:
        parts: by topic and partition, the offset asked for.
    """

    def __init__(self, parts: Mapping[Part, int]) -> None:
        super().__init__(f"Kafka has no such offsets: {dict(parts)}")
        self.parts = parts


class Follower:
    """A consumer of some partitions; one thread at a time.

    Args:
        positions: by topic and partition, the offset to read next.
    """

    def __init__(self, bootstrap: str, positions: Mapping[Part, int]) -> None:
        self._bootstrap = bootstrap
        require_reachable(bootstrap)
        settings = consumer_settings(bootstrap) | {"auto_offset_reset": "none", "max_poll_records": _MOST}
        try:
            self._consumer = KafkaConsumer(**settings)
            self._consumer.assign([TopicPartition(*part) for part in positions])
            for part, offset in positions.items():
                self._consumer.seek(TopicPartition(*part), offset)
        except (KafkaError, OSError) as exc:
            raise BrokerError(explain(bootstrap, f"{type(exc).__name__}: {exc}")) from exc

    def close(self) -> None:
        """Close the connections."""
        with contextlib.suppress(KafkaError, OSError):
            self._consumer.close()

    def position(self, part: Part) -> int:
        """Return the offset that is read next of a partition."""
        return int(self._consumer.position(TopicPartition(*part)))

    def poll(self, timeout_s: float) -> list[Followed]:
        """Return records, ascending within each partition; empty where none came in time, Kafka being there or not.

        Raises:
            OutOfRange: at least one partition has to be read from elsewhere.
            BrokerError: Kafka refuses.
        """
        try:
            found = self._consumer.poll(timeout_ms=round(timeout_s * 1_000))
        except OffsetOutOfRangeError as exc:
            places = exc.args[0] if exc.args and isinstance(exc.args[0], dict) else {}
            raise OutOfRange({(place.topic, place.partition): at for place, at in places.items()}) from exc
        except (KafkaError, OSError) as exc:
            raise BrokerError(explain(self._bootstrap, f"{type(exc).__name__}: {exc}")) from exc
        return [
            Followed(
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                timestamp_ms=record.timestamp,
                headers=tuple((name, value or b"") for name, value in record.headers),
                value=record.value or b"",
            )
            for records in found.values()
            for record in records
        ]


@dataclass(frozen=True, slots=True)
class TopicNow:
    """What a topic is at the moment: one made anew has another id."""

    topic_id: str
    partitions: int


def topics_now(bootstrap: str, topics: Iterable[str]) -> dict[str, TopicNow]:
    """Return each of these topics that exists; BrokerError."""
    with admin_client(bootstrap) as admin:
        return {
            topic["name"]: TopicNow(str(topic["topic_id"]), len(topic["partitions"]))
            for topic in described(admin, topics)
        }
