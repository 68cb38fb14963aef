"""The outbox on a real Valkey: every event in order, and none gone before all its readers are past it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict

import pytest
import redis

from stream.core.incidents import IncidentEvent
from stream.store.acts import Acts
from stream.store.client import StoreError
from stream.store.incident_read import IncidentReader
from stream.store.incidents import Write
from stream.store.keys import OUTBOX_CURSORS, OUTBOX_LEAST, Keys
from stream.store.outbox import START, Outbox
from tests.services.incident_tools import NOON_MS, Detector, detector, incident


@pytest.fixture
async def outbox(redis_url: str, run_id: str) -> AsyncIterator[Outbox]:
    made = Outbox(redis_url, run_id)
    yield made
    await made.close()


@pytest.fixture
async def one(redis_url: str, run_id: str) -> AsyncIterator[Detector]:
    made = detector(redis_url, run_id)
    yield made
    made.close()


def reminders(n: int) -> list[Write]:
    return [Write("reminder", NOON_MS + i, incident()) for i in range(n)]


async def everything(outbox: Outbox, most: int = 500) -> list[tuple[str, IncidentEvent]]:
    found: list[tuple[str, IncidentEvent]] = []
    while rows := await outbox.read(found[-1][0] if found else START, most, 0):
        found.extend(rows)
    return found


async def test_events_come_in_order_from_after_an_entry(outbox: Outbox, one: Detector) -> None:
    assert await outbox.read(START, 10, 0) == []
    one.commit(*reminders(3))
    one.commit(*reminders(4))
    rows = await everything(outbox, most=2)
    assert [event.seq for _, event in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert [event.seq for _, event in await outbox.read(rows[2][0], 3, 0)] == [4, 5, 6]
    assert await outbox.read(rows[-1][0], 10, 0) == []


async def test_the_history_of_every_incident_is_what_the_outbox_says_of_it(
    outbox: Outbox, one: Detector, redis_url: str, run_id: str
) -> None:
    acts, reader = Acts(redis_url, run_id), IncidentReader(redis_url, run_id)
    made = [incident(i) for i in range(3)]
    one.commit(*(Write("fired", NOON_MS, each) for each in made))
    acts.acknowledge(made[0].incident_id, "Ann 安", NOON_MS + 1)
    one.commit(Write("escalated", NOON_MS + 2, made[1], "worse"), Write("reminder", NOON_MS + 2, made[0]))
    acts.comment(made[1].incident_id, "Bob", "on two lines\nof text", NOON_MS + 3)
    acts.acknowledge(made[0].incident_id, "too late", NOON_MS + 4)
    one.commit(*(Write("resolved", NOON_MS + 5, each, "cleared") for each in made))
    events = [event for _, event in await everything(outbox)]
    assert len(events) == 3 + 1 + 2 + 1 + 3
    for each in made:
        assert reader.history(each.incident_id) == [event for event in events if event.incident_id == each.incident_id]
    acts.close()
    reader.close()


async def test_a_reader_that_waits_is_told_at_once(outbox: Outbox, one: Detector, redis_url: str) -> None:
    client = redis.asyncio.Redis.from_url(redis_url)
    waiting = asyncio.create_task(outbox.read(START, 10, 3_000))
    deadline = time.monotonic() + 2
    while not (await client.info("clients"))["blocked_clients"]:
        assert time.monotonic() < deadline and not waiting.done()
        await asyncio.sleep(0.005)
    await asyncio.to_thread(one.commit, *reminders(1))
    rows = await asyncio.wait_for(waiting, 2.5)
    assert [event.seq for _, event in rows] == [1]
    await client.aclose()


async def test_a_quiet_outbox_is_an_empty_answer_however_long_one_would_wait(outbox: Outbox) -> None:
    started = time.monotonic()
    assert await outbox.read(START, 10, 50) == []
    assert 0.04 < time.monotonic() - started < 3
    assert await outbox.read(START, 10, 3_600_000) == []  # the client would give up after 5 s and call it an error


@pytest.mark.parametrize("protocol", [2, 3])
async def test_both_protocols_of_the_server_are_read(redis_url: str, run_id: str, one: Detector, protocol: int) -> None:
    outbox = Outbox(f"{redis_url}?protocol={protocol}", run_id)
    one.commit(*reminders(2))
    rows = await everything(outbox)
    assert [event.seq for _, event in rows] == [1, 2]
    assert await outbox.read(rows[-1][0], 10, 20) == []
    await outbox.close()


async def test_a_cursor_begins_at_the_start_and_never_goes_back(outbox: Outbox, redis_url: str, run_id: str) -> None:
    assert [await outbox.cursor(name) for name in OUTBOX_CURSORS] == [START, START]
    order = ["9-1", "9-0", "8-7", "10-0", "9-9", "10-11", "10-2", "1795474664333-0", "999999999999-5"]
    stood = []
    for entry in order:
        await outbox.advance("notify", entry)
        stood.append(await outbox.cursor("notify"))
    last = "1795474664333-0"
    assert stood == ["9-1", "9-1", "9-1", "10-0", "10-0", "10-11", "10-11", last, last]
    assert await outbox.cursor("kafka") == START
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        assert client.get(Keys(run_id).outbox_cursor("notify")) == last
        assert client.ttl(Keys(run_id).outbox_cursor("notify")) == -1


async def test_a_cursor_or_an_entry_that_is_none_is_named(outbox: Outbox) -> None:
    with pytest.raises(ValueError, match="cursor 'e-mail' is not known; known are notify, kafka"):
        await outbox.cursor("e-mail")
    with pytest.raises(ValueError, match="cursor 'e-mail'"):
        await outbox.advance("e-mail", "1-0")
    for entry in ("", "1", "$", "1-0 ", "-1-0", "1-٣", "a-b"):
        with pytest.raises(ValueError, match="is no entry of a stream"):
            await outbox.advance("notify", entry)
        with pytest.raises(ValueError, match="is no entry of a stream"):
            await outbox.read(entry, 1, 0)


@pytest.mark.parametrize(
    ("notify", "kafka", "least", "kept"),
    [
        (None, None, 0, 500),  # nobody has read anything
        (450, None, 0, 500),
        (None, 450, 0, 500),
        (450, 300, 0, 200),  # up to the slower one
        (7, 300, 0, 493),
        (500, 500, 0, 0),
        (500, 500, 120, 120),  # the newest stay, although all were read
        (450, 300, 120, 200),
        (450, 300, 350, 350),
        (500, 500, 500, 500),
        (500, 500, 501, 500),
    ],
)
async def test_trimming_stops_at_the_slowest_cursor_and_leaves_the_newest(
    outbox: Outbox, one: Detector, notify: int | None, kafka: int | None, least: int, kept: int
) -> None:
    one.commit(*reminders(250))
    one.commit(*reminders(250))
    entries = [entry for entry, _ in await everything(outbox)]
    for name, read in (("notify", notify), ("kafka", kafka)):
        if read is not None:
            await outbox.advance(name, entries[read - 1])
    assert await outbox.trim(least) == 500 - kept
    assert [entry for entry, _ in await everything(outbox)] == entries[500 - kept :]
    assert await outbox.trim(least) == 0


async def test_ten_thousand_entries_stay_unless_told_otherwise(outbox: Outbox, one: Detector) -> None:
    for _ in range(21):
        one.commit(*reminders(500))
    last = (await everything(outbox))[-1][0]
    for name in OUTBOX_CURSORS:
        await outbox.advance(name, last)
    assert await outbox.trim() == 500
    rest = await everything(outbox)
    assert len(rest) == OUTBOX_LEAST == 10_000
    assert rest[0][1].seq == 501
    assert await outbox.trim() == 0


async def test_nothing_that_a_reader_has_not_seen_is_trimmed_while_all_go_on(outbox: Outbox, one: Detector) -> None:
    seen: dict[str, list[int]] = {name: [] for name in OUTBOX_CURSORS}
    total, least = 1_200, 10

    async def write() -> None:
        for _ in range(total // 40):
            await asyncio.to_thread(one.commit, *reminders(40))

    async def read(name: str, most: int) -> None:
        while len(seen[name]) < total:
            rows = await outbox.read(await outbox.cursor(name), most, 1_000)
            seen[name].extend(event.seq for _, event in rows)
            if rows:
                await outbox.advance(name, rows[-1][0])

    async def trim() -> int:
        dropped = 0
        while min(map(len, seen.values())) < total:
            dropped += await outbox.trim(least)
            await asyncio.sleep(0)
        return dropped + await outbox.trim(least)

    *_, dropped = await asyncio.gather(write(), read("notify", 7), read("kafka", 90), trim())
    assert seen == {name: list(range(1, total + 1)) for name in OUTBOX_CURSORS}
    assert dropped == total - least


def spoil(redis_url: str, run_id: str, **fields: str) -> str:
    """Write an entry that this version does not know, and return its id."""
    entry = {"id": "a", "seq": "1", "type": "exploded", "at_ms": "1", "record": "{}"} | fields
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        return str(client.xadd(Keys(run_id).outbox, entry))


async def test_entries_that_cannot_be_read_are_named_once_and_passed_over(
    outbox: Outbox, one: Detector, redis_url: str, run_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    spoilt = [spoil(redis_url, run_id)]
    one.commit(*reminders(2))
    spoilt += [spoil(redis_url, run_id, type="fired"), spoil(redis_url, run_id, type="fired", seq="x")]
    rows = await outbox.read(START, 2, 0)
    rows += await outbox.read(rows[-1][0], 10, 0)
    assert [event.seq for _, event in rows] == [1, 2]
    started = time.monotonic()
    for _ in range(3):
        assert await outbox.read(rows[-1][0], 10, 50) == []
    assert time.monotonic() - started > 0.12  # it waits, although there is something behind the cursor
    assert [caplog.text.count(f"entry {name} is passed over") for name in spoilt] == [1, 1, 1]
    assert len(caplog.records) == 3 and not any("\n" in record.getMessage() for record in caplog.records)
    one.commit(*reminders(1))
    assert [event.seq for _, event in await outbox.read(rows[-1][0], 10, 0)] == [3]


async def test_only_unreadable_entries_do_not_hide_what_comes_after_them(
    outbox: Outbox, one: Detector, redis_url: str, run_id: str
) -> None:
    for _ in range(5):
        spoil(redis_url, run_id)
    one.commit(*reminders(1))
    assert [event.seq for _, event in await outbox.read(START, 2, 0)] == [1]


async def test_what_a_newer_version_adds_is_no_reason_to_pass_it_over(
    outbox: Outbox, redis_url: str, run_id: str
) -> None:
    record = json.dumps(asdict(incident()) | {"mood": "gloomy"})
    spoil(redis_url, run_id, type="fired", record=record, channel="pager")
    assert [event.incident for _, event in await everything(outbox)] == [incident()]


async def test_a_store_that_is_away_passes() -> None:
    outbox = Outbox("redis://user:secret@127.0.0.1:1/0", "away")
    for ask in (
        lambda: outbox.read(START, 1, 10),
        lambda: outbox.cursor("notify"),
        lambda: outbox.advance("notify", "1-0"),
        lambda: outbox.trim(),
    ):
        with pytest.raises(StoreError, match="does not answer") as caught:
            await ask()
        assert not caught.value.permanent and "secret" not in str(caught.value)
    await outbox.close()
