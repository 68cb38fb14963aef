"""Kafka killed or frozen while documents come in: nothing is lost, and each sender learns what is confirmed."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from stream.broker import embedded as kafka_parts
from stream.broker.fetch import ensure_jars
from stream.codec import decode_document
from stream.supervision import ports
from tests.servers import running, wait_until
from tests.services.ingest_tools import (
    TOKEN,
    document,
    ends,
    jsonl,
    prepare_topics,
    records_since,
    serving,
)

NOW = datetime.now(UTC)


def own_kafka(folder: Path) -> kafka_parts.EmbeddedKafka:
    """Return a Kafka that this test may freeze and kill; start it with `start`."""
    taken: set[int] = set()
    kafka = kafka_parts.EmbeddedKafka(
        folder=folder / "kafka",
        jars=ensure_jars(),
        port=ports.choose([], taken),
        controller_port=ports.choose([], taken),
        heap_mb=96,
    )
    kafka_parts.prepare(kafka)
    return kafka


def start(kafka: kafka_parts.EmbeddedKafka) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return running(kafka_parts.server_command(kafka), kafka.port, kafka.folder / "kafka.log")


@contextmanager
def ingesting(home: Path, kafka: kafka_parts.EmbeddedKafka, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Lend the command as users run it."""
    command = [sys.executable, "-m", "stream.cli.main", "ingest", "file", *words]
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "BAROGRAPH_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "BAROGRAPH_HOME": str(home),
    }
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=home
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def timed(path: Path, count: int, texts: int) -> None:
    """Write documents a second apart, so many texts in turn."""
    first = datetime(2018, 2, 5, tzinfo=UTC)
    stamps = [(first + timedelta(seconds=i)).isoformat() for i in range(count)]
    path.write_bytes(jsonl(*(document(f"t{i % texts}", id=f"{i}", published_at=stamps[i]) for i in range(count))))


def test_a_broker_that_is_killed_on_the_way_loses_doubles_and_reorders_nothing(tmp_path: Path) -> None:
    kafka, path, count = own_kafka(tmp_path), tmp_path / "in.jsonl", 4_000
    timed(path, count, texts=50)
    with start(kafka) as broker:
        prepare_topics(kafka.bootstrap)
        with ingesting(tmp_path, kafka, str(path), "--speed", "1000x") as process:
            wait_until(lambda: sum(ends(kafka.bootstrap).values()) > 500, 30, "some records are there")
            broker.kill()
            broker.wait()
            with start(kafka):
                out, err = process.communicate(timeout=60)
                found = records_since(kafka.bootstrap, {})

    assert (process.returncode, err) == (0, "")
    assert out.startswith("4,000 lines: 4,000 sent, 0 set aside, 0 skipped")
    ids: dict[bytes, list[int]] = defaultdict(list)
    for record in found:
        ids[record.key].append(int(decode_document(record.value, received_at=NOW).id))
    assert sorted(itertools.chain(*ids.values())) == list(range(count))
    assert all(numbers == sorted(numbers) for numbers in ids.values())


def test_ctrl_c_while_kafka_is_frozen_ends_with_the_counts_and_no_traceback(tmp_path: Path) -> None:
    kafka, path = own_kafka(tmp_path), tmp_path / "in.jsonl"
    timed(path, 10_000, texts=50)
    with start(kafka) as broker:
        prepare_topics(kafka.bootstrap)
        with ingesting(tmp_path, kafka, str(path), "--speed", "100x") as process:
            wait_until(lambda: sum(ends(kafka.bootstrap).values()) > 50, 30, "some records are there")
            broker.send_signal(signal.SIGSTOP)
            try:
                with pytest.raises(subprocess.TimeoutExpired):
                    process.communicate(timeout=1)  # meanwhile more become due
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=30)
            finally:
                broker.send_signal(signal.SIGCONT)
    assert process.returncode == 130
    found = re.fullmatch(r"stopped: \d+ lines read, (\d+) of (\d+) records confirmed", err.strip())
    assert found, err
    assert 50 < int(found[1]) < int(found[2])
    assert out == ""


def test_a_stop_while_kafka_is_frozen_ends_within_the_grace_with_an_answer(tmp_path: Path) -> None:
    kafka = own_kafka(tmp_path)
    with start(kafka) as broker:
        prepare_topics(kafka.bootstrap)
        with serving(tmp_path / "home", kafka.bootstrap) as (address, process):
            answers: list[int] = []
            headers = {"Authorization": f"Bearer {TOKEN}"}

            def post() -> None:
                answer = httpx.post(f"{address}/v1/documents", json=[document("x")], headers=headers, timeout=30)
                answers.append(answer.status_code)

            broker.send_signal(signal.SIGSTOP)
            try:
                posting = threading.Thread(target=post, daemon=True)
                posting.start()
                posting.join(1)  # the request waits for Kafka
                started = time.monotonic()
                process.send_signal(signal.SIGTERM)
                assert process.wait(40) == 0
                took_s = time.monotonic() - started
                posting.join(10)
            finally:
                broker.send_signal(signal.SIGCONT)
    assert answers == [503]
    assert took_s < 13


def test_a_broker_that_confirms_nothing_is_503_and_the_same_request_succeeds_later(tmp_path: Path) -> None:
    kafka = own_kafka(tmp_path)
    with start(kafka) as broker:
        prepare_topics(kafka.bootstrap)
        with serving(tmp_path / "home", kafka.bootstrap) as (address, _):
            with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30) as client:
                rows = [document(f"t{i}") for i in range(3)]
                before = ends(kafka.bootstrap)
                broker.send_signal(signal.SIGSTOP)
                try:
                    started = time.monotonic()
                    answer = client.post("/v1/documents", json=rows)
                    waited = timedelta(seconds=time.monotonic() - started)
                    wait_until(lambda: client.get("/healthz").status_code == 503, 20, "healthz tells it", every_s=0.5)
                    assert client.get("/healthz").json() == {"ok": False}
                finally:
                    broker.send_signal(signal.SIGCONT)
                assert answer.status_code == 503
                assert int(answer.headers["Retry-After"]) > 0
                assert len(answer.json()["unconfirmed"]) == 3
                assert timedelta(seconds=9) < waited < timedelta(seconds=15)
                again = client.post("/v1/documents", json=rows)
                assert again.status_code == 202
                assert {place["id"] for place in again.json()["documents"]} == set(answer.json()["unconfirmed"])
                wait_until(lambda: client.get("/healthz").status_code == 200, 20, "healthz is well", every_s=0.5)
            said = (tmp_path / "home" / "ingest.log").read_text()
            assert "not healthy: " in said
            assert "Kafka answers again" in said
            found = [decode_document(r.value, received_at=NOW).id for r in records_since(kafka.bootstrap, before)]
            assert set(found) == set(answer.json()["unconfirmed"])
