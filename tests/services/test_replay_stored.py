"""A replay of stored predictions, from Kafka and the archive: what live counted and decided, and nothing touched."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import redis

from model.labels import TOPICS
from model.tiny import make_tiny
from stream.agents.inbox import Readable, Received, open_record
from stream.agents.outcome import count, shown_title
from stream.broker.topics import DOCUMENTS_NEWS, PREDICTIONS, end_offsets, ensure_topics, topic_ids
from stream.codec import Document, Hops, Origin, Prediction, encode
from stream.core.stories import story_key
from stream.detector.engine import Desk
from stream.detector.process import Detector, Edges
from stream.detector.witness import witness_of
from stream.replay.messages import TOLD
from stream.store.apply import AsyncStore, Record
from stream.store.counts import CountsReader
from stream.store.incident_read import IncidentReader
from stream.store.incidents import DetectorStore
from stream.store.lease import Lease
from stream.store.read import Reader
from tests.servers import running_kafka
from tests.services.archive_tools import Role, Sending, sending
from tests.services.detector_tools import LATENESS_S, Backlogs
from tests.services.notify_tools import receiving, table, write_endpoints
from tests.services.replay_tools import Home

PARTITIONS = 3
DAYS = 2.5
# Records with older times are deleted by Kafka.
START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=12)
SPIKE = timedelta(days=2, hours=5), timedelta(days=2, hours=8)


@dataclass(frozen=True)
class One:
    """One record and what was made of it; a document without a prediction is a dead letter."""

    partition: int
    offset: int
    document: Document
    prediction: Prediction | None

    @property
    def received_s(self) -> float:
        return self.document.received_at.timestamp()


def stream() -> list[One]:
    """Return two and a half days in order of time received: copies, duplicates, late ones, dead letters, one spike."""
    draw = random.Random(11)
    offsets = [0] * PARTITIONS
    found: list[One] = []
    at, number = START + timedelta(seconds=7), 0
    while at < START + timedelta(days=DAYS):
        hot = SPIKE[0] <= at - START < SPIKE[1]
        copy = draw.choice(found).document if found and draw.random() < 0.15 else None
        text = copy.text if copy else f"Shares of company {number} moved on the news of the day, number {number}"
        behind = draw.choices([0, 20, 400, 2_000, 9_000], [80, 8, 5, 4, 3])[0]
        document = Document(
            id=copy.id if copy and draw.random() < 0.3 else f"d{number}",
            kind="news",
            source=f"source {number % 3}",
            text=text,
            title=f"Number {number}",
            received_at=at,
            published_at=at - timedelta(seconds=behind),
            author=f"a1:{number % 40:016x}",
            tickers=("AAPL",) if number % 5 == 0 else (),
        )
        partition = story_key(text)[0] % PARTITIONS
        origin = Origin(DOCUMENTS_NEWS, partition, offsets[partition])
        offsets[partition] += 1
        dead = draw.random() < 0.02
        made = None if dead else predicted(document, origin, draw.random() < (0.85 if hot else 0.15), number)
        found.append(One(partition, origin.offset, document, made))
        at += timedelta(seconds=round(draw.uniform(60, 400) / (4 if hot else 1)), milliseconds=number % 1000)
        number += 1
    return found


def predicted(document: Document, origin: Origin, negative: bool, number: int) -> Prediction:
    when = document.published_at or document.received_at
    return Prediction(
        id=document.id,
        kind=document.kind,
        source=document.source,
        lang="en",
        tickers=document.tickers,
        published_at=document.published_at,
        received_at=document.received_at,
        event_time=when,
        sentiment=(0.8, 0.1, 0.1) if negative else (0.1, 0.6, 0.3),
        score=-0.7 if negative else 0.2,
        topic=TOPICS[number % 3],
        topics=tuple(0.8 if n == number % 3 else 0.01 for n in range(len(TOPICS))),
        story=story_key(document.text).hex(),
        late=document.received_at - when >= timedelta(hours=1),
        model_revision="stored",
        origin=origin,
        hops=Hops(read_at=document.received_at, scored_at=document.received_at),
    )


class Closed(Detector):
    """The live detector without looks at windows that are open."""

    def _look(self, now_s: float) -> None: ...


async def live(url: str, namespace: str, records: list[One]) -> None:
    """Apply and decide as the worker and the detector do, on a clock of the test's own."""
    store = AsyncStore(url, namespace)
    clock = [0.0]
    reader = Reader(url, namespace)
    edges = Edges(
        store=DetectorStore(url, namespace),
        lease=Lease(url, namespace, "detector", "one", 300),
        live=CountsReader(url, namespace, late=False),
        whole=CountsReader(url, namespace, late=True),
        waiting=Backlogs(),
        applied=dict,
        witness=witness_of(reader),
    )
    detector = Closed(edges, Desk(), LATENESS_S, lambda: clock[0])
    first_s = records[0].received_s - records[0].received_s % 300
    left = iter(records)
    held = next(left, None)
    for end_s in range(int(first_s), int(records[-1].received_s) + 300, 300):
        batch = []
        while held is not None and held.received_s < end_s + LATENESS_S:
            batch.append(held)
            held = next(left, None)
        if batch:
            await store.apply([applied(one) for one in batch], {})
        clock[0] = end_s + LATENESS_S
        assert detector.tick()
    if held is not None:
        await store.apply([applied(one) for one in (held, *left)], {})
    await store.close()


