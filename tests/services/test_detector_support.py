"""Who tells a spike, from documents to incidents on a real Valkey; and series that nobody tells anything of."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from model.labels import TOPICS
from stream.agents.outcome import count
from stream.codec import Hops, Origin, Prediction
from stream.core.event_time import DAY_S
from stream.core.stories import story_id
from stream.detector.state import chunk_of, unpack
from stream.detector.witness import witness_of
from stream.store.apply import AsyncStore, Counted
from stream.store.incidents import DetectorStore
from stream.store.read import Reader
from tests.services.detector_tools import MARKET, NOON_S, Scene
from tests.services.test_apply import records

COMMENTS = "comment/market/all"
WORDS = "the price of this share will fall further before the end of the week, says number {}"
LABELS = {"negative": (0.8, 0.1, 0.1), "neutral": (0.1, 0.8, 0.1)}


def told(
    n: int, event_s: int, *, text: str, author: str | None, source: str = "reddit", label: str = "negative",
) -> Counted:  # fmt: skip
    """Return what a comment adds to the counts, as a worker counts it."""
    at = datetime.fromtimestamp(event_s, UTC)
    probabilities = LABELS[label]
    prediction = Prediction(
        id=f"d{n}", kind="comment", source=source, lang="en", tickers=("ACME",), received_at=at, event_time=at,
        sentiment=probabilities, score=probabilities[2] - probabilities[0], topic=TOPICS[0],
        topics=tuple(float(not i) for i in range(len(TOPICS))),
        story=story_id(kind="comment", text=text, author=author, document=f"d{n}").hex(),
        model_revision="r", origin=Origin("t", 0, n), hops=Hops(read_at=at, scored_at=at),
    )  # fmt: skip
    return count(prediction, title=text, url=None, author=author)


class Town:
    """A quiet past of six hours, of many authors and two sources; then a storm."""

    def __init__(self, url: str, run_id: str) -> None:
        self.scene = Scene(url, run_id)
        self._store = AsyncStore(url, run_id)
        self._n = 0
        self.reader = Reader(url, run_id)

    async def tell(self, items: list[Counted]) -> None:
        await self._store.apply(records(items, start=self._n), {})
        self._n += len(items)

    async def begin(self, *, authors: bool = True) -> None:
        draw, items = random.Random(1), []
        for n in range(72 * 6):
            label = "negative" if draw.random() < 0.2 else "neutral"
            author, source = f"a1:{n:016x}" if authors else None, ("reddit", "weibo")[n % 2]
            text = WORDS.format(f"quiet {n}")
            items.append(told(-n, NOON_S - 50 * (n + 1), text=text, author=author, source=source, label=label))
        await self.tell(items)

    async def storm(
        self, author: Callable[[int], str | None], text: Callable[[int], str], source: str = ""
    ) -> set[str]:
        """Tell sixty negative comments in a window and return the series that fire, before it closes or after."""
        detector = self.scene.detector(witness=witness_of(self.reader))
        detector.tick()
        await self.tell(
            [
                told(n, NOON_S + 2 * n, text=text(n), author=author(n), source=source or ("reddit", "weibo")[n % 2])
                for n in range(1, 61)
            ]
        )
        for second in (130, 250, 310, 370, 700):
            self.scene.now_s = NOON_S + second
            detector.tick()
        await self._store.close()
        return {one.incident.series for one in self.scene.incidents.recent(0, 2**33)}


def own_words(n: int) -> str:
    return WORDS.format(n)


def own_author(n: int) -> str:
    return f"a1:{n:016d}"


async def test_a_storm_of_many_fires_with_a_story_of_each_language(redis_url: str, run_id: str) -> None:
    town = Town(redis_url, run_id)
    await town.begin()
    fired = await town.storm(own_author, own_words)
    assert {COMMENTS, "comment/ticker/ACME", "comment/lang/en"} <= fired
    seen = {one.incident.series: one.incident for one in town.scene.incidents.recent(0, 2**33)}
    assert len(seen[COMMENTS].evidence) == 5
    assert (seen[COMMENTS].announced, seen["comment/ticker/ACME"].announced) == (True, False)
    assert "a1:" not in repr(seen)


async def test_a_storm_of_one_author_does_not_fire(redis_url: str, run_id: str) -> None:
    town = Town(redis_url, run_id)
    await town.begin()
    assert await town.storm(lambda n: "a1:00000000000000ff", own_words) == set()


async def test_a_storm_of_copies_does_not_fire_however_many_post_them(redis_url: str, run_id: str) -> None:
    town = Town(redis_url, run_id)
    await town.begin()
    assert await town.storm(own_author, lambda n: f"@user{n} {WORDS.format('one')} {'!' * (n % 4)}") == set()


async def test_a_storm_of_one_source_fires_for_that_source_alone(redis_url: str, run_id: str) -> None:
    town = Town(redis_url, run_id)
    await town.begin()
    assert await town.storm(own_author, own_words, source="reddit") == {"comment/source/reddit"}


async def test_where_no_author_is_known_nobody_asks_for_one(redis_url: str, run_id: str) -> None:
    town = Town(redis_url, run_id)
    await town.begin(authors=False)
    assert COMMENTS in await town.storm(lambda n: None, own_words)


@pytest.mark.parametrize("restart", [False, True])
async def test_a_series_of_which_nothing_is_told_for_long_is_forgotten_and_comes_back(
    redis_url: str, run_id: str, restart: bool
) -> None:
    ticker, midnight_s = "news/ticker/GONE", NOON_S + DAY_S // 2
    scene = Scene(redis_url, run_id, start_s=midnight_s - 400)
    for series in (MARKET, ticker):
        await scene.tell_history(1, series=series)
    detector = scene.detector()
    detector.tick()
    scene.now_s = midnight_s - 200
    await scene.tell(scene.now_s, 2, 10)
    detector.tick()

    def kept() -> set[str]:
        chunks = [unpack(state) for _, state in DetectorStore(redis_url, run_id).load().values()]
        return {name for chunk in chunks for name in chunk.followed}

    assert kept() == {MARKET, ticker}
    detector._engine.followed[ticker].told_s = midnight_s - 14 * DAY_S
    scene.now_s = midnight_s + 70
    detector.tick()
    assert kept() == {MARKET}
    if restart:
        detector = scene.detector()
    await scene.tell(midnight_s + 100, 1, 5, ticker)
    scene.now_s = midnight_s + 400
    detector.tick()
    assert kept() == {MARKET, ticker}
    states = DetectorStore(redis_url, run_id).load()
    followed = unpack(states[chunk_of(ticker)][1]).followed[ticker]
    # Primed with the hour that is stored, as if it had never been away.
    assert (followed.watch.newest_start_s("5m"), followed.life.state) == (midnight_s, "NORMAL")
    assert followed.watch.look("5m", midnight_s + 300, []).expected_total > 5
