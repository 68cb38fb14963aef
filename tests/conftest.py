"""Fixtures for every test; the servers start when the first test asks for them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import redis

from tests.servers import running_kafka, running_valkey


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of this run's own Kafka: no topics, none made by itself, sessions from 1 s on."""
    with running_kafka(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka.bootstrap


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`redis://…` of this run's own Valkey, append-only file on."""
    with running_valkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey.url


@pytest.fixture
def fresh_redis_url(redis_url: str) -> str:
    """`redis://…` of the same Valkey's second database, empty."""
    url = redis_url.removesuffix("/0") + "/1"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def run_id() -> str:
    """A name part that no other test has, for topics, groups and namespaces."""
    return f"t{uuid.uuid4().hex[:12]}"