def applied(one: One) -> Record:
    """Return the record as the worker makes it."""
    counted = None
    if one.prediction is not None:
        item = open_record(Received(one.prediction.origin, encode(one.document), one.received_s), datetime.now(UTC))
        assert isinstance(item, Readable)
        document = item.document
        counted = count(one.prediction, title=shown_title(item), url=document.url, author=document.author)
    return Record("some topic", one.partition, one.offset, counted)


def fill(out: Sending, records: list[One]) -> None:
    """Write records and predictions to Kafka, some predictions twice as after a crash."""
    for n, one in enumerate(records):
        out.raw(DOCUMENTS_NEWS, one.partition, encode(one.document), one.document.received_at)
        if one.prediction is not None:
            for _ in range(1 + (n % 10 == 0)):
                out.raw(PREDICTIONS, n % PARTITIONS, encode(one.prediction), one.document.received_at)
    out.flush()


@dataclass
class Scene:
    home: Home
    role: Role
    url: str
    records: list[One]

    @property
    def environment(self) -> dict[str, str]:
        return {"BAROGRAPH_KAFKA_BOOTSTRAP": self.role.bootstrap, "BAROGRAPH_REDIS_URL": self.url}

    def windows(self, namespace: str) -> dict[int, Any]:
        reader = Reader(self.url, namespace)
        return {width_s: list(reader.every_window(width_s)) for width_s in (60, 300, 3_600)}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("stored")
    url = redis_url.removesuffix("/0") + "/3"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    with running_kafka(folder / "kafka") as kafka:
        ensure_topics(kafka.bootstrap, PARTITIONS, 1)
        role = Role(kafka.bootstrap, folder)
        records = stream()
        try:
            with sending(kafka.bootstrap) as out:
                fill(out, records)
            role.started()
            role.wait_for("documents", len(records))
            role.wait_for("predictions", sum(one.prediction is not None for one in records))
            asyncio.run(live(url, "live", records))
            yield Scene(Home(folder, make_tiny(folder / "model")), role, url, records)
        finally:
            role.end()


def decided(scene: Scene) -> list[dict[str, Any]]:
    """Return what live decided, in the words of a report."""
    found = IncidentReader(scene.url, "live")
    rows = []
    for one in found.recent(0, 2**33):
        history = found.history(one.incident.incident_id)
        rows.append(
            {
                "incident_id": one.incident.incident_id,
                "series": one.incident.series,
                "z": round(history[0].incident.z, 3),
                "z_peak": round(one.incident.z_peak, 3),
                "fired_ms": history[0].incident.fired_at_ms,
                "announced": one.incident.announced,
                "parent": one.incident.parent,
                "reason": one.incident.reason,
                "evidence": json.loads(msgspec.json.encode(history[0].incident.evidence)),
                "events": [event.type for event in history],
            }
        )
    return sorted(rows, key=lambda row: (row["fired_ms"], row["series"]))


