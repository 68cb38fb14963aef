"""What a worker does about a Kafka or a store that fell back, on a real store and a stand-in for Kafka's answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, NoReturn

import pytest

from model.classifier import Reading
from model.labels import TOPICS
from stream.agents import classify
from stream.agents.classify import Work
from stream.agents.inbox import Received
from stream.agents.scoring import Scorer
from stream.broker.sender import Outgoing
from stream.codec import Origin
from stream.store.apply import AsyncStore
from stream.store.repair import lower_applied

NEWS = "documents.news"


class Stopped(Exception):
    """In place of the end of the process."""


class Answers:
    """What Kafka says of its topics."""

    def __init__(self) -> None:
        self.ids = {NEWS: "id-1"}
        self.end = 1_000
        self.holds = False

    async def topic_ids(self) -> dict[str, str]:
        return self.ids

    async def end_offsets(self) -> dict[tuple[str, int], int]:
        return {(NEWS, 0): self.end}

    async def holds_records(self, topic: str, partition: int, start: int, end: int) -> bool:
        return self.holds


class Neutral:
    revision = "neutral"

    def read(self, texts: Sequence[str], kinds: Sequence[str]) -> list[Reading]:
        return [Reading((0.1, 0.8, 0.1), tuple(1.0 if i == 0 else 0.0 for i in range(len(TOPICS)))) for _ in texts]


class Outbox:
    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    async def send(self, records: Sequence[Outgoing]) -> None:
        self.sent.extend(records)


@pytest.fixture
def kafka() -> Answers:
    return Answers()


@pytest.fixture
async def work(fresh_redis_url: str, kafka: Answers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Work]:
    def stop(message: str, *args: object) -> NoReturn:
        raise Stopped(message % args)

    monkeypatch.setattr(classify, "fail_stop", stop)
    store = AsyncStore(fresh_redis_url, "live")
    outbox: Any = Outbox()
    answers: Any = kafka
    yield Work(Scorer(Neutral()), outbox, store, answers)
    await store.close()


def records(*offsets: int) -> list[Received]:
    value = b'{"id":"d%d","kind":"news","source":"s","text":"t %d","received_at":"2026-01-02T03:04:05Z"}'
    return [Received(Origin(NEWS, 0, offset), value % (offset, offset), 0.0) for offset in offsets]


async def test_reading_goes_on_after_what_the_store_has_applied(work: Work) -> None:
    assert await work.positions([(NEWS, 0)]) == {(NEWS, 0): 0}
    await work.apply(await work.score(records(0, 1, 2)))
    assert await work.positions([(NEWS, 0)]) == {(NEWS, 0): 3}


async def test_a_topic_made_anew_ends_the_process_and_is_then_read_from_its_beginning(
    work: Work, kafka: Answers
) -> None:
    await work.positions([(NEWS, 0)])
    await work.apply(await work.score(records(0, 1)))
    await work.check_topics()
    kafka.ids = {NEWS: "id-2"}
    with pytest.raises(Stopped, match="made anew"):
        await work.check_topics()
    assert await work.positions([(NEWS, 0)]) == {(NEWS, 0): 0}


async def test_a_kafka_that_lost_what_was_applied_is_told_until_somebody_says_to_trust_it(
    work: Work, kafka: Answers, fresh_redis_url: str
) -> None:
    await work.positions([(NEWS, 0)])
    await work.apply(await work.score(records(0, 1, 2, 3)))
    kafka.end = 2
    with pytest.raises(Stopped, match=r"ends at offset 2 in Kafka, and the store has applied 3.*--trust-kafka"):
        await work.positions([(NEWS, 0)])
    assert lower_applied(fresh_redis_url, "live", {"id-1:0": 2}) == 1
    fresh = Work(work._scorer, work._sender, work._store, work._kafka)
    assert await fresh.positions([(NEWS, 0)]) == {(NEWS, 0): 2}
    applied = await fresh.apply(await fresh.score(records(2, 3)))
    assert (applied.aggregated, applied.duplicates) == (0, 2)  # what was counted stays counted, once


@pytest.mark.parametrize("holds", [True, False])
async def test_offsets_that_were_passed_over_end_the_process_only_if_they_hold_records(
    work: Work, kafka: Answers, holds: bool
) -> None:
    await work.positions([(NEWS, 0)])
    kafka.holds = holds
    batch = await work.score(records(0, 1, 5))
    if holds:
        with pytest.raises(Stopped, match="offsets 2 to 4 were not delivered"):
            await work.apply(batch)
    else:
        assert (await work.apply(batch)).aggregated == 3


async def test_a_store_that_fell_back_is_noticed_while_nothing_comes_in(work: Work, fresh_redis_url: str) -> None:
    await work.positions([(NEWS, 0)])
    await work.apply(await work.score(records(0, 1, 2, 3)))
    await work.check_store()
    lower_applied(fresh_redis_url, "live", {"id-1:0": 1})
    with pytest.raises(Stopped, match="the store fell back: id-1:0 is at 0, this worker applied 3"):
        await work.check_store()
