"""What a running worker asks of Kafka beside its records; blocking clients, kept off the event loop."""

from __future__ import annotations

import asyncio

from stream.broker.gaps import holds_records
from stream.broker.topics import DOCUMENT_TOPICS, Offsets, end_offsets, topic_ids


class Kafka:
    """The documents' topics of one Kafka. Every method raises BrokerError when it does not answer."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    async def topic_ids(self) -> dict[str, str]:
        """Return the broker's UUID of each documents topic that exists."""
        return await asyncio.to_thread(topic_ids, self._bootstrap, DOCUMENT_TOPICS)

    async def end_offsets(self) -> Offsets:
        """Return the offset that the next record will get, by topic and partition."""
        return await asyncio.to_thread(end_offsets, self._bootstrap, DOCUMENT_TOPICS)

    async def holds_records(self, topic: str, partition: int, start: int, end: int) -> bool:
        """Return whether there is a record at an offset in `[start, end)`, of which `end` is known to exist."""
        return await holds_records(self._bootstrap, topic, partition, start, end)
