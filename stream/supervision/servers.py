"""Kafka and the store of a home for the length of one piece of work, where `barograph up` does not run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from stream.broker import embedded as kafka_parts
from stream.broker.errors import BrokerError
from stream.broker.fetch import ensure_jars
from stream.broker.topics import ensure_topics
from stream.settings import Settings
from stream.store import embedded as valkey_parts
from stream.supervision.lock import lock_home
from stream.supervision.places import Places, choose_places
from stream.supervision.roles import Role
from stream.supervision.table import kafka_role, valkey_role
from stream.supervisor import Supervisor

_TOPICS_WITHIN_S = 10.0
_AGAIN_S = 0.3


def with_servers(settings: Settings, work: Callable[[Settings], None], say: Callable[[str], None]) -> None:
    """Start the servers of this home that no setting names, run the work with their addresses, stop them.

    Raises:
        HomeError: `barograph up` runs there.
        BrokerError, StoreError, RoleFailedError: they could not be started; whatever the work raises.
    """
    home = settings.home.absolute()
    lock = lock_home(home)
    try:
        places = choose_places(settings.model_copy(update={"home": home}), "")
        asyncio.run(_run(settings, places, work, say, lock))
    finally:
        os.close(lock)


async def _run(
    settings: Settings, places: Places, work: Callable[[Settings], None], say: Callable[[str], None], lock: int
) -> None:
    supervisor = Supervisor(lambda name, line: None, lambda: None, keep_open=[lock])
    roles = _roles(settings, places)
    try:
        say(f"starting {' and '.join(role.name for role in roles)} in {places.data}")
        await supervisor.start(roles)
        await _make_topics(settings, places)
        with_addresses = settings.model_copy(update={"kafka_bootstrap": places.kafka, "redis_url": places.redis})
        await asyncio.to_thread(work, with_addresses)
    finally:
        await supervisor.stop()


def _roles(settings: Settings, places: Places) -> list[Role]:
    roles = []
    if settings.kafka_bootstrap is None:
        folder: Path = places.data / "kafka"
        kafka = kafka_parts.EmbeddedKafka(folder, ensure_jars(), places.kafka_port, places.controller_port)
        kafka_parts.prepare(kafka)
        roles.append(kafka_role(kafka, os.environ))
    if settings.redis_url is None:
        valkey = valkey_parts.EmbeddedValkey(places.data / "valkey", places.redis_port)
        valkey.folder.mkdir(parents=True, exist_ok=True)
        roles.append(valkey_role(valkey, os.environ))
    return roles


async def _make_topics(settings: Settings, places: Places) -> None:
    """Make what is missing: a home that never ran has no topics; a broker that is only just there may refuse."""
    deadline_s = asyncio.get_running_loop().time() + _TOPICS_WITHIN_S
    while True:
        try:
            await asyncio.to_thread(ensure_topics, places.kafka, settings.partitions, settings.replication)
            return
        except BrokerError as exc:
            if exc.permanent or asyncio.get_running_loop().time() > deadline_s:
                raise
        await asyncio.sleep(_AGAIN_S)
