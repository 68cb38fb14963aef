"""What the tests of sources share: the records that came to the documents topics since a moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from kafka import KafkaConsumer, TopicPartition

from stream.broker.profile import consumer_settings
from stream.broker.topics import DOCUMENT_TOPICS, Offsets, end_offsets, ensure_topics
from stream.codec import PROBLEM_HEADER
from stream.supervision import ports
from tests.servers import stop, wait_until

PARTITIONS = 4
TOKEN = "a-token-of-the-tests"
ROOT = Path(__file__).parents[2]
HTTP_COMMAND = [sys.executable, "-m", "stream.cli.main", "ingest", "http"]


@dataclass(frozen=True)
class Read:
    """One record as a consumer sees it; `problem` is the reason with which its source set it aside."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    timestamp_ms: int
    problem: str | None


def prepare_topics(bootstrap: str) -> None:
    """Make the topics where they are missing."""
    ensure_topics(bootstrap, PARTITIONS, 1)


def ends(bootstrap: str) -> Offsets:
    """Return where the documents topics end now."""
    return end_offsets(bootstrap, DOCUMENT_TOPICS)


def records_since(bootstrap: str, start: Offsets) -> list[Read]:
    """Return every record from these offsets to the present end, in the order of each partition."""
    end = ends(bootstrap)
    wanted = {TopicPartition(*place): offset for place, offset in end.items() if offset > start.get(place, 0)}
    if not wanted:
        return []
    consumer = KafkaConsumer(**consumer_settings(bootstrap))
    try:
        consumer.assign(list(wanted))
        for place in wanted:
            consumer.seek(place, start.get((place.topic, place.partition), 0))
        found: list[Read] = []
        while any(consumer.position(place) < offset for place, offset in wanted.items()):
            for records in consumer.poll(timeout_ms=1000).values():
                found.extend(_read(record) for record in records)
        return found
    finally:
        consumer.close()


def _read(record: Any) -> Read:
    headers = dict(record.headers)
    problem = headers.get(PROBLEM_HEADER)
    return Read(
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        record.timestamp,
        None if problem is None else problem.decode(),
    )


def document(text: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "news", "source": "wire", "text": text} | fields


def jsonl(*rows: dict[str, Any] | bytes) -> bytes:
    return b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)


def environment(home: Path, bootstrap: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "BAROGRAPH_HOME": str(home),
        "BAROGRAPH_KAFKA_BOOTSTRAP": bootstrap,
        "BAROGRAPH_INGEST_TOKEN": TOKEN,
        **{f"BAROGRAPH_{name}": value for name, value in more.items()},
    }


@contextmanager
def serving(home: Path, bootstrap: str, **more: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Lend a running server's URL and process."""
    home.mkdir(parents=True, exist_ok=True)
    port = ports.choose([], set())
    log = home / "ingest.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            HTTP_COMMAND,
            env=environment(home, bootstrap, INGEST_PORT=str(port), **more),
            cwd=home,
            stdout=output,
            stderr=output,
        )
    url = f"http://127.0.0.1:{port}"

    def healthy() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_until(healthy, 60, "ingest http is healthy")
        yield url, process
    finally:
        stop(process)
    assert TOKEN not in log.read_text()
