"""Ports of this machine: which are free, which accept."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable

# Below the range from which systems draw the local end of connections: a client that knocks at a dead
# server's port in that range now and then connects to itself, and holds the port.
DRAWN_FROM = range(20_000, 30_000)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could listen there now.

    Raises:
        OSError: the host is no address of this machine.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do it: connections that linger after a stop do not count as in use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except (PermissionError, OSError):
            return False
    return True


def choose(preferred: Iterable[int | None], taken: set[int], host: str = "127.0.0.1") -> int:
    """Return the first preferred port that is free, else some free one, and add it to `taken`.

    Raises:
        OSError: none of many is free, or the host is no address of this machine.
    """
    candidates = [port for port in preferred if port] + random.sample(DRAWN_FROM, 200)
    for port in candidates:
        if port not in taken and is_free(port, host):
            taken.add(port)
            return port
    raise OSError(f"no free port on {host}")


def accepts(port: int, host: str = "127.0.0.1", timeout_s: float = 0.5) -> bool:
    """Return whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False
