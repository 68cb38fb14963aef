"""The archive role as a process of its own, and records for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kafka import KafkaProducer

from model.labels import TOPICS
from stream.archive import files
from stream.archive.schemas import TABLES
from stream.archive.values import Kind
from stream.broker.profile import producer_settings
from stream.broker.topics import DEAD_LETTERS, DOCUMENTS_NEWS, PREDICTIONS
from stream.codec import Document, Hops, Origin, Prediction, dead_letter, encode
from tests.servers import stop, wait_until

ROOT = Path(__file__).parents[2]
# Of a day that is over, and that Kafka keeps: it deletes by the records' own times.
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=10)

Origins = Counter[tuple[str, int, int]]


def ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000)


def document(number: int, received_at: datetime = NOON) -> Document:
    return Document(
        id=f"d{number}",
        kind="news",
        source="wire",
        title=f"Shares of number {number} rise",
        text=f"Shares of number {number} rise after results; a second sentence to have some length. 涨停",
        received_at=received_at,
        published_at=received_at - timedelta(minutes=1),
        tickers=("AAPL",),
    )


def prediction(number: int, origin: Origin, received_at: datetime = NOON) -> Prediction:
    made = document(number, received_at)
    return Prediction(
        id=made.id,
        kind="news",
        source=made.source,
        lang="en",
        tickers=made.tickers,
        published_at=made.published_at,
        received_at=received_at,
        event_time=received_at - timedelta(minutes=1),
        sentiment=(0.1, 0.2, 0.7),
        score=0.6,
        topic=TOPICS[number % len(TOPICS)],
        topics=tuple(round(0.001 * (n + number % 7), 4) for n in range(len(TOPICS))),
        story=f"{number:032x}",
        model_revision="r1",
        origin=origin,
        hops=Hops(read_at=received_at + timedelta(seconds=1), scored_at=received_at + timedelta(seconds=2)),
    )


class Sending:
    """A producer whose records are confirmed when `flush` returns."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = KafkaProducer(**producer_settings(bootstrap))

    def document(self, number: int, partition: int, received_at: datetime = NOON) -> None:
        self.raw(DOCUMENTS_NEWS, partition, encode(document(number, received_at)), received_at)

    def prediction(self, made: Prediction, partition: int, at: datetime | None = None) -> None:
        self.raw(PREDICTIONS, partition, encode(made), at or made.hops.scored_at)

    def dead_letter(self, raw: bytes, origin: Origin, partition: int, at: datetime = NOON) -> None:
        self.raw(DEAD_LETTERS, partition, encode(dead_letter(raw, origin=origin, reason="why", at=at)), at)

    def raw(self, topic: str, partition: int, value: bytes, at: datetime = NOON) -> None:
        self._producer.send(topic, value, partition=partition, timestamp_ms=ms(at))

    def flush(self) -> None:
        self._producer.flush(30)

    def close(self) -> None:
        self._producer.close(10)


@contextmanager
def sending(bootstrap: str) -> Iterator[Sending]:
    made = Sending(bootstrap)
    try:
        yield made
    finally:
        made.close()


@dataclass
class Role:
    """`barograph archive` on one Kafka, its files in one folder."""

    bootstrap: str
    folder: Path
    flush_s: float = 0.3
    days: int = 36_000
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.folder / "home" / "archive"

    @property
    def environment(self) -> dict[str, str]:
        outside = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
        return outside | {
            "BAROGRAPH_KAFKA_BOOTSTRAP": self.bootstrap,
            "BAROGRAPH_HOME": str(self.folder / "home"),
            "BAROGRAPH_ARCHIVE_FLUSH_S": str(self.flush_s),
            "BAROGRAPH_ARCHIVE_DAYS": str(self.days),
            "BAROGRAPH_HEARTBEAT_FILE": str(self.folder / "heartbeat"),
            "PYTHONPATH": str(ROOT),
        }

    def start(self) -> subprocess.Popen[bytes]:
        with (self.folder / f"archive-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "stream.cli.main", "archive"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def started(self) -> subprocess.Popen[bytes]:
        process = self.start()
        try:
            wait_until(lambda: "archive ready" in self.log(-1) or process.poll() is not None, 60, "it is ready")
        except AssertionError:
            raise AssertionError(self.log(-1)) from None
        assert process.poll() is None, self.log(-1)
        return process

    def log(self, number: int) -> str:
        at = len(self.processes) + number if number < 0 else number
        return (self.folder / f"archive-{at}.log").read_text(errors="replace")

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "stream.cli.main", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def rows(self, kind: Kind) -> int:
        return sum(held(self.root, kind).values())

    def wait_for(self, kind: Kind, rows: int, timeout_s: float = 60) -> None:
        try:
            wait_until(lambda: self.rows(kind) >= rows, timeout_s, f"{rows} rows of {kind}", 0.05)
        except AssertionError as exc:
            raise AssertionError(f"{exc}: {self.rows(kind)}; {self.log(-1)[-3000:]}") from None

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                stop(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def held(root: Path, kind: Kind) -> Origins:
    """Return how often each record is in the files that count, by topic id, partition and offset."""
    table = TABLES[kind]
    found: Origins = Counter()
    for one in files.stored(root, kind):
        try:
            for batch in files.batches(files.path_of(root, kind, one), table.record[:3]):
                found.update(zip(*(batch.column(name).to_pylist() for name in table.record[:3]), strict=True))
        except FileNotFoundError:  # compacted meanwhile: look again
            return held(root, kind)
    return found
