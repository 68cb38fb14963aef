"""The store flushed and rebuilt: the same counts to the byte, the same incidents, and a worker that goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from stream.archive.joining import Sources
from stream.archive.recount import Recount, Recounted
from stream.archive.writer import Writer, prepare
from stream.broker.follow import Followed
from stream.broker.sender import Sender
from stream.broker.topics import DOCUMENTS_NEWS, PREDICTIONS, RETENTION
from stream.codec import Document, Hops, Origin, Prediction, encode
from stream.core.incidents import IncidentEvent
from stream.detector.relay import Relay
from stream.store.acts import Acts
from stream.store.apply import AsyncStore
from stream.store.incident_read import IncidentReader, Seen
from stream.store.incidents import Write
from stream.store.keys import Keys
from stream.store.outbox import Outbox
from stream.store.read import Reader
from stream.store.rebuild import AsyncLifetimes
from stream.supervision import ports
from tests.servers import stop, wait_until
from tests.services.archive_tools import Role, document, prediction
from tests.services.incident_tools import detector, fired, incident, resolved
from tests.services.worker_tools import Desk, running_desk

KEPT = (b"outbox", b"detector", b"fence:", b"lease:", b"delivery:")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with running_desk(tmp_path) as desk:
        yield desk


def lines(start: int, count: int) -> list[bytes]:
    """Return documents of all kinds: repeated ones, copies of a story, late ones, two languages, broken ones."""
    now = datetime.now(UTC)
    made: list[bytes] = []
    for n in range(start, start + count):
        if n % 17 == 0:
            made.append(b'{"kind": "news", "broken": %d' % n)
            continue
        number = n - 1 if n % 11 == 0 else n
        text = (
            f"公司 {number} 业绩大跌,投资者亏损"
            if number % 5 == 0
            else f"Shares of company {number // 2} plunge after a warning"
        )
        published = now - timedelta(minutes=n % 50, hours=30 if n % 13 == 0 else 0)
        made.append(
            json.dumps(
                {
                    "id": f"id-{number}",
                    "kind": "comment" if number % 3 == 0 else "news",
                    "source": f"source{n % 4}",
                    "text": text,
                    "author": f"author{n % 6}",
                    "tickers": ["AAPL"] if n % 4 == 0 else [],
                    "published_at": published.isoformat(),
                },
                ensure_ascii=False,
            ).encode()
        )
    return made


def contents(url: str) -> tuple[dict[bytes, Any], dict[bytes, int]]:
    """Return every key of `live` that can be rebuilt, with its value, and when each ends, unix seconds."""
    values: dict[bytes, Any] = {}
    ends: dict[bytes, int] = {}
    prefix = Keys("live").prefix.encode()
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(match=prefix + b"*"):
            name = key.removeprefix(prefix)
            if name.startswith(KEPT):
                continue
            found: Any = {
                b"hash": client.hgetall,
                b"set": client.smembers,
                b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
                b"stream": lambda key: [fields for _, fields in client.xrange(key)],
                b"string": client.get,
            }[client.type(key)](key)
            values[name] = found
            ends[name] = int(client.expiretime(key))
    values[b"totals"].pop(b"redelivered", None)
    # By the server's second of the call: a second or two after what the event says.
    values[b"incidents:resolved"] = [name for name, _ in values.get(b"incidents:resolved", [])]
    return values, ends


def incidents(url: str) -> tuple[list[Seen], list[Seen], dict[str, list[IncidentEvent]]]:
    reader = IncidentReader(url, "live")
    with contextlib.closing(reader):
        recent = reader.recent(0, 2**40)
        return (
            reader.open(),
            recent,
            {seen.incident.incident_id: reader.history(seen.incident.incident_id) for seen in recent},
        )


def command(desk: Desk, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stream.cli.main", *words],
        env=desk.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def decide(desk: Desk) -> None:
    """Open, acknowledge, comment, resolve, reopen; send the events to Kafka as the detector does."""
    deciding = detector(desk.redis_url, "live")
    acts = Acts(desk.redis_url, "live")
    now_ms = int(time.time() * 1_000)
    opened = now_ms // 300_000 * 300 - 3_600

    def at(write: Write, before_s: int) -> Write:
        return replace(write, at_ms=now_ms - before_s * 1_000)

    with contextlib.closing(deciding), contextlib.closing(acts):
        deciding.commit(*(at(fired(n, opened_at_s=opened), 9) for n in range(4)))
        one = incident(1, opened_at_s=opened).incident_id
        assert acts.acknowledge(one, "Ada", now_ms - 8_000)
        assert acts.comment(one, "Ada", "a rumour; see the wire", now_ms - 7_000)
        deciding.commit(at(resolved(2, opened_at_s=opened, resolved_at_s=opened + 600), 6))
        two = incident(3, opened_at_s=opened).incident_id
        assert acts.acknowledge(two, "Bo", now_ms - 5_000)
        deciding.commit(at(resolved(3, opened_at_s=opened, resolved_at_s=opened + 600), 4))
        again = incident(3, opened_at_s=opened, z=9.0, z_peak=9.0)
        deciding.commit(Write("reopened", now_ms, again, "again"))
        deciding.lease.release()

    async def send() -> None:
        outbox, sender = Outbox(desk.redis_url, "live"), Sender(desk.bootstrap)
        await Relay(outbox, sender, lambda: True).once()
        await asyncio.gather(outbox.close(), sender.close())

    asyncio.run(send())


@pytest.mark.timeout(400)
def test_a_flushed_store_is_rebuilt_to_the_byte_and_the_worker_goes_on(desk: Desk, tmp_path: Path) -> None:
    role = Role(desk.bootstrap, tmp_path)
    archive = role.started()
    worker = desk.start_worker()
    desk.send(lines(0, 400))
    desk.wait_for_records(400)
    role.wait_for("documents", 400)
    role.wait_for("predictions", 350)
    stop(archive)
    # What comes now is in Kafka alone.
    desk.send(lines(400, 200))
    desk.wait_for_records(600)
    decide(desk)
    refused = command(desk, "rebuild", "--yes")
    assert refused.returncode == 1
    assert refused.stderr.startswith("barograph: 1 worker of barograph-live-classify still run: stop them first")
    stop(worker)
    counts, listed = desk.counts(), incidents(desk.redis_url)
    values, ends = contents(desk.redis_url)
    with redis.Redis.from_url(desk.redis_url) as client:
        client.flushall()
    assert desk.counts().count("\n") == 1

    for _ in range(2):  # over an empty store, and over one that is there
        done = command(desk, "rebuild", "--yes", "--json")
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert (said["records"], said["left_out"], said["to_score"], said["incidents"]) == (600, 0, {}, 4)
        assert desk.counts() == counts
        assert incidents(desk.redis_url) == listed
        rebuilt, rebuilt_ends = contents(desk.redis_url)
        assert rebuilt == values
        assert rebuilt_ends.keys() == ends.keys()
        off = {name: rebuilt_ends[name] - end for name, end in ends.items()}
        assert all(abs(seconds) <= 15 for seconds in off.values()), off
    with redis.Redis.from_url(desk.redis_url) as client:
        assert client.xlen(Keys("live").outbox) == 0

    log = tmp_path / "detector.log"
    with log.open("wb") as output:
        deciding = subprocess.Popen(
            [sys.executable, "-m", "stream.cli.main", "detector"], env=desk.environment, stdout=output, stderr=output
        )
    try:
        wait_until(lambda: "detector ready" in log.read_text(), 60, "a detector decides")
    finally:
        stop(deciding)
    assert "Traceback" not in log.read_text()
    # What is open it goes on with, and nobody is told of it again.
    assert [seen.incident.incident_id for seen in incidents(desk.redis_url)[0]] == [
        seen.incident.incident_id for seen in listed[0]
    ]
    assert incidents(desk.redis_url)[2] == listed[2]

    desk.start_worker()
    desk.send(lines(600, 100))
    totals = desk.wait_for_records(700)
    assert (totals.records, totals.redelivered) == (700, 0)
    assert totals.records == totals.aggregated + totals.duplicates + totals.dead_letters


@pytest.mark.timeout(240)
def test_what_was_never_scored_is_left_to_the_worker_and_what_is_still_to_be_told_stays(desk: Desk) -> None:
    worker = desk.start_worker()
    desk.send(lines(0, 100))
    desk.wait_for_records(100)
    stop(worker)
    desk.send(lines(100, 50))
    decide(desk)
    deciding = detector(desk.redis_url, "live", "another")
    opened = int(time.time()) // 300 * 300 - 7_200
    deciding.version = 4
    with contextlib.closing(deciding):
        deciding.commit(fired(9, opened_at_s=opened))  # Kafka never hears of it
        held = command(desk, "rebuild", "--yes")
        assert (held.returncode, held.stderr) == (1, "barograph: a detector decides: stop it first\n")
        deciding.lease.release()
    listed = incidents(desk.redis_url)
    asked = subprocess.run(
        [sys.executable, "-m", "stream.cli.main", "rebuild"],
        env=desk.environment,
        input="n\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert asked.returncode == 1 and "Go on?" in asked.stderr
    assert desk.totals().records == 100
    with redis.Redis.from_url(desk.redis_url) as client:
        waiting = client.xrange(Keys("live").outbox)
    done = command(desk, "rebuild", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("100 records in ")
    assert "a worker goes on at documents." in done.stdout
    assert incidents(desk.redis_url) == listed
    with redis.Redis.from_url(desk.redis_url) as client:
        assert client.xrange(Keys("live").outbox) == waiting
    desk.start_worker()
    totals = desk.wait_for_records(150)
    assert (totals.records, totals.redelivered) == (150, 0)


# --- lifetimes: what has ended in the live store is not there after a rebuild --------------------------------------

IDS = {topic: f"00000000-0000-0000-0000-00000000000{n}" for n, topic in enumerate(RETENTION)}


class Kept:
    """An archive written by hand."""

    def __init__(self, root: Path) -> None:
        self.root = root
        prepare(root)
        self._writer = Writer(root, keep_days=36_000, flush_s=3_600)
        self._writer.open([(topic, 0) for topic in RETENTION], IDS)
        self._offset = 0

    def add(self, made: Document, scored_at: datetime, story: int) -> None:
        origin = Origin(DOCUMENTS_NEWS, 0, self._offset)
        like = prediction(story, origin, made.received_at)
        event = min(made.published_at or made.received_at, made.received_at)
        one = Prediction(
            **{name: getattr(like, name) for name in like.__struct_fields__}
            | {
                "id": made.id,
                "published_at": made.published_at,
                "event_time": event,
                "late": made.received_at - event >= timedelta(hours=1),
                "hops": Hops(read_at=scored_at, scored_at=scored_at),
            }
        )
        for topic, value, at in (
            (DOCUMENTS_NEWS, encode(made), made.received_at),
            (PREDICTIONS, encode(one), scored_at),
        ):
            stamp = int(at.timestamp() * 1_000)
            self._writer.add([Followed(topic, 0, self._offset, stamp, (), value)])
        self._offset += 1

    def recount(self, url: str, namespace: str) -> Recounted:
        self._writer.flush(everything=True)

        async def run() -> Recounted:
            store, keys = AsyncStore(url, namespace), AsyncLifetimes(url, namespace)
            recount = Recount(Sources([self.root]), IDS, {})
            done = await recount.run(store, keys, lambda records, at_s: None, time.time())
            await asyncio.gather(store.close(), keys.close())
            return done

        return asyncio.run(run())


def of_hour(url: str, namespace: str, width_s: int) -> dict[int, int]:
    """Return documents of the market by the start of their window."""
    reader = Reader(url, namespace)
    with contextlib.closing(reader):
        return {start: found["news/market/all"].documents for start, found in reader.every_window(width_s)}


def test_windows_that_have_ended_are_not_there_and_those_that_live_keep_their_end(
    tmp_path: Path, redis_url: str, run_id: str
) -> None:
    kept = Kept(tmp_path / "archive")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    ages = [timedelta(days=20), timedelta(days=13), timedelta(hours=49), timedelta(hours=47), timedelta(minutes=5)]
    for number, age in enumerate(ages):
        kept.add(document(number, now - age), now - age + timedelta(seconds=2), number)
    done = kept.recount(redis_url, run_id)
    assert (done.records, done.aggregated, done.to_score, done.left_out) == (5, 5, {}, 0)
    assert len(of_hour(redis_url, run_id, 60)) == 2
    assert len(of_hour(redis_url, run_id, 300)) == 4
    assert len(of_hour(redis_url, run_id, 3_600)) == 5
    minute_s = int((now - timedelta(hours=47, minutes=1)).timestamp())
    with redis.Redis.from_url(redis_url) as client:
        end_s = int(client.expiretime(Keys(run_id).window(60, minute_s)))
        assert abs(end_s - (now + timedelta(hours=1)).timestamp()) <= 15
        names = {
            key.decode().removeprefix(Keys(run_id).prefix) for key in client.scan_iter(match=Keys(run_id).prefix + "*")
        }
    assert sum(name.startswith("ids:") for name in names) == 3
    assert not any(name.startswith("stories:") and name < f"stories:{minute_s // 86_400 - 2}" for name in names)


def test_a_window_that_ended_in_between_begins_anew_and_a_forgotten_id_counts_again(
    tmp_path: Path, redis_url: str, run_id: str
) -> None:
    """Live, the minute's first count was gone when the late documents came; the second of those found the first."""
    kept = Kept(tmp_path / "archive")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    then = now - timedelta(days=6)
    late = now - timedelta(hours=1)
    kept.add(document(1, then), then, 1)
    for number, at in ((2, late), (3, late + timedelta(minutes=1)), (3, late + timedelta(minutes=2))):
        made = document(number, at)
        old = Document(**{name: getattr(made, name) for name in made.__struct_fields__} | {"published_at": then})
        kept.add(old, at, 10 + number)
    done = kept.recount(redis_url, run_id)
    assert (done.aggregated, done.duplicates) == (3, 1)
    minute_s = int(then.timestamp())
    assert of_hour(redis_url, run_id, 60) == {minute_s: 2}
    five_s = minute_s - minute_s % 300
    assert (
        sum(count for start, count in of_hour(redis_url, run_id, 300).items() if start in (five_s, five_s - 300)) == 3
    )


