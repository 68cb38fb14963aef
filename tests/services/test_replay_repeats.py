"""Of several predictions for one record a replay takes the one that live counted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from model.classifier import Reading
from model.labels import TOPICS
from stream.agents.classify import Work
from stream.agents.inbox import Received
from stream.agents.scoring import Scorer
from stream.archive.reading import Archive
from stream.archive.writer import Writer, prepare
from stream.broker.follow import Followed
from stream.broker.sender import Outgoing
from stream.broker.topics import DOCUMENTS_NEWS, PREDICTIONS
from stream.codec import Origin
from stream.replay.from_archive import FromArchive
from stream.replay.from_kafka import _Made
from stream.replay.items import Span
from stream.replay.spool import Spool
from stream.store.apply import AsyncStore
from stream.store.read import Reader

PART = (DOCUMENTS_NEWS, 0)
IDS = {DOCUMENTS_NEWS: str(UUID(int=1)), PREDICTIONS: str(UUID(int=2))}
RECEIVED_MS = 1_767_323_045_000
# Read, sent and counted by the first worker; sent by it and not counted; left to the second.
COUNTED, SENT, ALL = 5, 9, 15


class Says:
    """A model that reads one thing in everything."""

    def __init__(self, revision: str, negative: float) -> None:
        self.revision, self._negative = revision, negative

    def read(self, texts: Sequence[str], kinds: Sequence[str]) -> list[Reading]:
        reading = Reading((self._negative, 0.2, 0.8 - self._negative), tuple(float(not n) for n in range(len(TOPICS))))
        return [reading for _ in texts]


class Broker:
    """What the workers sent, in order, and what Kafka says of its topics."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    async def send(self, records: Sequence[Outgoing]) -> None:
        self.sent += [one.value for one in records if one.topic == PREDICTIONS]

    async def topic_ids(self) -> dict[str, str]:
        return IDS

    async def end_offsets(self) -> dict[tuple[str, int], int]:
        return {PART: ALL}

    async def holds_records(self, topic: str, partition: int, start: int, end: int) -> bool:
        return True


def value(offset: int) -> bytes:
    text = f"Shares of company number {offset} moved on the news of the day and of the day before"
    return (
        f'{{"id":"d{offset}","kind":"news","source":"s","text":"{text}","received_at":"2026-01-02T03:04:05Z"}}'.encode()
    )


def records(first: int, end: int) -> list[Received]:
    return [Received(Origin(*PART, n), value(n), RECEIVED_MS / 1_000) for n in range(first, end)]


def archived(root: Path, sent: Sequence[bytes], *parts: slice) -> Archive:
    """Write the records, and what was sent of them in files of their own."""
    prepare(root)
    writer = Writer(root, keep_days=36_500, flush_s=3_600)
    writer.open([PART, (PREDICTIONS, 0)], IDS)
    writer.add([Followed(*PART, n, RECEIVED_MS, (), value(n)) for n in range(ALL)])
    followed = [Followed(PREDICTIONS, 0, n, RECEIVED_MS, (), raw) for n, raw in enumerate(sent)]
    for part in parts:
        writer.add(followed[part])
        writer.flush(everything=True)
    return Archive(root)


@pytest.mark.timeout(120)
async def test_what_was_sent_and_not_counted_before_a_crash_is_not_counted_in_a_replay(
    redis_url: str, run_id: str, tmp_path: Path
) -> None:
    broker: Any = Broker()
    store = AsyncStore(redis_url, run_id)
    killed, next_one = (Work(Scorer(Says(*model)), broker, store, broker) for model in (("old", 0.7), ("new", 0.1)))
    assert await killed.positions([PART]) == {PART: 0}
    await killed.apply(await killed.score(records(0, COUNTED)))
    await killed.score(records(COUNTED, SENT))
    assert await next_one.positions([PART]) == {PART: COUNTED}
    await next_one.apply(await next_one.score(records(COUNTED, ALL)))
    expected = ["old"] * COUNTED + ["new"] * (ALL - COUNTED)
    assert len(broker.sent) == ALL + SENT - COUNTED

    cut = COUNTED + 1  # what the second file begins with lies within the first, and before it in its own order
    for name, parts in {"whole": [slice(None)], "cut": [slice(cut), slice(cut, None)]}.items():
        archive = archived(tmp_path / name, broker.sent, *parts)
        assert [one.model_revision for one in archive.predictions()] == expected
        source = FromArchive(archive, Span(), None)
        await store_of(redis_url, f"{run_id}-{name}", source)
        windows = [list(Reader(redis_url, f"{run_id}{of}").every_window(60)) for of in ("", f"-{name}")]
        assert windows[0] == windows[1] != []

    with Spool(tmp_path / "spool") as spool:
        made = _Made(spool, {PART: (0, ALL - 1)})
        for raw in broker.sent:
            made.add(raw)
        found = [made.of(*PART, n) for n in range(ALL)]
    assert [one and one.model_revision for one in found] == expected
    await store.close()


async def store_of(url: str, namespace: str, source: FromArchive) -> None:
    """Count a replay's records."""
    store = AsyncStore(url, namespace)
    await store.apply([item.record for item in source.items(lambda: None)], {})
    await store.close()
