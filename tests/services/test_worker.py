"""A real worker on a real Kafka and Valkey: nothing lost, nothing counted twice, whatever is killed."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from stream.broker.gaps import holds_records
from stream.broker.profile import consumer_settings, producer_settings
from stream.broker.topics import DEAD_LETTERS, DOCUMENTS_NEWS, PREDICTIONS, end_offsets
from stream.codec import decode_dead_letter, decode_prediction
from tests.servers import wait_until
from tests.services.worker_tools import Desk, kill, running_desk

pytestmark = pytest.mark.timeout(300)
START = datetime(2026, 1, 2, 3, tzinfo=UTC)
WORDS = "oil bank rates stocks slump rally profit loss deal court merger ban 央行 降息 股市 大跌".split()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with running_desk(tmp_path) as one:
        yield one


def lines(n: int, seed: int = 0) -> list[bytes]:
    """Return n documents: near-copies, repeated ids and unreadable lines among them. Invented."""
    rng = random.Random(seed)
    out: list[bytes] = []
    for i in range(n):
        if i % 97 == 5:
            out.append(b'{"kind": "news", "source": "s", "text": ')
            continue
        if i % 41 == 7:
            out.append(out[rng.randrange(i)])
            continue
        text = " ".join(rng.choices(WORDS, k=rng.randrange(2, 16)))
        if i % 10 == 3:
            text = "A bank warns that its loss will be larger than the market expected this year, shares slump"
        published = START + timedelta(seconds=rng.randrange(7_200))
        out.append(
            json.dumps(
                {
                    "id": f"d{i}",
                    "kind": rng.choice(["news", "comment"]),
                    "source": rng.choice(["reuters", "reddit/stocks"]),
                    "text": text,
                    "published_at": published.isoformat(),
                    "tickers": rng.sample(["AAPL", "TSLA"], rng.randrange(3)),
                }
            ).encode()
        )
    return out


def read_topic(bootstrap: str, topic: str) -> list[bytes]:
    ends = {TopicPartition(t, p): end for (t, p), end in end_offsets(bootstrap, [topic]).items() if end}
    consumer = KafkaConsumer(**consumer_settings(bootstrap))
    consumer.assign(list(ends))
    consumer.seek_to_beginning()
    values: list[bytes] = []
    while any(consumer.position(tp) < end for tp, end in ends.items()):
        for batch in consumer.poll(timeout_ms=500).values():
            values.extend(record.value for record in batch)
    consumer.close()
    return values


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The counts of 3,000 lines that nobody disturbed."""
    with running_desk(tmp_path_factory.mktemp("undisturbed")) as desk:
        desk.start_worker()
        desk.send(lines(3_000))
        desk.wait_for_records(3_000)
        return desk.counts()


def test_every_line_is_aggregated_a_duplicate_or_a_dead_letter_and_its_prediction_is_with_the_broker(
    desk: Desk,
) -> None:
    sent = lines(600)
    desk.start_worker()
    desk.send(sent)
    totals = desk.wait_for_records(600)
    ids = [json.loads(line)["id"] for line in sent if line.endswith(b"}")]
    assert desk.received() == 600 == totals.aggregated + totals.duplicates + totals.dead_letters
    assert totals.dead_letters == 600 - len(ids)
    assert totals.aggregated == len(set(ids))
    predictions = [decode_prediction(value) for value in read_topic(desk.bootstrap, PREDICTIONS)]
    assert Counter(p.id for p in predictions) == Counter(ids)
    letters = [decode_dead_letter(value) for value in read_topic(desk.bootstrap, DEAD_LETTERS)]
    assert {letter.reason for letter in letters} == {"not JSON: Input data was truncated"}
    assert {p.origin for p in predictions}.isdisjoint({letter.origin for letter in letters})
    assert all(p.hops.read_at <= p.hops.scored_at for p in predictions)
    assert [sum(p.sentiment) for p in predictions] == pytest.approx([1.0] * len(predictions), abs=2e-4)


def test_counts_are_the_same_byte_for_byte_when_workers_are_killed(desk: Desk, undisturbed: str) -> None:
    worker = desk.start_worker()
    desk.send(lines(3_000))
    for share in (0.3, 0.6):
        desk.wait_for_records(int(3_000 * share))
        kill(worker)
        assert desk.totals().records < 3_000  # or nothing was interrupted
        worker = desk.start_worker()
    desk.wait_for_records(3_000)
    assert desk.counts() == undisturbed