def replayed(scene: Scene, run: str) -> list[dict[str, Any]]:
    """Return the same of a replay."""
    rows = []
    for one in scene.home.incidents(run):
        fired_ms = int(datetime.fromisoformat(one["fired_at"]).timestamp()) * 1000
        kept = {name: one[name] for name in ("incident_id", "series", "z", "z_peak", "announced", "parent", "reason")}
        rows.append(
            kept
            | {"fired_ms": fired_ms, "evidence": one["evidence"], "events": [each["type"] for each in one["events"]]}
        )
    return sorted(rows, key=lambda row: (row["fired_ms"], row["series"]))


async def replayed_and_told(scene: Scene, source: str) -> tuple[str, int]:
    """Replay into live's own store and tell somebody; return what was said, and how many messages came."""
    async with receiving() as desk:
        write_endpoints(scene.home.folder / "home" / "endpoints.toml", table("desk", desk.url))
        words = ["replay", "--source", source, "--in-store", "--name", source, "--deliver-to", "desk"]
        said = await asyncio.to_thread(lambda: scene.home.run(*words, environment=scene.environment))
        return said, len({one.id for one in desk.messages})


@pytest.mark.timeout(600)
@pytest.mark.parametrize("source", ["kafka", "archive"])
def test_counts_and_incidents_are_those_of_live_which_is_not_touched(scene: Scene, source: str) -> None:
    with redis.Redis.from_url(scene.url) as client:
        before = {key: client.dump(key) for key in client.scan_iter("barograph:{live}:*")}
    ends = end_offsets(scene.role.bootstrap, topic_ids(scene.role.bootstrap))
    said, told = asyncio.run(replayed_and_told(scene, source))
    assert scene.windows(f"replay:{source}") == scene.windows("live")
    live_totals = Reader(scene.url, "live").totals()
    assert Reader(scene.url, f"replay:{source}").totals() == live_totals
    assert live_totals.duplicates > 10 and live_totals.late > 10 and live_totals.dead_letters > 5
    # The last windows of live close after its last record; a replay ends there too.
    assert replayed(scene, source) == decided(scene)
    assert any("fired" in one["events"] and one["evidence"] for one in decided(scene)), said
    assert told == sum(each in TOLD for one in decided(scene) if one["announced"] for each in one["events"]) > 0
    with redis.Redis.from_url(scene.url) as client:
        assert {key: client.dump(key) for key in client.scan_iter("barograph:{live}:*")} == before
    assert end_offsets(scene.role.bootstrap, topic_ids(scene.role.bootstrap)) == ends


@pytest.mark.timeout(600)
def test_the_archive_needs_nothing_running_and_agrees_with_kafka_scored_anew(scene: Scene) -> None:
    scene.home.run("replay", "--source", "archive", "--rescore", "--name", "anew-archive")
    scene.home.run("replay", "--source", "kafka", "--rescore", "--name", "anew-kafka", environment=scene.environment)
    archive, kafka = scene.home.report("anew-archive"), scene.home.report("anew-kafka")
    assert [archive[name] for name in ("incidents.jsonl", "counts.csv")] == [
        kafka[name] for name in ("incidents.jsonl", "counts.csv")
    ]
    side_by_side = archive["report.json"]["rescored"]
    assert side_by_side["stored_revisions"].keys() == {"stored"}
    assert side_by_side == kafka["report.json"]["rescored"]
    was = sum(day["negative_was"] for day in side_by_side["days"])
    assert was == sum(one.prediction is not None and one.prediction.score < 0 for one in scene.records)


@pytest.mark.timeout(600)
def test_a_span_of_the_archive_that_holds_nothing_is_an_error(scene: Scene) -> None:
    said = scene.home.run("replay", "--source", "archive", "--from", "2019-01-01", "--to", "2019-01-02", code=1)
    assert "the archive holds no document of this span" in said
    other = replace(scene.home, folder=scene.home.folder / "other")
    other.folder.mkdir()
    assert "the archive holds no document at all" in other.run("replay", "--source", "archive", code=1)
