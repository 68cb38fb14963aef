"""`ingest file --wait` on a real broker and a real store, and how much may wait for Kafka."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
import redis

from stream.cli.ingest_file import Request, run
from stream.sources.errors import SourceError
from stream.sources.publisher import Publisher
from stream.store.apply import part_field
from stream.store.keys import Keys
from tests.servers import wait_until
from tests.services.ingest_tools import (
    document,
    ends,
    jsonl,
    prepare_topics,
)


@pytest.fixture
def bootstrap(kafka_bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Kafka with topics, which the settings name, and a home of this test's own."""
    prepare_topics(kafka_bootstrap)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BAROGRAPH_KAFKA_BOOTSTRAP", kafka_bootstrap)
    monkeypatch.setenv("BAROGRAPH_HOME", str(tmp_path / "home"))
    return kafka_bootstrap


def test_wait_ends_when_the_store_has_applied_the_last_record(
    bootstrap: str, tmp_path: Path, fresh_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAROGRAPH_REDIS_URL", fresh_redis_url)
    path = tmp_path / "in.jsonl"
    path.write_bytes(jsonl(*(document(f"t{i}") for i in range(50)), b"broken"))
    before = ends(bootstrap)
    codes: list[int] = []
    waiting = threading.Thread(
        target=lambda: codes.append(run(Request([str(path)], None, None, "max", False, 60.0))), daemon=True
    )
    waiting.start()
    wait_until(lambda: sum(ends(bootstrap).values()) == sum(before.values()) + 51, 30, "all records sent")
    publisher = Publisher(bootstrap)
    ids = publisher.topic_ids
    publisher.close()
    with redis.Redis.from_url(fresh_redis_url) as store:
        applied = Keys("live").applied
        places = ends(bootstrap)
        kept = next(place for place, end in places.items() if end > before[place])
        for place, end in places.items():
            if place != kept:
                store.hset(applied, part_field(ids[place[0]], place[1]), end - 1)
        waiting.join(0.5)  # ends at once where it does not wait for the last part
        assert waiting.is_alive()
        store.hset(applied, part_field(ids[kept[0]], kept[1]), places[kept] - 1)
    waiting.join(10)
    assert codes == [0]


def test_wait_gives_up_with_how_far_it_came(
    bootstrap: str, tmp_path: Path, fresh_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAROGRAPH_REDIS_URL", fresh_redis_url)
    path = tmp_path / "in.jsonl"
    path.write_bytes(jsonl(document("x")))
    with pytest.raises(SourceError, match=r"not all is visible after 0\.3 s: .*barograph status"):
        run(Request([str(path)], None, None, "max", False, 0.3))


def test_what_waits_for_kafka_is_bounded(bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.sources.publisher.MAX_PENDING", 5)
    publisher = Publisher(bootstrap)
    most = 0
    started = time.monotonic()
    try:
        for i in range(40):
            publisher.send_unreadable(f"{i}".encode(), "test: is bounded")
            most = max(most, publisher.pending)
        publisher.flush()
        assert publisher.confirmed == 40
    finally:
        publisher.close()
    assert most <= 5
    assert time.monotonic() - started < 30
