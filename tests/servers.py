"""A real Kafka and a real Valkey for tests, each in a folder of its own, on free ports, stopped by pid."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis

from stream.broker import embedded as kafka_parts
from stream.broker.fetch import ensure_jars
from stream.store import embedded as valkey_parts
from stream.supervision import ports
from stream.supervision.command import dying_with_us

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str, every_s: float = 0.02) -> None:
    """Return as soon as the condition holds; fail the test, naming it, when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(every_s)


@contextmanager
def running(command: Sequence[str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Lend a server process, run in its log's folder, once its port accepts; stop it by its pid."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            dying_with_us(command, signal.SIGKILL),
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not ports.accepts(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process: politely, then not."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running_kafka(folder: Path, kafka_port: int | None = None) -> Iterator[kafka_parts.EmbeddedKafka]:
    """Lend a running broker whose data lies in the folder."""
    taken: set[int] = set()
    kafka = kafka_parts.EmbeddedKafka(
        folder=folder,
        jars=ensure_jars(),
        port=ports.choose([kafka_port], taken),
        controller_port=ports.choose([], taken),
        heap_mb=96,
        min_session_timeout_ms=1_000,
    )
    kafka_parts.prepare(kafka)
    with running(kafka_parts.server_command(kafka), kafka.port, folder / "kafka.log"):
        yield kafka


@contextmanager
def running_valkey(folder: Path, port: int | None = None) -> Iterator[valkey_parts.EmbeddedValkey]:
    """Lend a running Valkey whose append-only file lies in the folder."""
    valkey = valkey_parts.EmbeddedValkey(folder=folder, port=ports.choose([port], set()))
    folder.mkdir(parents=True, exist_ok=True)
    with running(valkey_parts.server_command(valkey), valkey.port, folder / "valkey.log"):
        wait_until(lambda: _answers(valkey.url), START_TIMEOUT_S, "Valkey has loaded its file")
        yield valkey


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.exceptions.BusyLoadingError:
            return False
