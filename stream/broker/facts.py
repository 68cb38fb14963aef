"""What Kafka says of itself and of this product's topics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from stream.broker.topics import admin_client, described


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """One topic: its partitions, the copies of the one that has fewest, and how many lack a copy just now."""

    partitions: int
    copies: int
    short: int


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """A Kafka.

    Attributes:
        version: as far as its protocol shows it, (major, minor).
        creates_topics: whether it makes a topic that somebody asks for; None where it does not tell.
        topics: those asked for that exist, by name.
    """

    version: tuple[int, int]
    brokers: int
    creates_topics: bool | None
    topics: dict[str, TopicFacts]


def kafka_facts(bootstrap: str, topics: Iterable[str]) -> KafkaFacts:
    """Ask. BrokerError where Kafka does not answer, or refuses."""
    with admin_client(bootstrap) as admin:
        brokers = [broker["broker_id"] for broker in admin.describe_cluster()["brokers"]]
        version: tuple[int, ...] = admin.get_broker_version_data(brokers[0]).broker_version
        return KafkaFacts(
            version=(version[0], version[1] if len(version) > 1 else 0),
            brokers=len(brokers),
            creates_topics=_creates_topics(admin, brokers[0]),
            topics={topic["name"]: _topic(topic["partitions"]) for topic in described(admin, topics)},
        )


def _creates_topics(admin: KafkaAdminClient, broker: int) -> bool | None:
    name = "auto.create.topics.enable"
    try:
        answer = admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, str(broker))], config_filter="all")
    except KafkaError:  # a managed Kafka need not show its settings
        return None
    found = answer.get("broker", {}).get(str(broker), {}).get(name)
    return None if found is None else found["value"] == "true"


def _topic(partitions: list[dict[str, Any]]) -> TopicFacts:
    return TopicFacts(
        partitions=len(partitions),
        copies=min((len(part["replica_nodes"]) for part in partitions), default=0),
        short=sum(len(part["isr_nodes"]) < len(part["replica_nodes"]) for part in partitions),
    )
