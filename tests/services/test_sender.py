"""Records out of a worker, to a real broker."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiokafka.errors import RequestTimedOutError

from stream.broker.errors import BrokerError
from stream.broker.sender import Outgoing, Sender
from stream.broker.topics import create_topics, end_offsets


async def test_after_an_error_records_go_out_through_a_new_producer(
    kafka_bootstrap: str, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_topics(kafka_bootstrap, {run_id: timedelta(days=1)}, 2, 1)
    sender = Sender(kafka_bootstrap)
    batch = [Outgoing(run_id, b"key", b"value")] * 3
    await sender.send(batch)
    producer = sender._producer
    assert producer is not None

    async def expired(*args: object, **kwargs: object) -> None:
        raise RequestTimedOutError

    monkeypatch.setattr(producer, "send", expired)
    with pytest.raises(BrokerError, match="did not confirm 3 records") as caught:
        await sender.send(batch)
    assert not caught.value.permanent
    await sender.send(batch)
    assert sender._producer is not producer
    await sender.close()
    assert sum(end_offsets(kafka_bootstrap, [run_id]).values()) == 6


async def test_a_broker_that_is_away_is_named() -> None:
    sender = Sender("127.0.0.1:1")
    with pytest.raises(BrokerError, match=r"Kafka at 127\.0\.0\.1:1 did not confirm"):
        await sender.send([Outgoing("t", b"", b"")])
    await sender.close()
