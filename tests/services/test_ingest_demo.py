"""`ingest demo` on a real broker, with a real worker and store: the past once, then live, across stops and kills."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from stream.cli.ingest_demo import demo
from stream.codec import Document
from stream.core.event_time import day_number
from stream.settings import ConfigurationError
from stream.sources.demo.feed import documents_between
from stream.store.known import known_ids
from tests.servers import stop, wait_until
from tests.services.ingest_tools import records_since
from tests.services.worker_tools import Desk, running_desk

HISTORY_S = 1_200
READY = "demo feed ready: "
SEED = 7


@dataclass
class Feed:
    """Starts the feed as a process, and reads what came of it."""

    desk: Desk
    started: int = 0

    def start(self, *words: str) -> tuple[subprocess.Popen[bytes], Path]:
        self.started += 1
        log = self.desk.folder / f"demo-{self.started}.log"
        code = "import typer; from stream.cli.ingest_demo import demo; typer.run(demo)"
        hours = f"{HISTORY_S / 3600}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", code, "--seed", str(SEED), "--history-hours", hours, *words],
                env=self.desk.environment | {"BAROGRAPH_DEMO": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return process, log

    def documents(self) -> list[Document]:
        return [msgspec.json.decode(record.value, type=Document) for record in records_since(self.desk.bootstrap, {})]

    def ids(self) -> list[str]:
        return [document.id for document in self.documents()]


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Feed]:
    with running_desk(tmp_path_factory.mktemp("demo")) as desk:
        desk.start_worker()
        yield Feed(desk)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def wait_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        return READY in log.read_text()

    wait_until(ready, 100, "the history is visible")


def ended(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    process.send_signal(number)
    return process.wait(30)


@pytest.mark.timeout(240)
def test_the_past_is_laid_once_across_a_stop_and_a_kill_and_then_it_goes_on_live(feed: Feed) -> None:
    before_ms = now_ms()
    first, log = feed.start("--no-crisis")
    try:
        wait_ready(first, log)
        laid_ms = now_ms()
        ids = feed.ids()
        everything = {one.id for one in documents_between(before_ms - HISTORY_S * 1000, laid_ms + 60_000, SEED, None)}
        surely = {one.id for one in documents_between(laid_ms - HISTORY_S * 1000, before_ms, SEED, None)}
        assert surely <= set(ids) <= everything
        assert len(ids) == len(set(ids))
        wait_until(lambda: len(feed.ids()) > len(ids), 60, "a document comes live")
        newest = feed.documents()[-1]
        assert newest.published_at is not None
        assert ended(first, signal.SIGTERM) == 0, log.read_text()
    finally:
        stop(first)

    for number in (signal.SIGKILL, signal.SIGTERM):
        process, log = feed.start("--no-crisis")
        try:
            wait_ready(process, log)
            ended(process, number)
        finally:
            stop(process)

    desk = feed.desk
    totals = desk.wait_for_records(desk.received())
    assert (totals.duplicates, totals.dead_letters, totals.records) == (0, 0, desk.received())
    final = set(feed.ids())
    assert {one.id for one in documents_between(before_ms - HISTORY_S * 1000 + 60_000, laid_ms, SEED, None)} <= final


def test_a_document_is_published_in_the_past_and_received_now_its_author_hashed(feed: Feed) -> None:
    documents = feed.documents()
    assert documents, "the test before lays them"
    oldest = min(document.published_at for document in documents if document.published_at)
    assert min(document.received_at for document in documents).timestamp() - oldest.timestamp() > HISTORY_S - 60
    authors = {document.author for document in documents if document.kind == "comment"}
    assert len(authors) > 50
    assert all(author is not None and author.startswith("a1:") for author in authors)
    assert not any(b"invented-reader" in record.value for record in records_since(feed.desk.bootstrap, {}))


def test_ids_that_were_counted_are_known_and_others_are_not(feed: Feed) -> None:
    ids = feed.ids()
    day = day_number(int(time.time()))
    found = known_ids(feed.desk.redis_url, "live", [*ids, "another", "and another"], day)
    assert found == set(ids)
    assert known_ids(feed.desk.redis_url, "live", [], day) == set()


@pytest.mark.timeout(180)
def test_the_crisis_begins_in_its_moment_and_brings_a_document_a_second(feed: Feed) -> None:
    process, log = feed.start("--crisis-after", "0")
    try:
        wait_ready(process, log)
        wait_until(
            lambda: sum("-crisis-" in id for id in feed.ids()) >= 12, 60, "a dozen documents of the crisis have come"
        )
        assert "the invented crisis of BRONTV has begun" in log.read_text()
        assert ended(process, signal.SIGTERM) == 0, log.read_text()
    finally:
        stop(process)
    crisis = [document for document in feed.documents() if "-crisis-" in document.id]
    assert {document.tickers for document in crisis} == {("BRONTV",)}


def test_it_is_refused_where_documents_are_not_all_invented(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BAROGRAPH_DEMO", raising=False)
    with pytest.raises(ConfigurationError, match="BAROGRAPH_DEMO is not set: invented documents must not be counted"):
        demo()
