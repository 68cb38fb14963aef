"""Whether a range of offsets that a consumer did not deliver holds records after all."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from stream.broker.errors import BrokerError

_TIMEOUT_S = 30.0


async def holds_records(bootstrap: str, topic: str, partition: int, start: int, end: int) -> bool:
    """Return whether Kafka has a record at an offset in `[start, end)`, of which `end` is known to exist.

    Markers of transactions take offsets and hold nothing; what retention deleted is no longer there.

    Raises:
        BrokerError: Kafka does not answer.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap.split(","),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_uncommitted",
    )
    place = TopicPartition(topic, partition)
    try:
        await consumer.start()
        consumer.assign([place])
        consumer.seek(place, start)
        async with asyncio.timeout(_TIMEOUT_S):
            found = await consumer.getone(place)
        return bool(found.offset < end)
    except (KafkaError, OSError) as exc:
        raise BrokerError(f"Kafka at {bootstrap} did not show {topic}-{partition} from {start}: {exc!r}") from exc
    finally:
        await consumer.stop()
