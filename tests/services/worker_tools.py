"""A worker with a tiny model as a process of its own, on a broker and a store that belong to one test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from model.tiny import make_tiny
from stream.broker.topics import DOCUMENT_TOPICS, end_offsets, ensure_topics
from stream.codec import BadRecord, decode_document
from stream.sources.publisher import Publisher
from stream.store.read import Reader, Totals
from tests.servers import running_kafka, running_valkey, stop, wait_until

PARTITIONS = 4
START_TIMEOUT_S = 90.0


@dataclass
class Desk:
    """Kafka, Valkey and workers of one test."""

    bootstrap: str
    redis_url: str
    folder: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        outside = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
        return outside | {
            "BAROGRAPH_KAFKA_BOOTSTRAP": self.bootstrap,
            "BAROGRAPH_REDIS_URL": self.redis_url,
            "BAROGRAPH_MODEL_PATH": str(self.folder / "model"),
            "BAROGRAPH_HOME": str(self.folder / "home"),
            "BAROGRAPH_DEVICE": "cpu",
            "BAROGRAPH_PRECISION": "float32",
            "BAROGRAPH_SESSION_TIMEOUT_S": "6",
            # Two cores are shared with a broker, a store and whatever else runs.
            "OMP_NUM_THREADS": "1",
        }

    def start_worker(self, **environment: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"worker-{len(self.workers)}.log").open("wb")
        with log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "stream.cli.main", "worker"],
                env=self.environment | environment,
                stdout=log,
                stderr=log,
            )
        self.workers.append(worker)
        return worker

    def log(self) -> str:
        return "\n".join(p.read_text(errors="replace") for p in sorted(self.folder.glob("worker-*.log")))

    def send(self, lines: list[bytes]) -> None:
        """Publish as a source does: what cannot be read is sent on with its reason."""
        publisher = Publisher(self.bootstrap)
        for line in lines:
            try:
                publisher.send(decode_document(line, received_at=datetime.now(UTC), trust_received_at=False))
            except BadRecord as exc:
                publisher.send_unreadable(line, str(exc))
        publisher.flush()
        publisher.close()

    def totals(self) -> Totals:
        reader = Reader(self.redis_url, "live")
        try:
            return reader.totals()
        finally:
            reader.close()

    def wait_for_records(self, records: int, timeout_s: float = 90.0) -> Totals:
        try:
            wait_until(lambda: self.totals().records >= records, timeout_s, f"{records} records applied", 0.05)
        except AssertionError as exc:
            raise AssertionError(f"{exc}; {self.totals()}; {self.log()[-3000:]}") from None
        return self.totals()

    def received(self) -> int:
        return sum(end_offsets(self.bootstrap, DOCUMENT_TOPICS).values())

    def counts(self) -> str:
        out = self.folder / "counts.csv"
        subprocess.run(
            [sys.executable, "-m", "stream.cli.main", "counts", "--out", str(out)],
            env=self.environment,
            check=True,
            capture_output=True,
        )
        return out.read_text()


def kill(worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGKILL)
    worker.wait()


@contextmanager
def running_desk(folder: Path, store: str = "valkey") -> Iterator[Desk]:
    """Lend a desk whose data lies in the folder, and stays; `store` names the store's folder within it."""
    with running_kafka(folder / "kafka") as kafka, running_valkey(folder / store) as valkey:
        ensure_topics(kafka.bootstrap, PARTITIONS, 1)
        make_tiny(folder / "model")
        desk = Desk(kafka.bootstrap, valkey.url, folder)
        try:
            yield desk
        finally:
            for worker in desk.workers:
                if worker.poll() is None:
                    stop(worker)
