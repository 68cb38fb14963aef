"""`barograph doctor` beside real servers: sound ones, a misconfigured store, a Kafka without topics."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

from stream.broker.topics import RETENTION, ensure_topics
from stream.store.embedded import EmbeddedValkey, server_command
from stream.supervision import ports
from tests.servers import running, running_kafka

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "import typer; from stream.cli.doctor import doctor; typer.run(doctor)"]


def examined(home: Path, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
    settings = {f"BAROGRAPH_{name}": value for name, value in given.items()}
    return subprocess.run(
        [*COMMAND, *words],
        env=kept | {"PYTHONPATH": str(ROOT), "BAROGRAPH_HOME": str(home / "home")} | settings,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def found_by(home: Path, **given: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code and what there is to mend, by what it is about."""
    done = examined(home, "--json", **given)
    assert done.stdout, done.stderr
    answer = json.loads(done.stdout)
    assert answer["ok"] == (done.returncode == 0)
    to_mend = {one["about"]: one for one in answer["findings"] if one["level"] != "ok"}
    assert all(one["mend"] for one in to_mend.values())
    return done.returncode, to_mend


def test_sound_servers_leave_only_what_was_not_started(tmp_path: Path, kafka_bootstrap: str, redis_url: str) -> None:
    ensure_topics(kafka_bootstrap, 8, 1)
    code, to_mend = found_by(
        tmp_path,
        KAFKA_BOOTSTRAP=kafka_bootstrap,
        REDIS_URL=redis_url,
        INGEST_TOKEN="a-token-of-the-tests-that-is-long",
        NAMESPACE="nobody",
        DASHBOARD_PORT=str(ports.choose([], set())),
        INGEST_PORT=str(ports.choose([], set())),
    )
    assert code == 0
    # Other tests may have made topics of another width before.
    assert set(to_mend) - {"topics", "disk", "memory", "packages"} == {"detector"}


@pytest.mark.timeout(180)
def test_a_store_that_drops_keys_and_a_kafka_without_topics_stop_the_system(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path / "valkey", ports.choose([], set()))
    valkey.folder.mkdir()
    with (
        running_kafka(tmp_path / "kafka") as kafka,
        running(server_command(valkey), valkey.port, valkey.folder / "log"),
    ):
        with redis.Redis.from_url(valkey.url) as client:
            client.config_set("maxmemory", "64mb")
            client.config_set("maxmemory-policy", "allkeys-lru")
            client.config_set("appendonly", "no")
            client.config_set("set-max-intset-entries", "512")
        code, to_mend = found_by(tmp_path, KAFKA_BOOTSTRAP=kafka.bootstrap, REDIS_URL=valkey.url)
        assert code == 1
        assert to_mend["topics"]["level"] == to_mend["store memory"]["level"] == "problem"
        assert to_mend["topics"]["said"] == f"missing: {', '.join(RETENTION)}"
        assert to_mend["topics"]["mend"] == "`barograph topics` makes them"
        assert "allkeys-lru" in to_mend["store memory"]["said"]
        assert "noeviction" in to_mend["store memory"]["mend"]
        assert to_mend["store persistence"]["level"] == to_mend["store sets"]["level"] == "warning"

        # What it says to do is what mends it.
        ensure_topics(kafka.bootstrap, 8, 1)
        with redis.Redis.from_url(valkey.url) as client:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("appendonly", "yes")
            client.config_set("set-max-intset-entries", "65536")
        code, to_mend = found_by(tmp_path, KAFKA_BOOTSTRAP=kafka.bootstrap, REDIS_URL=valkey.url)
        assert code == 0
        assert not {"topics", "store memory", "store persistence", "store sets"} & set(to_mend)


def test_servers_that_do_not_answer_are_problems_in_words(tmp_path: Path) -> None:
    done = examined(tmp_path, KAFKA_BOOTSTRAP="127.0.0.1:1", REDIS_URL="redis://:hunter2@127.0.0.1:1/0")
    assert done.returncode == 1
    assert "✗ kafka: Kafka at 127.0.0.1:1: Connection refused" in done.stdout
    assert "✗ store: store redis://127.0.0.1:1/0 does not answer" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_cannot_be_used_are_all_named_and_end_it(tmp_path: Path) -> None:
    done = examined(tmp_path, PARTITIONS="0", DEVIZE="cpu", INGEST_TOKEN="hunter2")
    assert done.returncode == 1
    assert done.stdout.count("✗ settings: ") == 3
    assert "→ perhaps BAROGRAPH_DEVICE is meant" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
    assert "store" not in done.stdout
