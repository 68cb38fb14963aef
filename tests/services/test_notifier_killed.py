"""A notifier that is killed, frozen, cancelled or cut off: at least once, with the same id and bytes, counted once."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from stream.store.deliveries import DeliveryCounts, DeliveryReader
from stream.store.delivery_queue import AsyncDeliveries, CursorMoved, FanOut, Fresh
from stream.store.incidents import Write
from tests.servers import wait_until
from tests.services.incident_tools import NOON_MS, Detector, detector, incident
from tests.services.notify_tools import (
    SECRET,
    Message,
    Process,
    answer,
    endpoint,
    fire,
    notifying,
    of,
    receiving,
    table,
    until,
    write_endpoints,
)

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def desk(redis_url: str, run_id: str) -> Iterator[Detector]:
    one = detector(redis_url, run_id)
    yield one
    one.close()


async def test_a_fan_out_that_comes_again_creates_nothing_new(redis_url: str, run_id: str) -> None:
    store, reader = AsyncDeliveries(redis_url, run_id), DeliveryReader(redis_url, run_id)

    def fan(body: bytes) -> FanOut:
        names = (Fresh("msg_a", "a"), Fresh("msg_b", "b"))
        return FanOut(event_id="i-1", incident_id="i", type="fired", seq=1, due_ms=1.5, body=body, deliveries=names)

    assert await store.fan_out("0-0", "5-0", fan(b"first")) == 2
    with pytest.raises(CursorMoved, match="PASSED the cursor is at 5-0, expected 0-0"):
        await store.fan_out("0-0", "5-0", fan(b"second"))
    assert await store.fan_out("5-0", "6-0", fan(b"third")) == 0
    waiting = await store.waiting("msg_a")
    assert waiting is not None and waiting.body == b"first"
    assert reader.counts() == DeliveryCounts(2, 0, 0)
    await store.close()
    reader.close()


async def test_two_notifiers_at_once_deliver_everything_and_count_it_once(
    redis_url: str, run_id: str, desk: Detector
) -> None:
    """A lease may be lost for a moment: then both send, with the same ids."""
    async with receiving() as one:
        load = of(endpoint("one", one.url))
        async with notifying(redis_url, run_id, load) as office, notifying(redis_url, run_id, load):
            for number in range(40):
                fire(desk, number)
            await until(lambda: office.reader.counts().delivered == 40, "all")
        assert office.reader.counts() == DeliveryCounts(0, 40, 0)
        ids = {m.id for m in one.messages}
        assert len(ids) == 40
        assert len({(m.id, m.body) for m in one.messages}) == 40


def test_killed_between_post_and_record_the_same_id_and_bytes_come_again(
    redis_url: str, run_id: str, desk: Detector, tmp_path: Path
) -> None:
    async def run() -> None:
        processes: list[Process] = []

        async def kill_the_sender(_: Message) -> bytes:
            await asyncio.to_thread(processes[0].kill)
            return answer(204)

        async with receiving(kill_the_sender, answer(204)) as one:
            write_endpoints(tmp_path / "endpoints.toml", table("one", one.url))
            processes.append(Process(tmp_path, redis_url, run_id))
            try:
                await until(lambda: processes[0].said("notifier ready with 1 endpoints"), "ready")
                fired = fire(desk)
                await until(lambda: processes[0].process.poll() is not None, "killed")
                reader = DeliveryReader(redis_url, run_id)
                assert [(d.state, d.attempts) for d in reader.of_incident(fired.incident_id)] == [("pending", [])]
                restarted_s = time.time()
                processes.append(Process(tmp_path, redis_url, run_id))
                await until(lambda: reader.counts().delivered == 1, "delivered after the restart")
                assert len(one.messages) == 2
                assert one.messages[1].at_s - restarted_s < 10  # the lease of 1 s, and a start
                assert (one.messages[0].id, one.messages[0].body) == (one.messages[1].id, one.messages[1].body)
                assert one.signed()
                assert reader.counts() == DeliveryCounts(0, 1, 0)
                reader.close()
                assert await asyncio.to_thread(processes[1].stop) == 0
            finally:
                for one_process in processes:
                    if one_process.process.poll() is None:
                        one_process.kill()

    asyncio.run(run())


def test_killed_at_random_everything_arrives_with_one_id_each(
    redis_url: str, run_id: str, desk: Detector, tmp_path: Path
) -> None:
    async def run() -> None:
        async def linger(_: Message) -> bytes:
            await asyncio.sleep(0.01)
            return answer(204)

        reader = DeliveryReader(redis_url, run_id)
        async with receiving(linger) as one:
            write_endpoints(tmp_path / "endpoints.toml", table("one", one.url))
            process = Process(tmp_path, redis_url, run_id)
            try:
                desk.commit(*(Write("fired", NOON_MS, incident(n)) for n in range(120)))
                for share in (20, 70):
                    await until(lambda n=share: len(one.messages) >= n, "some came")  # type: ignore[misc]
                    process.kill()
                    assert reader.counts().delivered < 120  # or nothing was interrupted
                    process = Process(tmp_path, redis_url, run_id)
                await until(lambda: reader.counts().delivered == 120, "all came", 30)
            finally:
                process.kill()
            assert reader.counts() == DeliveryCounts(0, 120, 0)
            assert len({m.id for m in one.messages}) == len({(m.id, m.body) for m in one.messages}) == 120
            assert len(one.messages) <= 122  # one in flight at each kill
        reader.close()

    asyncio.run(run())


def test_a_second_notifier_stands_by_and_takes_over(
    redis_url: str, run_id: str, desk: Detector, tmp_path: Path
) -> None:
    async def run() -> None:
        reader = DeliveryReader(redis_url, run_id)
        async with receiving() as one:
            for name in ("first", "second"):
                (tmp_path / name).mkdir()
                write_endpoints(tmp_path / name / "endpoints.toml", table("one", one.url))
            first = Process(tmp_path / "first", redis_url, run_id)
            second = None
            try:
                await until(lambda: first.said("notifier ready"), "the first leads")
                second = Process(tmp_path / "second", redis_url, run_id)
                await until(lambda: second.said("standing by"), "the second stands by")
                fire(desk, 0)
                await until(lambda: reader.counts().delivered == 1, "delivered")
                assert await asyncio.to_thread(first.stop) == 0
                fire(desk, 1)
                await until(lambda: reader.counts().delivered == 2, "delivered by the second")
                assert len(one.messages) == 2
                assert await asyncio.to_thread(second.stop) == 0
                logged = first.log.read_text() + second.log.read_text()
                assert SECRET not in logged and "Traceback" not in logged and "/hook" not in logged
            finally:
                for process in (first, second):
                    if process is not None and process.process.poll() is None:
                        process.kill()
        reader.close()

    asyncio.run(run())


def test_a_notifier_that_was_frozen_finds_another_in_its_place_and_stands_by(
    redis_url: str, run_id: str, desk: Detector, tmp_path: Path
) -> None:
    async def run() -> None:
        reader = DeliveryReader(redis_url, run_id)
        async with receiving() as one:
            for name in ("first", "second"):
                (tmp_path / name).mkdir()
                write_endpoints(tmp_path / name / "endpoints.toml", table("one", one.url))
            first = Process(tmp_path / "first", redis_url, run_id)
            second = None
            try:
                await until(lambda: first.said("notifier ready"), "the first leads")
                first.process.send_signal(signal.SIGSTOP)
                second = Process(tmp_path / "second", redis_url, run_id)
                await until(lambda: second.said("notifier ready with 1 endpoints\n"), "the second leads")
                fire(desk, 0)
                await until(lambda: reader.counts().delivered == 1, "delivered by the second")
                first.process.send_signal(signal.SIGCONT)
                await until(lambda: first.said("standing by: another one sends"), "the first stands by")
                fire(desk, 1)
                await until(lambda: reader.counts().delivered == 2, "delivered")
                assert len({m.id for m in one.messages}) == 2
                assert (await asyncio.to_thread(second.stop), await asyncio.to_thread(first.stop)) == (0, 0)
            finally:
                for process in (first, second):
                    if process is not None and process.process.poll() is None:
                        process.kill()
        reader.close()

    asyncio.run(run())


def test_a_stop_is_heard_while_the_store_is_away(tmp_path: Path, run_id: str) -> None:
    process = Process(tmp_path, "redis://127.0.0.1:1/0", run_id)
    try:
        wait_until(lambda: process.said("does not answer") > 0, 20, "it has noticed")
        assert process.stop() == 0
    finally:
        if process.process.poll() is None:
            process.kill()


async def test_cancelled_at_any_moment_it_ends(redis_url: str, run_id: str, desk: Detector) -> None:
    """On Python 3.11 the store's client swallows a cancellation now and then."""
    load = of(endpoint("one", "http://127.0.0.1:1/"))
    for turns in range(0, 150, 2):
        fire(desk, turns)
        async with notifying(redis_url, run_id, load) as office:
            for _ in range(turns):
                await asyncio.sleep(0)
            office.task.cancel()
            await until(office.task.done, f"ended when cancelled after {turns} turns of the loop", 5)


