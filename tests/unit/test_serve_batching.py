"""Requests share batches, take turns, and do not suffer for each other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from stream.serve.batching import Batcher, Busy


class Work:
    """Doubles numbers, once it is let; 13 breaks it."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        assert self.gate.wait(20)
        if 13 in items:
            raise RuntimeError("thirteen")
        return [2 * item for item in items]


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as lent:
        yield lent


def batcher(work: Work, thread: ThreadPoolExecutor, most: int = 8, most_waiting: int = 100) -> Batcher[int, int]:
    return Batcher(work, thread, most=most, most_waiting=most_waiting)


async def held(work: Work, started: Batcher[int, int]) -> asyncio.Task[list[int]]:
    """Return a request that keeps the model busy until the gate opens."""
    work.gate.clear()
    first = asyncio.create_task(started.submit([0]))
    async with asyncio.timeout(10):
        while not work.batches:
            await asyncio.sleep(0.001)
    return first


async def test_requests_that_come_together_are_read_together_and_each_gets_its_own(
    work: Work, thread: ThreadPoolExecutor
) -> None:
    both = batcher(work, thread)
    answers = await asyncio.gather(both.submit([1, 2]), both.submit([3]), both.submit([4]))
    assert list(answers) == [[2, 4], [6], [8]]
    assert len(work.batches) == 1 and sorted(work.batches[0]) == [1, 2, 3, 4]
    assert await both.submit([]) == []
    assert both.busy_s == 0


async def test_a_batch_has_bounds_and_a_long_request_gives_way(work: Work, thread: ThreadPoolExecutor) -> None:
    both = batcher(work, thread)
    first = await held(work, both)
    assert both.busy_s > 0
    long = asyncio.create_task(both.submit(list(range(100, 120))))
    await asyncio.sleep(0)
    short = asyncio.create_task(both.submit([1]))
    await asyncio.sleep(0)
    work.gate.set()
    assert (await first, await short) == ([0], [2])
    assert 1 in work.batches[1]
    assert await long == [2 * n for n in range(100, 120)]
    assert max(map(len, work.batches)) <= 8


async def test_what_a_caller_gave_up_is_not_read(work: Work, thread: ThreadPoolExecutor) -> None:
    both = batcher(work, thread)
    first = await held(work, both)
    dropped, kept = asyncio.create_task(both.submit([7])), asyncio.create_task(both.submit([8]))
    await asyncio.sleep(0)
    dropped.cancel()
    await asyncio.sleep(0)
    work.gate.set()
    assert (await first, await kept) == ([0], [16])
    assert work.batches == [[0], [8]]


async def test_a_request_that_breaks_the_model_fails_alone(work: Work, thread: ThreadPoolExecutor) -> None:
    both = batcher(work, thread)
    bad, good = await asyncio.gather(both.submit([13]), both.submit([1]), return_exceptions=True)
    assert isinstance(bad, RuntimeError) and good == [2]
    assert await both.submit([5]) == [10]


async def test_above_the_bound_nothing_more_is_taken_in(work: Work, thread: ThreadPoolExecutor) -> None:
    both = batcher(work, thread, most_waiting=3)
    first = await held(work, both)
    waiting = asyncio.create_task(both.submit([1, 2]))
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="2 texts wait"):
        await both.submit([3, 4])
    work.gate.set()
    assert (await first, await waiting) == ([0], [2, 4])
    assert await both.submit([3, 4]) == [6, 8]
