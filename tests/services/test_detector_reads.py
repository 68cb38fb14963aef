"""What the detector reads: counts of windows, and what waits in Kafka."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

import pytest
from kafka import KafkaProducer

from stream.broker.errors import BrokerError
from stream.broker.profile import producer_settings
from stream.broker.topics import create_topics
from stream.broker.waiting import Backlog, Waiting
from stream.core.readings import Counts
from stream.store.apply import AsyncStore
from stream.store.counts import CountsReader
from tests.services.test_apply import NOON_S, SERIES, counted, records


async def test_counts_are_those_of_a_brute_force_sum_with_and_without_what_came_late(
    redis_url: str, run_id: str
) -> None:
    draw = random.Random(3)
    items = [
        counted(
            i,
            event_s=NOON_S + draw.randrange(900),
            label=draw.randrange(3),
            late=draw.random() < 0.3,
            series=tuple(draw.sample(SERIES, 2)),
        )
        for i in range(200)
    ]
    store = AsyncStore(redis_url, run_id)
    await store.apply(records(items), {})
    await store.close()
    for late in (False, True):
        expected: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0])
        for item in items:
            for name in item.series if late or not item.late else ():
                both = expected[item.event_s - item.event_s % 300, name]
                both[0] += item.label == 0
                both[1] += 1
        reader = CountsReader(redis_url, run_id, late=late)
        starts = range(NOON_S - 300, NOON_S + 1_200, 300)
        for asked in (None, SERIES[:1], SERIES, [*SERIES, *(f"news/ticker/X{i}" for i in range(80))]):
            found = reader.windows(300, starts, asked)
            assert {
                (start, name): tuple(counts)
                for start, window in zip(starts, found, strict=True)
                for name, counts in window.items()
            } == {key: tuple(both) for key, both in expected.items() if asked is None or key[1] in asked}
        assert reader.windows(300, starts, []) == [{}] * len(starts)
        reader.close()


async def test_a_story_whose_first_copy_was_late_never_counts_live(redis_url: str, run_id: str) -> None:
    store = AsyncStore(redis_url, run_id)
    await store.apply(records([counted(1, story=7, late=True), counted(2, story=7), counted(3, story=8)]), {})
    await store.close()
    reader = CountsReader(redis_url, run_id, late=False)
    assert reader.windows(300, [NOON_S - NOON_S % 300]) == [{SERIES[0]: Counts(1, 1)}]
    reader.close()


@pytest.fixture
def producer(kafka_bootstrap: str) -> Iterator[KafkaProducer]:
    made = KafkaProducer(**producer_settings(kafka_bootstrap))
    yield made
    made.close()


def test_the_oldest_record_that_is_not_applied_tells_since_when_it_waits(
    kafka_bootstrap: str, run_id: str, producer: KafkaProducer
) -> None:
    create_topics(kafka_bootstrap, {run_id: timedelta(hours=1)}, 3, 1)
    waiting = Waiting(kafka_bootstrap, [run_id])
    assert waiting.backlog({}) == Backlog(0, None)
    begun_ms = int(time.time() * 1_000) - 60_000  # a stamp of long ago would be dropped by retention
    for partition, at_ms in ((0, 10), (0, 20), (0, 30), (2, 25)):
        producer.send(run_id, b"x", partition=partition, timestamp_ms=begun_ms + at_ms).get(10)
    assert waiting.backlog({}) == Backlog(4, begun_ms + 10)
    assert waiting.backlog({(run_id, 0): 0}) == Backlog(3, begun_ms + 20)
    assert waiting.backlog({(run_id, 0): 1}) == Backlog(2, begun_ms + 25)
    assert waiting.backlog({(run_id, 0): 2}) == Backlog(1, begun_ms + 25)
    assert waiting.backlog({(run_id, 2): 0}) == Backlog(3, begun_ms + 10)
    assert waiting.backlog({(run_id, 0): 2, (run_id, 2): 0}) == Backlog(0, None)
    waiting.close()


def test_what_waits_is_unknown_where_kafka_does_not_answer_or_has_no_such_topic(
    kafka_bootstrap: str, run_id: str
) -> None:
    waiting = Waiting(kafka_bootstrap, [run_id])
    with pytest.raises(BrokerError, match="has no topic"):
        waiting.backlog({})
    waiting.close()
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:1"):
        Waiting("127.0.0.1:1").backlog({})