def test_a_record_of_which_nothing_is_known_stops_its_partition_while_kafka_has_it(
    tmp_path: Path, redis_url: str, run_id: str
) -> None:
    kept = Kept(tmp_path / "archive")
    now = datetime.now(UTC)
    for number in range(3):
        kept.add(document(number, now), now, number)
    made = encode(document(7, now))
    kept._writer.add([Followed(DOCUMENTS_NEWS, 0, 3, int(now.timestamp() * 1_000), (), made)])
    kept._offset = 4
    kept.add(document(8, now), now, 8)
    done = kept.recount(redis_url, run_id)
    assert (done.records, done.to_score, done.left_out) == (3, {(DOCUMENTS_NEWS, 0): 3}, 0)


def test_repeats_of_a_prediction_count_once(tmp_path: Path, redis_url: str, run_id: str) -> None:
    kept = Kept(tmp_path / "archive")
    now = datetime.now(UTC)
    kept.add(document(1, now), now, 1)
    again = prediction(1, Origin(DOCUMENTS_NEWS, 0, 0), now)
    kept._writer.add([Followed(PREDICTIONS, 0, n, int(now.timestamp() * 1_000), (), encode(again)) for n in (1, 2)])
    assert kept.recount(redis_url, run_id).aggregated == 1
    wait_until(lambda: of_hour(redis_url, run_id, 3_600) != {}, 1, "it is counted")


@pytest.mark.timeout(240)
def test_where_up_was_stopped_its_servers_are_started_for_the_rebuild_and_stopped_after_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "kafka").mkdir(parents=True)  # as `up` leaves it
    outside = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
    environment = outside | {"BAROGRAPH_HOME": str(home)}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "stream.cli.main", "rebuild", "--yes"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("0 records in ")
        assert done.stderr.startswith(f"starting kafka and redis in {home}\n")
        ports_of = json.loads((home / "ports.json").read_text())
        assert not any(ports.accepts(port) for port in ports_of.values())
