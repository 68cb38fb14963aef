"""How commands find the system that `barograph up` runs: up.json in the home."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from stream.settings import ConfigurationError, Settings
from stream.supervision.lock import is_alive, is_held

__all__ = ["Running", "connect_settings", "is_alive", "load_running", "remove_running", "write_running"]

RUNNING_NAME = "up.json"


@dataclass(frozen=True)
class Running:
    """What `up` says of itself.

    Attributes:
        ready: whether every role is ready now.
        urls: of `dashboard` and `ingest`.
        token: bearer token of the ingest URL.
        kafka: `host:port[,host:port…]`.
        redis: `redis://…`.
        pids: `supervisor` and each role by name; a role that is down keeps its last one.
    """

    ready: bool
    urls: Mapping[str, str]
    token: str = field(repr=False)
    kafka: str
    redis: str = field(repr=False)
    pids: Mapping[str, int]


def write_running(home: Path, running: Running) -> None:
    """Replace up.json: readers see the old one or the new one, and only its owner may read it."""
    path = home / RUNNING_NAME
    scratch = home / f".{RUNNING_NAME}.{os.getpid()}"
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(running), file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def remove_running(home: Path) -> None:
    """Remove up.json, where there is one."""
    (home / RUNNING_NAME).unlink(missing_ok=True)


def load_running(home: Path) -> Running | None:
    """Return what runs in this home, None where nothing does: a file that a killed `up` left does not count.

    Raises:
        ConfigurationError: up.json cannot be read (another user's), or is not up.json.
    """
    path = home / RUNNING_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"{path}: cannot be read: {exc}") from None
    running = _parsed(path, text)
    # The lock as well as the process: a pid may be another process' by now.
    return running if is_alive(running.pids["supervisor"]) and is_held(home) else None


def _parsed(path: Path, text: str) -> Running:
    try:
        found: dict[str, Any] = json.loads(text)
        pids = {str(name): int(pid) for name, pid in found["pids"].items()}
        if "supervisor" not in pids:
            raise ValueError("no supervisor")
        return Running(
            ready=bool(found["ready"]),
            urls={str(name): str(url) for name, url in found["urls"].items()},
            token=str(found["token"]),
            kafka=str(found["kafka"]),
            redis=str(found["redis"]),
            pids=pids,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError(f"{path}: not written by `barograph up`; remove it") from None


def connect_settings(settings: Settings) -> Settings:
    """Return the settings with Kafka, the store and the ingest token of the running system where they name none.

    Raises:
        ConfigurationError: they name none, and nothing runs in their home.
    """
    if settings.kafka_bootstrap and settings.redis_url and settings.ingest_token:
        return settings
    running = load_running(settings.home)
    if running is None:
        if settings.kafka_bootstrap and settings.redis_url:
            return settings
        raise ConfigurationError(
            f"nothing is running in {settings.home}; start it with `barograph up` "
            "or set BAROGRAPH_KAFKA_BOOTSTRAP and BAROGRAPH_REDIS_URL"
        )
    return settings.model_copy(
        update={
            "kafka_bootstrap": settings.kafka_bootstrap or running.kafka,
            "redis_url": settings.redis_url or running.redis,
            "ingest_token": settings.ingest_token or SecretStr(running.token),
        }
    )
