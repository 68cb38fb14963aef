"""Records out of a worker: aiokafka's producer, confirmed by the broker, a whole batch at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream.broker.errors import BrokerError

_STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to send."""

    topic: str
    key: bytes
    value: bytes


class Sender:
    """Sends batches and returns when every record of one is confirmed. Start it inside the running loop."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Send a batch. A second try may repeat records: consumers drop them by their origin.

        Raises:
            BrokerError: not every record was confirmed.
        """
        try:
            producer = self._producer or await self._start()
            futures = [await producer.send(r.topic, key=r.key, value=r.value) for r in records]
            await asyncio.gather(*futures)
        except (KafkaError, OSError) as exc:
            # After a batch that expired, an idempotent producer is out of sequence for good.
            await self._drop()
            raise BrokerError(f"Kafka at {self._bootstrap} did not confirm {len(records)} records: {exc!r}") from exc

    async def close(self) -> None:
        """Flush and stop."""
        await self._drop()

    async def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await producer.stop()

    async def _start(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap.split(","),
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            max_batch_size=131_072,
            compression_type="lz4",
            request_timeout_ms=20_000,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()  # a producer that could not start still holds sockets
            raise
        self._producer = producer
        return producer
