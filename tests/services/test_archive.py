"""The archive role on a real Kafka: every record once, whatever happens to it."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaAdminClient

from stream.archive import files
from stream.archive.names import folder_name
from stream.archive.queries import ask
from stream.archive.reading import Archive
from stream.broker.profile import admin_settings
from stream.broker.topics import (
    DEAD_LETTERS,
    DOCUMENT_TOPICS,
    DOCUMENTS_NEWS,
    INCIDENT_EVENTS,
    PREDICTIONS,
    RETENTION,
    end_offsets,
    ensure_topics,
    topic_ids,
)
from stream.codec import Origin, encode_incident_event
from stream.core.incidents import IncidentEvent
from tests.servers import running_kafka, stop, wait_until
from tests.services.archive_tools import NOON, Origins, Role, held, kill, prediction, sending
from tests.services.incident_tools import incident

PARTITIONS = 3
DAY = timedelta(days=1)


@pytest.fixture
def role(tmp_path: Path) -> Iterator[Role]:
    with running_kafka(tmp_path / "kafka") as kafka:
        ensure_topics(kafka.bootstrap, PARTITIONS, 1)
        made = Role(kafka.bootstrap, tmp_path)
        try:
            yield made
        finally:
            made.end()


def in_kafka(bootstrap: str, *topics: str) -> Origins:
    """Return every record of these topics once, as long as Kafka has deleted none."""
    ids = topic_ids(bootstrap)
    ends = end_offsets(bootstrap, topics).items()
    return Counter({(ids[topic], part, offset): 1 for (topic, part), end in ends for offset in range(end)})


def rows(role: Role, query: str) -> list[tuple[object, ...]]:
    return [row for batch in ask(role.root, query).batches for row in batch]


@pytest.mark.timeout(300)
def test_killed_at_any_moment_every_record_is_archived_once(role: Role) -> None:
    """Days alternate from record to record: each write is several files, and the kill comes between them too."""
    stopped = threading.Event()
    chance = random.Random(7)

    def send() -> None:
        with sending(role.bootstrap) as out:
            number = 0
            while not stopped.is_set():
                for _ in range(20):
                    at = NOON + timedelta(days=number % 5, seconds=number)
                    out.document(number, number % PARTITIONS, at)
                    out.prediction(prediction(number, Origin(DOCUMENTS_NEWS, number % PARTITIONS, number), at), 0)
                    number += 1
                out.flush()
                stopped.wait(0.05)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for _ in range(8):
            process = role.started()
            time.sleep(chance.uniform(0.0, 1.5))  # the random point
            kill(process)
    finally:
        stopped.set()
        sender.join()
    process = role.started()
    documents, predictions = in_kafka(role.bootstrap, *DOCUMENT_TOPICS), in_kafka(role.bootstrap, PREDICTIONS)
    role.wait_for("documents", documents.total())
    role.wait_for("predictions", predictions.total())
    stop(process)
    assert process.returncode == 0, role.log(-1)
    assert held(role.root, "documents") == documents
    assert held(role.root, "predictions") == predictions
    assert [document.offset for document in Archive(role.root).documents() if document.partition == 1] == [
        *range(documents.total() // PARTITIONS + (documents.total() % PARTITIONS > 1))
    ]
    assert files.scratch_files(role.root) == []


def test_what_is_held_is_written_at_the_stop_and_a_record_lies_in_the_day_it_was_received(role: Role) -> None:
    role.flush_s = 3_600
    process = role.started()
    midnight = NOON + timedelta(hours=12)
    with sending(role.bootstrap) as out:
        out.document(1, 0, midnight - timedelta(milliseconds=1))
        out.document(2, 0, midnight)
        out.raw(INCIDENT_EVENTS, 0, encode_incident_event(event(1)), NOON)
        out.raw(PREDICTIONS, 1, b"{}", NOON)
        out.flush()
    assert in_kafka(role.bootstrap, DOCUMENTS_NEWS).total() == 2
    # It polls every second; what it has read shows only at its end.
    wait_until(lambda: len(role.log(-1).splitlines()) >= 1, 10, "a line")
    deadline_s = time.monotonic() + 20
    while held(role.root, "documents").total() < 2:
        assert time.monotonic() < deadline_s, role.log(-1)
        stop(process)
        assert process.returncode == 0, role.log(-1)
        if held(role.root, "documents").total() < 2:
            process = role.started()
    assert [day.name for day in sorted((role.root / "documents").iterdir())] == [
        folder_name(day.date().isoformat()) for day in (NOON, NOON + DAY)
    ]
    assert held(role.root, "incident_events").total() == 1


def event(seq: int) -> IncidentEvent:
    made = incident(1)
    return IncidentEvent(incident_id=made.incident_id, seq=seq, type="fired", at_ms=1_767_355_200_000, incident=made)


def test_files_of_a_past_day_become_one_and_a_reader_sees_each_row_once_all_the_while(role: Role) -> None:
    with sending(role.bootstrap) as out:
        for n in range(0, 60, 20):
            process = role.started()
            for number in range(n, n + 20):
                out.document(number, number % PARTITIONS, NOON + timedelta(seconds=number))
            out.flush()
            role.wait_for("documents", n + 20)
            kill(process)
    reader = Archive(role.root)
    half_read = reader.documents()
    first = next(half_read)
    whole = list(reader.documents())
    process = role.started()  # it begins by putting files together
    wait_until(lambda: len(files.stored(role.root, "documents")) == PARTITIONS, 30, "one file a partition")
    assert list(reader.documents()) == whole
    assert [first, *half_read] == whole
    for path in (role.root / "documents").glob("day=*/*"):
        if not path.name.startswith("c-"):
            path.unlink()  # as is done some minutes later
    assert list(reader.documents()) == whole
    kill(process)
    role.started()
    assert held(role.root, "documents") == in_kafka(role.bootstrap, *DOCUMENT_TOPICS)


@pytest.mark.timeout(240)
def test_a_topic_made_anew_is_archived_from_its_beginning_beside_the_old_one(role: Role) -> None:
    with sending(role.bootstrap) as out:
        for n in range(30):
            out.document(n, n % PARTITIONS)
        out.flush()
    process = role.started()
    role.wait_for("documents", 30)
    old = in_kafka(role.bootstrap, *DOCUMENT_TOPICS)
    for running in (True, False):
        if not running:
            stop(process)
        admin = KafkaAdminClient(**admin_settings(role.bootstrap))
        admin.delete_topics([DOCUMENTS_NEWS])
        wait_until(lambda: DOCUMENTS_NEWS not in topic_ids(role.bootstrap), 30, "the topic is gone")
        admin.close()
        ensure_topics(role.bootstrap, PARTITIONS, 1)
        with sending(role.bootstrap) as out:
            for n in range(60):
                out.document(n + 100, n % PARTITIONS, NOON + timedelta(hours=1))
            out.flush()
        if not running:
            role.started()
        new = in_kafka(role.bootstrap, *DOCUMENT_TOPICS)
        role.wait_for("documents", old.total() + new.total(), 90)
        old += new
        assert held(role.root, "documents") == old
    assert len(list(Archive(role.root).documents())) == 150


def test_a_disk_that_is_full_is_told_once_and_nothing_is_lost(role: Role) -> None:
    role.started()
    # Where the folder belongs lies a file: what is written fails as on a full disk, and passes as soon.
    blocked = role.root / "documents" / folder_name(NOON.date().isoformat())
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("in the way")
    with sending(role.bootstrap) as out:
        for n in range(100):
            out.document(n, n % PARTITIONS)
        out.flush()
    wait_until(lambda: "cannot be written" in role.log(-1), 30, "it says so")
    with sending(role.bootstrap) as out:
        for n in range(100, 200):
            out.document(n, n % PARTITIONS)
        out.flush()
    beat = (role.folder / "heartbeat").stat().st_mtime
    wait_until(lambda: time.time() - beat > 4, 10, "some tries have passed")
    assert (role.folder / "heartbeat").stat().st_mtime == beat
    assert role.log(-1).count("cannot be written") == 1
    assert "Traceback" not in role.log(-1)
    blocked.unlink()
    role.wait_for("documents", 200)
    assert held(role.root, "documents") == in_kafka(role.bootstrap, *DOCUMENT_TOPICS)
    wait_until(lambda: (role.folder / "heartbeat").stat().st_mtime > beat, 10, "it beats again")


def test_days_that_are_over_are_dropped_and_not_read_again(role: Role) -> None:
    with sending(role.bootstrap) as out:
        for n in range(30):
            out.document(n, n % PARTITIONS)
        out.flush()
    process = role.started()
    role.wait_for("documents", 30)
    stop(process)
    role.days = 5
    process = role.started()
    wait_until(lambda: not list((role.root / "documents").iterdir()), 20, "the folder is gone")
    now = time.time()
    with sending(role.bootstrap) as out:
        out.document(99, 0, NOON.fromtimestamp(now, NOON.tzinfo))
        out.flush()
    role.wait_for("documents", 1)
    stop(process)
    assert [document.offset for document in Archive(role.root).documents()] == [10]


def test_an_archive_has_one_writer_and_a_reader_needs_none(role: Role) -> None:
    role.started()
    second = role.command("archive")
    assert (second.returncode, second.stderr.count("\n")) == (1, 1)
    assert second.stderr.startswith(f"barograph: archive {role.root}: another `barograph archive` writes it")
    shown = role.command("archive", "show", "--json")
    assert shown.returncode == 0 and '"rows": 0' in shown.stdout


def test_repeats_count_once_for_readers_and_in_questions_and_what_is_no_record_is_kept(role: Role) -> None:
    process = role.started()
    with sending(role.bootstrap) as out:
        made = [prediction(n, Origin(DOCUMENTS_NEWS, 0, n), NOON + timedelta(seconds=n)) for n in range(40)]
        before = [msgspec.structs.replace(one, model_revision="killed") for one in made[20:30]]
        for one in [*made[:20], *before, *made[20:]]:
            out.prediction(one, 0)
        for n in (1, 1, 2):
            out.dead_letter(b"raw", Origin(DOCUMENTS_NEWS, 0, n), 0)
        out.raw(PREDICTIONS, 0, b"\xff no JSON")
        out.raw(DEAD_LETTERS, 0, b'{"origin":{"topic":"t","partition":1e30,"offset":1}}')
        for _ in range(2):
            out.raw(INCIDENT_EVENTS, 0, encode_incident_event(event(1)))
        out.flush()
    role.wait_for("predictions", 51)
    role.wait_for("dead_letters", 4)
    role.wait_for("incident_events", 2)
    assert list(Archive(role.root).predictions()) == made

    def asked() -> list[list[tuple[object, ...]]]:
        kinds = ("predictions", "dead_letters", "incident_events")
        return [rows(role, f"SELECT count(*) FROM {kind}") for kind in kinds]

    assert asked() == [[(40,)], [(2,)], [(1,)]]
    revisions = "SELECT DISTINCT model_revision FROM predictions"
    assert rows(role, revisions) == [("r1",)]
    kill(process)
    process = role.started()
    wait_until(lambda: all(one.name.compacted for one in files.stored(role.root, "predictions")), 20, "one file")
    assert asked() == [[(40,)], [(2,)], [(1,)]]
    assert list(Archive(role.root).predictions()) == made
    assert rows(role, revisions) == [("r1",)]
    kept = [
        value
        for one in files.stored(role.root, "predictions")
        for batch in files.batches(files.path_of(role.root, "predictions", one), ["value"])
        for value in batch.column("value").to_pylist()
        if value is not None
    ]
    assert kept == [b"\xff no JSON"]


def test_records_that_kafka_deleted_before_they_were_archived_are_named_and_the_rest_is_archived(role: Role) -> None:
    with sending(role.bootstrap) as out:
        for n in range(20):
            out.document(n, 0)
        out.flush()
    process = role.started()
    role.wait_for("documents", 20)
    kill(process)
    with sending(role.bootstrap) as out:
        for n in range(20, 40):
            out.document(n, 0)
        out.flush()
    admin = KafkaAdminClient(**admin_settings(role.bootstrap))
    from kafka import TopicPartition

    admin.delete_records({TopicPartition(DOCUMENTS_NEWS, 0): 30})
    admin.close()
    role.started()
    role.wait_for("documents", 30)
    assert "documents.news-0: offsets 20 to 29 were deleted before they were archived" in role.log(-1)
    assert sorted(offset for _, _, offset in held(role.root, "documents")) == [*range(20), *range(30, 40)]


def test_a_broker_that_is_away_for_a_while_is_named_once_and_then_read_on_from(tmp_path: Path) -> None:
    with running_kafka(tmp_path / "kafka") as kafka:
        ensure_topics(kafka.bootstrap, PARTITIONS, 1)
        role = Role(kafka.bootstrap, tmp_path)
        process = role.started()
    try:
        wait_until(lambda: "Connection refused" in role.log(-1), 60, "it says so")
        with running_kafka(tmp_path / "kafka", kafka.port), sending(kafka.bootstrap) as out:
            for n in range(30):
                out.document(n, n % PARTITIONS)
            out.flush()
            role.wait_for("documents", 30)
            stop(process)
            assert held(role.root, "documents") == in_kafka(kafka.bootstrap, *DOCUMENT_TOPICS)
        assert role.log(-1).count("Connection refused") == 1
    finally:
        role.end()


def test_it_waits_for_kafka_and_for_topics_and_says_so_once(tmp_path: Path) -> None:
    with running_kafka(tmp_path / "kafka") as kafka:
        role = Role(kafka.bootstrap, tmp_path)
        try:
            role.start()
            wait_until(lambda: "has no topic" in role.log(-1), 30, "it says what it waits for")
            ensure_topics(kafka.bootstrap, PARTITIONS, 1)
            wait_until(lambda: "archive ready with 15 partitions" in role.log(-1), 30, "it is ready")
            assert role.log(-1).count("has no topic") == 1
            assert len(RETENTION) * PARTITIONS == 15
        finally:
            role.end()