async def test_a_stop_lets_the_attempt_in_flight_end_and_writes_it_down(
    redis_url: str, run_id: str, desk: Detector
) -> None:
    release = asyncio.Event()

    async def slow(_: Message) -> bytes:
        await release.wait()
        return answer(204)

    async with receiving(slow) as one, notifying(redis_url, run_id, of(endpoint("one", one.url))) as office:
        first, second = fire(desk, 0), fire(desk, 1)
        await until(lambda: one.messages, "in flight")
        finishing = asyncio.create_task(office.notifier.finish())
        release.set()
        await finishing
        assert (office.states(first), office.states(second)) == (["delivered"], ["pending"])


async def test_connections_cut_between_post_and_record_lose_and_repeat_nothing(
    redis_url: str, run_id: str, desk: Detector
) -> None:
    async def cut(_: Message) -> bytes:
        with redis.Redis.from_url(redis_url) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal")
        return answer(204)

    async with receiving(cut) as one, notifying(redis_url, run_id, of(endpoint("one", one.url))) as office:
        fired = fire(desk)
        await until(lambda: one.messages, "posted")
        reader = DeliveryReader(redis_url, run_id)
        await until(lambda: reader.counts() == DeliveryCounts(0, 1, 0), "written down")
        beats = len(office.beats)
        await until(lambda: len(office.beats) > beats, "it reads on")
        assert len(one.messages) == 1
        assert [d.state for d in reader.of_incident(fired.incident_id)] == ["delivered"]
        reader.close()
