"""The topics: names, retention, creation, identity and offsets."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Literal

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import NewTopic, OffsetSpec
from kafka.errors import KafkaError, TopicAlreadyExistsError

from stream.broker.errors import BrokerError
from stream.broker.profile import admin_settings
from stream.broker.reach import explain, require_reachable

DOCUMENTS_NEWS = "documents.news"
DOCUMENTS_COMMENTS = "documents.comments"
PREDICTIONS = "predictions"
DEAD_LETTERS = "dead-letters"
INCIDENT_EVENTS = "incident-events"

DOCUMENT_TOPICS = (DOCUMENTS_NEWS, DOCUMENTS_COMMENTS)
RETENTION: Mapping[str, timedelta] = {
    DOCUMENTS_NEWS: timedelta(days=30),
    DOCUMENTS_COMMENTS: timedelta(days=30),
    PREDICTIONS: timedelta(days=30),
    DEAD_LETTERS: timedelta(days=365),
    INCIDENT_EVENTS: timedelta(days=365),
}

Offsets = dict[tuple[str, int], int]

logger = logging.getLogger(__name__)


def documents_topic(kind: Literal["news", "comment"]) -> str:
    """Return the topic that documents of a kind go to."""
    return {"news": DOCUMENTS_NEWS, "comment": DOCUMENTS_COMMENTS}[kind]


def ensure_topics(bootstrap: str, partitions: int, replication: int) -> list[str]:
    """Create this product's topics that are missing; return their names.

    A topic that exists with another partition count stays as it is: one log line says so.

    Raises:
        BrokerError: Kafka cannot be reached, or refuses (too few brokers for the replication).
    """
    return create_topics(bootstrap, RETENTION, partitions, replication)


def create_topics(bootstrap: str, retention: Mapping[str, timedelta], partitions: int, replication: int) -> list[str]:
    """Create the named topics that are missing and wait until they have leaders; return the names created.

    Args:
        bootstrap: `host:port[,host:port…]`.
        retention: how long records are kept, by topic name.
        partitions: of each topic that is created.
        replication: copies of each partition.

    Raises:
        BrokerError: Kafka cannot be reached, or refuses.
    """
    with admin_client(bootstrap) as admin:
        existing = {topic["name"]: len(topic["partitions"]) for topic in described(admin, retention)}
        for name, count in existing.items():
            if count != partitions:
                logger.warning("topic %s has %d partitions, not %d: left as it is", name, count, partitions)
        missing = [name for name in retention if name not in existing]
        if missing:
            _create(admin, [_new_topic(name, retention[name], partitions, replication) for name in missing])
            admin.wait_for_topics(missing)
        return missing


def topic_ids(bootstrap: str, topics: Iterable[str] = tuple(RETENTION)) -> dict[str, str]:
    """Return the broker's UUID of each topic that exists; a topic made anew has another one.

    Raises:
        BrokerError: Kafka cannot be reached.
    """
    with admin_client(bootstrap) as admin:
        return {topic["name"]: str(topic["topic_id"]) for topic in described(admin, topics)}


def end_offsets(bootstrap: str, topics: Iterable[str]) -> Offsets:
    """Return the offset that the next record will get, by topic and partition; missing topics are left out.

    Raises:
        BrokerError: Kafka cannot be reached.
    """
    return _offsets(bootstrap, topics, OffsetSpec.LATEST)


def beginning_offsets(bootstrap: str, topics: Iterable[str]) -> Offsets:
    """Return the offset of the oldest record still kept, by topic and partition; missing topics are left out.

    Raises:
        BrokerError: Kafka cannot be reached.
    """
    return _offsets(bootstrap, topics, OffsetSpec.EARLIEST)


def _offsets(bootstrap: str, topics: Iterable[str], spec: OffsetSpec) -> Offsets:
    with admin_client(bootstrap) as admin:
        wanted = {
            TopicPartition(topic["name"], partition["partition_index"]): spec
            for topic in described(admin, topics)
            for partition in topic["partitions"]
        }
        found = admin.list_partition_offsets(wanted) if wanted else {}
        return {(place.topic, place.partition): int(result.offset) for place, result in found.items()}


def described(admin: KafkaAdminClient, topics: Iterable[str]) -> list[dict[str, Any]]:
    """Return what Kafka says of each of these topics that exists."""
    names = list(topics)
    return [topic for topic in admin.describe_topics(names) if topic["error_code"] == 0] if names else []


def _new_topic(name: str, retention: timedelta, partitions: int, replication: int) -> NewTopic:
    retention_ms = int(retention / timedelta(milliseconds=1))
    return NewTopic(name, partitions, replication, topic_configs={"retention.ms": str(retention_ms)})


def _create(admin: KafkaAdminClient, topics: list[NewTopic]) -> None:
    for topic in topics:
        try:
            admin.create_topics([topic])
        except TopicAlreadyExistsError:
            logger.debug("topic %s was made by somebody else just now", topic.name)


@contextmanager
def admin_client(bootstrap: str) -> Iterator[KafkaAdminClient]:
    """Lend an admin client; whatever Kafka objects to becomes one BrokerError."""
    require_reachable(bootstrap)
    client: KafkaAdminClient | None = None
    try:
        client = KafkaAdminClient(**admin_settings(bootstrap))
        yield client
    except (KafkaError, OSError) as exc:
        refused = client is not None and isinstance(exc, KafkaError) and not exc.retriable
        raise BrokerError(explain(bootstrap, _said(exc)), permanent=refused) from exc
    finally:
        if client is not None:
            client.close()


def _said(exc: Exception) -> str:
    # Kafka's own words are inside a rendering of request and response.
    quoted = re.search(r"error_message=(['\"])(.*?)\1", str(exc))
    words = quoted.group(2) if quoted else next(iter(str(exc).splitlines()), "")
    return f"{type(exc).__name__}: {words[:200]}"
