"""The Lua script against a brute-force count in Python, on a real Valkey."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
import redis

from stream.core.aggregates import Aggregate
from stream.store.apply import Applied, AsyncStore, Counted, Record, StoreBehind, part_field
from stream.store.client import StoreError
from stream.store.read import Reader

NOON_S = 1_767_355_200
DAY_S = 86_400
TOPIC_ID = "topic-id"
SERIES = ("news/market/all", "news/topic/macro", "news/source/reuters", "news/ticker/AAPL")

Key = tuple[int, str]


def counted(
    document: int,
    *,
    story: int | None = None,
    event_s: int = NOON_S,
    label: int = 0,
    score: int = -5_000,
    received_ms: int = NOON_S * 1_000,
    late: bool = False,
    series: tuple[str, ...] = SERIES[:1],
) -> Counted:
    return Counted(
        id_hash=document * 2_654_435_761 - 2**62,
        event_s=event_s,
        received_ms=received_ms,
        story=(document if story is None else story).to_bytes(8, "big"),
        label=label,
        score=score,
        late=late,
        series=series,
        latest=f'{{"id":"{document}"}}',
    )


def records(items: Iterable[Counted | None], partition: int = 0, start: int = 0) -> list[Record]:
    return [Record(TOPIC_ID, partition, start + i, item) for i, item in enumerate(items)]


def brute_force(items: Sequence[Counted | None]) -> tuple[dict[Key, Aggregate], Applied]:
    """Count one document after the other, as the architecture words it."""
    seen: set[int] = set()
    stories: dict[tuple[bytes, int], tuple[int, Counted, set[str]]] = {}
    windows: dict[Key, Aggregate] = defaultdict(lambda: Aggregate(0))
    duplicates = dead = 0
    for item in items:
        if item is None:
            dead += 1
            continue
        if item.id_hash in seen:
            duplicates += 1
            continue
        seen.add(item.id_hash)
        day = item.event_s // DAY_S
        found = None
        for shift in (0, -1, 1):
            candidate = stories.get((item.story, day + shift))
            if candidate and abs(item.event_s - candidate[0]) < DAY_S:
                found = candidate
                break
        if found is None:
            found = stories[item.story, day] = (item.event_s, item, set())
        _, first, counted_in = found
        for name in item.series:
            key = (item.event_s - item.event_s % 60, name)
            window = replace(windows[key], start_s=key[0], documents=windows[key].documents + 1)
            window = replace(window, late=window.late + item.late)
            if name not in counted_in:
                counted_in.add(name)
                measure = ("negative", "neutral", "positive")[first.label]
                window = replace(window, **{measure: getattr(window, measure) + 1})
                window = replace(window, score_sum=window.score_sum + first.score)
                if item.late:
                    negative = window.late_negative + (first.label == 0)
                    window = replace(window, late_stories=window.late_stories + 1, late_negative=negative)
            windows[key] = window
    return dict(windows), Applied(len(items) - dead - duplicates, duplicates, dead, 0)


def stored(url: str, namespace: str, width_s: int = 60) -> dict[Key, Aggregate]:
    reader = Reader(url, namespace)
    found = {(start, name): one for start, row in reader.every_window(width_s) for name, one in row.items()}
    reader.close()
    return found


def random_items(seed: int, n: int) -> list[Counted | None]:
    rng = random.Random(seed)
    items: list[Counted | None] = []
    for i in range(n):
        if rng.random() < 0.03:
            items.append(None)
            continue
        document = rng.randrange(i + 1) if rng.random() < 0.05 else i
        items.append(
            counted(
                document,
                story=rng.randrange(n // 4),
                event_s=NOON_S + rng.randrange(-3 * DAY_S, DAY_S),
                label=rng.randrange(3),
                score=rng.randrange(-10_000, 10_001),
                received_ms=(NOON_S + rng.randrange(-1_000, 1_000)) * 1_000,
                late=rng.random() < 0.1,
                series=tuple(rng.sample(SERIES, rng.randrange(1, 5))),
            )
        )
    return items


@pytest.mark.parametrize("seed", range(4))
async def test_any_batches_with_redeliveries_count_like_one_document_after_the_other(
    redis_url: str, run_id: str, seed: int
) -> None:
    rng = random.Random(seed + 100)
    items = random_items(seed, 1_500)
    expected_windows, expected = brute_force(items)
    store = AsyncStore(redis_url, run_id)
    applied = Applied(0, 0, 0, 0)
    at = 0
    while at < len(items):
        # A worker that starts anew may begin some records earlier than the store needs.
        start = max(0, at - rng.randrange(0, 80)) if rng.random() < 0.3 else at
        end = min(len(items), at + rng.randrange(1, 200))
        known = {part_field(TOPIC_ID, 0): start - 1}
        for _ in range(rng.choice((1, 1, 2))):  # an answer that was lost on its way: the same call again
            one = await store.apply(records(items[start:end], start=start), known)
            applied = Applied(
                applied.aggregated + one.aggregated,
                applied.duplicates + one.duplicates,
                applied.dead_letters + one.dead_letters,
                0,
            )
        at = end
    assert applied == expected
    assert stored(redis_url, run_id) == expected_windows
    totals = Reader(redis_url, run_id).totals()
    assert totals.records == len(items) == totals.aggregated + totals.duplicates + totals.dead_letters
    await store.close()


@pytest.mark.parametrize("width_s", [300, 3_600])
async def test_roll_ups_are_the_sums_of_their_minutes(redis_url: str, run_id: str, width_s: int) -> None:
    items = random_items(7, 400)
    store = AsyncStore(redis_url, run_id)
    await store.apply(records(items), {})
    sums: dict[Key, Aggregate] = {}
    for (start, name), one in stored(redis_url, run_id).items():
        key = (start - start % width_s, name)
        sums[key] = replace(one, start_s=key[0]) + sums.get(key, Aggregate(key[0]))
    assert stored(redis_url, run_id, width_s) == sums
    await store.close()


async def test_a_story_counts_once_with_its_first_label_and_later_copies_add_reach(redis_url: str, run_id: str) -> None:
    store = AsyncStore(redis_url, run_id)
    copies = [counted(i, story=9, label=0 if i == 0 else 2, event_s=NOON_S + i * 60) for i in range(5)]
    await store.apply(records(copies), {})
    found = [one for _, one in sorted(stored(redis_url, run_id).items())]
    assert [(w.documents, w.negative, w.positive) for w in found] == [(1, 1, 0), *[(1, 0, 0)] * 4]
    await store.close()


@pytest.mark.parametrize(("gap_s", "stories"), [(DAY_S - 1, 1), (DAY_S, 2)])
async def test_a_copy_is_a_new_story_from_24_hours_on(redis_url: str, run_id: str, gap_s: int, stories: int) -> None:
    store = AsyncStore(redis_url, run_id)
    await store.apply(records([counted(0, story=9), counted(1, story=9, event_s=NOON_S + gap_s)]), {})
    assert Reader(redis_url, run_id).totals().stories == stories
    await store.close()


async def test_a_duplicate_is_known_over_midnight_and_across_batches(redis_url: str, run_id: str) -> None:
    store = AsyncStore(redis_url, run_id)
    times_ms = [NOON_S * 1_000, (NOON_S + DAY_S) * 1_000, (NOON_S + 2 * DAY_S) * 1_000]
    for i, received_ms in enumerate(times_ms):
        await store.apply(records([counted(1, received_ms=received_ms)], start=i), {})
    totals = Reader(redis_url, run_id).totals()
    assert (totals.aggregated, totals.duplicates) == (1, 2)
    await store.close()


async def test_partitions_have_offsets_of_their_own_and_so_has_a_recreated_topic(redis_url: str, run_id: str) -> None:
    store = AsyncStore(redis_url, run_id)
    await store.apply(records([counted(0), counted(1)], partition=0), {})
    await store.apply(records([counted(2)], partition=1), {})
    again = [Record("another-id", 0, 0, counted(3))]
    assert (await store.apply(again, {})).aggregated == 1
    assert await store.applied() == {"topic-id:0": 1, "topic-id:1": 0, "another-id:0": 0}
    await store.close()


async def test_a_store_that_is_behind_refuses_the_batch_and_changes_nothing(redis_url: str, run_id: str) -> None:
    store = AsyncStore(redis_url, run_id)
    with pytest.raises(StoreBehind, match="BEHIND topic-id:0 is at -1, this worker applied 41"):
        await store.apply(records([counted(0)], start=42), {part_field(TOPIC_ID, 0): 41})
    assert stored(redis_url, run_id) == {}
    assert await store.applied() == {}
    await store.close()


async def test_a_store_that_is_away_is_named_without_its_password() -> None:
    store = AsyncStore("redis://user:secret@127.0.0.1:1/0", "away")
    with pytest.raises(StoreError, match=r"redis://127\.0\.0\.1:1/0 does not answer") as caught:
        await store.applied()
    assert "secret" not in str(caught.value)
    assert not caught.value.permanent
    await store.close()


@pytest.mark.parametrize("option", ["socket_timeout=abc", "nonsense=1"])
def test_an_option_in_the_url_that_cannot_be_used_is_named(option: str) -> None:
    with pytest.raises(StoreError, match=r"store redis://127\.0\.0\.1:1/0: ") as caught:
        Reader(f"redis://:secret@127.0.0.1:1/0?{option}", "live").ping()
    assert caught.value.permanent
    assert "secret" not in str(caught.value)


async def test_only_the_newest_stories_are_listed_newest_first_with_their_copies(redis_url: str, run_id: str) -> None:
    from model.labels import SENTIMENTS

    store = AsyncStore(redis_url, run_id)

    def listed(i: int, story: int) -> Counted:
        import msgspec

        from stream.store.read import Headline

        headline = Headline(
            id=str(i), event_s=NOON_S + i, received_ms=0, kind="news", lang="en", source="s", title=f"title {i}",
            label=SENTIMENTS[0], score=-0.5, topic="macro", story=story.to_bytes(8, "big").hex(),
        )  # fmt: skip
        return replace(counted(i, story=story, event_s=NOON_S + i), latest=msgspec.json.encode(headline).decode())

    await store.apply(records([listed(0, 7), listed(1, 8), listed(2, 8)]), {})
    found = Reader(redis_url, run_id).latest(10)
    assert [(h.title, h.copies) for h in found] == [("title 1", 2), ("title 0", 1)]
    assert Reader(redis_url, run_id).latest(10, end_s=NOON_S + 1)[0].title == "title 0"
    await store.close()


async def test_a_full_store_is_waited_for(redis_url: str, run_id: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory", 1)
        try:
            store = AsyncStore(redis_url, run_id)
            with pytest.raises(StoreError) as raised:
                await store.apply(records([counted(1)]), {})
        finally:
            client.config_set("maxmemory", 0)
    assert not raised.value.permanent
    assert await store.apply(records([counted(1)]), {}) == Applied(1, 0, 0, 0)
    await store.close()
