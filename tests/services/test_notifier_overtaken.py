"""A notifier that comes late: after a clock that was set back, a long absence, an outage of its receiver."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from stream.store.acts import Acts
from stream.store.deliveries import DeliveryCounts
from stream.store.incidents import Write
from stream.store.keys import Keys
from stream.store.outbox import Outbox
from tests.services.incident_tools import NOON_MS, Detector, detector, fired, incident, resolved
from tests.services.notify_tools import (
    Message,
    answer,
    endpoint,
    fire,
    notifying,
    of,
    receiving,
    resolve,
    until,
)

pytestmark = pytest.mark.timeout(90)
HOUR_S = 3_600


@pytest.fixture
def desk(redis_url: str, run_id: str) -> Iterator[Detector]:
    one = detector(redis_url, run_id)
    yield one
    one.close()


class Clock:
    """A clock that a test sets back."""

    def __init__(self) -> None:
        self.back_s = 0.0

    def __call__(self) -> float:
        return time.time() - self.back_s


def data(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message.body)["data"]
    return found


def age(url: str, namespace: str, by_ms: int) -> None:
    """Make everything that the outbox holds so much older."""
    key = Keys(namespace).outbox
    with redis.Redis.from_url(url) as client:
        rows: Any = client.xrange(key)
        client.delete(key)
        for name, fields in rows:
            at_ms, _, number = name.decode().partition("-")
            client.xadd(key, fields, id=f"{int(at_ms) - by_ms}-{number}")


@pytest.mark.parametrize("back_s", [30, HOUR_S])
async def test_a_clock_that_is_set_back_delays_no_new_alert(
    redis_url: str, run_id: str, desk: Detector, back_s: float
) -> None:
    clock = Clock()
    async with receiving() as one:
        async with notifying(redis_url, run_id, of(endpoint("one", one.url)), clock=clock) as office:
            fire(desk, 0)
            await until(lambda: office.reader.counts().delivered == 1, "before")
            clock.back_s = back_s
            for number in (1, 2, 3):
                fire(desk, number)
            await until(lambda: office.reader.counts().delivered == 4, "after", 5)
        assert [data(m)["series"] for m in one.messages] == [f"news/ticker/T{n}" for n in range(4)]


async def test_a_clock_that_is_set_back_delays_no_retry_probe_or_restart(
    redis_url: str, run_id: str, desk: Detector
) -> None:
    clock = Clock()
    load_schedule = (0, *[0.3] * 20)
    async with receiving(*[answer(500)] * 6, answer(204)) as one:
        load = of(endpoint("one", one.url))
        async with notifying(
            redis_url, run_id, load, schedule_s=load_schedule, probe_every_s=0.3, clock=clock
        ) as office:
            fire(desk, 0)
            await until(lambda: len(one.messages) == 1, "tried once")
            clock.back_s = HOUR_S
            await until(lambda: len(one.messages) == 6, "tried again, and probed", 8)
        clock.back_s = 2 * HOUR_S
        async with notifying(redis_url, run_id, load, schedule_s=load_schedule, clock=clock) as office:
            await until(lambda: office.reader.counts().delivered == 1, "another notifier goes on", 8)


async def test_what_resolved_while_nobody_listened_is_told_as_superseded_however_much_it_is(
    redis_url: str, run_id: str, desk: Detector
) -> None:
    async with receiving() as one:
        load = of(endpoint("one", one.url))
        async with notifying(redis_url, run_id, load) as office:
            fire(desk, 1_000)
            await until(lambda: office.reader.counts().delivered == 1, "it has begun")
        desk.commit(*(fired(n) for n in range(150)))
        desk.commit(*(resolved(n) for n in range(149)))
        async with notifying(redis_url, run_id, load) as office:
            await until(lambda: office.reader.counts().delivered == 300, "all", 40)
        told = [data(m) for m in one.messages[1:]]
        assert [d["state"] for d in told] == ["firing"] * 150 + ["resolved"] * 149
        assert [d.get("superseded") for d in told] == [True] * 149 + [None] * 150


async def test_the_first_start_ever_tells_what_is_open_and_what_is_young(
    redis_url: str, run_id: str, desk: Detector
) -> None:
    acts = Acts(redis_url, run_id)
    desk.commit(*(fired(n) for n in range(300)))
    desk.commit(*(resolved(n) for n in range(298)))
    again = Write("reopened", NOON_MS, incident(5, window_end_s=incident().window_end_s + 300))
    desk.commit(again, Write("reminder", NOON_MS, again.incident))
    acts.acknowledge(incident(298).incident_id, "Ada", NOON_MS)
    fire(desk, 400, announced=False)
    age(redis_url, run_id, 2 * HOUR_S * 1_000)
    fire(desk, 500)  # moments ago, by a detector that started with this notifier
    fire(desk, 501)
    resolve(desk, 501)
    async with receiving() as one:
        load = of(endpoint("one", one.url))
        async with notifying(redis_url, run_id, load) as office:
            await until(lambda: office.reader.counts().delivered == 6, "told")
            fire(desk, 600)
            await until(lambda: office.reader.counts().delivered == 7, "what comes from then on")
            assert office.reader.counts() == DeliveryCounts(0, 7, 0)
    told = [(json.loads(m.body)["type"].rpartition(".")[2], data(m)["series"][13:]) for m in one.messages]
    before, now = [("fired", "298"), ("fired", "299"), ("reopened", "5")], [("fired", "500"), ("fired", "501")]
    assert told == [*before, *now, ("resolved", "501"), ("fired", "600")]
    assert [data(m).get("superseded") for m in one.messages] == [None] * 4 + [True, None, None]
    acts.close()


async def test_a_first_start_that_was_cut_short_goes_on_as_one(redis_url: str, run_id: str, desk: Detector) -> None:
    desk.commit(*(fired(n) for n in range(300)))
    desk.commit(*(resolved(n) for n in range(300)))
    age(redis_url, run_id, 2 * HOUR_S * 1_000)
    async with receiving() as one:
        load = of(endpoint("one", one.url))
        outbox, turns = Outbox(redis_url, run_id), 0
        while await outbox.cursor("notify") == "0-0":
            turns += 1
            async with notifying(redis_url, run_id, load) as office:
                for _ in range(10 * turns):
                    await asyncio.sleep(0)
                office.task.cancel()
                await until(office.task.done, "cut short")
        assert await outbox.read(await outbox.cursor("notify"), 1, 0), "it was not cut short"
        await outbox.close()
        async with notifying(redis_url, run_id, load) as office:
            fire(desk, 301)
            await until(lambda: office.reader.counts().delivered == 1, "what is new")
        assert [data(m)["series"] for m in one.messages] == ["news/ticker/T301"]


async def test_a_clock_that_was_ahead_at_the_first_start_silences_nothing_later(
    redis_url: str, run_id: str, desk: Detector
) -> None:
    clock = Clock()
    clock.back_s = -10 * 365 * 24 * HOUR_S
    fire(desk, 0)
    resolve(desk, 0)
    async with receiving() as one:
        load = of(endpoint("one", one.url))
        async with notifying(redis_url, run_id, load, clock=clock) as office:
            await until(lambda: len(office.beats) > 1, "it has begun")
            fire(desk, 1)
            resolve(desk, 1)
            await until(lambda: office.reader.counts().delivered == 2, "told")


async def test_a_long_absence_is_no_first_start(redis_url: str, run_id: str, desk: Detector) -> None:
    fire(desk, 0)
    resolve(desk, 0)
    age(redis_url, run_id, 24 * HOUR_S * 1_000)
    with redis.Redis.from_url(redis_url) as client:
        client.set(Keys(run_id).outbox_cursor("notify"), "1-0")
    async with receiving() as one:
        async with notifying(redis_url, run_id, of(endpoint("one", one.url))) as office:
            await until(lambda: office.reader.counts().delivered == 2, "all of it")
        assert [data(m).get("superseded") for m in one.messages] == [True, None]


async def test_a_retry_that_its_resolution_overtook_says_so_under_its_own_id(
    redis_url: str, run_id: str, desk: Detector
) -> None:
    async with receiving(answer(500), answer(204)) as one:
        async with notifying(redis_url, run_id, of(endpoint("one", one.url)), schedule_s=(0, 1)) as office:
            fire(desk)
            await until(lambda: len(one.messages) == 1, "refused")
            resolve(desk)
            await until(lambda: office.reader.counts().delivered == 2, "both")
        first, over, late = one.messages
        assert first.id == late.id != over.id
        assert [data(m).get("superseded") for m in one.messages] == [None, None, True]
        assert {**data(late), "superseded": None} == {**data(first), "superseded": None}
        assert one.signed()


async def test_when_the_breaker_closes_all_that_waited_is_sent_in_the_order_it_happened(
    redis_url: str, run_id: str, desk: Detector
) -> None:
    async with receiving(*[answer(500)] * 6, answer(204)) as one:
        load = of(endpoint("one", one.url))
        schedule_s = (0, *[0.01] * 9)
        async with notifying(redis_url, run_id, load, schedule_s=schedule_s, probe_every_s=0.3) as office:
            fire(desk, 0)
            await until(lambda: len(one.messages) == 5, "the breaker is open")
            with redis.Redis.from_url(redis_url) as client:
                for number in range(1, 20):
                    fire(desk, number)
                    await until(lambda n=number: office.reader.counts().pending == n + 1, "waits")  # type: ignore[misc]
                    [one_waiting] = office.seen(incident(number))
                    key = f"{Keys(run_id).prefix}delivery:"
                    far_ms = int((time.time() + HOUR_S * (20 - number)) * 1_000)  # the newest would be the first
                    client.hset(f"{key}one:{one_waiting.id}", mapping={"wait_ms": HOUR_S * 20_000, "next_ms": far_ms})
                    client.zadd(f"{key}due:one", {one_waiting.id: far_ms})
            await until(lambda: office.reader.counts().delivered == 20, "all, long before their time")
        assert [data(m)["series"] for m in one.messages[6:]] == [f"news/ticker/T{n}" for n in range(20)]


async def test_a_seq_that_a_restored_store_gives_again_is_told_again(
    redis_url: str, run_id: str, desk: Detector
) -> None:
    async with receiving() as one:
        async with notifying(redis_url, run_id, of(endpoint("one", one.url))) as office:
            made = fire(desk)
            await until(lambda: office.reader.counts().delivered == 1, "told")
            with redis.Redis.from_url(redis_url) as client:  # as an older copy of the store knows nothing of it
                client.delete(Keys(run_id).incident(made.incident_id), Keys(run_id).history(made.incident_id))
            resolve(desk)
            await until(lambda: office.reader.counts().delivered == 2, "told as well")
        assert [data(m)["seq"] for m in one.messages] == [1, 1]
        assert len({m.id for m in one.messages}) == 2


async def test_an_event_that_cannot_be_read_does_not_stop_the_notifier(
    redis_url: str, run_id: str, desk: Detector, caplog: pytest.LogCaptureFixture
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.xadd(Keys(run_id).outbox, {"id": "a", "seq": "1", "type": "exploded", "at_ms": "1", "record": "{}"})
    async with receiving() as one, notifying(redis_url, run_id, of(endpoint("one", one.url))) as office:
        fire(desk)
        await until(lambda: office.reader.counts().delivered == 1, "told")
    assert "is passed over" in caplog.text
