"""The detector process over stored windows, on a real Valkey: what it opens, and what a crash changes."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
import redis

from stream.broker.waiting import Backlog
from stream.core.incidents import Story
from stream.core.readings import Support
from stream.detector.state import unpack
from stream.store.client import StoreError
from stream.store.incidents import DetectorStore, Write
from stream.store.keys import Keys
from stream.store.lease import read_lease
from tests.servers import wait_until
from tests.services.detector_tools import MARKET, NOON_S, Scene

TICKER = "news/ticker/ACME"


async def test_a_spike_opens_one_incident_before_its_window_closes_and_a_quiet_past_none(
    redis_url: str, run_id: str
) -> None:
    scene = Scene(redis_url, run_id)
    await scene.tell_history(6)
    detector = scene.detector()
    detector.tick()
    assert scene.ids() == {}
    scene.now_s = NOON_S + 90
    await scene.tell(NOON_S + 60, 30, 36)
    detector.tick()
    (seen,) = scene.incidents.open()
    assert (seen.incident.series, seen.incident.early, seen.incident.opened_at_s) == (MARKET, True, NOON_S)
    assert seen.incident.share > seen.incident.baseline_share + 0.3
    detector.tick()
    assert [event.type for event in scene.incidents.history(seen.incident.incident_id)][:1] == ["fired"]
    assert len(scene.ids()) == 1


async def test_between_two_events_the_stored_incident_follows_what_is_seen(redis_url: str, run_id: str) -> None:
    scene = Scene(redis_url, run_id)
    await scene.tell_history(6)
    detector = scene.detector()
    detector.tick()
    for start_s in (NOON_S, NOON_S + 300):
        await scene.tell(start_s, 22, 26)
    scene.now_s = NOON_S + 90
    detector.tick()
    (seen,) = scene.incidents.open()
    assert (seen.incident.early, seen.incident.state) == (True, "firing")
    scene.now_s = NOON_S + 370
    detector.tick()
    (seen,) = scene.incidents.open()
    assert not seen.incident.early
    for step in range(2, 20):
        await scene.tell(NOON_S + 300 * step, 4, 20)
        scene.now_s = NOON_S + 300 * (step + 1) + 70
        detector.tick()
        states = [one.incident.state for one in scene.incidents.open()]
        if states == ["recovering"]:
            break
    (seen,) = scene.incidents.open()
    assert seen.incident.state == "recovering"
    assert {event.type for event in scene.incidents.history(seen.incident.incident_id)} <= {"fired", "escalated"}


async def test_a_detector_that_starts_again_continues_from_the_store(redis_url: str, run_id: str) -> None:
    scene = Scene(redis_url, run_id)
    await scene.tell_history(6)
    await scene.tell(NOON_S, 30, 36)
    scene.now_s = NOON_S + 90
    scene.detector().tick()
    before = scene.ids()
    assert len(before) == 1
    scene.now_s += 5
    scene.detector("one").tick()
    assert scene.ids() == before


async def test_baselines_that_an_older_version_wrote_are_made_anew_and_what_is_open_stays_so(
    redis_url: str, run_id: str
) -> None:
    scene = Scene(redis_url, run_id)
    await scene.tell_history(6)
    await scene.tell(NOON_S, 30, 36)
    scene.now_s = NOON_S + 90
    scene.detector().tick()
    before = scene.ids()
    assert list(before.values()) == ["firing"]
    key = Keys(run_id).detector
    with redis.Redis.from_url(redis_url) as client:
        for chunk, (_, state) in DetectorStore(redis_url, run_id).load().items():
            schema, closed_s, rows = msgspec.msgpack.decode(state)
            for row in rows:
                row[1] = [1, "as an older version had it"]
            client.hset(key, f"s:{chunk}", msgspec.msgpack.encode([schema, closed_s, [row[:4] for row in rows]]))
    detector = scene.detector()
    scene.now_s += 5
    assert detector.tick()
    assert scene.ids() == before
    for step in range(1, 30):
        await scene.tell(NOON_S + 300 * step, 4, 20)
        scene.now_s = NOON_S + 300 * (step + 1) + 70
        assert detector.tick()
    assert {*scene.ids().values()} == {"resolved"}
    assert scene.ids().keys() == before.keys()


async def test_what_came_too_late_neither_opens_nor_closes_anything(redis_url: str, run_id: str) -> None:
    scene = Scene(redis_url, run_id)
    await scene.tell_history(6)
    detector = scene.detector()
    detector.tick()
    scene.now_s = NOON_S + 90
    await scene.tell(NOON_S + 30, 40, 40, late=True)
    detector.tick()
    scene.now_s = NOON_S + 400
    detector.tick()
    assert scene.ids() == {}


async def test_windows_stay_open_while_documents_wait(redis_url: str, run_id: str) -> None:
    scene = Scene(redis_url, run_id)
    await scene.tell_history(6)
    detector = scene.detector()
    detector.tick()
    # Two mild windows in a row would open an incident once both have closed.
    for start_s in (NOON_S, NOON_S + 300):
        await scene.tell(start_s, 19, 24)
    scene.now_s = NOON_S + 900
    scene.backlogs.now = Backlog(5, int((NOON_S + 100) * 1_000))
    detector.tick()
    scene.backlogs.now = Backlog(5, None)
    detector.tick()
    early = [one.incident for one in scene.incidents.open() if not one.incident.early]
    assert early == []
    scene.backlogs.now = Backlog(0, None)
    detector.tick()
    (seen,) = scene.incidents.recent(0, 2**33)
    assert (seen.incident.early, seen.incident.window_end_s) == (False, NOON_S + 600)


async def test_a_detector_that_hangs_is_replaced_and_cannot_write_any_more(redis_url: str, run_id: str) -> None:
    scene = Scene(redis_url, run_id)
    await scene.tell_history(6)
    second = scene.detector("second", ttl_s=30.0)

    def taken_over() -> bool:
        second.tick()
        return second.leads

    def hang(series: str, start_s: int, end_s: int) -> tuple[Support, tuple[Story, ...]]:
        wait_until(taken_over, 10.0, "the second detector decides")
        return Support(), ()

    first = scene.detector("first", ttl_s=1.0, witness=hang)
    first.tick()
    second.tick()
    assert (first.leads, second.leads) == (True, False)
    await scene.tell(NOON_S, 30, 36)
    scene.now_s = NOON_S + 90
    first.tick()
    assert (first.leads, second.leads) == (False, True)
    (seen,) = scene.incidents.open()
    assert [event.seq for event in scene.incidents.history(seen.incident.incident_id)] == [1]


async def test_a_lease_that_ran_out_in_a_long_tick_is_taken_again_where_nobody_else_did(
    redis_url: str, run_id: str
) -> None:
    scene = Scene(redis_url, run_id)
    await scene.tell_history(6)

    def slow(series: str, start_s: int, end_s: int) -> tuple[Support, tuple[Story, ...]]:
        wait_until(lambda: read_lease(redis_url, run_id, "detector") is None, 10.0, "the lease has run out")
        return Support(), ()

    detector = scene.detector(ttl_s=1.0, witness=slow)
    detector.tick()
    await scene.tell(NOON_S, 30, 36)
    scene.now_s = NOON_S + 90
    assert detector.tick()
    assert len(scene.ids()) == 1


async def test_a_clock_that_jumped_ahead_and_back_blinds_nobody(redis_url: str, run_id: str) -> None:
    scene = Scene(redis_url, run_id)
    await scene.tell_history(6)
    detector = scene.detector()
    detector.tick()
    scene.now_s = NOON_S + 6 * 3_600
    detector.tick()
    scene.now_s = NOON_S + 30
    detector.tick()
    await scene.tell(NOON_S + 40, 30, 36)
    scene.now_s = NOON_S + 90
    detector.tick()
    assert len(scene.ids()) == 1


async def test_windows_of_a_store_that_fell_back_wait_until_they_are_filled_again(redis_url: str, run_id: str) -> None:
    scene = Scene(redis_url, run_id)
    await scene.tell_history(6)
    detector = scene.detector()
    detector.tick()
    key = Keys(run_id).detector
    with redis.Redis.from_url(redis_url) as client:
        older: Any = client.hgetall(key)
        scene.now_s = NOON_S + 1_900
        detector.tick()
        client.delete(key)
        client.hset(key, mapping=older)
    scene.backlogs.now = Backlog(100, (NOON_S + 30) * 1_000)
    for _ in range(2):  # the first one finds that its state is gone
        detector.tick()
        scene.now_s += 301
    closed_s = {unpack(state).closed_s for _, state in DetectorStore(redis_url, run_id).load().values()}
    assert closed_s == {NOON_S - 300}


class Breaking:
    """A store whose answer is lost now and then, before or after the commit was done."""

    def __init__(self, store: DetectorStore, draw: random.Random) -> None:
        self._store, self._draw = store, draw
        self.load, self.flags = store.load, store.flags

    def commit(self, fence: int, chunk: str, version: int, state: bytes, writes: Sequence[Write]) -> int:
        chance = self._draw.random()
        if chance < 0.1:
            raise StoreError("lost before")
        done = self._store.commit(fence, chunk, version, state, writes)
        if chance < 0.2:
            raise StoreError("lost after")
        return done


def _breaking(scene: Scene, draw: random.Random) -> Any:
    return Breaking(DetectorStore(scene.url, scene.state), draw)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_killed_at_random_points_it_ends_with_the_same_incidents(redis_url: str, run_id: str, seed: int) -> None:
    """An hour with two spikes: undisturbed, and with a new process and lost answers at random ticks."""
    draw = random.Random(seed)
    calm = Scene(redis_url, run_id, state=f"{run_id}-calm")
    rough = Scene(redis_url, run_id, state=f"{run_id}-rough")
    await calm.tell_history(6)
    await calm.tell_history(6, per_window=4, series=TICKER)
    steady = calm.detector()
    shaken = rough.detector("0")
    for number, second in enumerate(range(0, 3_600, 20)):
        now_s = NOON_S + second
        share = 0.8 if 600 <= second < 1_500 else 0.2
        await calm.tell(now_s - 5, sum(draw.random() < share for _ in range(3)), 3)
        await calm.tell(now_s - 5, 2 * (900 <= second < 1_800), 2, series=TICKER)
        calm.now_s = rough.now_s = now_s
        steady.tick()
        if draw.random() < 0.1:
            shaken = rough.detector("0")  # its lease would run out; a successor under the same name need not wait
            shaken._edges = dataclasses.replace(shaken._edges, store=_breaking(rough, draw))
        try:
            shaken.tick()
        except StoreError as exc:
            assert str(exc).startswith("lost"), (number, exc)
    calm.now_s = rough.now_s = NOON_S + 3_660
    steady.tick()
    rough.detector("0").tick()
    assert len(calm.ids()) >= 2
    assert rough.ids() == calm.ids()
    for name in calm.ids():
        events = [[e.type for e in scene.incidents.history(name)] for scene in (calm, rough)]
        assert events[0] == events[1]
        assert [e.seq for e in rough.incidents.history(name)] == list(range(1, len(events[1]) + 1))
