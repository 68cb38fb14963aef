"""Topics on a real broker."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from stream.broker import topics
from stream.broker.errors import BrokerError
from stream.broker.profile import admin_settings, producer_settings
from stream.supervision import ports
from tests.servers import wait_until

HOUR = timedelta(hours=1)


def test_ensure_topics_makes_each_topic_once(kafka_bootstrap: str) -> None:
    topics.ensure_topics(kafka_bootstrap, 8, 1)
    assert topics.ensure_topics(kafka_bootstrap, 8, 1) == []
    assert set(topics.topic_ids(kafka_bootstrap)) == set(topics.RETENTION)


def test_another_partition_count_is_one_log_line(
    kafka_bootstrap: str, run_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert topics.create_topics(kafka_bootstrap, {run_id: HOUR}, 2, 1) == [run_id]
    with caplog.at_level(logging.WARNING, "stream.broker.topics"):
        assert topics.create_topics(kafka_bootstrap, {run_id: HOUR}, 3, 1) == []
    assert [record.getMessage() for record in caplog.records] == [
        f"topic {run_id} has 2 partitions, not 3: left as it is"
    ]


def test_retention_reaches_the_broker(kafka_bootstrap: str, run_id: str) -> None:
    from kafka.admin import ConfigResource, ConfigResourceType

    topics.create_topics(kafka_bootstrap, {run_id: HOUR}, 1, 1)
    admin = KafkaAdminClient(**admin_settings(kafka_bootstrap))
    try:
        answer = str(admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, run_id)]))
    finally:
        admin.close()
    assert "3600000" in answer


def test_offsets_count_what_the_broker_confirmed(kafka_bootstrap: str, run_id: str) -> None:
    topics.create_topics(kafka_bootstrap, {run_id: HOUR}, 2, 1)
    producer = KafkaProducer(**producer_settings(kafka_bootstrap))
    try:
        for _ in range(3):
            producer.send(run_id, b"x", partition=1).get(10)
    finally:
        producer.close()
    assert topics.end_offsets(kafka_bootstrap, [run_id, "no-such-topic"]) == {(run_id, 0): 0, (run_id, 1): 3}
    assert topics.beginning_offsets(kafka_bootstrap, [run_id]) == {(run_id, 0): 0, (run_id, 1): 0}


def test_a_topic_made_anew_has_another_id(kafka_bootstrap: str, run_id: str) -> None:
    topics.create_topics(kafka_bootstrap, {run_id: HOUR}, 1, 1)
    first = topics.topic_ids(kafka_bootstrap, [run_id])
    admin = KafkaAdminClient(**admin_settings(kafka_bootstrap))
    try:
        admin.delete_topics([run_id])
    finally:
        admin.close()
    wait_until(lambda: topics.topic_ids(kafka_bootstrap, [run_id]) == {}, 20, "the topic is gone")
    topics.create_topics(kafka_bootstrap, {run_id: HOUR}, 1, 1)
    second = topics.topic_ids(kafka_bootstrap, [run_id])
    assert set(second) == {run_id}
    assert first != second


def test_nothing_there_names_the_address_and_what_to_check() -> None:
    nowhere = f"127.0.0.1:{ports.choose([], set())}"
    with pytest.raises(BrokerError, match=f"Kafka at {nowhere}: .*credentials") as caught:
        topics.topic_ids(nowhere)
    assert not caught.value.permanent


def test_more_copies_than_brokers_is_refused_for_good(kafka_bootstrap: str, run_id: str) -> None:
    with pytest.raises(BrokerError, match=r"(?i)replication") as caught:
        topics.create_topics(kafka_bootstrap, {run_id: HOUR}, 1, 3)
    assert caught.value.permanent


@pytest.mark.parametrize(("kind", "topic"), [("news", "documents.news"), ("comment", "documents.comments")])
def test_each_kind_has_its_topic(kind: str, topic: str) -> None:
    assert topics.documents_topic(kind) == topic  # type: ignore[arg-type]
