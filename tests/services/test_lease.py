"""Leases on a real Valkey: one holds, the others wait, and no number is given twice."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from stream.store.client import StoreError
from stream.store.keys import Keys
from stream.store.lease import AsyncLease, Lease, read_lease
from tests.servers import running_valkey, wait_until

SHORT_S = 0.15
LONG_S = 60.0


@contextmanager
def lease(url: str, namespace: str, owner: str, ttl_s: float = LONG_S) -> Iterator[Lease]:
    made = Lease(url, namespace, "detector", owner, ttl_s)
    try:
        yield made
    finally:
        made.close()


def test_one_owner_holds_it_and_renewing_keeps_the_number(redis_url: str, run_id: str) -> None:
    with lease(redis_url, run_id, "one") as one, lease(redis_url, run_id, "two") as two:
        fence = one.hold()
        assert fence is not None and fence > 0
        assert [one.hold(), two.hold(), one.hold()] == [fence, None, fence]


def test_what_expired_is_taken_over_with_a_larger_number_and_the_first_owner_waits(redis_url: str, run_id: str) -> None:
    with lease(redis_url, run_id, "one", SHORT_S) as one, lease(redis_url, run_id, "two") as two:
        first = one.hold()
        second: list[int | None] = [None]

        def taken() -> bool:
            second[0] = two.hold()
            return second[0] is not None

        wait_until(taken, 10, "the second owner has the lease", every_s=0.01)
        assert first is not None and second[0] is not None and second[0] > first
        assert one.hold() is None


def test_renewing_puts_the_end_off(redis_url: str, run_id: str) -> None:
    with lease(redis_url, run_id, "one", 10) as brief, lease(redis_url, run_id, "one") as lasting:
        first = brief.hold()
        assert lasting.hold() == first
        seen = read_lease(redis_url, run_id, "detector")
        assert seen is not None and LONG_S - 10 < seen.left_s <= LONG_S


def test_an_owner_that_comes_back_after_its_lease_ran_out_gets_a_new_number(redis_url: str, run_id: str) -> None:
    with lease(redis_url, run_id, "one", SHORT_S) as one:
        first = one.hold()
        wait_until(lambda: read_lease(redis_url, run_id, "detector") is None, 10, "the lease has run out")
        again = one.hold()
        assert first is not None and again is not None and again > first


def test_a_released_lease_is_free_at_once_and_only_its_owner_releases_it(redis_url: str, run_id: str) -> None:
    with lease(redis_url, run_id, "one") as one, lease(redis_url, run_id, "two") as two:
        first = one.hold()
        two.release()
        assert two.hold() is None
        one.release()
        one.release()
        second = two.hold()
        assert first is not None and second is not None and second > first
        one.release()
        assert two.hold() == second


def test_numbers_grow_however_quickly_the_lease_changes_hands(redis_url: str, run_id: str) -> None:
    fences: list[int | None] = []
    with lease(redis_url, run_id, "one") as one:
        for _ in range(300):
            fences.append(one.hold())
            one.release()
    assert None not in fences
    assert fences == sorted(set(fences), key=lambda fence: fence or 0)


def test_of_many_that_ask_at_once_one_gets_it(redis_url: str, run_id: str) -> None:
    together = threading.Barrier(16)

    def ask(number: int) -> int | None:
        with lease(redis_url, run_id, f"owner {number}") as one:
            together.wait(10)
            return one.hold()

    with ThreadPoolExecutor(16) as pool:
        fences = [fence for fence in pool.map(ask, range(16)) if fence is not None]
    assert len(fences) == 1


def test_the_lease_runs_out_and_the_number_stays(redis_url: str, run_id: str) -> None:
    keys = Keys(run_id)
    with lease(redis_url, run_id, "one") as one, redis.Redis.from_url(redis_url) as client:
        one.hold()
        left_ms = client.pttl(keys.lease("detector"))
        assert isinstance(left_ms, int) and 0 < left_ms <= LONG_S * 1_000
        assert client.pttl(keys.fence("detector")) == -1


def test_leases_of_other_names_and_namespaces_are_others(redis_url: str, run_id: str) -> None:
    made = [
        Lease(redis_url, run_id, "detector", "one", LONG_S),
        Lease(redis_url, run_id, "notify", "two", LONG_S),
        Lease(redis_url, run_id + "b", "detector", "three", LONG_S),
    ]
    assert None not in [one.hold() for one in made]
    for one in made:
        one.close()


@pytest.mark.parametrize("owner", ["host.example:4711 a1b2", "7 seven", "机器 一", "%d+ (.*)"])
def test_who_holds_it_can_be_seen(redis_url: str, run_id: str, owner: str) -> None:
    assert read_lease(redis_url, run_id, "detector") is None
    with lease(redis_url, run_id, owner) as one:
        fence = one.hold()
        seen = read_lease(redis_url, run_id, "detector")
        assert seen is not None
        assert (seen.owner, seen.fence) == (owner, fence)
        assert 0 < seen.left_s <= LONG_S
        assert one.hold() == fence


async def test_the_asyncio_lease_is_the_same_lease(redis_url: str, run_id: str) -> None:
    waiting = AsyncLease(redis_url, run_id, "detector", "two", LONG_S)
    with lease(redis_url, run_id, "one") as one:
        first = one.hold()
        assert await waiting.hold() is None
        await waiting.release()
        assert one.hold() == first
        one.release()
        second = await waiting.hold()
        assert first is not None and second is not None and second > first
        assert await waiting.hold() == second
        assert one.hold() is None
    await waiting.release()
    await waiting.close()
    assert read_lease(redis_url, run_id, "detector") is None


def test_a_store_that_came_back_from_an_older_copy_gives_no_number_twice(tmp_path: Path) -> None:
    now, copy = tmp_path / "now", tmp_path / "copy"
    with running_valkey(now) as valkey, lease(valkey.url, "live", "one") as one:
        before = one.hold()
        one.release()
    shutil.copytree(now, copy)
    with running_valkey(now) as valkey, lease(valkey.url, "live", "one") as one:
        lost = [one.hold()]
        one.release()
        lost.append(one.hold())
    with running_valkey(copy) as valkey, lease(valkey.url, "live", "two") as two:
        after = two.hold()
    assert before is not None and after is not None
    assert all(fence is not None and before < fence < after for fence in lost)


async def test_a_store_that_is_away_is_no_refusal() -> None:
    away = "redis://user:secret@127.0.0.1:1/0"
    one, other = Lease(away, "away", "detector", "one", 1), AsyncLease(away, "away", "detector", "one", 1)
    for ask in (one.hold, one.release, lambda: read_lease(away, "away", "detector")):
        with pytest.raises(StoreError, match="does not answer") as caught:
            ask()
        assert not caught.value.permanent and "secret" not in str(caught.value)
    for ask_async in (other.hold, other.release):
        with pytest.raises(StoreError, match="does not answer"):
            await ask_async()
    one.close()
    await other.close()