def test_two_workers_share_the_partitions_and_count_the_same(desk: Desk, undisturbed: str) -> None:
    desk.start_worker(BAROGRAPH_WORKER_ID="one")
    desk.start_worker(BAROGRAPH_WORKER_ID="two")
    wait_until(lambda: desk.log().count(f"worker ready with {8 // 2} partitions") >= 2, 90, "both have partitions")
    desk.send(lines(3_000))
    desk.wait_for_records(3_000)
    assert desk.counts() == undisturbed


def test_a_store_restored_from_an_older_copy_is_made_whole_from_kafka(tmp_path: Path, undisturbed: str) -> None:
    sent = lines(3_000)
    for i in range(2):
        with running_desk(tmp_path) as desk:
            desk.start_worker()
            desk.send(sent[i * 1_000 : (i + 1) * 1_000])
            desk.wait_for_records((i + 1) * 1_000)
        if i == 0:  # the store has stopped, its files are whole: the copy that somebody kept
            shutil.copytree(tmp_path / "valkey", tmp_path / "older")
    with running_desk(tmp_path, store="older") as desk:
        assert desk.totals().records == 1_000
        desk.send(sent[2_000:])
        desk.start_worker()
        desk.wait_for_records(3_000)
        assert desk.counts() == undisturbed


def test_a_store_that_goes_back_under_a_running_worker_makes_it_stop_and_read_again(desk: Desk) -> None:
    import redis

    worker = desk.start_worker()
    desk.send(lines(300))
    desk.wait_for_records(300)
    with redis.Redis.from_url(desk.redis_url) as client:
        client.flushdb()
    wait_until(lambda: worker.poll() is not None, 60, "the worker stopped, without a record that shows it")
    assert worker.returncode == 70
    assert "the store fell back" in desk.log()
    desk.send(lines(40, seed=1))
    desk.start_worker()
    assert desk.wait_for_records(340).records == 340


def test_records_that_somebody_else_wrote_never_stop_the_stream(desk: Desk) -> None:
    producer = KafkaProducer(**producer_settings(desk.bootstrap))
    bad = [None, b"", b"\x00", b"not json", b"[1]", b'{"kind":"news"}', b"\xff\xfe", b'{"a":' + b"[" * 50_000]
    for received in ("2999-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-05:00"):
        bad.append(b'{"kind":"news","source":"s","text":"t","received_at":"%s"}' % received.encode())
    for value in bad:
        producer.send(DOCUMENTS_NEWS, value=value, key=b"k")
    good = [b'{"kind":"news","source":"s","text":"Oil slumps %d%%"}' % i for i in range(3)]
    for value, timestamp_ms in zip(good, (None, 1, -63_000_000_000_000_000), strict=True):
        producer.send(DOCUMENTS_NEWS, value=value, key=b"k", timestamp_ms=timestamp_ms)
    producer.flush()
    producer.close()
    desk.start_worker()
    totals = desk.wait_for_records(len(bad) + len(good))
    assert (totals.aggregated, totals.dead_letters) == (len(good), len(bad))
    assert totals.newest_received_ms < datetime.now(UTC).timestamp() * 1000 + 60_000


def test_a_worker_stops_politely_within_seconds_and_commits_what_it_did(desk: Desk) -> None:
    worker = desk.start_worker(BAROGRAPH_LOG_LEVEL="ERROR")
    desk.send(lines(200))
    desk.wait_for_records(200)
    assert "worker ready with 8 partitions" in desk.log()
    worker.terminate()
    assert worker.wait(30) == 0
    desk.start_worker()
    desk.send(lines(10, seed=2))
    assert desk.wait_for_records(210).redelivered == 0


async def test_offsets_without_records_are_told_from_records_that_were_passed_over(desk: Desk) -> None:
    producer = KafkaProducer(**producer_settings(desk.bootstrap), transactional_id="somebody-else")
    producer.init_transactions()
    for _ in range(2):
        producer.begin_transaction()
        producer.send(DOCUMENTS_NEWS, value=b"{}", partition=0)
        producer.commit_transaction()
    producer.close()
    assert not await holds_records(desk.bootstrap, DOCUMENTS_NEWS, 0, 1, 2)
    assert await holds_records(desk.bootstrap, DOCUMENTS_NEWS, 0, 1, 3)
