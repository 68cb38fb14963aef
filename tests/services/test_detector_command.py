"""`barograph detector` as its users run it: live beside a real Kafka, and over a stored past."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer

from stream.broker.profile import consumer_settings
from stream.broker.topics import INCIDENT_EVENTS, ensure_topics
from stream.codec import decode_incident_event
from tests.servers import running_kafka, stop, wait_until
from tests.services.detector_tools import MARKET, NOON_S, Scene

NOWHERE = "127.0.0.1:9"


def environment(redis_url: str, namespace: str, home: Path, kafka: str = NOWHERE) -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
    ours = {"KAFKA_BOOTSTRAP": kafka, "REDIS_URL": redis_url, "NAMESPACE": namespace, "HOME": str(home)}
    return outside | {f"BAROGRAPH_{name}": value for name, value in ours.items()}


def detector(*words: str) -> list[str]:
    return [sys.executable, "-P", "-m", "stream.cli.main", "detector", *words]


def judged(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        detector("--dry-run", *words), env=environment, capture_output=True, text=True, timeout=90, check=False
    )


async def test_a_dry_run_tells_what_would_have_opened_and_writes_nothing(
    redis_url: str, run_id: str, tmp_path: Path
) -> None:
    scene = Scene(redis_url, run_id)
    await scene.tell_history(12)
    for start_s in range(NOON_S, NOON_S + 1_800, 300):
        await scene.tell(start_s, 20, 26)
    for start_s in range(NOON_S + 1_800, NOON_S + 3 * 3_600, 300):
        await scene.tell(start_s, 4, 20)
    around = environment(redis_url, run_id, tmp_path)
    done = judged(
        around, "--from", "2026-01-07T06:00:00Z", "--to", "2026-01-07T15:00:00Z", "--out", str(tmp_path / "1")
    )
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = [json.loads(line) for line in (tmp_path / "1").read_text().splitlines()]
    (row,) = [row for row in rows if row["clock"] == "5m"]
    assert (row["series"], row["opened_at"], row["reason"]) == (MARKET, "2026-01-07T12:00:00Z", "cleared")
    assert row["fired_at"] == "2026-01-07T12:06:00Z"  # the window's end, and the wait for late documents
    assert row["events"][0]["type"] == "fired"
    assert MARKET in done.stdout
    again = judged(
        around, "--from", "2026-01-07T06:00:00Z", "--to", "2026-01-07T15:00:00Z", "--out", str(tmp_path / "2")
    )
    assert again.returncode == 0
    assert (tmp_path / "2").read_bytes() == (tmp_path / "1").read_bytes()
    quiet = judged(around, "--from", "1970-01-01", "--to", "2026-01-07T12:00:00Z")
    assert "nothing would have fired" in quiet.stdout
    assert scene.ids() == {}


def started(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(detector(), env=environment, stdout=output, stderr=output)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "2026-01-02", "--to", "2026-01-01"), "--to 2026-01-01 is not after --from 2026-01-02"),
        (("--from", "noon", "--to", "2026-01-01"), "--from: 'noon' is no instant"),
        (("--from", "2026-01-01"), "--dry-run needs --from and --to"),
        (("--from", "2026-01-01", "--to", "2026-01-02"), "nothing is stored from 2026-01-01 to 2026-01-02"),
    ],
)
def test_a_dry_run_that_cannot_be_says_why_in_one_line(
    redis_url: str, run_id: str, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    done = judged(environment(redis_url, run_id, tmp_path), *words)
    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


async def test_a_detector_tells_the_world_through_kafka_and_ends_when_told(
    redis_url: str, run_id: str, tmp_path: Path
) -> None:
    scene = Scene(redis_url, run_id, start_s=time.time())
    await scene.tell_history(6)
    log = tmp_path / "detector.log"
    with running_kafka(tmp_path / "kafka") as kafka:
        ensure_topics(kafka.bootstrap, 2, 1)
        process = started(environment(redis_url, run_id, tmp_path, kafka.bootstrap), log)
        try:
            wait_until(lambda: "detector ready with 1 series" in log.read_text(), 60, "the detector is ready")
            await scene.tell(time.time(), 60, 66)
            wait_until(lambda: scene.incidents.count_open() == 1, 30, "an incident")
            consumer = KafkaConsumer(INCIDENT_EVENTS, **consumer_settings(kafka.bootstrap), consumer_timeout_ms=20_000)
            event = decode_incident_event(next(consumer).value)
            consumer.close()
            (seen,) = scene.incidents.open()
            assert (event.incident_id, event.seq, event.type) == (seen.incident.incident_id, 1, "fired")
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            stop(process)
