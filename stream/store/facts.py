"""What the store says of itself: version, persistence, memory, its clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import redis

from stream.store.client import connect, store_errors


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """A Redis or Valkey.

    Attributes:
        server: name and version.
        compatible: the version of Redis that it is compatible with, (major, minor).
        replica: whether it copies another one, and refuses writes.
        appends: whether every write goes to an append-only file.
        snapshots: whether it saves its memory now and then; None where it does not tell.
        failing_writes: whether its last write to disk failed.
        policy: what it drops when it is full; None where it does not tell.
        maxmemory_bytes: 0 for no limit.
        intset_entries: `set-max-intset-entries`; None where it does not tell.
        skew_s: its clock less ours.
    """

    server: str
    compatible: tuple[int, int]
    replica: bool
    appends: bool
    snapshots: bool | None
    failing_writes: bool
    policy: str | None
    used_bytes: int
    maxmemory_bytes: int
    intset_entries: int | None
    skew_s: float


def store_facts(url: str, clock: Callable[[], float] = time.time) -> StoreFacts:
    """Ask. StoreError where the store does not answer, or refuses."""
    client = connect(url)
    try:
        with store_errors(url):
            info: Any = client.info()
            began_s = clock()
            seconds, microseconds = client.time()
            ended_s = clock()
        save, intset = _setting(client, "save"), _setting(client, "set-max-intset-entries")
    finally:
        client.close()
    return StoreFacts(
        server=_server(info),
        compatible=_version(str(info.get("redis_version", "0.0"))),
        replica=info.get("role") in ("slave", "replica"),
        appends=bool(info.get("aof_enabled")),
        snapshots=None if save is None else bool(save),
        failing_writes="err" in (info.get("aof_last_write_status"), info.get("rdb_last_bgsave_status")),
        policy=info.get("maxmemory_policy"),
        used_bytes=int(info.get("used_memory", 0)),
        maxmemory_bytes=int(info.get("maxmemory", 0)),
        intset_entries=None if intset is None else int(intset),
        skew_s=seconds + microseconds / 1e6 - (began_s + ended_s) / 2,
    )


def _server(info: Mapping[str, Any]) -> str:
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"{str(info.get('server_name', 'Redis')).capitalize()} {info.get('redis_version', 'of unknown version')}"


def _version(text: str) -> tuple[int, int]:
    major, _, rest = text.partition(".")
    minor = rest.partition(".")[0]
    return (int(major) if major.isdigit() else 0, int(minor) if minor.isdigit() else 0)


def _setting(client: redis.Redis, name: str) -> str | None:
    try:
        found: Any = client.config_get(name)
    except redis.exceptions.RedisError:  # a managed store need not show its settings
        return None
    value = found.get(name)
    return None if value is None else str(value)
