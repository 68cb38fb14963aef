"""What a role is: a command, how one knows that it is ready, what must be ready before it."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Answers:
    """Ready when a server on this port answers.

    Attributes:
        port: on the loopback unless `host` says otherwise.
        send: bytes to send once connected.
        expect: bytes that the first kilobyte of the answer holds; empty: a connection is enough.
    """

    port: int
    send: bytes = b""
    expect: bytes = b""
    host: str = "127.0.0.1"


@dataclass(frozen=True)
class Says:
    """Ready when a line of its output holds these words."""

    words: str


Probe = Answers | Says


def http_ok(port: int, path: str, host: str = "127.0.0.1") -> Answers:
    """Return a probe that asks for status 200."""
    request = f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    return Answers(port, request.encode("ascii"), b" 200 ", host)


def redis_pong(port: int) -> Answers:
    """Return a probe that Redis meets only once it has loaded its data."""
    return Answers(port, b"PING\r\n", b"+PONG")


@dataclass(frozen=True)
class Role:
    """One supervised process.

    Attributes:
        name: as it stands in logs and in up.json.
        command: no secrets in it.
        ready: how one knows.
        environment: the whole environment of the process.
        folder: where it runs; None: where the supervisor does.
        after: names of roles that are ready before it starts, and end after it.
        death: what the kernel sends it when the supervisor is killed.
        grace_s: from SIGTERM to SIGKILL.
        ready_within_s: how long one start may take.
        essential: the start as a whole fails when this one fails again and again before it was ever ready.
    """

    name: str
    command: Sequence[str]
    ready: Probe
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: Path | None = None
    after: Sequence[str] = ()
    death: signal.Signals = signal.SIGKILL
    grace_s: float = 7.0
    ready_within_s: float = 180.0
    essential: bool = False


def levels(roles: Iterable[Role]) -> list[list[Role]]:
    """Return the roles in groups: each after all that it names; start forwards, stop backwards.

    A name that is not among the roles counts as met.

    Raises:
        ValueError: roles wait for each other, or two have one name.
    """
    waiting = list(roles)
    names = {role.name for role in waiting}
    if len(names) != len(waiting):
        raise ValueError(f"two roles of one name among {sorted(role.name for role in waiting)}")
    groups: list[list[Role]] = []
    while waiting:
        group = [role for role in waiting if not names & set(role.after)]
        if not group:
            raise ValueError(f"roles wait for each other: {sorted(names)}")
        groups.append(group)
        waiting = [role for role in waiting if role not in group]
        names -= {role.name for role in group}
    return groups
